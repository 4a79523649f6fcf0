// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/normalization.h
// -----------------------------------------------------------------------------
//
// Layer normalisation and RMS normalisation of rows, and their gradients.
//
// Example: normalise 8 rows of 64 numbers.
//
//   FERRY_RETURN_IF_ERROR(kernels::LayerNorm(x, 64, gamma, beta, 1e-5, y, mean,
//                                            rstd));
//
// `x` is a float tensor of any strides that consists of rows of `row_size`
// elements, its last dimensions. `gamma` and `beta` are null, or have one
// element of any float dtype for each element of a row, and any strides. `mean`
// and `rstd` are contiguous and have one element for each row. Their dtype is
// float64 if that of `x` is, and float32 otherwise. Outputs are contiguous and
// do not overlap inputs. Inputs that are not contiguous are copied.
//
// Floats of 16 bits are computed in float32. The bits of the results do not
// depend on the number of threads. Thread-safe.
//
// Errors of all functions: kResourceExhausted - memory for a copy or for
// intermediate results could not be allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_NORMALIZATION_H_
#define FERRY_AUTOGRAD_KERNELS_NORMALIZATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Writes (x - mean) * rstd * gamma + beta, where `rstd` is
// 1 / sqrt(variance + eps) and the variance of a row is the mean of its squared
// distances from the mean.
absl::Status LayerNorm(const Tensor& x, int64_t row_size, const Tensor& gamma,
                       const Tensor& beta, double eps, const Tensor& out,
                       const Tensor& mean, const Tensor& rstd);

// Writes x * rstd * gamma, where `rstd` is 1 / sqrt(mean(x^2) + eps).
absl::Status RmsNorm(const Tensor& x, int64_t row_size, const Tensor& gamma,
                     double eps, const Tensor& out, const Tensor& rstd);

// Writes the gradients of `LayerNorm`, whose result has the gradient `grad`.
// Each of `x_grad`, `gamma_grad` and `beta_grad` may be null. With
// x^ = (x - mean) * rstd and h = grad * gamma they are
//
//   x_grad      rstd * (h - mean(h) - x^ * mean(h * x^))
//   gamma_grad  the sum of grad * x^ over the rows
//   beta_grad   the sum of grad over the rows
absl::Status LayerNormBackward(const Tensor& grad, const Tensor& x,
                               int64_t row_size, const Tensor& mean,
                               const Tensor& rstd, const Tensor& gamma,
                               const Tensor& x_grad, const Tensor& gamma_grad,
                               const Tensor& beta_grad);

// Does the same for `RmsNorm`, where x^ = x * rstd and
//
//   x_grad      rstd * (h - x^ * mean(h * x^))
absl::Status RmsNormBackward(const Tensor& grad, const Tensor& x,
                             int64_t row_size, const Tensor& rstd,
                             const Tensor& gamma, const Tensor& x_grad,
                             const Tensor& gamma_grad);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_NORMALIZATION_H_
