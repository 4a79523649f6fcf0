// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/masking.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/autograd/kernels/test_layouts.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;

const Tensor& Mask() {
  static const auto* const mask = new Tensor(
      Numbers<bool>({true, false, false, true, true, false}, {2, 3}));
  return *mask;
}

TEST(MaskingTest, FillsInEveryLayout) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor from = InLayout(Counting<double>({2, 3}), layout);
    for (const TestLayout other : kTestLayouts) {
      const Tensor mask = InLayout(Mask(), other);
      const Tensor to = EmptyInLayout({2, 3}, DType::kFloat64, other);
      const double value = -1;
      MaskedFill(from, mask, &value, to);
      EXPECT_THAT(ElementsOf<double>(to), ElementsAre(-1, 1, 2, -1, -1, 5));
    }
  }
  const Tensor self = Counting<uint8_t>({2, 3});
  const uint8_t value = 9;
  MaskedFill(self,
             *strided::Expand(Numbers<bool>({false, true, false}, {3}), {2, 3}),
             &value, self);
  EXPECT_THAT(ElementsOf<uint8_t>(self), ElementsAre(0, 9, 2, 3, 9, 5));
}

TEST(MaskingTest, EveryByteButZeroIsTrue) {
  const Tensor bytes = Numbers<uint8_t>({0, 2, 255, 1}, {4});
  const absl::StatusOr<Tensor> mask =
      Tensor::Create(bytes.storage(), DType::kBool, {4});
  ASSERT_THAT(mask, IsOk());
  EXPECT_THAT(ElementsOf<uint8_t>(*MaskedSelect(bytes, *mask)),
              ElementsAre(2, 255, 1));
  EXPECT_THAT(ElementsOf<int64_t>(*NonZero(*mask)), ElementsAre(1, 2, 3));
  const uint8_t value = 7;
  const Tensor to = Counting<uint8_t>({4});
  MaskedFill(to, *mask, &value, to);
  EXPECT_THAT(ElementsOf<uint8_t>(to), ElementsAre(0, 7, 7, 7));
}

TEST(MaskingTest, SelectsScattersAndFindsInRowMajorOrder) {
  for (const TestLayout layout : kTestLayouts) {
    const Tensor from = InLayout(Counting<float>({2, 3}), layout);
    const Tensor mask = InLayout(Mask(), layout);
    EXPECT_THAT(ElementsOf<float>(*MaskedSelect(from, mask)),
                ElementsAre(0, 3, 4));
    const absl::StatusOr<Tensor> indices = NonZero(mask);
    ASSERT_THAT(indices, IsOk());
    EXPECT_THAT(indices->shape(), ElementsAre(3, 2));
    EXPECT_THAT(ElementsOf<int64_t>(*indices), ElementsAre(0, 0, 1, 0, 1, 1));
    const Tensor source =
        InLayout(Numbers<float>({10, 20, 30, 40}, {2, 2}), layout);
    EXPECT_THAT(ElementsOf<float>(*MaskedScatter(from, mask, source)),
                ElementsAre(10, 1, 2, 20, 30, 5));
  }
  EXPECT_THAT(
      MaskedScatter(Counting<float>({2, 3}), Mask(), Counting<float>({2})),
      StatusIs(StatusCode::kInvalidArgument,
               "the mask chooses 3 elements, but the source has only 2"));
}

TEST(MaskingTest, EmptyAndScalar) {
  const Tensor none = *Zeros({2, 0}, TensorOptions().dtype(DType::kBool));
  EXPECT_THAT(MaskedSelect(*Zeros({2, 0}), none)->shape(), ElementsAre(0));
  EXPECT_THAT(NonZero(none)->shape(), ElementsAre(0, 2));
  EXPECT_THAT(MaskedScatter(*Zeros({2, 0}), none, *Zeros({0}))->shape(),
              ElementsAre(2, 0));
  const float value = 1;
  MaskedFill(*Zeros({2, 0}), none, &value, *Zeros({2, 0}));
  const Tensor yes = *Full({}, true);
  EXPECT_THAT(NonZero(yes)->shape(), ElementsAre(1, 0));
  EXPECT_THAT(NonZero(*Full({}, false))->shape(), ElementsAre(0, 0));
  EXPECT_THAT(ElementsOf<float>(*MaskedSelect(*Full({}, 3.0), yes)),
              ElementsAre(3));
  EXPECT_THAT(ElementsOf<float>(*MaskedSelect(*Ones({2}), *Full({2}, false))),
              IsEmpty());
}

TEST(MaskingTest, AnyNumberOfThreads) {
  constexpr int64_t kCount = 200003;
  const int before = GetNumThreads();
  const Tensor from = Counting<int64_t>({kCount});
  const Tensor mask = *Zeros({kCount}, TensorOptions().dtype(DType::kBool));
  std::vector<int64_t> chosen;
  std::vector<int64_t> scattered;
  for (int64_t i = 0; i < kCount; ++i) {
    const bool is_true = i % 7 == 3 || i % 1000 < 300;
    static_cast<bool*>(mask.data())[i] = is_true;
    scattered.push_back(is_true ? static_cast<int64_t>(chosen.size()) : i);
    if (is_true) chosen.push_back(i);
  }
  for (const int threads : {1, 2, 8}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    EXPECT_EQ(ElementsOf<int64_t>(*MaskedSelect(from, mask)), chosen);
    EXPECT_EQ(ElementsOf<int64_t>(*NonZero(mask)), chosen);
    EXPECT_EQ(ElementsOf<int64_t>(*MaskedScatter(from, mask, from)), scattered);
  }
  ASSERT_THAT(SetNumThreads(before), IsOk());
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
