// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/tensor_rules.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Shape = std::vector<int64_t>;

template <typename T>
Tensor Of(std::vector<T> elements, const Shape& shape) {
  return *Tensor::FromData(absl::MakeConstSpan(elements), shape);
}
Tensor Longs(std::vector<int64_t> elements, const Shape& shape) {
  return Of(elements, shape);
}
Tensor Floats(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return Of(std::vector<float>(count), shape);
}

Tensor Sparse(Layout layout, const Shape& shape,
              const std::vector<Tensor>& components) {
  return Tensor::CreateComposite(layout, DType::kFloat32, shape, components);
}

absl::StatusCode Check(const Tensor& tensor) {
  const absl::Status status = CheckComponents(tensor);
  return status.ok() ? CheckIndices(tensor).code() : status.code();
}

constexpr absl::StatusCode kOk = absl::StatusCode::kOk;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CheckFlags, GradientsAreOfNumbersThatHaveThem) {
  for (const DType dtype : AllDTypes()) {
    const DTypeCategory category = Category(dtype);
    const bool is_real_or_complex = category == DTypeCategory::kFloat ||
                                    category == DTypeCategory::kComplex;
    const Tensor tensor = *Tensor::Create(*Storage::Allocate(16), dtype, {1});
    EXPECT_THAT(CheckFlags(tensor), IsOk());
    tensor.set_requires_grad(true, InternalKey());
    EXPECT_EQ(CheckFlags(tensor).ok(), is_real_or_complex) << Name(dtype);
    tensor.set_requires_grad(false, InternalKey());
    tensor.set_conj(true, InternalKey());
    EXPECT_EQ(CheckFlags(tensor).ok(), category == DTypeCategory::kComplex)
        << Name(dtype);
    tensor.set_conj(false, InternalKey());
    tensor.set_neg(true, InternalKey());
    EXPECT_THAT(CheckFlags(tensor), IsOk()) << Name(dtype);
  }
}

TEST(CheckComponents, Coo) {
  const auto check = [](const Shape& shape, std::vector<Tensor> components) {
    return Check(Sparse(Layout::kSparseCoo, shape, components));
  };
  const Tensor two = Longs({0, 2}, {1, 2});
  EXPECT_EQ(check({3}, {two, Floats({2})}), kOk);
  EXPECT_EQ(check({3, 4}, {two, Floats({2, 4})}), kOk);  // dense rows
  EXPECT_EQ(check({3, 3}, {Longs({0, 1, 2, 0}, {2, 2}), Floats({2})}), kOk);
  EXPECT_EQ(check({3}, {Longs({}, {1, 0}), Floats({0})}), kOk);
  EXPECT_EQ(check({}, {Longs({}, {0, 1}), Floats({1})}), kOk);

  EXPECT_EQ(check({2}, {two, Floats({2})}), kInvalid);  // the index 2
  EXPECT_EQ(check({3}, {Longs({-1, 0}, {1, 2}), Floats({2})}), kInvalid);
  EXPECT_EQ(check({3}, {two, Floats({3})}), kInvalid);
  EXPECT_EQ(check({3, 4}, {two, Floats({2})}), kInvalid);
  EXPECT_EQ(check({3, 4}, {two, Floats({2, 5})}), kInvalid);
  EXPECT_EQ(check({3}, {Longs({0, 2}, {2}), Floats({2})}), kInvalid);
  EXPECT_EQ(check({3}, {Of(std::vector<int32_t>{0, 2}, {1, 2}), Floats({2})}),
            kInvalid);
  EXPECT_EQ(check({3}, {two, Longs({1, 2}, {2})}), kInvalid);  // other dtype
  EXPECT_EQ(check({3}, {two}), kInvalid);
  EXPECT_EQ(check({3}, {two, Tensor()}), kInvalid);
  EXPECT_EQ(check({-3}, {two, Floats({2})}), kInvalid);
  EXPECT_EQ(
      check({3}, {two, Sparse(Layout::kSparseCoo, {3}, {two, Floats({2})})}),
      kInvalid);
  // A rank that no sum may be made with.
  const Tensor huge = *Tensor::Create(*Storage::Allocate(8), DType::kInt64,
                                      {INT64_MAX, 0}, {0, 0}, 0);
  EXPECT_EQ(check({3}, {huge, Floats({0})}), kInvalid);
}

TEST(CheckComponents, Compressed) {
  // [[1, 0, 2], [0, 0, 0]] by rows, and by columns.
  const auto rows = [](std::vector<int64_t> ends, std::vector<int64_t> within,
                       const Shape& shape = {2, 3}) {
    const auto count = static_cast<int64_t>(within.size());
    const auto num_ends = static_cast<int64_t>(ends.size());
    return Check(Sparse(
        Layout::kSparseCsr, shape,
        {Longs(ends, {num_ends}), Longs(within, {count}), Floats({count})}));
  };
  EXPECT_EQ(rows({0, 2, 2}, {0, 2}), kOk);
  EXPECT_EQ(rows({0, 0, 0}, {}), kOk);
  EXPECT_EQ(Check(Sparse(
                Layout::kSparseCsc, {2, 3},
                {Longs({0, 1, 1, 2}, {4}), Longs({0, 0}, {2}), Floats({2})})),
            kOk);
  EXPECT_EQ(rows({0, 2}, {0, 2}), kInvalid);     // too few rows
  EXPECT_EQ(rows({1, 2, 2}, {0, 2}), kInvalid);  // not from 0
  EXPECT_EQ(rows({0, 2, 1}, {0, 2}), kInvalid);  // not to the end
  EXPECT_EQ(rows({0, 3, 2}, {0, 2}), kInvalid);  // past the end meanwhile
  EXPECT_EQ(rows({0, -1, 2}, {0, 2}), kInvalid);
  EXPECT_EQ(rows({0, 1, INT64_MIN, 2}, {0, 2}, {3, 3}), kInvalid);
  EXPECT_EQ(rows({0, INT64_MAX, 2}, {0, 2}), kInvalid);
  EXPECT_EQ(rows({0, 2, 2}, {2, 0}), kInvalid);  // not sorted
  EXPECT_EQ(rows({0, 2, 2}, {0, 0}), kInvalid);  // twice
  EXPECT_EQ(rows({0, 2, 2}, {0, 3}), kInvalid);  // outside
  EXPECT_EQ(rows({0, 2, 2}, {-1, 2}), kInvalid);
  EXPECT_EQ(rows({0, 2, 2}, {0, 2}, {2}), kInvalid);
  EXPECT_EQ(rows({0, 2, 2}, {0, 2}, {2, -3}), kInvalid);
  // Two kinds of indices.
  EXPECT_EQ(Check(Sparse(Layout::kSparseCsr, {1, 2},
                         {Longs({0, 1}, {2}), Of(std::vector<int32_t>{0}, {1}),
                          Floats({1})})),
            kInvalid);
  EXPECT_EQ(Check(Sparse(Layout::kSparseCsr, {1, 2},
                         {Of(std::vector<int32_t>{0, 1}, {2}),
                          Of(std::vector<int32_t>{1}, {1}), Floats({1})})),
            kOk);
  // A batch of two.
  EXPECT_EQ(Check(Sparse(Layout::kSparseCsr, {2, 1, 2},
                         {Longs({0, 1, 0, 1}, {2, 2}), Longs({0, 1}, {2, 1}),
                          Floats({2, 1})})),
            kOk);
  EXPECT_EQ(Check(Sparse(Layout::kSparseCsr, {3, 1, 2},
                         {Longs({0, 1, 0, 1}, {2, 2}), Longs({0, 1}, {2, 1}),
                          Floats({2, 1})})),
            kInvalid);
}

TEST(CheckComponents, Blocks) {
  // Blocks of 2 x 3 in a matrix of 4 x 6.
  const auto blocks = [](Layout layout, const Shape& shape,
                         const Shape& block) {
    return Check(Sparse(layout, shape,
                        {Longs({0, 1, 2}, {3}), Longs({0, 1}, {2}),
                         Floats({2, block[0], block[1]})}));
  };
  EXPECT_EQ(blocks(Layout::kSparseBsr, {4, 6}, {2, 3}), kOk);
  EXPECT_EQ(blocks(Layout::kSparseBsc, {4, 6}, {2, 3}), kOk);
  EXPECT_EQ(blocks(Layout::kSparseBsr, {4, 6}, {2, 0}), kInvalid);
  EXPECT_EQ(blocks(Layout::kSparseBsr, {4, 6}, {4, 3}), kInvalid);
  EXPECT_EQ(blocks(Layout::kSparseBsr, {4, 7}, {2, 3}), kInvalid);
  EXPECT_EQ(blocks(Layout::kSparseBsr, {4, 3}, {2, 3}), kInvalid);  // column 1
}

TEST(CheckComponents, OtherLayoutsAreNotKnown) {
  for (const Layout layout :
       {Layout::kStrided, Layout::kJagged, Layout::kMkldnn}) {
    EXPECT_EQ(CheckComponents(Sparse(layout, {3}, {Floats({3})})).code(),
              absl::StatusCode::kUnimplemented);
  }
}

TEST(CheckIndices, WhatIsNotInMemoryPasses) {
  const Tensor described =
      *Tensor::Create(Storage::Described(16, "cpu"), DType::kInt64, {1, 2});
  const Tensor tensor =
      Sparse(Layout::kSparseCoo, {3}, {described, Floats({2})});
  EXPECT_EQ(Check(tensor), kOk);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
