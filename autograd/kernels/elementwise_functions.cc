// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/elementwise_functions.cc"
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "ferry/autograd/kernels/elementwise_loops.h"
#include "ferry/core/dtype.h"
#include "ferry/core/simd_dispatch.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h, since they are compiled for each instruction set too.
#include "ferry/autograd/kernels/elementwise_loops.inc"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace kernels {
namespace HWY_NAMESPACE {
namespace {

// Highway's functions are meant for a range of finite arguments. The structs
// here add the special values: infinities, NaN and arguments beyond the range.
// Each lane depends on its own argument alone.

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class D>
constexpr bool kIsFloat32 = std::is_same_v<hn::TFromD<D>, float>;

// Replaces the lanes of `y` in `mask` by `function(x)`, one at a time.
template <class D, class V, class M, class Function>
HWY_INLINE V ReplaceLanes(D d, V y, M mask, V x, Function function) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T arguments[hn::MaxLanes(d)];
  HWY_ALIGN T results[hn::MaxLanes(d)];
  hn::Store(x, d, arguments);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    results[i] = function(arguments[i]);
  }
  return hn::IfThenElse(mask, hn::Load(d, results), y);
}

struct Exp {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    // The logarithm of the largest number.
    const V largest =
        Const(d, kIsFloat32<D> ? 88.72283172607421875 : 709.782712893384);
    V y = hn::Exp(d, x);
    y = hn::IfThenElse(hn::Gt(x, largest), Const(d, kInfinity), y);
    return hn::IfThenElse(hn::IsNaN(x), x, y);
  }
};

struct Expm1 {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V largest =
        Const(d, kIsFloat32<D> ? 88.72283172607421875 : 709.782712893384);
    V y = hn::Expm1(d, x);
    y = hn::IfThenElse(hn::Gt(x, largest), Const(d, kInfinity), y);
    return hn::IfThenElse(hn::IsNaN(x), x, y);
  }
};

// Returns `y`, the logarithm of `x`, with the values at and beyond zero and
// infinity.
template <class D, class V>
HWY_INLINE V FixLog(D d, V x, V y) {
  const V zero = hn::Zero(d);
  const V infinity = Const(d, kInfinity);
  y = hn::IfThenElse(hn::Gt(x, zero), y, Const(d, kNan));
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity), y);
  return hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
}

struct Log {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return FixLog(d, x, hn::Log(d, x));
  }
};

struct Log2 {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return FixLog(d, x, hn::Log2(d, x));
  }
};

struct Log10 {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return FixLog(d, x, hn::Log10(d, x));
  }
};

struct Log1p {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V y = FixLog(d, hn::Add(x, hn::Set(d, 1)), hn::Log1p(d, x));
    // So that the zero keeps its sign.
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, y);
  }
};

// Highway reduces arguments up to here exactly enough.
template <class D>
HWY_INLINE hn::VFromD<D> TrigonometricRange(D d) {
  return hn::Set(d, 39000);
}

struct Sin {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    using T = hn::TFromD<D>;
    const auto is_large = hn::Not(hn::Le(hn::Abs(x), TrigonometricRange(d)));
    const V y = hn::Sin(d, x);
    if (HWY_LIKELY(hn::AllFalse(d, is_large))) return y;
    return ReplaceLanes(d, y, is_large, x, [](T t) { return std::sin(t); });
  }
};

struct Cos {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    using T = hn::TFromD<D>;
    const auto is_large = hn::Not(hn::Le(hn::Abs(x), TrigonometricRange(d)));
    const V y = hn::Cos(d, x);
    if (HWY_LIKELY(hn::AllFalse(d, is_large))) return y;
    return ReplaceLanes(d, y, is_large, x, [](T t) { return std::cos(t); });
  }
};

struct SinBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Mul(g, Cos::Apply(d, x));
  }
};

struct CosBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Mul(hn::Neg(g), Sin::Apply(d, x));
  }
};

struct Tan {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    using T = hn::TFromD<D>;
    const auto is_large = hn::Not(hn::Le(hn::Abs(x), TrigonometricRange(d)));
    const V y = hn::Div(hn::Sin(d, x), hn::Cos(d, x));
    if (HWY_LIKELY(hn::AllFalse(d, is_large))) return y;
    return ReplaceLanes(d, y, is_large, x, [](T t) { return std::tan(t); });
  }
};

struct Asin {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Asin(d, x);
  }
};

struct Acos {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Acos(d, x);
  }
};

struct Atan {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Atan(d, x);
  }
};

// From here on sinh(x) and cosh(x) are exp(x) / 2, rounded.
template <class D>
HWY_INLINE hn::VFromD<D> HyperbolicLimit(D d) {
  return hn::Set(d, kIsFloat32<D> ? 10 : 20);
}

// Returns exp(x) / 2, which is finite for a little longer than exp(x).
template <class D, class V>
HWY_INLINE V HalfExp(D d, V x) {
  const V half = Const(d, 0.5);
  const V root = Exp::Apply(d, hn::Mul(x, half));
  return hn::Mul(hn::Mul(half, root), root);
}

struct Sinh {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V magnitude = hn::Abs(x);
    return hn::IfThenElse(hn::Gt(magnitude, HyperbolicLimit(d)),
                          hn::CopySignToAbs(HalfExp(d, magnitude), x),
                          hn::Sinh(d, x));
  }
};

struct Cosh {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V half = HalfExp(d, hn::Abs(x));
    return hn::Add(half, hn::Div(Const(d, 0.25), half));
  }
};

struct Tanh {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Tanh(d, x);
  }
};

template <class D, class V>
HWY_INLINE V Polynomial(D d, V x, double c) {
  return Const(d, c);
}

// Returns first + rest[0] * x + rest[1] * x^2 + ...
template <class D, class V, class... Rest>
HWY_INLINE V Polynomial(D d, V x, double first, Rest... rest) {
  return hn::MulAdd(Polynomial(d, x, rest...), x, Const(d, first));
}

struct Erf {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    using T = hn::TFromD<D>;
    if constexpr (kIsFloat32<D>) {
      // x * P(x^2) / Q(x^2), which was fitted to the function in float64 by
      // weighted least squares. Its relative error is 2.9e-8 before rounding,
      // and 5 units in the last place after it. Beyond 3.93 the function is
      // 1 in float32.
      const V one = hn::Set(d, 1);
      const V limit = Const(d, 3.93);
      const V t = hn::Max(hn::Min(x, limit), hn::Neg(limit));
      const V square = hn::Mul(t, t);
      const V p = Polynomial(d, square, 1.12837911, 0.190256283, 0.0515643023,
                             0.00360192033, 0.000230578662);
      const V q =
          Polynomial(d, square, 1.0, 0.501942635, 0.113016792, 0.0144695295,
                     0.00105819502, 2.31189624e-05, -1.11581706e-07);
      const V y = hn::Div(hn::Mul(t, p), q);
      const V bounded = hn::Max(hn::Min(y, one), hn::Neg(one));
      return hn::IfThenElse(hn::IsNaN(x), x, bounded);
    } else {
      const auto all = hn::Eq(hn::Zero(d), hn::Zero(d));
      return ReplaceLanes(d, x, all, x, [](T t) { return std::erf(t); });
    }
  }
};

struct ErfBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    constexpr double kTwoOverSqrtPi = 1.12837916709551257390;
    const V density = Exp::Apply(d, hn::Neg(hn::Mul(x, x)));
    return hn::Mul(g, hn::Mul(Const(d, kTwoOverSqrtPi), density));
  }
};

// ---------------------------------------------------------------- Activations

// Returns 1 / (1 + exp(-x)).
struct Sigmoid {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V one = hn::Set(d, 1);
    return hn::Div(one, hn::Add(one, Exp::Apply(d, hn::Neg(x))));
  }
};

struct Silu {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V one = hn::Set(d, 1);
    return hn::Div(x, hn::Add(one, Exp::Apply(d, hn::Neg(x))));
  }
};

struct SiluBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    const V one = hn::Set(d, 1);
    const V s = Sigmoid::Apply(d, x);
    return hn::Mul(hn::Mul(g, s), hn::Add(one, hn::Mul(x, hn::Sub(one, s))));
  }
};

// Returns the distribution function of the normal distribution.
template <class D, class V>
HWY_INLINE V Phi(D d, V x) {
  constexpr double kSqrtHalf = 0.70710678118654752440;
  const V erf = Erf::Apply(d, hn::Mul(x, Const(d, kSqrtHalf)));
  return hn::Mul(Const(d, 0.5), hn::Add(hn::Set(d, 1), erf));
}

struct Gelu {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Mul(x, Phi(d, x));
  }
};

struct GeluBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;
    const V density =
        hn::Mul(Const(d, kInverseSqrtTwoPi),
                Exp::Apply(d, hn::Mul(hn::Mul(x, x), Const(d, -0.5))));
    return hn::Mul(g, hn::Add(Phi(d, x), hn::Mul(x, density)));
  }
};

// The numbers of the approximation of Hendrycks and Gimpel, "Gaussian Error
// Linear Units": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCube = 0.044715;

template <class D, class V>
HWY_INLINE V GeluInner(D d, V x) {
  const V cube = hn::Mul(hn::Mul(x, x), x);
  return hn::Mul(Const(d, kSqrtTwoOverPi),
                 hn::Add(x, hn::Mul(Const(d, kGeluCube), cube)));
}

struct GeluTanh {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V tanh = Tanh::Apply(d, GeluInner(d, x));
    return hn::Mul(hn::Mul(Const(d, 0.5), x), hn::Add(hn::Set(d, 1), tanh));
  }
};

struct GeluTanhBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    const V one = hn::Set(d, 1);
    const V half = Const(d, 0.5);
    const V tanh = Tanh::Apply(d, GeluInner(d, x));
    const V inner =
        hn::Mul(Const(d, kSqrtTwoOverPi),
                hn::Add(one, hn::Mul(Const(d, 3 * kGeluCube), hn::Mul(x, x))));
    const V left = hn::Mul(half, hn::Add(one, tanh));
    const V right = hn::Mul(hn::Mul(half, x),
                            hn::Mul(hn::Sub(one, hn::Mul(tanh, tanh)), inner));
    return hn::Mul(g, hn::Add(left, right));
  }
};

struct Elu {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x, V alpha) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x,
                          hn::Mul(alpha, Expm1::Apply(d, x)));
  }
};

struct EluBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x, V alpha) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), g,
                          hn::Mul(hn::Mul(g, alpha), Exp::Apply(d, x)));
  }
};

struct Softplus {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x, V beta, V threshold) {
    const V scaled = hn::Mul(x, beta);
    const V y = Log1p::Apply(d, Exp::Apply(d, scaled));
    return hn::IfThenElse(hn::Gt(scaled, threshold), x, hn::Div(y, beta));
  }
};

struct SoftplusBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x, V beta, V threshold) {
    const V scaled = hn::Mul(x, beta);
    return hn::IfThenElse(hn::Gt(scaled, threshold), g,
                          hn::Mul(g, Sigmoid::Apply(d, scaled)));
  }
};

template <typename T>
ElementwiseLoop LoopOf(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  switch (kernel) {
    case K::kExp:
      return &Run<Exp, T, 1>;
    case K::kExpm1:
      return &Run<Expm1, T, 1>;
    case K::kLog:
      return &Run<Log, T, 1>;
    case K::kLog2:
      return &Run<Log2, T, 1>;
    case K::kLog10:
      return &Run<Log10, T, 1>;
    case K::kLog1p:
      return &Run<Log1p, T, 1>;
    case K::kSin:
      return &Run<Sin, T, 1>;
    case K::kCos:
      return &Run<Cos, T, 1>;
    case K::kTan:
      return &Run<Tan, T, 1>;
    case K::kAsin:
      return &Run<Asin, T, 1>;
    case K::kAcos:
      return &Run<Acos, T, 1>;
    case K::kAtan:
      return &Run<Atan, T, 1>;
    case K::kSinh:
      return &Run<Sinh, T, 1>;
    case K::kCosh:
      return &Run<Cosh, T, 1>;
    case K::kTanh:
      return &Run<Tanh, T, 1>;
    case K::kErf:
      return &Run<Erf, T, 1>;
    case K::kSigmoid:
      return &Run<Sigmoid, T, 1>;
    case K::kSilu:
      return &Run<Silu, T, 1>;
    case K::kGelu:
      return &Run<Gelu, T, 1>;
    case K::kGeluTanh:
      return &Run<GeluTanh, T, 1>;
    case K::kElu:
      return &Run<Elu, T, 2>;
    case K::kSinBackward:
      return &Run<SinBackward, T, 2>;
    case K::kCosBackward:
      return &Run<CosBackward, T, 2>;
    case K::kErfBackward:
      return &Run<ErfBackward, T, 2>;
    case K::kSiluBackward:
      return &Run<SiluBackward, T, 2>;
    case K::kGeluBackward:
      return &Run<GeluBackward, T, 2>;
    case K::kGeluTanhBackward:
      return &Run<GeluTanhBackward, T, 2>;
    case K::kEluBackward:
      return &Run<EluBackward, T, 3>;
    case K::kSoftplus:
      return &Run<Softplus, T, 3>;
    case K::kSoftplusBackward:
      return &Run<SoftplusBackward, T, 4>;
    default:
      return nullptr;
  }
}

ElementwiseLoop FunctionLoop(ElementwiseKernel kernel, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return LoopOf<float>(kernel);
    case DType::kFloat64:
      return LoopOf<double>(kernel);
    default:
      return nullptr;
  }
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

FERRY_SIMD_EXPORT(FunctionLoop);

ElementwiseLoop FunctionLoop(ElementwiseKernel kernel, DType dtype) {
  return FERRY_SIMD_DISPATCH(FunctionLoop)(kernel, dtype);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
