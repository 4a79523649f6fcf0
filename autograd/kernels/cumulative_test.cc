// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/cumulative.h"

#include <cstdint>
#include <vector>

#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;

Tensor MakeTensor(const std::vector<double>& values, DType dtype,
                  const std::vector<int64_t>& shape) {
  Storage storage =
      Storage::Allocate(values.size() * ElementSizeBytes(dtype)).value();
  CastElements(values.data(), DType::kFloat64, storage.data(), dtype,
               static_cast<int64_t>(values.size()));
  return Tensor::Create(storage, dtype, shape).value();
}

std::vector<double> Elements(const Tensor& tensor) {
  std::vector<double> values(tensor.num_elements());
  CastElements(tensor.data(), tensor.dtype(), values.data(), DType::kFloat64,
               tensor.num_elements());
  return values;
}

TEST(CumSumTest, AlongEachDimension) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16,
                      DType::kFloat16, DType::kInt64}) {
    const Tensor x = MakeTensor({1, 2, 3, 4, 5, 6}, dtype, {2, 3});
    const Tensor out = MakeTensor({0, 0, 0, 0, 0, 0}, dtype, {2, 3});
    ASSERT_THAT(CumSum(x, 1, Direction::kForward, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(1, 3, 6, 4, 9, 15));
    ASSERT_THAT(CumSum(x, 1, Direction::kReverse, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(6, 5, 3, 15, 11, 6));
    ASSERT_THAT(CumSum(x, 0, Direction::kForward, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(1, 2, 3, 5, 7, 9));
    ASSERT_THAT(CumSum(x, 0, Direction::kReverse, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(5, 7, 9, 4, 5, 6));
  }
}

TEST(CumSumTest, OfSmallIntegersAndBoolsIsInt64) {
  const Tensor bytes = MakeTensor({200, 100, 7}, DType::kUInt8, {3});
  const Tensor out = MakeTensor({0, 0, 0}, DType::kInt64, {3});
  ASSERT_THAT(CumSum(bytes, 0, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(200, 300, 307));
  const Tensor bools = MakeTensor({1, 0, 1}, DType::kBool, {3});
  ASSERT_THAT(CumSum(bools, 0, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 1, 2));
}

TEST(CumSumTest, LongLinesAndManyColumns) {
  const int64_t n = 5000;
  const std::vector<double> ones(n, 1.0);
  const Tensor x = MakeTensor(ones, DType::kFloat32, {n});
  const Tensor out = MakeTensor(ones, DType::kFloat32, {n});
  ASSERT_THAT(CumSum(x, 0, Direction::kReverse, out), IsOk());
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(Elements(out)[i], n - i);
  const Tensor wide = MakeTensor(ones, DType::kFloat32, {10, 500});
  const Tensor wide_out = MakeTensor(ones, DType::kFloat32, {10, 500});
  ASSERT_THAT(CumSum(wide, 0, Direction::kForward, wide_out), IsOk());
  const std::vector<double> sums = Elements(wide_out);
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(sums[i], i / 500 + 1);
}

TEST(CumProdTest, BothDirections) {
  const Tensor x = MakeTensor({2, 0, 3, 4}, DType::kFloat32, {4});
  const Tensor out = MakeTensor({9, 9, 9, 9}, DType::kFloat32, {4});
  ASSERT_THAT(CumProd(x, 0, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(2, 0, 0, 0));
  ASSERT_THAT(CumProd(x, 0, Direction::kReverse, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(0, 0, 12, 4));
}

TEST(CumProdTest, OfRankZeroAndOfNoElements) {
  const Tensor one = MakeTensor({7}, DType::kFloat64, {});
  const Tensor out = MakeTensor({0}, DType::kFloat64, {});
  ASSERT_THAT(CumProd(one, 0, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(7));
  const Tensor none = MakeTensor({}, DType::kFloat64, {3, 0});
  EXPECT_THAT(CumProd(none, 0, Direction::kForward, none), IsOk());
}

TEST(ExclusiveCumProdTest, BothDirections) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16}) {
    const Tensor x = MakeTensor({2, 0, 3, 4}, dtype, {4});
    const Tensor out = MakeTensor({9, 9, 9, 9}, dtype, {4});
    ASSERT_THAT(ExclusiveCumProd(x, 0, Direction::kForward, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(1, 2, 0, 0));
    ASSERT_THAT(ExclusiveCumProd(x, 0, Direction::kReverse, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(0, 12, 4, 1));
  }
}

TEST(LinearScanTest, BothDirectionsAlongColumns) {
  const Tensor x = MakeTensor({2, 5, 3, 6, 4, 7}, DType::kFloat32, {3, 2});
  const Tensor a = MakeTensor({1, 1, 10, 1, 100, 1}, DType::kFloat32, {3, 2});
  const Tensor out =
      MakeTensor(std::vector<double>(6), DType::kFloat32, {3, 2});
  ASSERT_THAT(LinearScan(a, x, 0, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(0, 0, 1, 1, 13, 7));
  ASSERT_THAT(LinearScan(a, x, 0, Direction::kReverse, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(310, 7, 100, 1, 0, 0));
}

TEST(CumSumTest, ReadsStridedInput) {
  const Tensor x = MakeTensor({1, 2, 3, 4, 5, 6}, DType::kFloat32, {6});
  const Tensor view =
      Tensor::Create(x.storage(), DType::kFloat32, {3, 2}, {1, 3}, 0).value();
  const Tensor out =
      MakeTensor(std::vector<double>(6), DType::kFloat32, {3, 2});
  ASSERT_THAT(CumSum(view, 1, Direction::kForward, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 5, 2, 7, 3, 9));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
