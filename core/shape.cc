// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/shape.h"

#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace ferry {
inline namespace v1 {
namespace {

bool HasTooManyDimensions(absl::Span<const int64_t> shape) {
  return shape.size() > static_cast<size_t>(kMaxRank);
}

absl::Status TooManyDimensions(absl::Span<const int64_t> shape) {
  return absl::InvalidArgumentError(absl::StrCat("a tensor has ", shape.size(),
                                                 " dimensions; at most ",
                                                 kMaxRank, " are supported"));
}

}  // namespace

absl::StatusOr<int64_t> NumElements(absl::Span<const int64_t> shape) {
  if (HasTooManyDimensions(shape)) return TooManyDimensions(shape);
  int64_t product = 1;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape ", ShapeToString(shape), " has a negative size"));
    }
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, size, &product)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shape ", ShapeToString(shape), " has more than 2^63 elements"));
    }
  }
  return empty ? 0 : product;
}

Dimensions ContiguousStrides(absl::Span<const int64_t> shape) {
  Dimensions strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    if (shape[i] > 1) step *= shape[i];
  }
  return strides;
}

bool IsContiguous(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides) {
  for (int64_t size : shape) {
    if (size == 0) return true;
  }
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

absl::StatusOr<int64_t> ViewExtent(absl::Span<const int64_t> shape,
                                   absl::Span<const int64_t> strides,
                                   int64_t offset) {
  if (HasTooManyDimensions(shape)) return TooManyDimensions(shape);
  if (shape.size() != strides.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeToString(shape), " and strides ",
                     ShapeToString(strides), " differ in length"));
  }
  bool bad = offset < 0;
  bool empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    bad = bad || shape[i] < 0 || strides[i] < 0;
    empty = empty || shape[i] == 0;
  }
  if (bad) {
    return absl::InvalidArgumentError(
        absl::StrCat("a view has a negative size, stride or offset: shape ",
                     ShapeToString(shape), ", strides ", ShapeToString(strides),
                     ", offset ", offset));
  }
  if (empty) return 0;
  int64_t last = offset;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t reach;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      last = std::numeric_limits<int64_t>::max();
      break;
    }
  }
  if (last == std::numeric_limits<int64_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a view reaches past 2^63 elements: shape ", ShapeToString(shape),
        ", strides ", ShapeToString(strides), ", offset ", offset));
  }
  return last + 1;
}

absl::StatusOr<ViewCounts> CountView(absl::Span<const int64_t> shape,
                                     absl::Span<const int64_t> strides,
                                     int64_t offset) {
  // In one pass, if there is nothing odd about the view.
  bool is_plain = shape.size() == strides.size() && offset >= 0 &&
                  shape.size() <= static_cast<size_t>(kMaxRank);
  int64_t product = 1;
  int64_t last = offset;
  for (size_t i = 0; is_plain && i < shape.size(); ++i) {
    int64_t reach;
    is_plain = shape[i] > 0 && strides[i] >= 0 &&
               !__builtin_mul_overflow(product, shape[i], &product) &&
               !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
               !__builtin_add_overflow(last, reach, &last);
  }
  if (is_plain && last < std::numeric_limits<int64_t>::max()) {
    return ViewCounts{product, last + 1};
  }
  const absl::StatusOr<int64_t> num_elements = NumElements(shape);
  if (!num_elements.ok()) return num_elements.status();
  const absl::StatusOr<int64_t> extent = ViewExtent(shape, strides, offset);
  if (!extent.ok()) return extent.status();
  return ViewCounts{*num_elements, *extent};
}

std::string ShapeToString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace v1
}  // namespace ferry
