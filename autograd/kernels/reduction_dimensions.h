// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/reduction_dimensions.h
// -----------------------------------------------------------------------------
//
// The dimensions of a tensor that is reduced, and walks through them.
//
// Example: visit the elements of a 2 x 3 matrix whose columns are reduced.
//
//   const DimensionList dimensions = {{2, 3, 0}, {3, 1, 1}};
//   Odometer at(dimensions, 0);
//   for (int64_t i = 0; i < CountOf(dimensions); ++i, at.Advance()) {
//     out[at.out_offset()] += x[at.x_offset()];
//   }
#ifndef FERRY_AUTOGRAD_KERNELS_REDUCTION_DIMENSIONS_H_
#define FERRY_AUTOGRAD_KERNELS_REDUCTION_DIMENSIONS_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// The elements of a row, at most, that are reduced at once. It is constant, so
// that results do not depend on the number of threads.
inline constexpr int64_t kRowBlock = 32768;

// The columns, at most, that are reduced at once, so that their totals stay in
// the first-level cache.
inline constexpr int64_t kMaxColumns = 2048;

// One dimension, with its strides in the input and in the output.
struct Dimension {
  int64_t size = 1;
  int64_t x_stride = 0;
  int64_t out_stride = 0;
};
using DimensionList = absl::InlinedVector<Dimension, 4>;

// Returns the product of the sizes.
inline int64_t CountOf(const DimensionList& dimensions) {
  int64_t count = 1;
  for (const Dimension& dimension : dimensions) count *= dimension.size;
  return count;
}

// Odometer
//
// A position in a list of dimensions, row by row. Points to the list. Neither
// the position nor the offsets are checked. Not thread-safe.
class Odometer {
 public:
  // Starts at `position`, counted row by row from 0.
  Odometer(const DimensionList& dimensions, int64_t position)
      : dimensions_(dimensions), index_(dimensions.size()) {
    for (size_t i = dimensions.size(); i-- > 0;) {
      index_[i] = position % dimensions[i].size;
      position /= dimensions[i].size;
      x_offset_ += index_[i] * dimensions[i].x_stride;
      out_offset_ += index_[i] * dimensions[i].out_stride;
    }
  }

  // The offsets of the position in both tensors, in elements.
  int64_t x_offset() const { return x_offset_; }
  int64_t out_offset() const { return out_offset_; }

  // Goes to the next position; from the last one, to the first.
  void Advance() {
    for (size_t i = dimensions_.size(); i-- > 0;) {
      const Dimension& dimension = dimensions_[i];
      x_offset_ += dimension.x_stride;
      out_offset_ += dimension.out_stride;
      if (++index_[i] < dimension.size) return;
      x_offset_ -= dimension.size * dimension.x_stride;
      out_offset_ -= dimension.size * dimension.out_stride;
      index_[i] = 0;
    }
  }

 private:
  const DimensionList& dimensions_;
  absl::InlinedVector<int64_t, 4> index_;
  int64_t x_offset_ = 0;
  int64_t out_offset_ = 0;
};

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_REDUCTION_DIMENSIONS_H_
