// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/custom_function.h
// -----------------------------------------------------------------------------
//
// Defines ops in the program: PyTorch's torch.autograd.Function. Write the
// forward and the backward computation as two functions. They capture the
// arguments that are not tensors.
//
// Example: x^2 times a number.
//
//   absl::StatusOr<Tensor> ScaledSquare(const Tensor& x, double factor) {
//     CustomFunction square;
//     square.name = "ScaledSquare";
//     square.forward = [factor](ForwardContext& context,
//                               absl::Span<const Tensor> inputs)
//         -> absl::StatusOr<std::vector<Tensor>> {
//       context.SaveForBackward(inputs);
//       FERRY_ASSIGN_OR_RETURN(Tensor y, inputs[0] * inputs[0] * factor);
//       return std::vector<Tensor>{y};
//     };
//     square.backward = [factor](const BackwardContext& context,
//                                absl::Span<const Tensor> gradients)
//         -> absl::StatusOr<std::vector<Tensor>> {
//       FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> saved,
//                              context.SavedTensors());
//       FERRY_ASSIGN_OR_RETURN(Tensor gradient,
//                              gradients[0] * saved[0] * (2 * factor));
//       return std::vector<Tensor>{gradient};
//     };
//     FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> y, CallCustom(square, {x}));
//     return y[0];
//   }
//
// A backward function that computes with Ferry's ops, as this one does, can be
// differentiated in turn.
#ifndef FERRY_AUTOGRAD_CUSTOM_FUNCTION_H_
#define FERRY_AUTOGRAD_CUSTOM_FUNCTION_H_

#include <any>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

class CustomNode;
struct CustomFunction;

// ForwardContext
//
// Passed to the forward function, which uses it to save tensors and to describe
// its results. Valid only during the call of the function. Not thread-safe.
class ForwardContext {
 public:
  // Keeps tensors for the backward function: inputs, results, or others. Null
  // tensors stay null. Replaces what an earlier call has kept. The backward
  // pass fails if one is written in place in the meantime.
  void SaveForBackward(absl::Span<const Tensor> tensors);

  // Declares that the function has written an input in place. It must be among
  // the results.
  void MarkDirty(const Tensor& input);

  // Declares that no gradient flows to a result. Results that are neither
  // floating-point nor complex need no declaration.
  void MarkNonDifferentiable(const Tensor& result);

  // Returns whether the backward function must compute the gradient of an
  // input. False for all inputs if the call is not recorded.
  bool NeedsInputGrad(size_t input) const;

  // A value to hand to the backward function.
  std::any& data() { return data_; }

 private:
  friend absl::StatusOr<std::vector<Tensor>> CallCustom(
      const CustomFunction& function, absl::Span<const Tensor> inputs);

  std::vector<bool> needs_input_grad_;
  std::vector<Tensor> saved_;
  std::vector<Tensor> dirty_;
  std::vector<Tensor> non_differentiable_;
  std::any data_;
};

// BackwardContext
//
// What a backward function gets from the forward function. Valid only during
// the call of the function: do not keep a copy. Thread-safe.
class BackwardContext {
 public:
  // Returns the tensors that were kept, with their history.
  //
  // Errors: kFailedPrecondition - one has been written in place since, or an
  //         earlier pass has freed them.
  absl::StatusOr<std::vector<Tensor>> SavedTensors() const;

  // Returns whether the pass needs the gradient of an input: the input requires
  // one, and the program has asked for it or for that of a tensor before it. If
  // it is not needed, the function may return a null tensor for it.
  bool NeedsInputGrad(size_t input) const;

  // What the forward function has left in `ForwardContext::data`. Several
  // threads may read it at once.
  const std::any& data() const;

 private:
  friend class CustomNode;
  BackwardContext(CustomNode& node, absl::Span<const bool> needed)
      : node_(node), needed_(needed) {}

  CustomNode& node_;
  absl::Span<const bool> needed_;  // one per input
};

// CustomFunction
//
// A description of the op. Copied into each call that is recorded.
struct CustomFunction {
  // Appears in messages.
  std::string name = "CustomFunction";

  // Computes the results. Runs on the calling thread with recording off. Null
  // results are allowed.
  std::function<absl::StatusOr<std::vector<Tensor>>(
      ForwardContext& context, absl::Span<const Tensor> inputs)>
      forward;

  // Computes the gradients of the inputs from those of the results. Returns
  // one tensor per input, of the shape of the input, or null where there is no
  // gradient; further null tensors at the end are ignored. Runs on the thread
  // of the pass, with recording on if `create_graph` is set. Several passes on
  // several threads, and a parallel pass, may run it at once.
  std::function<absl::StatusOr<std::vector<Tensor>>(
      const BackwardContext& context, absl::Span<const Tensor> gradients)>
      backward;

  // Whether the backward function gets zeros for results that nothing depends
  // on. Otherwise it gets null tensors.
  bool materialize_gradients = true;

  // Whether the backward function computes without Ferry's ops, so that it
  // cannot be differentiated: it runs with recording off, and a second
  // derivative is an error.
  bool once_differentiable = false;
};

// Calls `function.forward`, and records the call if recording is on and one of
// the inputs requires a gradient. Inputs may be null.
//
// If the function returns an input that is not marked dirty, the result is a
// new tensor that shares the input's elements. Do not write it in place while
// recording is on.
//
// Errors: those of `forward`. kInvalidArgument - a tensor that was marked dirty
//         is not both an input and a result; `forward` is empty, or the call is
//         recorded and `backward` is empty. kFailedPrecondition - the call is
//         recorded, and a dirty input may not be written in place, or an
//         inference tensor is saved. kUnimplemented - a dirty input is a view,
//         and is not the first input or not the only result.
// The backward pass returns those of `backward`, and kInvalidArgument if the
// number or the shapes of the gradients are wrong.
absl::StatusOr<std::vector<Tensor>> CallCustom(const CustomFunction& function,
                                               absl::Span<const Tensor> inputs);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_CUSTOM_FUNCTION_H_
