// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided_copies.h"

#include <complex>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_views.h"
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

// The elements in row-major order.
template <typename T>
std::vector<T> Elements(const Tensor& tensor) {
  std::vector<T> elements;
  EXPECT_THAT(ForEachElement<T>(
                  tensor, [&](T element) { elements.push_back(element); }),
              IsOk());
  return elements;
}

Tensor Counting(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return *strided::Reshape(*Arange(0, count), shape);
}

TEST(StridedCopiesTest, ContiguousSharesWhereItCan) {
  const Tensor t = Counting({2, 3});
  EXPECT_EQ(strided::Contiguous(t)->storage(), t.storage());
  const Tensor transposed = *strided::Transpose(t, 0, 1);
  const Tensor copy = *strided::Contiguous(transposed);
  EXPECT_NE(copy.storage(), t.storage());
  EXPECT_THAT(*copy.Data<int64_t>(), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(StridedCopiesTest, CloneKeepsDenseStrides) {
  const Tensor t = Counting({2, 3});
  const Tensor transposed = *strided::Transpose(t, 0, 1);
  const Tensor clone = *strided::Clone(transposed);
  EXPECT_NE(clone.storage(), t.storage());
  EXPECT_THAT(clone.strides(), ElementsAre(1, 3));
  EXPECT_EQ(Elements<int64_t>(clone), Elements<int64_t>(transposed));
  const Tensor gaps = *strided::Slice(t, 1, 0, strided::kToTheEnd, 2);
  EXPECT_THAT(strided::Clone(gaps)->strides(), ElementsAre(2, 1));
  EXPECT_THAT(Elements<int64_t>(*strided::Clone(gaps)),
              ElementsAre(0, 2, 3, 5));
  const Tensor repeated = *strided::Expand(Counting({1, 2}), {2, 2});
  EXPECT_THAT(strided::Clone(repeated)->strides(), ElementsAre(2, 1));
  EXPECT_EQ(strided::Clone(*Zeros({0, 3}))->num_elements(), 0);
}

TEST(StridedCopiesTest, ResultsHaveNoGradient) {
  const Tensor t = *Zeros({2, 2}, TensorOptions().requires_grad(true));
  EXPECT_FALSE(strided::Contiguous(t)->requires_grad());
  EXPECT_FALSE(strided::Clone(t)->requires_grad());
  EXPECT_FALSE(strided::Cast(t, t.dtype())->requires_grad());
  EXPECT_FALSE(strided::Cast(t, DType::kFloat64)->requires_grad());
}

TEST(StridedCopiesTest, ATensorWithoutElementsMayBeginAnywhere) {
  const Storage storage = *Storage::Allocate(8);
  const Tensor t = *Tensor::Create(storage, DType::kFloat32, {0, 3},
                                   {INT64_MAX, 1}, INT64_MAX);
  for (const absl::StatusOr<Tensor>& copy :
       {strided::Contiguous(t), strided::Clone(t),
        strided::Cast(t, DType::kFloat64)}) {
    ASSERT_THAT(copy, IsOk());
    EXPECT_EQ(copy->num_elements(), 0);
  }
  EXPECT_THAT(strided::CopyInto(t, t), IsOk());
  EXPECT_THAT(ForEachElement<float>(t, [](float) { FAIL(); }), IsOk());
}

TEST(StridedCopiesTest, ConjAndNegAreResolved) {
  const std::vector<std::complex<float>> numbers = {{1, 2}, {3, -4}};
  const Tensor t = *Tensor::FromData(numbers, {2});
  t.set_conj(true, InternalKey());
  for (const Tensor& copy : {*strided::Contiguous(t), *strided::Clone(t),
                             *strided::Cast(t, DType::kComplex64)}) {
    EXPECT_FALSE(copy.is_conj());
    EXPECT_THAT(
        *copy.Data<std::complex<float>>(),
        ElementsAre(std::complex<float>(1, -2), std::complex<float>(3, 4)));
  }
  const Tensor n = *Tensor::FromData<float>({1, 2}, {2});
  n.set_neg(true, InternalKey());
  EXPECT_THAT(*strided::Cast(n, DType::kInt32)->Data<int32_t>(),
              ElementsAre(-1, -2));
  // A target's own flags apply to what is read from it.
  ASSERT_THAT(strided::CopyInto(*Tensor::FromData<float>({5, -6}, {2}), n),
              IsOk());
  EXPECT_EQ(static_cast<const float*>(n.data())[0], -5);
  EXPECT_THAT(Elements<float>(n), ElementsAre(5, -6));
}

// What is read from the target afterwards is what was copied, whatever the
// dtypes. The flags of a target apply after the cast.
TEST(StridedCopiesTest, CastsIntoATargetWithFlags) {
  const Tensor conj = *Zeros({2}, TensorOptions().dtype(DType::kComplex64));
  conj.set_conj(true, InternalKey());
  ASSERT_THAT(strided::CopyInto(*Tensor::FromData<float>({1, 2}, {2}), conj),
              IsOk());
  EXPECT_THAT(
      Elements<std::complex<float>>(conj),
      ElementsAre(std::complex<float>(1, 0), std::complex<float>(2, 0)));
  const Tensor neg = *Zeros({3});
  neg.set_neg(true, InternalKey());
  ASSERT_THAT(
      strided::CopyInto(*Tensor::FromData<uint8_t>({5, 0, 200}, {3}), neg),
      IsOk());
  EXPECT_THAT(Elements<float>(neg), ElementsAre(5, 0, 200));
  ASSERT_THAT(
      strided::CopyInto(*Tensor::FromData<int8_t>({-128, 1, 0}, {3}), neg),
      IsOk());
  EXPECT_THAT(Elements<float>(neg), ElementsAre(-128, 1, 0));
  const Tensor flag = *Zeros({3}, TensorOptions().dtype(DType::kBool));
  flag.set_neg(true, InternalKey());
  EXPECT_THAT(strided::CopyInto(neg, flag),
              StatusIs(StatusCode::kUnimplemented));
}

// Every order of the dimensions on both sides, tiles that are whole and cut,
// and enough elements for several threads.
TEST(StridedCopiesTest, CastsAsElementByElement) {
  const std::vector<std::vector<int64_t>> shapes = {
      {}, {5}, {3, 1000}, {1000, 3}, {65, 130}, {40, 50, 60}};
  for (const std::vector<int64_t>& shape : shapes) {
    const int64_t rank = static_cast<int64_t>(shape.size());
    const Tensor numbers = Counting(shape);
    std::vector<Tensor> views = {numbers};
    for (int64_t i = 0; i < rank; ++i) {
      for (int64_t j = 0; j < i; ++j) {
        // Transposed in memory, of the same shape.
        views.push_back(*strided::Transpose(
            *strided::Contiguous(*strided::Transpose(numbers, i, j)), i, j));
      }
    }
    if (rank > 0) {
      std::vector<int64_t> wide = shape;
      wide.back() *= 2;
      const Tensor padded = *Zeros(wide, TensorOptions().dtype(DType::kInt64));
      views.push_back(*strided::Slice(padded, -1, 1, strided::kToTheEnd, 2));
      ASSERT_THAT(strided::CopyInto(numbers, views.back()), IsOk());
    }
    const std::vector<int64_t> wanted = Elements<int64_t>(numbers);
    for (const Tensor& from : views) {
      EXPECT_EQ(Elements<int64_t>(from), wanted);
      const Tensor cast = *strided::Cast(from, DType::kFloat64);
      const std::vector<double> doubles = Elements<double>(cast);
      EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), doubles.begin(),
                             doubles.end()));
      for (const Tensor& like : views) {
        const Tensor to = *strided::Cast(like, DType::kInt32);
        ASSERT_THAT(strided::CopyInto(
                        *Zeros({}, TensorOptions().dtype(DType::kInt8)), to),
                    IsOk());
        ASSERT_THAT(strided::CopyInto(cast, to), IsOk());
        const std::vector<int32_t> ints = Elements<int32_t>(to);
        ASSERT_TRUE(
            std::equal(wanted.begin(), wanted.end(), ints.begin(), ints.end()))
            << testing::PrintToString(shape);
      }
    }
  }
}

TEST(StridedCopiesTest, CopyIntoExpandsAndCounts) {
  const Tensor to = *Zeros({2, 3}, TensorOptions().dtype(DType::kInt16));
  const uint32_t version = to.storage().version();
  ASSERT_THAT(strided::CopyInto(*Tensor::FromData<float>({1, 2, 3}, {3}), to),
              IsOk());
  EXPECT_THAT(*to.Data<int16_t>(), ElementsAre(1, 2, 3, 1, 2, 3));
  EXPECT_EQ(to.storage().version(), version + 1);
  EXPECT_THAT(strided::CopyInto(*Zeros({2}), to),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(strided::CopyInto(*Zeros({2, 2, 3}), to),
              StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(
      strided::CopyInto(*Zeros({1}), *strided::Expand(*Zeros({1}), {2})),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("share memory")));
  EXPECT_EQ(to.storage().version(), version + 1);
}

// A tensor is transposed, and moved by one, within its own storage.
TEST(StridedCopiesTest, CopyIntoWithinOneStorage) {
  const Tensor square = Counting({3, 3});
  ASSERT_THAT(strided::CopyInto(*strided::Transpose(square, 0, 1), square),
              IsOk());
  EXPECT_THAT(*square.Data<int64_t>(), ElementsAre(0, 3, 6, 1, 4, 7, 2, 5, 8));
  const Tensor line = Counting({6});
  ASSERT_THAT(strided::CopyInto(*strided::Narrow(line, 0, 0, 5),
                                *strided::Narrow(line, 0, 1, 5)),
              IsOk());
  EXPECT_THAT(*line.Data<int64_t>(), ElementsAre(0, 0, 1, 2, 3, 4));
}

// Two storages over the same memory.
TEST(StridedCopiesTest, CopyIntoWithinTheSameMemory) {
  std::vector<int32_t> numbers = {0, 1, 2, 3, 4, 5};
  const auto over = [&numbers](size_t first) {
    return *Tensor::Create(
        Storage::FromMemory(Device("cpu"), Memory{&numbers[first], nullptr},
                            20),
        DType::kInt32, {5});
  };
  ASSERT_THAT(strided::CopyInto(over(0), over(1)), IsOk());
  EXPECT_THAT(numbers, ElementsAre(0, 0, 1, 2, 3, 4));
}

TEST(StridedCopiesTest, RefusesToRepeatForHours) {
  const Tensor endless = *Tensor::Create(*Storage::Allocate(4), DType::kFloat32,
                                         {int64_t{1} << 40}, {0}, 0);
  EXPECT_THAT(strided::Contiguous(endless),
              StatusIs(StatusCode::kResourceExhausted));
  EXPECT_THAT(strided::Clone(endless),
              StatusIs(StatusCode::kResourceExhausted));
  EXPECT_THAT(strided::Cast(endless, DType::kInt8),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST(StridedCopiesTest, RefusesWhatItCannotRead) {
  EXPECT_THAT(strided::Clone(Tensor()), StatusIs(StatusCode::kInvalidArgument));
  const Tensor unread =
      *Tensor::Create(Storage::Described(8, "cpu"), DType::kFloat32, {2});
  EXPECT_THAT(strided::Clone(unread), StatusIs(StatusCode::kFailedPrecondition,
                                               HasSubstr("Checkpoint::Load")));
  const Tensor meta = *Tensor::Create(
      Storage::FromMemory(Device("meta"), Memory(), 8), DType::kFloat32, {2});
  EXPECT_THAT(strided::Cast(meta, DType::kFloat64),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("on meta")));
  const Tensor quantized =
      *Tensor::Create(*Storage::Allocate(2), DType::kQInt8, {2});
  EXPECT_THAT(strided::Clone(quantized), IsOk());
  EXPECT_THAT(strided::Cast(quantized, DType::kFloat32),
              StatusIs(StatusCode::kUnimplemented));
  const Tensor packed =
      *Tensor::Create(*Storage::Allocate(2), DType::kQUInt4x2, {4});
  EXPECT_THAT(strided::Contiguous(packed),
              StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
