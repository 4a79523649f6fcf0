// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/products.h
// -----------------------------------------------------------------------------
//
// Products of matrices and vectors in host memory.
//
// Example: c = a x b', where a is 2 x 3 and b is 4 x 3, both row-major.
//
//   const std::array<int64_t, 2> a_strides = {3, 1};
//   const std::array<int64_t, 2> b_strides = {1, 3};  // b' is 3 x 4
//   const std::array<int64_t, 2> c_strides = {4, 1};
//   MatrixProductArguments product;
//   product.dtype = DType::kFloat32;
//   product.rows = 2;
//   product.columns = 4;
//   product.depth = 3;
//   product.a = {a, a_strides};
//   product.b = {b, b_strides};
//   product.out = c;
//   product.out_strides = c_strides;
//   FERRY_RETURN_IF_ERROR(MatrixProduct(product));
//
// float32 and float64 are multiplied and added up in the same type, float16 and
// bfloat16 in float32 and rounded once at the end. Integers wrap around.
//
// The bits of a result are the same for any number of threads: only the shapes
// decide how sums are divided into partial sums. The bits may differ between
// processors.
//
// Both functions use several threads for large operands (core/parallel.h), and
// are thread-safe as long as nothing writes to the operands meanwhile.
#ifndef FERRY_AUTOGRAD_KERNELS_PRODUCTS_H_
#define FERRY_AUTOGRAD_KERNELS_PRODUCTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// One matrix to read, or one for each index of the batch dimensions.
struct ProductOperand {
  const void* data = nullptr;
  // The strides of the batch dimensions, then from row to row, then from column
  // to column. They count elements and are >= 0. A stride of 0 repeats the
  // elements.
  absl::Span<const int64_t> strides;
};

// What MatrixProduct computes. The spans must live until it returns.
struct MatrixProductArguments {
  // The dtype of all operands and of the result: float32, float64, float16,
  // bfloat16, or an integer of 8 to 64 bits.
  DType dtype = DType::kFloat32;

  // The sizes of the dimensions that come before the rows. Empty for one
  // product. An operand that has one matrix for all indices of a dimension has
  // the stride 0 there.
  absl::Span<const int64_t> batch_shape;

  int64_t rows = 0;     // of a and out
  int64_t columns = 0;  // of b and out
  int64_t depth = 0;    // columns of a and rows of b

  ProductOperand a;
  ProductOperand b;

  // The result. Its strides are like those of an operand, but its elements must
  // not share memory with each other or with those of `a` and `b`.
  void* out = nullptr;
  absl::Span<const int64_t> out_strides;

  // The factors of the product, and of the elements that `out` holds before. If
  // `alpha` is 0, `a` and `b` are not read. If `beta` is 0, `out` is not read.
  // For integers, the factors lose their fractions and wrap around.
  Scalar alpha = 1;
  Scalar beta = 0;
};

// Writes alpha * a x b + beta * out to `out`, for each index of the batch
// dimensions. Any size may be 0; sums of no elements are 0.
//
// Takes O(batch * rows * columns * depth) time. Transposed operands take about
// as much time as others. Matrices are copied in small blocks. Only these
// operands are copied as a whole: float16 and bfloat16 operands, as float32;
// vectors with gaps; and an `out` in which neither rows nor columns are
// contiguous.
//
// Errors:
//   kResourceExhausted - not enough memory for these copies. Blocks take less
//                        than 2 MiB per thread. `out` may have been written in
//                        part.
//   kOutOfRange        - the dtype is an integer, and `alpha` or `beta` does
//                        not fit into 64 bits (`Scalar::To`).
//   kUnimplemented     - the dtype is none of those above.
absl::Status MatrixProduct(const MatrixProductArguments& arguments);

// Writes the sum of x[i] * y[i] to `out`, one element of `dtype`. Takes the
// dtypes of `MatrixProduct`. The strides count elements and are >= 0. Takes
// O(size) time.
//
// Errors: kUnimplemented - the dtype is none of those.
absl::Status DotProduct(DType dtype, int64_t size, const void* x,
                        int64_t x_stride, const void* y, int64_t y_stride,
                        void* out);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_PRODUCTS_H_
