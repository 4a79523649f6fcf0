// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/torch_pickler.h
// -----------------------------------------------------------------------------
//
// Writes tensors and storages into a pickle as PyTorch does (torch/_tensor.py,
// `__reduce_ex__`; torch/serialization.py, `persistent_id`), and collects the
// storages that the pickle refers to.
#ifndef FERRY_SERIALIZATION_TORCH_TORCH_PICKLER_H_
#define FERRY_SERIALIZATION_TORCH_TORCH_PICKLER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/object_graph.h"
#include "ferry/serialization/pickle/pickler.h"

namespace ferry {
namespace torch_format {

// TorchPickler
//
// The hooks for one pickle. Thread-safety: none.
class TorchPickler final : public pickle::PickleHooks {
 public:
  // Gives the location tag of a storage; asked once for each.
  using LocationTag =
      std::function<absl::StatusOr<std::string>(const Storage&)>;

  explicit TorchPickler(LocationTag location_tag)
      : location_tag_(std::move(location_tag)) {}

  // Errors: kInvalidArgument - one storage is referred to as two dtypes, which
  //         PyTorch cannot read; whatever the location tag returns.
  absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                         pickle::Pickler* pickler) override;

  // The storages in the order of first reference: the storage at index i has
  // the key "i".
  const std::vector<Storage>& storages() const { return storages_; }

 private:
  // What stays the same each time that a storage is written.
  struct Written {
    std::string key;
    std::string location;
    DType dtype;
    bool untyped;
    pickle::Pickler::MemoSlot key_memo = pickle::Pickler::kNotMemoised;
  };

  absl::Status WriteStorage(const StorageRecord& record,
                            const ObjectGraph& graph, pickle::Pickler* pickler);
  absl::Status WriteTensor(const Tensor& tensor, bool requires_grad,
                           const ObjectGraph& graph, pickle::Pickler* pickler);
  absl::Status WriteParameter(const Tensor& tensor, const ObjectGraph& graph,
                              pickle::Pickler* pickler);

  LocationTag location_tag_;
  std::vector<Storage> storages_;
  std::vector<Written> written_;
  absl::flat_hash_map<const void*, uint32_t> index_by_storage_;
};

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TORCH_PICKLER_H_
