// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/normalization.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
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

Tensor MakeTensor(const std::vector<double>& values, DType dtype,
                  const std::vector<int64_t>& shape) {
  Storage storage =
      Storage::Allocate(values.size() * ElementSizeBytes(dtype)).value();
  CastElements(values.data(), DType::kFloat64, storage.data(), dtype,
               static_cast<int64_t>(values.size()));
  return Tensor::Create(storage, dtype, shape).value();
}

Tensor Zeros(DType dtype, const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return MakeTensor(std::vector<double>(count), dtype, shape);
}

std::vector<double> Elements(const Tensor& tensor) {
  std::vector<double> values(tensor.num_elements());
  CastElements(tensor.data(), tensor.dtype(), values.data(), DType::kFloat64,
               tensor.num_elements());
  return values;
}

std::vector<double> Pattern(int64_t count, int64_t seed) {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<double>((i * 37 + seed * 11) % 101) / 32 - 1.5;
  }
  return values;
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

constexpr double kEps = 1e-5;

struct Expected {
  std::vector<double> y, mean, rstd, x_grad, gamma_grad, beta_grad;
};

Expected Reference(const std::vector<double>& x, int64_t size,
                   const std::vector<double>& gamma,
                   const std::vector<double>& beta,
                   const std::vector<double>& grad, bool is_rms) {
  Expected e;
  const auto n = static_cast<double>(size);
  e.y.resize(x.size());
  e.x_grad.resize(x.size());
  e.gamma_grad.resize(size);
  e.beta_grad.resize(size);
  for (size_t first = 0; first < x.size(); first += size) {
    double mean = 0;
    for (int64_t i = 0; i < size; ++i) mean += x[first + i] / n;
    if (is_rms) mean = 0;
    double var = 0;
    for (int64_t i = 0; i < size; ++i) {
      var += std::pow(x[first + i] - mean, 2) / n;
    }
    const double rstd = 1 / std::sqrt(var + kEps);
    e.mean.push_back(mean);
    e.rstd.push_back(rstd);
    double a = 0;
    double b = 0;
    for (int64_t i = 0; i < size; ++i) {
      const double hat = (x[first + i] - mean) * rstd;
      const double g = grad[first + i];
      e.y[first + i] = hat * gamma[i] + (is_rms ? 0 : beta[i]);
      e.gamma_grad[i] += g * hat;
      e.beta_grad[i] += g;
      a += g * gamma[i] / n;
      b += g * gamma[i] * hat / n;
    }
    if (is_rms) a = 0;
    for (int64_t i = 0; i < size; ++i) {
      const double hat = (x[first + i] - mean) * rstd;
      e.x_grad[first + i] = rstd * (grad[first + i] * gamma[i] - a - hat * b);
    }
  }
  return e;
}

double ToleranceOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 1e-12;
    case DType::kFloat32:
      return 3e-6;
    case DType::kFloat16:
      return 2e-3;
    default:
      return 1.6e-2;
  }
}

void CheckAll(DType dtype) {
  const DType statistics = dtype == DType::kFloat64 ? dtype : DType::kFloat32;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1, 1},
                                            {3, 5},
                                            {70, 33},
                                            {2, 3000},
                                            {2, 40000},
                                            {3000, 20}}) {
    const int64_t size = shape[1];
    const int64_t count = shape[0] * size;
    for (bool is_rms : {false, true}) {
      const std::string what = std::string(Name(dtype)) + " " +
                               std::to_string(shape[0]) + " x " +
                               std::to_string(size) + (is_rms ? " rms" : "");
      const Tensor x = MakeTensor(Pattern(count, 1), dtype, shape);
      const Tensor grad = MakeTensor(Pattern(count, 2), dtype, shape);
      const Tensor gamma = MakeTensor(Pattern(size, 3), dtype, {size});
      const Tensor beta = MakeTensor(Pattern(size, 4), dtype, {size});
      const Tensor y = Zeros(dtype, shape);
      const Tensor mean = Zeros(statistics, {shape[0], 1});
      const Tensor rstd = Zeros(statistics, {shape[0], 1});
      const Tensor x_grad = Zeros(dtype, shape);
      const Tensor gamma_grad = Zeros(dtype, {size});
      const Tensor beta_grad = Zeros(dtype, {size});
      const Expected e = Reference(Elements(x), size, Elements(gamma),
                                   Elements(beta), Elements(grad), is_rms);
      const double tolerance = ToleranceOf(dtype);
      if (is_rms) {
        ASSERT_THAT(RmsNorm(x, size, gamma, kEps, y, rstd), IsOk());
        ASSERT_THAT(
            RmsNormBackward(grad, x, size, rstd, gamma, x_grad, gamma_grad),
            IsOk());
      } else {
        ASSERT_THAT(LayerNorm(x, size, gamma, beta, kEps, y, mean, rstd),
                    IsOk());
        ASSERT_THAT(LayerNormBackward(grad, x, size, mean, rstd, gamma, x_grad,
                                      gamma_grad, beta_grad),
                    IsOk());
        ExpectNear(Elements(mean), e.mean, tolerance, what);
        ExpectNear(Elements(beta_grad), e.beta_grad, 10 * tolerance, what);
      }
      if (size == 1) continue;  // the variance is 0, so rounding is magnified
      ExpectNear(Elements(y), e.y, tolerance, what);
      ExpectNear(Elements(rstd), e.rstd, tolerance, what);
      ExpectNear(Elements(x_grad), e.x_grad, 2 * tolerance, what);
      ExpectNear(Elements(gamma_grad), e.gamma_grad, 20 * tolerance, what);
    }
  }
}

TEST(LayerNormTest, AgreesWithPlainLoop) {
  for (DType dtype :
       {DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kFloat16}) {
    CheckAll(dtype);
  }
}

TEST(LayerNormTest, WorksOnEveryInstructionSet) {
  simd::ForEachTarget([](int64_t target) {
    SCOPED_TRACE(hwy::TargetName(target));
    CheckAll(DType::kFloat32);
  });
}

TEST(LayerNormTest, WithoutParametersAndWithStrides) {
  const Tensor x = MakeTensor(Pattern(24, 1), DType::kFloat64, {24});
  const Tensor view =
      Tensor::Create(x.storage(), DType::kFloat64, {6, 4}, {1, 6}, 0).value();
  std::vector<double> elements;
  for (int i = 0; i < 24; ++i) {
    elements.push_back(Elements(x)[i / 4 + i % 4 * 6]);
  }
  const Tensor y = Zeros(DType::kFloat64, {6, 4});
  const Tensor mean = Zeros(DType::kFloat64, {6, 1});
  const Tensor rstd = Zeros(DType::kFloat64, {6, 1});
  ASSERT_THAT(LayerNorm(view, 4, Tensor(), Tensor(), kEps, y, mean, rstd),
              IsOk());
  const std::vector<double> ones(4, 1.0);
  const std::vector<double> zeros(4, 0.0);
  const Expected e = Reference(elements, 4, ones, zeros, elements, false);
  ExpectNear(Elements(y), e.y, 1e-12, "y");
  const Tensor x_grad = Zeros(DType::kFloat64, {6, 4});
  ASSERT_THAT(LayerNormBackward(view, view, 4, mean, rstd, Tensor(), x_grad,
                                Tensor(), Tensor()),
              IsOk());
  ExpectNear(Elements(x_grad), e.x_grad, 1e-12, "x_grad");
}

TEST(LayerNormTest, HasTheSameBitsForEveryNumberOfThreads) {
  const int threads = GetNumThreads();
  const std::vector<int64_t> shape = {3000, 64};
  const Tensor x = MakeTensor(Pattern(3000 * 64, 1), DType::kFloat32, shape);
  std::vector<double> first;
  for (int n = 1; n <= 8; ++n) {
    ASSERT_THAT(SetNumThreads(n), IsOk());
    const Tensor y = Zeros(DType::kFloat32, shape);
    const Tensor mean = Zeros(DType::kFloat32, {3000});
    const Tensor rstd = Zeros(DType::kFloat32, {3000});
    const Tensor gamma_grad = Zeros(DType::kFloat32, {64});
    const Tensor beta_grad = Zeros(DType::kFloat32, {64});
    ASSERT_THAT(LayerNorm(x, 64, Tensor(), Tensor(), kEps, y, mean, rstd),
                IsOk());
    ASSERT_THAT(LayerNormBackward(y, x, 64, mean, rstd, Tensor(), Tensor(),
                                  gamma_grad, beta_grad),
                IsOk());
    std::vector<double> all = Elements(gamma_grad);
    for (double value : Elements(beta_grad)) all.push_back(value);
    if (n == 1) first = all;
    EXPECT_EQ(all, first);
  }
  ASSERT_THAT(SetNumThreads(threads), IsOk());
}

TEST(LayerNormTest, OfNoRowsHasNoGradient) {
  const Tensor x = Zeros(DType::kFloat32, {0, 3});
  const Tensor statistics = Zeros(DType::kFloat32, {0, 1});
  const Tensor gamma_grad = MakeTensor({7, 7, 7}, DType::kFloat32, {3});
  ASSERT_THAT(
      LayerNorm(x, 3, Tensor(), Tensor(), kEps, x, statistics, statistics),
      IsOk());
  ASSERT_THAT(LayerNormBackward(x, x, 3, statistics, statistics, Tensor(), x,
                                gamma_grad, Tensor()),
              IsOk());
  EXPECT_THAT(Elements(gamma_grad), testing::ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
