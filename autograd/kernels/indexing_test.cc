// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/indexing.h"

#include <algorithm>
#include <complex>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/kernels/test_layouts.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr auto kAreErrors = NegativeIndices::kAreErrors;
constexpr auto kCountFromEnd = NegativeIndices::kCountFromEnd;

std::vector<int64_t> RandomIndices(int64_t count, int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(static_cast<int64_t>(random() % size));
  }
  return indices;
}

Tensor Index(const std::vector<int64_t>& indices,
             const std::vector<int64_t>& shape) {
  return Numbers<int64_t>(indices, shape);
}
Tensor Index(const std::vector<int64_t>& indices) {
  return Index(indices, {static_cast<int64_t>(indices.size())});
}

Slices At(const Tensor& tensor, int dim, const Tensor& index) {
  absl::StatusOr<Slices> slices =
      SlicesAt(tensor, {IndexedDimension{dim, index}}, kCountFromEnd);
  EXPECT_THAT(slices, IsOk());
  return *slices;
}

TEST(IndexingTest, ChecksIndices) {
  const Tensor index = Index({0, 2, -1, 1});
  EXPECT_THAT(CheckIndices(index, 1, 3, kCountFromEnd), IsOk());
  EXPECT_THAT(
      CheckIndices(index, 1, 3, kAreErrors),
      StatusIs(StatusCode::kOutOfRange,
               "index -1 is out of bounds for dimension 1 with size 3"));
  EXPECT_THAT(CheckIndices(index, 0, 2, kCountFromEnd),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 2 is")));
  EXPECT_THAT(CheckIndices(Index({-4}), 0, 3, kCountFromEnd),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index -4 is")));
  EXPECT_THAT(CheckIndices(Index({INT64_MAX}), 0, 3, kCountFromEnd),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(CheckIndices(Index({INT64_MIN}), 0, 3, kCountFromEnd),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(CheckIndices(Index({0}), 0, 0, kCountFromEnd),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(CheckIndices(Index({}), 0, 0, kCountFromEnd), IsOk());
  EXPECT_THAT(CheckIndices(Numbers<int32_t>({0, -3}, {2}), 0, 3, kAreErrors),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index -3 is")));
}

TEST(IndexingTest, NamesTheFirstBadIndexInRowMajorOrder) {
  const Tensor index =
      InLayout(Index({0, 9, 8, 0}, {2, 2}), TestLayout::kColumnMajor);
  EXPECT_THAT(CheckIndices(index, 0, 3, kAreErrors),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 9 is")));
  std::vector<int64_t> many(200000, 0);
  many[150000] = 5;
  many[199999] = 6;
  EXPECT_THAT(CheckIndices(Index(many), 0, 3, kAreErrors),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 5 is")));
}

TEST(IndexingTest, CopiesRowsAndColumns) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor matrix = InLayout(Counting<float>({3, 4}), layout);
    const Tensor index = Index({2, 0, -1});
    for (const TestLayout to_layout : kTestLayouts) {
      const Tensor rows = EmptyInLayout({3, 4}, DType::kFloat32, to_layout);
      ASSERT_THAT(CopySlices(At(matrix, 0, index), rows), IsOk());
      EXPECT_THAT(ElementsOf<float>(rows),
                  ElementsAre(8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11));
      const Tensor columns = EmptyInLayout({3, 3}, DType::kFloat32, to_layout);
      ASSERT_THAT(
          CopySlices(At(matrix, 1, index), *strided::Transpose(columns, 0, 1)),
          IsOk());
      EXPECT_THAT(ElementsOf<float>(columns),
                  ElementsAre(2, 0, 3, 6, 4, 7, 10, 8, 11));
    }
  }
}

TEST(IndexingTest, CopiesElementsOfEverySize) {
  const auto check = [](auto type) {
    using T = decltype(type);
    const Tensor numbers = Counting<T>({5});
    const Tensor result =
        EmptyInLayout({3}, numbers.dtype(), TestLayout::kGaps);
    ASSERT_THAT(CopySlices(At(numbers, 0, Index({4, 1, 3})), result), IsOk());
    EXPECT_THAT(ElementsOf<T>(result), ElementsAre(T(4), T(1), T(3)));
  };
  check(uint8_t{});
  check(int16_t{});
  check(float{});
  check(double{});
  check(std::complex<double>());
}

TEST(IndexingTest, CombinesIndicesOfSeveralDimensions) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor cube = InLayout(Counting<int32_t>({2, 3, 4}), layout);
    const Tensor rows = *strided::Expand(Index({1, 0}, {2, 1}), {2, 3});
    const Tensor columns = *strided::Expand(Index({3, 0, -2}), {2, 3});
    absl::StatusOr<Slices> slices =
        SlicesAt(cube, {{0, rows}, {2, columns}}, kCountFromEnd);
    ASSERT_THAT(slices, IsOk());
    EXPECT_THAT(slices->shape(), ElementsAre(3));
    EXPECT_THAT(slices->index_shape(), ElementsAre(2, 3));
    const Tensor result =
        EmptyInLayout({2, 3, 3}, DType::kInt32, TestLayout::kColumnMajor);
    ASSERT_THAT(CopySlices(*slices, result), IsOk());
    EXPECT_THAT(ElementsOf<int32_t>(result),
                ElementsAre(15, 19, 23, 12, 16, 20, 14, 18, 22,  //
                            3, 7, 11, 0, 4, 8, 2, 6, 10));
    EXPECT_THAT(
        SlicesAt(cube, {{0, rows}, {1, columns}}, kCountFromEnd),
        StatusIs(StatusCode::kOutOfRange,
                 "index 3 is out of bounds for dimension 1 with size 3"));
  }
}

TEST(IndexingTest, FindsElementsByTheirNumber) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor matrix = InLayout(Counting<float>({3, 4}), layout);
    absl::StatusOr<Slices> elements =
        ElementsAt(matrix, Index({5, -1, 0, 5}, {2, 2}), kCountFromEnd);
    ASSERT_THAT(elements, IsOk());
    const Tensor result =
        EmptyInLayout({2, 2}, DType::kFloat32, TestLayout::kRowMajor);
    ASSERT_THAT(CopySlices(*elements, result), IsOk());
    EXPECT_THAT(ElementsOf<float>(result), ElementsAre(5, 11, 0, 5));
    ASSERT_THAT(AddToSlices(result, *elements), IsOk());
    EXPECT_THAT(ElementsOf<float>(matrix),
                ElementsAre(0, 1, 2, 3, 4, 15, 6, 7, 8, 9, 10, 22));
    EXPECT_THAT(ElementsAt(matrix, Index({12}), kCountFromEnd),
                StatusIs(StatusCode::kOutOfRange, HasSubstr("size 12")));
    EXPECT_THAT(ElementsAt(matrix, Index({-13}), kCountFromEnd),
                StatusIs(StatusCode::kOutOfRange));
  }
}

TEST(IndexingTest, EmptyShapes) {
  const Tensor none = Counting<float>({0, 4});
  const Tensor result = *Zeros({0, 4});
  EXPECT_THAT(CopySlices(At(none, 0, Index({})), result), IsOk());
  EXPECT_THAT(AddToSlices(result, At(none, 0, Index({}))), IsOk());
  EXPECT_THAT(SlicesAt(none, {{0, Index({0})}}, kAreErrors),
              StatusIs(StatusCode::kOutOfRange));
  const Tensor columns = *Zeros({0, 2});
  EXPECT_THAT(CopySlices(At(none, 1, Index({1, 3})),
                         *strided::Transpose(columns, 0, 1)),
              IsOk());
  const Tensor scalar = *Full({}, 5.0);
  const Tensor copy = *Zeros({});
  EXPECT_THAT(CopySlices(*SlicesAt(scalar, {}, kAreErrors), copy), IsOk());
  EXPECT_THAT(ElementsOf<float>(copy), ElementsAre(5));
  EXPECT_THAT(
      Gather(none, 1, *Zeros({0, 2}, TensorOptions().dtype(DType::kInt64)),
             columns),
      IsOk());
  EXPECT_THAT(
      Scatter(columns, 1, *Zeros({0, 2}, TensorOptions().dtype(DType::kInt64)),
              none),
      IsOk());
  EXPECT_THAT(ScatterAdd(*Zeros({0}), 0, Index({}), *Zeros({3})), IsOk());
}

TEST(IndexingTest, TheLastWriteStays) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor matrix = InLayout(*Zeros({2, 3}), layout);
    ASSERT_THAT(CopyToSlices(InLayout(Counting<float>({3, 3}), layout),
                             At(matrix, 0, Index({1, 0, 1}))),
                IsOk());
    EXPECT_THAT(ElementsOf<float>(matrix), ElementsAre(3, 4, 5, 6, 7, 8));
  }
}

TEST(IndexingTest, DuplicatesAdd) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor matrix = InLayout(*Ones({2, 3}), layout);
    ASSERT_THAT(AddToSlices(InLayout(Counting<float>({3, 3}), layout),
                            At(matrix, 0, Index({1, 0, 1}))),
                IsOk());
    EXPECT_THAT(ElementsOf<float>(matrix), ElementsAre(4, 5, 6, 7, 9, 11));
  }
}

TEST(IndexingTest, AddsInEveryDType) {
  const auto add = [](const Tensor& to, const Tensor& from) {
    EXPECT_THAT(AddToSlices(from, At(to, 0, Index({1, 1}))), IsOk());
  };
  const Tensor bytes = Numbers<uint8_t>({1, 200}, {2});
  add(bytes, Numbers<uint8_t>({100, 100}, {2}));
  EXPECT_THAT(ElementsOf<uint8_t>(bytes), ElementsAre(1, 144));
  const Tensor longs = Numbers<int64_t>({1, INT64_MAX}, {2});
  add(longs, Numbers<int64_t>({1, 1}, {2}));
  EXPECT_THAT(ElementsOf<int64_t>(longs), ElementsAre(1, INT64_MIN + 1));
  const Tensor shorts = Numbers<int16_t>({7, -3}, {2});
  add(shorts, Numbers<int16_t>({-1, -1}, {2}));
  EXPECT_THAT(ElementsOf<int16_t>(shorts), ElementsAre(7, -5));
  const Tensor bools = Numbers<bool>({false, false}, {2});
  add(bools, Numbers<bool>({true, true}, {2}));
  EXPECT_THAT(ElementsOf<bool>(bools), ElementsAre(false, true));
  const Tensor doubles = Numbers<double>({0.5, 0.25}, {2});
  add(doubles, Numbers<double>({1, 2}, {2}));
  EXPECT_THAT(ElementsOf<double>(doubles), ElementsAre(0.5, 3.25));
  using Complex = std::complex<float>;
  const Tensor complexes = Numbers<Complex>({{1, 1}, {2, 2}}, {2});
  add(complexes, Numbers<Complex>({{0, 1}, {1, 0}}, {2}));
  EXPECT_THAT(ElementsOf<Complex>(complexes),
              ElementsAre(Complex(1, 1), Complex(3, 3)));
}

TEST(IndexingTest, RefusesToAddComplex32) {
  const TensorOptions options = TensorOptions().dtype(DType::kComplex32);
  const Tensor to = *Zeros({3, 2}, options);
  const Tensor from = *Zeros({1, 2}, options);
  EXPECT_THAT(AddToSlices(from, At(to, 0, Index({1}))),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("complex64")));
  EXPECT_THAT(ScatterAdd(from, 0, Index({1, 1}, {1, 2}), to),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("complex64")));
}

TEST(IndexingTest, NarrowFloatsAreRoundedOnce) {
  // 256 + 1 is 256 in bfloat16, but 256 + 8 times 1 is 264.
  for (const TestLayout layout : kTestLayouts) {
    const Tensor sum = InLayout(
        *Full({2, 1}, 256.0, TensorOptions().dtype(DType::kBFloat16)), layout);
    const Tensor ones = *Ones({8, 1}, TensorOptions().dtype(DType::kBFloat16));
    const std::vector<int64_t> second(8, 1);
    ASSERT_THAT(AddToSlices(ones, At(sum, 0, Index(second))), IsOk());
    ASSERT_THAT(ScatterAdd(ones, 0, Index(second, {8, 1}), sum), IsOk());
    EXPECT_THAT(ElementsOf<float>(*strided::Cast(sum, DType::kFloat32)),
                ElementsAre(256, 272));
  }
}

// Calls `body(position)` for each index of `shape`, in row-major order.
template <typename Body>
void ForEachPosition(const std::vector<int64_t>& shape, Body body) {
  const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                        std::multiplies<>());
  for (int64_t i = 0; i < count; ++i) {
    std::vector<int64_t> position(shape.size());
    int64_t rest = i;
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
      position[d] = rest % shape[d];
    }
    body(i, position);
  }
}

int64_t Flat(const std::vector<int64_t>& shape,
             const std::vector<int64_t>& position) {
  int64_t flat = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    flat = flat * shape[d] + position[d];
  }
  return flat;
}

TEST(IndexingTest, GathersAndScattersAsTheDefinitionSays) {
  const std::vector<int64_t> shape = {5, 6, 7};
  const std::vector<int64_t> index_shape = {4, 5, 6};
  for (int dim = 0; dim < 3; ++dim) {
    const std::vector<int64_t> indices =
        RandomIndices(4 * 5 * 6, shape[dim], 5);
    std::vector<float> gathered;
    std::vector<float> scattered(5 * 6 * 7, 1);
    std::vector<float> added(5 * 6 * 7, 1);
    ForEachPosition(index_shape, [&](int64_t i, std::vector<int64_t> position) {
      position[dim] = indices[i];
      const int64_t at = Flat(shape, position);
      gathered.push_back(static_cast<float>(at));
      scattered[at] = static_cast<float>(i);
      added[at] += static_cast<float>(i);
    });
    for (const TestLayout layout : kTestLayouts) {
      for (const TestLayout index_layout : kTestLayouts) {
        const Tensor index =
            InLayout(Index(indices, index_shape), index_layout);
        const Tensor from = InLayout(Counting<float>(shape), layout);
        const Tensor to =
            EmptyInLayout(index_shape, DType::kFloat32, index_layout);
        ASSERT_THAT(Gather(from, dim, index, to), IsOk());
        EXPECT_THAT(ElementsOf<float>(to), ElementsAreArray(gathered));

        const Tensor source = InLayout(Counting<float>(index_shape), layout);
        const Tensor target = InLayout(*Ones(shape), layout);
        ASSERT_THAT(Scatter(source, dim, index, target), IsOk());
        EXPECT_THAT(ElementsOf<float>(target), ElementsAreArray(scattered));

        const Tensor sum = InLayout(*Ones(shape), layout);
        ASSERT_THAT(ScatterAdd(source, dim, index, sum), IsOk());
        EXPECT_THAT(ElementsOf<float>(sum), ElementsAreArray(added));
      }
    }
  }
}

TEST(IndexingTest, GatherAndScatterRefuseBadIndices) {
  const Tensor matrix = Counting<float>({2, 3});
  const Tensor bad = Index({0, 1, 2, -1}, {2, 2});
  const Tensor to = *Zeros({2, 2});
  EXPECT_THAT(Gather(matrix, 1, bad, to),
              StatusIs(StatusCode::kOutOfRange,
                       "index -1 is out of bounds for dimension 1 with size "
                       "3"));
  EXPECT_THAT(Scatter(to, 1, bad, matrix), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(ScatterAdd(to, 1, bad, matrix),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scatter(*Zeros({1}), 0, Index({3}), *Zeros({3})),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(ElementsOf<float>(matrix), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(IndexingTest, ScatterMayWriteToItsOwnIndices) {
  const Tensor index = Index({1, 0, 0, 1}, {2, 2});
  const Tensor huge = *Full({2, 2}, INT64_MAX);
  ASSERT_THAT(Scatter(huge, 0, index, index), IsOk());
  EXPECT_THAT(ElementsOf<int64_t>(index),
              ElementsAre(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX));
}

TEST(IndexingTest, ScatterInOneDimension) {
  const Tensor sum = *Zeros({4});
  ASSERT_THAT(ScatterAdd(Counting<float>({5}), 0, Index({3, 1, 3, 0}), sum),
              IsOk());
  EXPECT_THAT(ElementsOf<float>(sum), ElementsAre(3, 1, 0, 2));
  ASSERT_THAT(Scatter(Counting<float>({5}), 0, Index({3, 1, 3}), sum), IsOk());
  EXPECT_THAT(ElementsOf<float>(sum), ElementsAre(3, 1, 0, 2));
}

class IndexingThreadsTest : public testing::TestWithParam<int> {
 protected:
  IndexingThreadsTest() : before_(GetNumThreads()) {
    EXPECT_THAT(SetNumThreads(GetParam()), IsOk());
  }
  ~IndexingThreadsTest() override {
    EXPECT_THAT(SetNumThreads(before_), IsOk());
  }

 private:
  const int before_;
};

// Sums whose rounding depends on their order.
std::vector<float> Fractions(int64_t count) {
  std::vector<float> fractions;
  for (int64_t i = 0; i < count; ++i) {
    fractions.push_back(1.0f / static_cast<float>(i % 1000 + 1));
  }
  return fractions;
}

// Compares the kernels with loops in the order of the indices, for slices of
// all shapes that the kernels treat differently.
TEST_P(IndexingThreadsTest, SlicesAreMovedInOrder) {
  struct Case {
    int64_t rows;
    int64_t columns;
    int64_t indices;
  };
  for (const Case& c :
       {Case{50, 1, 100000}, Case{3, 40000, 7}, Case{1000, 70, 3000},
        Case{2, 5000, 40}, Case{40, 300, 1000}, Case{1, 100000, 2}}) {
    const std::vector<int64_t> indices = RandomIndices(c.indices, c.rows, 3);
    const std::vector<float> from = Fractions(c.indices * c.columns);
    std::vector<float> sums(static_cast<size_t>(c.rows * c.columns));
    std::vector<float> last(sums.size());
    for (int64_t i = 0; i < c.indices; ++i) {
      for (int64_t j = 0; j < c.columns; ++j) {
        sums[indices[i] * c.columns + j] += from[i * c.columns + j];
        last[indices[i] * c.columns + j] = from[i * c.columns + j];
      }
    }
    std::vector<float> gathered;
    for (const int64_t i : indices) {
      gathered.insert(gathered.end(), sums.begin() + i * c.columns,
                      sums.begin() + (i + 1) * c.columns);
    }
    const Tensor source = Numbers<float>(from, {c.indices, c.columns});
    for (const TestLayout layout : kTestLayouts) {
      const Tensor to =
          EmptyInLayout({c.rows, c.columns}, DType::kFloat32, layout);
      const Tensor in = InLayout(source, layout);
      ASSERT_THAT(CopyToSlices(in, At(to, 0, Index(indices))), IsOk());
      EXPECT_EQ(ElementsOf<float>(to), last);
      const Tensor sum = InLayout(*Zeros({c.rows, c.columns}), layout);
      ASSERT_THAT(AddToSlices(in, At(sum, 0, Index(indices))), IsOk());
      EXPECT_EQ(ElementsOf<float>(sum), sums);
      ASSERT_THAT(CopySlices(At(sum, 0, Index(indices)), in), IsOk());
      EXPECT_EQ(ElementsOf<float>(in), gathered);
    }
  }
}

TEST_P(IndexingThreadsTest, ScattersInOrder) {
  const std::vector<int64_t> shape = {300, 200};
  for (int dim = 0; dim < 2; ++dim) {
    const std::vector<int64_t> indices = RandomIndices(60000, 20, 9);
    const std::vector<float> from = Fractions(60000);
    std::vector<float> sums(60000);
    std::vector<float> last(60000);
    ForEachPosition(shape, [&](int64_t i, std::vector<int64_t> position) {
      position[dim] = indices[i];
      sums[Flat(shape, position)] += from[i];
      last[Flat(shape, position)] = from[i];
    });
    const Tensor source = Numbers<float>(from, shape);
    for (const TestLayout layout : kTestLayouts) {
      const Tensor index = InLayout(Index(indices, shape), layout);
      const Tensor sum = InLayout(*Zeros(shape), layout);
      ASSERT_THAT(ScatterAdd(source, dim, index, sum), IsOk());
      EXPECT_EQ(ElementsOf<float>(sum), sums);
      const Tensor to = InLayout(*Zeros(shape), layout);
      ASSERT_THAT(Scatter(source, dim, index, to), IsOk());
      EXPECT_EQ(ElementsOf<float>(to), last);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, IndexingThreadsTest,
                         testing::Values(1, 2, 3, 8));

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
