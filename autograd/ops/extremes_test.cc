// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/extremes.h"

#include <any>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST(ArgMaxTest, OfAllElementsIsInRowMajorOrder) {
  const Tensor x = *Tensor::FromData<float>({1, 5, 2, 9, 9, 3}, {2, 3});
  EXPECT_EQ(ArgMax(x)->Item<int64_t>().value(), 3);
  EXPECT_EQ(ArgMin(x)->Item<int64_t>().value(), 0);
  EXPECT_THAT(ArgMax(x, 1)->Data<int64_t>().value(), ElementsAre(1, 0));
  EXPECT_FALSE(ArgMax(Leaf({1, 2}))->requires_grad());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
