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

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/torch/persistent_ids.h"

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

  // `ids` is `kArchive` or `kStream`.
  explicit TorchPickler(LocationTag location_tag,
                        PersistentIds ids = PersistentIds::kArchive)
      : ids_(ids), location_tag_(std::move(location_tag)) {}

  // Errors: kInvalidArgument - one storage is referred to as two dtypes, which
  //         PyTorch cannot read; whatever the location tag returns.
  absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                         pickle::Pickler* pickler) override;
  // Errors: kUnimplemented - a function that PyTorch calls before it has read
  //         what the function needs, as it does in streams.
  absl::StatusOr<bool> WriteGlobal(NodeId global, const ObjectGraph& graph,
                                   pickle::Pickler* pickler) override;

  // The storages in the order of first reference.
  const std::vector<Storage>& storages() const { return storages_; }
  // The key of the storage at an index, and the dtype that counts its elements.
  //
  // In an archive the key is the index. In a stream, where PyTorch writes
  // addresses, it is the key that the storage had in the file, where no other
  // has it, else the first number that is free.
  const std::string& key(size_t i) const { return written_[i].key; }
  DType dtype(size_t i) const { return written_[i].dtype; }

 private:
  // What stays the same each time that a storage is written.
  struct Written {
    std::string key;
    std::string location;
    DType dtype;
    bool untyped;
    pickle::Pickler::MemoSlot key_memo = pickle::Pickler::kNotMemoised;
  };

  std::string NewKey(const StorageRecord& record, const ObjectGraph& graph);
  absl::Status WriteStorage(const StorageRecord& record,
                            const ObjectGraph& graph, pickle::Pickler* pickler);
  absl::Status WriteTensor(const Tensor& tensor, bool requires_grad,
                           const ObjectGraph& graph, pickle::Pickler* pickler);
  absl::Status WriteSparse(const Tensor& tensor, const ObjectGraph& graph,
                           pickle::Pickler* pickler);
  absl::Status WriteParameter(const Tensor& tensor, const ObjectGraph& graph,
                              pickle::Pickler* pickler);

  const PersistentIds ids_;
  LocationTag location_tag_;
  std::vector<Storage> storages_;
  std::vector<Written> written_;
  absl::flat_hash_map<const void*, uint32_t> index_by_storage_;
  // Of a stream: the keys so far, and the number that is tried next.
  absl::flat_hash_set<std::string> keys_;
  uint64_t next_key_ = 0;
  absl::flat_hash_set<NodeId> classes_;  // written with their sources
};

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TORCH_PICKLER_H_
