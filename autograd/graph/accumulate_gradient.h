// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/graph/accumulate_gradient.h
// -----------------------------------------------------------------------------
//
// The node at the end of every path: a leaf, which keeps its gradient.
//
// Example:
//
//   AccumulateGradient node(x);
//   node.leaf();  // x
#ifndef FERRY_AUTOGRAD_GRAPH_ACCUMULATE_GRADIENT_H_
#define FERRY_AUTOGRAD_GRAPH_ACCUMULATE_GRADIENT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// AccumulateGradient
//
// Runs before all other nodes that are ready, so that gradients are freed
// early. Its hooks are those of the leaf.
class AccumulateGradient final : public Node {
 public:
  explicit AccumulateGradient(Tensor leaf);

  absl::string_view name() const override { return "AccumulateGradient"; }
  const Tensor& leaf() const { return leaf_; }

  // The leaf, if `node` is such a node. Null otherwise.
  static const Tensor* LeafOf(const Node& node);

  // Does nothing: the engine adds the gradient up, since that takes an op.
  absl::Status Run(absl::Span<const Tensor> /*gradients*/,
                   absl::Span<const bool> /*needed*/,
                   absl::Span<Tensor> /*results*/) override {
    return absl::OkStatus();
  }

  NodeHooks* hooks() const override;
  NodeHooks& MutableHooks() override;

 private:
  const Tensor leaf_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAPH_ACCUMULATE_GRADIENT_H_
