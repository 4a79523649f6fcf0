// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/pointwise.h
// -----------------------------------------------------------------------------
//
// Elementwise ops that the derivatives of reductions, and losses, are made of.
// They are ops themselves, so derivatives of any order can be taken.
//
// Example: the gradient of a norm, without dividing by a norm of 0.
//
//   d.Set(0, x * pointwise::DivideOrZero(gradient, norm));
//
// All functions take float tensors and, except for Wide, return a tensor of the
// same dtype. Functions of two tensors broadcast them.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. Their errors are those of `Apply` (autograd/ops/op.h), and
// kInvalidArgument if two tensors cannot be broadcast.
#ifndef FERRY_AUTOGRAD_OPS_POINTWISE_H_
#define FERRY_AUTOGRAD_OPS_POINTWISE_H_

#include "absl/status/statusor.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace pointwise {

// Returns the tensor, cast to float32 if it is float16 or bfloat16, so that
// several steps round only once.
absl::StatusOr<Tensor> Wide(const Operand& x);

// Returns a / b, and 0 where b is 0.
absl::StatusOr<Tensor> DivideOrZero(const Operand& a, const Operand& b);

// Returns 1 where a equals b, and 0 elsewhere. The op has no derivative.
absl::StatusOr<Tensor> EqualMask(const Operand& a, const Operand& b);

// Returns exp(a - b).
absl::StatusOr<Tensor> ExpOfDifference(const Operand& a, const Operand& b);

// Returns |x|^p.
absl::StatusOr<Tensor> AbsPow(const Operand& x, double p);

// Returns sign(x) * |x|^p. Returns 0 where x is 0, even if p <= 0.
absl::StatusOr<Tensor> SignedPow(const Operand& x, double p);

// Returns log(1 / (1 + exp(-x))). Does not overflow.
absl::StatusOr<Tensor> LogOfSigmoid(const Operand& x);

// Returns x^2 / (2 * beta) where |x| < beta, and |x| - beta / 2 elsewhere.
absl::StatusOr<Tensor> SmoothAbs(const Operand& x, double beta);

}  // namespace pointwise
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_POINTWISE_H_
