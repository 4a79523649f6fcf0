// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/proto_codec.h
// -----------------------------------------------------------------------------
//
// A codec without pickle: the object graph as Protobuf messages, for those who
// ban pickles. It keeps what a graph holds. checkpoint_graph.proto has the
// format, docs/graph_record.md the reasons and how fast it is.
//
// Example: the bytes of the record "data.proto".
//
//   StorageTable storages;
//   FERRY_ASSIGN_OR_RETURN(
//       const LargeString record,
//       proto::ProtoCodec().Write(*value.graph(), value.node(), &storages));
#ifndef FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_
#define FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/huge_pages.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace proto {

// ProtoCodec
//
// Thread-safety: const methods may be called from any number of threads.
class ProtoCodec final : public Codec {
 public:
  absl::string_view name() const override { return "proto"; }
  absl::string_view suffix() const override { return "proto"; }
  // `ReadGraph` lists the errors. The version is the `format_version` of the
  // record.
  absl::StatusOr<GraphRead> Read(absl::string_view bytes,
                                 const LoadLimits& limits,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  // `WriteGraph` lists the errors.
  absl::StatusOr<LargeString> Write(const ObjectGraph& graph, NodeId root,
                                    StorageTable* storages) const override;
};

}  // namespace proto
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_PROTO_CODEC_H_
