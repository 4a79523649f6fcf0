// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/graph/saved_tensor.h
// -----------------------------------------------------------------------------
//
// SavedTensor keeps a tensor until a node needs it in the backward pass. It
// notices if the tensor is written in place in the meantime.
//
// Example: the node of `z = Mul(x, y)` saves y, for the gradient of x.
//
//   FERRY_ASSIGN_OR_RETURN(SavedTensor saved, SavedTensor::Input(y));
//
// In the backward pass, the node calls `saved.Unpack(*this)`.
#ifndef FERRY_AUTOGRAD_GRAPH_SAVED_TENSOR_H_
#define FERRY_AUTOGRAD_GRAPH_SAVED_TENSOR_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// SavedTensor
//
// Keeps a tensor, and shares its elements. Keeps a result of the node's own op
// without its history, since that history is the node, which would then hold
// itself. `Unpack` gives the history back. If the calling thread has
// saved-tensor hooks, keeps what they return instead of the tensor
// (autograd/saved_tensor_hooks.h).
//
// Copies keep the same tensor.
//
// Thread-safety: const methods may be called from any thread.
class SavedTensor {
 public:
  // Saves nothing.
  SavedTensor() = default;

  // Saves a tensor that the op takes.
  //
  // Errors, also of `Result`: kFailedPrecondition - the tensor was made in
  // inference mode, or a hook has written it in place; and those of the hook.
  static absl::StatusOr<SavedTensor> Input(const Tensor& tensor);

  // Saves the result `index` of the op.
  static absl::StatusOr<SavedTensor> Result(const Tensor& tensor,
                                            uint32_t index);

  bool is_empty() const { return tensor_.is_null() && packed_ == nullptr; }

  // Returns the tensor with its history. `node` is the one that has saved it.
  //
  // Errors: kFailedPrecondition - the tensor has been written in place since,
  //         or `Release` has been called; or the pass is recorded, and the
  //         tensor has lost its history by `DetachInPlace`; and those of the
  //         hook.
  absl::StatusOr<Tensor> Unpack(Node& node) const;

  // Returns a tensor that `Input` saved, for an owner that is no node. `owner`
  // is its name, for messages. Errors: those of `Unpack`.
  absl::StatusOr<Tensor> UnpackInput(absl::string_view owner) const;

  // Drops the tensor.
  void Release() {
    tensor_ = Tensor();
    packed_ = nullptr;
  }

 private:
  struct Packed;

  absl::Status Pack(const Tensor& tensor);
  absl::StatusOr<Tensor> Get(absl::string_view owner) const;

  Tensor tensor_;
  std::shared_ptr<const Packed> packed_;
  uint32_t version_ = 0;
  uint32_t index_ = 0;
  bool is_result_ = false;
  bool has_history_ = false;  // whether the tensor was no leaf when saved
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAPH_SAVED_TENSOR_H_
