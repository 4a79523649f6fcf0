// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/nll.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> Elements(const Tensor& tensor) {
  const absl::Span<float> data = tensor.Data<float>().value();
  return {data.begin(), data.end()};
}

Tensor Floats(const std::vector<float>& values,
              const std::vector<int64_t>& shape) {
  return Tensor::FromData(values, shape).value();
}

Tensor Targets(const std::vector<int64_t>& values,
               const std::vector<int64_t>& shape) {
  return Tensor::FromData(values, shape).value();
}

TEST(NllTest, PicksTheClassOfEachRow) {
  const Tensor x = Floats({1, 2, 3, 4, 5, 6, 7, 8, 9}, {3, 3});
  const Tensor target = Targets({2, -100, 0}, {3});
  const Tensor weight = Floats({0.5f, 1, 2}, {3});
  const Tensor out = Floats({9, 9, 9}, {3});
  ASSERT_THAT(NllForward(x, target, Tensor(), -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(-3, 0, -7));
  ASSERT_THAT(NllForward(x, target, weight, -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(-6, 0, -3.5f));
  ASSERT_THAT(NllWeights(target, weight, -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(2, 0, 0.5f));
  ASSERT_THAT(NllWeights(target, Tensor(), -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(1, 0, 1));
}

TEST(NllTest, WritesGradients) {
  const Tensor target = Targets({2, -1, 0}, {3});
  const Tensor weight = Floats({0.5f, 1, 2}, {3});
  const Tensor grad = Floats({10, 20, 30}, {3});
  const Tensor out = Floats(std::vector<float>(9, 7), {3, 3});
  ASSERT_THAT(NllBackward(grad, target, weight, -1, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(0, 0, -20, 0, 0, 0, -15, 0, 0));
}

TEST(NllTest, OfDimensionsAfterTheClasses) {
  // {N, C, d} = {2, 3, 2}
  std::vector<float> values(12);
  for (int i = 0; i < 12; ++i) values[i] = static_cast<float>(i);
  const Tensor x = Floats(values, {2, 3, 2});
  const Tensor target = Targets({0, 1, 2, 0}, {2, 2});
  const Tensor out = Floats({9, 9, 9, 9}, {2, 2});
  ASSERT_THAT(NllForward(x, target, Tensor(), -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(0, -3, -10, -7));
  const Tensor grad = Floats({1, 2, 3, 4}, {2, 2});
  const Tensor dx = Floats(values, {2, 3, 2});
  ASSERT_THAT(NllBackward(grad, target, Tensor(), -100, dx), IsOk());
  EXPECT_THAT(Elements(dx),
              ElementsAre(-1, 0, 0, -2, 0, 0, 0, -4, 0, 0, -3, 0));
}

TEST(NllTest, ReadsStridedInputs) {
  const Tensor memory = Floats({1, 2, 3, 4, 5, 6}, {6});
  const Tensor x =
      Tensor::Create(memory.storage(), DType::kFloat32, {3, 2}, {1, 3}, 0)
          .value();  // {{1, 4}, {2, 5}, {3, 6}}
  const Tensor one = Targets({1}, {1});
  const Tensor target =
      Tensor::Create(one.storage(), DType::kInt64, {3}, {0}, 0).value();
  const Tensor out = Floats({0, 0, 0}, {3});
  ASSERT_THAT(NllForward(x, target, Tensor(), -100, out), IsOk());
  EXPECT_THAT(Elements(out), ElementsAre(-4, -5, -6));
}

TEST(CheckTargetsTest, RejectsOtherClasses) {
  EXPECT_THAT(CheckTargets(Targets({0, 2, -100}, {3}), 3, -100), IsOk());
  EXPECT_THAT(CheckTargets(Targets({0, 3}, {2}), 3, -100),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("target 3 (element 1) is out of bounds")));
  EXPECT_THAT(CheckTargets(Targets({-1}, {1}), 3, -100),
              StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
