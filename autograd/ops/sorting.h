// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/sorting.h
// -----------------------------------------------------------------------------
//
// Ops that sort along a dimension.
//
// Example: the three best scores of each row, and where they are.
//
//   absl::StatusOr<ValuesAndIndices> best = TopK(scores, 3);
//
// Negative dimensions count from the end. A tensor of rank 0 counts as one of
// rank 1. Results have the same bits for every number of threads.
//
// The gradient of a value reaches the element that it is. Results are new
// tensors. All functions are thread-safe as long as nothing else writes to the
// tensors. They run on several threads if there are several lines to sort, and
// take O(elements) time. Their errors:
//
//   kInvalidArgument   - the operand is no tensor.
//   kOutOfRange        - there is no such dimension, or `k` is negative or
//                        larger than its size.
//   kResourceExhausted - not enough memory.
//   and those of the operands, and of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_SORTING_H_
#define FERRY_AUTOGRAD_OPS_SORTING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns the tensor sorted along dimension `dim`. NaN is greater than all
// numbers. Equal elements keep their order.
absl::StatusOr<ValuesAndIndices> Sort(const Operand& x, int64_t dim = -1,
                                      bool descending = false);

// Returns only the indices of `Sort`. There is no gradient.
absl::StatusOr<Tensor> ArgSort(const Operand& x, int64_t dim = -1,
                               bool descending = false);

// Returns the `k` largest or smallest elements along dimension `dim`, in sorted
// order. Of equal elements, those with lower indices come first.
absl::StatusOr<ValuesAndIndices> TopK(const Operand& x, int64_t k,
                                      int64_t dim = -1, bool largest = true);

// The entries of these ops.
absl::Span<const Op* const> SortingOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_SORTING_H_
