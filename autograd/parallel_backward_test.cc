// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Passes with `parallel`.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/checkpointing.h"
#include "ferry/autograd/custom_function.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/hooks.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A graph that is wide, with sums of many gradients of different sizes, whose
// bits depend on the order of the sums.
struct Wide {
  std::vector<Tensor> leaves;
  Tensor root;
};

Wide MakeWide(int width, int depth) {
  Wide wide;
  for (int i = 0; i < 4; ++i) {
    wide.leaves.push_back(Leaf({0.1 + i, 0.3 * i + 1e-3, 7.0 / (i + 1)}));
  }
  std::vector<Tensor> layer(static_cast<size_t>(width), wide.leaves[0]);
  for (int d = 0; d < depth; ++d) {
    std::vector<Tensor> next;
    for (int i = 0; i < width; ++i) {
      const Tensor& a = layer[static_cast<size_t>(i)];
      const Tensor& b = layer[static_cast<size_t>((i * 7 + d) % width)];
      const Tensor& w = wide.leaves[static_cast<size_t>((i + d) % 4)];
      next.push_back(*(a * w + b / (w * (1.0 + 0.01 * i)) * 0.37));
    }
    layer = std::move(next);
  }
  absl::StatusOr<Tensor> sum = Sum(layer[0]);
  for (size_t i = 1; i < layer.size(); ++i) sum = sum + Sum(layer[i]);
  wide.root = *sum;
  return wide;
}

std::vector<std::vector<double>> GradientsOf(const Wide& wide, bool parallel) {
  GradOptions options;
  options.retain_graph = true;
  options.parallel = parallel;
  const auto gradients = Grad(wide.root, wide.leaves, options);
  EXPECT_THAT(gradients, IsOk());
  std::vector<std::vector<double>> elements;
  for (const Tensor& gradient : *gradients) {
    elements.push_back(Elements(gradient));
  }
  return elements;
}

TEST(ParallelBackwardTest, BitsAreThoseOfASerialPass) {
  const Wide wide = MakeWide(16, 6);
  const auto serial = GradientsOf(wide, false);
  for (int threads : {1, 2, 3, 8}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    for (int run = 0; run < 50; ++run) {
      ASSERT_EQ(GradientsOf(wide, true), serial) << threads;
    }
  }
}

TEST(ParallelBackwardTest, LeavesAccumulateTheSameBits) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::vector<std::vector<double>> results[2];
  for (bool parallel : {false, true}) {
    const Wide wide = MakeWide(8, 4);
    BackwardOptions options;
    options.parallel = parallel;
    options.retain_graph = true;
    for (int i = 0; i < 3; ++i) {
      ASSERT_THAT(Backward(wide.root, options), IsOk());
    }
    for (const Tensor& leaf : wide.leaves) {
      results[parallel ? 1 : 0].push_back(Elements(Gradient(leaf)));
    }
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(ParallelBackwardTest, FreesTheGraph) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const Wide wide = MakeWide(4, 2);
  BackwardOptions options;
  options.parallel = true;
  ASSERT_THAT(Backward(wide.root, options), IsOk());
  EXPECT_THAT(Backward(wide.root, options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("retain_graph=true")));
}

TEST(ParallelBackwardTest, ChainsAndRepeatedRoots) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const Tensor x = Leaf({2});
  absl::StatusOr<Tensor> y = x * 1;
  for (int i = 0; i < 1000; ++i) y = y + x;
  ASSERT_THAT(y, IsOk());
  BackwardOptions options;
  options.parallel = true;
  ASSERT_THAT(Backward({*y, *y, x}, options), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2 * 1001 + 1));
}

TEST(ParallelBackwardTest, HooksRunOnTheCallingThreadInAFixedOrder) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::vector<std::string> orders;
  for (int run = 0; run < 20; ++run) {
    const Tensor x = Leaf({1});
    std::string order;
    std::vector<HookHandle> handles;
    const std::thread::id caller = std::this_thread::get_id();
    absl::StatusOr<Tensor> sum = x * 0;
    for (int i = 0; i < 10; ++i) {
      const auto y = x * i;
      handles.push_back(*RegisterHook(
          *y, [&, i](const Tensor& gradient) -> absl::StatusOr<Tensor> {
            EXPECT_EQ(std::this_thread::get_id(), caller);
            EXPECT_FALSE(InParallelRegion());
            absl::StrAppend(&order, i, " ");
            return gradient * 2;
          }));
      handles.push_back(*RegisterNodePostHook(
          *y, [&, i](absl::Span<Tensor>, absl::Span<const Tensor>) {
            EXPECT_EQ(std::this_thread::get_id(), caller);
            absl::StrAppend(&order, "after", i, " ");
            return absl::OkStatus();
          }));
      sum = sum + y;
    }
    BackwardOptions options;
    options.parallel = true;
    ASSERT_THAT(Backward(sum, options), IsOk());
    EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2 * 45));
    orders.push_back(order);
  }
  for (const std::string& order : orders) EXPECT_EQ(order, orders[0]);
}

CustomFunction Fails(int i, std::atomic<int>& calls) {
  CustomFunction function;
  function.forward =
      [](ForwardContext&,
         absl::Span<const Tensor> in) -> absl::StatusOr<std::vector<Tensor>> {
    FERRY_ASSIGN_OR_RETURN(const Tensor out, in[0] * 1);
    return std::vector<Tensor>{out};
  };
  function.backward = [i, &calls](const BackwardContext&,
                                  absl::Span<const Tensor> gradients)
      -> absl::StatusOr<std::vector<Tensor>> {
    ++calls;
    if (i == 3) throw std::out_of_range("three");
    if (i == 5) return absl::AbortedError("five");
    EXPECT_FALSE(GradEnabled());
    return std::vector<Tensor>{gradients[0]};
  };
  return function;
}

TEST(ParallelBackwardTest, TheSameFailureWinsEachTime) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  for (int run = 0; run < 20; ++run) {
    std::atomic<int> calls{0};
    const Tensor x = Leaf({1});
    absl::StatusOr<Tensor> sum = x * 0;
    for (int i = 0; i < 8; ++i) {
      const auto y = CallCustom(Fails(i, calls), {x});
      ASSERT_THAT(y, IsOk());
      // All are ready at the same time.
      sum = sum + (*y)[0];
    }
    BackwardOptions options;
    options.parallel = true;
    // Of the two nodes that fail, a serial pass comes to the later one first.
    EXPECT_THAT(Backward(sum, options),
                StatusIs(absl::StatusCode::kAborted, HasSubstr("five")));
    EXPECT_TRUE(GradEnabled());
  }
}

TEST(ParallelBackwardTest, ExceptionsReachTheCaller) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> calls{0};
  const Tensor x = Leaf({1});
  const auto a = CallCustom(Fails(3, calls), {x});
  const auto b = CallCustom(Fails(4, calls), {x});
  BackwardOptions options;
  options.parallel = true;
  options.retain_graph = true;
  const auto sum = (*a)[0] + (*b)[0];
  EXPECT_THROW((void)Backward(sum, options), std::out_of_range);
  EXPECT_EQ(calls, 2);
  // The graph can be used further.
  EXPECT_THAT(Backward((*b)[0], options), IsOk());
}

TEST(ParallelBackwardTest, PassesRunInsideNodesAndOnSeveralThreads) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const Tensor x = Leaf({2});
  CustomFunction nested;
  nested.forward =
      [](ForwardContext&,
         absl::Span<const Tensor> in) -> absl::StatusOr<std::vector<Tensor>> {
    FERRY_ASSIGN_OR_RETURN(const Tensor out, in[0] * in[0]);
    return std::vector<Tensor>{out};
  };
  nested.backward = [&](const BackwardContext&,
                        absl::Span<const Tensor> gradients)
      -> absl::StatusOr<std::vector<Tensor>> {
    const EnableGradGuard enable_grad;
    GradOptions options;
    options.parallel = true;
    FERRY_ASSIGN_OR_RETURN(const Tensor y, x* x);
    FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> inner, Grad(y, {x}, options));
    FERRY_ASSIGN_OR_RETURN(const Tensor result, inner[0] * gradients[0]);
    return std::vector<Tensor>{result.Detach()};
  };
  absl::StatusOr<Tensor> sum = x * 0;
  for (int i = 0; i < 6; ++i) {
    const auto y = CallCustom(nested, {x});
    ASSERT_THAT(y, IsOk());
    sum = sum + (*y)[0];
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      GradOptions options;
      options.parallel = true;
      options.retain_graph = true;
      const auto gradients = Grad(*sum, {x}, options);
      ASSERT_THAT(gradients, IsOk());
      EXPECT_THAT(Elements((*gradients)[0]), ElementsAre(24));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ParallelBackwardTest, CheckpointsAreComputedOnce) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const Tensor x = Leaf({2, 3});
  std::atomic<int> calls{0};
  const auto y = RunCheckpointed(
      [&](absl::Span<const Tensor> in) -> absl::StatusOr<std::vector<Tensor>> {
        ++calls;
        FERRY_ASSIGN_OR_RETURN(const Tensor a, in[0] * in[0]);
        FERRY_ASSIGN_OR_RETURN(const Tensor b, in[0] * in[0] * 2);
        FERRY_ASSIGN_OR_RETURN(const Tensor c, in[0] * in[0] * 3);
        return std::vector<Tensor>{a, b, c};
      },
      {x});
  ASSERT_THAT(y, IsOk());
  BackwardOptions options;
  options.parallel = true;
  ASSERT_THAT(Backward(Sum((*y)[0] + (*y)[1] + (*y)[2]), options), IsOk());
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(24, 36));
}

TEST(ParallelBackwardTest, HasNoEffectWhenThePassIsRecorded) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const Tensor x = Leaf({2});
  GradOptions options;
  options.parallel = true;
  options.create_graph = true;
  const auto first = Grad(x * x * x, {x}, options);
  ASSERT_THAT(first, IsOk());
  const auto second = Grad((*first)[0], {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(12));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
