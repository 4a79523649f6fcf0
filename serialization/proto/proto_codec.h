// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/proto_codec.h
// -----------------------------------------------------------------------------
//
// A codec without pickle, for programs that ban pickles: it writes the object
// graph as Protobuf messages and preserves all of it. checkpoint_graph.proto
// defines the format; docs/graph_record.md explains its design and has
// measurements.
//
// Example: make the bytes of the record "data.proto".
//
//   StorageTable storages;
//   FERRY_ASSIGN_OR_RETURN(
//       const LargeString record,
//       proto::ProtoCodec().Write(*value.graph(), value.node(), &storages));
#ifndef FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_
#define FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// ProtoCodec
//
// Thread-safety: const methods may be called from any number of threads.
class ProtoCodec final : public Codec {
 public:
  absl::string_view name() const override { return "proto"; }
  absl::string_view suffix() const override { return "proto"; }
  // Errors: as `ReadGraph`. `GraphRead::version` is the `format_version` of the
  // record.
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget* budget,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  // Errors: as `WriteGraph`.
  absl::StatusOr<LargeString> Write(const ObjectGraph& graph, NodeId root,
                                    StorageTable* storages) const override;
};

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_
