// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided_views.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// 0, 1, 2, ... of `shape`.
Tensor Counting(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<int32_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  absl::StatusOr<Tensor> tensor = Tensor::FromData(numbers, shape);
  EXPECT_THAT(tensor, IsOk());
  return *tensor;
}

// The elements in row-major order.
std::vector<int32_t> Elements(const Tensor& tensor) {
  std::vector<int32_t> elements;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    int64_t offset = 0;
    int64_t rest = i;
    for (int d = tensor.rank(); d-- > 0; rest /= tensor.shape()[d]) {
      offset += rest % tensor.shape()[d] * tensor.strides()[d];
    }
    elements.push_back(static_cast<const int32_t*>(tensor.data())[offset]);
  }
  return elements;
}

TEST(StridedViewsTest, NarrowAndSelect) {
  const Tensor t = Counting({3, 4});
  EXPECT_THAT(Elements(*strided::Narrow(t, 0, 1, 2)),
              ElementsAre(4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(Elements(*strided::Narrow(t, -1, -3, 1)), ElementsAre(1, 5, 9));
  EXPECT_THAT(strided::Narrow(t, 0, 3, 0)->shape(), ElementsAre(0, 4));
  EXPECT_THAT(strided::Narrow(t, 0, 2, 2),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("which has 3")));
  EXPECT_THAT(strided::Narrow(t, 0, -4, 1), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Narrow(t, 0, 1, -1), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Narrow(t, 0, 1, INT64_MAX),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Narrow(t, 2, 0, 1),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("dimension 2")));

  const Tensor row = *strided::Select(t, 0, -1);
  EXPECT_THAT(row.shape(), ElementsAre(4));
  EXPECT_THAT(Elements(row), ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(Elements(*strided::Select(row, 0, 2)), ElementsAre(10));
  EXPECT_THAT(strided::Select(t, 1, 4), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Select(t, 1, INT64_MIN),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Select(*strided::Select(row, 0, 0), 0, 0),
              StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Select(Counting({5, 0}), 0, 4)->shape(), ElementsAre(0));
}

TEST(StridedViewsTest, SliceAsPython) {
  const Tensor t = Counting({10});
  EXPECT_THAT(Elements(*strided::Slice(t, 0, 1, 8, 3)), ElementsAre(1, 4, 7));
  EXPECT_THAT(Elements(*strided::Slice(t, 0, -3)), ElementsAre(7, 8, 9));
  EXPECT_THAT(Elements(*strided::Slice(t, 0, -100, -8)), ElementsAre(0, 1));
  EXPECT_THAT(Elements(*strided::Slice(t, 0, 5, 5)), IsEmpty());
  EXPECT_THAT(Elements(*strided::Slice(t, 0, 7, 2)), IsEmpty());
  EXPECT_THAT(Elements(*strided::Slice(t, 0, 99)), IsEmpty());
  EXPECT_THAT(Elements(*strided::Slice(t, 0, 9, strided::kToTheEnd, INT64_MAX)),
              ElementsAre(9));
  EXPECT_THAT(strided::Slice(t, 0, 0, 10, 0),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("step")));
  EXPECT_THAT(strided::Slice(t, 0, 0, 10, -1),
              StatusIs(StatusCode::kInvalidArgument));
}

// As torch.zeros(6)[::4][2:] has, or further on.
TEST(StridedViewsTest, OfATensorWithoutElementsPastTheEnd) {
  const Tensor t = *Tensor::Create(Counting({6}).storage(), DType::kInt32,
                                   {0, 3}, {INT64_MAX, 1}, INT64_MAX);
  for (const absl::StatusOr<Tensor>& view :
       {strided::Narrow(t, 1, 1, 2), strided::Select(t, 1, 2),
        strided::Slice(t, 1, 1, 3, 2), strided::Slice(t, 0, 5),
        strided::Transpose(t, 0, 1), strided::Expand(t, {2, 0, 3}),
        strided::Reshape(t, {5, 0})}) {
    ASSERT_THAT(view, IsOk());
    EXPECT_EQ(view->num_elements(), 0);
    EXPECT_EQ(view->data(), t.storage().data());
  }
}

TEST(StridedViewsTest, TransposeAndPermute) {
  const Tensor t = Counting({2, 3});
  EXPECT_THAT(Elements(*strided::Transpose(t, 0, 1)),
              ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(Elements(*strided::Transpose(t, -1, 1)),
              ElementsAre(0, 1, 2, 3, 4, 5));
  const Tensor p = *strided::Permute(Counting({2, 3, 4}), {2, 0, -2});
  EXPECT_THAT(p.shape(), ElementsAre(4, 2, 3));
  EXPECT_THAT(p.strides(), ElementsAre(1, 12, 4));
  EXPECT_THAT(strided::Permute(t, {0}), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(strided::Permute(t, {0, -2}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("twice")));
  EXPECT_THAT(strided::Permute(t, {0, 2}), StatusIs(StatusCode::kOutOfRange));
  EXPECT_THAT(strided::Permute(Counting({}), {}), IsOk());
}

TEST(StridedViewsTest, Expand) {
  const Tensor t = Counting({2, 1});
  EXPECT_THAT(Elements(*strided::Expand(t, {2, 3})),
              ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_THAT(Elements(*strided::Expand(t, {2, -1, 2})),
              ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
  EXPECT_THAT(strided::Expand(t, {0, 2, 0})->num_elements(), 0);
  EXPECT_THAT(Elements(*strided::Expand(Counting({}), {3})),
              ElementsAre(0, 0, 0));
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {3, 1}, {2}, {-1, 2, 1}, {2, -2}, {1, 1}, {0, 1}}) {
    EXPECT_THAT(strided::Expand(t, shape),
                StatusIs(StatusCode::kInvalidArgument))
        << testing::PrintToString(shape);
  }
}

TEST(StridedViewsTest, Reshape) {
  const Tensor t = Counting({2, 3, 4});
  EXPECT_THAT(strided::Reshape(t, {6, -1})->strides(), ElementsAre(4, 1));
  EXPECT_THAT(strided::Reshape(t, {}).status(),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(strided::Reshape(Counting({1, 1}), {})->rank(), 0);
  EXPECT_THAT(strided::Reshape(Counting({}), {1, -1})->shape(),
              ElementsAre(1, 1));
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {5, -1}, {-1, -1}, {24, -2}, {23}, {0, -1}, {INT64_MAX, 2, -1}}) {
    EXPECT_THAT(strided::Reshape(t, shape),
                StatusIs(StatusCode::kInvalidArgument))
        << testing::PrintToString(shape);
  }
  // A transposed tensor can be divided, but not joined.
  const Tensor transposed = *strided::Transpose(t, 0, 2);  // 4, 3, 2
  EXPECT_THAT(strided::Reshape(transposed, {2, 2, 3, 1, 2})->strides(),
              ElementsAre(2, 1, 4, 24, 12));
  EXPECT_THAT(strided::Reshape(transposed, {12, 2}),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("strided::Contiguous")));
  EXPECT_THAT(
      strided::Reshape(*strided::Expand(Counting({1}), {6}), {2, 3})->strides(),
      ElementsAre(0, 0));
  EXPECT_THAT(strided::Reshape(Counting({3, 0}), {0, 7})->shape(),
              ElementsAre(0, 7));
}

TEST(StridedViewsTest, ShareTheStorageAndKeepTheBits) {
  const Tensor t = *Tensor::FromData<float>({1, 2, 3, 4}, {4});
  ASSERT_THAT(t.SetRequiresGrad(true), IsOk());
  t.set_neg(true, InternalKey());
  const Tensor view = *strided::Narrow(t, 0, 2, 1);
  EXPECT_EQ(view.storage(), t.storage());
  EXPECT_TRUE(view.is_neg());
  EXPECT_FALSE(view.requires_grad());
}

TEST(StridedViewsTest, RefusesWhatHasNoStrides) {
  EXPECT_THAT(strided::Narrow(Tensor(), 0, 0, 0),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("null")));
  const Tensor sparse = Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, {2}, {Counting({1})});
  EXPECT_THAT(strided::Transpose(sparse, 0, 0),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("sparse_coo")));
  const Tensor packed =
      *Tensor::Create(*Storage::Allocate(2), DType::kQUInt4x2, {4});
  EXPECT_THAT(strided::Select(packed, 0, 0),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("quint4x2")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
