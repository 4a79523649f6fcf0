// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/reductions.h"

#include <any>
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
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
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

TEST(MedianTest, OfNoElementsIsNanWithARecord) {
  const absl::StatusOr<Tensor> median = Median(Leaf({}));
  EXPECT_TRUE(std::isnan(Elements(median)[0]));
  EXPECT_TRUE(median->requires_grad());
  EXPECT_THAT(Median(*Zeros({0}, TensorOptions().dtype(DType::kInt64))),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// A hook may return other indices than those that were saved.
TEST(MaxTest, ChecksUnpackedIndices) {
  const Tensor x = Leaf({1, 2, 3});
  absl::StatusOr<ValuesAndIndices> selection;
  {
    const SavedTensorHooksGuard guard(
        [](const Tensor& tensor) { return std::any(tensor); },
        [](const std::any&) {
          return Tensor::FromData<int64_t>({int64_t{1} << 40}, {});
        });
    selection = Max(x, 0);
  }
  ASSERT_THAT(selection, IsOk());
  EXPECT_THAT(Grad(selection->values, {x}),
              StatusIs(absl::StatusCode::kOutOfRange));
}

absl::StatusOr<Tensor> Values(
    const absl::StatusOr<ValuesAndIndices>& selection) {
  if (!selection.ok()) return selection.status();
  return selection->values;
}

TEST(MaxTest, SharesTheGradientAmongTies) {
  EXPECT_THAT(GradientOf([](const Tensor& x) { return Max(x); }, {3, 1, 3, 3}),
              ElementsAre(1.0 / 3, 0, 1.0 / 3, 1.0 / 3));
  EXPECT_THAT(GradientOf([](const Tensor& x) { return Min(x); }, {2, 1, 1, 3}),
              ElementsAre(0, 0.5, 0.5, 0));
  EXPECT_THAT(
      GradientOf([](const Tensor& x) { return AMax(x, {0}); }, {3, 1, 3}),
      ElementsAre(0.5, 0, 0.5));
}

TEST(MaxTest, AlongADimensionGivesTheGradientToTheFirst) {
  EXPECT_THAT(
      GradientOf([](const Tensor& x) { return Values(Max(x, 0)); }, {1, 3, 3}),
      ElementsAre(0, 1, 0));
  EXPECT_THAT(
      GradientOf([](const Tensor& x) { return Values(Min(x, 0)); }, {1, 3, 1}),
      ElementsAre(1, 0, 0));
}

TEST(MaxTest, IndicesHaveNoGradient) {
  const auto selection = Max(Leaf({1, 2}), 0);
  ASSERT_THAT(selection, IsOk());
  EXPECT_TRUE(selection->values.requires_grad());
  EXPECT_FALSE(selection->indices.requires_grad());
  EXPECT_EQ(selection->indices.Item<int64_t>().value(), 1);
}

TEST(MaxTest, OfNoElementsIsAnError) {
  const Tensor x = *Zeros({2, 0});
  EXPECT_THAT(Max(x), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("Max(float32 [2, 0])")));
  EXPECT_THAT(AMax(x, {1}), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("no elements")));
  EXPECT_THAT(ArgMax(x, 1), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("size 0")));
  EXPECT_THAT(Median(x, 1), StatusIs(absl::StatusCode::kInvalidArgument));
  // There are no results for the other dimension.
  EXPECT_THAT(AMax(x, {0}), IsOk());
}

TEST(MedianTest, IsTheLowerOfTwo) {
  const Tensor x = Leaf({4, 1, 3, 2});
  EXPECT_THAT(Elements(Median(x)), ElementsAre(2));
  EXPECT_THAT(
      GradientOf([](const Tensor& t) { return Median(t); }, {4, 1, 3, 2}),
      ElementsAre(0, 0, 0, 1));
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

TEST(ArgMaxTest, OfAllElementsIsInRowMajorOrder) {
  const Tensor x = *Tensor::FromData<float>({1, 5, 2, 9, 9, 3}, {2, 3});
  EXPECT_EQ(ArgMax(x)->Item<int64_t>().value(), 3);
  EXPECT_EQ(ArgMin(x)->Item<int64_t>().value(), 0);
  EXPECT_THAT(ArgMax(x, 1)->Data<int64_t>().value(), ElementsAre(1, 0));
  EXPECT_FALSE(ArgMax(Leaf({1, 2}))->requires_grad());
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
}  // namespace ferry
