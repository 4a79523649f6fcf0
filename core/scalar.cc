// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/scalar.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

// The fewest digits that give the number back.
std::string Shortest(double value) {
  char text[32];
  for (int digits = 6; digits <= 17; ++digits) {
    absl::SNPrintF(text, sizeof(text), "%.*g", digits, value);
    double parsed;
    if (absl::SimpleAtod(text, &parsed) && parsed == value) break;
  }
  return text;
}

// Whether an integer dtype can hold `value` once its fraction is dropped.
bool IsInRange(double value, DType dtype) {
  const int bits = static_cast<int>(8 * ElementSizeBytes(dtype));
  const double whole = std::trunc(value);
  if (Category(dtype) == DTypeCategory::kUnsignedInt) {
    return whole >= 0 && whole < std::ldexp(1.0, bits);
  }
  const double end = std::ldexp(1.0, bits - 1);
  return whole >= -end && whole < end;
}

bool IsInRange(int64_t value, DType dtype) {
  const int bits = static_cast<int>(8 * ElementSizeBytes(dtype));
  if (Category(dtype) == DTypeCategory::kUnsignedInt) {
    return value >= 0 && (bits == 64 || value >> bits == 0);
  }
  return bits == 64 ||
         (value >= -(int64_t{1} << (bits - 1)) && value >> (bits - 1) <= 0);
}

}  // namespace

absl::Status Scalar::Convert(DType dtype, void* out) const {
  bool fits = true;
  switch (Category(dtype)) {
    case DTypeCategory::kSignedInt:
    case DTypeCategory::kUnsignedInt:
      switch (dtype_) {
        case DType::kInt64:
          fits = IsInRange(value_.integer, dtype);
          break;
        case DType::kUInt64:  // 2^63 or more
          fits = dtype == DType::kUInt64;
          break;
        case DType::kFloat64:
          fits = IsInRange(value_.real, dtype);
          break;
        case DType::kComplex128:
          fits = value_.complex[1] == 0 && IsInRange(value_.complex[0], dtype);
          break;
        default:
          break;
      }
      break;
    case DTypeCategory::kFloat:
      fits = dtype_ != DType::kComplex128 || value_.complex[1] == 0;
      break;
    default:
      break;
  }
  if (fits) {
    CastElements(&value_, dtype_, out, dtype, 1);
    if (HasGradients(dtype)) {
      // A finite number must not become an infinity, nor a NaN.
      double before[2];
      double after[2];
      CastElements(&value_, dtype_, before, DType::kComplex128, 1);
      CastElements(out, dtype, after, DType::kComplex128, 1);
      for (int i = 0; i < 2; ++i) {
        if (std::isfinite(before[i]) && !std::isfinite(after[i])) fits = false;
      }
    }
  }
  if (!fits) {
    return absl::OutOfRangeError(absl::StrCat(
        ToString(), " cannot be represented as ", WithArticle(Name(dtype))));
  }
  return absl::OkStatus();
}

std::string Scalar::ToString() const {
  switch (dtype_) {
    case DType::kBool:
      return value_.boolean ? "true" : "false";
    case DType::kInt64:
      return absl::StrCat(value_.integer);
    case DType::kUInt64:
      return absl::StrCat(value_.natural);
    case DType::kFloat64:
      return Shortest(value_.real);
    default:
      return absl::StrCat(Shortest(value_.complex[0]),
                          std::signbit(value_.complex[1]) ? "" : "+",
                          Shortest(value_.complex[1]), "j");
  }
}

}  // namespace v1
}  // namespace ferry
