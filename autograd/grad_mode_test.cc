// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/grad_mode.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/core/parallel.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Each test starts with the modes of a new thread.
class GradModeTest : public testing::Test {
 protected:
  GradModeTest() : state_(ThreadState{}) {}

 private:
  const ScopedThreadState state_;
};
using InferenceModeTest = GradModeTest;

// The example of PyTorch's documentation of torch.set_grad_enabled.
TEST_F(GradModeTest, ExampleOfTheDocumentation) {
  EXPECT_TRUE(GradEnabled());
  {
    const NoGradGuard no_grad;
    EXPECT_FALSE(GradEnabled());
  }
  const bool is_train = false;
  {
    const GradModeGuard guard(is_train);
    EXPECT_FALSE(GradEnabled());
  }
  SetGradEnabled(true);
  EXPECT_TRUE(GradEnabled());
  SetGradEnabled(false);
  EXPECT_FALSE(GradEnabled());
}

TEST_F(GradModeTest, ScopesNest) {
  const NoGradGuard a;
  EXPECT_FALSE(GradEnabled());
  {
    const EnableGradGuard b;
    EXPECT_TRUE(GradEnabled());
    {
      const GradModeGuard c(false);
      EXPECT_FALSE(GradEnabled());
      {
        const GradModeGuard d(true);
        EXPECT_TRUE(GradEnabled());
      }
      EXPECT_FALSE(GradEnabled());
    }
    EXPECT_TRUE(GradEnabled());
  }
  EXPECT_FALSE(GradEnabled());
}

TEST_F(GradModeTest, ScopesEndWithAnException) {
  try {
    const NoGradGuard no_grad;
    throw std::runtime_error("out");
  } catch (const std::runtime_error&) {
    EXPECT_TRUE(GradEnabled());
  }
  try {
    const NoGradGuard no_grad;
    throw 7;
  } catch (int) {
    EXPECT_TRUE(GradEnabled());
  }
}

TEST_F(GradModeTest, FunctionInAScopeActsUntilTheScopeEnds) {
  {
    const NoGradGuard no_grad;
    SetGradEnabled(true);
    EXPECT_TRUE(GradEnabled());
  }
  EXPECT_TRUE(GradEnabled());
  {
    const EnableGradGuard enable_grad;
    SetGradEnabled(false);
    EXPECT_FALSE(GradEnabled());
  }
  EXPECT_TRUE(GradEnabled());
}

TEST_F(GradModeTest, ScopeAfterTheFunctionRestoresWhatItSet) {
  SetGradEnabled(false);
  {
    const EnableGradGuard enable_grad;
    EXPECT_TRUE(GradEnabled());
  }
  EXPECT_FALSE(GradEnabled());
}

template <typename T, typename = void>
struct CanSetGradEnabled : std::false_type {};
template <typename T>
struct CanSetGradEnabled<
    T, std::void_t<decltype(SetGradEnabled(std::declval<T>()))>>
    : std::true_type {};

template <typename T, typename = void>
struct CanCallWithGradMode : std::false_type {};
template <typename T>
struct CanCallWithGradMode<T,
                           std::void_t<decltype(WithGradMode(
                               std::declval<T>(), std::declval<void (*)()>()))>>
    : std::true_type {};

template <typename T>
constexpr bool kIsMode = CanSetGradEnabled<T>::value&&
    CanCallWithGradMode<T>::value&& std::is_constructible_v<GradModeGuard, T>&&
        std::is_constructible_v<InferenceModeGuard, T>;
template <typename T>
constexpr bool kIsNoMode =
    !CanSetGradEnabled<T>::value && !CanCallWithGradMode<T>::value &&
    !std::is_constructible_v<GradModeGuard, T> &&
    !std::is_constructible_v<InferenceModeGuard, T>;

TEST_F(GradModeTest, ModesAreBool) {
  EXPECT_TRUE(kIsMode<bool>);
  EXPECT_TRUE(kIsMode<const bool&>);
  EXPECT_TRUE(kIsNoMode<int>);
  EXPECT_TRUE(kIsNoMode<double>);
  EXPECT_TRUE(kIsNoMode<const char*>);
  EXPECT_TRUE(kIsNoMode<std::nullptr_t>);
}

template <typename Guard>
constexpr bool kStaysInItsScope =
    !std::is_copy_constructible_v<Guard> &&
    !std::is_move_constructible_v<Guard> && !std::is_copy_assignable_v<Guard> &&
    !std::is_move_assignable_v<Guard>;

TEST_F(GradModeTest, GuardsAreNeitherCopiedNorMoved) {
  EXPECT_TRUE(kStaysInItsScope<NoGradGuard>);
  EXPECT_TRUE(kStaysInItsScope<EnableGradGuard>);
  EXPECT_TRUE(kStaysInItsScope<GradModeGuard>);
  EXPECT_TRUE(kStaysInItsScope<InferenceModeGuard>);
}

TEST_F(GradModeTest, DecoratedFunctionsChangeTheModeWhileTheyRun) {
  const auto decorated = [] {
    return WithGradMode(false, [] { return GradEnabled(); });
  };
  EXPECT_TRUE(GradEnabled());
  EXPECT_FALSE(decorated());
  EXPECT_TRUE(GradEnabled());
  EXPECT_THROW(WithGradMode(false, []() -> int { throw 7; }), int);
  EXPECT_TRUE(GradEnabled());
  SetGradEnabled(false);
  EXPECT_TRUE(WithGradMode(true, [] { return GradEnabled(); }));
  EXPECT_FALSE(GradEnabled());
}

TEST_F(GradModeTest, DecoratedFunctionsReturnAnything) {
  int number = 1;
  int& same = WithGradMode(false, [&]() -> int& { return number; });
  EXPECT_EQ(&same, &number);
  EXPECT_EQ(*WithGradMode(true, [] { return std::make_unique<int>(5); }), 5);
  WithGradMode(true, [&] { number = 2; });
  EXPECT_EQ(number, 2);
}

void EnabledThenDisabled(int depth);

void DisabledThenEnabled(int depth) {
  WithGradMode(false, [depth] {
    EXPECT_FALSE(GradEnabled());
    if (depth > 0) EnabledThenDisabled(depth - 1);
    EXPECT_FALSE(GradEnabled());
  });
}

void EnabledThenDisabled(int depth) {
  const EnableGradGuard enable_grad;
  EXPECT_TRUE(GradEnabled());
  if (depth > 0) DisabledThenEnabled(depth - 1);
  EXPECT_TRUE(GradEnabled());
}

TEST_F(GradModeTest, FunctionsCallEachOtherRecursively) {
  for (bool start : {true, false}) {
    SetGradEnabled(start);
    EnabledThenDisabled(10);
    EXPECT_EQ(GradEnabled(), start);
    DisabledThenEnabled(10);
    EXPECT_EQ(GradEnabled(), start);
  }
}

TEST_F(GradModeTest, RequiresGradCanBeSetInEveryMode) {
  const InferenceModeGuard inference;
  const absl::StatusOr<Tensor> tensor = Tensor::FromData<float>({1, 2}, {2});
  ASSERT_THAT(tensor, IsOk());
  EXPECT_FALSE(tensor->requires_grad());
  EXPECT_THAT(tensor->SetRequiresGrad(true), IsOk());
  EXPECT_TRUE(tensor->requires_grad());
}

TEST_F(GradModeTest, NewThreadsStartEnabled) {
  const NoGradGuard no_grad;
  std::thread([] {
    EXPECT_TRUE(GradEnabled());
    EXPECT_FALSE(InferenceModeEnabled());
  }).join();
  EXPECT_FALSE(GradEnabled());
}

TEST_F(GradModeTest, ThreadsDoNotSeeEachOthersMode) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([mine = i % 2 == 0] {
      for (int j = 0; j < 10000; ++j) {
        SetGradEnabled(mine);
        {
          const GradModeGuard guard(!mine);
          ASSERT_EQ(GradEnabled(), !mine);
        }
        ASSERT_EQ(GradEnabled(), mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(GradEnabled());
}

// Keeps the caller busy in its chunk, so that other threads take the others.
void GiveOtherThreadsTime() {
  if (ThreadIndex() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(GradModeTest, EveryChunkOfALoopHasTheCallersMode) {
  for (int threads : {1, 2, 8}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    for (int i = 0; i < 10; ++i) {
      const bool mode = i % 2 == 0;
      const GradModeGuard guard(mode);
      std::atomic<int> wrong{0};
      ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
        if (GradEnabled() != mode) ++wrong;
        // A loop in the loop has it as well.
        ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
          if (GradEnabled() != mode) ++wrong;
        });
        GiveOtherThreadsTime();
      });
      ASSERT_EQ(wrong, 0);
    }
  }
}

TEST_F(GradModeTest, ChunksDoNotChangeTheModeOfTheirThread) {
  for (int threads : {1, 4}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    std::atomic<int> wrong{0};
    for (int i = 0; i < 10; ++i) {
      ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
        if (!GradEnabled() || InferenceModeEnabled()) ++wrong;
        const InferenceModeGuard guard;
        SetGradEnabled(false);
        GiveOtherThreadsTime();
      });
      ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
        if (!GradEnabled()) ++wrong;
        SetGradEnabled(false);  // and no scope ends
        GiveOtherThreadsTime();
      });
      ASSERT_TRUE(GradEnabled());
    }
    EXPECT_EQ(wrong, 0);
  }
}

// On threads of their own: where assertions are off, a wrong mode remains.
TEST_F(GradModeTest, GuardsThatEndInTheWrongOrderFailAnAssertion) {
  const auto wrong_order = [] {
    std::thread([] {
      std::optional<NoGradGuard> first(std::in_place);
      std::optional<NoGradGuard> second(std::in_place);
      first.reset();
    }).join();
  };
  EXPECT_DEBUG_DEATH(wrong_order(), "not in reverse order");
}

TEST_F(GradModeTest, GuardsThatEndOnAnotherThreadFailAnAssertion) {
  const auto wrong_thread = [] {
    std::optional<NoGradGuard> guard(std::in_place);
    std::thread([&guard] { guard.reset(); }).join();
  };
  EXPECT_DEBUG_DEATH(wrong_thread(), "destroyed on another thread");
}

TEST_F(InferenceModeTest, SwitchesBothModesAndRestoresThem) {
  EXPECT_FALSE(InferenceModeEnabled());
  {
    const InferenceModeGuard inference;
    EXPECT_TRUE(InferenceModeEnabled());
    EXPECT_FALSE(GradEnabled());
  }
  EXPECT_FALSE(InferenceModeEnabled());
  EXPECT_TRUE(GradEnabled());
  const NoGradGuard no_grad;
  {
    const InferenceModeGuard inference(true);
    EXPECT_FALSE(GradEnabled());
  }
  EXPECT_FALSE(GradEnabled());
  EXPECT_FALSE(InferenceModeEnabled());
}

TEST_F(InferenceModeTest, FalseEnablesGradients) {
  const NoGradGuard no_grad;
  {
    const InferenceModeGuard normal(false);
    EXPECT_TRUE(GradEnabled());
    EXPECT_FALSE(InferenceModeEnabled());
  }
  EXPECT_FALSE(GradEnabled());
}

TEST_F(InferenceModeTest, ScopesNest) {
  const InferenceModeGuard outer;
  {
    const InferenceModeGuard normal(false);
    EXPECT_FALSE(InferenceModeEnabled());
    EXPECT_TRUE(GradEnabled());
    {
      const InferenceModeGuard inner;
      EXPECT_TRUE(InferenceModeEnabled());
      EXPECT_FALSE(GradEnabled());
    }
    EXPECT_FALSE(InferenceModeEnabled());
    EXPECT_TRUE(GradEnabled());
  }
  EXPECT_TRUE(InferenceModeEnabled());
  EXPECT_FALSE(GradEnabled());
}

TEST_F(InferenceModeTest, StaysOnWhateverTheGradModeIs) {
  const InferenceModeGuard inference;
  {
    const EnableGradGuard enable_grad;
    EXPECT_TRUE(GradEnabled());
    EXPECT_TRUE(InferenceModeEnabled());
    SetGradEnabled(false);
    EXPECT_TRUE(InferenceModeEnabled());
  }
  EXPECT_FALSE(GradEnabled());
  EXPECT_TRUE(InferenceModeEnabled());
}

TEST_F(InferenceModeTest, ReachesEveryChunkOfALoop) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> wrong{0};
  for (int i = 0; i < 10; ++i) {
    const InferenceModeGuard inference(i % 2 == 0);
    ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
      if (InferenceModeEnabled() != (i % 2 == 0)) ++wrong;
      GiveOtherThreadsTime();
    });
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
