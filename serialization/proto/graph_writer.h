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
#include "ferry/core/huge_pages.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace proto {

// Returns the record of `root` and all that it refers to, and adds each storage
// to `storages`. The same graph gives the same bytes.
//
// Errors, whose messages name the place in the graph ("at /model/3"):
//   kInvalidArgument - text that is not UTF-8; a global that is no name
//                      (`DescribeBadGlobal`); a tensor that was never made or
//                      breaks a rule of tensor_rules.h; a device that no file
//                      can name; an object whose arguments are no tuple, or
//                      whose keyword arguments are no dict; a tuple, a
//                      frozenset or arguments that contain themselves.
//   kUnimplemented   - a tensor whose layout is not known by its parts; a call
//                      that was dropped in favour of two objects; a dtype with
//                      the source text of a class; a graph of 2^31 nodes, or
//                      that takes 2 GiB beside its texts.
//   whatever `storages` returns.
absl::StatusOr<LargeString> WriteGraph(const ObjectGraph& graph, NodeId root,
                                       StorageTable* storages);

}  // namespace proto
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_GRAPH_WRITER_H_
