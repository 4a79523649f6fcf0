// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/normalization.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/core/factories.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::DoubleNear;
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

TEST(SoftmaxTest, OfInfinities) {
  EXPECT_THAT(Elements(Softmax(Leaf({-kInf, 0, 0}), 0)),
              ElementsAre(0, 0.5, 0.5));
  for (double element : Elements(Softmax(Leaf({-kInf, -kInf}), 0))) {
    EXPECT_TRUE(std::isnan(element));
  }
}

TEST(SoftmaxTest, RejectsADimension) {
  EXPECT_THAT(Softmax(*Zeros({2, 3}), 2),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("Softmax(float32 [2, 3]): there is no "
                                 "dimension 2")));
}

TEST(LayerNormTest, AgreesWithPyTorch) {
  const Tensor x = Leaf({1, 2, 4});
  const auto y = LayerNorm(x, {3});
  EXPECT_NEAR(Elements(y)[0], -1.069042, 1e-6);
  const Tensor first = *Tensor::FromData<double>({1, 0, 0}, {3});
  for (bool create_graph : {false, true}) {
    GradOptions options;
    options.gradients = {first};
    options.create_graph = create_graph;
    options.retain_graph = true;
    const auto gradients = Grad(y, {x}, options);
    ASSERT_THAT(gradients, IsOk());
    EXPECT_THAT(
        Elements((*gradients)[0]),
        ElementsAre(DoubleNear(0.229082, 1e-6), DoubleNear(-0.343620, 1e-6),
                    DoubleNear(0.114538, 1e-6)));
  }
}

TEST(LayerNormTest, OfTheBiasAlone) {
  const Tensor x = *Tensor::FromData<double>({1, 2, 3, 5}, {2, 2});
  const Tensor weight = *Tensor::FromData<double>({1, 1}, {2});
  const Tensor bias = Leaf({0, 0});
  const auto gradients = Grad(Sum(LayerNorm(x, {2}, weight, bias)), {bias});
  ASSERT_THAT(gradients, IsOk());
  EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(2, 2));
}

TEST(LayerNormTest, RejectsShapes) {
  const Tensor x = *Zeros({2, 3});
  EXPECT_THAT(LayerNorm(x, {2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the normalized shape is [2]")));
  EXPECT_THAT(LayerNorm(x, {}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(LayerNorm(x, {3}, *Zeros({2})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the weight has the shape [2]")));
  EXPECT_THAT(LayerNorm(x, {3}, *Zeros({3}), *Zeros({1})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the bias has the shape [1]")));
}

TEST(LayerNormTest, OfRowsWithoutElements) {
  EXPECT_THAT(LayerNorm(*Zeros({2, 0}), {0}), IsOk());
}

TEST(RmsNormTest, DividesByTheRootOfTheMeanSquare) {
  const Tensor x = *Tensor::FromData<double>({3, 4, 0, 0}, {4});
  EXPECT_THAT(
      Elements(RmsNorm(x, {4}, 0.0)),
      ElementsAre(DoubleNear(1.2, 1e-12), DoubleNear(1.6, 1e-12), 0, 0));
  // The default keeps zeros from becoming NaN.
  EXPECT_THAT(Elements(RmsNorm(*Tensor::FromData<double>({0, 0}, {2}), {2})),
              ElementsAre(0, 0));
  const Tensor weight = *Tensor::FromData<double>({1, 2, 3, 4}, {4});
  EXPECT_THAT(
      Elements(RmsNorm(x, {4}, weight, 0.0)),
      ElementsAre(DoubleNear(1.2, 1e-12), DoubleNear(3.2, 1e-12), 0, 0));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
