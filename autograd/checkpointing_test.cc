// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/checkpointing.h"

#include <cstddef>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Tensors = absl::StatusOr<std::vector<Tensor>>;

// x^3 / (x + w), for captured weights; counts its calls.
CheckpointFunction Layer(const Tensor& weights, int& calls) {
  return [weights, &calls](absl::Span<const Tensor> in) -> Tensors {
    ++calls;
    EXPECT_TRUE(GradEnabled());
    FERRY_ASSIGN_OR_RETURN(const Tensor out,
                           in[0] * in[0] * in[0] / (in[0] + weights));
    return std::vector<Tensor>{out};
  };
}

TEST(CheckpointTest, GradientsAreThoseOfThePlainCall) {
  int calls = 0;
  const Tensor w = Leaf({1, 2});
  const Tensor x = Leaf({3, 4});
  const auto plain = Grad(Sum((*Layer(w, calls)({x}))[0]), {x, w});
  ASSERT_THAT(plain, IsOk());
  calls = 0;
  const auto y = RunCheckpointed(Layer(w, calls), {x});
  ASSERT_THAT(y, IsOk());
  EXPECT_EQ(calls, 1);
  ASSERT_THAT(Backward(Sum((*y)[0])), IsOk());
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Elements(Gradient(x)), Elements((*plain)[0]));
  EXPECT_EQ(Elements(Gradient(w)), Elements((*plain)[1]));
  EXPECT_THAT(Backward(Sum((*y)[0])),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("retain_graph=true")));
  EXPECT_EQ(calls, 2);
}

TEST(CheckpointTest, WorksWithGradAndHigherDerivatives) {
  int calls = 0;
  const Tensor w = Leaf({1});
  const Tensor x = Leaf({3});
  GradOptions options;
  options.create_graph = true;
  const auto plain_first = Grad((*Layer(w, calls)({x}))[0], {x}, options);
  const auto plain = Grad((*plain_first)[0], {x, w});
  ASSERT_THAT(plain, IsOk());
  const auto y = RunCheckpointed(Layer(w, calls), {x});
  const auto first = Grad((*y)[0], {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(Elements((*first)[0]), Elements((*plain_first)[0]));
  const auto second = Grad((*first)[0], {x, w});
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(Elements((*second)[0]), Elements((*plain)[0]));
  EXPECT_EQ(Elements((*second)[1]), Elements((*plain)[1]));
}

TEST(CheckpointTest, RetainedGraphsCallOnceMoreAtMost) {
  int calls = 0;
  const Tensor x = Leaf({3});
  const auto y = RunCheckpointed(Layer(Constant({1}), calls), {x});
  BackwardOptions options;
  options.retain_graph = true;
  ASSERT_THAT(Backward((*y)[0], options), IsOk());
  const std::vector<double> once = Elements(Gradient(x));
  ASSERT_THAT(Backward((*y)[0], options), IsOk());
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Elements(Gradient(x))[0], once[0] * 2);
}

TEST(CheckpointTest, ChainsAndNests) {
  int inner_calls = 0;
  int outer_calls = 0;
  const Tensor w = Leaf({1});
  const Tensor x = Leaf({3});
  const CheckpointFunction inner = Layer(w, inner_calls);
  const auto outer = [&](bool nested) {
    return [&, nested](absl::Span<const Tensor> in) -> Tensors {
      ++outer_calls;
      FERRY_ASSIGN_OR_RETURN(const Tensor first, in[0] * in[0]);
      std::vector<Tensor> middle;
      if (nested) {
        FERRY_ASSIGN_OR_RETURN(middle, RunCheckpointed(inner, {first}));
      } else {
        FERRY_ASSIGN_OR_RETURN(middle, inner({&first, 1}));
      }
      FERRY_ASSIGN_OR_RETURN(const Tensor last, middle[0] * middle[0]);
      return std::vector<Tensor>{last};
    };
  };
  const auto plain = Grad((*outer(false)({x}))[0], {x, w});
  ASSERT_THAT(plain, IsOk());
  inner_calls = outer_calls = 0;
  const auto y = RunCheckpointed(outer(true), {x});
  const auto z = RunCheckpointed(outer(true), *y);
  ASSERT_THAT(z, IsOk());
  EXPECT_EQ(outer_calls, 2);
  const auto gradients = Grad((*y)[0], {x, w});
  ASSERT_THAT(gradients, IsOk());
  EXPECT_EQ(Elements((*gradients)[0]), Elements((*plain)[0]));
  EXPECT_EQ(Elements((*gradients)[1]), Elements((*plain)[1]));
  EXPECT_EQ(outer_calls, 3);
}

TEST(CheckpointTest, KeepsNoIntermediateTensors) {
  const Tensor x = Leaf({3});
  Tensor intermediate;
  const CheckpointFunction function =
      [&](absl::Span<const Tensor> in) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(const Tensor square, in[0] * in[0]);
    intermediate = square.Detach();
    FERRY_ASSIGN_OR_RETURN(const Tensor out, square* square);
    return std::vector<Tensor>{out};
  };
  const auto plain = function({&x, 1});
  EXPECT_FALSE(intermediate.owns_elements_alone());
  const auto y = RunCheckpointed(function, {x});
  EXPECT_TRUE(intermediate.owns_elements_alone());
  ASSERT_THAT(Backward((*y)[0]), IsOk());
  EXPECT_TRUE(intermediate.owns_elements_alone());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4 * 27));
}

TEST(CheckpointTest, KeepsNoRecomputedTensorThatNobodyNeeds) {
  const Tensor x = Leaf({3});
  std::vector<Tensor> intermediate(2);
  const CheckpointFunction function =
      [&](absl::Span<const Tensor> in) -> Tensors {
    std::vector<Tensor> out(2);
    for (size_t i = 0; i < 2; ++i) {
      FERRY_ASSIGN_OR_RETURN(const Tensor square, in[0] * in[0]);
      intermediate[i] = square.Detach();
      FERRY_ASSIGN_OR_RETURN(out[i], square * square);
    }
    return out;
  };
  auto y = RunCheckpointed(function, {x});
  ASSERT_THAT(y, IsOk());
  (*y)[1] = Tensor();
  BackwardOptions options;
  options.retain_graph = true;
  ASSERT_THAT(Backward((*y)[0], options), IsOk());
  EXPECT_FALSE(intermediate[0].owns_elements_alone());
  EXPECT_TRUE(intermediate[1].owns_elements_alone());
  ASSERT_THAT(Backward((*y)[0]), IsOk());
  EXPECT_TRUE(intermediate[0].owns_elements_alone());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2 * 4 * 27));
}

// Squares its input, on another thread if `elsewhere` is true, with the state
// that `ParallelFor` gives to its threads.
CheckpointFunction SquareOn(const bool& elsewhere) {
  return [&elsewhere](absl::Span<const Tensor> in) -> Tensors {
    absl::StatusOr<Tensor> out;
    if (elsewhere) {
      const ThreadState state = CurrentThreadState();
      std::thread([&] {
        const ScopedThreadState scope(state);
        out = in[0] * in[0];
      }).join();
    } else {
      out = in[0] * in[0];
    }
    FERRY_RETURN_IF_ERROR(out.status());
    return std::vector<Tensor>{*out};
  };
}

TEST(CheckpointTest, RefusesOpsOfOtherThreads) {
  const Tensor x = Leaf({3});
  bool elsewhere = true;
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("not from ParallelFor"));
  EXPECT_THAT(RunCheckpointed(SquareOn(elsewhere), {x}), refused);
  elsewhere = false;
  const auto y = RunCheckpointed(SquareOn(elsewhere), {x});
  ASSERT_THAT(y, IsOk());
  elsewhere = true;
  EXPECT_THAT(Backward((*y)[0]), refused);
  elsewhere = false;
  // The second call may run on another thread than the first.
  std::thread([&] { EXPECT_THAT(Backward((*y)[0]), IsOk()); }).join();
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(6));
}

TEST(CheckpointTest, RefusesAnEmptyFunction) {
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("the function is empty"));
  EXPECT_THAT(RunCheckpointed(nullptr, {Leaf({3})}), refused);
  const NoGradGuard no_grad;
  EXPECT_THAT(RunCheckpointed(nullptr, {Leaf({3})}), refused);
}

TEST(CheckpointTest, DoesNothingWhenNothingIsRecorded) {
  const Tensor x = Leaf({3});
  const NoGradGuard no_grad;
  int calls = 0;
  const auto y = RunCheckpointed(
      [&](absl::Span<const Tensor> in) -> Tensors {
        ++calls;
        EXPECT_FALSE(GradEnabled());
        return std::vector<Tensor>{in[0]};
      },
      {x});
  ASSERT_THAT(y, IsOk());
  EXPECT_EQ(calls, 1);
}

TEST(CheckpointTest, NoticesThatAnInputWasWritten) {
  int calls = 0;
  const Tensor x = Leaf({3});
  const auto input = x * 1;
  const auto y = RunCheckpointed(Layer(Constant({1}), calls), {*input});
  ASSERT_THAT(AddInPlace(*input, 1), IsOk());
  EXPECT_THAT(Backward((*y)[0]),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
}

TEST(CheckpointTest, NoticesThatTheFunctionChanges) {
  bool again = false;
  const auto y = RunCheckpointed(
      [&](absl::Span<const Tensor> in) -> Tensors {
        FERRY_ASSIGN_OR_RETURN(Tensor out, in[0] * in[0]);
        if (again) {
          FERRY_ASSIGN_OR_RETURN(out, out * out);
        }
        again = true;
        return std::vector<Tensor>{out};
      },
      {Leaf({3})});
  EXPECT_THAT(Backward((*y)[0]),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("must compute the same each time")));
}

TEST(CheckpointTest, ErrorsReachTheCaller) {
  int calls = 0;
  const CheckpointFunction fails_later =
      [&](absl::Span<const Tensor> in) -> Tensors {
    if (++calls == 2) return absl::AbortedError("second call");
    FERRY_ASSIGN_OR_RETURN(const Tensor out, in[0] * in[0]);
    return std::vector<Tensor>{out};
  };
  const auto y = RunCheckpointed(fails_later, {Leaf({3})});
  EXPECT_THAT(Backward((*y)[0]), StatusIs(absl::StatusCode::kAborted));
  calls = 1;
  EXPECT_THAT(RunCheckpointed(fails_later, {Leaf({3})}),
              StatusIs(absl::StatusCode::kAborted));
}

TEST(CheckpointTest, InputsMayBeNullOrIntegers) {
  const Tensor x = Leaf({3});
  const Tensor integers = *Cast(Constant({2}), DType::kInt64);
  const auto y = RunCheckpointed(
      [](absl::Span<const Tensor> in) -> Tensors {
        EXPECT_TRUE(in[0].is_null());
        FERRY_ASSIGN_OR_RETURN(const Tensor out, in[1] * in[1] * in[2]);
        return std::vector<Tensor>{out};
      },
      {Tensor(), x, integers});
  ASSERT_THAT(Backward((*y)[0]), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(12));
}

TEST(CheckpointTest, ThreadsMayRunTheSameCall) {
  int calls = 0;
  const Tensor x = Leaf({3});
  const auto y = RunCheckpointed(Layer(Constant({1}), calls), {x});
  GradOptions options;
  options.retain_graph = true;
  const auto expected = Elements((*Grad((*y)[0], {x}, options))[0]);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto gradients = Grad((*y)[0], {x}, options);
      ASSERT_THAT(gradients, IsOk());
      EXPECT_EQ(Elements((*gradients)[0]), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
