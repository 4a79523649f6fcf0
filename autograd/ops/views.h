// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/views.h
// -----------------------------------------------------------------------------
//
// Views of a tensor that are recorded for gradients. They share its storage:
// nothing is copied, and a write to a view is a write to the tensor.
// core/strided_views.h has the same functions without recording.
//
// Example:
//
//   auto column = Reshape(x, {-1, 1});
//   auto table = Expand(column, {-1, 8});
//   auto first = Select(table, 1, 0);
//
// Negative dimensions and indices count from the end, as in PyTorch. All
// functions are thread-safe. They take O(rank) time unless a comment says
// otherwise. Their errors:
//
//   kInvalidArgument    - the operand is no tensor or has no strides, or an
//                         argument does not fit its shape.
//   kOutOfRange         - there is no such dimension or index.
//   kFailedPrecondition - View would have to copy the elements.
//   and those of the operand, and of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_VIEWS_H_
#define FERRY_AUTOGRAD_OPS_VIEWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// ----------------------------------------------------------- Another shape

// Returns the tensor repeated to `shape`, as `strided::Expand` does.
absl::StatusOr<Tensor> Expand(const Operand& x,
                              absl::Span<const int64_t> shape);

// Returns the tensor repeated to the shape of `other`.
absl::StatusOr<Tensor> ExpandAs(const Operand& x, const Operand& other);

// Returns the same elements, in row-major order, as a tensor of shape `shape`.
// One size may be -1 and is then computed. The result is a view of `x` if that
// is possible, and otherwise a copy, which takes O(elements) time.
absl::StatusOr<Tensor> Reshape(const Operand& x,
                               absl::Span<const int64_t> shape);

// Returns the same as `Reshape`, but never copies. Returns kFailedPrecondition
// if the elements would have to be copied.
absl::StatusOr<Tensor> View(const Operand& x, absl::Span<const int64_t> shape);

// Returns the tensor with dimensions `start_dim` to `end_dim` merged into one.
// Copies the elements if no view has that shape, which takes O(elements) time.
// A tensor of rank 0 becomes one of shape [1].
absl::StatusOr<Tensor> Flatten(const Operand& x, int64_t start_dim = 0,
                               int64_t end_dim = -1);

// Return the tensor without its dimensions of size 1, or without dimension
// `dim` if that has size 1.
absl::StatusOr<Tensor> Squeeze(const Operand& x);
absl::StatusOr<Tensor> Squeeze(const Operand& x, int64_t dim);

// Returns the tensor with a new dimension of size 1 before dimension `dim`. If
// `dim` is -1, the new dimension is the last one.
absl::StatusOr<Tensor> Unsqueeze(const Operand& x, int64_t dim);

// --------------------------------------------- Dimensions in another order

// Returns the tensor with two dimensions exchanged.
absl::StatusOr<Tensor> Transpose(const Operand& x, int64_t dim0, int64_t dim1);

// Returns the transpose of a matrix. Returns a tensor of rank 0 or 1 as it is.
//
// Errors: kInvalidArgument - the rank is above 2.
absl::StatusOr<Tensor> T(const Operand& x);

// Returns the tensor with its dimensions in the order `dims`, which names each
// dimension once.
absl::StatusOr<Tensor> Permute(const Operand& x,
                               absl::Span<const int64_t> dims);

// Returns the tensor with dimension `source` at position `destination`. The
// others keep their order.
absl::StatusOr<Tensor> MoveDim(const Operand& x, int64_t source,
                               int64_t destination);

// -------------------------------------------------------- Parts of a tensor

// Returns the slice at `index` of dimension `dim`, without that dimension.
absl::StatusOr<Tensor> Select(const Operand& x, int64_t dim, int64_t index);

// Returns every `step`-th slice of dimension `dim`, from index `start` up to,
// but not including, `stop`. This is Python's `[start:stop:step]`. `step` is
// positive. Bounds outside of the dimension are clamped, as in Python.
absl::StatusOr<Tensor> Slice(const Operand& x, int64_t dim, int64_t start,
                             int64_t stop = strided::kToTheEnd,
                             int64_t step = 1);

// Returns `length` slices of dimension `dim`, beginning at index `start`.
absl::StatusOr<Tensor> Narrow(const Operand& x, int64_t dim, int64_t start,
                              int64_t length);

// Returns a diagonal of each matrix in two dimensions, as a new last dimension.
// A positive `offset` chooses a diagonal to the right of the main one, a
// negative one to its left.
absl::StatusOr<Tensor> Diagonal(const Operand& x, int64_t offset = 0,
                                int64_t dim1 = 0, int64_t dim2 = 1);

// Returns all windows of `size` consecutive slices of dimension `dim`. Each
// window begins `step` slices after the previous one. In the result, dimension
// `dim` counts the windows, and a new last dimension counts the slices in each.
// Windows overlap if `step` is less than `size`, so do not write to them.
absl::StatusOr<Tensor> Unfold(const Operand& x, int64_t dim, int64_t size,
                              int64_t step);

// The functions below return parts of a tensor in dimension `dim`. They take
// O(rank) time for each part. Do not write to a part in place while recording
// is on.
//
// Errors: kResourceExhausted - there would be more than 2^24 parts.

// Returns parts of `split_size` slices each. The last part may have fewer.
absl::StatusOr<std::vector<Tensor>> Split(const Operand& x, int64_t split_size,
                                          int64_t dim = 0);

// Returns parts of the given sizes, which must add up to the size of the
// dimension.
absl::StatusOr<std::vector<Tensor>> SplitWithSizes(
    const Operand& x, absl::Span<const int64_t> sizes, int64_t dim = 0);

// Returns at most `chunks` parts of equal size. The last part may be smaller.
absl::StatusOr<std::vector<Tensor>> Chunk(const Operand& x, int64_t chunks,
                                          int64_t dim = 0);

// Returns all slices of dimension `dim`, without that dimension. Errors: as
// `Split`.
absl::StatusOr<std::vector<Tensor>> Unbind(const Operand& x, int64_t dim = 0);

// The entries of these ops.
absl::Span<const Op* const> ViewOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_VIEWS_H_
