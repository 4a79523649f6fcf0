// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/reductions.h
// -----------------------------------------------------------------------------
//
// Reductions of tensors in host memory: sums, products, extremes, norms. For
// the places of extremes, see autograd/kernels/extremes.h.
//
// Example: sum up the columns of a 2 x 3 matrix.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor sums, Empty({1, 3}));
//   FERRY_RETURN_IF_ERROR(kernels::Sum(matrix, sums));
//
// Every function reads `x`, of any strides, and writes to `out`. `out` is
// contiguous, does not overlap `x`, and has the rank of `x`. Its size in each
// dimension is that of `x`, or 1 if the dimension is reduced. The callers have
// checked this.
//
// Floats of 8 and 16 bits are computed in float32 and rounded once. Integers
// and bool are computed in int64, which wraps. float32 sums are taken in blocks
// whose totals are added in float64. The bits of the results do not depend on
// the number of threads, but may depend on the processor's instruction set.
//
// Cost: each element is read once, unless a comment says otherwise. Small
// reductions allocate nothing. Thread-safe.
//
// Errors of all functions: kResourceExhausted - memory for intermediate results
// could not be allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_REDUCTIONS_H_
#define FERRY_AUTOGRAD_KERNELS_REDUCTIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Write sums, means, and products. Of no elements, these are 0, NaN and 1.
// `NanSum` counts NaN as 0. `Mean` is for floats.
absl::Status Sum(const Tensor& x, const Tensor& out);
absl::Status Mean(const Tensor& x, const Tensor& out);
absl::Status NanSum(const Tensor& x, const Tensor& out);
absl::Status Prod(const Tensor& x, const Tensor& out);

// Write the largest or the smallest element, or NaN if an element is NaN. The
// reduced dimensions must have elements.
absl::Status AMax(const Tensor& x, const Tensor& out);
absl::Status AMin(const Tensor& x, const Tensor& out);

// Write whether all, or any, elements are not zero. NaN counts as not zero. The
// dtype of `out` is usually bool.
absl::Status All(const Tensor& x, const Tensor& out);
absl::Status Any(const Tensor& x, const Tensor& out);

// Writes the number of elements that are not zero.
absl::Status CountNonzero(const Tensor& x, const Tensor& out);

// Writes the sum of squared distances from the mean, divided by n - correction,
// where n is the number of reduced elements. If n is smaller than `correction`,
// divides by 0. `Std` writes the square root of that. For floats.
//
// Reads each element twice and computes in float64. The results for equal
// elements are exactly 0.
absl::Status Var(const Tensor& x, double correction, const Tensor& out);
absl::Status Std(const Tensor& x, double correction, const Tensor& out);

// Writes the p-norm: (sum |x|^p)^(1/p), the largest |x| if p is infinity, the
// smallest if p is -infinity, and the number of non-zero elements if p is 0.
// For floats. If p is infinite, the reduced dimensions must have elements.
absl::Status Norm(const Tensor& x, double p, const Tensor& out);

// Writes log(sum(exp(x))). Does not overflow. For floats. Reads each element
// twice.
absl::Status LogSumExp(const Tensor& x, const Tensor& out);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_REDUCTIONS_H_
