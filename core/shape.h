// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/shape.h
// -----------------------------------------------------------------------------
//
// Overflow-checked arithmetic on shapes and strides. These come from untrusted
// files, so all code that multiplies them uses the functions here.
//
// Shapes list the outermost dimension first. Strides are in ELEMENTS, as in
// PyTorch. A dimension of size 0 is legal, and so is rank 0 (one element).
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
inline namespace v1 {

// Sizes or strides, one per dimension. Up to four need no allocation.
using Dimensions = absl::InlinedVector<int64_t, 4>;

// The highest rank that most functions of PyTorch support. PyTorch also saves
// and loads tensors of a higher rank, which Ferry does not have.
inline constexpr int kMaxRank = 64;

// Returns the number of elements of a tensor of `shape`.
//
// Errors: kInvalidArgument - a negative size, more than kMaxRank dimensions, or
//         2^63 elements or more (even if another size is 0).
absl::StatusOr<int64_t> NumElements(absl::Span<const int64_t> shape);

// Returns the strides of a row-major tensor of `shape`, which `NumElements`
// must accept. A dimension of size 0 counts as 1, as in PyTorch.
Dimensions ContiguousStrides(absl::Span<const int64_t> shape);

// Returns whether the elements are row-major without gaps. Strides of
// dimensions of size 1 do not matter. A tensor without elements is contiguous.
bool IsContiguous(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides);

// Returns one past the largest element index that the view (`shape`, `strides`,
// `offset`) addresses, counted from the start of the storage. Returns 0 if the
// view has no elements, whatever its offset is.
//
// Errors: kInvalidArgument - lengths differ, a negative size, stride or
//         offset, too many dimensions, or a result of 2^63 or more.
absl::StatusOr<int64_t> ViewExtent(absl::Span<const int64_t> shape,
                                   absl::Span<const int64_t> strides,
                                   int64_t offset);

// Returns `NumElements` and `ViewExtent` of a view in one pass. Errors: as
// those.
struct ViewCounts {
  int64_t num_elements = 0;
  int64_t extent = 0;
};
absl::StatusOr<ViewCounts> CountView(absl::Span<const int64_t> shape,
                                     absl::Span<const int64_t> strides,
                                     int64_t offset);

// Returns the shape as text: "[2, 3]".
std::string ShapeToString(absl::Span<const int64_t> shape);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_SHAPE_H_
