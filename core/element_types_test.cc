// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/element_types.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

template <typename T>
class SmallFloatTest : public testing::Test {};

using SmallFloats =
    testing::Types<Float16, BFloat16, Float8E5M2, Float8E4M3FN, Float8E5M2FNUZ,
                   Float8E4M3FNUZ, Float8E8M0FNU>;
TYPED_TEST_SUITE(SmallFloatTest, SmallFloats);

// Every number of the format, as CastElements converts it.
TYPED_TEST(SmallFloatTest, BecomesTheFloatOfACast) {
  for (uint32_t bits = 0; bits < uint32_t{1} << (8 * sizeof(TypeParam));
       ++bits) {
    TypeParam number;
    number.bits = static_cast<decltype(number.bits)>(bits);
    float cast;
    CastElements(&number, DTypeOf<TypeParam>::value, &cast, DType::kFloat32, 1);
    const auto own = static_cast<float>(number);
    if (std::isnan(cast)) {
      EXPECT_TRUE(std::isnan(own)) << bits;
      continue;
    }
    EXPECT_EQ(BitsOf(own), BitsOf(cast)) << bits;
  }
}

// Floats around every rounding boundary of 16 and 8 bits, and everywhere else
// in steps of a prime.
TYPED_TEST(SmallFloatTest, IsTheRoundedFloatOfACast) {
  std::vector<float> floats;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 65537) {
    floats.push_back(FloatOf(static_cast<uint32_t>(bits)));
  }
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 0x1000) {
    floats.push_back(FloatOf(static_cast<uint32_t>(bits)));
    floats.push_back(FloatOf(static_cast<uint32_t>(bits) + 1));
    floats.push_back(FloatOf(static_cast<uint32_t>(bits) - 1));
  }
  std::vector<TypeParam> cast(floats.size());
  CastElements(floats.data(), DType::kFloat32, cast.data(),
               DTypeOf<TypeParam>::value, static_cast<int64_t>(floats.size()));
  for (size_t i = 0; i < floats.size(); i += sizeof(TypeParam) == 1 ? 17 : 1) {
    if (std::isnan(floats[i])) {
      const auto own = static_cast<float>(TypeParam(floats[i]));
      EXPECT_TRUE(std::isnan(own)) << floats[i];
      continue;
    }
    ASSERT_EQ(TypeParam(floats[i]).bits, cast[i].bits) << floats[i];
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
