// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/graph_writer.h
// -----------------------------------------------------------------------------
//
// Writes an object graph as the blocks of checkpoint_graph.proto.
#ifndef FERRY_SERIALIZATION_PROTO_GRAPH_WRITER_H_
#define FERRY_SERIALIZATION_PROTO_GRAPH_WRITER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// Returns the record of `root` and everything that it refers to, and adds each
// storage to `storages`. The same graph always gives the same bytes.
//
// Errors, whose messages have the position in the graph ("at /model/3"):
//   kInvalidArgument - text is not UTF-8; a global has an invalid name
//                      (`DescribeBadGlobal`); a tensor is null or violates a
//                      rule of tensor_rules.h; a file cannot name a device; the
//                      arguments of an object are not a tuple, or its keyword
//                      arguments are not a dict; what makes an object or sets
//                      its state cannot be called; a tuple, a frozenset or
//                      arguments contain themselves.
//   kUnimplemented   - the layout of a tensor does not follow from its
//                      components; a call was dropped in favour of two objects;
//                      a dtype has the source code of a class; the graph has
//                      2^31 nodes or more, or takes 2 GiB or more in addition
//                      to its texts.
//   whatever `storages` returns.
absl::StatusOr<LargeString> WriteGraph(const ObjectGraph& graph, NodeId root,
                                       StorageTable* storages);

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_GRAPH_WRITER_H_
