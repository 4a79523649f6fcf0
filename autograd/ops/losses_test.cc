// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/losses.h"

#include <any>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/core/dtype.h"
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

Tensor Leaf(const std::vector<double>& elements,
            const std::vector<int64_t>& shape) {
  Tensor leaf = *Tensor::FromData(elements, shape);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

Tensor Classes(const std::vector<int64_t>& classes,
               const std::vector<int64_t>& shape) {
  return *Tensor::FromData(classes, shape);
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok()) return {};
  const absl::Span<double> elements = tensor->Data<double>().value();
  return {elements.begin(), elements.end()};
}

std::vector<double> GradientOf(const absl::StatusOr<Tensor>& loss,
                               const Tensor& x) {
  const auto gradients = Grad(loss, {x});
  EXPECT_THAT(gradients, IsOk());
  return gradients.ok() ? Elements((*gradients)[0]) : std::vector<double>();
}

TEST(CrossEntropyTest, AgreesWithPyTorch) {
  const Tensor x = Leaf({1, 2, 3}, {1, 3});
  const auto loss = CrossEntropy(x, Classes({2}, {1}));
  EXPECT_NEAR(Elements(loss)[0], 0.407606, 1e-6);
  EXPECT_THAT(GradientOf(loss, x), ElementsAre(DoubleNear(0.090031, 1e-6),
                                               DoubleNear(0.244728, 1e-6),
                                               DoubleNear(-0.334759, 1e-6)));
}

TEST(CrossEntropyTest, IgnoredItemsHaveNoGradient) {
  const Tensor x = Leaf({1, 2, 5, 6}, {2, 2});
  const auto loss = CrossEntropy(x, Classes({-100, 0}, {2}));
  const std::vector<double> gradient = GradientOf(loss, x);
  EXPECT_EQ(gradient[0], 0);
  EXPECT_EQ(gradient[1], 0);
  EXPECT_NEAR(gradient[2], 1 / (1 + std::exp(1)) - 1, 1e-12);
  const auto none = CrossEntropy(x, Classes({-100, -100}, {2}));
  EXPECT_TRUE(std::isnan(Elements(none)[0]));
}

TEST(CrossEntropyTest, RejectsArguments) {
  const Tensor x = Leaf({1, 2, 3, 4}, {2, 2});
  EXPECT_THAT(CrossEntropy(x, Classes({0, 2}, {2})),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("NllLoss(float64 [2, 2], int64 [2]): target "
                                 "2 (element 1) is out of bounds")));
  EXPECT_THAT(CrossEntropy(x, Classes({0}, {1})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must have the shape [2]")));
  EXPECT_THAT(CrossEntropy(x, *Zeros({2})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the targets of int64")));
  CrossEntropyOptions options;
  options.weight = *Zeros({3});
  EXPECT_THAT(CrossEntropy(x, Classes({0, 1}, {2}), options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("of shape [2], one for each class")));
  options = {};
  options.label_smoothing = 2;
  EXPECT_THAT(CrossEntropy(x, Classes({0, 1}, {2}), options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("label_smoothing is 2")));
  EXPECT_THAT(
      CrossEntropy(1.0, x),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("CrossEntropy: the op takes a tensor, not a number")));
}

// A target that far away would be read from memory that is not there.
TEST(NllLossTest, ReadsNoWeightOfARejectedTarget) {
  const Tensor x = Leaf({-1, -2, -3, -4}, {2, 2});
  const Tensor target = Classes({0, int64_t{1} << 40}, {2});
  NllLossOptions options;
  options.weight = *Tensor::FromData<double>({1, 3}, {2});
  EXPECT_THAT(NllLoss(x, target, options),
              StatusIs(absl::StatusCode::kOutOfRange));
  CrossEntropyOptions cross_options;
  cross_options.weight = options.weight;
  EXPECT_THAT(CrossEntropy(x, target, cross_options),
              StatusIs(absl::StatusCode::kOutOfRange));
}

// A hook may return other targets than those that were saved.
TEST(NllLossTest, ChecksUnpackedTargets) {
  const Tensor x = Leaf({-1, -2, -3, -4}, {2, 2});
  absl::StatusOr<Tensor> loss;
  {
    const SavedTensorHooksGuard guard(
        [](const Tensor& tensor) { return std::any(tensor); },
        [](const std::any& packed) -> absl::StatusOr<Tensor> {
          const Tensor tensor = std::any_cast<Tensor>(packed);
          if (tensor.dtype() != DType::kInt64) return tensor;
          return Classes({0, int64_t{1} << 40}, {2});
        });
    loss = NllLoss(x, Classes({0, 1}, {2}));
  }
  ASSERT_THAT(loss, IsOk());
  EXPECT_THAT(Grad(loss, {x}), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(NllLossTest, ComputesTheMeanByWeight) {
  const Tensor x = Leaf({-1, -2, -3, -4}, {2, 2});
  NllLossOptions options;
  options.weight = *Tensor::FromData<double>({1, 3}, {2});
  const auto loss = NllLoss(x, Classes({0, 1}, {2}), options);
  EXPECT_THAT(Elements(loss), ElementsAre((1 + 3 * 4) / 4.0));
  EXPECT_THAT(GradientOf(loss, x), ElementsAre(-0.25, 0, 0, -0.75));
}

TEST(MseLossTest, ReducesInThreeWays) {
  const Tensor x = Leaf({1, 2}, {2});
  const Tensor target = *Tensor::FromData<double>({0, 5}, {2});
  EXPECT_THAT(Elements(MseLoss(x, target)), ElementsAre(5));
  EXPECT_THAT(Elements(MseLoss(x, target, LossReduction::kSum)),
              ElementsAre(10));
  EXPECT_THAT(Elements(MseLoss(x, target, LossReduction::kNone)),
              ElementsAre(1, 9));
  EXPECT_THAT(GradientOf(MseLoss(x, target), x), ElementsAre(1, -3));
}

TEST(L1LossTest, HasGradientZeroAtZero) {
  const Tensor x = Leaf({1, 2, 3}, {3});
  const Tensor target = *Tensor::FromData<double>({0, 2, 5}, {3});
  EXPECT_THAT(GradientOf(L1Loss(x, target, LossReduction::kSum), x),
              ElementsAre(1, 0, -1));
  EXPECT_THAT(GradientOf(SmoothL1Loss(x, target, 0, LossReduction::kSum), x),
              ElementsAre(1, 0, -1));
}

TEST(SmoothL1LossTest, RejectsBeta) {
  EXPECT_THAT(
      SmoothL1Loss(*Zeros({2}), *Zeros({2}), -1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("beta is -1")));
}

TEST(MseLossTest, TakesFloatsOnly) {
  EXPECT_THAT(MseLoss(Classes({1}, {1}), Classes({1}, {1})),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("MseLoss takes tensors of floats")));
}

TEST(BinaryCrossEntropyWithLogitsTest, DoesNotOverflow) {
  const Tensor x = Leaf({1000, -1000, 1000}, {3});
  const Tensor target = *Tensor::FromData<double>({1, 0, 0}, {3});
  BinaryCrossEntropyOptions options;
  options.reduction = LossReduction::kNone;
  EXPECT_THAT(Elements(BinaryCrossEntropyWithLogits(x, target, options)),
              ElementsAre(0, 0, 1000));
  options.reduction = LossReduction::kSum;
  EXPECT_THAT(GradientOf(BinaryCrossEntropyWithLogits(x, target, options), x),
              ElementsAre(0, 0, 1));
}

TEST(BinaryCrossEntropyWithLogitsTest, RejectsShapes) {
  EXPECT_THAT(BinaryCrossEntropyWithLogits(*Zeros({2}), *Zeros({1})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the target has the shape [1]")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
