// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/strided.h
// -----------------------------------------------------------------------------
//
// Views of memory by shape and strides: what their strides say about them, a
// loop over their elements, and copies from one view to another.
//
// Example: transpose a 2 x 3 matrix of floats.
//
//   CopyStrided(in, {1, 3}, out, {2, 1}, {3, 2}, sizeof(float));
#ifndef FERRY_CORE_STRIDED_H_
#define FERRY_CORE_STRIDED_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "ferry/core/shape.h"

namespace ferry {

// Shapes and strides have one number per dimension, outermost first. Strides
// are in elements, >= 0. `NumElements` must accept the shapes.

// Returns whether the view covers each element of a contiguous range exactly
// once, in any order of dimensions. O(rank^2).
bool IsDense(absl::Span<const int64_t> shape,
             absl::Span<const int64_t> strides);

// Returns whether no two elements of the view share memory. Compares each
// stride with the extent of the smaller ones, so it returns false for some
// interleaved views that do not overlap. O(rank^2).
bool HasNoOverlap(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides);

// Returns whether two views of the same shape have the same layout. Strides of
// dimensions of size 1 do not matter.
bool HasSameStrides(absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> a, absl::Span<const int64_t> b);

// StridedIterator
//
// Goes through the indexes of a shape in row-major order, with the offset of
// the element in each of several views of that shape. Usually the shape is that
// of the outer dimensions, and the innermost one is a plain loop.
//
//   StridedIterator<1> it({2, 2}, {{{3, 1}}});  // a corner of a 3 x 3 matrix
//   do {
//     std::cout << it.offset(0) << " ";  // 0 1 3 4
//   } while (it.Next());
template <size_t kViews>
class StridedIterator {
 public:
  // Begins at the first index. No dimension has the size 0. The shape and the
  // strides must outlive the iterator.
  StridedIterator(absl::Span<const int64_t> shape,
                  const std::array<absl::Span<const int64_t>, kViews>& strides)
      : shape_(shape), strides_(strides), index_(shape.size(), 0) {}

  // Returns the distance of the element from the first element of that view, in
  // elements.
  int64_t offset(size_t view) const { return offsets_[view]; }

  // Goes to the next index. Returns false if there is none.
  bool Next() {
    for (size_t i = shape_.size(); i-- > 0;) {
      if (++index_[i] < shape_[i]) {
        for (size_t v = 0; v < kViews; ++v) offsets_[v] += strides_[v][i];
        return true;
      }
      for (size_t v = 0; v < kViews; ++v) {
        offsets_[v] -= strides_[v][i] * (shape_[i] - 1);
      }
      index_[i] = 0;
    }
    return false;
  }

 private:
  const absl::Span<const int64_t> shape_;
  const std::array<absl::Span<const int64_t>, kViews> strides_;
  Dimensions index_;
  std::array<int64_t, kViews> offsets_ = {};
};

// Copies all elements of `shape`, each of `element_bytes` bytes. `from` and
// `to` point to the first elements; the two views must not overlap.
void CopyStrided(const void* from, absl::Span<const int64_t> from_strides,
                 void* to, absl::Span<const int64_t> to_strides,
                 absl::Span<const int64_t> shape, uint64_t element_bytes);

}  // namespace ferry

#endif  // FERRY_CORE_STRIDED_H_
