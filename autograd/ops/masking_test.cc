// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/masking.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MaskingOpsTest, Masks) {
  const Tensor x = Counting({2, 3});
  const Tensor mask = Mask({true, false, true}, {3});
  const Tensor value = *Full(
      {}, 9.0, TensorOptions().dtype(DType::kFloat64).requires_grad(true));
  const absl::StatusOr<Tensor> filled = MaskedFill(x, mask, value);
  EXPECT_THAT(Elements(filled), ElementsAre(9, 1, 9, 9, 4, 9));
  EXPECT_THAT(SumGradient(filled, x), ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(SumGradient(filled, value), ElementsAre(4));
  const absl::StatusOr<Tensor> chosen = MaskedSelect(x, mask);
  EXPECT_THAT(Elements(chosen), ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(SumGradient(chosen, x), ElementsAre(1, 0, 1, 1, 0, 1));
  const Tensor row = Counting({3});
  const absl::StatusOr<Tensor> wide =
      MaskedSelect(row, Mask({true, true, false, true, false, false}, {2, 3}));
  EXPECT_THAT(Elements(wide), ElementsAre(0, 1, 0));
  EXPECT_THAT(SumGradient(wide, row), ElementsAre(2, 1, 0));
  const Tensor source = Counting({2, 3});
  const absl::StatusOr<Tensor> scattered = MaskedScatter(x, mask, source);
  EXPECT_THAT(Elements(scattered), ElementsAre(0, 1, 1, 2, 4, 3));
  EXPECT_THAT(SumGradient(scattered, x), ElementsAre(0, 1, 0, 0, 1, 0));
  EXPECT_THAT(SumGradient(scattered, source), ElementsAre(1, 1, 1, 1, 0, 0));

  EXPECT_THAT(MaskedScatter(x, mask, Counting({3})),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("the mask chooses 4 elements")));
  EXPECT_THAT(
      MaskedFill(x, Longs({1}), 0),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("bool; it is int64")));
  EXPECT_THAT(MaskedFill(x, mask, Counting({1})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rank 0")));
  EXPECT_THAT(MaskedFill(x, true, 0), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(MaskedFill(x, Mask({true, false}, {2}), 0),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(MaskingOpsTest, InPlace) {
  const Tensor x = Counting({4});
  const absl::StatusOr<Tensor> y = x * 1;
  ASSERT_THAT(MaskedFillInPlace(y, Mask({false, false, false, true}, {4}), -1),
              IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(0, 1, 2, -1));
  EXPECT_THAT(SumGradient(y, x), ElementsAre(1, 1, 1, 0));
  ASSERT_THAT(MaskedScatterInPlace(y, Mask({true, true, false, false}, {4}),
                                   Constant({3, 4, 5})),
              IsOk());
  EXPECT_THAT(Elements(y), ElementsAre(3, 4, 2, -1));
  EXPECT_THAT(SumGradient(y, x), ElementsAre(0, 0, 1, 0));
  // A mask larger than the tensor would change its shape.
  EXPECT_THAT(MaskedFillInPlace(y, Mask({true, true}, {2, 1}), 0),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST(MaskingOpsTest, NonZeroFindsWhatIsNotZero) {
  const Tensor x = Constant({0, 2, -0.0, std::nan("")});
  EXPECT_THAT(Elements(NonZero(x)), ElementsAre(1, 3));
  EXPECT_FALSE(NonZero(x * 1)->requires_grad());
  EXPECT_THAT(NonZero(*Ones({2, 0}))->shape(), ElementsAre(0, 2));
  EXPECT_THAT(Elements(NonZero(*Zeros({2, 2}))), IsEmpty());
}

TEST(MaskingOpsTest, SecondGradients) {
  const Tensor x = Counting({3});
  EXPECT_THAT(
      SecondGradient(MaskedSelect(x, Mask({false, true, true}, {3})), x),
      ElementsAre(0, 6, 12));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
