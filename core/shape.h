// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/shape.h
// -----------------------------------------------------------------------------
//
// Arithmetic on shapes and strides that cannot wrap. Shapes and strides come
// from files; everything that multiplies them goes through here.
//
// Shapes are outermost dimension first. Strides are in ELEMENTS, as PyTorch
// counts them. A dimension of size 0 is legal, and so is rank 0 (one element).
//
// Example:
//
//   int64_t shape[] = {2, 3};
//   ContiguousStrides(shape);        // {3, 1}
//   *NumElements(shape);             // 6
#ifndef FERRY_CORE_SHAPE_H_
#define FERRY_CORE_SHAPE_H_

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace ferry {

// Sizes or strides, one per dimension. Four need no allocation.
using Dimensions = absl::InlinedVector<int64_t, 4>;

// The highest rank that PyTorch itself supports.
inline constexpr int kMaxRank = 64;

// The number of elements of a tensor of `shape`.
//
// Errors: kInvalidArgument - a negative size, more than kMaxRank dimensions,
//         or 2^63 elements or more (sizes that multiply past that are refused
//         also where another size is 0).
absl::StatusOr<int64_t> NumElements(absl::Span<const int64_t> shape);

// The strides of a row-major tensor of `shape`, which must be one that
// `NumElements` accepts. A dimension of size 0 counts as 1, as in PyTorch.
Dimensions ContiguousStrides(absl::Span<const int64_t> shape);

// Whether the elements stand row-major without gaps. Strides of dimensions of
// size 1 do not matter; a tensor without elements is contiguous.
bool IsContiguous(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides);

// One past the largest element index that the view (`shape`, `strides`,
// `offset`) addresses, counted from the start of the storage; `offset` itself
// if the view has no element.
//
// Errors: kInvalidArgument - lengths differ, a negative size, stride or
//         offset, too many dimensions, or a result of 2^63 or more.
absl::StatusOr<int64_t> ViewExtent(absl::Span<const int64_t> shape,
                                   absl::Span<const int64_t> strides,
                                   int64_t offset);

// What a view counts: `NumElements` and `ViewExtent` together, and their
// errors.
struct ViewCounts {
  int64_t num_elements = 0;
  int64_t extent = 0;
};
absl::StatusOr<ViewCounts> CountView(absl::Span<const int64_t> shape,
                                     absl::Span<const int64_t> strides,
                                     int64_t offset);

// "[2, 3]".
std::string ShapeToString(absl::Span<const int64_t> shape);

}  // namespace ferry

#endif  // FERRY_CORE_SHAPE_H_
