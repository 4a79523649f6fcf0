// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/softmax.h
// -----------------------------------------------------------------------------
//
// Softmax and log-softmax along one dimension, and their gradients.
//
// Example: turn scores into probabilities, row by row.
//
//   FERRY_RETURN_IF_ERROR(kernels::Softmax(scores, 1, probabilities));
//
// All tensors are floats of one dtype and shape in host memory. Inputs may have
// any strides; one that is not contiguous is copied. Outputs are contiguous and
// do not overlap the inputs. `dim` is from 0 to rank - 1. A tensor of rank 0 is
// one line of one element; `dim` is 0 then.
//
// Floats of 16 bits are computed in float32. The bits of the results do not
// depend on the number of threads. Thread-safe.
//
// Errors of all functions: kResourceExhausted - memory for a copy or for
// intermediate results could not be allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_SOFTMAX_H_
#define FERRY_AUTOGRAD_KERNELS_SOFTMAX_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Writes exp(x - m) / sum(exp(x - m)), where m is the largest element of the
// line. A line with NaN or +infinity, or with nothing but -infinity, becomes
// NaN.
absl::Status Softmax(const Tensor& x, int dim, const Tensor& out);

// Writes x - m - log(sum(exp(x - m))). Lines become NaN as above.
absl::Status LogSoftmax(const Tensor& x, int dim, const Tensor& out);

// Writes the gradient of softmax, y * (grad - sum(grad * y)), where `y` is the
// result of `Softmax` and `grad` the gradient of `y`.
absl::Status SoftmaxBackward(const Tensor& grad, const Tensor& y, int dim,
                             const Tensor& out);

// Writes the gradient of log-softmax, grad - exp(y) * sum(grad), where `y` is
// the result of `LogSoftmax` and `grad` the gradient of `y`.
absl::Status LogSoftmaxBackward(const Tensor& grad, const Tensor& y, int dim,
                                const Tensor& out);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_SOFTMAX_H_
