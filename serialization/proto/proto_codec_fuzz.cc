// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads any bytes as a graph record. What can be read must be written and must
// come back the same, and what comes back must give the same bytes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::StatusOr<std::string> RecordedLocation(const Storage& storage) {
  return storage.recorded_location();
}

LargeString Write(const ObjectGraph& graph, NodeId root) {
  StorageTable storages(RecordedLocation);
  absl::StatusOr<LargeString> record =
      proto::ProtoCodec().Write(graph, root, &storages);
  if (!record.ok()) __builtin_trap();
  return *std::move(record);
}

void ReadWriteAndReadAgain(absl::string_view bytes) {
  const proto::ProtoCodec codec;
  Budget budget(BudgetOptions(), bytes.size());
  ObjectGraph graph;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      codec.Read(bytes, &budget, &storages, &graph);
  if (!read.ok()) return;
  const LargeString record = Write(graph, read->root);
  ObjectGraph again;
  StorageTable storages_again;
  const absl::StatusOr<Codec::GraphRead> back =
      codec.Read({record.data(), record.size()}, Budget::Unlimited(),
                 &storages_again, &again);
  if (!back.ok() ||
      !GraphDifference(graph, read->root, again, back->root).empty() ||
      Write(again, back->root) != record) {
    __builtin_trap();
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ferry::ReadWriteAndReadAgain({reinterpret_cast<const char*>(data), size});
  return 0;
}
