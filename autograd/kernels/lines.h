// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/lines.h
// -----------------------------------------------------------------------------
//
// A contiguous tensor as lines along one dimension.
//
// Example: a tensor of shape {2, 3, 4} has 8 lines along dimension 1.
//
//   const LineShape lines = LineShapeOf({2, 3, 4}, 1);
//   // outer is 2, size is 3, inner is 4: elements of a line are 4 apart.
#ifndef FERRY_AUTOGRAD_KERNELS_LINES_H_
#define FERRY_AUTOGRAD_KERNELS_LINES_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// The elements of line (o, i), for o < outer and i < inner, are at
// (o * size + k) * inner + i, for k < size.
struct LineShape {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t inner = 1;
};

// Returns the lines of a contiguous tensor along `dim`. A tensor of rank 0 is a
// line of one element.
inline LineShape LineShapeOf(absl::Span<const int64_t> shape, int dim) {
  LineShape lines;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (static_cast<int>(i) < dim) {
      lines.outer *= shape[i];
    } else if (static_cast<int>(i) == dim) {
      lines.size = shape[i];
    } else {
      lines.inner *= shape[i];
    }
  }
  return lines;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_LINES_H_
