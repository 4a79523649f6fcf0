// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/graph/saved_tensor.h"

#include <any>
#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {

// What hooks made of a tensor.
struct SavedTensor::Packed {
  ~Packed() { ReleaseNode(std::move(edge.node)); }

  std::any value;
  std::shared_ptr<const SavedTensorHooks> hooks;
  Edge edge;  // the history of a tensor that the op took
  TensorInfo info;
};

absl::StatusOr<SavedTensor> SavedTensor::Input(const Tensor& tensor) {
  SavedTensor saved;
  FERRY_RETURN_IF_ERROR(saved.Pack(tensor));
  if (saved.packed_ == nullptr) saved.tensor_ = tensor;
  saved.has_history_ = !IsLeaf(tensor);
  return saved;
}

absl::StatusOr<SavedTensor> SavedTensor::Result(const Tensor& tensor,
                                                uint32_t index) {
  SavedTensor saved;
  saved.index_ = index;
  saved.is_result_ = true;
  saved.has_history_ = tensor.requires_grad();
  FERRY_RETURN_IF_ERROR(saved.Pack(tensor));
  if (saved.packed_ == nullptr) saved.tensor_ = tensor.Detach();
  return saved;
}

// Sets `version_`, and `packed_` if there are hooks.
absl::Status SavedTensor::Pack(const Tensor& tensor) {
  if (tensor.storage().is_inference()) {
    return absl::FailedPreconditionError(
        "Inference tensors cannot be saved for backward; use Clone to get a "
        "normal tensor, and give that to the op");
  }
  const std::atomic<uint32_t>& version = tensor.storage().version();
  version_ = version;
  std::shared_ptr<const SavedTensorHooks> hooks =
      SavedTensorHooksGuard::Current();
  if (hooks == nullptr) return absl::OkStatus();
  auto packed = std::make_shared<Packed>();
  {
    const NoGradGuard no_grad;
    FERRY_ASSIGN_OR_RETURN(packed->value, hooks->pack(tensor.Detach()));
  }
  if (version != version_) {
    return absl::FailedPreconditionError(
        "A saved tensor pack hook is modifying its input in place; write a "
        "Clone instead");
  }
  packed->hooks = std::move(hooks);
  packed->info = {Dimensions(tensor.shape().begin(), tensor.shape().end()),
                  tensor.dtype()};
  if (!is_result_) {
    FERRY_ASSIGN_OR_RETURN(packed->edge, GradientEdge(tensor));
  }
  packed_ = std::move(packed);
  return absl::OkStatus();
}

// Returns the tensor. That of a result has no history.
absl::StatusOr<Tensor> SavedTensor::Get(absl::string_view owner) const {
  if (is_empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "trying to backward through the graph a second time: the tensors that ",
        owner,
        " saved were freed by the first pass; specify retain_graph=true for "
        "that one"));
  }
  if (packed_ != nullptr) {
    FERRY_ASSIGN_OR_RETURN(const Tensor unpacked,
                           packed_->hooks->unpack(packed_->value));
    const TensorInfo& info = packed_->info;
    if (unpacked.is_null() || unpacked.storage().is_null() ||
        unpacked.shape() != absl::MakeConstSpan(info.shape) ||
        unpacked.dtype() != info.dtype) {
      return absl::InvalidArgumentError(absl::StrCat(
          "an unpack hook must return the ", Name(info.dtype), " ",
          ShapeToString(info.shape), " that ", owner, " saved, and returned ",
          unpacked.is_null() ? "null"
                             : absl::StrCat("a ", Name(unpacked.dtype()), " ",
                                            ShapeToString(unpacked.shape()))));
    }
    Tensor tensor = unpacked.Detach();
    if (packed_->edge.node != nullptr) {
      TensorState::Make(tensor).SetNode(packed_->edge.node,
                                        packed_->edge.index);
    }
    return tensor;
  }
  const uint32_t version = tensor_.storage().version();
  if (version != version_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "one of the variables needed for gradient computation has been "
        "modified by an inplace operation: the ",
        Name(tensor_.dtype()), " ", ShapeToString(tensor_.shape()), " that ",
        owner, is_result_ ? " returned" : " took", " is at version ", version,
        "; expected version ", version_, " instead"));
  }
  return is_result_ ? tensor_.Detach() : tensor_;
}

absl::StatusOr<Tensor> SavedTensor::UnpackInput(absl::string_view owner) const {
  return Get(owner);
}

absl::StatusOr<Tensor> SavedTensor::Unpack(Node& node) const {
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, Get(node.name()));
  if (!has_history_) return tensor;
  if (is_result_) {
    TensorState::Make(tensor).SetNode(node.shared_from_this(), index_);
  } else if (packed_ == nullptr && RecordingEnabled() && IsLeaf(tensor)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the gradient of ", node.name(), " cannot be differentiated: the ",
        Name(tensor.dtype()), " ", ShapeToString(tensor.shape()),
        " that it took was detached in place; use Detach, which returns a new "
        "tensor, or run the pass without create_graph"));
  }
  return tensor;
}

}  // namespace v1
}  // namespace ferry
