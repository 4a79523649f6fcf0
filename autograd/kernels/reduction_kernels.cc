// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/reduction_kernels.cc"
#include "ferry/autograd/kernels/reduction_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ferry/core/simd_dispatch.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
// Compiled once for each instruction set, so it follows highway.h.
#include "hwy/contrib/math/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Integers wrap, as in PyTorch.
template <typename T>
T WrapAdd(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

template <typename T>
T WrapMul(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

template <typename T>
constexpr T Lowest() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::min()
                               : -std::numeric_limits<T>::infinity();
}

template <typename T>
constexpr T Highest() {
  return std::is_integral_v<T> ? std::numeric_limits<T>::max()
                               : std::numeric_limits<T>::infinity();
}

// Vectors are compared with Eq and IsNaN alone. In Highway 1.0.3, Ne of a NaN
// is false on some processors.

// How totals are combined: the identity, and the function on vectors and
// numbers.
struct Adding {
  static constexpr bool kIsExtreme = false;
  template <typename T>
  static constexpr T Identity() {
    return 0;
  }
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return hn::Add(a, b);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> CombineLanes(D d, V v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
  }
  template <typename T>
  static T CombineNumbers(T a, T b) {
    return WrapAdd(a, b);
  }
};

struct Multiplying {
  static constexpr bool kIsExtreme = false;
  template <typename T>
  static constexpr T Identity() {
    return 1;
  }
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return hn::Mul(a, b);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> CombineLanes(D d, V v) {
    using T = hn::TFromD<D>;
    HWY_ALIGN T parts[hn::MaxLanes(d)];
    hn::Store(v, d, parts);
    for (size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
      for (size_t j = 0; j < half; ++j) parts[j] *= parts[j + half];
    }
    return parts[0];
  }
  template <typename T>
  static T CombineNumbers(T a, T b) {
    return WrapMul(a, b);
  }
};

struct Maximum {
  static constexpr bool kIsExtreme = true;
  template <typename T>
  static constexpr T Identity() {
    return Lowest<T>();
  }
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
  }
  // Vectors and lanes without NaN.
  template <class V>
  static HWY_INLINE V CombineOrdered(V a, V b) {
    return hn::Max(a, b);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> CombineLanes(D d, V v) {
    return hn::GetLane(hn::MaxOfLanes(d, v));
  }
  template <typename T>
  static T CombineNumbers(T a, T b) {
    // NOLINTNEXTLINE(misc-redundant-expression): NaN
    return b > a || b != b ? b : a;
  }
};

struct Minimum {
  static constexpr bool kIsExtreme = true;
  template <typename T>
  static constexpr T Identity() {
    return Highest<T>();
  }
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
  }
  // Vectors and lanes without NaN.
  template <class V>
  static HWY_INLINE V CombineOrdered(V a, V b) {
    return hn::Min(a, b);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> CombineLanes(D d, V v) {
    return hn::GetLane(hn::MinOfLanes(d, v));
  }
  template <typename T>
  static T CombineNumbers(T a, T b) {
    // NOLINTNEXTLINE(misc-redundant-expression): NaN
    return b < a || b != b ? b : a;
  }
};

// A reduction combines `Map` of its elements. `kByNumber` says that there is no
// vector code.
struct MapSame {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return x;
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return x;
  }
};

struct Sum : Adding, MapSame {};
struct Prod : Multiplying, MapSame {};
struct Max : Maximum, MapSame {};
struct Min : Minimum, MapSame {};

struct NanSum : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return hn::IfThenElseZero(hn::Eq(x, x), x);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    // NOLINTNEXTLINE(misc-redundant-expression): NaN
    return x == x ? x : T{0};
  }
};

struct CountNonzero : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::Set(d, 1));
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return x != T{0} ? T{1} : T{0};
  }
};

struct MapAbs {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return hn::Abs(x);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return std::abs(x);
  }
};

struct AbsSum : Adding, MapAbs {};
struct AbsMax : Maximum, MapAbs {};
struct AbsMin : Minimum, MapAbs {};

struct SquareSum : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return hn::Mul(x, x);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return x * x;
  }
};

struct AbsPowSum : Adding {
  static constexpr bool kByNumber = true;
  template <typename T>
  static T MapNumber(T x, T shift) {
    return std::pow(std::abs(x), shift);
  }
};

struct ShiftedSum : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    return hn::Sub(x, shift);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return x - shift;
  }
};

struct ShiftedSquareSum : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    const V difference = hn::Sub(x, shift);
    return hn::Mul(difference, difference);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return (x - shift) * (x - shift);
  }
};

struct ShiftedExpSum : Adding {
  static constexpr bool kByNumber = false;
  template <class D, class V>
  static HWY_INLINE V Map(D d, V x, V shift) {
    using T = hn::TFromD<D>;
    const V z = hn::Sub(x, shift);
    // Highway's Exp is for finite numbers whose exponential is finite.
    const T most = sizeof(T) == 4 ? T(88.72283) : T(709.782712893384);
    V y = hn::Exp(d, hn::Min(z, hn::Set(d, most)));
    y = hn::IfThenElse(hn::Gt(z, hn::Set(d, most)),
                       hn::Set(d, std::numeric_limits<T>::infinity()), y);
    return hn::IfThenElse(hn::IsNaN(z), z, y);
  }
  template <typename T>
  static T MapNumber(T x, T shift) {
    return std::exp(x - shift);
  }
};

// Additions of one float accumulator before its sum goes to another one. Keeps
// the rounding errors of long sums small.
constexpr int64_t kChain = 16;

template <class Op, typename T>
T RunByNumber(const T* values, int64_t count, T shift) {
  T total = Op::template Identity<T>();
  for (int64_t i = 0; i < count; ++i) {
    total = Op::CombineNumbers(total, Op::MapNumber(values[i], shift));
  }
  return total;
}

// The largest or the smallest of at least one vector of numbers. It is faster
// to look for NaN apart than to carry it along.
template <class Op, typename T>
T RunExtreme(const T* values, int64_t count) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V identity = hn::Set(d, Op::template Identity<T>());
  V a0 = identity;
  V a1 = identity;
  V a2 = identity;
  V a3 = identity;
  auto is_number = hn::Eq(identity, identity);
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const V x0 = Op::Map(d, hn::LoadU(d, values + i), identity);
    const V x1 = Op::Map(d, hn::LoadU(d, values + i + lanes), identity);
    const V x2 = Op::Map(d, hn::LoadU(d, values + i + 2 * lanes), identity);
    const V x3 = Op::Map(d, hn::LoadU(d, values + i + 3 * lanes), identity);
    is_number =
        hn::And(is_number, hn::And(hn::And(hn::Eq(x0, x0), hn::Eq(x1, x1)),
                                   hn::And(hn::Eq(x2, x2), hn::Eq(x3, x3))));
    a0 = Op::CombineOrdered(a0, x0);
    a1 = Op::CombineOrdered(a1, x1);
    a2 = Op::CombineOrdered(a2, x2);
    a3 = Op::CombineOrdered(a3, x3);
  }
  while (i < count) {
    // The last vector may begin with numbers that have been seen.
    i = std::min(i, count - lanes);
    const V x = Op::Map(d, hn::LoadU(d, values + i), identity);
    is_number = hn::And(is_number, hn::Eq(x, x));
    a0 = Op::CombineOrdered(a0, x);
    i += lanes;
  }
  if (!hn::AllTrue(d, is_number)) return std::numeric_limits<T>::quiet_NaN();
  return Op::CombineLanes(d, Op::CombineOrdered(Op::CombineOrdered(a0, a1),
                                                Op::CombineOrdered(a2, a3)));
}

template <class Op, typename T>
T Run(const T* values, int64_t count, T shift) {
  if constexpr (std::is_integral_v<T> || Op::kByNumber) {
    return RunByNumber<Op>(values, count, shift);
  } else {
    const hn::ScalableTag<T> d;
    using V = hn::Vec<decltype(d)>;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    if (count < lanes) return RunByNumber<Op>(values, count, shift);
    if constexpr (Op::kIsExtreme) return RunExtreme<Op>(values, count);
    const V identity = hn::Set(d, Op::template Identity<T>());
    const V s = hn::Set(d, shift);
    V total = identity;
    int64_t i = 0;
    while (i + 4 * lanes <= count) {
      const int64_t end = std::min(count, i + kChain * 4 * lanes);
      V a0 = identity;
      V a1 = identity;
      V a2 = identity;
      V a3 = identity;
      for (; i + 4 * lanes <= end; i += 4 * lanes) {
        const T* const p = values + i;
        a0 = Op::Combine(a0, Op::Map(d, hn::LoadU(d, p), s));
        a1 = Op::Combine(a1, Op::Map(d, hn::LoadU(d, p + lanes), s));
        a2 = Op::Combine(a2, Op::Map(d, hn::LoadU(d, p + 2 * lanes), s));
        a3 = Op::Combine(a3, Op::Map(d, hn::LoadU(d, p + 3 * lanes), s));
      }
      total = Op::Combine(
          total, Op::Combine(Op::Combine(a0, a1), Op::Combine(a2, a3)));
    }
    for (; i + lanes <= count; i += lanes) {
      total = Op::Combine(total, Op::Map(d, hn::LoadU(d, values + i), s));
    }
    if (i < count) {
      // The last vector begins with numbers that have been added.
      const V x = Op::Map(d, hn::LoadU(d, values + count - lanes), s);
      const auto is_old = hn::FirstN(d, static_cast<size_t>(lanes - count + i));
      total = Op::Combine(total, hn::IfThenElse(is_old, identity, x));
    }
    return Op::CombineLanes(d, total);
  }
}

template <class Op, typename T>
void Rows(const T* values, int64_t rows, int64_t row_stride, int64_t count,
          const T* shifts, T* totals) {
  const auto shift_of = [shifts](int64_t row) HWY_ATTR {
    return shifts == nullptr ? T{0} : shifts[row];
  };
  int64_t row = 0;
  if (count <= 16) {
    // Four rows at a time, since each is a chain of operations.
    for (; row + 4 <= rows; row += 4) {
      const T* const p = values + row * row_stride;
      T t[4];
      T s[4];
      for (int k = 0; k < 4; ++k) {
        t[k] = Op::template Identity<T>();
        s[k] = shift_of(row + k);
      }
      for (int64_t i = 0; i < count; ++i) {
        for (int k = 0; k < 4; ++k) {
          const T x = p[k * row_stride + i];
          t[k] = Op::CombineNumbers(t[k], Op::MapNumber(x, s[k]));
        }
      }
      for (int k = 0; k < 4; ++k) totals[row + k] = t[k];
    }
  }
  for (; row < rows; ++row) {
    totals[row] = Run<Op>(values + row * row_stride, count, shift_of(row));
  }
}

template <class Op, typename T>
void ColumnsByNumber(const T* values, int64_t rows, int64_t row_stride,
                     const T* shifts, T* totals, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    const T* const p = values + row * row_stride;
    for (int64_t j = 0; j < columns; ++j) {
      const T shift = shifts == nullptr ? T{0} : shifts[j];
      totals[j] = Op::CombineNumbers(totals[j], Op::MapNumber(p[j], shift));
    }
  }
}

template <class Op, typename T>
void Columns(const T* values, int64_t rows, int64_t row_stride, const T* shifts,
             T* totals, int64_t columns) {
  if constexpr (std::is_integral_v<T> || Op::kByNumber) {
    ColumnsByNumber<Op>(values, rows, row_stride, shifts, totals, columns);
  } else {
    const hn::ScalableTag<T> d;
    using V = hn::Vec<decltype(d)>;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    if (columns < lanes) {
      ColumnsByNumber<Op>(values, rows, row_stride, shifts, totals, columns);
      return;
    }
    const auto shift_at = [d, shifts](int64_t j) HWY_ATTR {
      return shifts == nullptr ? hn::Zero(d) : hn::LoadU(d, shifts + j);
    };
    const int64_t whole = columns - columns % lanes;
    // The last vector begins with columns that the others have done.
    const int64_t last = columns - lanes;
    const auto is_done = hn::FirstN(d, static_cast<size_t>(whole - last));
    const auto add = [d, totals](int64_t j, V x) HWY_ATTR {
      hn::StoreU(Op::Combine(hn::LoadU(d, totals + j), x), d, totals + j);
    };
    const auto add_last = [=](V x) HWY_ATTR {
      const V former = hn::LoadU(d, totals + last);
      hn::StoreU(hn::IfThenElse(is_done, former, Op::Combine(former, x)), d,
                 totals + last);
    };
    int64_t row = 0;
    // Four rows at a time save most of the traffic of the totals.
    for (; row + 4 <= rows; row += 4) {
      const T* const p0 = values + row * row_stride;
      const T* const p1 = p0 + row_stride;
      const T* const p2 = p1 + row_stride;
      const T* const p3 = p2 + row_stride;
      const auto four = [=](int64_t j) HWY_ATTR {
        const V s = shift_at(j);
        return Op::Combine(Op::Combine(Op::Map(d, hn::LoadU(d, p0 + j), s),
                                       Op::Map(d, hn::LoadU(d, p1 + j), s)),
                           Op::Combine(Op::Map(d, hn::LoadU(d, p2 + j), s),
                                       Op::Map(d, hn::LoadU(d, p3 + j), s)));
      };
      for (int64_t j = 0; j < whole; j += lanes) add(j, four(j));
      if (whole < columns) add_last(four(last));
    }
    for (; row < rows; ++row) {
      const T* const p = values + row * row_stride;
      const auto one = [=](int64_t j) HWY_ATTR {
        return Op::Map(d, hn::LoadU(d, p + j), shift_at(j));
      };
      for (int64_t j = 0; j < whole; j += lanes) add(j, one(j));
      if (whole < columns) add_last(one(last));
    }
  }
}

template <typename T>
int64_t Find(const T* values, int64_t count, T value) {
  int64_t i = 0;
  if constexpr (!std::is_integral_v<T>) {
    const hn::ScalableTag<T> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const auto wanted = hn::Set(d, value);
    for (; i + lanes <= count; i += lanes) {
      const auto x = hn::LoadU(d, values + i);
      // NOLINTNEXTLINE(misc-redundant-expression): NaN
      const auto is_found = value == value ? hn::Eq(x, wanted) : hn::IsNaN(x);
      const intptr_t lane = hn::FindFirstTrue(d, is_found);
      if (lane >= 0) return i + lane;
    }
  }
  for (; i < count; ++i) {
    // NOLINTNEXTLINE(misc-redundant-expression): NaN
    if (values[i] == value || (value != value && values[i] != values[i])) {
      return i;
    }
  }
  return count;
}

template <typename T, class Op>
ReductionLoops<T> Make() {
  return {&Run<Op, T>, &Rows<Op, T>, &Columns<Op, T>, &Find<T>};
}

template <typename T>
ReductionLoops<T> Choose(Reduction reduction) {
  switch (reduction) {
    case Reduction::kSum:
      return Make<T, Sum>();
    case Reduction::kProd:
      return Make<T, Prod>();
    case Reduction::kMax:
      return Make<T, Max>();
    case Reduction::kMin:
      return Make<T, Min>();
    case Reduction::kNanSum:
      return Make<T, NanSum>();
    case Reduction::kCountNonzero:
      return Make<T, CountNonzero>();
    default:
      break;
  }
  if constexpr (!std::is_integral_v<T>) {
    switch (reduction) {
      case Reduction::kAbsSum:
        return Make<T, AbsSum>();
      case Reduction::kSquareSum:
        return Make<T, SquareSum>();
      case Reduction::kAbsMax:
        return Make<T, AbsMax>();
      case Reduction::kAbsMin:
        return Make<T, AbsMin>();
      case Reduction::kAbsPowSum:
        return Make<T, AbsPowSum>();
      case Reduction::kShiftedSum:
        return Make<T, ShiftedSum>();
      case Reduction::kShiftedSquareSum:
        return Make<T, ShiftedSquareSum>();
      case Reduction::kShiftedExpSum:
        return Make<T, ShiftedExpSum>();
      default:
        break;
    }
  }
  return {nullptr, nullptr, nullptr, nullptr};
}

ReductionLoops<float> ChooseFloat(Reduction r) { return Choose<float>(r); }
ReductionLoops<double> ChooseDouble(Reduction r) { return Choose<double>(r); }
ReductionLoops<int64_t> ChooseInt(Reduction r) { return Choose<int64_t>(r); }

// ----------------------------------------------------------------- Extremes

template <typename T, typename Index>
void UpdateByNumber(const T* row, int64_t begin, int64_t end, Index position,
                    bool is_max, T* best, Index* positions) {
  for (int64_t j = begin; j < end; ++j) {
    const T x = row[j];
    const bool is_better = is_max ? x > best[j] : x < best[j];
    // NOLINTNEXTLINE(misc-redundant-expression): NaN
    if (is_better || (x != x && best[j] == best[j])) {
      best[j] = x;
      positions[j] = position;
    }
  }
}

template <bool kIsMax, typename T, typename Index>
void UpdateVectors(const T* row, int64_t count, Index position, T* best,
                   Index* positions) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto here = hn::Set(di, position);
  int64_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto x = hn::LoadU(d, row + j);
    const auto former = hn::LoadU(d, best + j);
    const auto is_nan = hn::And(hn::IsNaN(x), hn::Eq(former, former));
    const auto is_better =
        hn::Or(kIsMax ? hn::Gt(x, former) : hn::Lt(x, former), is_nan);
    hn::StoreU(hn::IfThenElse(is_better, x, former), d, best + j);
    hn::StoreU(hn::IfThenElse(hn::RebindMask(di, is_better), here,
                              hn::LoadU(di, positions + j)),
               di, positions + j);
  }
  UpdateByNumber(row, j, count, position, kIsMax, best, positions);
}

void UpdateFloat(const float* row, int64_t count, int32_t position, bool is_max,
                 float* best, int32_t* positions) {
  is_max ? UpdateVectors<true>(row, count, position, best, positions)
         : UpdateVectors<false>(row, count, position, best, positions);
}

void UpdateDouble(const double* row, int64_t count, int64_t position,
                  bool is_max, double* best, int64_t* positions) {
  is_max ? UpdateVectors<true>(row, count, position, best, positions)
         : UpdateVectors<false>(row, count, position, best, positions);
}

void UpdateInt(const int64_t* row, int64_t count, int64_t position, bool is_max,
               int64_t* best, int64_t* positions) {
  UpdateByNumber(row, 0, count, position, is_max, best, positions);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace ferry {
inline namespace v1 {
namespace kernels {

FERRY_SIMD_EXPORT(ChooseFloat);
FERRY_SIMD_EXPORT(ChooseDouble);
FERRY_SIMD_EXPORT(ChooseInt);
FERRY_SIMD_EXPORT(UpdateFloat);
FERRY_SIMD_EXPORT(UpdateDouble);
FERRY_SIMD_EXPORT(UpdateInt);

template <>
ReductionLoops<float> LoopsOf(Reduction reduction) {
  return FERRY_SIMD_DISPATCH(ChooseFloat)(reduction);
}

template <>
ReductionLoops<double> LoopsOf(Reduction reduction) {
  return FERRY_SIMD_DISPATCH(ChooseDouble)(reduction);
}

template <>
ReductionLoops<int64_t> LoopsOf(Reduction reduction) {
  return FERRY_SIMD_DISPATCH(ChooseInt)(reduction);
}

void UpdateExtremes(const float* row, int64_t count, int32_t position,
                    bool is_max, float* best, int32_t* positions) {
  FERRY_SIMD_DISPATCH(UpdateFloat)
  (row, count, position, is_max, best, positions);
}

void UpdateExtremes(const double* row, int64_t count, int64_t position,
                    bool is_max, double* best, int64_t* positions) {
  FERRY_SIMD_DISPATCH(UpdateDouble)
  (row, count, position, is_max, best, positions);
}

void UpdateExtremes(const int64_t* row, int64_t count, int64_t position,
                    bool is_max, int64_t* best, int64_t* positions) {
  FERRY_SIMD_DISPATCH(UpdateInt)
  (row, count, position, is_max, best, positions);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
