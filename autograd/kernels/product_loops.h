// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/product_loops.h
// -----------------------------------------------------------------------------
//
// Products of blocks of matrices, of matrices and vectors, and of two vectors,
// with the vector instructions that the processor has.
// autograd/kernels/products.h divides large products into such blocks.
//
// T is float or double. Strides are in elements. All functions are thread-safe,
// run on the calling thread, and allocate nothing. The bits of a result depend
// on the sizes and on the processor, but not on the addresses.
#ifndef FERRY_AUTOGRAD_KERNELS_PRODUCT_LOOPS_H_
#define FERRY_AUTOGRAD_KERNELS_PRODUCT_LOOPS_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {
namespace kernels {

// The most rows that `columns_times_vector` accepts.
inline constexpr int64_t kMaxColumnRows = 1024;

// out = alpha * a x b + beta * out. `out` is not read if `beta` is 0.
template <typename T>
struct BlockProduct {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t depth = 0;
  T alpha = 1;
  T beta = 0;

  // rows x depth, with any strides.
  const T* a = nullptr;
  int64_t a_row_stride = 0;
  int64_t a_column_stride = 0;

  // depth x columns, with contiguous rows in each panel of
  // `ProductLoops::panel_columns`. From one panel to the next the distance is
  // b_panel_stride. If all of the rows are contiguous, that is panel_columns.
  const T* b = nullptr;
  int64_t b_row_stride = 0;
  int64_t b_panel_stride = 0;

  // rows x columns, with contiguous rows.
  T* out = nullptr;
  int64_t out_row_stride = 0;
};

// The loops for elements of type T.
template <typename T>
struct ProductLoops {
  // The columns that `multiply` computes at once.
  int64_t panel_columns = 0;

  // Computes a product, and adds the elements of each sum in order. Reads all
  // of `b` for every few rows of `a`, so `b` should fit into the second cache.
  void (*multiply)(const BlockProduct<T>& product) = nullptr;

  // Writes alpha * a x + beta * out to `out`, without reading it if beta is 0.
  // `a` is m x k and has contiguous rows. `x` is contiguous.
  void (*rows_times_vector)(int64_t m, int64_t k, T alpha, const T* a,
                            int64_t a_row_stride, const T* x, T beta, T* out,
                            int64_t out_stride) = nullptr;

  // Does the same for `a` with contiguous columns of m <= kMaxColumnRows
  // elements. `x` has any stride.
  void (*columns_times_vector)(int64_t m, int64_t k, T alpha, const T* a,
                               int64_t a_column_stride, const T* x,
                               int64_t x_stride, T beta, T* out,
                               int64_t out_stride) = nullptr;

  // Returns the sum of x[i] * y[i] over `count` contiguous elements, of which
  // each lane of eight vectors adds up a part.
  T (*dot)(const T* x, const T* y, int64_t count) = nullptr;
};

// Returns the loops for the processor. Takes a few instructions.
template <typename T>
ProductLoops<T> BestProductLoops();
template <>
ProductLoops<float> BestProductLoops();
template <>
ProductLoops<double> BestProductLoops();

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_PRODUCT_LOOPS_H_
