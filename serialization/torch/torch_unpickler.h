// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/torch_unpickler.h
// -----------------------------------------------------------------------------
//
// Evaluates the calls in a PyTorch pickle as PyTorch would: to tensors,
// parameters, sizes, devices, dtypes and layouts. Unknown calls stay objects.
//
// Supports the calls of torch/_utils.py, torch/_tensor.py and
// torch/serialization.py in every version since 0.1.
#ifndef FERRY_SERIALIZATION_TORCH_TORCH_UNPICKLER_H_
#define FERRY_SERIALIZATION_TORCH_TORCH_UNPICKLER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/object_pool.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/torch/text_id.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// TorchUnpickler
//
// The hooks for one pickle. Must not be used after an error.
//
// Thread-safety: none.
class TorchUnpickler final : public pickle::UnpickleHooks {
 public:
  // Returns the node of a number, for `PersistentIds::kNumbers`.
  using ObjectOfNumber =
      std::function<absl::StatusOr<NodeId>(int64_t, ObjectGraph*)>;

  // Describes storages in `storages`.
  explicit TorchUnpickler(StorageTable* storages,
                          PersistentIds ids = PersistentIds::kArchive)
      : ids_(ids), table_(storages) {}
  explicit TorchUnpickler(ObjectOfNumber object_of_number)
      : ids_(PersistentIds::kNumbers),
        object_of_number_(std::move(object_of_number)) {}

  // Returns the storage that a legacy stream in a bytes node holds. This is how
  // storages appear in pickles that `torch.save` did not write. If the function
  // is not set, or returns kNoNode, such storages stay objects.
  using StorageFromBytes =
      std::function<absl::StatusOr<NodeId>(NodeId bytes, ObjectGraph*)>;
  void set_storage_from_bytes(StorageFromBytes storage_from_bytes) {
    storage_from_bytes_ = std::move(storage_from_bytes);
  }

  // Returns whether a reader evaluates calls of a global, instead of keeping
  // them as data, so that it may refuse their arguments.
  static bool IsRebuilt(const GlobalRecord& global);

  // Checks that each tensor, device and layout of `graph` that has a call is
  // the result of that call. In a graph from a pickle it always is. Other
  // codecs store both the call and the result, so a hostile file could make
  // them differ: Ferry would show the result, and a pickle written from the
  // graph would hold the call. `root` is for the message. O(nodes).
  //
  // Errors: kDataLoss - one of them is not; the message says where.
  static absl::Status CheckCalls(const ObjectGraph& graph, NodeId root);

  absl::StatusOr<NodeId> PersistentLoad(NodeId id, ObjectGraph* graph) override;
  absl::Status OnGlobal(NodeId global, ObjectGraph* graph) override;
  absl::StatusOr<NodeId> OnCall(NodeId global, NodeId args,
                                ObjectGraph* graph) override;
  absl::Status OnObject(NodeId object, ObjectGraph* graph) override;
  absl::Status OnState(NodeId object, ObjectGraph* graph) override;

 private:
  enum class Known : uint8_t {
    kNothing,
    kRebuildTensor,
    kRebuildTensorV2,
    kRebuildTensorV3,
    kRebuildParameter,
    kRebuildMetaTensor,
    kRebuildSparseTensor,
    kRebuildQTensor,
    kRebuildFromType,
    kTensorClass,
    kSize,
    kDevice,
    kGetLayout,
    kLoadFromBytes,
  };

  // What Ferry knows about a global. Looked up once, at its first occurrence.
  struct KnownGlobal {
    Known known = Known::kNothing;
    std::optional<StorageType> storage_type;  // of a storage class
  };

  static Known Recognise(const GlobalRecord& global);
  Known known(NodeId node, const ObjectGraph& graph) const;

  absl::StatusOr<NodeId> AddTextId(absl::Span<const TextIdPart> parts,
                                   ObjectGraph* graph);
  absl::StatusOr<NodeId> LoadStorage(NodeId id, ObjectGraph* graph);
  // `id` is a tuple of four elements.
  absl::StatusOr<NodeId> LoadClass(NodeId id, ObjectGraph* graph);
  absl::StatusOr<NodeId> LoadNumber(NodeId id, ObjectGraph* graph);
  // Returns the index of the part of a storage that `view`, a tuple (key,
  // offset, size), describes.
  absl::StatusOr<uint32_t> DescribeView(const StorageDescription& whole,
                                        uint32_t root, NodeId view,
                                        const ObjectGraph& graph);
  // Returns the pool for tensors. Null if there is no table.
  ObjectPool* pool() const {
    return table_ != nullptr ? table_->pool() : nullptr;
  }

  // Returns the tensor that a rebuild function makes, or null if `function` is
  // not such a function.
  absl::StatusOr<Tensor> Rebuild(Known function, absl::Span<const NodeId> args,
                                 const ObjectGraph& graph);

  static bool IsParameter(Known function, absl::Span<const NodeId> args,
                          const ObjectGraph& graph);
  static bool IsOldTensor(Known function, const ObjectRecord& record,
                          const ObjectGraph& graph);
  // Returns whether the node is the result of the call that made it.
  bool GivesNode(NodeId node, const ObjectGraph& graph);

  const PersistentIds ids_;
  StorageTable* const table_ = nullptr;
  ObjectOfNumber object_of_number_;
  StorageFromBytes storage_from_bytes_;
  std::vector<KnownGlobal> known_;  // by index of the global
  std::vector<NodeId> nodes_;  // of the storages, as the type they were first
  // Whether a tuple from which a torch.Size is made holds only ints. Many sizes
  // may share one tuple.
  HashMap<NodeId, bool> is_of_ints_;
  NodeId storage_word_ = kNoNode;         // the first "storage"
  pickle::PickleNotes* notes_ = nullptr;  // in the graph, once a storage is met
};

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TORCH_UNPICKLER_H_
