// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/functions.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::NanSensitiveDoubleEq;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor MakeLeaf(const std::vector<double>& elements) {
  const Tensor leaf =
      Tensor::FromData(elements, {static_cast<int64_t>(elements.size())})
          .value();
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

std::vector<double> ElementsOf(const absl::StatusOr<Tensor>& tensor) {
  std::vector<double> elements;
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok()) return elements;
  EXPECT_THAT(
      ForEachElement<double>(
          *tensor, [&](double element) { elements.push_back(element); }),
      IsOk());
  return elements;
}

// Returns the gradient of the sum of `y` by `x`. It is computed in both ways:
// as a tensor, and as the result of further ops.
std::vector<double> GradientOf(const absl::StatusOr<Tensor>& y,
                               const Tensor& x) {
  EXPECT_THAT(y, IsOk());
  if (!y.ok()) return {};
  GradOptions options;
  options.gradients = {
      Ones(y->shape(), TensorOptions().dtype(y->dtype())).value()};
  options.retain_graph = true;
  const auto gradients = Grad(y, {x}, options);
  EXPECT_THAT(gradients, IsOk());
  if (!gradients.ok()) return {};
  options.create_graph = true;
  const auto recorded = Grad(y, {x}, options);
  EXPECT_THAT(recorded, IsOk());
  if (!recorded.ok()) return {};
  const std::vector<double> elements = ElementsOf((*gradients)[0]);
  EXPECT_THAT(ElementsOf((*recorded)[0]),
              testing::Pointwise(NanSensitiveDoubleEq(), elements));
  return elements;
}

// The values at kinks and poles are those of PyTorch.
TEST(FunctionsTest, GradientsAtKinksAreThoseOfPyTorch) {
  const Tensor x = MakeLeaf({-0.0, 0.0, -1, 2});
  EXPECT_THAT(GradientOf(Relu(x), x), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(GradientOf(Abs(x), x), ElementsAre(0, 0, -1, 1));
  EXPECT_THAT(GradientOf(LeakyRelu(x, 0.25), x),
              ElementsAre(0.25, 0.25, 0.25, 1));
  EXPECT_THAT(GradientOf(Elu(x), x),
              ElementsAre(1, 1, DoubleNear(std::exp(-1), 1e-15), 1));
  EXPECT_THAT(GradientOf(Sign(x), x), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(GradientOf(Floor(x), x), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(GradientOf(Frac(x), x), ElementsAre(1, 1, 1, 1));
}

TEST(FunctionsTest, GradientsAtPolesAreInfinite) {
  const Tensor x = MakeLeaf({0, 4});
  EXPECT_THAT(GradientOf(Sqrt(x), x), ElementsAre(kInfinity, 0.25));
  EXPECT_THAT(GradientOf(Log(x), x), ElementsAre(kInfinity, 0.25));
}

// exp(1000) is infinite, but is not used.
TEST(FunctionsTest, ActivationsHaveSecondDerivativesFarFromZero) {
  const Tensor x = MakeLeaf({1000, -1000});
  GradOptions options;
  options.create_graph = true;
  for (const auto& y : {Elu(x), Softplus(x), Sigmoid(x), Tanh(x), Gelu(x)}) {
    ASSERT_THAT(y, IsOk());
    options.gradients = {
        Ones({2}, TensorOptions().dtype(DType::kFloat64)).value()};
    const auto first = Grad(y, {x}, options);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(GradientOf((*first)[0], x), ElementsAre(0, 0));
  }
}

TEST(FunctionsTest, WritesInPlaceAndRecords) {
  const Tensor x = MakeLeaf({-1, 4});
  const auto times_one = [&x] { return (x * 1).value(); };
  Tensor y = times_one();
  ASSERT_THAT(ReluInPlace(y), IsOk());
  EXPECT_THAT(ElementsOf(y), ElementsAre(0, 4));
  EXPECT_THAT(GradientOf(y, x), ElementsAre(0, 1));
  y = times_one();
  ASSERT_THAT(AbsInPlace(y), IsOk());
  ASSERT_THAT(SqrtInPlace(y), IsOk());
  EXPECT_THAT(GradientOf(y, x), ElementsAre(-0.5, 0.25));
  y = times_one();
  ASSERT_THAT(LeakyReluInPlace(y, 0.5), IsOk());
  EXPECT_THAT(GradientOf(y, x), ElementsAre(0.5, 1));
  y = times_one();
  ASSERT_THAT(SquareInPlace(y), IsOk());
  EXPECT_THAT(GradientOf(y, x), ElementsAre(-2, 8));
  y = times_one();
  ASSERT_THAT(SquareInPlace(y), IsOk());
  ASSERT_THAT(ReciprocalInPlace(y), IsOk());
  EXPECT_THAT(GradientOf(y, x), ElementsAre(2, -2.0 / 64));
  y = times_one();
  ASSERT_THAT(SquareInPlace(y), IsOk());
  ASSERT_THAT(RsqrtInPlace(y), IsOk());
  EXPECT_THAT(GradientOf(y, x), ElementsAre(1, -1.0 / 16));
  const auto check = [&](absl::StatusOr<Tensor> (*in_place)(const Operand&),
                         absl::StatusOr<Tensor> (*op)(const Operand&)) {
    const Tensor z = times_one();
    ASSERT_THAT(in_place(z), IsOk());
    EXPECT_THAT(ElementsOf(z),
                testing::Pointwise(NanSensitiveDoubleEq(), ElementsOf(op(x))));
    EXPECT_THAT(GradientOf(z, x), testing::Pointwise(NanSensitiveDoubleEq(),
                                                     GradientOf(op(x), x)));
  };
  check(&ExpInPlace, &Exp);
  check(&LogInPlace, &Log);
  check(&FloorInPlace, &Floor);
  check(&CeilInPlace, &Ceil);
  check(&RoundInPlace, &Round);
  check(&TruncInPlace, &Trunc);
  check(&TanhInPlace, &Tanh);
  check(&SigmoidInPlace, &Sigmoid);
  check(&SiluInPlace, &Silu);
  check([](const Operand& self) { return EluInPlace(self); },
        [](const Operand& operand) { return Elu(operand); });
}

TEST(FunctionsTest, KeepsIntegersWherePyTorchDoes) {
  const Tensor x = Tensor::FromData<int32_t>({-3, 0, 5}, {3}).value();
  for (const auto& y :
       {Square(x), Abs(x), Sign(x), Relu(x), Floor(x), Round(x)}) {
    ASSERT_THAT(y, IsOk());
    EXPECT_EQ(y->dtype(), DType::kInt32);
  }
  for (const auto& y : {Exp(x), Sqrt(x), Sigmoid(x), Reciprocal(x)}) {
    ASSERT_THAT(y, IsOk());
    EXPECT_EQ(y->dtype(), DType::kFloat32);
  }
  for (const auto& y : {Gelu(x), Silu(x), Elu(x), Frac(x)}) {
    EXPECT_THAT(y, StatusIs(absl::StatusCode::kUnimplemented));
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
