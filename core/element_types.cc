// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/element_types.h"

#include <cmath>
#include <cstring>

#include "ferry/core/cast_elements.h"

namespace ferry {
inline namespace v1 {

// The formats of 16 bits, which much code converts one by one, without the
// dispatch of CastElements.

template <>
Float16::SmallFloat(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof(word));
  const uint32_t sign = (word >> 16) & 0x8000;
  word &= 0x7fffffff;
  uint32_t rounded;
  if (word > 0x7f800000) {
    // NaN: quiet, with the upper bits of its payload.
    rounded = 0x7e00 | (word >> 13 & 0x3ff);
  } else if (word >= 0x47800000) {
    rounded = 0x7c00;  // 2^16 and more
  } else if (word >= 0x38800000) {
    word += 0xfff + ((word >> 13) & 1);
    rounded = (word - 0x38000000) >> 13;
  } else {
    // Less than 2^-14: the sum has the precision of a subnormal float16.
    const float sum = std::fabs(value) + 0.5f;
    std::memcpy(&word, &sum, sizeof(word));
    rounded = word - 0x3f000000;
  }
  bits = static_cast<uint16_t>(sign | rounded);
}

template <>
Float16::operator float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t magnitude = bits & 0x7fff;
  uint32_t word;
  if (magnitude < 0x0400) {
    const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
    std::memcpy(&word, &subnormal, sizeof(word));
  } else {
    word = (magnitude << 13) + (magnitude < 0x7c00 ? 0x38000000 : 0x70000000);
  }
  word |= sign;
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

template <>
BFloat16::SmallFloat(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof(word));
  bits = static_cast<uint16_t>(
      std::isnan(value) ? word >> 16 | 0x40
                        : (word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

template <>
BFloat16::operator float() const {
  const uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof(value));
  return value;
}

template <DType kDType, typename Bits>
SmallFloat<kDType, Bits>::SmallFloat(float value) {
  CastElements(&value, DType::kFloat32, &bits, kDType, 1);
}

template <DType kDType, typename Bits>
SmallFloat<kDType, Bits>::operator float() const {
  float value;
  CastElements(&bits, kDType, &value, DType::kFloat32, 1);
  return value;
}

template struct SmallFloat<DType::kFloat8E5M2, uint8_t>;
template struct SmallFloat<DType::kFloat8E4M3FN, uint8_t>;
template struct SmallFloat<DType::kFloat8E5M2FNUZ, uint8_t>;
template struct SmallFloat<DType::kFloat8E4M3FNUZ, uint8_t>;
template struct SmallFloat<DType::kFloat8E8M0FNU, uint8_t>;

}  // namespace v1
}  // namespace ferry
