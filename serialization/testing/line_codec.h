// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/line_codec.h
// -----------------------------------------------------------------------------
//
// A codec that has nothing to do with pickle: a line of text for each node of
// the graph. It knows None, int, str, list, dict and tensors, and trusts what
// it reads, so it is for tests alone.
#ifndef FERRY_SERIALIZATION_TESTING_LINE_CODEC_H_
#define FERRY_SERIALIZATION_TESTING_LINE_CODEC_H_

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

class LineCodec final : public Codec {
 public:
  absl::string_view name() const override { return "lines"; }
  absl::string_view suffix() const override { return "lines"; }
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget* budget,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  absl::StatusOr<LargeString> Write(const ObjectGraph& graph, NodeId root,
                                    StorageTable* storages) const override;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_LINE_CODEC_H_
