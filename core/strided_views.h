// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/strided_views.h
// -----------------------------------------------------------------------------
//
// Views of a tensor that share its storage: parts of it, or its dimensions in
// another order.
//
// Example: the first ten rows of a weight, transposed.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor rows, strided::Narrow(weight, 0, 0, 10));
//   FERRY_ASSIGN_OR_RETURN(Tensor columns, strided::Transpose(rows, 0, 1));
//
// Nothing is copied, and a write to a view is a write to the tensor. Views are
// not recorded for gradients: the result has no gradient history, and its
// `requires_grad` is false. A conjugated or negated tensor gives conjugated or
// negated views.
//
// Dimensions and indices may be negative; they then count from the end, as in
// PyTorch.
//
// All functions are thread-safe and take O(rank) time. Their errors:
//
//   kInvalidArgument - the tensor is null or not strided, or its dtype packs
//                      several elements into a byte; an argument does not fit
//                      the tensor's shape.
//   kOutOfRange      - there is no such dimension or index.
#ifndef FERRY_CORE_STRIDED_VIEWS_H_
#define FERRY_CORE_STRIDED_VIEWS_H_

#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace strided {

// Returns `length` slices of dimension `dim`, from index `start` on. The error
// is kOutOfRange if the dimension has fewer.
absl::StatusOr<Tensor> Narrow(const Tensor& tensor, int64_t dim, int64_t start,
                              int64_t length);

// Returns the slice at `index` of dimension `dim`, without that dimension.
absl::StatusOr<Tensor> Select(const Tensor& tensor, int64_t dim, int64_t index);

// Returns every `step`-th slice of dimension `dim`, from index `start` up to,
// but not including, `stop`: Python's `[start:stop:step]`. Bounds past the ends
// are moved to the ends, so the result may be empty.
//
// `step` is 1 or more, since no stride is negative.
inline constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();
absl::StatusOr<Tensor> Slice(const Tensor& tensor, int64_t dim, int64_t start,
                             int64_t stop = kToTheEnd, int64_t step = 1);

// Returns the tensor with two dimensions exchanged.
absl::StatusOr<Tensor> Transpose(const Tensor& tensor, int64_t dim0,
                                 int64_t dim1);

// Returns the tensor with its dimensions in the order `dims`, which names each
// of them once.
absl::StatusOr<Tensor> Permute(const Tensor& tensor,
                               absl::Span<const int64_t> dims);

// Returns the tensor repeated to `shape` by strides of 0: PyTorch's
// broadcasting. The last dimensions of `shape` belong to those of the tensor.
// A size of -1 keeps the size; other sizes must be equal, or the tensor's be 1.
//
// Several elements of the result share memory, so do not write to it.
absl::StatusOr<Tensor> Expand(const Tensor& tensor,
                              absl::Span<const int64_t> shape);

// Returns the same elements, in row-major order, as a tensor of `shape`. One
// size may be -1 and is then computed.
//
// The error is kFailedPrecondition if the elements would have to be copied;
// pass `Contiguous(tensor)` (core/strided_copies.h) then.
absl::StatusOr<Tensor> Reshape(const Tensor& tensor,
                               absl::Span<const int64_t> shape);

}  // namespace strided
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_STRIDED_VIEWS_H_
