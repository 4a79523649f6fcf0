// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/element_types.h"

#include "ferry/core/cast_elements.h"

namespace ferry {

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

template struct SmallFloat<DType::kFloat16, uint16_t>;
template struct SmallFloat<DType::kBFloat16, uint16_t>;
template struct SmallFloat<DType::kFloat8E5M2, uint8_t>;
template struct SmallFloat<DType::kFloat8E4M3FN, uint8_t>;
template struct SmallFloat<DType::kFloat8E5M2FNUZ, uint8_t>;
template struct SmallFloat<DType::kFloat8E4M3FNUZ, uint8_t>;
template struct SmallFloat<DType::kFloat8E8M0FNU, uint8_t>;

}  // namespace ferry
