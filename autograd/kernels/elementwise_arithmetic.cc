// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// Only processors from before 2011 would use this target. They run the portable
// code.
#define HWY_DISABLED_TARGETS HWY_SSSE3

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/elementwise_arithmetic.cc"
#include <limits>

#include "ferry/autograd/kernels/elementwise_loops.h"
#include "ferry/core/dtype.h"
#include "ferry/core/simd_dispatch.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h, since it is compiled for each instruction set too.
#include "ferry/autograd/kernels/elementwise_loops.inc"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace kernels {
namespace HWY_NAMESPACE {
namespace {

// ------------------------------------------------------------------ One input

struct Neg {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Neg(x);
  }
};

struct Abs {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Abs(x);
  }
};

struct Sign {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    const V one = hn::Set(d, 1);
    const V zero = hn::Zero(d);
    return hn::Sub(hn::IfThenElseZero(hn::Gt(x, zero), one),
                   hn::IfThenElseZero(hn::Lt(x, zero), one));
  }
};

struct Floor {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Floor(x);
  }
};

struct Ceil {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Ceil(x);
  }
};

struct Round {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Round(x);
  }
};

struct Trunc {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Trunc(x);
  }
};

struct Frac {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Sub(x, hn::Trunc(x));
  }
};

struct Square {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Mul(x, x);
  }
};

struct Cube {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Mul(hn::Mul(x, x), x);
  }
};

struct Sqrt {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Sqrt(x);
  }
};

struct Rsqrt {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Div(hn::Set(d, 1), hn::Sqrt(x));
  }
};

struct Reciprocal {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Div(hn::Set(d, 1), x);
  }
};

struct InverseSquare {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::Div(hn::Set(d, 1), hn::Mul(x, x));
  }
};

struct Relu {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x) {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
};

struct IsNan {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V x) {
    return hn::IsNaN(x);
  }
};

struct IsInf {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V x) {
    return hn::Eq(hn::Abs(x),
                  Const(d, std::numeric_limits<double>::infinity()));
  }
};

struct IsFinite {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V x) {
    return hn::Lt(hn::Abs(x),
                  Const(d, std::numeric_limits<double>::infinity()));
  }
};

// ----------------------------------------------------------------- Two inputs

struct Add {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    return hn::Add(a, b);
  }
};

struct Sub {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    return hn::Sub(a, b);
  }
};

struct Mul {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    return hn::Mul(a, b);
  }
};

struct Div {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    return hn::Div(a, b);
  }
};

// Without NaN, Gt is the opposite of Le. With NaN both are false.
struct Maximum {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    const V largest = hn::IfThenElse(hn::Gt(a, b), a, b);
    return hn::IfThenElse(hn::IsNaN(a), a, largest);
  }
};

struct Minimum {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b) {
    const V smallest = hn::IfThenElse(hn::Lt(a, b), a, b);
    return hn::IfThenElse(hn::IsNaN(a), a, smallest);
  }
};

struct LeakyRelu {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x, V slope) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, slope));
  }
};

struct Eq {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Eq(a, b);
  }
};

// Highway's Ne is false for NaN.
struct Ne {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Not(hn::Eq(a, b));
  }
};

struct Lt {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Lt(a, b);
  }
};

struct Le {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Le(a, b);
  }
};

struct Gt {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Gt(a, b);
  }
};

struct Ge {
  template <class D, class V>
  static HWY_INLINE auto Apply(D d, V a, V b) {
    return hn::Ge(a, b);
  }
};

struct TanhBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Mul(g, hn::Sub(hn::Set(d, 1), hn::Mul(y, y)));
  }
};

struct SigmoidBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Mul(g, hn::Mul(y, hn::Sub(hn::Set(d, 1), y)));
  }
};

struct ReluBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), g);
  }
};

struct AbsBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Mul(g, Sign::Apply(d, x));
  }
};

struct SqrtBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Div(g, hn::Add(y, y));
  }
};

struct RsqrtBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    const V power = hn::Mul(x, hn::Sqrt(x));
    return hn::Div(hn::Mul(Const(d, -0.5), g), power);
  }
};

struct ReciprocalBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Mul(hn::Neg(g), hn::Mul(y, y));
  }
};

struct SquareBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Mul(hn::Add(g, g), x);
  }
};

struct Expm1Backward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Mul(g, hn::Add(y, hn::Set(d, 1)));
  }
};

struct TanBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V y) {
    return hn::Mul(g, hn::Add(hn::Set(d, 1), hn::Mul(y, y)));
  }
};

struct AsinBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Div(g, hn::Sqrt(hn::Sub(hn::Set(d, 1), hn::Mul(x, x))));
  }
};

struct AcosBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Neg(AsinBackward::Apply(d, g, x));
  }
};

struct AtanBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x) {
    return hn::Div(g, hn::Add(hn::Set(d, 1), hn::Mul(x, x)));
  }
};

// ---------------------------------------------------- Three and four inputs

struct AddScaled {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b, V s) {
    return hn::Add(a, hn::Mul(s, b));
  }
};

// Starts from the nearer end, so that a weight of 1 gives b exactly.
struct Lerp {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b, V weight) {
    const V difference = hn::Sub(b, a);
    const V rest = hn::Sub(hn::Set(d, 1), weight);
    return hn::IfThenElse(hn::Lt(hn::Abs(weight), Const(d, 0.5)),
                          hn::Add(a, hn::Mul(weight, difference)),
                          hn::Sub(b, hn::Mul(difference, rest)));
  }
};

struct Clamp {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V x, V low, V high) {
    return Minimum::Apply(d, Maximum::Apply(d, x, low), high);
  }
};

struct LeakyReluBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x, V slope) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), g, hn::Mul(g, slope));
  }
};

struct MaximumBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V a, V b) {
    const V half = hn::Mul(g, Const(d, 0.5));
    return hn::IfThenElse(hn::Gt(a, b), g,
                          hn::IfThenElseZero(hn::Eq(a, b), half));
  }
};

struct Atan2Backward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V a, V b) {
    return hn::Mul(g, hn::Div(b, hn::Add(hn::Mul(a, a), hn::Mul(b, b))));
  }
};

struct HypotBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V a, V y) {
    return hn::Mul(g, hn::Div(a, y));
  }
};

struct Addcmul {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b, V c, V s) {
    return hn::Add(a, hn::Mul(hn::Mul(s, b), c));
  }
};

struct Addcdiv {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V a, V b, V c, V s) {
    return hn::Add(a, hn::Div(hn::Mul(s, b), c));
  }
};

struct ClampBackward {
  template <class D, class V>
  static HWY_INLINE V Apply(D d, V g, V x, V low, V high) {
    return hn::IfThenElseZero(hn::And(hn::Ge(x, low), hn::Le(x, high)), g);
  }
};

template <typename T>
ElementwiseLoop LoopOf(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  switch (kernel) {
    case K::kNeg:
      return &Run<Neg, T, 1>;
    case K::kAbs:
      return &Run<Abs, T, 1>;
    case K::kSign:
      return &Run<Sign, T, 1>;
    case K::kFloor:
      return &Run<Floor, T, 1>;
    case K::kCeil:
      return &Run<Ceil, T, 1>;
    case K::kRound:
      return &Run<Round, T, 1>;
    case K::kTrunc:
      return &Run<Trunc, T, 1>;
    case K::kFrac:
      return &Run<Frac, T, 1>;
    case K::kSquare:
      return &Run<Square, T, 1>;
    case K::kCube:
      return &Run<Cube, T, 1>;
    case K::kSqrt:
      return &Run<Sqrt, T, 1>;
    case K::kRsqrt:
      return &Run<Rsqrt, T, 1>;
    case K::kReciprocal:
      return &Run<Reciprocal, T, 1>;
    case K::kInverseSquare:
      return &Run<InverseSquare, T, 1>;
    case K::kRelu:
      return &Run<Relu, T, 1>;
    case K::kIsNan:
      return &Test<IsNan, T, 1>;
    case K::kIsInf:
      return &Test<IsInf, T, 1>;
    case K::kIsFinite:
      return &Test<IsFinite, T, 1>;
    case K::kAdd:
      return &Run<Add, T, 2>;
    case K::kSub:
      return &Run<Sub, T, 2>;
    case K::kMul:
      return &Run<Mul, T, 2>;
    case K::kDiv:
      return &Run<Div, T, 2>;
    case K::kMaximum:
      return &Run<Maximum, T, 2>;
    case K::kMinimum:
      return &Run<Minimum, T, 2>;
    case K::kLeakyRelu:
      return &Run<LeakyRelu, T, 2>;
    case K::kEq:
      return &Test<Eq, T, 2>;
    case K::kNe:
      return &Test<Ne, T, 2>;
    case K::kLt:
      return &Test<Lt, T, 2>;
    case K::kLe:
      return &Test<Le, T, 2>;
    case K::kGt:
      return &Test<Gt, T, 2>;
    case K::kGe:
      return &Test<Ge, T, 2>;
    case K::kTanhBackward:
      return &Run<TanhBackward, T, 2>;
    case K::kSigmoidBackward:
      return &Run<SigmoidBackward, T, 2>;
    case K::kReluBackward:
      return &Run<ReluBackward, T, 2>;
    case K::kAbsBackward:
      return &Run<AbsBackward, T, 2>;
    case K::kSqrtBackward:
      return &Run<SqrtBackward, T, 2>;
    case K::kRsqrtBackward:
      return &Run<RsqrtBackward, T, 2>;
    case K::kReciprocalBackward:
      return &Run<ReciprocalBackward, T, 2>;
    case K::kSquareBackward:
      return &Run<SquareBackward, T, 2>;
    case K::kExpm1Backward:
      return &Run<Expm1Backward, T, 2>;
    case K::kTanBackward:
      return &Run<TanBackward, T, 2>;
    case K::kAsinBackward:
      return &Run<AsinBackward, T, 2>;
    case K::kAcosBackward:
      return &Run<AcosBackward, T, 2>;
    case K::kAtanBackward:
      return &Run<AtanBackward, T, 2>;
    case K::kAddScaled:
      return &Run<AddScaled, T, 3>;
    case K::kLerp:
      return &Run<Lerp, T, 3>;
    case K::kClamp:
      return &Run<Clamp, T, 3>;
    case K::kLeakyReluBackward:
      return &Run<LeakyReluBackward, T, 3>;
    case K::kMaximumBackward:
      return &Run<MaximumBackward, T, 3>;
    case K::kAtan2Backward:
      return &Run<Atan2Backward, T, 3>;
    case K::kHypotBackward:
      return &Run<HypotBackward, T, 3>;
    case K::kAddcmul:
      return &Run<Addcmul, T, 4>;
    case K::kAddcdiv:
      return &Run<Addcdiv, T, 4>;
    case K::kClampBackward:
      return &Run<ClampBackward, T, 4>;
    default:
      return nullptr;
  }
}

ElementwiseLoop ArithmeticLoop(ElementwiseKernel kernel, DType dtype) {
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

FERRY_SIMD_EXPORT(ArithmeticLoop);

ElementwiseLoop ArithmeticLoop(ElementwiseKernel kernel, DType dtype) {
  return FERRY_SIMD_DISPATCH(ArithmeticLoop)(kernel, dtype);
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // HWY_ONCE
