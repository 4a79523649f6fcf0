// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// DetachInPlace. The numbers are those of PyTorch 1.13.

#include <any>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/hooks.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
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

using ::absl::StatusCode;
using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status BackwardTwice(const absl::StatusOr<Tensor>& y) {
  BackwardOptions options;
  options.retain_graph = true;
  return Backward(y, options);
}

TEST(DetachTest, MakesALeaf) {
  const Tensor x = Leaf({1, 1, 1});
  const auto y = x * 2;
  const auto z = Sum(y * 3);
  const Tensor other_handle = *y;
  const uint32_t version = y->storage().version();
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  EXPECT_FALSE(other_handle.requires_grad());
  EXPECT_TRUE(IsLeaf(*y));
  EXPECT_EQ(GradientEdge(*y)->node, nullptr);
  EXPECT_EQ(y->storage().version(), version);
  EXPECT_FALSE((y * y)->requires_grad());

  // What was computed before keeps its history.
  ASSERT_THAT(Backward(z), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), Each(6));
  EXPECT_TRUE(Gradient(*y).is_null());

  ASSERT_THAT(y->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(y * 5)), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), Each(5));
  EXPECT_THAT(Elements(Gradient(x)), Each(6));
}

TEST(DetachTest, MayBeWrittenThen) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 2;
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  ASSERT_THAT(AddInPlace(y, 1), IsOk());
  EXPECT_TRUE(IsLeaf(*y));
  ASSERT_THAT(MulInPlace(y, x), IsOk());
  ASSERT_THAT(Backward(Sum(y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3, 5));
}

TEST(DetachTest, WithoutAHistoryItDoesNothing) {
  const Tensor constant = Constant({1});
  EXPECT_THAT(DetachInPlace(constant), IsOk());
  EXPECT_FALSE(constant.requires_grad());
  EXPECT_THAT(DetachInPlace(*Zeros({2}, TensorOptions().dtype(DType::kInt64))),
              IsOk());
  EXPECT_THAT(DetachInPlace(Tensor()),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("null")));
}

TEST(DetachTest, ALeafStopsAccumulating) {
  const Tensor x = Leaf({1, 1, 1});
  const Tensor w = Leaf({1, 1, 1});
  ASSERT_THAT(Backward(Sum(x * 2)), IsOk());
  const auto product = Sum(x * w);
  ASSERT_THAT(DetachInPlace(x), IsOk());
  EXPECT_FALSE(x.requires_grad());
  EXPECT_THAT(Elements(Gradient(x)), Each(2));
  int calls = 0;
  ASSERT_THAT(BackwardTwice(product), IsOk());
  EXPECT_THAT(Elements(Gradient(w)), Each(1));
  EXPECT_THAT(Elements(Gradient(x)), Each(2));

  // The graph still leads to the leaf.
  ASSERT_THAT(x.SetRequiresGrad(true), IsOk());
  const auto handle = RegisterPostAccumulateGradHook(x, [&](const Tensor&) {
    ++calls;
    return absl::OkStatus();
  });
  ASSERT_THAT(handle, IsOk());
  ASSERT_THAT(BackwardTwice(product), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), Each(3));
  EXPECT_EQ(calls, 1);
  ASSERT_THAT(x.SetRequiresGrad(false), IsOk());
  ASSERT_THAT(BackwardTwice(product), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), Each(3));
  EXPECT_EQ(calls, 1);
}

TEST(DetachTest, ViewsAreRefused) {
  const Tensor x = Leaf({1, 2, 3, 4});
  const auto y = x * 1;
  const Tensor constant = Constant({1, 2, 3, 4});
  const auto of_leaf = Narrow(constant, 0, 0, 2);
  ASSERT_THAT(of_leaf->SetRequiresGrad(true), IsOk());
  std::vector<Tensor> views = {
      *Narrow(y, 0, 0, 2),
      *Narrow(constant, 0, 0, 2),
      (*Split(y, 2))[0],
      *of_leaf,
      *Narrow(y->Detach(), 0, 0, 2),
  };
  {
    const NoGradGuard no_grad;
    views.push_back(*Narrow(y, 0, 0, 2));
  }
  {
    const InferenceModeGuard inference;
    views.push_back(*Narrow(y, 0, 0, 2));
  }
  for (const Tensor& view : views) {
    const bool requires_grad = view.requires_grad();
    EXPECT_THAT(DetachInPlace(view),
                StatusIs(StatusCode::kFailedPrecondition,
                         HasSubstr("Can't detach views in-place")));
    EXPECT_EQ(view.requires_grad(), requires_grad);
  }
  ASSERT_THAT(Backward(Sum(views[0])), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1, 1, 0, 0));

  // These are no views.
  EXPECT_THAT(DetachInPlace(y->Detach()), IsOk());
  EXPECT_THAT(DetachInPlace(views[0].Detach()), IsOk());
  const InferenceModeGuard inference;
  const Tensor made_here = Constant({1, 2});
  EXPECT_THAT(DetachInPlace(*Narrow(made_here, 0, 0, 1)), IsOk());
  EXPECT_THAT(DetachInPlace(made_here), IsOk());
}

TEST(DetachTest, ARetainedGradientStaysAndGrows) {
  const Tensor x = Leaf({1, 1, 1});
  const auto y = x * 2;
  ASSERT_THAT(RetainGradient(*y), IsOk());
  const auto z = Sum(y * 3);
  ASSERT_THAT(BackwardTwice(z), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), Each(3));
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), Each(3));
  ASSERT_THAT(BackwardTwice(z), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), Each(6));
  EXPECT_THAT(Elements(Gradient(x)), Each(12));

  // Also as a leaf.
  ASSERT_THAT(y->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(y * 5)), IsOk());
  EXPECT_THAT(Elements(Gradient(*y)), Each(11));
  ASSERT_THAT(SetGradient(*y, Tensor()), IsOk());
  EXPECT_TRUE(Gradient(*y).is_null());
}

TEST(DetachTest, ViewsKeepTheirHistoryUntilTheBaseIsWritten) {
  const Tensor x = Leaf({1, 1, 1, 1});
  const Tensor w = Leaf({1, 1, 1, 1});
  const auto y = x * 2;
  const auto view = Narrow(y, 0, 0, 2);
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  EXPECT_TRUE(view->requires_grad());
  EXPECT_FALSE(IsLeaf(*view));
  EXPECT_EQ(GradientEdge(*view)->node->name(), "Narrow");
  ASSERT_THAT(BackwardTwice(Sum(view)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 2, 0, 0));
  EXPECT_TRUE(Gradient(*y).is_null());
  // A write through the view would lose the history that the view has.
  EXPECT_THAT(MulInPlace(view, Narrow(w, 0, 0, 2)),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("its base was detached in place")));

  ASSERT_THAT(AddInPlace(y, 1), IsOk());
  EXPECT_FALSE(view->requires_grad());
  EXPECT_TRUE(IsLeaf(*view));
  EXPECT_FALSE((view * 1)->requires_grad());

  ASSERT_THAT(MulInPlace(y, w), IsOk());
  EXPECT_TRUE(view->requires_grad());
  ASSERT_THAT(Backward(Sum(view)), IsOk());
  EXPECT_THAT(Elements(Gradient(w)), ElementsAre(3, 3, 0, 0));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 2, 0, 0));
}

// A view gets the history of a write when somebody asks for it. It loses that
// with its base, whether somebody has asked or not.
TEST(DetachTest, ViewsLoseAHistoryThatTheyGotByAWrite) {
  for (const bool is_looked_at : {false, true}) {
    SCOPED_TRACE(is_looked_at);
    const Tensor x = Leaf({1, 1});
    const auto y = x * 2;
    const auto view = Narrow(y, 0, 0, 1);
    ASSERT_THAT(AddInPlace(y, 1), IsOk());
    if (is_looked_at) {
      EXPECT_EQ(GradientEdge(*view)->node->name(), "AsStrided");
    }
    ASSERT_THAT(DetachInPlace(*y), IsOk());
    EXPECT_FALSE(view->requires_grad());
    EXPECT_EQ(GradientEdge(*view)->node, nullptr);

    // It has the history of the base again.
    ASSERT_THAT(y->SetRequiresGrad(true), IsOk());
    EXPECT_TRUE(view->requires_grad());
    ASSERT_THAT(Backward(Sum(view * 3)), IsOk());
    EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(3, 0));
    EXPECT_TRUE(Gradient(x).is_null());
  }
}

TEST(DetachTest, AViewThatWasWrittenLosesItsHistory) {
  for (const bool is_looked_at : {false, true}) {
    SCOPED_TRACE(is_looked_at);
    const Tensor x = Leaf({1, 1});
    const auto y = x * 2;
    const auto view = Narrow(y, 0, 0, 1);
    ASSERT_THAT(MulInPlace(view, Leaf({3})), IsOk());
    if (is_looked_at) {
      EXPECT_TRUE(GradientEdge(*view)->node != nullptr);
    }
    ASSERT_THAT(DetachInPlace(*y), IsOk());
    EXPECT_FALSE(view->requires_grad());
    EXPECT_TRUE(IsLeaf(*view));
  }
}

// A view that lost its history may become a leaf.
TEST(DetachTest, AViewOfADetachedBaseMayRequireAGradient) {
  const Tensor x = Leaf({1, 1});
  const auto y = x * 2;
  const auto view = Narrow(y, 0, 0, 1);
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  ASSERT_THAT(AddInPlace(y, 1), IsOk());
  ASSERT_THAT(view->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(view * 4)), IsOk());
  EXPECT_THAT(Elements(Gradient(*view)), ElementsAre(4));
  EXPECT_TRUE(Gradient(x).is_null());
}

TEST(DetachTest, OfASavedTensor) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 2;
  const auto z = Sum(y * y);
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  GradOptions recorded;
  recorded.create_graph = true;
  EXPECT_THAT(Grad(z, {x}, recorded),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("that it took was detached in place")));
  ASSERT_THAT(Backward(z), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(8, 16));

  // The result of an op is saved with its history, and so is a packed tensor.
  const auto exponential = Exp(x);
  const auto sum = Sum(exponential);
  ASSERT_THAT(DetachInPlace(*exponential), IsOk());
  const auto first = Grad(sum, {x}, recorded);
  ASSERT_THAT(first, IsOk());
  const auto second = Grad(Sum((*first)[0]), {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0])[0], DoubleEq(Elements(exponential)[0]));
}

// A former leaf is a constant for the second derivatives of what has saved it.
TEST(DetachTest, OfASavedLeaf) {
  const Tensor x = Leaf({3});
  const Tensor w = Leaf({5});
  const auto z = Sum(x * w * w);
  ASSERT_THAT(DetachInPlace(x), IsOk());
  GradOptions recorded;
  recorded.create_graph = true;
  const auto first = Grad(z, {w}, recorded);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(30));
  const auto second = Grad((*first)[0], {w});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(6));
}

TEST(DetachTest, OfATensorThatAHookHasPacked) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 2;
  absl::StatusOr<Tensor> z;
  {
    const SavedTensorHooksGuard hooks(
        [](const Tensor& tensor) -> absl::StatusOr<std::any> {
          return std::any(tensor);
        },
        [](const std::any& value) -> absl::StatusOr<Tensor> {
          return std::any_cast<Tensor>(value);
        });
    z = Sum(y * y);
  }
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  GradOptions recorded;
  recorded.create_graph = true;
  const auto first = Grad(z, {x}, recorded);
  ASSERT_THAT(first, IsOk());
  const auto second = Grad(Sum((*first)[0]), {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), Each(8));
}

TEST(DetachTest, FreesTheGraph) {
  const Tensor x = Leaf({1});
  const auto y = Exp(x * 2);
  const std::weak_ptr<Node> node = GradientEdge(*y)->node;
  EXPECT_FALSE(node.expired());
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  EXPECT_TRUE(node.expired());
}

TEST(DetachTest, HooksStayWithTheNode) {
  const Tensor x = Leaf({1});
  const auto y = x * 2;
  int calls = 0;
  const auto handle =
      RegisterHook(*y, [&](const Tensor&) -> absl::StatusOr<Tensor> {
        ++calls;
        return Tensor();
      });
  ASSERT_THAT(handle, IsOk());
  const auto z = Sum(y * 3);
  ASSERT_THAT(DetachInPlace(*y), IsOk());
  ASSERT_THAT(Backward(z), IsOk());
  EXPECT_EQ(calls, 1);
  ASSERT_THAT(y->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(y * 3)), IsOk());
  EXPECT_EQ(calls, 1);
}

TEST(DetachTest, WorksInEveryMode) {
  const Tensor x = Leaf({1});
  const auto y = x * 2;
  const auto z = x * 3;
  {
    const NoGradGuard no_grad;
    ASSERT_THAT(DetachInPlace(*y), IsOk());
  }
  const InferenceModeGuard inference;
  ASSERT_THAT(DetachInPlace(*z), IsOk());
  EXPECT_FALSE(y->requires_grad());
  EXPECT_FALSE(z->requires_grad());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
