// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/testing/test_tensors.h
// -----------------------------------------------------------------------------
//
// Small tensors for tests of gradients.
//
// Example:
//
//   const Tensor x = Leaf({1, 2});
//   ASSERT_THAT(Backward(Sum(x * x)), IsOk());
//   EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 4));
#ifndef FERRY_AUTOGRAD_TESTING_TEST_TENSORS_H_
#define FERRY_AUTOGRAD_TESTING_TEST_TENSORS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// Returns a float64 tensor of rank 1.
inline Tensor Constant(const std::vector<double>& elements) {
  return *Tensor::FromData(elements, {static_cast<int64_t>(elements.size())});
}

// The same, and requires a gradient.
inline Tensor Leaf(const std::vector<double>& elements) {
  Tensor leaf = Constant(elements);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

// Returns the elements in row-major order. A null tensor fails the test.
inline std::vector<double> Elements(const Tensor& tensor) {
  EXPECT_FALSE(tensor.is_null());
  if (tensor.is_null()) return {};
  const auto cast = strided::Cast(tensor, DType::kFloat64);
  EXPECT_THAT(cast, IsOk());
  if (!cast.ok()) return {};
  const auto contiguous = strided::Contiguous(*cast);
  EXPECT_THAT(contiguous, IsOk());
  if (!contiguous.ok()) return {};
  const absl::StatusOr<absl::Span<double>> elements =
      contiguous->Data<double>();
  EXPECT_THAT(elements, IsOk());
  if (!elements.ok()) return {};
  return std::vector<double>(elements->begin(), elements->end());
}

inline std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  return tensor.ok() ? Elements(*tensor) : std::vector<double>();
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_TESTING_TEST_TENSORS_H_
