// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/extremes.h
// -----------------------------------------------------------------------------
//
// Ops that find the largest or the smallest elements, or those in the middle,
// of all elements or along dimensions.
//
// Example: the largest score of each row, and the column where it is.
//
//   absl::StatusOr<ValuesAndIndices> best = Max(scores, 1);
//   auto columns = ArgMax(scores, 1);  // the same indices
//
// Negative dimensions count from the end. An empty list of dimensions stands
// for all of them. Values have the dtype of `x`, and indices int64.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. The bits of results and gradients do not depend on the number of
// threads (autograd/kernels/extremes.h).
//
// Errors of all functions:
//
//   kOutOfRange        - a dimension does not exist.
//   kInvalidArgument   - a dimension appears twice, or there are no elements to
//                        choose from.
//   kUnimplemented     - the dtype is uint64.
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_EXTREMES_H_
#define FERRY_AUTOGRAD_OPS_EXTREMES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Return the largest or the smallest element, or NaN if an element is NaN.
// Elements that are equal to the result share its gradient. `Max` and `Min`
// reduce all elements.
absl::StatusOr<Tensor> AMax(const Operand& x,
                            absl::Span<const int64_t> dims = {},
                            bool keep_dims = false);
absl::StatusOr<Tensor> AMin(const Operand& x,
                            absl::Span<const int64_t> dims = {},
                            bool keep_dims = false);
absl::StatusOr<Tensor> Max(const Operand& x);
absl::StatusOr<Tensor> Min(const Operand& x);

// Return the largest or the smallest element along a dimension, or the first
// NaN if there is one. Of equal elements, the first is chosen. Only the chosen
// element gets the gradient.
absl::StatusOr<ValuesAndIndices> Max(const Operand& x, int64_t dim,
                                     bool keep_dim = false);
absl::StatusOr<ValuesAndIndices> Min(const Operand& x, int64_t dim,
                                     bool keep_dim = false);

// Return the median along a dimension, or of all elements. Of two elements in
// the middle it is the lower one. It is NaN if an element is NaN. One element
// gets the gradient. Takes O(n) time on average for n elements.
absl::StatusOr<ValuesAndIndices> Median(const Operand& x, int64_t dim,
                                        bool keep_dim = false);
absl::StatusOr<Tensor> Median(const Operand& x);

// Return the index of the largest or the smallest element, or of the first NaN
// if there is one. Without `dim`, the index counts all elements in row-major
// order. With `dim`, it counts the elements along that dimension. Of equal
// elements, the first is chosen. The result is int64 and has no gradient.
absl::StatusOr<Tensor> ArgMax(const Operand& x);
absl::StatusOr<Tensor> ArgMax(const Operand& x, int64_t dim,
                              bool keep_dim = false);
absl::StatusOr<Tensor> ArgMin(const Operand& x);
absl::StatusOr<Tensor> ArgMin(const Operand& x, int64_t dim,
                              bool keep_dim = false);

// The entries of these ops.
absl::Span<const Op* const> ExtremeOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_EXTREMES_H_
