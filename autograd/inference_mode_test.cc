// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What ops do in inference mode: the cases of PyTorch's
// test/cpp/api/inference_mode.cpp.

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool IsInference(const Tensor& tensor) {
  return tensor.storage().is_inference();
}

Tensor InferenceTensor(const std::vector<double>& elements) {
  const InferenceModeGuard inference;
  return Constant(elements);
}

TEST(InferenceTensorTest, AreMadeInsideByFactoriesAndOps) {
  const Tensor normal = Constant({1, 2});
  EXPECT_FALSE(IsInference(normal));
  const InferenceModeGuard inference;
  EXPECT_TRUE(IsInference(Constant({1})));
  EXPECT_TRUE(IsInference(*Zeros({2})));
  EXPECT_TRUE(IsInference(*(normal * 2)));
  EXPECT_TRUE(IsInference(*Clone(normal)));
  {
    const InferenceModeGuard off(false);
    EXPECT_FALSE(IsInference(*(normal * 2)));
  }
  const auto made = Ones({1}, TensorOptions().requires_grad(true));
  EXPECT_TRUE(IsInference(*made));
  EXPECT_TRUE(made->requires_grad());
}

TEST(InferenceTensorTest, AreMadeInTheChunksOfALoop) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::vector<Tensor> made(8);
  const InferenceModeGuard inference;
  ParallelFor(0, 8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      made[static_cast<size_t>(i)] = *Zeros({1});
    }
  });
  for (const Tensor& tensor : made) EXPECT_TRUE(IsInference(tensor));
}

TEST(InferenceTensorTest, NothingInsideIsRecorded) {
  const Tensor x = Leaf({1, 2});
  const InferenceModeGuard inference;
  EXPECT_FALSE((x * x)->requires_grad());
  const EnableGradGuard enable_grad;
  EXPECT_TRUE(GradEnabled());
  EXPECT_FALSE(RecordingEnabled());
  const auto y = x * x;
  EXPECT_FALSE(y->requires_grad());
  EXPECT_TRUE(IsLeaf(*y));
}

TEST(InferenceTensorTest, CannotBeSavedForBackward) {
  const Tensor x = Leaf({1, 2});
  const Tensor inference = InferenceTensor({3, 4});
  EXPECT_THAT(x * inference,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Inference tensors cannot be saved for "
                                 "backward")));
  // A sum saves nothing, and nothing is saved if no gradient is needed.
  const auto sum = x + inference;
  ASSERT_THAT(sum, IsOk());
  EXPECT_TRUE(sum->requires_grad());
  EXPECT_FALSE(IsInference(*sum));
  ASSERT_THAT(Backward(Sum(sum)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1, 1));
  EXPECT_THAT(inference * inference, IsOk());
  const NoGradGuard no_grad;
  EXPECT_THAT(x * inference, IsOk());
}

TEST(InferenceTensorTest, CannotBeSavedThroughAWrite) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 1;
  EXPECT_THAT(MulInPlace(y, InferenceTensor({3, 4})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Inference tensors cannot be saved")));
  // The write has not happened.
  EXPECT_THAT(Elements(*y), ElementsAre(1, 2));
  EXPECT_THAT(AddInPlace(y, InferenceTensor({3, 4})), IsOk());
}

TEST(InferenceTensorTest, CloneIsANormalTensor) {
  const Tensor x = Leaf({1, 2});
  const auto clone = Clone(InferenceTensor({3, 4}));
  ASSERT_THAT(clone, IsOk());
  EXPECT_FALSE(IsInference(*clone));
  EXPECT_THAT(clone->SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(Sum(x * *clone)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3, 4));
  EXPECT_THAT(Elements(Gradient(*clone)), ElementsAre(1, 2));
}

TEST(InferenceTensorTest, MayNotRequireAGradientOutside) {
  const Tensor inference = InferenceTensor({1});
  EXPECT_THAT(inference.SetRequiresGrad(true),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Setting requires_grad=True on inference "
                                 "tensor outside InferenceMode")));
  EXPECT_THAT(inference.SetRequiresGrad(false), IsOk());
  {
    const InferenceModeGuard inside;
    EXPECT_THAT(inference.SetRequiresGrad(true), IsOk());
  }
  // It was set inside, so it stays, and sums record it.
  EXPECT_THAT(inference.SetRequiresGrad(true), IsOk());
  ASSERT_THAT(Backward(inference + 1), IsOk());
  EXPECT_THAT(Elements(Gradient(inference)), ElementsAre(1));
  EXPECT_FALSE(IsInference(Gradient(inference)));
  EXPECT_THAT(inference * inference,
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(InferenceTensorTest, MayNotBeWrittenOutside) {
  const Tensor inference = InferenceTensor({1});
  const auto view = Reshape(inference, {1, 1});
  for (const Tensor& tensor : {inference, *view}) {
    EXPECT_THAT(AddInPlace(tensor, 1),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("Inplace update to inference tensor outside "
                                   "InferenceMode")));
    const NoGradGuard no_grad;
    EXPECT_THAT(AddInPlace(tensor, 1),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  const InferenceModeGuard inside;
  EXPECT_THAT(AddInPlace(inference, 1), IsOk());
  EXPECT_THAT(AddInPlace(*view, 1), IsOk());
  EXPECT_THAT(Elements(inference), ElementsAre(3));
}

TEST(InferenceTensorTest, ViewsAreInferenceTensorsInEveryMode) {
  const Tensor inference = InferenceTensor({1, 2});
  const auto outside = Reshape(inference, {2, 1});
  EXPECT_TRUE(IsInference(*outside));
  EXPECT_TRUE(IsInference(outside->Detach()));
  EXPECT_THAT(Reshape(*outside, {2}), IsOk());
  const InferenceModeGuard inside;
  EXPECT_TRUE(IsInference(*Reshape(inference, {2, 1})));
}

TEST(InferenceTensorTest, ViewsOfNormalTensorsStayNormal) {
  const Tensor x = Leaf({1, 2});
  const auto base = x * 1;
  const Tensor constant = Constant({1, 2});
  absl::StatusOr<Tensor> view;
  absl::StatusOr<Tensor> of_constant;
  {
    const InferenceModeGuard inside;
    view = Reshape(base, {2, 1});
    of_constant = Reshape(constant, {2, 1});
    EXPECT_FALSE(IsInference(*view));
    EXPECT_FALSE(view->requires_grad());
    // Inside, it may be written, which the version shows.
    const uint32_t version = base->storage().version();
    EXPECT_THAT(AddInPlace(view, 1), IsOk());
    EXPECT_GT(base->storage().version(), version);
  }
  EXPECT_THAT(AddInPlace(view, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("A view was created in inference mode and is "
                                 "being modified inplace in normal mode")));
  // It may be used, as a constant.
  EXPECT_FALSE((*view * 2)->requires_grad());
  // Without a gradient there is nothing to lose.
  EXPECT_THAT(AddInPlace(of_constant, 1), IsOk());
  EXPECT_THAT(AddInPlace(of_constant, *Reshape(x, {2, 1})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("created in inference mode")));
}

TEST(InferenceTensorTest, WritesToNormalTensorsInsideAreNoticed) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 1;
  const auto z = Sum(*y * *y);
  {
    const InferenceModeGuard inside;
    EXPECT_THAT(AddInPlace(y, 1), IsOk());
    EXPECT_THAT(AddInPlace(x, 1), IsOk());
  }
  EXPECT_TRUE(IsLeaf(x));
  EXPECT_TRUE(y->requires_grad());
  EXPECT_THAT(Backward(z),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
}

TEST(InferenceTensorTest, PassesInsideMakeNormalGradients) {
  const Tensor x = Leaf({1, 2});
  const auto y = Sum(x * x);
  const Tensor other = Leaf({3});
  {
    const InferenceModeGuard inside;
    ASSERT_THAT(Backward(y), IsOk());
    ASSERT_THAT(Backward(other), IsOk());
    BackwardOptions options;
    options.gradients = {Constant({5})};
    const Tensor given = Leaf({3});
    ASSERT_THAT(Backward(given, options), IsOk());
    EXPECT_FALSE(IsInference(Gradient(given)));
    EXPECT_TRUE(InferenceModeEnabled());
  }
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 4));
  EXPECT_FALSE(IsInference(Gradient(x)));
  EXPECT_FALSE(IsInference(Gradient(other)));
  // So later passes add to them.
  ASSERT_THAT(Backward(Sum(x * x)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 8));
}

TEST(InferenceTensorTest, GradientsThatAreInferenceTensorsAreReplaced) {
  const Tensor x = Leaf({1, 2});
  {
    const InferenceModeGuard inside;
    ASSERT_THAT(SetGradient(x, Constant({10, 10})), IsOk());
  }
  ASSERT_THAT(Backward(Sum(x)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(11, 11));
  EXPECT_FALSE(IsInference(Gradient(x)));
}

TEST(InferenceTensorTest, OtherThreadsMakeNormalTensors) {
  const InferenceModeGuard inside;
  std::thread([] { EXPECT_FALSE(IsInference(Constant({1}))); }).join();
}

}  // namespace
}  // namespace v1
}  // namespace ferry
