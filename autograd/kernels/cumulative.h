// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/cumulative.h
// -----------------------------------------------------------------------------
//
// Running sums and products along one dimension.
//
// Example: each row's running sum.
//
//   FERRY_RETURN_IF_ERROR(kernels::CumSum(x, 1, kernels::Direction::kForward,
//                                         out));
//
// `x` has any strides; if it is not contiguous, it is copied. `out` is
// contiguous, has the shape of `x`, and does not overlap it. `dim` is from 0 to
// rank - 1, or 0 if the rank is 0. Floats are accumulated in float64, and
// integers and bool in int64, which wraps. The result is cast to the dtype of
// `out`.
//
// Each line is computed by one thread, one element after another. Thread-safe.
//
// Errors of all functions: kResourceExhausted - memory for a copy could not be
// allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_CUMULATIVE_H_
#define FERRY_AUTOGRAD_KERNELS_CUMULATIVE_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Whether lines are accumulated from their first element or from their last.
enum class Direction { kForward, kReverse };

// Write the sum or the product of each element and the elements before it. With
// kReverse, the elements after it count instead.
absl::Status CumSum(const Tensor& x, int dim, Direction direction,
                    const Tensor& out);
absl::Status CumProd(const Tensor& x, int dim, Direction direction,
                     const Tensor& out);

// Writes the product of the elements before each element, or, with kReverse,
// after it. The product of no elements is 1. For floats.
absl::Status ExclusiveCumProd(const Tensor& x, int dim, Direction direction,
                              const Tensor& out);

// Writes y, which is 0 at the first element of each line and then
// y[k] = a[k - 1] + x[k - 1] * y[k - 1]. With kReverse, y is 0 at the last
// element and y[k] = a[k + 1] + x[k + 1] * y[k + 1]. For floats. `a` has the
// shape and dtype of `x`, and any strides.
absl::Status LinearScan(const Tensor& a, const Tensor& x, int dim,
                        Direction direction, const Tensor& out);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_CUMULATIVE_H_
