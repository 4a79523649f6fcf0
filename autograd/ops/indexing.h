// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/indexing.h
// -----------------------------------------------------------------------------
//
// Ops that choose elements, or slices, of a tensor by tensors of indices.
//
// Example: the embeddings of some words, and every second row of a matrix.
//
//   auto vectors = Embedding(weight, words);
//   auto rows = Index(matrix, {*Arange(0, 10, 2)});
//
// Indices are tensors of int64 or int32. Where masks may stand for indices,
// they are tensors of bool; uint8 is accepted too, as in PyTorch. Every index
// is checked. Negative dimensions count from the end. If an op takes a
// dimension, a tensor of rank 0 counts as one of rank 1.
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
inline namespace v1 {

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

// The entries of these ops.
absl::Span<const Op* const> IndexingOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_INDEXING_H_
