// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/sorting.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/testing/index_tensors.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/factories.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

TEST(SortingOpsTest, SortingAndItsGradient) {
  const Tensor x = Constant({3, std::nan(""), 1, 2, 1});
  ASSERT_THAT(x.SetRequiresGrad(true), IsOk());
  const absl::StatusOr<ValuesAndIndices> up = Sort(x);
  ASSERT_THAT(up, IsOk());
  EXPECT_THAT(Elements(up->values), ElementsAre(1, 1, 2, 3, IsNan()));
  EXPECT_THAT(Elements(up->indices), ElementsAre(2, 4, 3, 0, 1));
  EXPECT_FALSE(up->indices.requires_grad());
  EXPECT_THAT(Elements(ArgSort(x, -1, true)), ElementsAre(1, 0, 3, 2, 4));
  EXPECT_THAT(SumGradient(Select(up->values, 0, 2), x),
              ElementsAre(0, 0, 0, 1, 0));
  const absl::StatusOr<ValuesAndIndices> top = TopK(x, 2);
  ASSERT_THAT(top, IsOk());
  EXPECT_THAT(Elements(top->values), ElementsAre(IsNan(), 3));
  EXPECT_THAT(SumGradient(top->values, x), ElementsAre(1, 1, 0, 0, 0));
  const absl::StatusOr<ValuesAndIndices> least = TopK(x, 3, 0, false);
  EXPECT_THAT(Elements(least->indices), ElementsAre(2, 4, 3));
  EXPECT_THAT(SumGradient(least->values, x), ElementsAre(0, 0, 1, 1, 1));

  const Tensor scalar = *Full({}, 5.0, TensorOptions().requires_grad(true));
  EXPECT_THAT(SumGradient(Sort(scalar)->values, scalar), ElementsAre(1));
  EXPECT_THAT(Sort(scalar, 1), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(TopK(x, 6),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("selected index k")));
  EXPECT_THAT(TopK(x, -1), StatusIs(StatusCode::kOutOfRange));
}

TEST(SortingOpsTest, SecondGradients) {
  const Tensor x = Counting({3});
  EXPECT_THAT(SecondGradient(Sort(x, 0, true)->values, x),
              ElementsAre(0, 6, 12));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
