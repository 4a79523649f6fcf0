// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/shapes.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
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
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A leaf with 0, 1, 2, ...
Tensor Leaf(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const Tensor numbers =
      *Arange(0, count, 1, TensorOptions().dtype(DType::kFloat64));
  const Tensor leaf =
      *Tensor::Create(numbers.storage(), DType::kFloat64, shape);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok() || tensor->is_null()) return {};
  const Tensor copy = *strided::Contiguous(tensor->Detach());
  const absl::StatusOr<absl::Span<double>> elements = copy.Data<double>();
  EXPECT_THAT(elements, IsOk());
  return std::vector<double>(elements->begin(), elements->end());
}

// The gradient of the sum of the squares of `y`, halved: the elements of `y`,
// at the places of `x` where they come from.
std::vector<double> Origins(const absl::StatusOr<Tensor>& y, const Tensor& x) {
  EXPECT_THAT(y, IsOk());
  GradOptions options;
  options.retain_graph = true;
  const absl::StatusOr<std::vector<Tensor>> gradients =
      Grad(Sum(y * y * 0.5), {x}, options);
  EXPECT_THAT(gradients, IsOk());
  if (!gradients.ok()) return {};
  return Elements((*gradients)[0]);
}

TEST(ShapeOpsTest, RollRefusesNoShifts) {
  EXPECT_THAT(Roll(Leaf({2, 3}), {}), StatusIs(StatusCode::kInvalidArgument,
                                               HasSubstr("one shift or more")));
}

// Sums of shifts would overflow.
TEST(ShapeOpsTest, RollRefusesATensorThatDoesNotFitIntoMemory) {
  const int64_t size = (int64_t{1} << 62) + (int64_t{1} << 61);
  const Tensor one = *Zeros({1}, TensorOptions().dtype(DType::kUInt8));
  const Tensor repeated =
      *Tensor::Create(one.storage(), DType::kUInt8, {size}, {0}, 0);
  EXPECT_THAT(Roll(repeated, {size - 1, size - 1}, {0, 0}),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST(ShapeOpsTest, CatJoinsAndItsGradientDivides) {
  const Tensor a = Leaf({2, 1});
  const Tensor b = Leaf({2, 2});
  const absl::StatusOr<Tensor> both = Cat({a, b, a}, -1);
  EXPECT_THAT(Elements(both), ElementsAre(0, 0, 1, 0, 1, 2, 3, 1));
  EXPECT_THAT(Origins(both, a), ElementsAre(0, 2));
  EXPECT_THAT(Origins(both, b), ElementsAre(0, 1, 2, 3));
  // As in PyTorch, an empty tensor of rank 1 fits, and has an empty gradient.
  const Tensor none =
      *Zeros({0}, TensorOptions().dtype(DType::kFloat64).requires_grad(true));
  EXPECT_THAT(Elements(Cat({none, b}, 1)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Cat({none, none})->shape(), ElementsAre(0));
}

TEST(ShapeOpsTest, CatPromotes) {
  const Tensor longs = *Ones({2}, TensorOptions().dtype(DType::kInt64));
  EXPECT_EQ(Cat({longs, *Ones({2})})->dtype(), DType::kFloat32);
  EXPECT_EQ(Cat({longs, longs})->dtype(), DType::kInt64);
  const Tensor half =
      *Ones({2}, TensorOptions().dtype(DType::kBFloat16).requires_grad(true));
  const absl::StatusOr<Tensor> mixed = Cat({half, Leaf({1})});
  EXPECT_EQ(mixed->dtype(), DType::kFloat64);
  EXPECT_EQ((*Grad(Sum(mixed), {half}))[0].dtype(), DType::kBFloat16);
}

TEST(ShapeOpsTest, StackAddsADimension) {
  const Tensor a = Leaf({2});
  EXPECT_THAT(Stack({a, a, a}, 1)->shape(), ElementsAre(2, 3));
  EXPECT_THAT(Stack({a, a, a}, -2)->shape(), ElementsAre(3, 2));
  EXPECT_THAT(Origins(Stack({a, a, a}), a), ElementsAre(0, 3));
}

TEST(ShapeOpsTest, MovesAndTheirGradients) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Elements(Flip(x, {0, -1})), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_THAT(Origins(Flip(x, {1}), x), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Elements(Roll(x, {1})), ElementsAre(5, 0, 1, 2, 3, 4));
  EXPECT_THAT(Elements(Roll(x, {-1}, {1})), ElementsAre(1, 2, 0, 4, 5, 3));
  EXPECT_THAT(Elements(Roll(x, {INT64_MIN, INT64_MIN}, {1, 1})),
              ElementsAre(1, 2, 0, 4, 5, 3));
  EXPECT_THAT(Origins(Roll(x, {INT64_MIN}, {1}), x),
              ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Elements(Repeat(Leaf({2}), {2, 2})),
              ElementsAre(0, 1, 0, 1, 0, 1, 0, 1));
  EXPECT_THAT(Origins(Repeat(x, {3, 1, 2}), x),
              ElementsAre(0, 6, 12, 18, 24, 30));
  EXPECT_THAT(Origins(Repeat(x, {0, 1}), x), Each(0));
  EXPECT_THAT(Elements(Tril(x)), ElementsAre(0, 0, 0, 3, 4, 0));
  EXPECT_THAT(Origins(Triu(x, 1), x), ElementsAre(0, 1, 2, 0, 0, 5));
  EXPECT_THAT(Elements(Pad(Leaf({1, 2}), {1, 0, 0, 1}, 9)),
              ElementsAre(9, 0, 1, 9, 9, 9));
  EXPECT_THAT(Elements(Pad(x, {-1, 0})), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Origins(Pad(x, {-1, 2}, 7), x), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(Elements(Pad(x, {})), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ShapeOpsTest, TrianglesInPlace) {
  const Tensor x = Leaf({2, 2});
  const absl::StatusOr<Tensor> y = Clone(x);
  ASSERT_THAT(TrilInPlace(y), IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(0, 0, 2, 3));
  ASSERT_THAT(TriuInPlace(y), IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(0, 0, 0, 3));
  EXPECT_THAT(Elements((*Grad(Sum(y), {x}))[0]), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(TrilInPlace(x), StatusIs(StatusCode::kFailedPrecondition,
                                       HasSubstr("a leaf Variable")));
}

TEST(ShapeOpsTest, ErrorsNameTheOpAndTheShapes) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Cat({}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Cat({x, Tensor()}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Cat({x, Leaf({2, 2})}),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("Cat(float64 [2, 3], float64 [2, 2])"),
                             HasSubstr("Sizes of tensors must match"))));
  EXPECT_THAT(Cat({x, Leaf({2})}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Cat({x, x}, 2), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Cat({*Full({}, 1.0)}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Stack({x, Leaf({3, 2})}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("but got [2, 3] and [3, 2]")));
  EXPECT_THAT(Flip(x, {0, -2}), StatusIs(StatusCode::kInvalidArgument,
                                         HasSubstr("multiple times")));
  EXPECT_THAT(Roll(x, {1, 2}, {0}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Roll(x, {1, 2}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Repeat(x, {2}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Repeat(x, {2, -1}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Repeat(x, {INT64_MAX, INT64_MAX}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Tril(Leaf({3})), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Pad(x, {1}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Pad(x, {-2, -2}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Pad(x, {INT64_MAX, INT64_MAX}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Pad(x, {INT64_MIN, INT64_MAX}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Pad(x, {0, 0, 0, 0, 0, 0}),
              StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
