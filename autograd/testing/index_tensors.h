// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/testing/index_tensors.h
// -----------------------------------------------------------------------------
//
// Tensors, indices, and masks for tests of ops that choose elements, and the
// gradients that such tests compare.
//
// Example:
//
//   const Tensor x = Counting({3});
//   const auto y = Index(x, {Longs({1, 1})});
//   EXPECT_THAT(Elements(y), ElementsAre(1, 1));
//   EXPECT_THAT(SumGradient(y, x), ElementsAre(0, 2, 0));
#ifndef FERRY_AUTOGRAD_TESTING_INDEX_TENSORS_H_
#define FERRY_AUTOGRAD_TESTING_INDEX_TENSORS_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// Returns a leaf of float64 with the elements 0, 1, 2, ... in row-major order.
inline Tensor Counting(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const Tensor numbers =
      *Arange(0, count, 1, TensorOptions().dtype(DType::kFloat64));
  const Tensor leaf =
      *Tensor::Create(numbers.storage(), DType::kFloat64, shape);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

// Return indices: of any shape, or as a tensor of rank 1.
inline Tensor Longs(const std::vector<int64_t>& numbers,
                    const std::vector<int64_t>& shape) {
  return *Tensor::FromData(numbers, shape);
}
inline Tensor Longs(const std::vector<int64_t>& numbers) {
  return Longs(numbers, {static_cast<int64_t>(numbers.size())});
}

// Returns a mask.
inline Tensor Mask(std::initializer_list<bool> elements,
                   const std::vector<int64_t>& shape) {
  return *Tensor::FromData<bool>(elements, shape);
}

// Returns the gradient of the sum of `y` with respect to `x`. Keeps the graph.
inline std::vector<double> SumGradient(const absl::StatusOr<Tensor>& y,
                                       const Tensor& x) {
  EXPECT_THAT(y, IsOk());
  GradOptions options;
  options.retain_graph = true;
  const absl::StatusOr<std::vector<Tensor>> gradients =
      Grad(Sum(y), {x}, options);
  EXPECT_THAT(gradients, IsOk());
  return gradients.ok() ? Elements((*gradients)[0]) : std::vector<double>();
}

// Returns the gradient of the sum of the gradient of the sum of y^3, both with
// respect to `x`: shows that a derivative is differentiable in turn.
inline std::vector<double> SecondGradient(const absl::StatusOr<Tensor>& y,
                                          const Tensor& x) {
  GradOptions options;
  options.create_graph = true;
  const absl::StatusOr<std::vector<Tensor>> first =
      Grad(Sum(y * y * y), {x}, options);
  EXPECT_THAT(first, IsOk());
  return first.ok() ? SumGradient((*first)[0], x) : std::vector<double>();
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_TESTING_INDEX_TENSORS_H_
