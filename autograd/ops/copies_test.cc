// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/copies.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Leaf(const std::vector<double>& elements) {
  const Tensor leaf =
      *Tensor::FromData(elements, {static_cast<int64_t>(elements.size())});
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok() || tensor->is_null()) return {};
  const Tensor cast = *strided::Cast(tensor->Detach(), DType::kFloat64);
  const Tensor copy = *strided::Contiguous(cast);
  const absl::StatusOr<absl::Span<double>> elements = copy.Data<double>();
  return std::vector<double>(elements->begin(), elements->end());
}

TEST(CopiesTest, ContiguousReturnsTheTensorItselfIfItCan) {
  const Tensor x = Leaf({1, 2, 3, 4});
  EXPECT_TRUE(Contiguous(x)->IsSame(x));
  const absl::StatusOr<Tensor> y = Contiguous(T(View(x, {2, 2})));
  EXPECT_TRUE(y->is_contiguous());
  EXPECT_THAT(Elements(y), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Elements((*Grad(Sum(y * y), {x}))[0]), ElementsAre(2, 4, 6, 8));
}

TEST(CopiesTest, GradientsAreCastBack) {
  const Tensor x = Leaf({1, 2});
  const absl::StatusOr<Tensor> half = Cast(x, DType::kBFloat16);
  EXPECT_EQ(half->dtype(), DType::kBFloat16);
  const Tensor gradient = (*Grad(Sum(half * 3), {x}))[0];
  EXPECT_EQ(gradient.dtype(), DType::kFloat64);
  EXPECT_THAT(Elements(gradient), ElementsAre(3, 3));
  EXPECT_FALSE(Cast(x, DType::kInt64)->requires_grad());
  EXPECT_TRUE(Cast(x, DType::kFloat64)->IsSame(x));
}

TEST(CopiesTest, CopyInPlaceSendsTheGradientToTheSource) {
  const Tensor x = Leaf({1, 2});
  const Tensor y = *Full(
      {1}, 5.0, TensorOptions().dtype(DType::kFloat32).requires_grad(true));
  const absl::StatusOr<Tensor> z = x * 2;
  ASSERT_THAT(CopyInPlace(z, y), IsOk());
  EXPECT_THAT(Elements(z), ElementsAre(5, 5));
  const absl::StatusOr<std::vector<Tensor>> gradients =
      Grad(Sum(z * z), {x, y}, [] {
        GradOptions options;
        options.allow_unused = true;
        return options;
      }());
  ASSERT_THAT(gradients, IsOk());
  if (!(*gradients)[0].is_null()) {
    EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(0, 0));
  }
  EXPECT_EQ((*gradients)[1].dtype(), DType::kFloat32);
  EXPECT_THAT(Elements((*gradients)[1]), ElementsAre(20));
}

TEST(CopiesTest, CopyInPlaceToAPartOfABase) {
  const Tensor value = Leaf({7});
  const Tensor base = *Zeros({3}, TensorOptions().dtype(DType::kFloat64));
  ASSERT_THAT(CopyInPlace(Select(base, 0, 1), View(value, {})), IsOk());
  EXPECT_TRUE(base.requires_grad());
  EXPECT_THAT(Elements(base), ElementsAre(0, 7, 0));
  EXPECT_THAT(Elements((*Grad(Sum(base * base), {value}))[0]), ElementsAre(14));

  const Tensor x = Leaf({1, 2, 3});
  const absl::StatusOr<Tensor> y = x * 1;
  ASSERT_THAT(CopyInPlace(Select(y, 0, 1), 5), IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(1, 5, 3));
  EXPECT_THAT(Elements((*Grad(Sum(y), {x}))[0]), ElementsAre(1, 0, 1));
}

TEST(CopiesTest, CopyInPlaceToIntegersIsNotRecorded) {
  const Tensor longs = *Zeros({2}, TensorOptions().dtype(DType::kInt64));
  ASSERT_THAT(CopyInPlace(longs, Leaf({1.5, 2})), IsOk());
  EXPECT_THAT(Elements(longs), ElementsAre(1, 2));
  EXPECT_FALSE(longs.requires_grad());
}

TEST(CopiesTest, Errors) {
  const Tensor x = Leaf({1, 2});
  EXPECT_THAT(CopyInPlace(x, 1), StatusIs(StatusCode::kFailedPrecondition,
                                          HasSubstr("a leaf Variable")));
  EXPECT_THAT(CopyInPlace(x * 1, *Zeros({3})),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("CopyInPlace(float64 [2], float32 [3])")));
  EXPECT_THAT(
      CopyInPlace(*Zeros({2}, TensorOptions().dtype(DType::kUInt8)), 300),
      StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(CopyInPlace(Expand(*Zeros({1}), {2}), 1),
              StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
