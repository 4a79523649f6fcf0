// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/arguments.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

absl::StatusOr<int> WrapDim(int64_t dim, int rank) {
  const int64_t size = std::max(rank, 1);
  if (dim < -size || dim >= size) {
    return absl::OutOfRangeError(absl::StrCat("there is no dimension ", dim,
                                              " in a tensor of rank ", rank));
  }
  return static_cast<int>(dim < 0 ? dim + size : dim);
}

bool IsTensor(const Operand& x) {
  return x.status().ok() && !x.is_number() && !x.tensor().is_null() &&
         x.tensor().layout() == Layout::kStrided;
}

absl::Status CheckIsTensor(absl::string_view op, const Operand& x) {
  FERRY_RETURN_IF_ERROR(x.status());
  if (x.is_number()) {
    return absl::InvalidArgumentError(absl::StrCat(
        op, ": the op takes a tensor, not a number; make one with Full"));
  }
  if (x.tensor().is_null()) {
    return absl::InvalidArgumentError(absl::StrCat(op, ": the tensor is null"));
  }
  if (x.tensor().layout() != Layout::kStrided) {
    return absl::InvalidArgumentError(
        absl::StrCat(op, ": the op takes strided tensors only; this one is ",
                     Name(x.tensor().layout())));
  }
  return absl::OkStatus();
}

Attributes IntsOf(absl::Span<const int64_t> ints,
                  absl::Span<const int64_t> more_ints) {
  Attributes attributes;
  attributes.ints.assign(ints.begin(), ints.end());
  attributes.more_ints.assign(more_ints.begin(), more_ints.end());
  return attributes;
}

absl::StatusOr<Scalar> FactorFor(DType dtype, absl::string_view name,
                                 double factor) {
  if (Category(dtype) == DTypeCategory::kFloat) return Scalar(factor);
  constexpr double kLimit = 9.2e18;
  // NaN is not equal to itself.
  if (factor != std::floor(factor) || std::abs(factor) > kLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", factor, "; for tensors of ", Name(dtype),
                     " it must be an integer that fits in 64 bits"));
  }
  return Scalar(static_cast<int64_t>(factor));
}

}  // namespace v1
}  // namespace ferry
