// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/proto_codec.h"

#include "ferry/core/budget.h"
#include "ferry/serialization/proto/graph_reader.h"
#include "ferry/serialization/proto/graph_writer.h"

namespace ferry {
inline namespace v1 {
namespace proto {

absl::StatusOr<Codec::GraphRead> ProtoCodec::Read(absl::string_view bytes,
                                                  Budget* budget,
                                                  StorageTable* storages,
                                                  ObjectGraph* graph) const {
  return ReadGraph(bytes, budget, storages, graph);
}

absl::StatusOr<LargeString> ProtoCodec::Write(const ObjectGraph& graph,
                                              NodeId root,
                                              StorageTable* storages) const {
  return WriteGraph(graph, root, storages);
}

}  // namespace proto
}  // namespace v1
}  // namespace ferry
