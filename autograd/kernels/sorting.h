// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/sorting.h
// -----------------------------------------------------------------------------
//
// Sorts the elements of a tensor along a dimension, or finds the largest or
// smallest.
//
// Example: sort each row of a matrix.
//
//   FERRY_RETURN_IF_ERROR(
//       Sort(matrix, 1, SortOrder::kAscending, values, indices));
//
// NaN is greater than all numbers, as in PyTorch. All NaNs are equal, and +0
// equals -0. Equal elements keep their order, in either direction. So sorting
// is always stable, and `TopK` prefers the lower index.
//
// Dtypes are floats of 16, 32 and 64 bits, integers and bool. Tensors are in
// host memory and of any strides; results must not overlap the input. The
// dimension exists, so the rank is 1 or more. Thread-safe as long as nothing
// else writes to the tensors.
//
// Takes O(n) time for each row of n elements, and 16 bytes for each element of
// a row and thread, or 32 bytes if the dtype has 8 bytes. Threads share the
// rows; one row is sorted by one thread.
//
// Errors: kResourceExhausted - not enough memory.
#ifndef FERRY_AUTOGRAD_KERNELS_SORTING_H_
#define FERRY_AUTOGRAD_KERNELS_SORTING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

enum class SortOrder { kAscending, kDescending };

// Writes the sorted elements to `values`, and their former indices in the
// dimension to `indices`, which is int64. Both have the shape of `from`. One of
// them may be null.
absl::Status Sort(const Tensor& from, int dim, SortOrder order,
                  const Tensor& values, const Tensor& indices);

// Writes the first k of the sorted elements, where k is the size of `values`
// and `indices` in the dimension. Takes O(n + k log k) time on average.
absl::Status TopK(const Tensor& from, int dim, SortOrder order,
                  const Tensor& values, const Tensor& indices);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_SORTING_H_
