// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/pickle_codec.h
// -----------------------------------------------------------------------------
//
// The default codec of `torch.save`: Python's pickle, with PyTorch's persistent
// ids for storages.
#ifndef FERRY_SERIALIZATION_TORCH_PICKLE_CODEC_H_
#define FERRY_SERIALIZATION_TORCH_PICKLE_CODEC_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// PickleCodec
//
// Thread-safety: const methods may be called from any number of threads.
class PickleCodec final : public Codec {
 public:
  // `ids` is kArchive or, for reading only, kProgram. `protocol`, 0 to 5, is
  // the pickle protocol to write; all protocols can be read. The memory of
  // pickles that are written is charged to `write_budget`, which must outlive
  // the codec.
  explicit PickleCodec(PersistentIds ids = PersistentIds::kArchive,
                       int protocol = 2,
                       Budget* write_budget = Budget::Unlimited())
      : ids_(ids), protocol_(protocol), write_budget_(write_budget) {}

  absl::string_view name() const override { return kPickleCodecName; }
  absl::string_view suffix() const override { return "pkl"; }
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget* budget,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  absl::StatusOr<LargeString> Write(const ObjectGraph& graph, NodeId root,
                                    StorageTable* storages) const override;

 private:
  const PersistentIds ids_;
  const int protocol_;
  Budget* const write_budget_;
};

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PICKLE_CODEC_H_
