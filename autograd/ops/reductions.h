// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/reductions.h
// -----------------------------------------------------------------------------
//
// Ops that combine the elements along dimensions: sums, means, norms, counts,
// and running sums. For extremes, see autograd/ops/extremes.h.
//
// Example:
//
//   auto total = Sum(x);             // of all elements, rank 0
//   auto of_rows = Sum(x, {1});      // without dimension 1
//   auto kept = Sum(x, {-1}, true);  // dimension 1 has size 1
//
// Negative dimensions count from the end. An empty list of dimensions stands
// for all of them. Unless a comment says otherwise, the result has the dtype of
// `x`.
//
// float32 sums are accurate to a few units in the last place. float16 and
// bfloat16 are summed in float32.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. The bits of results and gradients do not depend on the number of
// threads (autograd/kernels/reductions.h).
//
// Errors of all functions:
//
//   kOutOfRange        - a dimension does not exist.
//   kInvalidArgument   - a dimension appears twice, or there are no elements to
//                        reduce and the op has no result for that, as a Norm of
//                        infinite p.
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_REDUCTIONS_H_
#define FERRY_AUTOGRAD_OPS_REDUCTIONS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// --- Sums and products -------------------------------------------------------

// Returns the sum. The sum of integers or bools is int64 and wraps around.
absl::StatusOr<Tensor> Sum(const Operand& x,
                           absl::Span<const int64_t> dims = {},
                           bool keep_dims = false);

// Returns the sum, with NaN counted as 0.
absl::StatusOr<Tensor> NanSum(const Operand& x,
                              absl::Span<const int64_t> dims = {},
                              bool keep_dims = false);

// Returns the mean of floats. The mean of no elements is NaN.
absl::StatusOr<Tensor> Mean(const Operand& x,
                            absl::Span<const int64_t> dims = {},
                            bool keep_dims = false);

// Returns the product of all elements, or of the elements along one dimension.
// The product of integers or bools is int64 and wraps around. The gradient is
// exact even if there are zeros.
absl::StatusOr<Tensor> Prod(const Operand& x);
absl::StatusOr<Tensor> Prod(const Operand& x, int64_t dim,
                            bool keep_dim = false);

// Returns a tensor of shape `shape`: the sum of `x` over the dimensions in
// which a tensor of that shape was broadcast to the shape of `x`.
//
// Errors: kInvalidArgument - `shape` cannot be broadcast to the shape of `x`.
absl::StatusOr<Tensor> SumToShape(const Operand& x,
                                  absl::Span<const int64_t> shape);

// --- Spread and size ---------------------------------------------------------

// Var returns the variance of n floats: the sum of squared distances from the
// mean, divided by n - correction. Std returns its square root. The gradient of
// Std is 0 where all elements are equal.
absl::StatusOr<Tensor> Var(const Operand& x,
                           absl::Span<const int64_t> dims = {},
                           double correction = 1, bool keep_dims = false);
absl::StatusOr<Tensor> Std(const Operand& x,
                           absl::Span<const int64_t> dims = {},
                           double correction = 1, bool keep_dims = false);

// Returns the p-norm of floats: (sum |x|^p)^(1/p). This is
// torch.linalg.vector_norm. If p is infinity, the norm is the largest |x|. If p
// is -infinity, it is the smallest |x|. If p is 0, it is the number of elements
// that are not 0. The gradient is 0 where the norm is 0. If p is infinite,
// elements that share the extreme |x| share its gradient.
absl::StatusOr<Tensor> Norm(const Operand& x, double p = 2,
                            absl::Span<const int64_t> dims = {},
                            bool keep_dims = false);

// Returns log(sum(exp(x))) of floats. Does not overflow.
absl::StatusOr<Tensor> LogSumExp(const Operand& x,
                                 absl::Span<const int64_t> dims,
                                 bool keep_dims = false);

// --- Counts, without gradient ------------------------------------------------

// Return whether all, or any, elements are not 0. NaN counts as not 0. The
// result is bool, or uint8 if `x` is uint8.
absl::StatusOr<Tensor> All(const Operand& x,
                           absl::Span<const int64_t> dims = {},
                           bool keep_dims = false);
absl::StatusOr<Tensor> Any(const Operand& x,
                           absl::Span<const int64_t> dims = {},
                           bool keep_dims = false);

// Returns the number of elements that are not 0, as int64.
absl::StatusOr<Tensor> CountNonzero(const Operand& x,
                                    absl::Span<const int64_t> dims = {});

// --- Running sums and products -----------------------------------------------

// Return the sum or the product of each element and all elements before it
// along a dimension. For integers and bools the result is int64 and wraps
// around. The gradient of CumProd is exact even if there are zeros.
absl::StatusOr<Tensor> CumSum(const Operand& x, int64_t dim);
absl::StatusOr<Tensor> CumProd(const Operand& x, int64_t dim);

// The entries of these ops.
absl::Span<const Op* const> ReductionOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_REDUCTIONS_H_
