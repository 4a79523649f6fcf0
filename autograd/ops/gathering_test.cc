// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/gathering.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/testing/index_tensors.h"
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
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(GatheringOpsTest, IndicesAreCheckedAndNamed) {
  const Tensor x = Counting({2, 3});
  EXPECT_THAT(Gather(x, 1, Longs({3}, {1, 1})),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("index 3")));
  EXPECT_THAT(Gather(x, 1, Longs({-1}, {1, 1})),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Gather(x, 1, Longs({0})),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("does not fit the tensor, of shape [2, 3]")));
  EXPECT_THAT(Gather(x, 1, Longs({0, 0, 0}, {3, 1})),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(Scatter(x, 0, Longs({2}, {1, 1}), 1),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(Scatter(x, 0, Longs({0, 0}, {1, 2}), Counting({1, 1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the source")));
  EXPECT_THAT(
      ScatterAdd(x, 0, Longs({0}, {1, 1}), *Zeros({1, 1})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("float64 and float32")));
}

TEST(GatheringOpsTest, DuplicatesAddUp) {
  const Tensor x = Counting({3});
  const Tensor index = Longs({1, 1, 2, 1});
  EXPECT_THAT(SumGradient(Gather(x, 0, index), x), ElementsAre(0, 3, 1));
}

TEST(GatheringOpsTest, IndicesMayBeInt32) {
  const Tensor x = Counting({3, 1});
  const Tensor index = *Cast(Longs({2, 0}, {2, 1}), DType::kInt32);
  EXPECT_THAT(Elements(Gather(x, 0, index)), ElementsAre(2, 0));
}

TEST(GatheringOpsTest, TheGradientOfAWriteGoesToWhatWasWritten) {
  const Tensor x = Counting({2, 3});
  // A source that is larger than the index gets zeros.
  const Tensor source = Counting({2, 3});
  const absl::StatusOr<Tensor> scattered =
      Scatter(x, 0, Longs({1, 0}, {1, 2}), source);
  EXPECT_THAT(Elements(scattered), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(SumGradient(scattered, x), ElementsAre(1, 0, 1, 0, 1, 1));
  EXPECT_THAT(SumGradient(scattered, source), ElementsAre(1, 1, 0, 0, 0, 0));
  const absl::StatusOr<Tensor> added =
      ScatterAdd(x, 0, Longs({1, 0}, {1, 2}), source);
  EXPECT_THAT(SumGradient(added, x), Each(1));
  EXPECT_THAT(SumGradient(added, source), ElementsAre(1, 1, 0, 0, 0, 0));
}

TEST(GatheringOpsTest, InPlace) {
  const Tensor x = Counting({4});
  const absl::StatusOr<Tensor> y = x * 1;
  ASSERT_THAT(ScatterInPlace(y, 0, Longs({1}), 9), IsOk());
  ASSERT_THAT(ScatterAddInPlace(y, 0, Longs({1, 1}), Constant({1, 2})), IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(0, 12, 2, 3));
  EXPECT_THAT(SumGradient(y, x), ElementsAre(1, 0, 1, 1));
}

TEST(GatheringOpsTest, InPlaceWithItselfAsTheSource) {
  const Tensor longs = Longs({1, 2, 0});
  ASSERT_THAT(ScatterInPlace(longs, 0, longs, longs), IsOk());
  EXPECT_THAT(Elements(longs), ElementsAre(0, 1, 2));
}

TEST(GatheringOpsTest, AnIndexDoesNotSaveTheTensorItReads) {
  const Tensor x = Counting({3});
  const absl::StatusOr<Tensor> y = x * 1;
  const absl::StatusOr<Tensor> gathered = Gather(y, 0, Longs({0}));
  ASSERT_THAT(MulInPlace(y, 2), IsOk());
  EXPECT_THAT(SumGradient(gathered, x), ElementsAre(1, 0, 0));
}

TEST(GatheringOpsTest, SecondGradients) {
  const Tensor x = Counting({3});
  EXPECT_THAT(SecondGradient(Gather(x, 0, Longs({2, 1})), x),
              ElementsAre(0, 6, 12));
}

TEST(GatheringOpsTest, GatherAndScatterTakeRank0AsRank1) {
  const Tensor x = Counting({});
  const Tensor vector = Counting({3});
  const absl::StatusOr<Tensor> gathered = Gather(x, 0, Longs({0, 0}));
  EXPECT_THAT(Elements(gathered), ElementsAre(0, 0));
  EXPECT_THAT(SumGradient(gathered, x), ElementsAre(2));
  const absl::StatusOr<Tensor> of_rank_0 = Gather(vector, 0, Longs({2}, {}));
  EXPECT_THAT(Elements(of_rank_0), ElementsAre(2));
  EXPECT_EQ(of_rank_0->rank(), 0);

  // The source may have another rank than the index.
  const absl::StatusOr<Tensor> longer =
      Scatter(Constant({7, 7, 7}), 0, Longs({1}, {}), vector);
  EXPECT_THAT(Elements(longer), ElementsAre(7, 0, 7));
  EXPECT_THAT(SumGradient(longer, vector), ElementsAre(1, 0, 0));
  const absl::StatusOr<Tensor> shorter =
      ScatterAdd(Constant({7, 7, 7}), 0, Longs({1}), x);
  EXPECT_THAT(Elements(shorter), ElementsAre(7, 7, 7));
  EXPECT_THAT(SumGradient(shorter, x), ElementsAre(1));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
