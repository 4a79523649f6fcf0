// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/graph/tensor_state.h
// -----------------------------------------------------------------------------
//
// What autograd knows of a tensor: the node that computed it, its gradient, and
// the tensor that it is a view of. Tensors that take no part in recording have
// no state.
//
// Example: where the gradient of a tensor goes.
//
//   FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(x));
//   edge.node->name();  // "Mul", or "AccumulateGradient" for a leaf
#ifndef FERRY_AUTOGRAD_GRAPH_TENSOR_STATE_H_
#define FERRY_AUTOGRAD_GRAPH_TENSOR_STATE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// How a view came to be, which decides whether it may be written in place.
enum class ViewOrigin : uint8_t {
  kRecorded,
  kSeveral,  // one of several results of an op, such as Split
  // The history of these does not follow that of their base:
  kNoGrad,          // made while recording was off
  kInference,       // made in inference mode
  kCustomFunction,  // the result of a custom function that returned an input
};

// ViewInfo
//
// What is known of a view.
struct ViewInfo {
  // Records that `view` is a part of `base`, by its shape, strides and offset.
  // Returns the node.
  using Record = absl::StatusOr<std::shared_ptr<Node>> (*)(const Tensor& base,
                                                           const Tensor& view);

  // Returns whether the history of the view is that of its base.
  bool follows_base() const { return origin <= ViewOrigin::kSeveral; }

  Tensor base;  // not a view itself
  ViewOrigin origin = ViewOrigin::kRecorded;
  Record record = nullptr;

  // The version of the storage for which the view's node is valid. An op that
  // writes the base or another view in place gives the view a new history.
  uint32_t version = 0;

  // Whether the view's node is such a new history, from `record`. It is made
  // when somebody asks for it, so nothing may depend on whether there is one:
  // without its base, it is worth nothing.
  bool is_recorded_again = false;
};

// TensorState
//
// Thread-safety: `mutex` guards what says so. All else is set before other
// threads see the tensor, or by an op that writes the tensor in place, during
// which no other thread may use it.
class TensorState final : public AutogradSlot {
 public:
  ~TensorState() override;

  // The state of a tensor, or null.
  static TensorState* Of(const Tensor& tensor) {
    return static_cast<TensorState*>(tensor.autograd_slot());
  }

  // The state of a tensor, which is made if there is none. Thread-safe.
  static TensorState& Make(const Tensor& tensor);

  bool requires_grad() const override;
  absl::Status CheckSetRequiresGrad(bool requires_grad) const override;

  // Returns `retained`. Locks `mutex`.
  std::shared_ptr<RetainedGradient> Retained();

  // Makes `node` the node that computed the tensor, as its result `index`.
  void SetNode(std::shared_ptr<Node> node, uint32_t index);

  // The node that computed the tensor. Null for a leaf. For a view, it may be
  // out of date: `GradientEdge` brings it up to date.
  std::shared_ptr<Node> node;
  uint32_t index = 0;

  // Set for a view, unless its storage was made in inference mode.
  std::optional<ViewInfo> view;

  // Guards `gradient`. Held while a gradient is added, which may run ops that
  // lock `mutex`. Never lock it while holding `mutex`.
  std::mutex gradient_mutex;

  // The accumulated gradient of a leaf. Null if there is none.
  Tensor gradient;

  // Guards the members below, and `node` of a view that follows its base.
  std::mutex mutex;

  // Where the gradient of a tensor that is not a leaf goes, if it was asked
  // for. A leaf that `DetachInPlace` has made of such a tensor accumulates its
  // gradient here, too.
  std::shared_ptr<RetainedGradient> retained;

  // The node that accumulates the gradient of a leaf. It holds the tensor.
  std::weak_ptr<Node> accumulator;

  // The hooks of a leaf.
  LazyNodeHooks hooks;
};

// Moves the request to retain the gradient of this tensor from node `from` to
// result `index` of node `to`. Does nothing if nobody has called
// `RetainGradient`. `from` may be null.
void MoveRetained(const TensorState& state, const Node* from, Node& to,
                  uint32_t index);

// Returns whether the tensor was not computed by a recorded op.
bool IsLeaf(const Tensor& tensor);

// Makes `tensor` a leaf that requires no gradient, for every handle to it, in
// every gradient mode: PyTorch's `detach_`. The elements, their version, and
// the gradient that the tensor has stay as they are. `Tensor::Detach` returns a
// new tensor instead.
//
// What was computed from the tensor before keeps its history: passes still
// reach what the tensor was computed from, and add to a retained gradient. They
// no longer accumulate the gradient of a tensor that was a leaf. A view of the
// tensor keeps its history, too, if the elements have not been written since
// the view was made. Otherwise it loses the history with the tensor.
//
// In a pass with `create_graph`, an op that has saved the tensor takes a former
// leaf as a constant. If the tensor was computed, the pass fails at that op.
//
// Takes a constant time, besides the time to free the part of the graph that
// nothing else refers to.
//
// Thread-safety: meanwhile, no other thread may use the tensor or a view of it,
// or run a pass over a graph that the tensor is in.
//
// Errors: kInvalidArgument    - the tensor is null.
//         kFailedPrecondition - the tensor is a view that an op has made. It
//                               keeps its history.
absl::Status DetachInPlace(const Tensor& tensor);

// Returns where the gradient of `tensor` goes. For a leaf that requires a
// gradient, that is the node that accumulates it. The edge is empty if the
// tensor is null or requires no gradient.
//
// Thread-safe for leaves, and for other tensors that are not written in place.
//
// Errors: those of recording a view again whose base was written in place.
absl::StatusOr<Edge> GradientEdge(const Tensor& tensor);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAPH_TENSOR_STATE_H_
