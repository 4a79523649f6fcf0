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
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// TorchPickler
//
// The hooks for one pickle. Thread-safety: none.
class TorchPickler final : public pickle::PickleHooks {
 public:
  // Adds storages to `storages`. `ids` is `kArchive` or `kStream`.
  explicit TorchPickler(StorageTable* storages,
                        PersistentIds ids = PersistentIds::kArchive)
      : ids_(ids), table_(storages) {}

  // Errors:
  //   kInvalidArgument - one storage is used as two dtypes, which PyTorch
  //                      cannot read; a tensor is null, has no memory, or
  //                      violates a rule of `tensor_rules.h`; a file cannot
  //                      name a device.
  //   kUnimplemented   - PyTorch has no representation of the value.
  //   whatever the `LocationTag` function returns.
  absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                         pickle::Pickler* pickler) override;
  // Errors: kUnimplemented - a function that PyTorch calls before it has read
  //         what the function needs, as it does in streams.
  absl::StatusOr<bool> WriteGlobal(NodeId global, const ObjectGraph& graph,
                                   pickle::Pickler* pickler) override;

  // Rewrites the call of a tensor whose flags were changed after it was read.
  //
  // Errors: as `WriteNode`, and kUnimplemented if the tensor has attributes or
  //         is of a class that `WriteNode` does not write.
  absl::StatusOr<bool> WriteObject(NodeId object, const ObjectGraph& graph,
                                   pickle::Pickler* pickler) override;

  // Checks that a reader accepts the pickle that was written with these hooks.
  // Nearly everything has been checked by then. The only exceptions are calls
  // that a program made (`Value::Call`) of functions that readers evaluate:
  // only a reader can check their arguments. If the pickle has such a call, it
  // is read back.
  //
  // Errors: kInvalidArgument - a reader refuses the pickle; whatever else the
  //         reader returns.
  absl::Status CheckReadsBack(absl::string_view pickle) const;

  // Returns the key of the storage at an index of the table.
  //
  // In an archive the key is the index. In a stream, for which PyTorch uses
  // addresses, it is the key that the storage had in the file that it was read
  // from, or, if it had none or another storage has the same key, the first
  // unused number.
  std::string key(size_t i) const {
    return ids_ == PersistentIds::kArchive ? absl::StrCat(i) : keys_[i];
  }

 private:
  // `key_node` is the str node of the key that the storage had, or kNoNode.
  void AddKey(NodeId key_node, const ObjectGraph& graph);
  // `strs` are the str nodes in the storage's references in the pickle that was
  // read.
  absl::Status WriteStorage(const StorageRecord& record,
                            const pickle::PickleNotes::Storage& strs,
                            const ObjectGraph& graph, pickle::Pickler* pickler);
  // Notes whether readers rebuild what `callable`, or kNoNode, makes.
  void NoteCall(NodeId callable, const ObjectGraph& graph);
  absl::Status WriteTensor(const Tensor& tensor, bool requires_grad,
                           const ObjectGraph& graph, pickle::Pickler* pickler);
  absl::Status WriteSparse(const Tensor& tensor, const ObjectGraph& graph,
                           pickle::Pickler* pickler);
  absl::Status WriteParameter(const Tensor& tensor, const ObjectGraph& graph,
                              pickle::Pickler* pickler);

  const PersistentIds ids_;
  StorageTable* const table_;
  std::vector<pickle::Pickler::MemoSlot> key_memos_;  // of the storages' keys
  // For a stream: the keys so far, and the number to try next.
  std::deque<std::string> keys_;
  HashSet<absl::string_view> used_keys_;
  uint64_t next_key_ = 0;
  HashSet<NodeId> classes_;  // written with their source code
  // Whether the pickle has a call that a program made of a function that
  // readers evaluate; and, by index of the global, whether it is such a
  // function, once that is known.
  bool has_rebuilt_calls_ = false;
  std::vector<std::optional<bool>> is_rebuilt_;
};

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TORCH_PICKLER_H_
