// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/gathering.h
// -----------------------------------------------------------------------------
//
// Ops that choose elements along one dimension, with an index for each element.
//
// Example: of each row of scores, the one that belongs to its target.
//
//   auto columns = Reshape(target, {-1, 1});
//   auto chosen = Gather(scores, 1, columns);  // one column
//
// Indices are tensors of int64 or int32. Every index is checked. Negative
// dimensions count from the end. A tensor of rank 0 counts as one of rank 1.
//
// If Scatter writes an element twice, the last value in the row-major order of
// the indices stays. If ScatterAdd adds to an element twice, both values are
// added, in that order. Results have the same bits for every number of threads.
//
// Gradients reach the tensors and the values, but not the indices. An element
// that is read twice gets the sum of both gradients. An element that is
// overwritten gets no gradient. All values that were written to it get the same
// gradient, even those that did not stay, as in PyTorch.
//
// Results are new tensors. Ops in place return the tensor that they have
// written. All functions are thread-safe as long as nothing else writes to the
// tensors. They run on several threads if the tensors are large, and take
// O(elements) time. Their errors:
//
//   kInvalidArgument   - the operand is no tensor, or shapes or dtypes do not
//                        fit each other.
//   kOutOfRange        - there is no such dimension, or an index is outside its
//                        dimension. The message names the index and the size.
//   kResourceExhausted - not enough memory.
//   and those of the operands, of `Apply`, and, for ops in place, of
//   `ApplyInPlace` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_GATHERING_H_
#define FERRY_AUTOGRAD_OPS_GATHERING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns a tensor of the shape of `index` with the elements that `index`
// chooses along dimension `dim`: if `dim` is 1, its element [i][j][k] is
// x[i][index[i][j][k]][k]. `index` has the rank of `x`. In dimensions other
// than `dim`, it is not larger than `x`. Indices are not negative.
absl::StatusOr<Tensor> Gather(const Operand& x, int64_t dim,
                              const Operand& index);

// Write `source`, a tensor or a number, to the elements that `index` chooses,
// or add it to them: if `dim` is 1, self[i][index[i][j][k]][k] is set to
// source[i][j][k]. Scatter and ScatterAdd write to a copy of `self`, the
// functions in place to `self`. ScatterAdd and ScatterAddInPlace take no
// number. `self`, `index` and a tensor `source` have the same rank. `index` is
// in no dimension larger than `source`, and in no dimension other than `dim`
// larger than `self`. Indices are not negative.
absl::StatusOr<Tensor> Scatter(const Operand& self, int64_t dim,
                               const Operand& index, const Operand& source);
absl::StatusOr<Tensor> ScatterInPlace(const Operand& self, int64_t dim,
                                      const Operand& index,
                                      const Operand& source);
absl::StatusOr<Tensor> ScatterAdd(const Operand& self, int64_t dim,
                                  const Operand& index, const Operand& source);
absl::StatusOr<Tensor> ScatterAddInPlace(const Operand& self, int64_t dim,
                                         const Operand& index,
                                         const Operand& source);

// The entries of these ops.
absl::Span<const Op* const> GatheringOps();

// -----------------------------------------------------------------------------
// The function below is for the derivatives of other ops. Programs do not need
// it.

// Returns a tensor of shape `shape` with the elements of `gradient` added at
// the places along dimension `dim` that `index` chooses, and 0 elsewhere: the
// gradient of `Gather`.
absl::StatusOr<Tensor> GatherBackward(const Operand& gradient,
                                      const Operand& index, int64_t dim,
                                      absl::Span<const int64_t> shape);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_GATHERING_H_
