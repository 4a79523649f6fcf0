// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/softmax.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/simd_targets.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor MakeTensor(const std::vector<double>& values, DType dtype,
                  const std::vector<int64_t>& shape) {
  Storage storage =
      Storage::Allocate(values.size() * ElementSizeBytes(dtype)).value();
  CastElements(values.data(), DType::kFloat64, storage.data(), dtype,
               static_cast<int64_t>(values.size()));
  return Tensor::Create(storage, dtype, shape).value();
}

// Elements of a contiguous tensor.
std::vector<double> Elements(const Tensor& tensor) {
  std::vector<double> values(tensor.num_elements());
  CastElements(tensor.data(), tensor.dtype(), values.data(), DType::kFloat64,
               tensor.num_elements());
  return values;
}

std::vector<double> Pattern(int64_t count, int64_t seed) {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<double>((i * 37 + seed * 11) % 101) / 16 - 3;
  }
  return values;
}

struct Case {
  std::vector<int64_t> shape;
  int dim;
};

std::vector<Case> Cases() {
  return {
      {{}, 0},           {{1}, 0},           {{17}, 0},     {{3, 100}, 1},
      {{3, 100}, 0},     {{2, 5000}, 1},     {{300, 7}, 0}, {{2, 30, 40}, 1},
      {{2, 3, 4, 5}, 2}, {{2, 200, 300}, 1}, {{40000}, 0},  {{5, 0}, 1},
      {{0, 5}, 1}};
}

double ToleranceOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 1e-13;
    case DType::kFloat32:
      return 1e-6;
    case DType::kFloat16:
      return 1e-3;
    default:
      return 8e-3;
  }
}

std::string Describe(const Case& c, DType dtype) {
  return std::string(Name(dtype)) + " " + ShapeToString(c.shape) + " dim " +
         std::to_string(c.dim);
}

// Calls `body(indices)` with the indices of the elements of each line.
template <typename Body>
void ForEachLine(const Case& c, int64_t count, Body body) {
  int64_t inner = 1;
  for (size_t i = c.dim + 1; i < c.shape.size(); ++i) inner *= c.shape[i];
  const int64_t size = c.shape.empty() ? 1 : c.shape[c.dim];
  for (int64_t i = 0; i < count; ++i) {
    if (i / inner % size != 0) continue;
    std::vector<int64_t> indices;
    for (int64_t k = 0; k < size; ++k) indices.push_back(i + k * inner);
    body(indices);
  }
}

std::vector<double> Reference(const Case& c, const std::vector<double>& x,
                              bool is_log) {
  std::vector<double> y(x.size());
  ForEachLine(c, x.size(), [&](const std::vector<int64_t>& line) {
    double sum = 0;
    for (int64_t i : line) sum += std::exp(x[i]);
    for (int64_t i : line) {
      y[i] = is_log ? x[i] - std::log(sum) : std::exp(x[i]) / sum;
    }
  });
  return y;
}

std::vector<double> ReferenceGrad(const Case& c, const std::vector<double>& g,
                                  const std::vector<double>& y, bool is_log) {
  std::vector<double> result(y.size());
  ForEachLine(c, y.size(), [&](const std::vector<int64_t>& line) {
    double sum = 0;
    for (int64_t i : line) sum += is_log ? g[i] : g[i] * y[i];
    for (int64_t i : line) {
      result[i] = is_log ? g[i] - std::exp(y[i]) * sum : y[i] * (g[i] - sum);
    }
  });
  return result;
}

void ExpectNear(const std::vector<double>& actual,
                const std::vector<double>& expected, double tolerance,
                const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * (1 + std::abs(expected[i])))
        << what << ", element " << i;
  }
}

void CheckAll(DType dtype) {
  for (const Case& c : Cases()) {
    const int64_t count = NumElements(c.shape).value();
    const Tensor x = MakeTensor(Pattern(count, 1), dtype, c.shape);
    const Tensor grad = MakeTensor(Pattern(count, 2), dtype, c.shape);
    const Tensor y = MakeTensor(Pattern(count, 3), dtype, c.shape);
    const Tensor dx = MakeTensor(Pattern(count, 4), dtype, c.shape);
    for (bool is_log : {false, true}) {
      ASSERT_THAT(is_log ? LogSoftmax(x, c.dim, y) : Softmax(x, c.dim, y),
                  IsOk());
      ExpectNear(Elements(y), Reference(c, Elements(x), is_log),
                 ToleranceOf(dtype), Describe(c, dtype));
      ASSERT_THAT(is_log ? LogSoftmaxBackward(grad, y, c.dim, dx)
                         : SoftmaxBackward(grad, y, c.dim, dx),
                  IsOk());
      ExpectNear(Elements(dx),
                 ReferenceGrad(c, Elements(grad), Elements(y), is_log),
                 // Sums of gradients are as large as lines are long.
                 10 * ToleranceOf(dtype), Describe(c, dtype));
    }
  }
}

TEST(SoftmaxTest, AgreesWithPlainLoop) {
  for (DType dtype :
       {DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kFloat16}) {
    CheckAll(dtype);
  }
}

TEST(SoftmaxTest, WorksOnEveryInstructionSet) {
  simd::ForEachTarget([](int64_t target) {
    SCOPED_TRACE(hwy::TargetName(target));
    CheckAll(DType::kFloat32);
  });
}

TEST(SoftmaxTest, HasTheSameBitsForEveryNumberOfThreads) {
  const int threads = GetNumThreads();
  for (const Case& c : Cases()) {
    const int64_t count = NumElements(c.shape).value();
    const Tensor x = MakeTensor(Pattern(count, 1), DType::kFloat32, c.shape);
    const Tensor y = MakeTensor(Pattern(count, 3), DType::kFloat32, c.shape);
    std::vector<double> first;
    for (int n = 1; n <= 8; ++n) {
      ASSERT_THAT(SetNumThreads(n), IsOk());
      ASSERT_THAT(Softmax(x, c.dim, y), IsOk());
      if (n == 1) first = Elements(y);
      EXPECT_EQ(Elements(y), first);
    }
  }
  ASSERT_THAT(SetNumThreads(threads), IsOk());
}

TEST(SoftmaxTest, ReadsTransposedInput) {
  const Tensor x = MakeTensor({0, 1, 2, 3, 4, 5}, DType::kFloat64, {6});
  const Tensor transposed =
      Tensor::Create(x.storage(), DType::kFloat64, {3, 2}, {1, 3}, 0).value();
  const Tensor y = MakeTensor(std::vector<double>(6), DType::kFloat64, {3, 2});
  ASSERT_THAT(Softmax(transposed, 1, y), IsOk());
  const Case c = {{3, 2}, 1};
  ExpectNear(Elements(y), Reference(c, {0, 3, 1, 4, 2, 5}, false), 1e-13, "");
}

// In lines (rows) and in columns: one -infinity, only -infinities, +infinity,
// NaN, and large numbers.
TEST(SoftmaxTest, EdgeValues) {
  const std::vector<double> rows = {-kInf, 0,    -kInf, -kInf, kInf,
                                    0,     kNan, 0,     1000,  1000};
  std::vector<double> columns(10);
  for (int i = 0; i < 10; ++i) columns[i % 2 * 5 + i / 2] = rows[i];
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (bool by_column : {false, true}) {
      const std::vector<int64_t> shape =
          by_column ? std::vector<int64_t>{2, 5} : std::vector<int64_t>{5, 2};
      const int dim = by_column ? 0 : 1;
      const Tensor x = MakeTensor(by_column ? columns : rows, dtype, shape);
      const Tensor y = MakeTensor(std::vector<double>(10), dtype, shape);
      const int step = by_column ? 5 : 1;
      const int line = by_column ? 1 : 2;
      ASSERT_THAT(Softmax(x, dim, y), IsOk());
      std::vector<double> results = Elements(y);
      EXPECT_EQ(results[0], 0);
      EXPECT_EQ(results[step], 1);
      for (int i : {1, 2, 3}) {
        EXPECT_TRUE(std::isnan(results[i * line])) << i;
        EXPECT_TRUE(std::isnan(results[i * line + step])) << i;
      }
      EXPECT_EQ(results[4 * line], 0.5);
      ASSERT_THAT(LogSoftmax(x, dim, y), IsOk());
      results = Elements(y);
      EXPECT_EQ(results[0], -kInf);
      EXPECT_EQ(results[step], 0);
      for (int i : {1, 2, 3}) {
        EXPECT_TRUE(std::isnan(results[i * line])) << i;
        EXPECT_TRUE(std::isnan(results[i * line + step])) << i;
      }
      EXPECT_NEAR(results[4 * line], -std::log(2), 1e-7);
    }
  }
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
