// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/shapes.h"

#include <algorithm>
#include <complex>
#include <cstdint>
#include <vector>

#include "ferry/autograd/kernels/test_layouts.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;

// Calls `body(from, to)` with tensors in all layouts, and returns the elements
// of `to`, which must be the same each time.
template <typename Body>
std::vector<float> InAllLayouts(const Tensor& from,
                                const std::vector<int64_t>& to_shape,
                                Body body) {
  std::vector<std::vector<float>> results;
  for (const TestLayout from_layout : kTestLayouts) {
    for (const TestLayout to_layout : kTestLayouts) {
      const Tensor to = EmptyInLayout(to_shape, DType::kFloat32, to_layout);
      body(InLayout(from, from_layout), to);
      results.push_back(ElementsOf<float>(to));
      EXPECT_EQ(results.back(), results.front());
    }
  }
  return results.front();
}

TEST(ShapesTest, FillsWithEveryElementSize) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor floats = EmptyInLayout({2, 3}, DType::kFloat32, layout);
    const float value = 2.5f;
    Fill(&value, floats);
    EXPECT_THAT(ElementsOf<float>(floats), testing::Each(2.5f));
    const Tensor complex = EmptyInLayout({3}, DType::kComplex128, layout);
    const std::complex<double> number(1, 2);
    Fill(&number, complex);
    EXPECT_THAT(ElementsOf<std::complex<double>>(complex),
                testing::Each(number));
  }
  const Tensor every_second =
      *strided::Slice(Counting<uint8_t>({5}), 0, 0, 5, 2);
  const uint8_t byte = 9;
  Fill(&byte, every_second);
  const Tensor all =
      *Tensor::Create(every_second.storage(), DType::kUInt8, {5});
  EXPECT_THAT(ElementsOf<uint8_t>(all), ElementsAre(9, 1, 9, 3, 9));
}

TEST(ShapesTest, JoinsAlongADimension) {
  EXPECT_THAT(
      InAllLayouts(Counting<float>({2, 2}), {2, 5},
                   [](const Tensor& from, const Tensor& to) {
                     Cat({from, *Zeros({2, 0}), *Ones({2, 1}), from}, 1, to);
                   }),
      ElementsAre(0, 1, 1, 0, 1, 2, 3, 1, 2, 3));
  EXPECT_THAT(InAllLayouts(Counting<float>({2, 2}), {3, 2},
                           [](const Tensor& from, const Tensor& to) {
                             Cat({*Ones({1, 2}), from}, 0, to);
                           }),
              ElementsAre(1, 1, 0, 1, 2, 3));
}

TEST(ShapesTest, Flips) {
  const Tensor matrix = Counting<float>({2, 3});
  const auto flip = [&](const std::vector<int>& dims) {
    return InAllLayouts(
        matrix, {2, 3},
        [&](const Tensor& from, const Tensor& to) { Flip(from, dims, to); });
  };
  EXPECT_THAT(flip({}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(flip({0}), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(flip({1}), ElementsAre(2, 1, 0, 5, 4, 3));
  EXPECT_THAT(flip({1, 0}), ElementsAre(5, 4, 3, 2, 1, 0));
  Flip(*Zeros({0, 3}), {0, 1}, *Zeros({0, 3}));
}

// Long rows are mirrored in vectors, which depend on the size of the elements.
template <typename T>
void ExpectFlips() {
  for (const int64_t count : {1, 2, 15, 16, 17, 37}) {
    const Tensor from = Counting<T>({count});
    const Tensor to = *Zeros({count}, TensorOptions().dtype(from.dtype()));
    Flip(from, {0}, to);
    std::vector<T> expected = ElementsOf<T>(from);
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(ElementsOf<T>(to), expected);
  }
}

TEST(ShapesTest, FlipsElementsOfEverySize) {
  ExpectFlips<uint8_t>();
  ExpectFlips<int16_t>();
  ExpectFlips<float>();
  ExpectFlips<int64_t>();
  ExpectFlips<std::complex<double>>();
}

TEST(ShapesTest, RollsByAnyNumber) {
  const Tensor matrix = Counting<float>({2, 3});
  const auto roll = [&](const std::vector<int64_t>& shifts) {
    return InAllLayouts(
        matrix, {2, 3},
        [&](const Tensor& from, const Tensor& to) { Roll(from, shifts, to); });
  };
  EXPECT_THAT(roll({0, 0}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(roll({1, 0}), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(roll({0, 1}), ElementsAre(2, 0, 1, 5, 3, 4));
  EXPECT_THAT(roll({0, -1}), ElementsAre(1, 2, 0, 4, 5, 3));
  EXPECT_THAT(roll({1, 4}), ElementsAre(5, 3, 4, 2, 0, 1));
  EXPECT_EQ(roll({0, INT64_MIN}), roll({0, 1}));
  Roll(*Zeros({0, 3}), {5, 5}, *Zeros({0, 3}));
}

TEST(ShapesTest, Repeats) {
  EXPECT_THAT(InAllLayouts(Counting<float>({2, 2}), {4, 6},
                           [](const Tensor& from, const Tensor& to) {
                             Repeat(from, to);
                           }),
              ElementsAre(0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3,  //
                          0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3));
  EXPECT_THAT(InAllLayouts(Counting<float>({1, 2}), {3, 2},
                           [](const Tensor& from, const Tensor& to) {
                             Repeat(from, to);
                           }),
              ElementsAre(0, 1, 0, 1, 0, 1));
  Repeat(*Zeros({2, 0}), *Zeros({4, 0}));
  Repeat(*Zeros({2, 3}), *Zeros({0, 3}));
}

TEST(ShapesTest, CopiesTriangles) {
  const Tensor matrix = Counting<float>({3, 4});
  const auto triangle = [&](Triangle part, int64_t diagonal) {
    return InAllLayouts(matrix, {3, 4},
                        [&](const Tensor& from, const Tensor& to) {
                          CopyTriangle(from, part, diagonal, to);
                        });
  };
  EXPECT_THAT(triangle(Triangle::kLower, 0),
              ElementsAre(0, 0, 0, 0, 4, 5, 0, 0, 8, 9, 10, 0));
  EXPECT_THAT(triangle(Triangle::kLower, -1),
              ElementsAre(0, 0, 0, 0, 4, 0, 0, 0, 8, 9, 0, 0));
  EXPECT_THAT(triangle(Triangle::kUpper, 0),
              ElementsAre(0, 1, 2, 3, 0, 5, 6, 7, 0, 0, 10, 11));
  EXPECT_THAT(triangle(Triangle::kUpper, 2),
              ElementsAre(0, 0, 2, 3, 0, 0, 0, 7, 0, 0, 0, 0));
  EXPECT_THAT(triangle(Triangle::kUpper, INT64_MAX), testing::Each(0));
  EXPECT_THAT(triangle(Triangle::kLower, INT64_MIN), testing::Each(0));
  EXPECT_EQ(triangle(Triangle::kLower, INT64_MAX), ElementsOf<float>(matrix));
  EXPECT_EQ(triangle(Triangle::kUpper, INT64_MIN), ElementsOf<float>(matrix));
  CopyTriangle(*Zeros({0, 3}), Triangle::kUpper, 0, *Zeros({0, 3}));
}

TEST(ShapesTest, TrianglesOfManyMatricesOnSeveralThreads) {
  const int before = GetNumThreads();
  const Tensor from = Counting<int64_t>({50, 70, 90});
  const Tensor to = *Zeros({50, 70, 90}, TensorOptions().dtype(DType::kInt64));
  for (const int threads : {1, 2, 8}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    CopyTriangle(from, Triangle::kLower, 3, to);
    const std::vector<int64_t> elements = ElementsOf<int64_t>(to);
    int64_t wrong = 0;
    for (int64_t i = 0; i < from.num_elements(); ++i) {
      const int64_t row = i / 90 % 70;
      wrong += elements[i] != (i % 90 <= row + 3 ? i : 0);
    }
    EXPECT_EQ(wrong, 0);
  }
  ASSERT_THAT(SetNumThreads(before), IsOk());
}

TEST(ShapesTest, PadsAndCrops) {
  const float value = 9;
  const auto pad = [&](const std::vector<int64_t>& before,
                       const std::vector<int64_t>& shape) {
    return InAllLayouts(Counting<float>({2, 3}), shape,
                        [&](const Tensor& from, const Tensor& to) {
                          Pad(from, before, &value, to);
                        });
  };
  EXPECT_THAT(pad({0, 1}, {2, 5}), ElementsAre(9, 0, 1, 2, 9, 9, 3, 4, 5, 9));
  EXPECT_THAT(pad({1, 0}, {3, 3}), ElementsAre(9, 9, 9, 0, 1, 2, 3, 4, 5));
  EXPECT_THAT(pad({0, -1}, {2, 2}), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(pad({-1, 1}, {1, 2}), ElementsAre(9, 3));
  EXPECT_THAT(pad({0, -4}, {2, 1}), ElementsAre(9, 9));
  EXPECT_THAT(pad({3, 0}, {2, 3}), testing::Each(9));
  EXPECT_THAT(pad({0, 0}, {0, 3}), testing::IsEmpty());
  const Tensor filled = *Zeros({2, 2});
  Pad(*Zeros({0, 2}), {1, 0}, &value, filled);
  EXPECT_THAT(ElementsOf<float>(filled), testing::Each(9));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
