// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/gradient_check.h
// -----------------------------------------------------------------------------
//
// Compares gradients with numerical ones, so that a wrong derivative is found:
// PyTorch's torch.autograd.gradcheck and gradgradcheck. For tests; every
// element of the inputs costs two calls of the function.
//
// Example: check the gradients of x^2, and the gradients of those.
//
//   FERRY_ASSIGN_OR_RETURN(
//       Tensor x, Full({2, 3}, 0.5,
//                      TensorOptions().dtype(DType::kFloat64).requires_grad(
//                          true)));
//   const auto function = [](absl::Span<const Tensor> inputs) {
//     return inputs[0] * inputs[0];
//   };
//   FERRY_RETURN_IF_ERROR(CheckGradients(function, {x}));
//   FERRY_RETURN_IF_ERROR(CheckSecondGradients(function, {x}));
#ifndef FERRY_AUTOGRAD_GRADIENT_CHECK_H_
#define FERRY_AUTOGRAD_GRADIENT_CHECK_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// A function of tensors. A result of type absl::StatusOr<Tensor> converts.
using CheckedFunction =
    absl::FunctionRef<absl::StatusOr<Outputs>(absl::Span<const Tensor>)>;

// GradientCheckOptions
//
// The defaults are PyTorch's.
struct GradientCheckOptions {
  // The numerical gradient is (f(x + step) - f(x - step)) / (2 * step).
  double step = 1e-6;

  // The gradients may differ by
  // absolute_tolerance + relative_tolerance * |numerical gradient|.
  double absolute_tolerance = 1e-5;
  double relative_tolerance = 1e-3;

  // Chooses the random gradients that `CheckSecondGradients` begins with.
  uint64_t seed = 1;
};

// Checks the gradients of every element of every floating-point result with
// respect to every element of the inputs that require a gradient.
//
// `function` is called with copies of the inputs that have the same strides. It
// must return the same results for the same inputs, and must be differentiable
// near them: at a kink, such as 0 for Relu, the check fails. Results of other
// dtypes than float64 are ignored. A float64 result that does not require a
// gradient must not depend on the inputs.
//
// Each backward pass runs twice, and must give the same bits. If there are
// several results, gradients of zero for the others must give the same as none.
//
// Errors: kFailedPrecondition - a gradient is wrong, or differs between two
//             passes; the message names the input, its element, and the
//             numerical and the analytical gradient.
//         kInvalidArgument    - no input requires a gradient; one that does is
//             not float64, or is negated, or its elements share memory; no
//             result is float64; the shapes of the results change between
//             calls.
// and those of the function and of the backward pass.
absl::Status CheckGradients(CheckedFunction function,
                            absl::Span<const Tensor> inputs,
                            const GradientCheckOptions& options = {});

// Checks the gradients of the gradients in the same way: with respect to the
// inputs, and to the gradients of the results, which are random. If no float64
// result requires a gradient, calls `CheckGradients` instead.
//
// Errors: as `CheckGradients`, where the inputs are followed by the gradients
// of the results.
absl::Status CheckSecondGradients(CheckedFunction function,
                                  absl::Span<const Tensor> inputs,
                                  const GradientCheckOptions& options = {});

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRADIENT_CHECK_H_
