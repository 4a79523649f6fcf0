// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/saved_tensor_hooks.h"

#include <any>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/test_tensors.h"
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
using ::testing::SizeIs;

absl::StatusOr<std::any> Keep(const Tensor& tensor) { return tensor; }
absl::StatusOr<Tensor> GiveBack(const std::any& packed) {
  return std::any_cast<const Tensor&>(packed);
}

TEST(SavedTensorHooksTest, EmptyHooksAreErrors) {
  const Tensor x = Leaf({2});
  {
    const SavedTensorHooksGuard guard(nullptr, GiveBack);
    EXPECT_THAT(x * x, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("the pack hook is empty")));
  }
  absl::StatusOr<Tensor> y;
  {
    const SavedTensorHooksGuard guard(Keep, nullptr);
    y = x * x;
  }
  ASSERT_THAT(y, IsOk());
  EXPECT_THAT(Backward(*y), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("the unpack hook is empty")));
}

TEST(SavedTensorHooksTest, SeeWhatIsSavedAndWhatIsNeeded) {
  const Tensor x = Leaf({2, 3});
  int packed = 0;
  int unpacked = 0;
  absl::StatusOr<Tensor> y;
  {
    const SavedTensorHooksGuard guard(
        [&](const Tensor& tensor) {
          ++packed;
          EXPECT_FALSE(tensor.requires_grad());
          EXPECT_FALSE(GradEnabled());
          return Keep(tensor);
        },
        [&](const std::any& kept) {
          ++unpacked;
          return GiveBack(kept);
        });
    y = Sum(x * x + x);
  }
  EXPECT_EQ(packed, 2);
  const auto outside = x * x;
  EXPECT_EQ(packed, 2);
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_EQ(unpacked, 2);
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(5, 7));
}

// The gradient of each operand of a product unpacks the other one.
TEST(SavedTensorHooksTest, OnlyWhatThePassNeedsIsUnpacked) {
  for (const bool through_a_view : {false, true}) {
    SCOPED_TRACE(through_a_view);
    const Tensor a = Leaf({2, 3});
    const Tensor b = Leaf({5, 7});
    std::vector<double> unpacked;
    absl::StatusOr<Tensor> y;
    {
      const SavedTensorHooksGuard guard(Keep, [&](const std::any& kept) {
        const auto tensor = GiveBack(kept);
        unpacked.push_back(Elements(tensor)[0]);
        return tensor;
      });
      if (through_a_view) {
        y = Clone(a);
        ASSERT_THAT(MulInPlace(Narrow(y, 0, 0, 2), b), IsOk());
      } else {
        y = a * b;
      }
      y = Sum(y);
    }
    GradOptions options;
    options.retain_graph = true;
    ASSERT_THAT(Grad(y, {a}, options), IsOk());
    EXPECT_THAT(unpacked, ElementsAre(5));
    ASSERT_THAT(Grad(y, {b}, options), IsOk());
    EXPECT_THAT(unpacked, ElementsAre(5, 2));
    BackwardOptions of_b;
    of_b.inputs = {b};
    of_b.parallel = true;
    of_b.retain_graph = true;
    ASSERT_THAT(Backward(y, of_b), IsOk());
    EXPECT_THAT(unpacked, ElementsAre(5, 2, 2));
    EXPECT_THAT(Elements(Gradient(b)), ElementsAre(2, 3));
    ASSERT_THAT(Backward(y), IsOk());
    EXPECT_THAT(unpacked, SizeIs(5));
    EXPECT_THAT(Elements(Gradient(a)), ElementsAre(5, 7));
  }
}

TEST(SavedTensorHooksTest, DecideWhatTheGradientUses) {
  const Tensor x = Leaf({2});
  absl::StatusOr<Tensor> y;
  {
    const SavedTensorHooksGuard guard(
        [](const Tensor& tensor) -> absl::StatusOr<std::any> {
          return std::any(Elements(tensor)[0]);
        },
        [](const std::any& number) -> absl::StatusOr<Tensor> {
          return Constant({std::any_cast<double>(number) + 10});
        });
    y = x * x;
  }
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(24));
}

TEST(SavedTensorHooksTest, HistoryIsKeptForInputsAndResults) {
  const Tensor x = Leaf({2});
  const SavedTensorHooksGuard guard(Keep, GiveBack);
  const auto inner = x * 3;
  // Saves its second operand and its result.
  const auto y = Div(Constant({1}), *inner);
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(y, {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_DOUBLE_EQ(Elements((*first)[0])[0], -1.0 / 12);
  const auto second = Grad((*first)[0], {x}, options);
  ASSERT_THAT(second, IsOk());
  EXPECT_DOUBLE_EQ(Elements((*second)[0])[0], 2.0 / 24);
}

TEST(SavedTensorHooksTest, InnermostPairAppliesAlone) {
  const Tensor x = Leaf({2});
  int outer = 0;
  int inner = 0;
  const auto count = [](int& place) {
    return [&place](const Tensor& tensor) {
      ++place;
      return Keep(tensor);
    };
  };
  const SavedTensorHooksGuard a(count(outer), GiveBack);
  const auto y = x * x;
  {
    const SavedTensorHooksGuard b(count(inner), GiveBack);
    const auto z = x * x;
  }
  EXPECT_EQ(outer, 2);
  EXPECT_EQ(inner, 2);
  // The guards of modes leave it in place.
  {
    const NoGradGuard no_grad;
    const EnableGradGuard enable_grad;
    const auto z = x * x;
  }
  const auto z = x * x;
  EXPECT_EQ(outer, 6);
}

TEST(SavedTensorHooksTest, BelongToTheThreadAndItsLoops) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> packed{0};
  const SavedTensorHooksGuard guard(
      [&](const Tensor& tensor) {
        ++packed;
        return Keep(tensor);
      },
      GiveBack);
  std::thread([] {
    const Tensor x = Leaf({2});
    EXPECT_THAT(x * x, IsOk());
  }).join();
  EXPECT_EQ(packed, 0);
  ParallelFor(0, 8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Tensor x = Leaf({2});
      EXPECT_THAT(x * x, IsOk());
    }
  });
  EXPECT_EQ(packed, 16);
}

TEST(SavedTensorHooksTest, ErrorsOfPackAreErrorsOfTheOp) {
  const Tensor x = Leaf({2});
  const SavedTensorHooksGuard guard(
      [](const Tensor&) -> absl::StatusOr<std::any> {
        return absl::AbortedError("disk full");
      },
      GiveBack);
  EXPECT_THAT(x * x,
              StatusIs(absl::StatusCode::kAborted, HasSubstr("disk full")));
  // Nothing is saved.
  EXPECT_THAT(x + x, IsOk());
}

TEST(SavedTensorHooksTest, ErrorsOfUnpackEndThePass) {
  const Tensor x = Leaf({2});
  const auto record = [&x](UnpackHook unpack) {
    const SavedTensorHooksGuard guard(Keep, std::move(unpack));
    return x * x;
  };
  const auto lost = record([](const std::any&) -> absl::StatusOr<Tensor> {
    return absl::DataLossError("gone");
  });
  EXPECT_THAT(Backward(lost), StatusIs(absl::StatusCode::kDataLoss));
  const auto null = record(
      [](const std::any&) -> absl::StatusOr<Tensor> { return Tensor(); });
  EXPECT_THAT(Backward(null), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("unpack hook")));
  const auto shape = record([](const std::any&) -> absl::StatusOr<Tensor> {
    return Constant({1, 2});
  });
  EXPECT_THAT(Backward(shape),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[2]")));
}

TEST(SavedTensorHooksTest, PackMustNotWriteTheTensor) {
  const Tensor x = Leaf({2});
  const SavedTensorHooksGuard guard(
      [](const Tensor& tensor) -> absl::StatusOr<std::any> {
        EXPECT_THAT(AddInPlace(tensor, 1), IsOk());
        return std::any(tensor);
      },
      GiveBack);
  EXPECT_THAT(x * x, StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("modifying its input in place")));
}

TEST(SavedTensorHooksTest, FreedGraphsFreeWhatWasPacked) {
  const Tensor x = Leaf({2});
  const auto alive = std::make_shared<int>(1);
  const auto y = [&] {
    const SavedTensorHooksGuard guard(
        [alive](const Tensor& tensor) -> absl::StatusOr<std::any> {
          return std::any(std::make_pair(tensor, alive));
        },
        [](const std::any& packed) -> absl::StatusOr<Tensor> {
          return std::any_cast<const std::pair<Tensor, std::shared_ptr<int>>&>(
                     packed)
              .first;
        });
    return x * x;
  }();
  EXPECT_GT(alive.use_count(), 1);
  ASSERT_THAT(Backward(y), IsOk());
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_THAT(Backward(y), StatusIs(absl::StatusCode::kFailedPrecondition,
                                    HasSubstr("retain_graph=true")));
}

TEST(SavedTensorHooksTest, UnpackMayRunAPassOverTheSameGraph) {
  const Tensor x = Leaf({2});
  absl::StatusOr<Tensor> y;
  int depth = 0;
  {
    const SavedTensorHooksGuard guard(
        Keep, [&](const std::any& packed) -> absl::StatusOr<Tensor> {
          if (depth++ == 0) {
            GradOptions options;
            options.retain_graph = true;
            const auto gradients = Grad(*y, {x}, options);
            EXPECT_THAT(gradients, IsOk());
          }
          return GiveBack(packed);
        });
    y = x * x;
  }
  ASSERT_THAT(Backward(*y), IsOk());
  EXPECT_EQ(depth, 4);
}

TEST(SavedTensorHooksTest, LongChainsNeedNoStack) {
  const Tensor x = Leaf({1});
  const SavedTensorHooksGuard guard(Keep, GiveBack);
  absl::StatusOr<Tensor> y = x * 1;
  for (int i = 0; i < 100000; ++i) y = *y * x;
  ASSERT_THAT(y, IsOk());
  y = absl::CancelledError();  // frees the graph
}

}  // namespace
}  // namespace v1
}  // namespace ferry
