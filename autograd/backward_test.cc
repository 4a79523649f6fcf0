// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/backward.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/kept_memory.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(BackwardTest, AddsUpTheGradientsOfLeaves) {
  const Tensor x = Leaf({1, 2});
  const Tensor y = Leaf({3, 4});
  // The example of PyTorch's test suite: x + 2 y + x y.
  const auto z = x + y * 2 + x * y;
  BackwardOptions options;
  options.gradients = {*Ones({2})};
  options.retain_graph = true;
  ASSERT_THAT(Backward(z, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 5));
  EXPECT_THAT(Elements(Gradient(y)), ElementsAre(3, 4));
  ASSERT_THAT(Backward(z, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(8, 10));
}

TEST(BackwardTest, SumsOverBroadcastDimensions) {
  const Tensor x = Leaf({1, 2, 3});
  const auto table = Expand(x, {2, 3});
  ASSERT_THAT(Backward(Sum(table * table)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 8, 12));
}

TEST(BackwardTest, GivesBackMemoryThatPassesHaveNotNeeded) {
  const uint64_t limit = KeptMemoryLimit();
  SetKeptMemoryLimit(uint64_t{1} << 30);
  ReleaseKeptMemory();
  constexpr uint64_t kUnused = uint64_t{3} << 20;
  constexpr uint64_t kUsed = uint64_t{1} << 20;
  (void)Empty({kUnused / sizeof(float)});
  const Tensor x =
      *Full({kUsed / sizeof(float)}, 1.0, TensorOptions().requires_grad(true));
  for (int step = 0; step < 9; ++step) {
    EXPECT_GE(KeptMemoryBytes(), kUnused) << step;
    ASSERT_THAT(Backward(Sum(x + x)), IsOk());
    ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  }
  EXPECT_GE(KeptMemoryBytes(), kUsed);
  EXPECT_LT(KeptMemoryBytes(), 8 * kUsed);
  for (int step = 0; step < 9; ++step) {
    ASSERT_THAT(Backward(Sum(Leaf({1}))), IsOk());
  }
  // Under the address sanitizer, small tensors are in blocks, too.
  EXPECT_LT(KeptMemoryBytes(), 4096u);
  SetKeptMemoryLimit(limit);
}

TEST(BackwardTest, RunsASecondTimeOnlyIfTheGraphIsRetained) {
  const Tensor x = Leaf({3});
  const auto y = x * x;
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_THAT(Backward(y), StatusIs(absl::StatusCode::kFailedPrecondition,
                                    HasSubstr("retain_graph=true")));
  // A sum saves nothing.
  const auto z = x + x;
  ASSERT_THAT(Backward(z), IsOk());
  EXPECT_THAT(Backward(z), IsOk());
}

TEST(BackwardTest, HigherDerivatives) {
  const Tensor x = Leaf({3});
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(x * x * x, {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(27));
  const auto second = Grad((*first)[0], {x}, options);
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(18));
  const auto third = Grad((*second)[0], {x});
  ASSERT_THAT(third, IsOk());
  EXPECT_THAT(Elements((*third)[0]), ElementsAre(6));
  EXPECT_TRUE(Gradient(x).is_null());
}

TEST(BackwardTest, LongChainsNeedNoStack) {
  constexpr int kNodes = 300000;
  const Tensor x = Leaf({1});
  absl::StatusOr<Tensor> y = x;
  for (int i = 0; i < kNodes; ++i) y = y + 1;
  ASSERT_THAT(y, IsOk());
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1));
}

TEST(BackwardTest, WritesToLeavesAndViews) {
  const Tensor x = Leaf({1, 2});
  EXPECT_THAT(AddInPlace(x, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a leaf Variable that requires grad")));
  const auto base = Zeros({2, 2});
  ASSERT_THAT(base, IsOk());
  const auto view = Reshape(base, {4});
  ASSERT_THAT(view, IsOk());
  ASSERT_THAT(AddInPlace(base, x), IsOk());
  EXPECT_TRUE(base->requires_grad());
  EXPECT_TRUE(view->requires_grad());
  ASSERT_THAT(Backward(Sum(view * view)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 8));
}

TEST(BackwardTest, WritesThroughAView) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const Tensor v = Leaf({5, 6});
  const auto base = x * 1;
  ASSERT_THAT(base, IsOk());
  const auto part = AsStrided(base, {2}, {2}, 1);  // elements 1 and 3
  ASSERT_THAT(part, IsOk());
  ASSERT_THAT(MulInPlace(part, v), IsOk());
  EXPECT_THAT(Elements(*base), ElementsAre(1, 10, 3, 24));
  GradOptions options;
  options.create_graph = true;
  const auto gradients = Grad(Sum(*base * *base), {x, v}, options);
  ASSERT_THAT(gradients, IsOk());
  EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(2, 100, 6, 288));
  EXPECT_THAT(Elements((*gradients)[1]), ElementsAre(40, 192));
  // The view has the history of the base.
  ASSERT_THAT(Backward(Sum(*part)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(0, 5, 0, 6));
  EXPECT_THAT(Elements(Gradient(v)), ElementsAre(2, 4));
}

TEST(BackwardTest, NoticesThatASavedTensorWasWritten) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 1;
  ASSERT_THAT(y, IsOk());
  const auto z = Sum(*y * *y);
  ASSERT_THAT(AddInPlace(y, 1), IsOk());
  EXPECT_THAT(Backward(z),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
}

TEST(BackwardTest, RunsOnSeveralThreads) {
  const Tensor x = Leaf({2});
  const auto trunk = x * x;
  ASSERT_THAT(trunk, IsOk());
  BackwardOptions options;
  options.retain_graph = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) {
        EXPECT_THAT(Backward(*trunk * 3, options), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(960));
}

TEST(BackwardTest, KeepsGradientsOfInnerTensors) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  ASSERT_THAT(y, IsOk());
  ASSERT_THAT(RetainGradient(*y), IsOk());
  ASSERT_THAT(Backward(*y * *y), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(12));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(36));
}

// --- Values ------------------------------------------------------------------

BackwardOptions Retain() {
  BackwardOptions options;
  options.retain_graph = true;
  return options;
}

BackwardOptions WithGradient(const std::vector<double>& gradient) {
  BackwardOptions options;
  options.gradients = {Constant(gradient)};
  return options;
}

TEST(BackwardTest, ClosedForms) {
  const Tensor x = Leaf({1.5});
  const Tensor y = Leaf({2});
  const Tensor z = Leaf({3});
  // a = x + y z + 4 z^2 x / y
  ASSERT_THAT(Backward(x + y * z + z * z * 4 * x / y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1 + 4 * 9 / 2.0));
  EXPECT_THAT(Elements(Gradient(y)), ElementsAre(3 - 4 * 9 * 1.5 / 4));
  EXPECT_THAT(Elements(Gradient(z)), ElementsAre(2 + 8 * 3 * 1.5 / 2));
}

TEST(BackwardTest, SeveralRoots) {
  const Tensor q = Leaf({1, 2});
  const auto c = q * 2;
  const auto z = q * 2;
  BackwardOptions options;
  options.gradients = {Constant({1, 10}), Constant({3, 30})};
  ASSERT_THAT(Backward({*c, *z}, options), IsOk());
  EXPECT_THAT(Elements(Gradient(q)), ElementsAre(8, 80));
}

TEST(BackwardTest, RepeatedRootsCountTwice) {
  const Tensor x = Leaf({3});
  const auto y = x * x;
  ASSERT_THAT(Backward({*y, *y}), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(12));
}

TEST(BackwardTest, RootsMayDependOnEachOther) {
  const Tensor x = Leaf({2});
  const auto y = x * x;
  const auto z = *y * *y * *y;
  for (bool other_way : {false, true}) {
    ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
    BackwardOptions options = Retain();
    options.gradients = {Constant({10}), Constant({100})};
    if (other_way) std::swap(options.gradients[0], options.gradients[1]);
    const std::vector<Tensor> roots =
        other_way ? std::vector<Tensor>{*z, *y} : std::vector<Tensor>{*y, *z};
    ASSERT_THAT(Backward(roots, options), IsOk());
    EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2 * 2 * 10 + 6 * 32 * 100));
  }
}

TEST(BackwardTest, RootsMustRequireAGradient) {
  const Tensor x = Leaf({2});
  EXPECT_THAT(Backward({*(x * 2), Constant({1})}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("element 1 of tensors does not require grad "
                                 "and does not have a grad_fn")));
  EXPECT_THAT(Backward(Tensor()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Backward(3.0), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(BackwardTest, GradientsOfRootsAreImplicitForOneElementOnly) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(Backward(x * 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("grad can be implicitly created only for "
                                 "scalar outputs")));
  EXPECT_THAT(Backward(x * 2, WithGradient({1})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("Mismatch in shape")));
  EXPECT_THAT(Backward(Expand(Sum(x), {1, 1})), IsOk());
  BackwardOptions options;
  options.gradients = {*Cast(Constant({2, 3}), DType::kFloat32)};
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  ASSERT_THAT(Backward(x * 2, options), IsOk());
  EXPECT_EQ(Gradient(x).dtype(), DType::kFloat64);
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 6));
}

TEST(BackwardTest, ALeafMayBeTheRoot) {
  const Tensor x = Leaf({2, 3});
  const BackwardOptions options = WithGradient({5, 6});
  ASSERT_THAT(Backward(x, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(5, 6));
  // Does not share the memory of what was given.
  EXPECT_NE(Gradient(x).data(), options.gradients[0].data());
  ASSERT_THAT(Backward(x, options), IsOk());
  EXPECT_THAT(Elements(options.gradients[0]), ElementsAre(5, 6));
}

TEST(BackwardTest, BranchesDoNotShareTheMemoryOfTheirGradient) {
  // A sum gives both operands the same tensor as their gradient, and one of
  // them gets more.
  const Tensor a = Leaf({1});
  const Tensor b = Leaf({2});
  const auto u = a * 1;
  const auto v = b * 1;
  const auto sum = *u + *v;
  ASSERT_THAT(Backward(*sum * 17 + *u * 17), IsOk());
  EXPECT_THAT(Elements(Gradient(a)), ElementsAre(34));
  EXPECT_THAT(Elements(Gradient(b)), ElementsAre(17));
  ASSERT_THAT(Backward(a + b), IsOk());
  EXPECT_NE(Gradient(a).data(), Gradient(b).data());
}

TEST(BackwardTest, TensorsWithoutElements) {
  const Tensor x = *Ones({4, 1}, TensorOptions().requires_grad(true));
  const Tensor y = *Ones({4, 0}, TensorOptions().requires_grad(true));
  ASSERT_THAT(Backward(Sum(x + y)), IsOk());
  EXPECT_EQ(Gradient(x).shape(), (std::vector<int64_t>{4, 1}));
  EXPECT_THAT(Elements(Gradient(x)), Each(0));
  EXPECT_EQ(Gradient(y).shape(), (std::vector<int64_t>{4, 0}));
  EXPECT_THAT(Elements(Gradient(y)), IsEmpty());
}

TEST(BackwardTest, RunsInEveryMode) {
  const Tensor x = Leaf({3});
  const auto y = x * x;
  const NoGradGuard no_grad;
  ASSERT_THAT(Backward(y, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(6));
  EXPECT_FALSE(Gradient(x).requires_grad());
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(y, {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE((*first)[0].requires_grad());
  EXPECT_FALSE(GradEnabled());
}

// --- Grad --------------------------------------------------------------------

TEST(GradTest, HessianVectorProduct) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const Tensor y = Leaf({5, 6, 7, 8});
  BackwardOptions options = WithGradient({1, 1, 1, 1});
  options.create_graph = true;
  ASSERT_THAT(Backward(x * x + y * x + y * y, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(7, 10, 13, 16));
  EXPECT_THAT(Elements(Gradient(y)), ElementsAre(11, 14, 17, 20));
  const auto sum = Gradient(x) * 2 + Gradient(y);
  ASSERT_THAT(Backward(sum, WithGradient({1, 1, 1, 1})), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(12, 15, 18, 21));
  EXPECT_THAT(Elements(Gradient(y)), ElementsAre(15, 18, 21, 24));
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  ASSERT_THAT(SetGradient(y, Tensor()), IsOk());
}

TEST(GradTest, AscendsByAnInnerTensorWithoutTouchingGradients) {
  const Tensor x = Leaf({2});
  absl::StatusOr<Tensor> y = x * 3;
  for (int i = 0; i < 5; ++i) {
    const auto gradients = Grad(Sum(*y * *y), {*y});
    ASSERT_THAT(gradients, IsOk());
    EXPECT_DOUBLE_EQ(Elements((*gradients)[0])[0], 2 * Elements(*y)[0]);
    y = *y + (*gradients)[0];
  }
  EXPECT_TRUE(Gradient(x).is_null());
  EXPECT_TRUE(Gradient(*y).is_null());
}

TEST(GradTest, UnreachableInputs) {
  const Tensor x = Leaf({2});
  const Tensor y = Leaf({3});
  EXPECT_THAT(Grad(x * 2, {x, y}), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("allow_unused=true")));
  GradOptions options;
  options.allow_unused = true;
  const auto gradients = Grad(x * 2, {y, x}, options);
  ASSERT_THAT(gradients, IsOk());
  EXPECT_TRUE((*gradients)[0].is_null());
  EXPECT_THAT(Elements((*gradients)[1]), ElementsAre(2));
  EXPECT_THAT(Grad(x * 2, {Constant({1})}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("does not require grad")));
  EXPECT_THAT(Grad(x * 2, {}), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("cannot be empty")));
}

TEST(GradTest, OfALeafByItself) {
  const Tensor x = Leaf({2});
  GradOptions options;
  options.gradients = {Constant({7})};
  const auto gradients = Grad(x, {x}, options);
  ASSERT_THAT(gradients, IsOk());
  EXPECT_TRUE((*gradients)[0].IsSame(options.gradients[0]));
  EXPECT_TRUE(Gradient(x).is_null());
}

TEST(GradTest, InputsMayBeRootsRepeatedAndOnThePathToOthers) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  const auto z = *y * *y;
  const auto gradients = Grad(*z, {*z, *y, x, *y});
  ASSERT_THAT(gradients, IsOk());
  EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(1));
  EXPECT_THAT(Elements((*gradients)[1]), ElementsAre(12));
  EXPECT_THAT(Elements((*gradients)[2]), ElementsAre(36));
  EXPECT_THAT(Elements((*gradients)[3]), ElementsAre(12));
}

TEST(GradTest, OnlyThePathsToTheInputsRun) {
  const Tensor x = Leaf({2});
  const Tensor y = Leaf({3});
  const auto a = x * x;
  const auto b = y * y;
  const auto z = *a + *b;
  ASSERT_THAT(Grad(z, {*a}), IsOk());
  // Neither of the squares has run, so neither has freed what it saved.
  EXPECT_THAT(Backward({*a, *b}), IsOk());
}

TEST(BackwardTest, InputsRestrictWhatIsAccumulated) {
  const Tensor x = Leaf({2});
  const Tensor y = Leaf({3});
  const auto inner = x * 5;
  BackwardOptions options = Retain();
  options.inputs = {x};
  ASSERT_THAT(Backward(*inner * y, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(15));
  EXPECT_TRUE(Gradient(y).is_null());
  // Tensors that are no leaves keep theirs.
  options.inputs = {*inner};
  const auto z = *inner * y;
  ASSERT_THAT(Backward(z, options), IsOk());
  EXPECT_THAT(Elements(Gradient(*inner)), ElementsAre(3));
  ASSERT_THAT(RetainGradient(*inner), IsOk());
  ASSERT_THAT(Backward(z, options), IsOk());
  EXPECT_THAT(Elements(Gradient(*inner)), ElementsAre(6));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(15));
  ASSERT_THAT(Backward(z, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(*inner)), ElementsAre(9));
  options.inputs = std::vector<Tensor>();
  EXPECT_THAT(Backward(z, options), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("cannot be empty")));
}

// --- Retention ---------------------------------------------------------------

TEST(BackwardTest, SharedPartsAreFreedByTheFirstPass) {
  const Tensor x = Leaf({2});
  const auto shared = x * x;
  const auto a = *shared * 2;
  const auto b = *shared * 3;
  ASSERT_THAT(Backward(a), IsOk());
  EXPECT_THAT(Backward(b), StatusIs(absl::StatusCode::kFailedPrecondition,
                                    HasSubstr("retain_graph=true")));
  EXPECT_THAT(Grad(b, {*shared}), IsOk());
}

TEST(BackwardTest, GradFreesTheGraphToo) {
  const Tensor x = Leaf({2});
  const auto y = x * x;
  ASSERT_THAT(Grad(y, {x}), IsOk());
  EXPECT_THAT(Grad(y, {x}), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("retain_graph=true")));
}

TEST(BackwardTest, RetainedGradientsAddUp) {
  const Tensor input = Leaf({1, 2});
  const auto h = input * 3;
  const auto out = Sum(*h * *h);
  ASSERT_THAT(RetainGradient(*h), IsOk());
  ASSERT_THAT(RetainGradient(*h), IsOk());
  ASSERT_THAT(Backward(out, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(*h)), ElementsAre(6, 12));
  EXPECT_THAT(Elements(Gradient(input)), ElementsAre(18, 36));
  ASSERT_THAT(Backward(out, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(*h)), ElementsAre(12, 24));
  ASSERT_THAT(RetainGradient(input), IsOk());
  EXPECT_THAT(
      RetainGradient(Constant({1})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("can't retain")));
}

TEST(BackwardTest, GraphsAreNoCycles) {
  std::weak_ptr<Node> node;
  std::weak_ptr<Node> accumulator;
  {
    const Tensor x = Leaf({2});
    const auto y = 1.0 / x;  // saves its result
    ASSERT_THAT(RetainGradient(*y), IsOk());
    node = GradientEdge(*y)->node;
    accumulator = GradientEdge(x)->node;
    EXPECT_FALSE(node.expired());
  }
  EXPECT_TRUE(node.expired());
  EXPECT_TRUE(accumulator.expired());
}

// --- Accumulation ------------------------------------------------------------

TEST(BackwardTest, AccumulatesInPlaceUnlessThePassIsRecorded) {
  const Tensor x = Leaf({2});
  ASSERT_THAT(Backward(x * x), IsOk());
  const Tensor first = Gradient(x);
  ASSERT_THAT(Backward(x * x), IsOk());
  EXPECT_TRUE(Gradient(x).IsSame(first));
  EXPECT_THAT(Elements(first), ElementsAre(8));
  BackwardOptions options;
  options.create_graph = true;
  ASSERT_THAT(Backward(x * x, options), IsOk());
  EXPECT_FALSE(Gradient(x).IsSame(first));
  EXPECT_THAT(Elements(first), ElementsAre(8));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(12));
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
}

TEST(BackwardTest, ARecordedPassDoesNotKeepTheGivenGradient) {
  const Tensor x = Leaf({2});
  BackwardOptions options = WithGradient({5});
  options.create_graph = true;
  ASSERT_THAT(Backward(x, options), IsOk());
  EXPECT_FALSE(Gradient(x).IsSame(options.gradients[0]));
  ASSERT_THAT(Backward(x), IsOk());
  EXPECT_THAT(Elements(options.gradients[0]), ElementsAre(5));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(6));
}

TEST(BackwardTest, GradientsAreLaidOutAsTheLeaf) {
  const Tensor memory = Constant({1, 2, 3, 4, 5, 6});
  const Tensor x =
      *Tensor::Create(memory.storage(), DType::kFloat64, {2, 3}, {1, 2}, 0);
  ASSERT_THAT(x.SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(x * x)), IsOk());
  EXPECT_EQ(Gradient(x).strides(), (std::vector<int64_t>{1, 2}));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 6, 10, 4, 8, 12));
}

TEST(BackwardTest, SetGradientIsChecked) {
  const Tensor x = Leaf({2, 3});
  EXPECT_THAT(SetGradient(x, x), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SetGradient(x, Constant({1})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SetGradient(x, *Cast(Constant({1, 2}), DType::kFloat32)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SetGradient(Tensor(), x),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const Tensor given = Constant({10, 20});
  ASSERT_THAT(SetGradient(x, given), IsOk());
  EXPECT_TRUE(Gradient(x).IsSame(given));
  ASSERT_THAT(Backward(Sum(x)), IsOk());
  EXPECT_THAT(Elements(given), ElementsAre(11, 21));
  // Elements that share memory are not written.
  ASSERT_THAT(SetGradient(x, *Expand(Constant({1}), {2})), IsOk());
  ASSERT_THAT(Backward(Sum(x * x)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(5, 7));
}

// --- Large graphs and threads ------------------------------------------------

TEST(BackwardTest, FreesDeepGraphsWithoutStack) {
  const Tensor x = Leaf({1});
  absl::StatusOr<Tensor> y = x * 2;
  for (int i = 0; i < 150000; ++i) y = *y + *y;
  ASSERT_THAT(y, IsOk());
  y = absl::CancelledError();
  // With edges that skip nodes, so that no order of release is a chain.
  std::vector<Tensor> former = {*(x * 1), *(x * 2)};
  absl::StatusOr<Tensor> z = x * 3;
  for (int i = 0; i < 100000; ++i) {
    z = *z * former[static_cast<size_t>(i % 2)];
    ASSERT_THAT(z, IsOk());
    former[static_cast<size_t>(i % 2)] = *z;
  }
  former.clear();
  z = absl::CancelledError();
}

TEST(BackwardTest, FreesDeepGraphsOnThreadsWithLittleStack) {
  const Tensor x = Leaf({1});
  absl::StatusOr<Tensor> y = x * 2;
  for (int i = 0; i < 100000; ++i) y = *y * x;
  std::thread([&y] { y = absl::CancelledError(); }).join();
}

// (x + 3)(x + 4) / 2, whose derivative is x + 3.5.
absl::StatusOr<Tensor> Parabola(const Operand& x) {
  return (x + 3) * (x + 4) * 0.5;
}

void OnThreads(int count, const std::function<void(int)>& function) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(function, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(BackwardTest, ThreadsWithGraphsOfTheirOwn) {
  OnThreads(10, [](int i) {
    const Tensor x = Leaf({1.0 * i, 2});
    ASSERT_THAT(Backward(Sum(Parabola(x))), IsOk());
    EXPECT_THAT(Elements(Gradient(x)), ElementsAre(i + 3.5, 5.5));
  });
}

TEST(BackwardTest, ThreadsWithTheSameLeaf) {
  const Tensor x = Leaf({1, 2});
  OnThreads(10, [&](int) { ASSERT_THAT(Backward(Sum(Parabola(x))), IsOk()); });
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(45, 55));
}

TEST(BackwardTest, ThreadsWithTheSameTrunk) {
  for (bool retain : {false, true}) {
    const Tensor x = Leaf({1, 2});
    const auto trunk = Sum(Parabola(x));
    std::atomic<int> succeeded{0};
    BackwardOptions options;
    options.retain_graph = retain;
    OnThreads(5, [&](int) {
      const absl::Status status = Backward(*trunk * 1, options);
      if (status.ok()) {
        ++succeeded;
      } else {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("retain_graph=true")));
      }
    });
    if (retain) {
      EXPECT_EQ(succeeded, 5);
      EXPECT_THAT(Elements(Gradient(x)), ElementsAre(5 * 4.5, 5 * 5.5));
    } else {
      EXPECT_GE(succeeded, 1);
    }
  }
}

TEST(GradTest, ThreadsGetTheSameGradients) {
  const Tensor x = Leaf({1, 2});
  const auto y = Sum(Parabola(x));
  GradOptions options;
  options.retain_graph = true;
  OnThreads(10, [&](int) {
    const auto gradients = Grad(*y, {x}, options);
    ASSERT_THAT(gradients, IsOk());
    EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(4.5, 5.5));
  });
}

TEST(BackwardTest, ThreadsMayRetainTheSameGradient) {
  const Tensor x = Leaf({1});
  const auto y = x * 2;
  ASSERT_THAT(RetainGradient(*y), IsOk());
  OnThreads(8, [&](int) {
    for (int i = 0; i < 20; ++i) {
      ASSERT_THAT(Backward(*y, Retain()), IsOk());
      EXPECT_FALSE(Gradient(*y).is_null());
    }
  });
  EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(160));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
