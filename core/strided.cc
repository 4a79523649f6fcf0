// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace ferry {
namespace {

// Stride and size of each dimension that has more than one element, the
// smallest stride first.
absl::InlinedVector<std::pair<int64_t, int64_t>, 4> SortedDimensions(
    absl::Span<const int64_t> shape, absl::Span<const int64_t> strides) {
  absl::InlinedVector<std::pair<int64_t, int64_t>, 4> dimensions;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1) dimensions.emplace_back(strides[i], shape[i]);
  }
  std::sort(dimensions.begin(), dimensions.end());
  return dimensions;
}

bool HasElements(absl::Span<const int64_t> shape) {
  return std::find(shape.begin(), shape.end(), 0) == shape.end();
}

}  // namespace

bool IsDense(absl::Span<const int64_t> shape,
             absl::Span<const int64_t> strides) {
  if (!HasElements(shape)) return true;
  int64_t next = 1;
  for (const auto& [stride, size] : SortedDimensions(shape, strides)) {
    if (stride != next) return false;
    next *= size;
  }
  return true;
}

bool HasNoOverlap(absl::Span<const int64_t> shape,
                  absl::Span<const int64_t> strides) {
  if (!HasElements(shape)) return true;
  int64_t extent = 1;  // of the dimensions so far, less than 2^63
  for (const auto& [stride, size] : SortedDimensions(shape, strides)) {
    if (stride < extent) return false;
    extent += (size - 1) * stride;
  }
  return true;
}

bool HasSameStrides(absl::Span<const int64_t> shape,
                    absl::Span<const int64_t> a, absl::Span<const int64_t> b) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1 && a[i] != b[i]) return false;
  }
  return true;
}

void CopyStrided(const void* from, absl::Span<const int64_t> from_strides,
                 void* to, absl::Span<const int64_t> to_strides,
                 absl::Span<const int64_t> shape, uint64_t element_bytes) {
  if (!HasElements(shape)) return;
  // The innermost dimensions that are row-major on both sides are one run.
  size_t outer = shape.size();
  int64_t run = 1;
  while (outer > 0 &&
         (shape[outer - 1] == 1 ||
          (from_strides[outer - 1] == run && to_strides[outer - 1] == run))) {
    run *= shape[--outer];
  }
  const uint64_t run_bytes = static_cast<uint64_t>(run) * element_bytes;
  const auto* const in = static_cast<const char*>(from);
  auto* const out = static_cast<char*>(to);
  StridedIterator<2> it(shape.first(outer), {{from_strides, to_strides}});
  do {
    std::memcpy(out + static_cast<uint64_t>(it.offset(1)) * element_bytes,
                in + static_cast<uint64_t>(it.offset(0)) * element_bytes,
                run_bytes);
  } while (it.Next());
}

}  // namespace ferry
