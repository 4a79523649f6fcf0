// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/backward.h
// -----------------------------------------------------------------------------
//
// Computes gradients from what ops have recorded: PyTorch's
// torch.autograd.backward and torch.autograd.grad.
//
// Example: the derivative of x^2 at 3.
//
//   auto x = Full({}, 3.0, TensorOptions().requires_grad(true));
//   FERRY_RETURN_IF_ERROR(Backward(x * x));
//   *Gradient(*x).Item<float>();  // 6
//
// Example: the second derivative of x^3, without touching the gradient of x.
//
//   auto x = Full({}, 3.0, TensorOptions().requires_grad(true));
//   GradOptions options;
//   options.create_graph = true;
//   FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> first,
//                          Grad(x * x * x, {*x}, options));
//   FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> second, Grad(first[0], {*x}));
//   *second[0].Item<float>();  // 18
#ifndef FERRY_AUTOGRAD_BACKWARD_H_
#define FERRY_AUTOGRAD_BACKWARD_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

struct BackwardOptions {
  // The gradients of the outputs, one for each, of the same shape; they are
  // cast to the same dtype. An output of one element needs none, and has the
  // gradient 1 then. A null tensor stands for none, too.
  std::vector<Tensor> gradients;

  // Whether to keep what the ops have saved, so that the same graph can be run
  // again. The default is the value of `create_graph`.
  std::optional<bool> retain_graph;

  // Whether to record the backward pass, so that gradients can be
  // differentiated in turn. Gradients of leaves then refer to the graph, and
  // the graph to the leaves: this cycle is freed only when the gradients are
  // cleared. `Grad` makes no such cycle.
  bool create_graph = false;

  // The tensors whose gradients are accumulated. The default is all leaves. A
  // tensor in the list that is not a leaf keeps its gradient from now on, as
  // after `RetainGradient`. Nodes still compute the gradients of all their
  // operands, which costs time but changes nothing.
  std::optional<std::vector<Tensor>> inputs;

  // Whether to run independent nodes on several threads (core/parallel.h). The
  // results have the same bits as those of a serial pass. This is faster for
  // wide graphs of small nodes; loops inside the nodes then run on one thread.
  // Needs memory for all gradients that wait to be added.
  //
  // Hooks still run on the calling thread, one at a time. The backward
  // functions of custom functions, and unpack hooks, run on several threads at
  // once. Has no effect if `create_graph` is set.
  bool parallel = false;
};

// Adds the gradients of the outputs to the gradients of the leaves that they
// were computed from, and that require one (`Gradient` returns it).
//
// The pass runs on the calling thread unless the options say otherwise,
// whatever the gradient mode is, and frees what the ops have saved. It takes
// constant stack, however long the graph is. Several threads may run passes at
// once, also over graphs that share nodes; if one frees what another needs, the
// other fails.
//
// Errors: kInvalidArgument    - an output is null or a number; an output does
//                               not require a gradient; an output with more
//                               than one element has no gradient; a gradient
//                               has another shape than its output; there are
//                               more gradients than outputs; `inputs` is empty,
//                               or one of them is null or requires no gradient;
//                               a hook or a node returned a gradient of the
//                               wrong shape.
//         kFailedPrecondition - an output or a gradient is not in host memory;
//                               a saved tensor has been freed by an earlier
//                               pass, or written in place.
//         kOutOfRange         - with AnomalyGuard: a gradient has a NaN.
// and those of the ops and hooks. Exceptions of hooks reach the caller. Leaves
// that had their gradient before the error keep it.
absl::Status Backward(const Operand& output,
                      const BackwardOptions& options = {});
absl::Status Backward(absl::Span<const Tensor> outputs,
                      const BackwardOptions& options = {});

struct GradOptions {
  // These have the meaning that they have in `BackwardOptions`.
  std::vector<Tensor> gradients;
  std::optional<bool> retain_graph;
  bool create_graph = false;
  bool parallel = false;

  // Whether inputs that the outputs do not depend on have a null gradient. The
  // default is that they are an error.
  bool allow_unused = false;
};

// Returns the gradients of the outputs with respect to each of the inputs,
// which may also be results of ops. Does not touch the gradients of leaves.
// The nodes that run still compute the gradients of all their operands, which
// costs time but changes nothing.
//
// Errors: as `Backward`. kInvalidArgument - an input does not require a
//         gradient, or the outputs do not depend on it.
absl::StatusOr<std::vector<Tensor>> Grad(const Operand& output,
                                         absl::Span<const Tensor> inputs,
                                         const GradOptions& options = {});
absl::StatusOr<std::vector<Tensor>> Grad(absl::Span<const Tensor> outputs,
                                         absl::Span<const Tensor> inputs,
                                         const GradOptions& options = {});

// Returns the gradient that has been accumulated for `tensor`, a leaf or a
// tensor that was given to `RetainGradient`. Null if there is none. Passes add
// to the same tensor, in place, unless `create_graph` is set. Thread-safe.
Tensor Gradient(const Tensor& tensor);

// Replaces the gradient of a leaf, or a retained gradient. A null gradient
// removes it: call this for every parameter between the steps of a training
// loop. Thread-safe.
//
// Errors: kInvalidArgument - the shape, the dtype or the device differs from
//         that of the leaf, or the gradient is the leaf itself.
absl::Status SetGradient(const Tensor& leaf, const Tensor& gradient);

// Makes later passes keep the gradient of a tensor that is not a leaf. Does
// nothing for a leaf. Thread-safe.
//
// Errors: kInvalidArgument - the tensor is null or requires no gradient.
absl::Status RetainGradient(const Tensor& tensor);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_BACKWARD_H_
