// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/picks.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace kernels {
namespace {

using testing::ElementsAre;

TEST(PicksTest, PickAndPlaceAlongEachDimension) {
  const Tensor x = Tensor::FromData<float>({1, 2, 3, 4, 5, 6}, {2, 3}).value();
  const Tensor rows = Tensor::FromData<int64_t>({2, 0}, {2, 1}).value();
  const Tensor picked = Tensor::FromData<float>({0, 0}, {2, 1}).value();
  ASSERT_THAT(PickAlong(x, 1, rows, picked), IsOk());
  EXPECT_THAT(picked.Data<float>().value(), ElementsAre(3, 4));
  ASSERT_THAT(PlaceAlong(picked, 1, rows, x), IsOk());
  EXPECT_THAT(x.Data<float>().value(), ElementsAre(0, 0, 3, 4, 0, 0));
  const Tensor columns = Tensor::FromData<int64_t>({1, 0, 1}, {1, 3}).value();
  const Tensor values = Tensor::FromData<float>({7, 8, 9}, {1, 3}).value();
  ASSERT_THAT(PlaceAlong(values, 0, columns, x), IsOk());
  EXPECT_THAT(x.Data<float>().value(), ElementsAre(0, 8, 0, 7, 0, 9));
  const Tensor back = Tensor::FromData<float>({0, 0, 0}, {1, 3}).value();
  ASSERT_THAT(PickAlong(x, 0, columns, back), IsOk());
  EXPECT_THAT(back.Data<float>().value(), ElementsAre(7, 8, 9));
}

TEST(PicksTest, ReadStridedInputs) {
  const Tensor memory = Tensor::FromData<float>({1, 2, 3, 4}, {4}).value();
  const Tensor x =
      Tensor::Create(memory.storage(), DType::kFloat32, {2, 2}, {1, 2}, 0)
          .value();
  const Tensor one = Tensor::FromData<int64_t>({1}, {1}).value();
  const Tensor indices =
      Tensor::Create(one.storage(), DType::kInt64, {2, 1}, {0, 1}, 0).value();
  const Tensor picked = Tensor::FromData<float>({0, 0}, {2, 1}).value();
  ASSERT_THAT(PickAlong(x, 1, indices, picked), IsOk());
  EXPECT_THAT(picked.Data<float>().value(), ElementsAre(3, 4));
}

}  // namespace
}  // namespace kernels
}  // namespace ferry
