// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/hooks.h
// -----------------------------------------------------------------------------
//
// Functions of the program that a backward pass calls: PyTorch's
// Tensor.register_hook, Node.register_prehook, Node.register_hook and
// Tensor.register_post_accumulate_grad_hook.
//
// Example: halve the gradient of a tensor.
//
//   FERRY_ASSIGN_OR_RETURN(
//       const HookHandle handle,
//       RegisterHook(x, [](const Tensor& g) { return g * 0.5; }));
//   FERRY_RETURN_IF_ERROR(Backward(y));
//
// For each node, a pass calls the hooks of its tensors in the order in which
// they were registered, then the hooks before the node; then it keeps the
// gradients that `RetainGradient` has asked for, runs the node, and calls the
// hooks after an accumulated gradient and those after the node. Gradients that
// do not exist call no hooks of tensors.
//
// A hook belongs to the node that has computed its tensor at the registration:
// if the tensor is written in place later, the hook is called with the gradient
// of the former value. Hooks of a leaf belong to the leaf.
//
// Hooks run on the thread that called `Backward` or `Grad`, one at a time, with
// the recording on if `create_graph` is set, and off otherwise. They may
// register and remove hooks, and run passes. If one returns an error or throws,
// the pass ends, and the caller gets the error or the exception.
#ifndef FERRY_AUTOGRAD_HOOKS_H_
#define FERRY_AUTOGRAD_HOOKS_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

class InternalKey;

// HookHandle
//
// Owns a hook, and removes it when it is destroyed. The graph does not own
// hooks, so a hook may hold its own tensor; do not let the tensor hold the
// handle then.
class [[nodiscard]] HookHandle final {
 public:
  // Makes a handle without a hook.
  HookHandle() = default;
  HookHandle(HookHandle&&) = default;
  HookHandle& operator=(HookHandle&&) = default;

  // Removes the hook: no pass calls it from now on, except for a call that has
  // begun. Does nothing if it has been removed. Thread-safe towards passes, but
  // not towards other calls of the same handle.
  void Remove() { hook_ = nullptr; }

  // Returns whether the handle has a hook.
  bool is_active() const { return hook_ != nullptr; }

  // Takes a hook. Programs get handles from the functions below; only Ferry's
  // own code can make the key.
  HookHandle(std::shared_ptr<void> hook, const InternalKey&)
      : hook_(std::move(hook)) {}

 private:
  std::shared_ptr<void> hook_;
};

// Calls `hook` with each gradient of `tensor` that a pass computes. The hook
// may return a replacement of the same shape.
//
// Thread-safe. Errors, also of the functions below: kInvalidArgument - the
// tensor is null, or requires no gradient; the hook is empty.
absl::StatusOr<HookHandle> RegisterHook(const Tensor& tensor, TensorHook hook);

// Calls `hook` before (or after) the node of `tensor` runs: the node that
// computed `tensor`, or, for a leaf, the node that accumulates its gradient. A
// hook before the node may replace the node's gradients, and a hook after it
// may replace the results, by tensors of the same shapes.
absl::StatusOr<HookHandle> RegisterNodePreHook(const Tensor& tensor,
                                               NodeHook hook);
absl::StatusOr<HookHandle> RegisterNodePostHook(const Tensor& tensor,
                                                NodePostHook hook);

// Calls `hook` with the leaf after a pass has added to its gradient, for
// instance to take a step and to free the gradient at once. kInvalidArgument if
// the tensor is not a leaf.
absl::StatusOr<HookHandle> RegisterPostAccumulateGradHook(const Tensor& leaf,
                                                          AccumulatedHook hook);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_HOOKS_H_
