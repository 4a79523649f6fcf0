// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/element_types.h
// -----------------------------------------------------------------------------
//
// The C++ type of a tensor's elements for each dtype that has one. C++17 has no
// 8- and 16-bit floating-point types, so here are some that hold the bits and
// convert to and from float.
//
// Example:
//
//   BFloat16 half(0.5f);
//   float value = static_cast<float>(half);
//   DTypeOf<BFloat16>::value;  // DType::kBFloat16
#ifndef FERRY_CORE_ELEMENT_TYPES_H_
#define FERRY_CORE_ELEMENT_TYPES_H_

#include <complex>
#include <cstdint>

#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {

// SmallFloat
//
// A floating-point number of 8 or 16 bits, of the format of `kDType`. Has no
// arithmetic: convert to float, calculate, and convert back. Conversions from
// float round, saturate and treat NaN as PyTorch does (core/cast_elements.h,
// which is faster for many numbers).
template <DType kDType, typename Bits>
struct SmallFloat {
  SmallFloat() = default;
  explicit SmallFloat(float value);
  explicit operator float() const;

  Bits bits = 0;
};

using Float16 = SmallFloat<DType::kFloat16, uint16_t>;
using BFloat16 = SmallFloat<DType::kBFloat16, uint16_t>;
using Float8E5M2 = SmallFloat<DType::kFloat8E5M2, uint8_t>;
using Float8E4M3FN = SmallFloat<DType::kFloat8E4M3FN, uint8_t>;
using Float8E5M2FNUZ = SmallFloat<DType::kFloat8E5M2FNUZ, uint8_t>;
using Float8E4M3FNUZ = SmallFloat<DType::kFloat8E4M3FNUZ, uint8_t>;
using Float8E8M0FNU = SmallFloat<DType::kFloat8E8M0FNU, uint8_t>;

template <>
Float16::SmallFloat(float value);
template <>
Float16::operator float() const;
template <>
BFloat16::SmallFloat(float value);
template <>
BFloat16::operator float() const;
extern template struct SmallFloat<DType::kFloat8E5M2, uint8_t>;
extern template struct SmallFloat<DType::kFloat8E4M3FN, uint8_t>;
extern template struct SmallFloat<DType::kFloat8E5M2FNUZ, uint8_t>;
extern template struct SmallFloat<DType::kFloat8E4M3FNUZ, uint8_t>;
extern template struct SmallFloat<DType::kFloat8E8M0FNU, uint8_t>;

// DTypeOf<T>::value
//
// The dtype of a tensor whose elements are of type T. Does not compile for
// other types, such as `long double`. (On Linux int64_t is `long`, so `long
// long` is one of them.)
template <typename T>
struct DTypeOf;
template <DType kDType, typename Bits>
struct DTypeOf<SmallFloat<kDType, Bits>> {
  static constexpr DType value = kDType;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFloat32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFloat64;
};
template <>
struct DTypeOf<std::complex<float>> {
  static constexpr DType value = DType::kComplex64;
};
template <>
struct DTypeOf<std::complex<double>> {
  static constexpr DType value = DType::kComplex128;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::kInt16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kUInt8;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::kUInt16;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::kUInt32;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::kUInt64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_ELEMENT_TYPES_H_
