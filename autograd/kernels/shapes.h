// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/shapes.h
// -----------------------------------------------------------------------------
//
// Moves the elements of tensors to other places: joins, mirrors, rotates,
// repeats, pads and crops them.
//
// Example: append two columns of zeros to a matrix of 2 x 3 floats.
//
//   const float zero = 0;
//   Pad(matrix, {0, 0}, &zero, padded);  // padded: 2 x 5
//
// Tensors are in host memory, have conj and neg resolved, and are of one dtype.
// Shapes are not checked. A result must not overlap itself or the other
// tensors. Elements are copied as bits, so the dtype may be any whose elements
// have whole bytes. Uses several threads for large tensors. Thread-safe as long
// as nothing else writes to the tensors.
#ifndef FERRY_AUTOGRAD_KERNELS_SHAPES_H_
#define FERRY_AUTOGRAD_KERNELS_SHAPES_H_

#include <cstdint>

#include "absl/types/span.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Writes `value`, one element of the dtype, to every element of `to`.
void Fill(const void* value, const Tensor& to);

// Copies the tensors to `to`, one after the other along `dim`. This is
// PyTorch's `cat`. In the other dimensions the tensors have the sizes of `to`.
void Cat(absl::Span<const Tensor> tensors, int dim, const Tensor& to);

// Copies the elements in reverse order in the given dimensions. `to` has the
// shape of `from`.
void Flip(const Tensor& from, absl::Span<const int> dims, const Tensor& to);

// Copies the elements so that each moves up by `shifts[d]` in dimension d.
// Elements that leave the end come in at the start. `to` has the shape of
// `from`. There is one shift for each dimension, of any size and sign.
void Roll(const Tensor& from, absl::Span<const int64_t> shifts,
          const Tensor& to);

// Copies `from` as often as it fits in each dimension of `to`, whose sizes are
// multiples of those of `from`: PyTorch's `repeat`. Both have the same rank.
void Repeat(const Tensor& from, const Tensor& to);

// Which elements of a matrix to keep: those up to the diagonal in each row, or
// those from the diagonal on.
enum class Triangle { kLower, kUpper };

// Copies a triangle of each matrix in the last two dimensions, and writes zeros
// elsewhere: PyTorch's `tril` and `triu`. `diagonal` is 0 for the main diagonal
// and positive for those to its right. `to` has the shape of `from`, and the
// rank is 2 or more.
void CopyTriangle(const Tensor& from, Triangle triangle, int64_t diagonal,
                  const Tensor& to);

// Copies `from` into `to` so that it begins at index `before[d]` of dimension
// d, which may be negative, and writes `value` to the other elements of `to`.
// Elements of `from` that have no place in `to` are left out.
void Pad(const Tensor& from, absl::Span<const int64_t> before,
         const void* value, const Tensor& to);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_SHAPES_H_
