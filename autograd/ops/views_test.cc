// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/views.h"

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
#include "ferry/core/internal_key.h"
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
using ::testing::IsEmpty;

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

TEST(ViewOpsTest, RefuseTooManyParts) {
  const auto is_too_many =
      StatusIs(StatusCode::kResourceExhausted, HasSubstr("make larger parts"));
  EXPECT_THAT(Chunk(*Zeros({0}), int64_t{1} << 60), is_too_many);
  const Tensor one = *Zeros({1});
  const Tensor repeated = *Tensor::Create(one.storage(), DType::kFloat32,
                                          {int64_t{1} << 40}, {0}, 0);
  EXPECT_THAT(Split(repeated, 1), is_too_many);
  EXPECT_THAT(Chunk(repeated, int64_t{1} << 40), is_too_many);
  EXPECT_THAT(Unbind(repeated), is_too_many);
  EXPECT_THAT(Split(repeated, int64_t{1} << 39), IsOk());
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

TEST(ViewsTest, ShareTheStorage) {
  const Tensor x = Leaf({2, 3});
  for (const absl::StatusOr<Tensor>& view :
       {View(x, {3, 2}),
        Reshape(x, {6}),
        Flatten(x),
        Unsqueeze(x, 1),
        Squeeze(Unsqueeze(x, 0)),
        Squeeze(Unsqueeze(x, 0), 0),
        Transpose(x, 0, 1),
        T(x),
        Permute(x, {1, 0}),
        MoveDim(x, 0, 1),
        Select(x, 0, 1),
        Slice(x, 1, 0, 3, 2),
        Narrow(x, 1, 1, 2),
        Diagonal(x),
        Unfold(x, 1, 2, 1),
        Expand(x, {4, 2, 3}),
        ExpandAs(x, *Zeros({1, 2, 3})),
        absl::StatusOr<Tensor>(Split(x, 1)->at(1)),
        absl::StatusOr<Tensor>(Chunk(x, 2, 1)->at(0)),
        absl::StatusOr<Tensor>(Unbind(x)->at(1))}) {
    ASSERT_THAT(view, IsOk());
    EXPECT_EQ(view->storage(), x.storage());
    EXPECT_TRUE(view->requires_grad());
  }
}

TEST(ViewsTest, HaveTheShapesAndElementsOfPyTorch) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Elements(T(x)), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(Elements(Slice(x, 1, 0, 3, 2)), ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(Elements(Diagonal(x)), ElementsAre(0, 4));
  EXPECT_THAT(Elements(Diagonal(x, 2)), ElementsAre(2));
  EXPECT_THAT(Elements(Diagonal(x, -1)), ElementsAre(3));
  EXPECT_THAT(Elements(Diagonal(x, 3)), IsEmpty());
  EXPECT_THAT(Elements(Diagonal(x, INT64_MIN)), IsEmpty());
  EXPECT_THAT(Elements(Diagonal(x, INT64_MAX)), IsEmpty());
  EXPECT_THAT(Elements(Unfold(x, 1, 2, 1)),
              ElementsAre(0, 1, 1, 2, 3, 4, 4, 5));
  EXPECT_THAT(Unfold(x, 1, 2, INT64_MAX)->shape(), ElementsAre(2, 1, 2));
  EXPECT_THAT(Flatten(*Full({}, 1.0))->shape(), ElementsAre(1));
  EXPECT_THAT(Flatten(*Zeros({2, 3, 4, 5}), 1, -2)->shape(),
              ElementsAre(2, 12, 5));
  EXPECT_THAT(Unsqueeze(x, -1)->shape(), ElementsAre(2, 3, 1));
  EXPECT_THAT(Squeeze(x, 0)->shape(), ElementsAre(2, 3));
  EXPECT_THAT(MoveDim(*Zeros({2, 3, 4}), -1, 0)->shape(), ElementsAre(4, 2, 3));
  EXPECT_THAT(Chunk(*Zeros({5}), 3)->at(2).shape(), ElementsAre(1));
  EXPECT_EQ(Chunk(*Zeros({0}), 3)->size(), 3);
  EXPECT_EQ(Split(*Zeros({0}), 3)->size(), 1);
  EXPECT_EQ(Chunk(*Zeros({4}), 3)->size(), 2);
}

TEST(ViewsTest, GradientsReachTheElementsTheyCameFrom) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Origins(T(x), x), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Origins(Select(x, 1, -1), x), ElementsAre(0, 0, 2, 0, 0, 5));
  EXPECT_THAT(Origins(Slice(x, 1, 1), x), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(Origins(Narrow(x, 0, 1, 1), x), ElementsAre(0, 0, 0, 3, 4, 5));
  EXPECT_THAT(Origins(Diagonal(x), x), ElementsAre(0, 0, 0, 0, 4, 0));
  EXPECT_THAT(Origins(Unfold(x, 1, 2, 1), x), ElementsAre(0, 2, 2, 3, 8, 5));
  EXPECT_THAT(Origins(Expand(x, {4, 2, 3}), x),
              ElementsAre(0, 4, 8, 12, 16, 20));
  // Expanded gradients pass through parts.
  EXPECT_THAT(Elements((*Grad(Sum(Diagonal(x)), {x}))[0]),
              ElementsAre(1, 0, 0, 0, 1, 0));
}

TEST(ViewsTest, WindowsOfNarrowFloatsAreSummedInFloat32) {
  const Tensor x =
      *Ones({300}, TensorOptions().dtype(DType::kBFloat16).requires_grad(true));
  const absl::StatusOr<Tensor> y = Unfold(x, 0, 299, 1);
  const Tensor gradient =
      *strided::Cast((*Grad(Sum(y), {x}))[0], DType::kFloat64);
  EXPECT_THAT(Elements(Slice(gradient, 0, 1, 299)), Each(2));
  EXPECT_EQ(Elements(gradient)[0], 1);
}

TEST(ViewsTest, OnePartOfSeveralMayBeUnused) {
  const Tensor x = Leaf({5});
  EXPECT_THAT(Origins(Split(x, 2)->at(1), x), ElementsAre(0, 0, 2, 3, 0));
  EXPECT_THAT(Origins(SplitWithSizes(x, {1, 4})->at(0), x), Each(0));
  EXPECT_THAT(Origins(Chunk(x, 2)->at(0), x), ElementsAre(0, 1, 2, 0, 0));
  EXPECT_THAT(Origins(Unbind(x)->at(3), x), ElementsAre(0, 0, 0, 3, 0));
}

TEST(ViewsTest, AWriteToAPartReachesTheBase) {
  const Tensor x = Leaf({2, 3});
  const absl::StatusOr<Tensor> base = Clone(x);
  const absl::StatusOr<Tensor> before = Select(base, 0, 0);
  ASSERT_THAT(MulInPlace(Select(base, 1, 2), 10), IsOk());
  EXPECT_THAT(Elements(base), ElementsAre(0, 1, 20, 3, 4, 50));
  EXPECT_THAT(Elements((*Grad(Sum(base), {x}))[0]),
              ElementsAre(1, 1, 10, 1, 1, 10));
  EXPECT_THAT(Elements((*Grad(Sum(before), {x}))[0]),
              ElementsAre(1, 1, 10, 0, 0, 0));
  EXPECT_THAT(Elements((*Grad(Sum(Diagonal(base)), {x}))[0]),
              ElementsAre(1, 0, 0, 0, 1, 0));
}

TEST(ViewsTest, SomeViewsMustNotBeWritten) {
  const Tensor leaf = Leaf({2, 3});
  EXPECT_THAT(MulInPlace(Select(leaf, 0, 0), 2),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("a view of a leaf Variable")));
  const absl::StatusOr<Tensor> x = Clone(leaf);
  for (const Tensor& part :
       {Split(x, 1)->at(0), Unbind(x)->at(0), Chunk(x, 2)->at(0)}) {
    EXPECT_THAT(MulInPlace(part, 2), StatusIs(StatusCode::kFailedPrecondition,
                                              HasSubstr("returns multiple")));
  }
  EXPECT_THAT(MulInPlace(Expand(Select(x, 0, 0), {2, 3}), 2),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("more than one element")));
  EXPECT_THAT(MulInPlace(Unfold(x, 1, 2, 1), 2),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(ViewsTest, NegatedTensorsHaveNegatedViews) {
  const Tensor x = *Ones({2, 2}, TensorOptions().dtype(DType::kFloat64));
  x.set_neg(true, InternalKey());
  for (const absl::StatusOr<Tensor>& view :
       {Diagonal(x), Unfold(x, 0, 2, 1), Select(x, 0, 1)}) {
    EXPECT_TRUE(view->is_neg());
    EXPECT_THAT(Elements(view), Each(-1));
  }
}

TEST(ViewsTest, ErrorsNameTheOpAndTheShape) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Select(x, 0, 2),
              StatusIs(StatusCode::kOutOfRange,
                       AllOf(HasSubstr("Select(float64 [2, 3])"),
                             HasSubstr("there is no index 2"))));
  EXPECT_THAT(Unfold(x, 0, 3, 1),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("Unfold")));
  EXPECT_THAT(Unfold(x, 0, 1, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Unfold(x, 0, -1, 1), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Diagonal(x, 0, 1, -1),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("cannot be identical")));
  EXPECT_THAT(Diagonal(x, 0, 0, 2), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Diagonal(*Full({}, 1.0)), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(View(T(x), {6}), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(Flatten(x, 1, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Unsqueeze(x, 3),
      StatusIs(StatusCode::kOutOfRange,
               HasSubstr("there is no dimension 3 in a tensor of rank 3")));
  EXPECT_THAT(T(*Zeros({1, 2, 3})), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Split(x, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Split(x, -1), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(SplitWithSizes(x, {1, 2}),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("do not add up to the 2 slices")));
  EXPECT_THAT(SplitWithSizes(x, {3, -1}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(SplitWithSizes(x, {INT64_MAX, INT64_MAX}),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Chunk(x, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Unbind(*Full({}, 1.0)), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Squeeze(2), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Squeeze(Tensor()), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Squeeze(Select(x, 9, 0)), StatusIs(StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
