// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/normalization.h
// -----------------------------------------------------------------------------
//
// Ops that normalise the elements along dimensions.
//
// Example: attention weights, and a normalised layer of 64 features.
//
//   auto weights = Softmax(scores, -1);
//   auto y = LayerNorm(x, {64}, weight, bias);
//
// All functions take floats and return the dtype of `x`. float16 and bfloat16
// are computed in float32. Negative dimensions count from the end.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. The bits of results and gradients do not depend on the number of
// threads.
//
// Errors of all functions, besides those below:
//
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_NORMALIZATION_H_
#define FERRY_AUTOGRAD_OPS_NORMALIZATION_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Softmax returns exp(x) / sum(exp(x)) along a dimension, and LogSoftmax
// returns the logarithm of that. Neither overflows. A line that contains NaN or
// +infinity becomes NaN, and so does a line of -infinity only. Both functions
// save their result for the gradient.
//
// Errors: kOutOfRange - the dimension does not exist.
absl::StatusOr<Tensor> Softmax(const Operand& x, int64_t dim);
absl::StatusOr<Tensor> LogSoftmax(const Operand& x, int64_t dim);

// Returns (x - mean) / sqrt(variance + eps) * weight + bias. The mean and the
// variance are taken over the last dimensions of `x`, which have the shape
// `shape`. `weight` and `bias` have that shape, and any float dtype.
//
// Errors: kInvalidArgument - `shape` is empty, or is not the shape of the last
//         dimensions of `x`; or `weight` or `bias` has another shape.
absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 double eps = 1e-5);
absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 const Operand& weight, double eps = 1e-5);
absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 const Operand& weight, const Operand& bias,
                                 double eps = 1e-5);

// Returns x / sqrt(mean(x^2) + eps) * weight. The mean is taken over the last
// dimensions of `x`, which have the shape `shape`. The default of `eps` is the
// distance from 1 to the next larger number, in float64 if `x` is float64, and
// in float32 otherwise.
//
// Errors: those of `LayerNorm`.
absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape);
absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape, double eps);
absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape,
                               const Operand& weight);
absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape,
                               const Operand& weight, double eps);

// The entries of these ops.
absl::Span<const Op* const> NormalizationOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_NORMALIZATION_H_
