// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/scalar.h
// -----------------------------------------------------------------------------
//
// A number of any kind: bool, integer, real or complex.
//
// Example:
//
//   Scalar scalar = 3;
//   scalar.dtype();                  // DType::kInt64
//   *scalar.To<float>();             // 3.0f
//   absl::StatusOr<uint8_t> byte = Scalar(300).To<uint8_t>();  // kOutOfRange
#ifndef FERRY_CORE_SCALAR_H_
#define FERRY_CORE_SCALAR_H_

#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"

namespace ferry {
inline namespace v1 {

// Scalar
//
// Keeps the kind of the number that it was made of, since results depend on it:
// `Full({2}, 1)` has the dtype int64 and `Full({2}, 1.0)` float32. Copies are
// cheap. Thread-safe, except for assignment.
class Scalar {
 public:
  // From any arithmetic type except the character types (`char` may be meant
  // as a letter; int8_t and uint8_t are numbers) and long double.
  template <
      typename T,
      typename = std::enable_if_t<
          std::is_arithmetic_v<T> && !std::is_same_v<T, char> &&
          !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char16_t> &&
          !std::is_same_v<T, char32_t> && !std::is_same_v<T, long double>>>
  Scalar(T value) {  // NOLINT(google-explicit-constructor): numbers convert
    if constexpr (std::is_same_v<T, bool>) {
      dtype_ = DType::kBool;
      value_.boolean = value;
    } else if constexpr (std::is_floating_point_v<T>) {
      dtype_ = DType::kFloat64;
      value_.real = value;
    } else if constexpr (std::is_signed_v<T>) {
      SetSigned(value);
    } else {
      SetUnsigned(value);
    }
  }
  Scalar(std::complex<float> value)  // NOLINT(google-explicit-constructor)
      : Scalar(std::complex<double>(value)) {}
  Scalar(std::complex<double> value)  // NOLINT(google-explicit-constructor)
      : dtype_(DType::kComplex128) {
    value_.complex[0] = value.real();
    value_.complex[1] = value.imag();
  }

  // kBool, kInt64, kUInt64 (for integers of 2^63 or more only), kFloat64 or
  // kComplex128.
  DType dtype() const { return dtype_; }

  // The address of the number as one element of `dtype()`.
  const void* data() const { return &value_; }

  // Converts to an element type (core/element_types.h) as PyTorch's `item`
  // does: integers drop the fraction, and bool says whether the number is not
  // 0. Unlike there, a negative number is never wrapped to an unsigned one.
  //
  // Errors: kOutOfRange - the number is outside the range of T, or T is an
  //         integer and the number is NaN, or T is real and the imaginary part
  //         is not 0. (Float8E4M3FN and Float8E8M0FNU saturate or drop the sign
  //         without an error, as in core/cast_elements.h.)
  template <typename T>
  absl::StatusOr<T> To() const {
    T value;
    const absl::Status status = Convert(DTypeOf<T>::value, &value);
    if (!status.ok()) return status;
    return value;
  }

  // Converts to an element of `dtype` at `out`, which need not be aligned.
  // `CheckCast(DType::kFloat64, dtype)` must be OK. Errors: as `To`.
  absl::Status Convert(DType dtype, void* out) const;

  // Returns the number as text: "3", "0.5", "true" or "1+2j".
  std::string ToString() const;

 private:
  void SetSigned(int64_t value) {
    dtype_ = DType::kInt64;
    value_.integer = value;
  }
  void SetUnsigned(uint64_t value) {
    if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      SetSigned(static_cast<int64_t>(value));
    } else {
      dtype_ = DType::kUInt64;
      value_.natural = value;
    }
  }

  DType dtype_;
  union {
    bool boolean;
    int64_t integer;
    uint64_t natural;
    double real;
    double complex[2];
  } value_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_SCALAR_H_
