// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/hooks.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/memory.h"
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
using ::testing::IsEmpty;

// A hook that counts its calls and leaves the gradient as it is.
TensorHook Count(int& count, int step = 1) {
  return [&count, step](const Tensor&) -> absl::StatusOr<Tensor> {
    count += step;
    return Tensor();
  };
}

TensorHook Scale(double factor) {
  return [factor](const Tensor& gradient) { return gradient * factor; };
}

BackwardOptions Retain() {
  BackwardOptions options;
  options.retain_graph = true;
  return options;
}

TEST(HooksTest, AreCalledUntilTheirHandleRemovesThem) {
  const Tensor x = Leaf({5});
  const auto z = x * x + 2;
  int count = 0;
  auto first = RegisterHook(*z, Count(count));
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(Backward(z, Retain()), IsOk());
  EXPECT_EQ(count, 1);
  {
    const auto second = RegisterHook(*z, Count(count, 2));
    ASSERT_THAT(second, IsOk());
    ASSERT_THAT(Backward(z, Retain()), IsOk());
    EXPECT_EQ(count, 4);
  }
  // The scope has ended, and with it the second hook.
  ASSERT_THAT(Backward(z, Retain()), IsOk());
  EXPECT_EQ(count, 5);
  EXPECT_TRUE(first->is_active());
  first->Remove();
  first->Remove();
  EXPECT_FALSE(first->is_active());
  ASSERT_THAT(Backward(z, Retain()), IsOk());
  EXPECT_EQ(count, 5);
}

TEST(HooksTest, AssignedHandlesRemoveTheFormerHook) {
  const Tensor x = Leaf({1});
  int count = 0;
  HookHandle handle = *RegisterHook(x, Count(count));
  handle = *RegisterHook(x, Count(count, 10));
  ASSERT_THAT(Backward(x * 2), IsOk());
  EXPECT_EQ(count, 10);
}

TEST(HooksTest, ReplaceTheGradientInTheOrderOfRegistration) {
  const Tensor x = Leaf({3});
  const auto y = x * 1;
  const auto first = RegisterHook(*y, Scale(2));
  ASSERT_THAT(Backward(y, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2));
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  const auto second = RegisterHook(*y, [](const Tensor& g) { return g + 5; });
  ASSERT_THAT(Backward(y, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(7));  // 1 * 2 + 5
}

TEST(HooksTest, EditsInPlaceTakeEffect) {
  const Tensor x = Leaf({3});
  const auto y = x * 1;
  const auto hook =
      RegisterHook(*y, [](const Tensor& g) -> absl::StatusOr<Tensor> {
        const absl::Status status = MulInPlace(g, 4).status();
        if (!status.ok()) return status;
        return Tensor();
      });
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4));
}

TEST(HooksTest, MustKeepTheShape) {
  const Tensor x = Leaf({3, 4});
  const auto y = x * 1;
  const auto hook = RegisterHook(*y, [](const Tensor& g) { return Sum(g); });
  EXPECT_THAT(Backward(Sum(y)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("changed the size of value")));
}

// What a hook sets reaches kernels that trust the shape.
TEST(HooksTest, BeforeANodeMustKeepWhatTheNodeExpects) {
  const std::vector<Tensor> wrong = {
      Constant({1, 2, 3}), *Zeros({2, 2}), Tensor(),
      Tensor::CreateComposite(Layout::kSparseCoo, DType::kFloat64, {2}, {})};
  for (const Tensor& replacement : wrong) {
    const Tensor x = Leaf({3, 4});
    const auto y = x * 1;
    for (const Tensor& of : {*y, x}) {
      const auto hook =
          RegisterNodePreHook(of, [&replacement](absl::Span<Tensor> gradients) {
            gradients[0] = replacement;
            return absl::OkStatus();
          });
      EXPECT_THAT(Backward(Sum(*y * 2)),
                  StatusIs(absl::StatusCode::kInvalidArgument));
      EXPECT_TRUE(Gradient(x).is_null());
    }
  }
}

// The bytes belong to the program, and may not even be writable.
TEST(HooksTest, ReplacementsOverMemoryOfTheProgramAreNotWritten) {
  const Tensor x = Leaf({3});
  std::vector<double> memory = {5};
  const auto hook = RegisterHook(x, [&memory](const Tensor&) {
    return Tensor::Create(
        Storage::FromMemory(Device("cpu"), Memory{memory.data(), nullptr}, 8),
        DType::kFloat64, {1});
  });
  ASSERT_THAT(Backward(x * 1), IsOk());
  ASSERT_THAT(Backward(x * 1), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(10));
  EXPECT_EQ(memory[0], 5);
}

TEST(HooksTest, ReplacementsAreCast) {
  const Tensor x = Leaf({3});
  const auto hook = RegisterHook(
      x, [](const Tensor& g) { return Cast(g * 0.5, DType::kFloat32); });
  ASSERT_THAT(Backward(x * 3), IsOk());
  EXPECT_EQ(Gradient(x).dtype(), DType::kFloat64);
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1.5));
}

TEST(HooksTest, NeedATensorThatRequiresAGradient) {
  int count = 0;
  EXPECT_THAT(RegisterHook(Constant({1}), Count(count)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("doesn't require gradient")));
  EXPECT_THAT(RegisterHook(Tensor(), Count(count)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const Tensor x = Leaf({1});
  const auto y = x * 2;
  EXPECT_THAT(
      RegisterPostAccumulateGradHook(
          *y, [](const Tensor&) { return absl::OkStatus(); }),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("non-leaf")));
}

TEST(HooksTest, MustNotBeEmpty) {
  const Tensor x = Leaf({1});
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("the hook is empty"));
  EXPECT_THAT(RegisterHook(x, nullptr), refused);
  EXPECT_THAT(RegisterNodePreHook(x, nullptr), refused);
  EXPECT_THAT(RegisterNodePostHook(x, nullptr), refused);
  EXPECT_THAT(RegisterPostAccumulateGradHook(x, nullptr), refused);
}

TEST(HooksTest, AreNotCalledWithoutAGradient) {
  const Tensor x = Leaf({1});
  const Tensor y = Leaf({2});
  const auto z = y * 2;
  int count = 0;
  const auto on_leaf = RegisterHook(y, Count(count));
  const auto on_result = RegisterHook(*z, Count(count));
  // Only the other side is asked for.
  ASSERT_THAT(Grad(*z * x, {x}), IsOk());
  EXPECT_EQ(count, 0);
  ASSERT_THAT(Grad(*z * x, {y}), IsOk());
  EXPECT_EQ(count, 2);
}

TEST(HooksTest, RunInTheOrderOfTheDocumentation) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  ASSERT_THAT(RetainGradient(*y), IsOk());
  std::vector<std::string> calls;
  const auto note = [&calls](const char* name) {
    return [&calls, name](const Tensor&) -> absl::StatusOr<Tensor> {
      calls.emplace_back(name);
      return Tensor();
    };
  };
  // Registered in another order than they run.
  const auto after = RegisterNodePostHook(
      *y, [&](absl::Span<Tensor> results, absl::Span<const Tensor> gradients) {
        EXPECT_THAT(Elements(gradients[0]), ElementsAre(1000));
        EXPECT_THAT(Elements(results[0]), ElementsAre(3000));
        EXPECT_TRUE(Gradient(x).is_null());
        calls.emplace_back("after");
        return absl::OkStatus();
      });
  const auto before =
      RegisterNodePreHook(*y, [&](absl::Span<Tensor> gradients) {
        calls.emplace_back("before");
        EXPECT_TRUE(Gradient(*y).is_null());
        gradients[0] = *(gradients[0] * 100);
        return absl::OkStatus();
      });
  const auto first = RegisterHook(*y, note("first"));
  const auto second =
      RegisterHook(*y, [&](const Tensor& gradient) -> absl::StatusOr<Tensor> {
        calls.emplace_back("second");
        return gradient * 10;
      });
  const auto leaf_after = RegisterNodePostHook(
      x, [&](absl::Span<Tensor> results, absl::Span<const Tensor> gradients) {
        calls.emplace_back("leaf after");
        EXPECT_THAT(results, IsEmpty());
        EXPECT_THAT(Elements(gradients[0]), ElementsAre(3000));
        return absl::OkStatus();
      });
  const auto accumulated =
      RegisterPostAccumulateGradHook(x, [&](const Tensor& leaf) {
        calls.emplace_back("accumulated");
        EXPECT_TRUE(leaf.IsSame(x));
        EXPECT_THAT(Elements(Gradient(leaf)), ElementsAre(3000));
        return absl::OkStatus();
      });
  const auto leaf_before = RegisterNodePreHook(x, [&](absl::Span<Tensor>) {
    calls.emplace_back("leaf before");
    return absl::OkStatus();
  });
  const auto leaf = RegisterHook(x, note("leaf"));
  ASSERT_THAT(Backward(*y), IsOk());
  EXPECT_THAT(calls, ElementsAre("first", "second", "before", "after", "leaf",
                                 "leaf before", "accumulated", "leaf after"));
  // What is kept is what the hooks have made of it.
  EXPECT_THAT(Elements(Gradient(*y)), ElementsAre(1000));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3000));
}

TEST(HooksTest, AfterANodeMayReplaceItsResults) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  const auto after = RegisterNodePostHook(
      *y, [](absl::Span<Tensor> results, absl::Span<const Tensor>) {
        results[0] = *(results[0] + 1);
        return absl::OkStatus();
      });
  ASSERT_THAT(Backward(*y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4));
}

TEST(HooksTest, AfterAnAccumulationMayFreeTheGradient) {
  const Tensor x = Leaf({2});
  double seen = 0;
  const auto hook =
      RegisterPostAccumulateGradHook(x, [&seen](const Tensor& leaf) {
        seen += Elements(Gradient(leaf))[0];
        return SetGradient(leaf, Tensor());
      });
  const auto y = x * 3;
  ASSERT_THAT(Backward(y), IsOk());
  ASSERT_THAT(Backward(x * 4), IsOk());
  EXPECT_EQ(seen, 7);
  EXPECT_TRUE(Gradient(x).is_null());
  // `Grad` accumulates nothing.
  ASSERT_THAT(Grad(x * 3, {x}), IsOk());
  EXPECT_EQ(seen, 7);
}

TEST(HooksTest, BelongToTheNodeThatWasCurrent) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  double before = 0;
  double after = 0;
  const auto take = [](double& place) {
    return [&place](const Tensor& gradient) -> absl::StatusOr<Tensor> {
      place = Elements(gradient)[0];
      return Tensor();
    };
  };
  const auto first = RegisterHook(*y, take(before));
  ASSERT_THAT(MulInPlace(*y, 10), IsOk());
  const auto second = RegisterHook(*y, take(after));
  ASSERT_THAT(Backward(*y), IsOk());
  EXPECT_EQ(before, 10);
  EXPECT_EQ(after, 1);
}

TEST(HooksTest, SeeTheModeOfThePass) {
  const Tensor x = Leaf({2});
  std::optional<bool> enabled;
  const auto hook =
      RegisterHook(x, [&](const Tensor&) -> absl::StatusOr<Tensor> {
        enabled = GradEnabled();
        return Tensor();
      });
  ASSERT_THAT(Backward(x * x), IsOk());
  EXPECT_EQ(enabled, false);
  const auto y = x * x;
  const NoGradGuard no_grad;
  GradOptions options;
  options.create_graph = true;
  ASSERT_THAT(Grad(y, {x}, options), IsOk());
  EXPECT_EQ(enabled, true);
}

TEST(HooksTest, MayReturnTheirOwnLeaf) {
  const Tensor x = Leaf({2});
  const auto hook = RegisterHook(
      x, [&](const Tensor&) -> absl::StatusOr<Tensor> { return x; });
  BackwardOptions options;
  options.create_graph = true;
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(Backward(x * x, options), IsOk());
  }
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4));
  EXPECT_FALSE(Gradient(x).IsSame(x));
  ASSERT_THAT(SetGradient(x, Tensor()), IsOk());
  ASSERT_THAT(Backward(x * x), IsOk());
  EXPECT_NE(Gradient(x).data(), x.data());
  EXPECT_FALSE(Gradient(x).requires_grad());
}

TEST(HooksTest, ErrorsReachTheCaller) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  const auto hook =
      RegisterHook(*y, [](const Tensor&) -> absl::StatusOr<Tensor> {
        return absl::AbortedError("enough");
      });
  EXPECT_THAT(Backward(*y),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("enough")));
  EXPECT_TRUE(Gradient(x).is_null());
}

struct Odd {};

TEST(HooksTest, ExceptionsReachTheCallerAndTheGraphStaysUsable) {
  const Tensor x = Leaf({2});
  const Tensor done = Leaf({2});
  const auto y = x * 3;
  int kind = 0;
  const auto hook =
      RegisterHook(*y, [&kind](const Tensor&) -> absl::StatusOr<Tensor> {
        if (kind == 1) throw std::domain_error("no");
        if (kind == 2) throw Odd();
        return Tensor();
      });
  // The leaf `done` comes first.
  const auto z = *y + done;
  kind = 1;
  EXPECT_THROW((void)Backward(z, Retain()), std::domain_error);
  EXPECT_TRUE(GradEnabled());
  kind = 2;
  EXPECT_THROW((void)Backward(z, Retain()), Odd);
  EXPECT_TRUE(GradEnabled());
  // What had been accumulated stays.
  EXPECT_THAT(Elements(Gradient(done)), ElementsAre(2));
  EXPECT_TRUE(Gradient(x).is_null());
  kind = 0;
  EXPECT_THAT(Backward(z, Retain()), IsOk());
  EXPECT_THAT(Elements(Gradient(done)), ElementsAre(3));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3));
}

TEST(HooksTest, MayAddAndRemoveHooks) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  int count = 0;
  HookHandle self;
  HookHandle added;
  self = *RegisterHook(*y, [&](const Tensor&) -> absl::StatusOr<Tensor> {
    ++count;
    added = *RegisterHook(*y, Count(count, 10));
    self.Remove();
    return Tensor();
  });
  ASSERT_THAT(Backward(*y, Retain()), IsOk());
  EXPECT_EQ(count, 1);
  ASSERT_THAT(Backward(*y, Retain()), IsOk());
  EXPECT_EQ(count, 11);
}

TEST(HooksTest, ThatHoldTheirTensorAreNoLeak) {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = alive;
  {
    Tensor x = Leaf({2});
    auto y = *(x * 3);
    const auto on_leaf = RegisterHook(
        x, [x, alive](const Tensor&) -> absl::StatusOr<Tensor> { return x; });
    const auto on_result = RegisterHook(
        y, [y, alive](const Tensor&) -> absl::StatusOr<Tensor> { return y; });
    const auto before = RegisterNodePreHook(
        y, [y, alive](absl::Span<Tensor>) { return absl::OkStatus(); });
    ASSERT_THAT(Backward(y, Retain()), IsOk());
    alive = nullptr;
    EXPECT_FALSE(watched.expired());
  }
  // The address sanitizer finds what else would be left.
  EXPECT_TRUE(watched.expired());
}

TEST(HooksTest, RemovedHooksDoNotPileUp) {
  const Tensor x = Leaf({2});
  int count = 0;
  const auto kept = RegisterHook(x, Count(count));
  for (int i = 0; i < 10000; ++i) {
    const auto hook = RegisterHook(x, Count(count));
    const auto before = RegisterNodePreHook(
        x, [](absl::Span<Tensor>) { return absl::OkStatus(); });
  }
  NodeHooks& hooks = GradientEdge(x)->node->MutableHooks();
  EXPECT_LT(hooks.tensor.size(), 10u);
  EXPECT_LT(hooks.before.size(), 10u);
  ASSERT_THAT(Backward(x * 1), IsOk());
  EXPECT_EQ(count, 1);
}

TEST(HooksTest, MayBeAddedWhilePassesRunOnOtherThreads) {
  const Tensor x = Leaf({2});
  const auto y = x * 3;
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) EXPECT_THAT(Backward(*y, Retain()), IsOk());
  });
  std::atomic<int> calls{0};
  for (int i = 0; i < 200; ++i) {
    const auto hook =
        RegisterHook(*y, [&](const Tensor&) -> absl::StatusOr<Tensor> {
          ++calls;
          return Tensor();
        });
    EXPECT_THAT(hook, IsOk());
    EXPECT_THAT(Backward(*y, Retain()), IsOk());
  }
  done = true;
  other.join();
  EXPECT_GE(calls, 200);
}

TEST(HooksTest, MayRunPasses) {
  const Tensor x = Leaf({2});
  const Tensor z = Leaf({5});
  const auto y = x * x;
  const auto hook =
      RegisterHook(*y, [&](const Tensor&) -> absl::StatusOr<Tensor> {
        // Over another graph, and over the same one.
        const EnableGradGuard enable_grad;
        EXPECT_THAT(Backward(z * z), IsOk());
        const auto gradients = Grad(x * x, {x});
        EXPECT_THAT(gradients, IsOk());
        return Tensor();
      });
  ASSERT_THAT(Backward(*y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4));
  EXPECT_THAT(Elements(Gradient(z)), ElementsAre(10));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
