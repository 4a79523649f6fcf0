// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/indexing.h
// -----------------------------------------------------------------------------
//
// Ops that choose elements of a tensor by tensors of indices or by masks, and
// ops that sort.
//
// Example: the embeddings of some words, and the three best scores of each row.
//
//   auto vectors = Embedding(weight, words);
//   absl::StatusOr<ValuesAndIndices> best = TopK(scores, 3);
//
// Indices are tensors of int64 or int32. Masks are tensors of bool; uint8 is
// accepted too, as in PyTorch. Every index is checked. Negative dimensions
// count from the end. If an op takes a dimension, a tensor of rank 0 counts as
// one of rank 1.
//
// If an op writes an element twice, the last value in the row-major order of
// the indices stays. If an op adds to an element twice, both values are added,
// in that order. Results have the same bits for every number of threads.
//
// Gradients reach the tensors and the values, but not the indices and masks. An
// element that is read twice gets the sum of both gradients. An element that is
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
#ifndef FERRY_AUTOGRAD_OPS_INDEXING_H_
#define FERRY_AUTOGRAD_OPS_INDEXING_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {

// -------------------------------------------------------------- By indices

// Returns the slices of dimension `dim` at the indices. `index` has rank 1 or
// 0, and no index is negative.
absl::StatusOr<Tensor> IndexSelect(const Operand& x, int64_t dim,
                                   const Operand& index);

// Add `alpha` times `source` to the slices of dimension `dim` at the indices.
// IndexAdd writes to a copy of `self`, IndexAddInPlace to `self`. `self` and
// `source` have one dtype.
//
// Errors: kInvalidArgument - the tensors have no floats, and `alpha` is not an
//         integer.
absl::StatusOr<Tensor> IndexAdd(const Operand& self, int64_t dim,
                                const Operand& index, const Operand& source,
                                double alpha = 1);
absl::StatusOr<Tensor> IndexAddInPlace(const Operand& self, int64_t dim,
                                       const Operand& index,
                                       const Operand& source, double alpha = 1);

// Returns `x[indices[0], indices[1], ...]` in Python's notation. `indices` has
// one tensor for each of the first dimensions; a null tensor stands for ":".
// The index tensors are broadcast to one shape, which replaces the dimensions
// that they index. If these dimensions are neighbours, the new ones are at the
// place of the first. Otherwise they are at the front. Negative indices count
// from the end.
//
// A mask of rank r stands for r dimensions, and chooses the elements where it
// is true.
absl::StatusOr<Tensor> Index(const Operand& x,
                             absl::Span<const Tensor> indices);

// Write `values` to the elements that `Index(self, indices)` would return, or
// add them if `accumulate` is true. IndexPut writes to a copy of `self`,
// IndexPutInPlace to `self`. `values` is a number, or is broadcast. It has the
// dtype of `self`, unless its rank is 0.
absl::StatusOr<Tensor> IndexPut(const Operand& self,
                                absl::Span<const Tensor> indices,
                                const Operand& values, bool accumulate = false);
absl::StatusOr<Tensor> IndexPutInPlace(const Operand& self,
                                       absl::Span<const Tensor> indices,
                                       const Operand& values,
                                       bool accumulate = false);

// Returns the elements of `x` at the indices, as a tensor of the shape of
// `index`. Indices count the elements of `x` in row-major order. Negative
// indices count from the end.
absl::StatusOr<Tensor> Take(const Operand& x, const Operand& index);

// Returns the rows of the matrix `weight` at the indices. The result has the
// shape of `index`, and a further dimension for the columns. Row
// `padding_index`, if it is given, gets no gradient. A negative `padding_index`
// counts from the end.
absl::StatusOr<Tensor> Embedding(
    const Operand& weight, const Operand& index,
    std::optional<int64_t> padding_index = std::nullopt);

// ------------------------------------------------------ One index per element

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

// ---------------------------------------------------------------- By a mask

// Write `value`, a number or a tensor of rank 0, where the mask is true.
// MaskedFill writes to a copy of `self`, and broadcasts `self` and the mask to
// one shape. MaskedFillInPlace writes to `self`, and broadcasts the mask to the
// shape of `self`. The result has the dtype of `self`.
absl::StatusOr<Tensor> MaskedFill(const Operand& self, const Operand& mask,
                                  const Operand& value);
absl::StatusOr<Tensor> MaskedFillInPlace(const Operand& self,
                                         const Operand& mask,
                                         const Operand& value);

// Returns the elements where the mask is true, in row-major order, as a tensor
// of rank 1. `x` and the mask are broadcast to one shape.
absl::StatusOr<Tensor> MaskedSelect(const Operand& x, const Operand& mask);

// Replace the elements where the mask is true by the elements of `source`, both
// in row-major order. MaskedScatter writes to a copy of `self`, and broadcasts
// `self` and the mask to one shape. MaskedScatterInPlace writes to `self`, and
// broadcasts the mask to the shape of `self`. `source` has at least as many
// elements as the mask chooses.
absl::StatusOr<Tensor> MaskedScatter(const Operand& self, const Operand& mask,
                                     const Operand& source);
absl::StatusOr<Tensor> MaskedScatterInPlace(const Operand& self,
                                            const Operand& mask,
                                            const Operand& source);

// Returns the indices of the elements that are not 0, in row-major order. The
// result is a matrix of int64 with one row per element and one column per
// dimension. There is no gradient.
absl::StatusOr<Tensor> NonZero(const Operand& x);

// ------------------------------------------------------------------- Sorting

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
absl::Span<const Op* const> IndexingOps();

}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_INDEXING_H_
