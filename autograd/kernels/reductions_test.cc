// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/reductions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ferry/autograd/kernels/reduction_cases.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
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

using testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

double SumOf(const std::vector<double>& group) {
  double sum = 0;
  for (double x : group) sum += x;
  return sum;
}

void ExpectNear(const std::vector<double>& actual,
                const std::vector<double>& expected, double tolerance,
                const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i]) || std::isinf(expected[i])) {
      const bool is_same = std::isnan(expected[i]) ? std::isnan(actual[i])
                                                   : actual[i] == expected[i];
      ASSERT_TRUE(is_same) << what << ", element " << i << ": " << actual[i]
                           << ", expected " << expected[i];
    } else {
      ASSERT_NEAR(actual[i], expected[i],
                  tolerance * (1 + std::abs(expected[i])))
          << what << ", element " << i;
    }
  }
}

double ToleranceOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 1e-12;
    case DType::kFloat32:
      return 2e-6;
    case DType::kFloat16:
      return 1e-3;
    case DType::kBFloat16:
      return 8e-3;
    default:
      return 0;
  }
}

// Checks a reduction of floats in every case.
void CheckFloats(
    const std::function<absl::Status(const Tensor&, const Tensor&)>& reduce,
    const std::function<double(const std::vector<double>&)>& function,
    bool needs_elements = false, int64_t max_elements = 1000000) {
  uint32_t seed = 0;
  for (const Case& c : Cases()) {
    for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16,
                        DType::kFloat16}) {
      if (IsTooMuch(c, dtype == DType::kFloat32)) continue;
      if (NumElements(c.view.shape).value() > max_elements) continue;
      const Tensor x = RandomTensor(c.view, dtype, ++seed);
      const Tensor out = MakeOut(x, c.dims, dtype);
      if (needs_elements && x.num_elements() == 0) continue;
      ASSERT_THAT(reduce(x, out), IsOk());
      std::vector<double> expected = Reference(x, out, function);
      // Rounded as the result is, which may become infinite.
      Tensor rounded = MakeOut(x, c.dims, dtype);
      CastElements(expected.data(), DType::kFloat64, rounded.data(), dtype,
                   rounded.num_elements());
      ExpectNear(Elements(out), Elements(rounded), ToleranceOf(dtype),
                 Describe(c, dtype));
    }
  }
}

TEST(SumTest, AgreesWithPlainLoop) { CheckFloats(Sum, SumOf); }

TEST(SumTest, AddsIntegersAndBoolsInInt64) {
  for (const Case& c : Cases()) {
    for (DType dtype : {DType::kInt8, DType::kUInt8, DType::kInt16,
                        DType::kInt32, DType::kInt64, DType::kBool}) {
      if (IsTooMuch(c, dtype == DType::kInt8)) continue;
      const Tensor x = RandomTensor(c.view, dtype, 3);
      const Tensor out = MakeOut(x, c.dims, DType::kInt64);
      ASSERT_THAT(Sum(x, out), IsOk());
      EXPECT_EQ(Elements(out), Reference(x, out, SumOf)) << Describe(c, dtype);
    }
  }
}

TEST(SumTest, WrapsIntegers) {
  const Tensor x =
      Tensor::FromData<int64_t>({std::numeric_limits<int64_t>::max(), 2}, {2})
          .value();
  const Tensor out = Tensor::FromData<int64_t>({0}, {1}).value();
  ASSERT_THAT(Sum(x, out), IsOk());
  EXPECT_EQ(out.Data<int64_t>().value()[0],
            std::numeric_limits<int64_t>::min() + 1);
}

TEST(SumTest, IsAccurateForManyEqualFloats) {
  // A running sum in float32 would be wrong by a hundredth.
  const std::vector<float> values(1 << 20, 0.1f);
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{1, 1 << 20}, {1 << 20, 1}, {1 << 18, 4}}) {
    const Tensor x = Tensor::FromData(values, shape).value();
    const Tensor out = MakeOut(x, {0}, DType::kFloat32);
    ASSERT_THAT(Sum(x, out), IsOk());
    const double expected =
        static_cast<double>(0.1f) * static_cast<double>(shape[0]);
    for (double sum : Elements(out)) {
      EXPECT_NEAR(sum, expected, 5e-7 * expected);
    }
  }
}

TEST(SumTest, HasTheSameBitsForEveryNumberOfThreads) {
  const int threads = GetNumThreads();
  for (const Case& c : Cases()) {
    std::mt19937 generator(5);
    std::vector<double> values(500000);
    for (double& value : values) value = std::ldexp(generator() - 2e9, -31);
    const Tensor x = MakeTensor(values, DType::kFloat32, c.view);
    std::vector<double> first;
    for (int n = 1; n <= 8; ++n) {
      ASSERT_THAT(SetNumThreads(n), IsOk());
      const Tensor out = MakeOut(x, c.dims, DType::kFloat32);
      ASSERT_THAT(Sum(x, out), IsOk());
      if (n == 1) first = Elements(out);
      EXPECT_EQ(Elements(out), first) << Describe(c, DType::kFloat32);
    }
  }
  ASSERT_THAT(SetNumThreads(threads), IsOk());
}

TEST(SumTest, WorksOnEveryInstructionSet) {
  simd::ForEachTarget([](int64_t target) {
    SCOPED_TRACE(hwy::TargetName(target));
    for (const Case& c : Cases()) {
      const Tensor x = RandomTensor(c.view, DType::kFloat32, 8);
      const Tensor out = MakeOut(x, c.dims, DType::kFloat32);
      ASSERT_THAT(Sum(x, out), IsOk());
      ExpectNear(Elements(out), Reference(x, out, SumOf), 2e-6,
                 Describe(c, DType::kFloat32));
    }
  });
}

TEST(MeanTest, AgreesWithPlainLoop) {
  CheckFloats(Mean, [](const std::vector<double>& group) {
    return SumOf(group) / static_cast<double>(group.size());
  });
}

TEST(MeanTest, IsNanWithoutElements) {
  const Tensor x = MakeContiguous({}, DType::kFloat32, {0});
  const Tensor out = MakeOut(x, {0}, DType::kFloat32);
  ASSERT_THAT(Mean(x, out), IsOk());
  EXPECT_TRUE(std::isnan(Elements(out)[0]));
}

TEST(NanSumTest, SkipsNan) {
  const Tensor x =
      MakeContiguous({1, kNan, 3, kNan, kNan, kNan}, DType::kFloat32, {2, 3});
  Tensor out = MakeOut(x, {1}, DType::kFloat32);
  ASSERT_THAT(NanSum(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(4, 0));
  CheckFloats(NanSum, SumOf);
}

TEST(ProdTest, AgreesWithPlainLoop) {
  for (const Case& c : Cases()) {
    for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
      Tensor x = RandomTensor(c.view, dtype, 4);
      // Factors near 1, so that long products do not overflow.
      std::vector<double> values(x.storage().size_bytes() /
                                 ElementSizeBytes(dtype));
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = i % 3 == 0 ? -1.25 : i % 3 == 1 ? 0.8 : 1.0;
      }
      x = MakeTensor(values, dtype, c.view);
      const Tensor out = MakeOut(x, c.dims, dtype);
      ASSERT_THAT(Prod(x, out), IsOk());
      const auto product = [](const std::vector<double>& group) {
        double result = 1;
        for (double factor : group) result *= factor;
        return result;
      };
      ExpectNear(Elements(out), Reference(x, out, product),
                 dtype == DType::kFloat32 ? 3e-3 : 1e-9, Describe(c, dtype));
    }
  }
}

TEST(ProdTest, OfIntegersIsInInt64) {
  const Tensor x = MakeContiguous({100, 100, 100, 3}, DType::kInt8, {4});
  const Tensor out = MakeOut(x, {0}, DType::kInt64);
  ASSERT_THAT(Prod(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(3e6));
}

TEST(AMaxTest, AgreesWithPlainLoop) {
  CheckFloats(
      AMax,
      [](const std::vector<double>& group) {
        return *std::max_element(group.begin(), group.end());
      },
      true);
}

TEST(AMinTest, AgreesWithPlainLoop) {
  CheckFloats(
      AMin,
      [](const std::vector<double>& group) {
        return *std::min_element(group.begin(), group.end());
      },
      true);
}

TEST(AMaxTest, PropagatesNanFromAnyPosition) {
  for (int64_t n : {1, 3, 16, 40, 300, 5000}) {
    for (int64_t at = 0; at < n; at += n / 3 + 1) {
      std::vector<double> values(n, 1.0);
      values[at] = kNan;
      for (bool is_column : {false, true}) {
        const Tensor x = MakeContiguous(
            values, DType::kFloat32,
            is_column ? std::vector<int64_t>{n, 1} : std::vector<int64_t>{n});
        const Tensor out = MakeOut(x, {0}, DType::kFloat32);
        ASSERT_THAT(AMax(x, out), IsOk());
        EXPECT_TRUE(std::isnan(Elements(out)[0])) << n << " " << at;
        ASSERT_THAT(AMin(x, out), IsOk());
        EXPECT_TRUE(std::isnan(Elements(out)[0])) << n << " " << at;
      }
    }
  }
}

TEST(AMaxTest, OfIntegers) {
  const Tensor x = MakeContiguous({-5, 7, -128, 127}, DType::kInt8, {2, 2});
  const Tensor out = MakeOut(x, {1}, DType::kInt8);
  ASSERT_THAT(AMax(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(7, 127));
  ASSERT_THAT(AMin(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(-5, -128));
}

TEST(AllTest, TakesNanForTrue) {
  const Tensor x =
      MakeContiguous({1, kNan, 1, 0, 0, 0}, DType::kFloat32, {3, 2});
  const Tensor out = MakeOut(x, {1}, DType::kBool);
  ASSERT_THAT(All(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 0, 0));
  ASSERT_THAT(Any(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 1, 0));
}

TEST(AllTest, WithoutElements) {
  const Tensor x = MakeContiguous({}, DType::kBool, {0});
  const Tensor out = MakeOut(x, {0}, DType::kBool);
  ASSERT_THAT(All(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1));
  ASSERT_THAT(Any(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(0));
}

TEST(CountNonzeroTest, Counts) {
  const Tensor x = MakeContiguous({1, 0, 2, 0, 0, 3}, DType::kInt16, {2, 3});
  const Tensor out = MakeOut(x, {0}, DType::kInt64);
  ASSERT_THAT(CountNonzero(x, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 0, 2));
}

double VarOf(const std::vector<double>& group, double correction) {
  const auto n = static_cast<double>(group.size());
  const double mean = SumOf(group) / n;
  double sum = 0;
  for (double x : group) sum += (x - mean) * (x - mean);
  return sum / std::max(n - correction, 0.0);
}

TEST(VarTest, AgreesWithPlainLoop) {
  for (double correction : {0.0, 1.0, 2.0}) {
    CheckFloats(
        [correction](const Tensor& x, const Tensor& out) {
          return Var(x, correction, out);
        },
        [correction](const std::vector<double>& group) {
          return VarOf(group, correction);
        });
  }
}

TEST(VarTest, IsStableFarFromZeroAndExactForEqualElements) {
  const Tensor x =
      MakeContiguous({1e8, 1e8 + 8, 1e8 + 16}, DType::kFloat32, {3});
  Tensor out = MakeOut(x, {0}, DType::kFloat32);
  ASSERT_THAT(Std(x, 1, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(8));
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const Tensor same =
        MakeContiguous(std::vector<double>(1001, 0.1), dtype, {1001});
    out = MakeOut(same, {0}, dtype);
    ASSERT_THAT(Std(same, 1, out), IsOk());
    EXPECT_THAT(Elements(out), ElementsAre(0));
  }
}

TEST(NormTest, AgreesWithPlainLoop) {
  for (double p : {0.0, 1.0, 2.0, 3.0, 0.5, kInf, -kInf, -1.0}) {
    CheckFloats(
        [p](const Tensor& x, const Tensor& out) { return Norm(x, p, out); },
        [p](const std::vector<double>& group) {
          double total = p == -kInf ? kInf : 0;
          for (double x : group) {
            const double a = std::abs(x);
            if (p == kInf) {
              total = std::max(total, a);
            } else if (p == -kInf) {
              total = std::min(total, a);
            } else {
              total += p == 0 ? (a != 0 ? 1 : 0) : std::pow(a, p);
            }
          }
          return std::isinf(p) || p == 0 ? total : std::pow(total, 1 / p);
        },
        p < 0 || std::isinf(p), p == 2 ? 1000000 : 5000);
  }
}

TEST(LogSumExpTest, AgreesWithPlainLoop) {
  CheckFloats(LogSumExp, [](const std::vector<double>& group) {
    double sum = 0;
    for (double x : group) sum += std::exp(x);
    return std::log(sum);
  });
}

TEST(LogSumExpTest, DoesNotOverflow) {
  const Tensor x =
      MakeContiguous({1000, 1000, -1000, -1000, kInf, 0, -kInf, -kInf, kNan, 1},
                     DType::kFloat32, {5, 2});
  const Tensor out = MakeOut(x, {1}, DType::kFloat32);
  ASSERT_THAT(LogSumExp(x, out), IsOk());
  ExpectNear(Elements(out),
             {1000 + std::log(2), -1000 + std::log(2), kInf, -kInf, kNan}, 1e-6,
             "logsumexp");
}

// Numbers of rows and columns around every size at which the work is divided.
// The numbers are small integers, so the sums are exact.
template <typename T>
void CheckSizesAroundDivisions() {
  const DType dtype = DTypeOf<T>::value;
  for (int64_t rows : {1, 3, 4, 63, 64, 65, 100, 127, 128, 129, 257, 600}) {
    for (int64_t columns : {1, 7, 16, 33, 255, 256, 511, 1023, 1024, 1025, 1500,
                            2047, 2048, 2049, 4100}) {
      const Tensor x = MakeContiguous(std::vector<double>(rows * columns),
                                      dtype, {rows, columns});
      T* const values = static_cast<T*>(x.data());
      std::vector<double> row_sums(rows);
      std::vector<double> column_sums(columns);
      std::vector<double> column_maxima(columns, -100);
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          const int64_t value = (i * i * 7 + i * j * 3 + j) % 23 - 9;
          values[i * columns + j] = static_cast<T>(value);
          const auto number = static_cast<double>(value);
          row_sums[i] += number;
          column_sums[j] += number;
          column_maxima[j] = std::max(column_maxima[j], number);
        }
      }
      const std::string what = Describe({{{rows, columns}, {}}, {}}, dtype);
      const Tensor by_row = MakeOut(x, {1}, dtype);
      ASSERT_THAT(Sum(x, by_row), IsOk());
      ASSERT_EQ(Elements(by_row), row_sums) << what;
      const Tensor by_column = MakeOut(x, {0}, dtype);
      ASSERT_THAT(Sum(x, by_column), IsOk());
      ASSERT_EQ(Elements(by_column), column_sums) << what;
      ASSERT_THAT(AMax(x, by_column), IsOk());
      ASSERT_EQ(Elements(by_column), column_maxima) << what;
    }
  }
}

TEST(ReductionsTest, SizesAroundDivisions) {
  CheckSizesAroundDivisions<float>();
  CheckSizesAroundDivisions<double>();
  CheckSizesAroundDivisions<int64_t>();
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
