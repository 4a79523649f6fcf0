// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/factories.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using absl::StatusCode;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinInt64 = std::numeric_limits<int64_t>::min();

TEST(FactoriesTest, ChooseTheDTypeAsPyTorch) {
  EXPECT_EQ(Zeros({2})->dtype(), DType::kFloat32);
  EXPECT_EQ(Full({2}, 1)->dtype(), DType::kInt64);
  EXPECT_EQ(Full({2}, 1.0)->dtype(), DType::kFloat32);
  EXPECT_EQ(Full({2}, true)->dtype(), DType::kBool);
  EXPECT_EQ(Full({2}, std::complex<double>(1, 2))->dtype(), DType::kComplex64);
  EXPECT_EQ(Arange(0, 3)->dtype(), DType::kInt64);
  EXPECT_EQ(Arange(0, 3.0)->dtype(), DType::kFloat32);
}

TEST(FactoriesTest, FillEveryElement) {
  // Above and below the size from which several threads fill.
  for (int64_t size : {0, 1, 3, 1000, 1000003}) {
    const Tensor ones = *Ones({size}, TensorOptions().dtype(DType::kFloat64));
    EXPECT_TRUE(ones.is_contiguous());
    EXPECT_THAT(*ones.Data<double>(), Each(1.0));
    const Tensor zeros = *Zeros({size}, TensorOptions().dtype(DType::kInt8));
    EXPECT_THAT(*zeros.Data<int8_t>(), Each(0));
  }
  EXPECT_THAT(
      *Full({2}, std::complex<double>(1, -2))->Data<std::complex<float>>(),
      ElementsAre(std::complex<float>(1, -2), std::complex<float>(1, -2)));
  EXPECT_EQ(Full({}, 7)->rank(), 0);
}

TEST(FactoriesTest, SetRequiresGrad) {
  EXPECT_TRUE(Zeros({2}, TensorOptions().requires_grad(true))->requires_grad());
  EXPECT_FALSE(Zeros({2})->requires_grad());
  EXPECT_THAT(Full({2}, 1, TensorOptions().requires_grad(true)),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(FactoriesTest, Range) {
  EXPECT_THAT(*Arange(0, 5)->Data<int64_t>(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(*Arange(5, 0, -2)->Data<int64_t>(), ElementsAre(5, 3, 1));
  EXPECT_THAT(*Arange(0, 1, 0.25)->Data<float>(),
              ElementsAre(0, 0.25f, 0.5f, 0.75f));
  EXPECT_EQ(Arange(3, 3)->num_elements(), 0);
  EXPECT_THAT(*Arange(kMaxInt64 - 1, kMaxInt64)->Data<int64_t>(),
              ElementsAre(kMaxInt64 - 1));
  EXPECT_THAT(*Arange(kMinInt64, kMaxInt64, kMaxInt64)->Data<int64_t>(),
              ElementsAre(kMinInt64, -1, kMaxInt64 - 1));
  EXPECT_THAT(*Arange(kMaxInt64, kMinInt64, kMinInt64)->Data<int64_t>(),
              ElementsAre(kMaxInt64, -1));
  EXPECT_THAT(*Arange(0, 300, 100, TensorOptions().dtype(DType::kInt16))
                   ->Data<int16_t>(),
              ElementsAre(0, 100, 200));
  const Tensor large = *Arange(0, 100000);
  const absl::Span<const int64_t> numbers = *large.Data<const int64_t>();
  for (int64_t i = 0; i < 100000; ++i) {
    ASSERT_EQ(numbers[static_cast<size_t>(i)], i);
  }
}

TEST(FactoriesTest, RefuseRangesWithoutEnd) {
  for (const Scalar& step : {Scalar(0), Scalar(-1), Scalar(NAN), Scalar(true),
                             Scalar(std::complex<double>(1, 0))}) {
    EXPECT_THAT(Arange(0, 5, step), StatusIs(StatusCode::kInvalidArgument))
        << step.ToString();
  }
  EXPECT_THAT(Arange(0, INFINITY), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Arange(0, 1, 1e-300), StatusIs(StatusCode::kInvalidArgument));
  // Equal as doubles, and not as integers.
  constexpr int64_t kExact = int64_t{1} << 53;
  EXPECT_THAT(Arange(kExact + 1, kExact, int64_t{1} << 40),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Arange(kMinInt64, kMaxInt64),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(FactoriesTest, RefuseBadShapesAndDTypes) {
  EXPECT_THAT(Zeros({-1}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Zeros({kMaxInt64, 2}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Zeros({kMaxInt64 / 2}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Zeros({int64_t{1} << 50}),
              StatusIs(StatusCode::kResourceExhausted));
  EXPECT_THAT(Empty({2}, TensorOptions().dtype(DType::kQUInt4x2)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("quint4x2")));
  EXPECT_THAT(Zeros({2}, TensorOptions().dtype(DType::kQInt8)),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("qint8")));
  EXPECT_THAT(Full({2}, 300, TensorOptions().dtype(DType::kUInt8)),
              StatusIs(StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
