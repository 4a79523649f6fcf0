// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/graph/accumulate_gradient.h"

#include <memory>
#include <utility>

#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/core/shape.h"

namespace ferry {
inline namespace v1 {

AccumulateGradient::AccumulateGradient(Tensor leaf)
    : Node({}, kRunsFirst), leaf_(std::move(leaf)) {
  AddInfo(
      {Dimensions(leaf_.shape().begin(), leaf_.shape().end()), leaf_.dtype()});
}

const Tensor* AccumulateGradient::LeafOf(const Node& node) {
  // No other node has this place in the order.
  if (node.sequence() != kRunsFirst) return nullptr;
  return &static_cast<const AccumulateGradient&>(node).leaf_;
}

NodeHooks* AccumulateGradient::hooks() const {
  return TensorState::Make(leaf_).hooks.get();
}

NodeHooks& AccumulateGradient::MutableHooks() {
  return TensorState::Make(leaf_).hooks.Make();
}

}  // namespace v1
}  // namespace ferry
