// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/product_loops.cc"
#include "ferry/autograd/kernels/product_loops.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ferry/core/simd_dispatch.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Reads the first `count` lanes, fewer than all. The others are 0.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::VFromD<D> LoadFirst(D d, const T* from, int64_t count) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
  std::memcpy(lanes, from, static_cast<size_t>(count) * sizeof(T));
  return hn::Load(d, lanes);
#endif
}

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreFirst(D d, hn::VFromD<D> v, T* to, int64_t count) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
#else
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(to, lanes, static_cast<size_t>(count) * sizeof(T));
#endif
}

// Reads all lanes, or the first ones of the last vector of a row.
template <bool kIsPartial, class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::VFromD<D> LoadLanes(D d, const T* from, int64_t count) {
  if constexpr (kIsPartial) return LoadFirst(d, from, count);
  return hn::LoadU(d, from);
}

template <bool kIsPartial, class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreLanes(D d, hn::VFromD<D> v, T* to, int64_t count) {
  if constexpr (kIsPartial) {
    StoreFirst(d, v, to, count);
  } else {
    hn::StoreU(v, d, to);
  }
}

// ----------------------------------------------------------------- Matrices

// Rows that are computed at once, in two vectors of columns each: so many that
// their sums, the vectors of `b` and an element of `a` fill the registers.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRowsAtOnce = 8;
#elif HWY_TARGET <= HWY_AVX2
constexpr int kRowsAtOnce = 6;
#else
constexpr int kRowsAtOnce = 4;
#endif

template <class D>
HWY_INLINE int64_t PanelColumns(D d) {
  return 2 * static_cast<int64_t>(hn::Lanes(d));
}

// Computes kRows rows of kVectors vectors of columns. Of the last vector, only
// the first `lanes` lanes exist if kIsPartial.
template <int kRows, int kVectors, bool kIsPartial, class D,
          typename T = hn::TFromD<D>>
HWY_INLINE void ComputeBlock(D d, const BlockProduct<T>& p, const T* a,
                             const T* b, T* out, int64_t lanes) {
  const auto all_lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t a_row = p.a_row_stride;
  hn::VFromD<D> sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) sums[i][j] = hn::Zero(d);
  }
  for (int64_t q = 0; q < p.depth; ++q) {
    hn::VFromD<D> columns[kVectors];
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) {
      columns[j] = LoadLanes<kIsPartial>(d, b + j * all_lanes, lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const auto element = hn::Set(d, a[i * a_row]);
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) {
        sums[i][j] = hn::MulAdd(element, columns[j], sums[i][j]);
      }
    }
    a += p.a_column_stride;
    b += p.b_row_stride;
  }
  const auto alpha = hn::Set(d, p.alpha);
  const auto beta = hn::Set(d, p.beta);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) {
      T* const to = out + i * p.out_row_stride + j * all_lanes;
      auto result = hn::Mul(alpha, sums[i][j]);
      if (p.beta != T{0}) {
        result = hn::MulAdd(beta, LoadLanes<kIsPartial>(d, to, lanes), result);
      }
      StoreLanes<kIsPartial>(d, result, to, lanes);
    }
  }
}

// Computes kRows rows of all columns.
template <int kRows, class D, typename T = hn::TFromD<D>>
void ComputeRows(D d, const BlockProduct<T>& p, const T* a, T* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* b = p.b;
  int64_t rest = p.columns;
  for (; rest >= 2 * lanes; rest -= 2 * lanes) {
    ComputeBlock<kRows, 2, false>(d, p, a, b, out, lanes);
    b += p.b_panel_stride;
    out += 2 * lanes;
  }
  if (rest >= lanes) {
    ComputeBlock<kRows, 1, false>(d, p, a, b, out, lanes);
    rest -= lanes;
    b += lanes;
    out += lanes;
  }
  if (rest > 0) ComputeBlock<kRows, 1, true>(d, p, a, b, out, rest);
}

// Computes `rows` rows, fewer than kRows.
template <int kRows, class D, typename T = hn::TFromD<D>>
void ComputeLastRows(D d, const BlockProduct<T>& p, const T* a, T* out,
                     int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows == kRows - 1) {
      ComputeRows<kRows - 1>(d, p, a, out);
    } else {
      ComputeLastRows<kRows - 1>(d, p, a, out, rows);
    }
  }
}

template <typename T>
void Multiply(const BlockProduct<T>& p) {
  const hn::ScalableTag<T> d;
  int64_t i = 0;
  for (; i + kRowsAtOnce <= p.rows; i += kRowsAtOnce) {
    ComputeRows<kRowsAtOnce>(d, p, p.a + i * p.a_row_stride,
                             p.out + i * p.out_row_stride);
  }
  ComputeLastRows<kRowsAtOnce>(d, p, p.a + i * p.a_row_stride,
                               p.out + i * p.out_row_stride, p.rows - i);
}

// ------------------------------------------------------ Matrices and vectors

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE T Sum(D d, hn::VFromD<D> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

template <typename T>
HWY_INLINE void FinishOne(T alpha, T sum, T beta, T* out) {
  *out = beta == T{0} ? alpha * sum : alpha * sum + beta * *out;
}

template <typename T>
void RowsTimesVector(int64_t m, int64_t k, T alpha, const T* a,
                     int64_t a_row_stride, const T* x, T beta, T* out,
                     int64_t out_stride) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    const T* const a0 = a + i * a_row_stride;
    const T* const a1 = a0 + a_row_stride;
    const T* const a2 = a1 + a_row_stride;
    const T* const a3 = a2 + a_row_stride;
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    auto sum2 = hn::Zero(d);
    auto sum3 = hn::Zero(d);
    auto more0 = hn::Zero(d);
    auto more1 = hn::Zero(d);
    auto more2 = hn::Zero(d);
    auto more3 = hn::Zero(d);
    int64_t p = 0;
    for (; p + 2 * lanes <= k; p += 2 * lanes) {
      const auto x0 = hn::LoadU(d, x + p);
      const auto x1 = hn::LoadU(d, x + p + lanes);
      sum0 = hn::MulAdd(hn::LoadU(d, a0 + p), x0, sum0);
      sum1 = hn::MulAdd(hn::LoadU(d, a1 + p), x0, sum1);
      sum2 = hn::MulAdd(hn::LoadU(d, a2 + p), x0, sum2);
      sum3 = hn::MulAdd(hn::LoadU(d, a3 + p), x0, sum3);
      more0 = hn::MulAdd(hn::LoadU(d, a0 + p + lanes), x1, more0);
      more1 = hn::MulAdd(hn::LoadU(d, a1 + p + lanes), x1, more1);
      more2 = hn::MulAdd(hn::LoadU(d, a2 + p + lanes), x1, more2);
      more3 = hn::MulAdd(hn::LoadU(d, a3 + p + lanes), x1, more3);
    }
    if (p + lanes <= k) {
      const auto x0 = hn::LoadU(d, x + p);
      sum0 = hn::MulAdd(hn::LoadU(d, a0 + p), x0, sum0);
      sum1 = hn::MulAdd(hn::LoadU(d, a1 + p), x0, sum1);
      sum2 = hn::MulAdd(hn::LoadU(d, a2 + p), x0, sum2);
      sum3 = hn::MulAdd(hn::LoadU(d, a3 + p), x0, sum3);
      p += lanes;
    }
    if (p < k) {
      const int64_t rest = k - p;
      const auto x0 = LoadFirst(d, x + p, rest);
      more0 = hn::MulAdd(LoadFirst(d, a0 + p, rest), x0, more0);
      more1 = hn::MulAdd(LoadFirst(d, a1 + p, rest), x0, more1);
      more2 = hn::MulAdd(LoadFirst(d, a2 + p, rest), x0, more2);
      more3 = hn::MulAdd(LoadFirst(d, a3 + p, rest), x0, more3);
    }
    T* const to = out + i * out_stride;
    FinishOne(alpha, Sum(d, hn::Add(sum0, more0)), beta, to);
    FinishOne(alpha, Sum(d, hn::Add(sum1, more1)), beta, to + out_stride);
    FinishOne(alpha, Sum(d, hn::Add(sum2, more2)), beta, to + 2 * out_stride);
    FinishOne(alpha, Sum(d, hn::Add(sum3, more3)), beta, to + 3 * out_stride);
  }
  for (; i < m; ++i) {
    const T* const a0 = a + i * a_row_stride;
    auto sum0 = hn::Zero(d);
    auto sum1 = hn::Zero(d);
    auto sum2 = hn::Zero(d);
    auto sum3 = hn::Zero(d);
    int64_t p = 0;
    for (; p + 4 * lanes <= k; p += 4 * lanes) {
      sum0 = hn::MulAdd(hn::LoadU(d, a0 + p), hn::LoadU(d, x + p), sum0);
      sum1 = hn::MulAdd(hn::LoadU(d, a0 + p + lanes),
                        hn::LoadU(d, x + p + lanes), sum1);
      sum2 = hn::MulAdd(hn::LoadU(d, a0 + p + 2 * lanes),
                        hn::LoadU(d, x + p + 2 * lanes), sum2);
      sum3 = hn::MulAdd(hn::LoadU(d, a0 + p + 3 * lanes),
                        hn::LoadU(d, x + p + 3 * lanes), sum3);
    }
    for (; p + lanes <= k; p += lanes) {
      sum0 = hn::MulAdd(hn::LoadU(d, a0 + p), hn::LoadU(d, x + p), sum0);
    }
    if (p < k) {
      sum1 = hn::MulAdd(LoadFirst(d, a0 + p, k - p), LoadFirst(d, x + p, k - p),
                        sum1);
    }
    FinishOne(alpha, Sum(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))),
              beta, out + i * out_stride);
  }
}

template <typename T>
void ColumnsTimesVector(int64_t m, int64_t k, T alpha, const T* a,
                        int64_t a_column_stride, const T* x, int64_t x_stride,
                        T beta, T* out, int64_t out_stride) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN T sums[kMaxColumnRows];
  std::fill_n(sums, m, T{0});
  int64_t p = 0;
  for (; p + 4 <= k; p += 4) {
    const T* const a0 = a + p * a_column_stride;
    const T* const a1 = a0 + a_column_stride;
    const T* const a2 = a1 + a_column_stride;
    const T* const a3 = a2 + a_column_stride;
    const T* const from = x + p * x_stride;
    const auto x0 = hn::Set(d, from[0]);
    const auto x1 = hn::Set(d, from[x_stride]);
    const auto x2 = hn::Set(d, from[2 * x_stride]);
    const auto x3 = hn::Set(d, from[3 * x_stride]);
    int64_t i = 0;
    for (; i + lanes <= m; i += lanes) {
      auto sum = hn::Load(d, sums + i);
      sum = hn::MulAdd(hn::LoadU(d, a0 + i), x0, sum);
      sum = hn::MulAdd(hn::LoadU(d, a1 + i), x1, sum);
      sum = hn::MulAdd(hn::LoadU(d, a2 + i), x2, sum);
      sum = hn::MulAdd(hn::LoadU(d, a3 + i), x3, sum);
      hn::Store(sum, d, sums + i);
    }
    if (i < m) {
      const int64_t rest = m - i;
      auto sum = LoadFirst(d, sums + i, rest);
      sum = hn::MulAdd(LoadFirst(d, a0 + i, rest), x0, sum);
      sum = hn::MulAdd(LoadFirst(d, a1 + i, rest), x1, sum);
      sum = hn::MulAdd(LoadFirst(d, a2 + i, rest), x2, sum);
      sum = hn::MulAdd(LoadFirst(d, a3 + i, rest), x3, sum);
      StoreFirst(d, sum, sums + i, rest);
    }
  }
  for (; p < k; ++p) {
    const T* const a0 = a + p * a_column_stride;
    const auto x0 = hn::Set(d, x[p * x_stride]);
    int64_t i = 0;
    for (; i + lanes <= m; i += lanes) {
      hn::Store(hn::MulAdd(hn::LoadU(d, a0 + i), x0, hn::Load(d, sums + i)), d,
                sums + i);
    }
    if (i < m) {
      const int64_t rest = m - i;
      StoreFirst(d,
                 hn::MulAdd(LoadFirst(d, a0 + i, rest), x0,
                            LoadFirst(d, sums + i, rest)),
                 sums + i, rest);
    }
  }
  for (int64_t i = 0; i < m; ++i) {
    FinishOne(alpha, sums[i], beta, out + i * out_stride);
  }
}

template <typename T>
T Dot(const T* x, const T* y, int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  auto sum4 = hn::Zero(d);
  auto sum5 = hn::Zero(d);
  auto sum6 = hn::Zero(d);
  auto sum7 = hn::Zero(d);
  const auto add = [&](int64_t i, auto sum) HWY_ATTR {
    return hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), sum);
  };
  int64_t i = 0;
  for (; i + 8 * lanes <= count; i += 8 * lanes) {
    sum0 = add(i, sum0);
    sum1 = add(i + lanes, sum1);
    sum2 = add(i + 2 * lanes, sum2);
    sum3 = add(i + 3 * lanes, sum3);
    sum4 = add(i + 4 * lanes, sum4);
    sum5 = add(i + 5 * lanes, sum5);
    sum6 = add(i + 6 * lanes, sum6);
    sum7 = add(i + 7 * lanes, sum7);
  }
  for (; i + lanes <= count; i += lanes) sum0 = add(i, sum0);
  if (i < count) {
    sum1 = hn::MulAdd(LoadFirst(d, x + i, count - i),
                      LoadFirst(d, y + i, count - i), sum1);
  }
  return Sum(d, hn::Add(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)),
                        hn::Add(hn::Add(sum4, sum5), hn::Add(sum6, sum7))));
}

template <typename T>
ProductLoops<T> Loops() {
  ProductLoops<T> loops;
  loops.panel_columns = PanelColumns(hn::ScalableTag<T>());
  loops.multiply = Multiply<T>;
  loops.rows_times_vector = RowsTimesVector<T>;
  loops.columns_times_vector = ColumnsTimesVector<T>;
  loops.dot = Dot<T>;
  return loops;
}

}  // namespace

ProductLoops<float> FloatLoops() { return Loops<float>(); }

ProductLoops<double> DoubleLoops() { return Loops<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace ferry {
inline namespace v1 {
namespace kernels {

FERRY_SIMD_EXPORT(FloatLoops);
FERRY_SIMD_EXPORT(DoubleLoops);

template <>
ProductLoops<float> BestProductLoops() {
  return FERRY_SIMD_DISPATCH(FloatLoops)();
}

template <>
ProductLoops<double> BestProductLoops() {
  return FERRY_SIMD_DISPATCH(DoubleLoops)();
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
