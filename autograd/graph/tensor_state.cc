// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/graph/tensor_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/autograd/graph/accumulate_gradient.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {

TensorState::~TensorState() { ReleaseNode(std::move(node)); }

TensorState& TensorState::Make(const Tensor& tensor) {
  AutogradSlot* slot = tensor.autograd_slot();
  if (slot == nullptr) {
    slot = tensor.AttachAutogradSlot(std::make_unique<TensorState>(),
                                     InternalKey());
  }
  return *static_cast<TensorState*>(slot);
}

bool TensorState::requires_grad() const {
  // In this order: another thread may be renewing the node of such a view.
  if (view.has_value() && view->follows_base() && view->base.requires_grad()) {
    return true;
  }
  // The base was detached after the view had got its history. If the elements
  // were written before or after that, the view has the history that they have:
  // none.
  if (view.has_value() && view->follows_base() &&
      (view->is_recorded_again ||
       view->version != view->base.storage().version())) {
    return false;
  }
  return node != nullptr;
}

absl::Status TensorState::CheckSetRequiresGrad(bool value) const {
  if (value || !requires_grad()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "you can only change requires_grad flags of leaf variables, and this "
      "tensor was computed from one that requires a gradient; use Detach to "
      "get a tensor that does not");
}

std::shared_ptr<RetainedGradient> TensorState::Retained() {
  const std::lock_guard<std::mutex> lock(mutex);
  return retained;
}

void TensorState::SetNode(std::shared_ptr<Node> new_node, uint32_t new_index) {
  ReleaseNode(std::move(node));
  node = std::move(new_node);
  index = new_index;
}

void MoveRetained(const TensorState& state, const Node* from, Node& to,
                  uint32_t index) {
  if (state.retained == nullptr) return;
  if (NodeHooks* const hooks = from == nullptr ? nullptr : from->hooks()) {
    const std::lock_guard<std::mutex> lock(hooks->mutex);
    auto& retained = hooks->retained;
    retained.erase(std::remove_if(retained.begin(), retained.end(),
                                  [&state](const NodeHooks::Retained& of) {
                                    return of.retained.lock() == state.retained;
                                  }),
                   retained.end());
  }
  NodeHooks& hooks = to.MutableHooks();
  const std::lock_guard<std::mutex> lock(hooks.mutex);
  hooks.retained.push_back({index, state.retained});
}

bool IsLeaf(const Tensor& tensor) {
  const TensorState* const state = TensorState::Of(tensor);
  return state == nullptr || !state->requires_grad();
}

absl::Status DetachInPlace(const Tensor& tensor) {
  if (tensor.is_null()) return absl::InvalidArgumentError("the tensor is null");
  if (TensorState* const state = TensorState::Of(tensor)) {
    if (state->view.has_value()) {
      return absl::FailedPreconditionError(
          "Can't detach views in-place; use Detach, which returns a new "
          "tensor");
    }
    state->SetNode(nullptr, 0);
  }
  tensor.set_requires_grad(false, InternalKey());
  return absl::OkStatus();
}

absl::StatusOr<Edge> GradientEdge(const Tensor& tensor) {
  if (tensor.is_null() || !tensor.requires_grad()) return Edge();
  TensorState& state = TensorState::Make(tensor);
  if (state.view.has_value() && state.view->follows_base() &&
      state.view->base.requires_grad()) {
    const uint32_t version = tensor.storage().version();
    const std::lock_guard<std::mutex> lock(state.mutex);
    bool is_valid = state.node != nullptr && state.view->version == version;
    if (is_valid && state.view->is_recorded_again) {
      // The base may have been detached, and have become a leaf since.
      FERRY_ASSIGN_OR_RETURN(const Edge base, GradientEdge(state.view->base));
      is_valid = state.node->edges()[0].node == base.node;
    }
    if (!is_valid) {
      FERRY_ASSIGN_OR_RETURN(std::shared_ptr<Node> node,
                             state.view->record(state.view->base, tensor));
      MoveRetained(state, state.node.get(), *node, 0);
      state.SetNode(std::move(node), 0);
      state.view->version = version;
      state.view->is_recorded_again = true;
    }
    return Edge{state.node, state.index};
  }
  if (state.requires_grad()) return Edge{state.node, state.index};
  const std::lock_guard<std::mutex> lock(state.mutex);
  std::shared_ptr<Node> accumulator = state.accumulator.lock();
  if (accumulator == nullptr) {
    accumulator = std::make_shared<AccumulateGradient>(tensor);
    state.accumulator = accumulator;
  }
  return Edge{std::move(accumulator), 0};
}

}  // namespace v1
}  // namespace ferry
