// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/row_kernels.cc"
#include "ferry/autograd/kernels/row_kernels.h"

#include <cstdint>

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

// Calls `body(d, i)` for the vectors that [0, count) consists of, and then for
// each number that is left, as a vector of one lane.
template <typename T, class Body>
HWY_INLINE void ForEachVector(int64_t count, Body body) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(d, i);
  const hn::CappedTag<T, 1> one;
  for (; i < count; ++i) body(one, i);
}

// Additions of one float accumulator before its sum goes to another one. Keeps
// the rounding errors of long sums small.
constexpr int64_t kChain = 16;

// Returns the sum of `term(d, i)` over [0, count).
template <typename T, class Term>
HWY_INLINE T SumTerms(int64_t count, Term term) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto total = hn::Zero(d);
  int64_t i = 0;
  while (i + 4 * lanes <= count) {
    auto a0 = hn::Zero(d);
    auto a1 = hn::Zero(d);
    auto a2 = hn::Zero(d);
    auto a3 = hn::Zero(d);
    for (int64_t n = 0; n < kChain && i + 4 * lanes <= count; ++n) {
      a0 = hn::Add(a0, term(d, i));
      a1 = hn::Add(a1, term(d, i + lanes));
      a2 = hn::Add(a2, term(d, i + 2 * lanes));
      a3 = hn::Add(a3, term(d, i + 3 * lanes));
      i += 4 * lanes;
    }
    total = hn::Add(total, hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)));
  }
  for (; i + lanes <= count; i += lanes) total = hn::Add(total, term(d, i));
  T sum = hn::GetLane(hn::SumOfLanes(d, total));
  const hn::CappedTag<T, 1> one;
  for (; i < count; ++i) sum += hn::GetLane(term(one, i));
  return sum;
}

// Parameters: one number for all, or one for each.
template <bool kPerColumn, class D>
HWY_INLINE hn::Vec<D> Parameter(D d, const hn::TFromD<D>* p, int64_t i) {
  return kPerColumn ? hn::LoadU(d, p + i) : hn::Set(d, p[0]);
}

// ------------------------------------------------------------------ Softmax

template <bool kPerColumn, typename T>
void Exp(const T* x, const T* m, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto z = hn::Sub(hn::LoadU(d, x + i), Parameter<kPerColumn>(d, m, i));
    hn::StoreU(hn::Exp(d, z), d, out + i);
  });
}

template <bool kPerColumn, typename T>
void ScaledExp(const T* x, const T* m, const T* c, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto z = hn::Sub(hn::LoadU(d, x + i), Parameter<kPerColumn>(d, m, i));
    hn::StoreU(hn::Mul(hn::Exp(d, z), Parameter<kPerColumn>(d, c, i)), d,
               out + i);
  });
}

template <bool kPerColumn, typename T>
void Scale(const T* x, const T* c, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), Parameter<kPerColumn>(d, c, i)), d,
               out + i);
  });
}

template <bool kPerColumn, typename T>
void Subtract(const T* x, const T* m, const T* c, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto z = hn::Sub(hn::LoadU(d, x + i), Parameter<kPerColumn>(d, m, i));
    hn::StoreU(hn::Sub(z, Parameter<kPerColumn>(d, c, i)), d, out + i);
  });
}

template <typename T>
void Multiply(const T* a, const T* b, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

template <bool kPerColumn, typename T>
void SoftmaxGrad(const T* grad, const T* y, const T* c, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto z =
        hn::Sub(hn::LoadU(d, grad + i), Parameter<kPerColumn>(d, c, i));
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), z), d, out + i);
  });
}

template <bool kPerColumn, typename T>
void LogSoftmaxGrad(const T* grad, const T* y, const T* c, T* out,
                    int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto log = hn::LoadU(d, y + i);
    auto e = hn::Exp(d, log);
    e = hn::IfThenElse(hn::IsNaN(log), log, e);
    hn::StoreU(hn::Sub(hn::LoadU(d, grad + i),
                       hn::Mul(e, Parameter<kPerColumn>(d, c, i))),
               d, out + i);
  });
}

template <typename T>
T ExpSum(const T* x, T m, T* out, int64_t count) {
  return SumTerms<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto e = hn::Exp(d, hn::Sub(hn::LoadU(d, x + i), hn::Set(d, m)));
    hn::StoreU(e, d, out + i);
    return e;
  });
}

template <typename T>
T Dot(const T* a, const T* b, int64_t count) {
  return SumTerms<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
  });
}

template <typename T, bool kPerColumn>
SoftmaxLoops<T> MakeSoftmaxLoops() {
  return {&Exp<kPerColumn, T>,
          &ScaledExp<kPerColumn, T>,
          &Scale<kPerColumn, T>,
          &Subtract<kPerColumn, T>,
          &Multiply<T>,
          &SoftmaxGrad<kPerColumn, T>,
          &LogSoftmaxGrad<kPerColumn, T>,
          &ExpSum<T>,
          &Dot<T>};
}

SoftmaxLoops<float> SoftmaxFloat(bool per_column) {
  return per_column ? MakeSoftmaxLoops<float, true>()
                    : MakeSoftmaxLoops<float, false>();
}

SoftmaxLoops<double> SoftmaxDouble(bool per_column) {
  return per_column ? MakeSoftmaxLoops<double, true>()
                    : MakeSoftmaxLoops<double, false>();
}

// ------------------------------------------------------------ Normalisation

template <class D, typename T>
HWY_INLINE hn::Vec<D> Normalized(D d, const T* x, RowStatistics<T> row) {
  return hn::Mul(hn::Sub(hn::LoadU(d, x), hn::Set(d, row.mean)),
                 hn::Set(d, row.rstd));
}

template <class D, typename T>
HWY_INLINE hn::Vec<D> Weighted(D d, const T* grad, const T* gamma, int64_t i) {
  const auto g = hn::LoadU(d, grad + i);
  return gamma == nullptr ? g : hn::Mul(g, hn::LoadU(d, gamma + i));
}

template <typename T>
void Normalize(const T* x, RowStatistics<T> row, const T* gamma, const T* beta,
               T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    auto y = Normalized(d, x + i, row);
    if (gamma != nullptr) y = hn::Mul(y, hn::LoadU(d, gamma + i));
    if (beta != nullptr) y = hn::Add(y, hn::LoadU(d, beta + i));
    hn::StoreU(y, d, out + i);
  });
}

template <typename T>
void NormalizationSums(const T* grad, const T* x, RowStatistics<T> row,
                       const T* gamma, int64_t count, double* sums) {
  sums[0] += SumTerms<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    return Weighted(d, grad, gamma, i);
  });
  sums[1] += SumTerms<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    return hn::Mul(Weighted(d, grad, gamma, i), Normalized(d, x + i, row));
  });
}

template <typename T>
void InputGrad(const T* grad, const T* x, RowStatistics<T> row, const T* gamma,
               T a, T b, T* out, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto centered = hn::Sub(Weighted(d, grad, gamma, i), hn::Set(d, a));
    const auto z =
        hn::Sub(centered, hn::Mul(Normalized(d, x + i, row), hn::Set(d, b)));
    hn::StoreU(hn::Mul(z, hn::Set(d, row.rstd)), d, out + i);
  });
}

template <typename T>
void ParameterGrad(const T* grad, const T* x, RowStatistics<T> row,
                   T* gamma_grad, T* beta_grad, int64_t count) {
  ForEachVector<T>(count, [=](auto d, int64_t i) HWY_ATTR {
    const auto g = hn::LoadU(d, grad + i);
    if (gamma_grad != nullptr) {
      hn::StoreU(hn::Add(hn::LoadU(d, gamma_grad + i),
                         hn::Mul(g, Normalized(d, x + i, row))),
                 d, gamma_grad + i);
    }
    if (beta_grad != nullptr) {
      hn::StoreU(hn::Add(hn::LoadU(d, beta_grad + i), g), d, beta_grad + i);
    }
  });
}

template <typename T>
NormalizationLoops<T> MakeNormalizationLoops() {
  return {&Normalize<T>, &NormalizationSums<T>, &InputGrad<T>,
          &ParameterGrad<T>};
}

NormalizationLoops<float> NormalizationFloat() {
  return MakeNormalizationLoops<float>();
}

NormalizationLoops<double> NormalizationDouble() {
  return MakeNormalizationLoops<double>();
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

FERRY_SIMD_EXPORT(SoftmaxFloat);
FERRY_SIMD_EXPORT(SoftmaxDouble);
FERRY_SIMD_EXPORT(NormalizationFloat);
FERRY_SIMD_EXPORT(NormalizationDouble);

template <>
SoftmaxLoops<float> SoftmaxLoopsOf(bool per_column) {
  return FERRY_SIMD_DISPATCH(SoftmaxFloat)(per_column);
}

template <>
SoftmaxLoops<double> SoftmaxLoopsOf(bool per_column) {
  return FERRY_SIMD_DISPATCH(SoftmaxDouble)(per_column);
}

template <>
NormalizationLoops<float> NormalizationLoopsOf() {
  return FERRY_SIMD_DISPATCH(NormalizationFloat)();
}

template <>
NormalizationLoops<double> NormalizationLoopsOf() {
  return FERRY_SIMD_DISPATCH(NormalizationDouble)();
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
