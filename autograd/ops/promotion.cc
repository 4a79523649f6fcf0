// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/promotion.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// bool, integer, float.
int CategoryRank(DType dtype) {
  if (dtype == DType::kBool) return 0;
  return IsInteger(dtype) ? 1 : 2;
}

// What a number counts as.
DType DTypeOfNumber(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return DType::kBool;
    case DType::kFloat64:
      return DType::kFloat32;
    default:
      return DType::kInt64;
  }
}

void Promote(std::optional<DType>& with, DType dtype) {
  with = with.has_value() ? PromoteTypes(*with, dtype) : dtype;
}

// The first dtype, unless the second is of a higher category.
std::optional<DType> Combine(std::optional<DType> first,
                             std::optional<DType> second) {
  if (!first.has_value()) return second;
  if (!second.has_value()) return first;
  return CategoryRank(*second) > CategoryRank(*first) ? second : first;
}

}  // namespace

bool IsComputable(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kBool:
      return true;
    default:
      return false;
  }
}

DType PromoteTypes(DType a, DType b) {
  if (a == b) return a;
  const int rank_a = CategoryRank(a);
  const int rank_b = CategoryRank(b);
  if (rank_a != rank_b) return rank_a > rank_b ? a : b;
  const uint64_t size_a = ElementSizeBytes(a);
  const uint64_t size_b = ElementSizeBytes(b);
  if (rank_a == 2) {
    // float16 and bfloat16 hold different values.
    if (size_a == size_b) return DType::kFloat32;
    return size_a > size_b ? a : b;
  }
  // uint8 and int8; the other integers are signed.
  if (size_a == size_b) return DType::kInt16;
  return size_a > size_b ? a : b;
}

DType PromotedDType(absl::Span<const Input> inputs) {
  std::optional<DType> dimensioned;
  std::optional<DType> zero_dimensional;
  std::optional<DType> numbers;
  for (const Input& input : inputs) {
    if (input.is_number()) {
      Promote(numbers, DTypeOfNumber(input.dtype()));
    } else if (input.shape().empty()) {
      Promote(zero_dimensional, input.dtype());
    } else {
      Promote(dimensioned, input.dtype());
    }
  }
  return Combine(Combine(dimensioned, zero_dimensional), numbers)
      .value_or(DType::kFloat32);
}

DType PromotedFloatDType(absl::Span<const Input> inputs) {
  const DType dtype = PromotedDType(inputs);
  return CategoryRank(dtype) == 2 ? dtype : DType::kFloat32;
}

DType ComputeDType(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBFloat16 ? DType::kFloat32
                                                               : dtype;
}

bool CanBeWrittenTo(DType from, DType to) {
  return CategoryRank(from) <= CategoryRank(to);
}

absl::StatusOr<Dimensions> BroadcastShape(absl::Span<const int64_t> a,
                                          absl::Span<const int64_t> b) {
  if (a.size() < b.size()) std::swap(a, b);
  Dimensions shape(a.begin(), a.end());
  const size_t skipped = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t& size = shape[skipped + i];
    if (size == b[i] || b[i] == 1) continue;
    if (size != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("the shapes ", ShapeToString(a), " and ",
                       ShapeToString(b), " cannot be broadcast: dimension ",
                       skipped + i, " has the sizes ", size, " and ", b[i]));
    }
    size = b[i];
  }
  return shape;
}

absl::StatusOr<Dimensions> BroadcastShape(absl::Span<const Input> inputs) {
  Dimensions shape;
  for (const Input& input : inputs) {
    FERRY_ASSIGN_OR_RETURN(shape, BroadcastShape(shape, input.shape()));
  }
  return shape;
}

}  // namespace v1
}  // namespace ferry
