// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/anomaly.h"

#include <atomic>
#include <thread>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/parallel.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// Not in an anonymous namespace and not inlined, so that the trace has a name.
[[gnu::noinline]] absl::StatusOr<Tensor> AnomalyTestQuotient(const Tensor& a,
                                                             const Tensor& b) {
  absl::StatusOr<Tensor> quotient = a / b;
  EXPECT_THAT(quotient, IsOk());
  return quotient;
}

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AnomalyTest, IsOffByDefault) {
  EXPECT_FALSE(AnomalyDetectionEnabled());
  const Tensor x = Leaf({0});
  const auto y = AnomalyTestQuotient(x, x);
  EXPECT_TRUE(GradientEdge(*y)->node->forward_trace().empty());
  EXPECT_THAT(Backward(y), IsOk());
}

TEST(AnomalyTest, NamesTheOpTheOutputAndTheForwardCall) {
  const AnomalyGuard guard;
  const Tensor x = Constant({1, 0});
  const Tensor zero = Leaf({1, 0});
  const auto y = AnomalyTestQuotient(x, zero);
  EXPECT_THAT(Backward(Sum(y)),
              StatusIs(absl::StatusCode::kOutOfRange,
                       AllOf(HasSubstr("Div returned nan values in its 1st "
                                       "output"),
                             HasSubstr("AnomalyTestQuotient"))));
  EXPECT_TRUE(Gradient(zero).is_null());
}

TEST(AnomalyTest, FindsNanInEveryDType) {
  const AnomalyGuard guard;
  for (DType dtype :
       {DType::kFloat64, DType::kFloat32, DType::kFloat16, DType::kBFloat16}) {
    const auto zero = Cast(Constant({1, 0}), dtype);
    ASSERT_THAT(zero, IsOk());
    ASSERT_THAT(zero->SetRequiresGrad(true), IsOk());
    EXPECT_THAT(Backward(Sum(*zero / *zero)),
                StatusIs(absl::StatusCode::kOutOfRange));
  }
}

TEST(AnomalyTest, WithoutTheForwardCallTheMessageSaysWhatToDo) {
  const Tensor x = Leaf({0});
  const auto y = AnomalyTestQuotient(x, x);
  const AnomalyGuard guard;
  EXPECT_THAT(Backward(y),
              StatusIs(absl::StatusCode::kOutOfRange,
                       AllOf(HasSubstr("switch anomaly detection on"),
                             Not(HasSubstr("AnomalyTestQuotient")))));
}

TEST(AnomalyTest, GradientsWithoutNanPass) {
  const AnomalyGuard guard;
  const Tensor x = Leaf({3});
  ASSERT_THAT(Backward(x / x), IsOk());
}

TEST(AnomalyTest, GuardsTakeBoolOnly) {
  EXPECT_TRUE((std::is_constructible_v<AnomalyGuard, bool>));
  EXPECT_FALSE((std::is_constructible_v<AnomalyGuard, int>));
  EXPECT_FALSE((std::is_constructible_v<AnomalyGuard, const char*>));
}

TEST(AnomalyTest, GuardsNestAndLeaveTheGradModesAlone) {
  {
    const AnomalyGuard on;
    EXPECT_TRUE(AnomalyDetectionEnabled());
    {
      const AnomalyGuard off(false);
      EXPECT_FALSE(AnomalyDetectionEnabled());
    }
    EXPECT_TRUE(AnomalyDetectionEnabled());
    EXPECT_TRUE(GradEnabled());
  }
  EXPECT_FALSE(AnomalyDetectionEnabled());
  {
    const NoGradGuard no_grad;
    SetDetectAnomaly(true);
    EXPECT_FALSE(GradEnabled());
  }
  // The scope of the other mode does not end this one.
  EXPECT_TRUE(AnomalyDetectionEnabled());
  EXPECT_TRUE(GradEnabled());
  SetDetectAnomaly(false);
}

TEST(AnomalyTest, BelongsToTheThreadAndItsLoops) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const AnomalyGuard guard;
  std::thread([] { EXPECT_FALSE(AnomalyDetectionEnabled()); }).join();
  std::atomic<int> wrong{0};
  ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
    if (!AnomalyDetectionEnabled()) ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
