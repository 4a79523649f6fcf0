// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/graph_reader.h
// -----------------------------------------------------------------------------
//
// Reads an object graph from the blocks of checkpoint_graph.proto.
#ifndef FERRY_SERIALIZATION_PROTO_GRAPH_READER_H_
#define FERRY_SERIALIZATION_PROTO_GRAPH_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// Reads the record at the start of `bytes` into `graph`, which must be empty.
// Never recurses. Takes time and memory in proportion to `bytes`.
//
// Errors:
//   kDataLoss          - damaged; the message has the block or the row.
//   kUnimplemented     - the record was written by a later release, which the
//                        message names. (An unknown value in a record of this
//                        release is kDataLoss.)
//   kResourceExhausted - `budget` is spent, or the graph has more than 2 GiB
//                        in addition to the texts.
//   whatever the table returns.
absl::StatusOr<Codec::GraphRead> ReadGraph(absl::string_view bytes,
                                           Budget* budget,
                                           StorageTable* storages,
                                           ObjectGraph* graph);

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_GRAPH_READER_H_
