// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/test_layouts.h
// -----------------------------------------------------------------------------
//
// Tensors of one content in several layouts of memory, for tests of kernels.
//
// Example: test a kernel on every layout.
//
//   for (const TestLayout layout : kTestLayouts) {
//     const Tensor input = InLayout(Numbers<float>({1, 2, 3}, {3}), layout);
//     ...
//     EXPECT_THAT(ElementsOf<float>(result), ElementsAre(2, 4, 6));
//   }
#ifndef FERRY_AUTOGRAD_KERNELS_TEST_LAYOUTS_H_
#define FERRY_AUTOGRAD_KERNELS_TEST_LAYOUTS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/element_types.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/strided.h"
#include "ferry/core/tensor.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

enum class TestLayout {
  kRowMajor,
  kColumnMajor,  // the first dimension has the smallest stride
  kGaps,         // every second element of each dimension of a larger tensor
};
inline constexpr TestLayout kTestLayouts[] = {
    TestLayout::kRowMajor, TestLayout::kColumnMajor, TestLayout::kGaps};

// Returns a tensor of `shape` with uninitialised elements.
inline Tensor EmptyInLayout(absl::Span<const int64_t> shape, DType dtype,
                            TestLayout layout) {
  Dimensions strides(shape.size());
  int64_t extent = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t d =
        layout == TestLayout::kColumnMajor ? i : shape.size() - 1 - i;
    const int64_t gap = layout == TestLayout::kGaps ? 2 : 1;
    strides[d] = extent * gap;
    extent *= std::max<int64_t>(shape[d], 1) * gap;
  }
  absl::StatusOr<Tensor> memory = Zeros({extent}, TensorOptions().dtype(dtype));
  EXPECT_TRUE(memory.ok());
  absl::StatusOr<Tensor> view =
      Tensor::Create(memory->storage(), dtype, shape, strides, 0);
  EXPECT_TRUE(view.ok()) << view.status();
  return *view;
}

// Returns a copy of `tensor`.
inline Tensor InLayout(const Tensor& tensor, TestLayout layout) {
  const Tensor copy = EmptyInLayout(tensor.shape(), tensor.dtype(), layout);
  CopyStrided(tensor.data(), tensor.strides(), copy.data(), copy.strides(),
              tensor.shape(), ElementSizeBytes(tensor.dtype()));
  return copy;
}

// Returns the elements in row-major order.
template <typename T>
std::vector<T> ElementsOf(const Tensor& tensor) {
  EXPECT_EQ(tensor.dtype(), DTypeOf<T>::value);
  std::vector<T> elements;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    int64_t offset = 0;
    int64_t rest = i;
    for (int d = tensor.rank(); d-- > 0; rest /= tensor.shape()[d]) {
      offset += rest % tensor.shape()[d] * tensor.strides()[d];
    }
    T element;
    std::memcpy(&element,
                static_cast<const char*>(tensor.data()) + offset * sizeof(T),
                sizeof(T));
    elements.push_back(element);
  }
  return elements;
}

// Returns 0, 1, 2, ... as a row-major tensor of T.
template <typename T>
Tensor Counting(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  std::vector<T> elements;
  for (int64_t i = 0; i < count; ++i) elements.push_back(static_cast<T>(i));
  absl::StatusOr<Tensor> tensor = Tensor::FromData<T>(elements, shape);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return *tensor;
}

// Returns a row-major tensor.
template <typename T>
Tensor Numbers(absl::Span<const T> elements, absl::Span<const int64_t> shape) {
  absl::StatusOr<Tensor> tensor = Tensor::FromData<T>(elements, shape);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return *tensor;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_TEST_LAYOUTS_H_
