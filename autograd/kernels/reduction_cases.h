// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/reduction_cases.h
// -----------------------------------------------------------------------------
//
// Tensors that take every path of a reduction, and plain loops, for tests.
//
// Example: compare a reduction with a plain loop.
//
//   for (const Case& c : Cases()) {
//     const Tensor x = RandomTensor(c.view, DType::kFloat64, 1);
//     const Tensor out = MakeOut(x, c.dims, DType::kFloat64);
//     ASSERT_THAT(Sum(x, out), IsOk());
//     EXPECT_EQ(Elements(out), Reference(x, out, SumOf)) << Describe(...);
//   }
#ifndef FERRY_AUTOGRAD_KERNELS_REDUCTION_CASES_H_
#define FERRY_AUTOGRAD_KERNELS_REDUCTION_CASES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// A shape, and the strides of its elements.
struct View {
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

// Returns a tensor whose elements are `values` in the order of memory.
inline Tensor MakeTensor(const std::vector<double>& values, DType dtype,
                         const View& view) {
  Storage storage =
      Storage::Allocate(values.size() * ElementSizeBytes(dtype)).value();
  CastElements(values.data(), DType::kFloat64, storage.data(), dtype,
               static_cast<int64_t>(values.size()));
  return Tensor::Create(storage, dtype, view.shape, view.strides, 0).value();
}

// Does the same for a row-major tensor.
inline Tensor MakeContiguous(const std::vector<double>& values, DType dtype,
                             const std::vector<int64_t>& shape) {
  const Dimensions strides = ContiguousStrides(shape);
  return MakeTensor(values, dtype, {shape, {strides.begin(), strides.end()}});
}

// Returns a tensor for the reduction of `x` along dimensions.
inline Tensor MakeOut(const Tensor& x, const std::vector<int>& dims,
                      DType dtype) {
  std::vector<int64_t> shape(x.shape().begin(), x.shape().end());
  for (int dim : dims) shape[dim] = 1;
  const int64_t count = NumElements(shape).value();
  return MakeContiguous(std::vector<double>(count, -99), dtype, shape);
}

// Returns the elements in row-major order.
inline std::vector<double> Elements(const Tensor& tensor) {
  std::vector<double> values(tensor.num_elements());
  const Dimensions index_strides = ContiguousStrides(tensor.shape());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    int64_t offset = 0;
    for (int d = 0; d < tensor.rank(); ++d) {
      offset += i / index_strides[d] % tensor.shape()[d] * tensor.strides()[d];
    }
    CastElements(
        static_cast<const char*>(tensor.data()) +
            offset * static_cast<int64_t>(ElementSizeBytes(tensor.dtype())),
        tensor.dtype(), &values[i], DType::kFloat64, 1);
  }
  return values;
}

// Returns what `function` makes of the elements that are reduced to each
// output.
inline std::vector<double> Reference(
    const Tensor& x, const Tensor& out,
    const std::function<double(const std::vector<double>&)>& function) {
  const std::vector<double> elements = Elements(x);
  const Dimensions x_index = ContiguousStrides(x.shape());
  const Dimensions out_index = ContiguousStrides(out.shape());
  std::vector<std::vector<double>> groups(out.num_elements());
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    int64_t o = 0;
    for (int d = 0; d < x.rank(); ++d) {
      const int64_t at = i / x_index[d] % x.shape()[d];
      if (out.shape()[d] != 1) o += at * out_index[d];
    }
    groups[o].push_back(elements[i]);
  }
  std::vector<double> results;
  for (const std::vector<double>& group : groups) {
    results.push_back(function(group));
  }
  return results;
}

// A reduction: of which tensor, and along which dimensions.
struct Case {
  View view;
  std::vector<int> dims;
};

// Returns shapes, strides and dimensions that take every path: rows and
// columns, long and short, folded, in blocks, with gaps, transposed, and
// repeated.
inline std::vector<Case> Cases() {
  return {
      {{{}, {}}, {}},
      {{{1, 1}, {1, 1}}, {0, 1}},
      {{{5}, {1}}, {0}},
      {{{5}, {1}}, {}},
      {{{7}, {3}}, {0}},
      {{{2, 3}, {3, 1}}, {}},
      {{{3, 100}, {100, 1}}, {1}},
      {{{3, 100}, {100, 1}}, {0}},
      {{{3, 100}, {100, 1}}, {0, 1}},
      {{{100, 3}, {1, 100}}, {0}},
      {{{100, 3}, {1, 100}}, {1}},
      {{{40, 30}, {60, 2}}, {1}},
      {{{40, 30}, {60, 2}}, {0}},
      {{{5, 0}, {1, 1}}, {1}},
      {{{0, 5}, {5, 1}}, {1}},
      {{{0, 5}, {5, 1}}, {0}},
      {{{2, 33001}, {33001, 1}}, {1}},
      {{{70001, 2}, {2, 1}}, {0}},
      {{{5001, 2}, {2, 1}}, {1}},
      {{{150, 1030}, {1030, 1}}, {0}},
      {{{15, 1030}, {1030, 1}}, {1}},
      {{{4, 5, 6}, {30, 6, 1}}, {1}},
      {{{4, 5, 6}, {30, 6, 1}}, {0, 2}},
      {{{4, 5, 6}, {30, 6, 1}}, {0, 1}},
      {{{4, 5, 6}, {1, 24, 4}}, {0, 1}},
      {{{4, 5, 6}, {1, 24, 4}}, {1}},
      {{{4, 5, 6}, {1, 24, 4}}, {2}},
      {{{4, 5, 6}, {6, 0, 1}}, {1}},
      {{{4, 5, 6}, {6, 0, 1}}, {2}},
      {{{4, 5, 6}, {0, 0, 0}}, {0, 2}},
      {{{3, 4, 50, 7}, {1400, 350, 7, 1}}, {0, 2}},
      {{{3, 4, 50, 7}, {1400, 350, 7, 1}}, {1, 3}},
      {{{3, 4, 50, 7}, {2800, 700, 14, 2}}, {2, 3}},
      {{{20, 2, 2000}, {4000, 2000, 1}}, {0, 2}},
      {{{50, 70, 40}, {2800, 40, 1}}, {0, 1}},
      {{{33, 17, 129}, {1, 33 * 129, 33}}, {0}},
      {{{33, 17, 129}, {1, 33 * 129, 33}}, {2}},
  };
}

// Returns a text for messages.
inline std::string Describe(const Case& c, DType dtype) {
  std::string text = std::string(Name(dtype)) + " " +
                     ShapeToString(c.view.shape) + " strides " +
                     ShapeToString(c.view.strides) + " dims";
  for (int dim : c.dims) text += " " + std::to_string(dim);
  return text;
}

// Returns a tensor of multiples of 1/16 from -2 to 2.
inline Tensor RandomTensor(const View& view, DType dtype, uint32_t seed) {
  std::mt19937 generator(seed);
  int64_t extent = 1;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    extent += std::max<int64_t>(view.shape[i] - 1, 0) * view.strides[i];
  }
  std::vector<double> values(extent);
  for (double& value : values) {
    value = static_cast<double>(generator() % 64) / 16 - 2;
  }
  return MakeTensor(values, dtype, view);
}

// Returns whether to leave a case out. Most dtypes take the same paths, so one
// of them is enough for much.
inline bool IsTooMuch(const Case& c, bool is_first_dtype) {
  return !is_first_dtype && NumElements(c.view.shape).value() > 5000;
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_REDUCTION_CASES_H_
