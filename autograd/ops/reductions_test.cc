// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/reductions.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor Leaf(const std::vector<double>& elements) {
  const auto size = static_cast<int64_t>(elements.size());
  Tensor leaf = *Tensor::FromData(elements, {size});
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok()) return {};
  const absl::Span<double> elements = tensor->Data<double>().value();
  return {elements.begin(), elements.end()};
}

// The gradient of the sum of a result.
std::vector<double> GradientOf(
    const std::function<absl::StatusOr<Tensor>(const Tensor&)>& function,
    const std::vector<double>& elements) {
  const Tensor x = Leaf(elements);
  const auto gradients = Grad(Sum(function(x)), {x});
  EXPECT_THAT(gradients, IsOk());
  if (!gradients.ok()) return {};
  return Elements((*gradients)[0]);
}

TEST(NormTest, OfOrderZeroHasGradientZeroEverywhere) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(GradientOf([](const Tensor& x) { return Norm(x, 0); },
                         {kInf, nan, -kInf, 2, 0}),
              Each(0));
}

TEST(SignedPowTest, OfOrderZeroHasGradientZeroEverywhere) {
  const Tensor x = Leaf({1, -2, 0});
  GradOptions options;
  options.gradients.push_back(*Tensor::FromData<double>({kInf, -kInf, 1}, {3}));
  const auto gradients = Grad(pointwise::SignedPow(x, 0), {x}, options);
  ASSERT_THAT(gradients, IsOk());
  EXPECT_THAT(Elements((*gradients)[0]), Each(0));
}

TEST(ProdTest, HasGradientsAtZeros) {
  const auto prod = [](const Tensor& x) { return Prod(x); };
  EXPECT_THAT(GradientOf(prod, {2, 0, 3}), ElementsAre(0, 6, 0));
  EXPECT_THAT(GradientOf(prod, {0, 2, 0, 3}), Each(0));
  EXPECT_THAT(GradientOf(prod, {2, 4, 3}), ElementsAre(12, 6, 8));
  EXPECT_THAT(GradientOf([](const Tensor& x) { return Prod(x, 0); }, {2, 0, 3}),
              ElementsAre(0, 6, 0));
}

TEST(CumProdTest, HasGradientsAtZeros) {
  EXPECT_THAT(
      GradientOf([](const Tensor& x) { return CumProd(x, 0); }, {2, 0, 3}),
      ElementsAre(1, 8, 0));
}

TEST(NormTest, HasGradientZeroAtZero) {
  const auto norm = [](double p) {
    return [p](const Tensor& x) { return Norm(x, p); };
  };
  EXPECT_THAT(GradientOf(norm(2), {0, 0}), ElementsAre(0, 0));
  EXPECT_THAT(GradientOf(norm(3), {0, 0}), ElementsAre(0, 0));
  EXPECT_THAT(GradientOf(norm(1), {0, -2}), ElementsAre(0, -1));
  EXPECT_THAT(GradientOf(norm(kInf), {2, -2, 1}), ElementsAre(0.5, -0.5, 0));
}

TEST(NormTest, OfNoElementsIsZeroOrAnError) {
  EXPECT_THAT(Elements(Norm(Leaf({}))), ElementsAre(0));
  EXPECT_THAT(Norm(Leaf({}), kInf),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no norm of order inf")));
}

TEST(StdTest, OfEqualElementsHasGradientZero) {
  EXPECT_THAT(Elements(Std(Leaf({5, 5, 5}))), ElementsAre(0));
  EXPECT_THAT(GradientOf([](const Tensor& x) { return Std(x); }, {5, 5, 5}),
              ElementsAre(0, 0, 0));
}

TEST(MeanTest, OfNoElementsIsNanWithoutGradient) {
  const Tensor x = Leaf({});
  EXPECT_TRUE(std::isnan(Elements(Mean(x))[0]));
  EXPECT_TRUE(GradientOf([](const Tensor& t) { return Mean(t); }, {}).empty());
}

TEST(MeanTest, TakesNoIntegers) {
  EXPECT_THAT(
      Mean(*Tensor::FromData<int64_t>({1, 2}, {2})),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("Mean(int64 [2])")));
}

TEST(SumTest, RejectsDimensions) {
  const Tensor x = *Zeros({2, 3});
  EXPECT_THAT(Sum(x, {2}),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("Sum(float32 [2, 3]): there is no dimension "
                                 "2 in a tensor of rank 2")));
  EXPECT_THAT(Sum(x, {1, -1}), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("appears twice")));
}

TEST(SumTest, GradientsHaveTheSameBitsForEveryNumberOfThreads) {
  std::vector<double> elements(100000);
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] = std::sin(static_cast<double>(i));
  }
  const int threads = GetNumThreads();
  std::vector<double> first;
  for (int n = 1; n <= 8; ++n) {
    ASSERT_THAT(SetNumThreads(n), IsOk());
    const std::vector<double> gradient = GradientOf(
        [](const Tensor& x) { return LogSumExp(x, {0}) * Norm(x) * Sum(x); },
        elements);
    if (n == 1) first = gradient;
    EXPECT_EQ(gradient, first);
  }
  ASSERT_THAT(SetNumThreads(threads), IsOk());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
