// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/extremes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ferry/autograd/kernels/reduction_cases.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(MaxAlongTest, AgreesWithPlainLoop) {
  for (const Case& c : Cases()) {
    for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16,
                        DType::kInt64, DType::kUInt8, DType::kBool}) {
      if (IsTooMuch(c, dtype == DType::kFloat32)) continue;
      const Tensor x = RandomTensor(c.view, dtype, 9);
      for (int dim = 0; dim < x.rank(); ++dim) {
        if (x.shape()[dim] == 0) continue;
        const Tensor values = MakeOut(x, {dim}, dtype);
        const Tensor indices = MakeOut(x, {dim}, DType::kInt64);
        const std::string what =
            Describe(c, dtype) + " along " + std::to_string(dim);
        const auto first_max = [](const std::vector<double>& group) {
          return static_cast<double>(
              std::max_element(group.begin(), group.end()) - group.begin());
        };
        const auto max = [](const std::vector<double>& group) {
          return *std::max_element(group.begin(), group.end());
        };
        ASSERT_THAT(MaxAlong(x, dim, values, indices), IsOk());
        EXPECT_EQ(Elements(indices), Reference(x, indices, first_max)) << what;
        EXPECT_EQ(Elements(values), Reference(x, indices, max)) << what;
        const auto first_min = [](const std::vector<double>& group) {
          return static_cast<double>(
              std::min_element(group.begin(), group.end()) - group.begin());
        };
        ASSERT_THAT(MinAlong(x, dim, Tensor(), indices), IsOk());
        EXPECT_EQ(Elements(indices), Reference(x, indices, first_min)) << what;
      }
    }
  }
}

TEST(MaxAlongTest, FindsTheFirstNan) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const Tensor x = MakeContiguous(
        {1, kNan, 3, kNan, 5, 6, 2, kNan, 9, 4, 4, 4}, dtype, {4, 3});
    for (int dim : {0, 1}) {
      const Tensor values = MakeOut(x, {dim}, dtype);
      const Tensor indices = MakeOut(x, {dim}, DType::kInt64);
      ASSERT_THAT(MaxAlong(x, dim, values, indices), IsOk());
      if (dim == 1) {
        EXPECT_THAT(Elements(indices), ElementsAre(1, 0, 1, 0));
      } else {
        EXPECT_THAT(Elements(indices), ElementsAre(1, 0, 2));
      }
      ASSERT_THAT(MinAlong(x, dim, values, indices), IsOk());
      EXPECT_TRUE(std::isnan(Elements(values)[0]) || dim == 0);
    }
  }
}

TEST(MaxAlongTest, FindsTheFirstOfEqualExtremesInLongLines) {
  std::vector<double> values(200000, -1);
  values[150000] = 5;
  values[90001] = 5;
  const Tensor x = MakeContiguous(values, DType::kFloat32, {200000});
  const Tensor indices = MakeOut(x, {0}, DType::kInt64);
  ASSERT_THAT(MaxAlong(x, 0, Tensor(), indices), IsOk());
  EXPECT_THAT(Elements(indices), ElementsAre(90001));
}

TEST(MaxAlongTest, OfInfinitiesOnly) {
  const Tensor x =
      MakeContiguous({-kInf, -kInf, -kInf, -kInf}, DType::kFloat32, {2, 2});
  for (int dim : {0, 1}) {
    const Tensor indices = MakeOut(x, {dim}, DType::kInt64);
    ASSERT_THAT(MaxAlong(x, dim, Tensor(), indices), IsOk());
    EXPECT_THAT(Elements(indices), ElementsAre(0, 0));
  }
}

TEST(MedianAlongTest, OfNoLines) {
  const Tensor x = Tensor::FromData<float>({}, {0, 0}).value();
  const Tensor values = Tensor::FromData<float>({}, {0, 1}).value();
  const Tensor indices = Tensor::FromData<int64_t>({}, {0, 1}).value();
  EXPECT_THAT(MedianAlong(x, 1, values, indices), IsOk());
}

TEST(MedianAlongTest, TakesTheLowerOfTwo) {
  const Tensor x =
      MakeContiguous({4, 1, 3, 2, 9, 9, kNan, 1}, DType::kFloat64, {2, 4});
  const Tensor values = MakeOut(x, {1}, DType::kFloat64);
  const Tensor indices = MakeOut(x, {1}, DType::kInt64);
  ASSERT_THAT(MedianAlong(x, 1, values, indices), IsOk());
  EXPECT_EQ(Elements(values)[0], 2);
  EXPECT_TRUE(std::isnan(Elements(values)[1]));
  EXPECT_THAT(Elements(indices), ElementsAre(3, 2));
}

// An expanded element makes a line of any size, here of 2^64 bytes with the
// numbers of its elements.
TEST(MedianAlongTest, OfALineThatDoesNotFitIntoMemory) {
  const Tensor x = MakeTensor({1}, DType::kFloat32, {{int64_t{1} << 60}, {0}});
  const Tensor values = MakeOut(x, {0}, DType::kFloat32);
  const Tensor indices = MakeOut(x, {0}, DType::kInt64);
  EXPECT_THAT(MedianAlong(x, 0, values, indices),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
