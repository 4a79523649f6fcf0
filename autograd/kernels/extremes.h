// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/extremes.h
// -----------------------------------------------------------------------------
//
// Finds the extremes and the medians of the lines of tensors in host memory,
// and where they are.
//
// Example: the largest number of each row of a 2 x 3 matrix.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor values, Empty({2, 1}));
//   FERRY_ASSIGN_OR_RETURN(
//       Tensor indices, Empty({2, 1}, TensorOptions().dtype(DType::kInt64)));
//   FERRY_RETURN_IF_ERROR(kernels::MaxAlong(matrix, 1, values, indices));
//
// Every function reads `x`, of any strides. `values`, which may be null, and
// `indices` are contiguous and do not overlap `x`. They have the shape of `x`,
// but size 1 in `dim`. `values` has the dtype of `x`, and `indices` int64. The
// size of `x` in `dim` is not 0, unless there are no results. The callers have
// checked this.
//
// The results do not depend on the number of threads. Thread-safe.
//
// Errors of all functions: kResourceExhausted - memory for intermediate results
// could not be allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_EXTREMES_H_
#define FERRY_AUTOGRAD_KERNELS_EXTREMES_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Write the extreme of each line along `dim` to `values`, and its index to
// `indices`. The index is that of the first of several equal extremes, or of
// the first NaN. Reads each element once.
absl::Status MaxAlong(const Tensor& x, int dim, const Tensor& values,
                      const Tensor& indices);
absl::Status MinAlong(const Tensor& x, int dim, const Tensor& values,
                      const Tensor& indices);

// Writes the median of each line along `dim` to `values`, and the index of an
// element that equals it to `indices`. Of two elements in the middle, the
// median is the lower one. A line with NaN has the median NaN. Takes O(n) time
// on average for a line of n elements, which is copied.
absl::Status MedianAlong(const Tensor& x, int dim, const Tensor& values,
                         const Tensor& indices);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_EXTREMES_H_
