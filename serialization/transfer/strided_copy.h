// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/strided_copy.h
// -----------------------------------------------------------------------------
//
// Elements from one arrangement in memory to another of the same shape.
//
// Example: the transpose of a 2 x 3 matrix of floats.
//
//   CopyStrided(in, {1, 3}, out, {2, 1}, {3, 2}, sizeof(float));
#ifndef FERRY_SERIALIZATION_TRANSFER_STRIDED_COPY_H_
#define FERRY_SERIALIZATION_TRANSFER_STRIDED_COPY_H_

#include <cstdint>

#include "absl/types/span.h"

namespace ferry {

// Shapes and strides have one number per dimension, outermost first; strides
// are in elements, >= 0. Shapes are such that `NumElements` accepts them.

// Whether the view has each element of a run without gaps once, in any order of
// dimensions. O(rank squared).
bool IsDense(absl::Span<const int64_t> shape,
             absl::Span<const int64_t> strides);

// Whether no two elements of the view can share memory, as far as comparing
// each stride with the extent of the smaller ones can tell: views that
// interleave in cleverer ways are taken to overlap. O(rank squared).
bool HasNoOverlap(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides);

// Whether two views of one shape arrange it alike: strides of dimensions of
// size 1 do not matter.
bool HasSameStrides(absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> a, absl::Span<const int64_t> b);

// Copies all elements of `shape`. `from` and `to` are the first elements, of
// `element_bytes`; they must not overlap.
void CopyStrided(const void* from, absl::Span<const int64_t> from_strides,
                 void* to, absl::Span<const int64_t> to_strides,
                 absl::Span<const int64_t> shape, uint64_t element_bytes);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STRIDED_COPY_H_
