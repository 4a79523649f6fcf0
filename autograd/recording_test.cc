// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Which ops are recorded, what a tensor then requires, and what may be written
// in place.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The two halves of a tensor of rank 1, as views: an op with several results.
constexpr Op kHalves = {
    "Halves",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      const int64_t half = x.num_elements() / 2;
      Outputs halves;
      for (int64_t begin : {int64_t{0}, half}) {
        FERRY_ASSIGN_OR_RETURN(
            Tensor view,
            Tensor::Create(x.storage(), x.dtype(), {half}, x.strides(),
                           x.storage_offset() + begin * x.strides()[0]));
        halves.Add(std::move(view));
      }
      return halves;
    },
    {},
    [](Derivative& d) -> absl::Status {
      // Only the one that was used, in its place.
      const int64_t half = d.output_shape(0)[0];
      FERRY_ASSIGN_OR_RETURN(
          Tensor whole,
          Zeros(d.input_shape(0), TensorOptions().dtype(d.input_dtype(0))));
      for (size_t i = 0; i < 2; ++i) {
        if (d.gradient(i).is_null()) continue;
        FERRY_ASSIGN_OR_RETURN(
            const Tensor part,
            Tensor::Create(whole.storage(), whole.dtype(), {half}, {1},
                           static_cast<int64_t>(i) * half));
        FERRY_RETURN_IF_ERROR(AddInPlace(part, d.gradient(i)).status());
      }
      d.Set(0, whole);
      return absl::OkStatus();
    },
    OpKind::kSeveralViews,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Outputs> Halves(const Operand& x) {
  const Operand* operands[] = {&x};
  return ApplyForAll(kHalves, operands);
}

// --- Modes -------------------------------------------------------------------

// The example of PyTorch's documentation of torch.set_grad_enabled.
TEST(RecordingTest, ExampleOfTheDocumentation) {
  const Tensor x = Leaf({1});
  {
    const GradModeGuard guard(false);
    EXPECT_FALSE((x * 2)->requires_grad());
  }
  EXPECT_TRUE((x * 2)->requires_grad());
  SetGradEnabled(false);
  EXPECT_FALSE((x * 2)->requires_grad());
  SetGradEnabled(true);
  EXPECT_TRUE((x * 2)->requires_grad());
}

TEST(RecordingTest, FunctionInAScopeActsUntilTheScopeEnds) {
  const Tensor x = Leaf({1});
  {
    const NoGradGuard no_grad;
    SetGradEnabled(true);
    EXPECT_TRUE((x * 2)->requires_grad());
  }
  {
    const NoGradGuard no_grad;
    EXPECT_FALSE((x * 2)->requires_grad());
  }
}

TEST(RecordingTest, ResultsUnderNoGradHaveNoHistory) {
  const Tensor x = Leaf({1});
  absl::StatusOr<Tensor> y;
  {
    const NoGradGuard no_grad;
    y = x * x;
  }
  EXPECT_FALSE(y->requires_grad());
  EXPECT_TRUE(IsLeaf(*y));
  EXPECT_EQ(GradientEdge(*y)->node, nullptr);
  EXPECT_EQ(TensorState::Of(*y), nullptr);
  EXPECT_THAT(Backward(y),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("does not require grad and does not have a "
                                 "grad_fn")));
  const auto decorated = WithGradMode(
      false, [&] { return WithGradMode(true, [&] { return x * x; }); });
  EXPECT_TRUE(decorated->requires_grad());
  EXPECT_FALSE(WithGradMode(false, [&] { return x * x; })->requires_grad());
}

TEST(RecordingTest, ResultsUnderNoGradAreConstantsLater) {
  const Tensor x = Leaf({3});
  const auto y = WithGradMode(false, [&] { return x * x; });
  ASSERT_THAT(Backward(x * y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(9));
  // They may become leaves.
  ASSERT_THAT(y->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(*y * *y), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(18));
}

TEST(RecordingTest, CopiesUnderNoGradHaveNoHistoryButCastsToTheSameDTypeDo) {
  const Tensor x = Leaf({3});
  const NoGradGuard no_grad;
  EXPECT_FALSE(Clone(x)->requires_grad());
  EXPECT_FALSE(x.Detach().requires_grad());
  EXPECT_FALSE(Cast(x, DType::kFloat32)->requires_grad());
  EXPECT_TRUE(Cast(x, DType::kFloat64)->IsSame(x));
}

TEST(RecordingTest, ATensorWithoutElementsMayBeginAnywhere) {
  const Tensor base = Leaf({1, 2, 3});
  for (int64_t offset : {int64_t{8}, std::numeric_limits<int64_t>::max()}) {
    const Tensor x =
        *Tensor::Create(base.storage(), base.dtype(), {0}, {1}, offset);
    ASSERT_THAT(x.SetRequiresGrad(true), IsOk());
    for (int64_t begin : {int64_t{0}, offset}) {
      const auto view = AsStrided(x, {0}, {1}, begin);
      ASSERT_THAT(view, IsOk());
      ASSERT_THAT(Backward(Sum(*view * *view)), IsOk());
      EXPECT_THAT(Elements(Gradient(x)), ElementsAre());
    }
    const auto row = AsStrided(x, {2}, {1}, 1);
    ASSERT_THAT(row, IsOk());
    EXPECT_THAT(Elements(*row), ElementsAre(2, 3));
    EXPECT_THAT(Backward(Sum(*row * *row)), IsOk());
  }
}

TEST(RecordingTest, WritesUnderNoGradKeepALeafALeaf) {
  const Tensor x = Leaf({1, 2, 3, 4});
  {
    const NoGradGuard no_grad;
    const auto row = AsStrided(x, {2}, {1}, 2);
    ASSERT_THAT(MulInPlace(row, 10), IsOk());
    ASSERT_THAT(AddInPlace(x, 1), IsOk());
  }
  EXPECT_TRUE(x.requires_grad());
  EXPECT_TRUE(IsLeaf(x));
  EXPECT_THAT(Elements(x), ElementsAre(2, 3, 31, 41));
  ASSERT_THAT(Backward(Sum(x * x)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 6, 62, 82));
}

TEST(RecordingTest, WritesUnderNoGradAreNoticedByWhatHasSavedTheValue) {
  const Tensor x = Leaf({2});
  const auto product = x * x;
  const auto sum = x + x;
  {
    const NoGradGuard no_grad;
    ASSERT_THAT(MulInPlace(x, 2), IsOk());
  }
  EXPECT_THAT(Backward(product),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is at version 1; expected version 0")));
  // A sum does not need the value.
  EXPECT_THAT(Backward(sum), IsOk());
}

TEST(RecordingTest, NewThreadsRecord) {
  const Tensor x = Leaf({1});
  const NoGradGuard no_grad;
  std::thread([&x] { EXPECT_TRUE((x * 2)->requires_grad()); }).join();
}

TEST(RecordingTest, ExceptionsEndTheScope) {
  const Tensor x = Leaf({1});
  EXPECT_THROW(WithGradMode(false, []() -> int { throw 7; }), int);
  EXPECT_TRUE((x * 2)->requires_grad());
}

// --- requires_grad -----------------------------------------------------------

TEST(RecordingTest, ResultsRequireAGradientIfAnOperandDoes) {
  const Tensor a = Constant({1});
  const Tensor b = Constant({2});
  const Tensor z = Leaf({3});
  const auto sum = a + b;
  EXPECT_FALSE(sum->requires_grad());
  EXPECT_EQ(TensorState::Of(*sum), nullptr);
  EXPECT_TRUE((*sum + z)->requires_grad());
  EXPECT_FALSE(IsLeaf(*(*sum + z)));
  EXPECT_TRUE((1.0 - z)->requires_grad());
}

TEST(RecordingTest, RequiresGradCanBeSetOnLeavesOnly) {
  const Tensor x = Constant({1});
  for (bool value : {true, true, false, false, true}) {
    EXPECT_THAT(x.SetRequiresGrad(value), IsOk());
    EXPECT_EQ(x.requires_grad(), value);
  }
  const auto y = x * 2;
  EXPECT_THAT(y->SetRequiresGrad(true), IsOk());
  EXPECT_THAT(y->SetRequiresGrad(false),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("you can only change requires_grad flags of "
                                 "leaf variables")));
  EXPECT_FALSE(IsLeaf(*y));
  const auto integers = Cast(Constant({1}), DType::kInt64);
  EXPECT_THAT(integers->SetRequiresGrad(true),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("only floating-point")));
  EXPECT_THAT(integers->SetRequiresGrad(false), IsOk());
}

TEST(RecordingTest, IntegersNeverRequireAGradient) {
  const Tensor x = Leaf({1.5});
  const auto integers = Cast(x, DType::kInt64);
  EXPECT_FALSE(integers->requires_grad());
  EXPECT_TRUE((x * *integers)->requires_grad());
}

TEST(RecordingTest, WriteFirstThenRequireAGradient) {
  const auto x = Zeros({2}, TensorOptions().dtype(DType::kFloat64));
  const auto view = Reshape(x, {2, 1});
  ASSERT_THAT(AddInPlace(x, 1), IsOk());
  ASSERT_THAT(AddInPlace(view, 1), IsOk());
  ASSERT_THAT(x->SetRequiresGrad(true), IsOk());
  // The view made before belongs to the graph, too.
  EXPECT_TRUE(view->requires_grad());
  ASSERT_THAT(Backward(Sum(*view * *view)), IsOk());
  EXPECT_THAT(Elements(Gradient(*x)), ElementsAre(4, 4));
  EXPECT_THAT(AddInPlace(x, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a leaf Variable that requires grad")));
  EXPECT_THAT(AddInPlace(view, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a view of a leaf Variable that requires "
                                 "grad")));
  EXPECT_THAT(Elements(*x), ElementsAre(2, 2));
}

// --- Saved values ------------------------------------------------------------

TEST(RecordingTest, SavesOnlyWhatTheOtherSideNeeds) {
  const Tensor x = Leaf({2});
  const Tensor constant = Constant({3});
  const auto y = x * 1;
  const auto z = *y * constant;
  // y itself is not saved, since the constant needs no gradient.
  ASSERT_THAT(MulInPlace(y, 5), IsOk());
  ASSERT_THAT(Backward(z), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3));
  const auto again = *y * constant;
  ASSERT_THAT(MulInPlace(constant, 2), IsOk());
  EXPECT_THAT(Backward(again), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// --- Writes in place ---------------------------------------------------------

TEST(InPlaceTest, AddAfterAddWorksAndAfterMulFails) {
  const Tensor x = Leaf({1});
  const Tensor y = Leaf({2});
  const auto sum = x + y;
  const auto first = *sum + 1;
  ASSERT_THAT(AddInPlace(sum, x), IsOk());
  EXPECT_THAT(Backward(first), IsOk());
  const auto product = x * y;
  const auto square = *product * *product;
  ASSERT_THAT(AddInPlace(product, x), IsOk());
  EXPECT_THAT(Backward(square),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
}

TEST(InPlaceTest, OperandThatRequiresAGradientPassesItOn) {
  const Tensor x = Leaf({1, 2});
  const Tensor target = Constant({10, 20});
  ASSERT_THAT(AddInPlace(target, x), IsOk());
  EXPECT_TRUE(target.requires_grad());
  EXPECT_FALSE(IsLeaf(target));
  ASSERT_THAT(MulInPlace(target, x), IsOk());
  ASSERT_THAT(Backward(Sum(target)), IsOk());
  // (10 + x) x
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(12, 24));
}

TEST(InPlaceTest, ByItselfFailsInThePass) {
  const Tensor x = Leaf({3});
  const auto b = x * 1;
  ASSERT_THAT(MulInPlace(*b, *b), IsOk());
  EXPECT_THAT(Elements(*b), ElementsAre(9));
  EXPECT_THAT(Backward(*b),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
  const auto c = x * 1;
  ASSERT_THAT(AddInPlace(*c, Sum(*c)), IsOk());
  ASSERT_THAT(Backward(*c), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2));
}

// The address sanitizer finds what is left of nodes that hold themselves.
TEST(InPlaceTest, ByAViewOfItselfOrByItsBaseIsNoCycle) {
  std::weak_ptr<Node> node;
  for (bool view_is_written : {false, true}) {
    const Tensor x = Leaf({1, 2});
    const auto base = x * 1;
    const auto view = AsStrided(base, {2}, {1}, 0);
    ASSERT_THAT(
        view_is_written ? MulInPlace(view, base) : MulInPlace(base, view),
        IsOk());
    node = GradientEdge(*base)->node;
    EXPECT_THAT(Backward(Sum(base)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("modified by an inplace operation")));
    EXPECT_FALSE(node.expired());
  }
  EXPECT_TRUE(node.expired());
}

TEST(InPlaceTest, OnRepeatedMemoryIsAnError) {
  const Tensor x = Constant({3});
  const auto repeated = Expand(x, {4});
  EXPECT_THAT(AddInPlace(repeated, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("more than one element of the written-to "
                                 "tensor refers to a single memory location")));
}

TEST(InPlaceTest, VersionsAreThoseOfTheStorage) {
  const Tensor base = Constant({1, 2});
  const auto view = Reshape(base, {2, 1});
  const Tensor detached = base.Detach();
  EXPECT_EQ(base.storage().version(), 0u);
  ASSERT_THAT(AddInPlace(view, 1), IsOk());
  ASSERT_THAT(AddInPlace(detached, 1), IsOk());
  EXPECT_EQ(base.storage().version(), 2u);
  EXPECT_EQ(detached.storage().version(), 2u);
  EXPECT_EQ(Clone(base)->storage().version(), 0u);
}

TEST(InPlaceTest, ThroughDetachIsNoticed) {
  const Tensor x = Leaf({3});
  const auto y = x * x;
  ASSERT_THAT(MulInPlace(x.Detach(), 2), IsOk());
  EXPECT_THAT(Backward(y), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(InPlaceTest, SavedResultsAreNoticed) {
  const Tensor x = Leaf({3});
  const auto quotient = 1.0 / x;  // saves its result
  ASSERT_THAT(AddInPlace(quotient, 1), IsOk());
  EXPECT_THAT(Backward(quotient),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Div returned is at version")));
}

TEST(InPlaceTest, AResultThatIsWrittenByItsOwnOpIsSavedAfterIt) {
  const Tensor x = Leaf({4});
  const auto y = x * 1;
  const Tensor divisor = Leaf({2});
  ASSERT_THAT(DivInPlace(y, divisor), IsOk());
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(*y, {divisor}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(-1));
  // -x / d^2 by x, and by d.
  const auto second = Grad((*first)[0], {x, divisor});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(-0.25));
  EXPECT_THAT(Elements((*second)[1]), ElementsAre(1));
}

TEST(InPlaceTest, ConstantPartHasNoGradient) {
  const Tensor x = Leaf({1, 2, 3});
  const auto y = x * 1;
  ASSERT_THAT(MulInPlace(AsStrided(y, {1}, {1}, 1), 0), IsOk());
  ASSERT_THAT(Backward(Sum(*y * *y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 0, 6));
}

TEST(InPlaceTest, PartOfAConstantPassesTheGradientOn) {
  const auto base = Zeros({2, 3}, TensorOptions().dtype(DType::kFloat64));
  const auto before = Reshape(base, {6});
  const Tensor v = Leaf({1, 2, 3});
  // base[1] = v, and a number that is broadcast.
  const auto row = AsStrided(base, {3}, {1}, 3);
  ASSERT_THAT(AddInPlace(row, v), IsOk());
  const Tensor scalar = Leaf({5});
  ASSERT_THAT(AddInPlace(AsStrided(base, {3}, {1}, 0), scalar), IsOk());
  EXPECT_FALSE(IsLeaf(*base));
  EXPECT_TRUE(before->requires_grad());
  EXPECT_TRUE(row->requires_grad());
  EXPECT_EQ(GradientEdge(*base)->node->name(), "CopySlices");
  ASSERT_THAT(Backward(Sum(*before * *before)), IsOk());
  EXPECT_THAT(Elements(Gradient(v)), ElementsAre(2, 4, 6));
  EXPECT_THAT(Elements(Gradient(scalar)), ElementsAre(30));
}

TEST(InPlaceTest, ViewsBeforeAndAfterSeeTheNewHistory) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const auto base = x * 1;
  const auto before = AsStrided(base, {2}, {1}, 0);
  const auto use_before = Sum(*before * 2);
  ASSERT_THAT(MulInPlace(base, 10), IsOk());
  const auto after = AsStrided(base, {2}, {1}, 2);
  ASSERT_THAT(Backward(Sum(*before)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(10, 10, 0, 0));
  ASSERT_THAT(Backward(Sum(*after)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(10, 10, 10, 10));
  // What was computed before the write keeps its history.
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  ASSERT_THAT(Backward(use_before), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 2, 0, 0));
}

TEST(InPlaceTest, ViewsOfViewsWithHigherDerivatives) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const Tensor v = Leaf({3});
  const auto base = x * x;
  const auto square = Reshape(base, {2, 2});
  const auto column = AsStrided(square, {2}, {2}, 1);  // elements 1 and 3
  const auto one = AsStrided(column, {1}, {1}, 3);     // element 3
  ASSERT_THAT(MulInPlace(one, v), IsOk());
  ASSERT_THAT(MulInPlace(column, v), IsOk());
  // base = x0^2, x1^2 v, x2^2, x3^2 v^2
  EXPECT_THAT(Elements(*base), ElementsAre(1, 12, 9, 144));
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(Sum(square), {x, v}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(2, 12, 6, 72));
  EXPECT_THAT(Elements((*first)[1]), ElementsAre(4 + 2 * 16 * 3));
  const auto second = Grad(Sum((*first)[0]), {x, v}, options);
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(2, 6, 2, 18));
  EXPECT_THAT(Elements((*second)[1]), ElementsAre(4 + 4 * 4 * 3));
}

TEST(InPlaceTest, GradientsOfTheFirstKindAreWrittenWhileTheyAreRecorded) {
  // A write in a recorded backward pass: the gradient of a gradient through it.
  const Tensor x = Leaf({2, 3});
  const auto y = x * x;
  ASSERT_THAT(MulInPlace(AsStrided(y, {1}, {1}, 0), x.Detach()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_THAT(MulInPlace(AsStrided(y, {1}, {1}, 0), 4), IsOk());
  BackwardOptions options;
  options.create_graph = true;
  ASSERT_THAT(Backward(Sum(y), options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(16, 6));
  const auto second = Grad(Sum(Gradient(x)), {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(8, 2));
  // Breaks the cycle of the leaf and its recorded gradient.
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
}

TEST(InPlaceTest, ViewsMadeUnderNoGradReportNoGradient) {
  const Tensor x = Leaf({1, 2});
  const auto base = x * 1;
  absl::StatusOr<Tensor> of_leaf;
  absl::StatusOr<Tensor> of_result;
  {
    const NoGradGuard no_grad;
    of_leaf = Reshape(x, {2, 1});
    of_result = Reshape(base, {2, 1});
  }
  for (const auto& view : {of_leaf, of_result}) {
    EXPECT_FALSE(view->requires_grad());
    EXPECT_TRUE(IsLeaf(*view));
    // Nothing that it is used for loses a gradient without notice.
    EXPECT_FALSE((*view * 2)->requires_grad());
    EXPECT_THAT(
        AddInPlace(view, 1),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 HasSubstr("A view was created in no_grad mode and is being "
                           "modified inplace with grad mode enabled")));
    const NoGradGuard no_grad;
    EXPECT_THAT(AddInPlace(view, 1), IsOk());
  }
  EXPECT_TRUE(IsLeaf(x));
  ASSERT_THAT(Backward(Sum(base)), IsOk());
}

TEST(InPlaceTest, ViewsMadeUnderNoGradOfConstantsTakeNoGradientEither) {
  const Tensor constant = Constant({1, 2});
  const auto view = WithGradMode(false, [&] { return Reshape(constant, {2}); });
  EXPECT_THAT(AddInPlace(view, 1), IsOk());
  EXPECT_THAT(AddInPlace(view, Leaf({1, 1})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("A view was created in no_grad mode")));
}

TEST(InPlaceTest, OneOfSeveralViewsMustNotBeWritten) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const auto base = x * 1;
  const auto halves = Halves(base);
  ASSERT_THAT(halves, IsOk());
  EXPECT_THAT(AddInPlace((*halves)[0], 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("returns multiple views")));
  EXPECT_THAT(AddInPlace(Reshape((*halves)[0], {2, 1}), 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("returns multiple views")));
  // One of them may be used alone, and writing the base renews them.
  ASSERT_THAT(Backward(Sum((*halves)[1] * 2)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(0, 0, 2, 2));
  ASSERT_THAT(MulInPlace(base, 3), IsOk());
  ASSERT_THAT(Backward(Sum((*halves)[0])), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3, 3, 2, 2));
  const NoGradGuard no_grad;
  EXPECT_THAT(AddInPlace((*halves)[0], 1), IsOk());
}

TEST(InPlaceTest, WriteToAnIntegerOfAGradientIsAnError) {
  const auto integers = Cast(Constant({1}), DType::kInt64);
  EXPECT_THAT(AddInPlace(integers, Leaf({1})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(InPlaceTest, RetainedGradientsFollowTheTensor) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 2;
  ASSERT_THAT(RetainGradient(*y), IsOk());
  ASSERT_THAT(MulInPlace(y, 3), IsOk());
  ASSERT_THAT(Backward(Sum(*y * 5)), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(5, 5));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(30, 30));
}

TEST(InPlaceTest, RetainedGradientsFollowViewsAndTheirBases) {
  const Tensor x = Leaf({1, 2, 3});
  const auto base = x * 2;
  const auto view = AsStrided(base, {2}, {1}, 1);
  ASSERT_THAT(RetainGradient(*base), IsOk());
  ASSERT_THAT(RetainGradient(*view), IsOk());
  ASSERT_THAT(MulInPlace(view, 3), IsOk());
  BackwardOptions options;
  options.retain_graph = true;
  ASSERT_THAT(Backward(Sum(*base * 5) + Sum(*view * 7), options), IsOk());
  EXPECT_THAT(Elements(Gradient(*base)), ElementsAre(5, 12, 12));
  EXPECT_THAT(Elements(Gradient(*view)), ElementsAre(7, 7));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(10, 72, 72));
  ASSERT_THAT(MulInPlace(base, 2), IsOk());
  ASSERT_THAT(SetGradient(*view, Tensor()), IsOk());
  ASSERT_THAT(Backward(Sum(view), options), IsOk());
  EXPECT_THAT(Elements(Gradient(*view)), ElementsAre(1, 1));
}

TEST(InPlaceTest, ViewsMayBeUsedOnSeveralThreadsAfterAWrite) {
  const Tensor x = Leaf({1, 2});
  const auto base = x * 2;
  const auto view = Reshape(base, {2, 1});
  ASSERT_THAT(MulInPlace(base, 3), IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      EXPECT_TRUE(view->requires_grad());
      const auto gradients = Grad(Sum(*view * 5), {x});
      ASSERT_THAT(gradients, IsOk());
      EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(30, 30));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(InPlaceTest, ManyWritesThroughViewsAreFreedWithoutStack) {
  const Tensor x = Leaf({1, 2});
  const auto base = x * 1;
  const auto part = AsStrided(base, {1}, {1}, 1);
  for (int i = 0; i < 50000; ++i) ASSERT_THAT(AddInPlace(part, 1), IsOk());
  ASSERT_THAT(Backward(Sum(base)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1, 1));
}

// The tensor had no history when its result was saved.
TEST(RecordingTest, WritesToAConstantHaveSecondDerivatives) {
  for (bool through_view : {false, true}) {
    const Tensor y = Leaf({2});
    const auto base = Ones({1}, TensorOptions().dtype(DType::kFloat64));
    ASSERT_THAT(base, IsOk());
    const auto t = through_view ? View(*base, {1}) : base;
    ASSERT_THAT(t, IsOk());
    ASSERT_THAT(DivInPlace(t, y), IsOk());
    GradOptions options;
    options.create_graph = true;
    const auto first = Grad(Sum(*base), {y}, options);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(Elements((*first)[0]), ElementsAre(-0.25));
    const auto second = Grad((*first)[0], {y});
    ASSERT_THAT(second, IsOk());
    EXPECT_THAT(Elements((*second)[0]), ElementsAre(0.25));  // 2 / y^3
  }
}

TEST(RecordingTest, AsStridedKeepsTheFlagOfNegatedTensors) {
  const Tensor x = Constant({1, 2, 3});
  x.set_neg(true, InternalKey());
  EXPECT_THAT(Elements(AsStrided(x, {2}, {2}, 0)), ElementsAre(-1, -3));
}

TEST(RecordingTest, NegatedOperandsKeepTheirHistory) {
  const Tensor x = Leaf({3});
  x.set_neg(true, InternalKey());  // the value is -3
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(x * x, {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(-6));
  const auto second = Grad((*first)[0], {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(2));
}

// Two storages over one memory, so that the handles do not show it.
TEST(RecordingTest, WritesReadOperandsThatOverlapFirst) {
  std::vector<double> memory = {1, 2, 3, 4};
  const auto view = [&memory](int64_t offset) {
    const Storage storage = Storage::FromMemory(
        Device("cpu"), Memory{memory.data(), nullptr}, 4 * sizeof(double));
    return *Tensor::Create(storage, DType::kFloat64, {3}, {1}, offset);
  };
  ASSERT_THAT(AddInPlace(view(1), view(0)), IsOk());
  EXPECT_THAT(memory, ElementsAre(1, 3, 5, 7));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
