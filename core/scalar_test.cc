// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/scalar.h"

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "absl/status/status.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

TEST(ScalarTest, KeepsItsKind) {
  EXPECT_EQ(Scalar(true).dtype(), DType::kBool);
  EXPECT_EQ(Scalar(int8_t{-1}).dtype(), DType::kInt64);
  EXPECT_EQ(Scalar(uint8_t{1}).dtype(), DType::kInt64);
  EXPECT_EQ(Scalar(size_t{7}).dtype(), DType::kInt64);
  EXPECT_EQ(Scalar(std::numeric_limits<uint64_t>::max()).dtype(),
            DType::kUInt64);
  EXPECT_EQ(Scalar(1.0f).dtype(), DType::kFloat64);
  EXPECT_EQ(Scalar(std::complex<float>(1, 2)).dtype(), DType::kComplex128);
  static_assert(!std::is_convertible_v<char, Scalar>);
  static_assert(!std::is_convertible_v<const char*, Scalar>);
}

TEST(ScalarTest, ConvertsAsItem) {
  EXPECT_THAT(Scalar(2.9).To<int32_t>(), IsOkAndHolds(2));
  EXPECT_THAT(Scalar(-2.9).To<int64_t>(), IsOkAndHolds(-2));
  EXPECT_THAT(Scalar(-0.5).To<uint8_t>(), IsOkAndHolds(0));
  EXPECT_THAT(Scalar(0.5).To<bool>(), IsOkAndHolds(true));
  EXPECT_THAT(Scalar(NAN).To<bool>(), IsOkAndHolds(true));
  EXPECT_THAT(Scalar(3).To<float>(), IsOkAndHolds(3.0f));
  EXPECT_THAT(Scalar(true).To<double>(), IsOkAndHolds(1.0));
  EXPECT_THAT(Scalar(INFINITY).To<float>(), IsOkAndHolds(INFINITY));
  EXPECT_THAT(Scalar(std::complex<double>(2, 0)).To<int16_t>(),
              IsOkAndHolds(2));
  EXPECT_THAT(Scalar(1.5).To<std::complex<float>>(),
              IsOkAndHolds(std::complex<float>(1.5f, 0)));
  EXPECT_EQ(static_cast<float>(*Scalar(0.1).To<BFloat16>()), 0.10009765625f);
  EXPECT_EQ(Scalar(0.1).To<BFloat16>()->bits, 0x3DCD);
  EXPECT_EQ(static_cast<float>(Float16(65504.0f)), 65504.0f);
}

TEST(ScalarTest, AsText) {
  EXPECT_EQ(Scalar(0.1).ToString(), "0.1");
  EXPECT_EQ(Scalar(16777217.5).ToString(), "16777217.5");
  EXPECT_EQ(Scalar(-3).ToString(), "-3");
  EXPECT_EQ(Scalar(false).ToString(), "false");
  EXPECT_EQ(Scalar(NAN).ToString(), "nan");
  EXPECT_EQ(Scalar(std::complex<double>(1, -0.0)).ToString(), "1-0j");
}

TEST(ScalarTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Scalar(300).To<uint8_t>(),
              StatusIs(StatusCode::kOutOfRange,
                       HasSubstr("300 cannot be represented as a uint8")));
  for (const Scalar& scalar :
       {Scalar(-1), Scalar(256), Scalar(256.0), Scalar(-1.0), Scalar(NAN),
        Scalar(INFINITY), Scalar(std::numeric_limits<uint64_t>::max()),
        Scalar(std::complex<double>(1, 1))}) {
    EXPECT_THAT(scalar.To<uint8_t>(), StatusIs(StatusCode::kOutOfRange))
        << scalar.ToString();
  }
  EXPECT_THAT(Scalar(255.5).To<uint8_t>(), IsOkAndHolds(255));
  EXPECT_THAT(Scalar(-129).To<int8_t>(), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(-128).To<int8_t>(), IsOkAndHolds(-128));
  EXPECT_THAT(Scalar(-128.9).To<int8_t>(), IsOkAndHolds(-128));
  EXPECT_THAT(Scalar(128).To<int8_t>(), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(0x1p63).To<int64_t>(), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(-0x1p63).To<int64_t>(),
              IsOkAndHolds(std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(Scalar(0x1p63).To<uint64_t>(), IsOkAndHolds(uint64_t{1} << 63));
  EXPECT_THAT(Scalar(uint64_t{1} << 63).To<int64_t>(),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(1e39).To<float>(), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(70000).To<Float16>(), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scalar(std::complex<double>(0, 1)).To<double>(),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("0+1j")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
