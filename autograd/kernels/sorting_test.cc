// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/sorting.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "ferry/autograd/kernels/test_layouts.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;

constexpr auto kAscending = SortOrder::kAscending;
constexpr auto kDescending = SortOrder::kDescending;

// Sorts one row of T and returns the indices. Also checks the values.
template <typename T>
std::vector<int64_t> SortedIndices(const Tensor& row, SortOrder order) {
  const Tensor values =
      EmptyInLayout(row.shape(), row.dtype(), TestLayout::kGaps);
  const Tensor indices =
      EmptyInLayout(row.shape(), DType::kInt64, TestLayout::kGaps);
  EXPECT_THAT(Sort(row, 0, order, values, indices), IsOk());
  const std::vector<T> before = ElementsOf<T>(row);
  const std::vector<T> after = ElementsOf<T>(values);
  std::vector<int64_t> result = ElementsOf<int64_t>(indices);
  for (size_t i = 0; i < result.size(); ++i) {
    const T sorted = after[i];
    const T unsorted = before[result[i]];
    // Bits, since NaN does not compare equal to itself.
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
    EXPECT_EQ(std::memcmp(&sorted, &unsorted, sizeof(T)), 0);
  }
  return result;
}

TEST(SortingTest, NanIsGreatestAndZerosAreEqual) {
  const float nan = std::nanf("");
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> numbers = {nan,      0.0f, -infinity, -0.0f, -nan,
                                      infinity, 0.0f, 1e-40f,    -1.0f, 2.5f};
  const std::vector<int64_t> ascending = {2, 8, 1, 3, 6, 7, 9, 5, 0, 4};
  const std::vector<int64_t> descending = {0, 4, 5, 9, 7, 1, 3, 6, 8, 2};
  const Tensor floats = Numbers<float>(numbers, {10});
  EXPECT_EQ(SortedIndices<float>(floats, kAscending), ascending);
  EXPECT_EQ(SortedIndices<float>(floats, kDescending), descending);
  for (const DType dtype :
       {DType::kFloat64, DType::kFloat16, DType::kBFloat16}) {
    const Tensor cast = *strided::Cast(floats, dtype);
    std::vector<int64_t> up;
    std::vector<int64_t> down;
    if (dtype == DType::kFloat64) {
      up = SortedIndices<double>(cast, kAscending);
      down = SortedIndices<double>(cast, kDescending);
      EXPECT_EQ(up, ascending);
      EXPECT_EQ(down, descending);
    } else if (dtype == DType::kBFloat16) {
      EXPECT_EQ(SortedIndices<BFloat16>(cast, kAscending), ascending);
      EXPECT_EQ(SortedIndices<BFloat16>(cast, kDescending), descending);
    } else {  // 1e-40 is 0
      EXPECT_THAT(SortedIndices<Float16>(cast, kAscending),
                  ElementsAre(2, 8, 1, 3, 6, 7, 9, 5, 0, 4));
      EXPECT_THAT(SortedIndices<Float16>(cast, kDescending),
                  ElementsAre(0, 4, 5, 9, 1, 3, 6, 7, 8, 2));
    }
  }
}

template <typename T>
void ExpectIntegersSorted() {
  using Limits = std::numeric_limits<T>;
  const Tensor row =
      Numbers<T>({3, Limits::max(), Limits::min(), 3, 0, 1}, {6});
  EXPECT_THAT(SortedIndices<T>(row, kAscending), ElementsAre(2, 4, 5, 0, 3, 1));
  EXPECT_EQ(SortedIndices<T>(row, kDescending),
            std::is_signed_v<T> ? (std::vector<int64_t>{1, 0, 3, 5, 4, 2})
                                : (std::vector<int64_t>{1, 0, 3, 5, 2, 4}));
}

TEST(SortingTest, Integers) {
  ExpectIntegersSorted<int8_t>();
  ExpectIntegersSorted<int16_t>();
  ExpectIntegersSorted<int32_t>();
  ExpectIntegersSorted<int64_t>();
  ExpectIntegersSorted<uint8_t>();
  ExpectIntegersSorted<uint16_t>();
  ExpectIntegersSorted<uint32_t>();
  ExpectIntegersSorted<uint64_t>();
  EXPECT_THAT(
      SortedIndices<int32_t>(Numbers<int32_t>({1, -1, 0}, {3}), kAscending),
      ElementsAre(1, 2, 0));
  EXPECT_THAT(SortedIndices<bool>(
                  Numbers<bool>({true, false, true, false}, {4}), kAscending),
              ElementsAre(1, 3, 0, 2));
}

TEST(SortingTest, AnyDimensionAndLayout) {
  const Tensor numbers =
      Numbers<float>({3, 1, 2, 9, 7, 8, 6, 5, 4, 0, 2, 1}, {2, 3, 2});
  for (const TestLayout layout : kTestLayouts) {
    for (const TestLayout other : kTestLayouts) {
      const Tensor values = EmptyInLayout({2, 3, 2}, DType::kFloat32, other);
      const Tensor indices = EmptyInLayout({2, 3, 2}, DType::kInt64, other);
      ASSERT_THAT(
          Sort(InLayout(numbers, layout), 1, kAscending, values, indices),
          IsOk());
      EXPECT_THAT(ElementsOf<float>(values),
                  ElementsAre(2, 1, 3, 8, 7, 9, 2, 0, 4, 1, 6, 5));
      EXPECT_THAT(ElementsOf<int64_t>(indices),
                  ElementsAre(1, 0, 0, 2, 2, 1, 2, 1, 1, 2, 0, 0));
      const Tensor top = EmptyInLayout({2, 2, 2}, DType::kFloat32, other);
      const Tensor where = EmptyInLayout({2, 2, 2}, DType::kInt64, other);
      ASSERT_THAT(TopK(InLayout(numbers, layout), 1, kDescending, top, where),
                  IsOk());
      EXPECT_THAT(ElementsOf<float>(top), ElementsAre(7, 9, 3, 8, 6, 5, 4, 1));
      EXPECT_THAT(ElementsOf<int64_t>(where),
                  ElementsAre(2, 1, 0, 2, 0, 0, 1, 2));
    }
  }
}

TEST(SortingTest, OneResultMayBeNull) {
  const Tensor numbers = Numbers<float>({3, 1, 2}, {3});
  const Tensor values = *Zeros({3});
  const Tensor indices = *Zeros({3}, TensorOptions().dtype(DType::kInt64));
  ASSERT_THAT(Sort(numbers, 0, kAscending, values, Tensor()), IsOk());
  ASSERT_THAT(Sort(numbers, 0, kDescending, Tensor(), indices), IsOk());
  EXPECT_THAT(ElementsOf<float>(values), ElementsAre(1, 2, 3));
  EXPECT_THAT(ElementsOf<int64_t>(indices), ElementsAre(0, 2, 1));
}

TEST(SortingTest, EmptyRowsAndShapes) {
  const auto longs = TensorOptions().dtype(DType::kInt64);
  EXPECT_THAT(Sort(*Zeros({2, 0}), 1, kAscending, *Zeros({2, 0}),
                   *Zeros({2, 0}, longs)),
              IsOk());
  EXPECT_THAT(Sort(*Zeros({0, 2}), 1, kAscending, *Zeros({0, 2}),
                   *Zeros({0, 2}, longs)),
              IsOk());
  EXPECT_THAT(TopK(*Zeros({3}), 0, kAscending, *Zeros({0}), *Zeros({0}, longs)),
              IsOk());
}

// Long rows are sorted by digits, short ones by comparisons.
TEST(SortingTest, IsStableForEveryLengthAndNumberOfThreads) {
  const int before = GetNumThreads();
  std::mt19937 random(1);
  for (const int64_t length : {1, 2, 100, 512, 513, 5000, 70000}) {
    std::vector<float> numbers;
    std::vector<double> doubles;
    const int64_t rows = length < 1000 ? 40 : 3;
    for (int64_t i = 0; i < rows * length; ++i) {
      numbers.push_back(static_cast<float>(random() % 1000) - 500);
      doubles.push_back(numbers.back() * 1e300);
    }
    std::vector<int64_t> sorted;
    std::vector<int64_t> top;
    std::vector<int64_t> few;
    const int64_t k = (length + 2) / 3;
    const int64_t k_few = std::min<int64_t>(length, 3);  // kept in a heap
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<int64_t> order(length);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return numbers[row * length + a] < numbers[row * length + b];
      });
      sorted.insert(sorted.end(), order.begin(), order.end());
      top.insert(top.end(), order.begin(), order.begin() + k);
      few.insert(few.end(), order.begin(), order.begin() + k_few);
    }
    const auto longs = TensorOptions().dtype(DType::kInt64);
    const Tensor indices = *Zeros({rows, length}, longs);
    const Tensor top_indices = *Zeros({rows, k}, longs);
    const Tensor few_indices = *Zeros({rows, k_few}, longs);
    for (const int threads : {1, 2, 8}) {
      ASSERT_THAT(SetNumThreads(threads), IsOk());
      for (const Tensor& from : {Numbers<float>(numbers, {rows, length}),
                                 Numbers<double>(doubles, {rows, length})}) {
        ASSERT_THAT(Sort(from, 1, kAscending, Tensor(), indices), IsOk());
        EXPECT_EQ(ElementsOf<int64_t>(indices), sorted);
        ASSERT_THAT(TopK(from, 1, kAscending, Tensor(), top_indices), IsOk());
        EXPECT_EQ(ElementsOf<int64_t>(top_indices), top);
        ASSERT_THAT(TopK(from, 1, kAscending, Tensor(), few_indices), IsOk());
        EXPECT_EQ(ElementsOf<int64_t>(few_indices), few);
      }
    }
  }
  ASSERT_THAT(SetNumThreads(before), IsOk());
}

// An expanded element makes a row of any size, here of a multiple of 2^64 bytes
// with the numbers of its elements.
TEST(SortingTest, RowThatDoesNotFitIntoMemory) {
  const int64_t size = int64_t{1} << 60;
  const Tensor row =
      Tensor::Create(Zeros({1})->storage(), DType::kFloat32, {size}, {0}, 0)
          .value();
  const Tensor indices =
      Tensor::Create(
          Zeros({1}, TensorOptions().dtype(DType::kInt64))->storage(),
          DType::kInt64, {size}, {0}, 0)
          .value();
  EXPECT_THAT(Sort(row, 0, kAscending, row, indices),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
