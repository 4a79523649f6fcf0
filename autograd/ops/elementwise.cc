// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/elementwise.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/elementwise.h"
#include "ferry/autograd/ops/elementwise_forward.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace {

using elementwise::CallBinary;
using elementwise::CallTernary;
using elementwise::CallUnary;
using elementwise::Compute;
using elementwise::Forward;
using elementwise::GradientOf;
using elementwise::GradientOp;
using elementwise::K;
using elementwise::Result;
using elementwise::ZerosLike;

constexpr uint32_t kArithmetic = kFloats | kIntegers | kNumbers;
constexpr uint32_t kAllDTypes = kFloats | kIntegers | kBools;

constexpr char kBinarySamples[] =
    "f[2,3] f[2,3] | f[2,3] f[3] | f[4,1,2] f[3,1] | f[3,2]t f[2,3] | "
    "f[] f[2] | f[] f[] | f[0,3] f[3] | f[2,0] f[1] | f[5]s f[5] | "
    "f[4,3]x f[3,4]t | f[3] n=2 | f[3] n=-0.5 | n=3 f[4] | e[] e[]";
constexpr char kComparisonSamples[] =
    "f[2,3] f[2,3] | f[2,3] f[3] | f[4,1,2] f[3,1] | f[3,2]t f[2,3] | "
    "f[] f[2] | f[] f[] | f[0,3] f[3] | f[2,0] f[1] | f[5]s f[5] | "
    "f[4,3]x f[3,4]t | f[3] n=2 | f[3] n=-0.5 | e[] e[]";
constexpr char kDivisionSamples[] =
    "f[2,3] p[2,3] | f[2,3] p[3] | f[4,1,2] p[3,1] | f[3,2]t p[2,3] | "
    "f[] p[2] | f[] p[] | f[0,3] p[3] | f[2,0] p[1] | f[5]s p[5] | "
    "f[4,3]x p[3,4]t | f[3] n=2 | f[3] n=-0.5 | e[] e[]";
// Without edge values, since PyTorch gives NaN for the remainder of the largest
// number by a small one. elementwise_loops_test has them.
constexpr char kRemainderSamples[] =
    "f[2,3] p[2,3] | f[2,3] p[3] | f[4,1,2] p[3,1] | f[3,2]t p[2,3] | "
    "f[] p[2] | f[] p[] | f[0,3] p[3] | f[2,0] p[1] | f[5]s p[5] | "
    "f[4,3]x p[3,4]t | f[3] n=2 | f[3] n=-0.5";
constexpr char kTensorSamples[] =
    "f[2,3] f[2,3] | f[2,3] f[3] | f[2,1,2] f[3,1] | f[3,2]t f[2,3] | "
    "f[] f[2] | f[] f[] | f[0,3] f[3] | f[2,0] f[1] | f[5]s f[5] | "
    "f[4,3]x f[3,4]t | e[] e[]";

// ----------------------------------------------------------------- Arithmetic

constexpr Op kAdd = {"Add",
                     &Forward<K::kAdd, Result::kPromoted>,
                     {},
                     [](Derivative& d) {
                       d.Set(0, d.gradient());
                       d.Set(1, d.gradient());
                       return absl::OkStatus();
                     },
                     OpKind::kOrdinary,
                     kArithmetic | kBools,
                     &CallBinary<&Add>,
                     "torch.add(a, b)",
                     kBinarySamples};

constexpr Op kSub = {"Sub",
                     &Forward<K::kSub, Result::kPromoted>,
                     {},
                     [](Derivative& d) {
                       d.Set(0, d.gradient());
                       if (d.Needs(1)) d.Set(1, -d.gradient());
                       return absl::OkStatus();
                     },
                     OpKind::kOrdinary,
                     kArithmetic,
                     &CallBinary<&Sub>,
                     "torch.sub(a, b)",
                     kBinarySamples};

// The third operand is alpha.
absl::StatusOr<Outputs> AddScaledForward(const Call& call) {
  const DType dtype = PromotedDType(call.inputs().subspan(0, 2));
  if (Category(dtype) != DTypeCategory::kFloat &&
      Category(call[2].dtype()) == DTypeCategory::kFloat) {
    return absl::InvalidArgumentError(
        "For integral input tensors, argument alpha must not be a floating "
        "point number.");
  }
  return Compute(call, K::kAddScaled, dtype, dtype, 0, 3);
}

constexpr Op kAddScaled = {
    "Add",
    &AddScaledForward,
    {0, UsesInput(2)},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(2));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Add(x[0], x[1], x[2].number()));
    },
    "torch.add(a, b, alpha=c)",
    "f[2,3] f[2,3] n=3 | f[2,3] f[3] n=-2 | f[3,2]t f[2,3] n=0.5 | "
    "f[5]s f[5] n=2 | f[] f[2] n=2 | f[0,3] f[3] n=2 | f[] f[] n=-1"};

constexpr Op kSubScaled = {
    "Sub",
    &AddScaledForward,
    {0, UsesInput(2)},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(2));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Sub(x[0], x[1], x[2].number()));
    },
    "torch.sub(a, b, alpha=c)",
    "f[2,3] f[2,3] n=3 | f[2,3] f[3] n=-2 | f[3,2]t f[2,3] n=0.5 | "
    "f[5]s f[5] n=2 | f[] f[2] n=2 | f[0,3] f[3] n=2 | f[] f[] n=-1"};

constexpr Op kMul = {"Mul",
                     &Forward<K::kMul, Result::kPromoted>,
                     {UsesInput(1), UsesInput(0)},
                     [](Derivative& d) {
                       if (d.Needs(0)) d.Set(0, d.gradient() * d.input(1));
                       if (d.Needs(1)) d.Set(1, d.gradient() * d.input(0));
                       return absl::OkStatus();
                     },
                     OpKind::kOrdinary,
                     kArithmetic | kBools,
                     &CallBinary<&Mul>,
                     "torch.mul(a, b)",
                     kBinarySamples};

constexpr Op kDiv = {"Div",
                     &Forward<K::kDiv, Result::kFloat>,
                     {UsesInput(1), UsesInput(1) | UsesOutput()},
                     [](Derivative& d) {
                       if (d.Needs(0)) d.Set(0, d.gradient() / d.input(1));
                       if (d.Needs(1)) {
                         d.Set(1, -(d.gradient() * d.output() / d.input(1)));
                       }
                       return absl::OkStatus();
                     },
                     OpKind::kOrdinary,
                     kArithmetic | kBools,
                     &CallBinary<&Div>,
                     "torch.div(a, b)",
                     kDivisionSamples};

constexpr Op kNeg = {"Neg",
                     &Forward<K::kNeg, Result::kPromoted>,
                     {},
                     [](Derivative& d) {
                       d.Set(0, -d.gradient());
                       return absl::OkStatus();
                     },
                     OpKind::kOrdinary,
                     kFloats | kIntegers,
                     &CallUnary<&Neg>,
                     "torch.neg(a)",
                     "f[2,3] | f[3,2]t | f[5]s | f[4,3]x | f[0] | f[] | e[]"};

absl::StatusOr<Outputs> PowForward(const Call& call) {
  const DType dtype = PromotedDType(call.inputs());
  if (dtype == DType::kBool) {
    return absl::UnimplementedError(
        "bools have no powers; cast one operand to another dtype first");
  }
  if (call[1].is_number()) {
    FERRY_ASSIGN_OR_RETURN(const double exponent,
                           call[1].number().To<double>());
    if (IsInteger(dtype) && exponent < 0) {
      return absl::InvalidArgumentError(
          "Integers to negative integer powers are not allowed; use a real "
          "exponent");
    }
    if (const std::optional<K> kernel = kernels::PowKernel(exponent, dtype)) {
      return Compute(call, *kernel, dtype, dtype, 0, 1);
    }
  }
  return Compute(call, K::kPow, dtype, dtype, 0, 2);
}

constexpr Op kPowBackward = GradientOp<K::kPowBackward>("PowBackward");
constexpr Op kPowExponentBackward =
    GradientOp<K::kPowExponentBackward>("PowExponentBackward");

absl::StatusOr<Tensor> PowGradientOfBase(const Operand& gradient,
                                         const Operand& base,
                                         const Operand& exponent) {
  if (!exponent.is_number()) {
    return GradientOf(kPowBackward, {&gradient, &base, &exponent}, [&] {
      return Where(Eq(exponent, 0), 0,
                   gradient * (exponent * Pow(base, exponent - 1)));
    });
  }
  FERRY_ASSIGN_OR_RETURN(const double p, exponent.number().To<double>());
  if (p == 0) return ZerosLike(gradient.tensor());
  return gradient * (Pow(base, p - 1) * p);
}

absl::StatusOr<Tensor> PowGradientOfExponent(const Operand& gradient,
                                             const Operand& base,
                                             const Operand& exponent,
                                             const Operand& power) {
  return GradientOf(kPowExponentBackward, {&gradient, &base, &exponent, &power},
                    [&]() -> absl::StatusOr<Tensor> {
                      if (!base.is_number()) {
                        return Where(LogicalAnd(Eq(base, 0), Ge(exponent, 0)),
                                     0, gradient * (power * Log(base)));
                      }
                      FERRY_ASSIGN_OR_RETURN(const double a,
                                             base.number().To<double>());
                      const auto of_others = gradient * (power * std::log(a));
                      if (a != 0) return of_others;
                      return Where(Ge(exponent, 0), 0, of_others);
                    });
}

constexpr Op kPow = {
    "Pow",
    &PowForward,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1) | UsesOutput()},
    [](Derivative& d) {
      if (d.Needs(0)) {
        d.Set(0, PowGradientOfBase(d.gradient(), d.input(0), d.input(1)));
      }
      if (d.Needs(1)) {
        d.Set(1, PowGradientOfExponent(d.gradient(), d.input(0), d.input(1),
                                       d.output()));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&Pow>,
    "torch.pow(a, b)",
    "p[2,3] f[2,3] | p[2,3] f[3] | p[2,1,2] f[3,1] | p[3,2]t f[2,3] | p[] f[] "
    "| p[0,3] f[3] | p[5]s f[5] | f[2,3] n=2 | f[2,3] n=3 | p[2,3] n=0.5 | "
    "p[2,3] n=-0.5 | p[3] n=-1.0 | p[3] n=-2.0 | p[3] n=2.7 | f[3] n=0 | f[3] "
    "n=1 | f[3] n=7 | n=2 f[3] | n=0.5 f[3,2]t | n=1 f[] | e[] n=2 | "
    "e[] n=0.5 | e[] n=-1.0 | e[] n=0 | e[] n=2.5"};

// Returns an error if the number does not fit `dtype`. Casts of tensors wrap
// around.
absl::Status CheckFits(const Scalar& number, DType dtype) {
  char element[16];
  return number.Convert(dtype, element);
}

absl::StatusOr<bool> HasZeroAs(const Input& divisor, DType dtype) {
  if (divisor.is_number()) {
    FERRY_RETURN_IF_ERROR(CheckFits(divisor.number(), dtype));
    return kernels::HasZero(kernels::ViewOf(divisor.number()));
  }
  // What the kernel divides by: a cast may make a zero of another number.
  FERRY_ASSIGN_OR_RETURN(const Tensor cast,
                         strided::Cast(divisor.tensor(), dtype));
  return kernels::HasZero(kernels::ViewOf(cast));
}

// Returns an error if the kernel divides integers by zero.
absl::Status CheckDivisor(const Call& call, DType dtype) {
  if (!IsInteger(dtype)) return absl::OkStatus();
  const Input& dividend = call[0];
  if (!dividend.is_number() && dividend.tensor().num_elements() == 0) {
    return absl::OkStatus();
  }
  FERRY_ASSIGN_OR_RETURN(const bool has_zero, HasZeroAs(call[1], dtype));
  if (!has_zero) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "ZeroDivisionError: integers cannot be divided by 0, and there is one in "
      "the divisor");
}

template <K kKernel>
absl::StatusOr<Outputs> RemainderForward(const Call& call) {
  const DType dtype = PromotedDType(call.inputs());
  if (dtype == DType::kBool) {
    return absl::UnimplementedError(
        "bools have no remainders; cast one operand to another dtype first");
  }
  FERRY_RETURN_IF_ERROR(CheckDivisor(call, dtype));
  return Compute(call, kKernel, dtype, dtype, 0, 2);
}

constexpr Op kFmod = {"Fmod",
                      &RemainderForward<K::kFmod>,
                      {0, UsesInput(0) | UsesInput(1)},
                      [](Derivative& d) {
                        d.Set(0, d.gradient());
                        if (d.Needs(1)) {
                          d.Set(1,
                                -d.gradient() * Trunc(d.input(0) / d.input(1)));
                        }
                        return absl::OkStatus();
                      },
                      OpKind::kOrdinary,
                      kArithmetic | kBools,
                      &CallBinary<&Fmod>,
                      "torch.fmod(a, b)",
                      kRemainderSamples};

constexpr Op kRemainder = {
    "Remainder",
    &RemainderForward<K::kRemainder>,
    {0, UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) {
        d.Set(1, -d.gradient() * Floor(d.input(0) / d.input(1)));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&Remainder>,
    "torch.remainder(a, b)",
    kRemainderSamples};

constexpr Op kAtan2Backward = GradientOp<K::kAtan2Backward>("Atan2Backward");

// Returns g * b / (a * a + b * b).
absl::StatusOr<Tensor> Atan2Gradient(const Operand& gradient, const Operand& a,
                                     const Operand& b) {
  return GradientOf(kAtan2Backward, {&gradient, &a, &b}, [&] {
    return gradient * (b * Reciprocal(Square(a) + Square(b)));
  });
}

constexpr Op kAtan2 = {
    "Atan2",
    &Forward<K::kAtan2, Result::kFloat>,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      const Operand a = d.input(0);
      const Operand b = d.input(1);
      if (d.Needs(0)) d.Set(0, Atan2Gradient(d.gradient(), a, b));
      if (d.Needs(1)) d.Set(1, -Atan2Gradient(d.gradient(), b, a));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAllDTypes,
    &CallBinary<&Atan2>,
    "torch.atan2(a, b)",
    kTensorSamples};

constexpr Op kHypotBackward = GradientOp<K::kHypotBackward>("HypotBackward");

absl::StatusOr<Tensor> HypotGradient(const Operand& gradient,
                                     const Operand& operand,
                                     const Operand& result) {
  return GradientOf(kHypotBackward, {&gradient, &operand, &result},
                    [&] { return gradient * (operand / result); });
}

constexpr Op kHypot = {
    "Hypot",
    &Forward<K::kHypot, Result::kPromoted>,
    {UsesInput(0) | UsesOutput(), UsesInput(1) | UsesOutput()},
    [](Derivative& d) {
      if (d.Needs(0)) {
        d.Set(0, HypotGradient(d.gradient(), d.input(0), d.output()));
      }
      if (d.Needs(1)) {
        d.Set(1, HypotGradient(d.gradient(), d.input(1), d.output()));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    &CallBinary<&Hypot>,
    "torch.hypot(a, b)",
    kTensorSamples};

// The fourth operand is the factor.
constexpr Op kAddcmul = {
    "Addcmul",
    &Forward<K::kAddcmul, Result::kPromoted, 0, 3>,
    {0, UsesInput(2) | UsesInput(3), UsesInput(1) | UsesInput(3)},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(2) * d.input(3));
      if (d.Needs(2)) d.Set(2, d.gradient() * d.input(1) * d.input(3));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Addcmul(x[0], x[1], x[2], x[3].number()));
    },
    "torch.addcmul(a, b, c, value=d)",
    "f[2,3] f[2,3] f[2,3] n=2 | f[2,3] f[3] f[2,1] n=-3 | f[3] f[2,1] f[] n=1 "
    "| f[3,2]t f[2,3] f[3,2]t n=1 | f[5]s f[5] f[5]s n=2 | f[0,3] f[3] f[1] "
    "n=1 | f[] f[] f[] n=2"};

constexpr Op kAddcdiv = {
    "Addcdiv",
    &Forward<K::kAddcdiv, Result::kPromoted, 0, 3>,
    {0, UsesInput(2) | UsesInput(3),
     UsesInput(1) | UsesInput(2) | UsesInput(3)},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(3) / d.input(2));
      if (d.Needs(2)) {
        d.Set(2, -(d.gradient() * d.input(3) * d.input(1) / d.input(2) /
                   d.input(2)));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kNumbers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Addcdiv(x[0], x[1], x[2], x[3].number()));
    },
    "torch.addcdiv(a, b, c, value=d)",
    "f[2,3] f[2,3] p[2,3] n=2 | f[2,3] f[3] p[2,1] n=-0.5 | f[3] f[2,1] p[] "
    "n=1 | f[3,2]t f[2,3] p[3,2]t n=1 | f[5]s f[5] p[5]s n=2 | f[0,3] f[3] "
    "p[1] n=1 | f[] f[] p[] n=2"};

constexpr Op kLerp = {
    "Lerp",
    &Forward<K::kLerp, Result::kPromoted>,
    {UsesInput(2), UsesInput(2), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) -> absl::Status {
      if (d.Needs(0)) {
        const Operand weight = d.input(2);
        if (weight.is_number()) {
          // As a number, so that it is not rounded to float32.
          FERRY_ASSIGN_OR_RETURN(const double w, weight.number().To<double>());
          d.Set(0, d.gradient() * (1 - w));
        } else {
          d.Set(0, d.gradient() * (1 - weight));
        }
      }
      if (d.Needs(1)) d.Set(1, d.gradient() * d.input(2));
      if (d.Needs(2)) d.Set(2, d.gradient() * (d.input(1) - d.input(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kNumbers,
    &CallTernary<&Lerp>,
    "torch.lerp(a, b, c)",
    "f[2,3] f[2,3] f[2,3] | f[2,3] f[3] f[2,1] | f[3] f[2,1] f[] | f[3,2]t "
    "f[2,3] f[3,2]t | f[5]s f[5] f[5]s | f[0,3] f[3] f[1] | f[] f[] f[] | "
    "f[2,3] f[2,3] n=0.25 | f[2,3] f[3] n=0.75 | f[3,2]t f[2,3] n=1.0"};

// -------------------------------------------------------------------- Choices

constexpr Op kMaximumBackward =
    GradientOp<K::kMaximumBackward>("MaximumBackward");

// Returns the gradient of `a` where the larger one was chosen.
absl::StatusOr<Tensor> MaximumGradient(const Operand& gradient,
                                       const Operand& a, const Operand& b) {
  return GradientOf(kMaximumBackward, {&gradient, &a, &b}, [&] {
    return Where(Eq(a, b), gradient * 0.5, Where(Gt(a, b), gradient, 0));
  });
}

constexpr Op kMaximum = {
    "Maximum",
    &Forward<K::kMaximum, Result::kPromoted>,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      const Operand a = d.input(0);
      const Operand b = d.input(1);
      if (d.Needs(0)) d.Set(0, MaximumGradient(d.gradient(), a, b));
      if (d.Needs(1)) d.Set(1, MaximumGradient(d.gradient(), b, a));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&Maximum>,
    "torch.maximum(a, b)",
    kTensorSamples};

constexpr Op kMinimum = {
    "Minimum",
    &Forward<K::kMinimum, Result::kPromoted>,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      const Operand a = d.input(0);
      const Operand b = d.input(1);
      if (d.Needs(0)) d.Set(0, MaximumGradient(d.gradient(), b, a));
      if (d.Needs(1)) d.Set(1, MaximumGradient(d.gradient(), a, b));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&Minimum>,
    "torch.minimum(a, b)",
    kTensorSamples};

// Returns an error if a bound that is a number does not fit into integers of
// the dtype.
absl::Status CheckBounds(absl::Span<const Input> bounds, DType dtype) {
  if (!IsInteger(dtype)) return absl::OkStatus();
  for (const Input& bound : bounds) {
    int64_t element;
    if (bound.is_number() && !bound.number().Convert(dtype, &element).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the bound ", bound.number().ToString(),
                       " does not fit into ", Name(dtype)));
    }
  }
  return absl::OkStatus();
}

template <K kKernel>
absl::StatusOr<Outputs> ClampForward(const Call& call) {
  const DType dtype = PromotedDType(call.inputs());
  if (dtype == DType::kBool && kKernel == K::kClamp) {
    return absl::UnimplementedError(
        "bools cannot be clamped; cast one operand to another dtype first");
  }
  FERRY_RETURN_IF_ERROR(CheckBounds(call.inputs().subspan(1), dtype));
  return Compute(call, kKernel, dtype, dtype, 0, call.size());
}

constexpr Op kClampBackward = GradientOp<K::kClampBackward>("ClampBackward");

constexpr Op kClamp = {
    "Clamp",
    &ClampForward<K::kClamp>,
    {UsesInput(0) | UsesInput(1) | UsesInput(2),
     UsesInput(0) | UsesInput(1) | UsesInput(2),
     UsesInput(0) | UsesInput(1) | UsesInput(2)},
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      const Operand min = d.input(1);
      const Operand max = d.input(2);
      if (d.Needs(0)) {
        d.Set(0, GradientOf(kClampBackward, {&g, &x, &min, &max}, [&] {
                return Where(LogicalAnd(Ge(x, min), Le(x, max)), g, 0);
              }));
      }
      if (d.Needs(1)) {
        d.Set(1, Where(LogicalAnd(Lt(x, min), Lt(min, max)), g, 0));
      }
      if (d.Needs(2)) {
        d.Set(2, Where(LogicalOr(Gt(x, max), Gt(min, max)), g, 0));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallTernary<&Clamp>,
    "torch.clamp(a, b, c)",
    "f[2,3] n=0 n=1 | f[3,2]t n=-0.5 n=0.25 | f[5]s n=0 n=1 | f[4,3]x n=0 n=1 "
    "| f[0] n=0 n=1 | f[] n=0 n=1 | f[7] n=1 n=0 | e[] n=-1.0 n=1.0 | f[2,3] "
    "f[2,3] f[2,3] | f[2,3] f[3] f[2,1] | f[3,2]t f[2,3] f[2,3]"};

constexpr Op kClampMin = {
    "ClampMin",
    &ClampForward<K::kMaximum>,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      const Operand x = d.input(0);
      const Operand min = d.input(1);
      if (d.Needs(0)) d.Set(0, Where(Ge(x, min), d.gradient(), 0));
      if (d.Needs(1)) d.Set(1, Where(Lt(x, min), d.gradient(), 0));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&ClampMin>,
    "torch.clamp(a, min=b)",
    "f[2,3] n=0 | f[3,2]t n=-0.5 | f[5]s n=0 | f[0] n=0 | f[] n=0 | e[] n=0 | "
    "f[2,3] f[2,3] | f[2,3] f[3] | f[3,2]t f[2,3]"};

constexpr Op kClampMax = {
    "ClampMax",
    &ClampForward<K::kMinimum>,
    {UsesInput(0) | UsesInput(1), UsesInput(0) | UsesInput(1)},
    [](Derivative& d) {
      const Operand x = d.input(0);
      const Operand max = d.input(1);
      if (d.Needs(0)) d.Set(0, Where(Le(x, max), d.gradient(), 0));
      if (d.Needs(1)) d.Set(1, Where(Gt(x, max), d.gradient(), 0));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallBinary<&ClampMax>,
    "torch.clamp(a, max=b)",
    "f[2,3] n=0 | f[3,2]t n=-0.5 | f[5]s n=0 | f[0] n=0 | f[] n=0 | e[] n=0 | "
    "f[2,3] f[2,3] | f[2,3] f[3] | f[3,2]t f[2,3]"};

absl::StatusOr<Outputs> WhereForward(const Call& call) {
  if (call[0].dtype() != DType::kBool) {
    return absl::InvalidArgumentError(
        absl::StrCat("where expected condition to be a boolean tensor, but got "
                     "a tensor with dtype ",
                     Name(call[0].dtype()), "; compare it with Ne(x, 0)"));
  }
  const DType dtype = PromotedDType(call.inputs().subspan(1));
  return Compute(call, K::kWhere, dtype, dtype, 0, 3);
}

constexpr Op kWhere = {
    "Where",
    &WhereForward,
    {0, UsesInput(0), UsesInput(0)},
    [](Derivative& d) {
      const Operand condition = d.input(0);
      if (d.Needs(1)) d.Set(1, Where(condition, d.gradient(), 0));
      if (d.Needs(2)) d.Set(2, Where(condition, 0, d.gradient()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    &CallTernary<&Where>,
    "torch.where(a, b, c)",
    "b[2,3] f[2,3] f[2,3] | b[2,3] f[3] f[2,1] | b[3] f[2,1] f[] | b[3,2]t "
    "f[2,3] f[3,2]t | b[5]s f[5] f[5]s | b[0,3] f[3] f[1] | b[] f[] f[] | "
    "b[2,3] f[2,3] n=0 | b[2,3] n=1.5 f[3]"};

// ------------------------------------------------------ Comparisons and logic

// Returns the entry of a comparison, which has no derivative.
template <K kKernel,
          absl::StatusOr<Tensor> (*kFunction)(const Operand&, const Operand&)>
constexpr Op Comparison(absl::string_view name, absl::string_view pytorch) {
  return {name,
          &Forward<kKernel, Result::kTest>,
          {},
          nullptr,
          OpKind::kOrdinary,
          kArithmetic | kBools,
          &CallBinary<kFunction>,
          pytorch,
          kComparisonSamples};
}

template <K kKernel,
          absl::StatusOr<Tensor> (*kFunction)(const Operand&, const Operand&)>
constexpr Op Logical(absl::string_view name, absl::string_view pytorch) {
  return {name,
          &Forward<kKernel, Result::kLogical>,
          {},
          nullptr,
          OpKind::kOrdinary,
          kAllDTypes,
          &CallBinary<kFunction>,
          pytorch,
          kTensorSamples};
}

template <K kKernel, Result kResult,
          absl::StatusOr<Tensor> (*kFunction)(const Operand&)>
constexpr Op Predicate(absl::string_view name, absl::string_view pytorch) {
  return {name,
          &Forward<kKernel, kResult>,
          {},
          nullptr,
          OpKind::kOrdinary,
          kAllDTypes,
          &CallUnary<kFunction>,
          pytorch,
          "f[2,3] | f[3,2]t | f[5]s | f[4,3]x | f[0] | f[] | e[]"};
}

constexpr Op kEq = Comparison<K::kEq, &Eq>("Eq", "torch.eq(a, b)");
constexpr Op kNe = Comparison<K::kNe, &Ne>("Ne", "torch.ne(a, b)");
constexpr Op kLt = Comparison<K::kLt, &Lt>("Lt", "torch.lt(a, b)");
constexpr Op kLe = Comparison<K::kLe, &Le>("Le", "torch.le(a, b)");
constexpr Op kGt = Comparison<K::kGt, &Gt>("Gt", "torch.gt(a, b)");
constexpr Op kGe = Comparison<K::kGe, &Ge>("Ge", "torch.ge(a, b)");
constexpr Op kLogicalAnd = Logical<K::kLogicalAnd, &LogicalAnd>(
    "LogicalAnd", "torch.logical_and(a, b)");
constexpr Op kLogicalOr =
    Logical<K::kLogicalOr, &LogicalOr>("LogicalOr", "torch.logical_or(a, b)");
constexpr Op kLogicalXor = Logical<K::kLogicalXor, &LogicalXor>(
    "LogicalXor", "torch.logical_xor(a, b)");
constexpr Op kLogicalNot =
    Predicate<K::kLogicalNot, Result::kLogical, &LogicalNot>(
        "LogicalNot", "torch.logical_not(a)");
constexpr Op kIsNan =
    Predicate<K::kIsNan, Result::kTest, &IsNan>("IsNan", "torch.isnan(a)");
constexpr Op kIsInf =
    Predicate<K::kIsInf, Result::kTest, &IsInf>("IsInf", "torch.isinf(a)");
constexpr Op kIsFinite = Predicate<K::kIsFinite, Result::kTest, &IsFinite>(
    "IsFinite", "torch.isfinite(a)");

// ------------------------------------------------------------------- In place

absl::StatusOr<Outputs> FillForward(const Call& call) {
  if (call[0].is_number()) {
    return absl::InvalidArgumentError("a number cannot be filled");
  }
  if (!call[1].shape().empty()) {
    return absl::InvalidArgumentError(
        "the value must be a number or a tensor of rank 0");
  }
  const DType dtype = call[0].dtype();
  if (call[1].is_number()) {
    FERRY_RETURN_IF_ERROR(CheckFits(call[1].number(), dtype));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(call[0].shape(), dtype));
  const Scalar condition = true;
  const kernels::ConstView value = call[1].is_number()
                                       ? kernels::ViewOf(call[1].number())
                                       : kernels::ViewOf(call[1].tensor());
  kernels::Elementwise(K::kWhere, dtype,
                       {kernels::ViewOf(condition), value, value}, out);
  return out;
}

constexpr Op kFill = {
    "FillInPlace",
    &FillForward,
    {},
    [](Derivative& d) -> absl::Status {
      if (d.Needs(0)) d.Set(0, ZerosLike(d.gradient()));
      d.Set(1, d.gradient());
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kArithmetic | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(FillInPlace(Mul(x[0], true), x[1]));
    },
    "a.clone().fill_(b)",
    "f[2,3] n=2 | f[3,2]t n=1 | f[5]s f[] | f[0] n=1 | f[] n=1 | f[2,3] f[]"};

constexpr const Op* kOps[] = {
    &kAdd,        &kAddScaled, &kSub,        &kSubScaled, &kMul,
    &kDiv,        &kNeg,       &kPow,        &kMaximum,   &kMinimum,
    &kClamp,      &kClampMin,  &kClampMax,   &kWhere,     &kLerp,
    &kAtan2,      &kFmod,      &kRemainder,  &kHypot,     &kAddcmul,
    &kAddcdiv,    &kEq,        &kNe,         &kLt,        &kLe,
    &kGt,         &kGe,        &kLogicalAnd, &kLogicalOr, &kLogicalXor,
    &kLogicalNot, &kIsNan,     &kIsInf,      &kIsFinite,  &kFill};

// Returns -number. A number that no int64 holds becomes a real one.
Scalar Negative(const Scalar& number) {
  if (number.dtype() == DType::kInt64) {
    const absl::StatusOr<int64_t> integer = number.To<int64_t>();
    if (integer.ok() && *integer != std::numeric_limits<int64_t>::min()) {
      return -*integer;
    }
  }
  if (number.dtype() == DType::kBool) {
    const absl::StatusOr<int64_t> integer = number.To<int64_t>();
    return integer.ok() ? -*integer : 0;
  }
  const absl::StatusOr<double> real = number.To<double>();
  return real.ok() ? Scalar(-*real) : number;
}

}  // namespace

absl::StatusOr<Tensor> Add(const Operand& a, const Operand& b) {
  return Apply(kAdd, {&a, &b});
}
absl::StatusOr<Tensor> Sub(const Operand& a, const Operand& b) {
  return Apply(kSub, {&a, &b});
}
absl::StatusOr<Tensor> Mul(const Operand& a, const Operand& b) {
  return Apply(kMul, {&a, &b});
}
absl::StatusOr<Tensor> Div(const Operand& a, const Operand& b) {
  return Apply(kDiv, {&a, &b});
}
absl::StatusOr<Tensor> Neg(const Operand& x) { return Apply(kNeg, {&x}); }
absl::StatusOr<Tensor> Add(const Operand& a, const Operand& b,
                           const Scalar& alpha) {
  const Operand scale(alpha);
  return Apply(kAddScaled, {&a, &b, &scale});
}
absl::StatusOr<Tensor> Sub(const Operand& a, const Operand& b,
                           const Scalar& alpha) {
  const Operand scale(Negative(alpha));
  return Apply(kSubScaled, {&a, &b, &scale});
}

absl::StatusOr<Tensor> Pow(const Operand& a, const Operand& b) {
  return Apply(kPow, {&a, &b});
}
absl::StatusOr<Tensor> Fmod(const Operand& a, const Operand& b) {
  return Apply(kFmod, {&a, &b});
}
absl::StatusOr<Tensor> Remainder(const Operand& a, const Operand& b) {
  return Apply(kRemainder, {&a, &b});
}
absl::StatusOr<Tensor> Atan2(const Operand& a, const Operand& b) {
  return Apply(kAtan2, {&a, &b});
}
absl::StatusOr<Tensor> Hypot(const Operand& a, const Operand& b) {
  return Apply(kHypot, {&a, &b});
}
absl::StatusOr<Tensor> Addcmul(const Operand& x, const Operand& a,
                               const Operand& b, const Scalar& value) {
  const Operand scale(value);
  return Apply(kAddcmul, {&x, &a, &b, &scale});
}
absl::StatusOr<Tensor> Addcdiv(const Operand& x, const Operand& a,
                               const Operand& b, const Scalar& value) {
  const Operand scale(value);
  return Apply(kAddcdiv, {&x, &a, &b, &scale});
}
absl::StatusOr<Tensor> Lerp(const Operand& a, const Operand& b,
                            const Operand& weight) {
  return Apply(kLerp, {&a, &b, &weight});
}

absl::StatusOr<Tensor> Maximum(const Operand& a, const Operand& b) {
  return Apply(kMaximum, {&a, &b});
}
absl::StatusOr<Tensor> Minimum(const Operand& a, const Operand& b) {
  return Apply(kMinimum, {&a, &b});
}
absl::StatusOr<Tensor> Clamp(const Operand& x, const Operand& min,
                             const Operand& max) {
  return Apply(kClamp, {&x, &min, &max});
}
absl::StatusOr<Tensor> ClampMin(const Operand& x, const Operand& min) {
  return Apply(kClampMin, {&x, &min});
}
absl::StatusOr<Tensor> ClampMax(const Operand& x, const Operand& max) {
  return Apply(kClampMax, {&x, &max});
}
absl::StatusOr<Tensor> Where(const Operand& condition, const Operand& a,
                             const Operand& b) {
  return Apply(kWhere, {&condition, &a, &b});
}

absl::StatusOr<Tensor> Eq(const Operand& a, const Operand& b) {
  return Apply(kEq, {&a, &b});
}
absl::StatusOr<Tensor> Ne(const Operand& a, const Operand& b) {
  return Apply(kNe, {&a, &b});
}
absl::StatusOr<Tensor> Lt(const Operand& a, const Operand& b) {
  return Apply(kLt, {&a, &b});
}
absl::StatusOr<Tensor> Le(const Operand& a, const Operand& b) {
  return Apply(kLe, {&a, &b});
}
absl::StatusOr<Tensor> Gt(const Operand& a, const Operand& b) {
  return Apply(kGt, {&a, &b});
}
absl::StatusOr<Tensor> Ge(const Operand& a, const Operand& b) {
  return Apply(kGe, {&a, &b});
}
absl::StatusOr<Tensor> LogicalAnd(const Operand& a, const Operand& b) {
  return Apply(kLogicalAnd, {&a, &b});
}
absl::StatusOr<Tensor> LogicalOr(const Operand& a, const Operand& b) {
  return Apply(kLogicalOr, {&a, &b});
}
absl::StatusOr<Tensor> LogicalXor(const Operand& a, const Operand& b) {
  return Apply(kLogicalXor, {&a, &b});
}
absl::StatusOr<Tensor> LogicalNot(const Operand& x) {
  return Apply(kLogicalNot, {&x});
}
absl::StatusOr<Tensor> IsNan(const Operand& x) { return Apply(kIsNan, {&x}); }
absl::StatusOr<Tensor> IsInf(const Operand& x) { return Apply(kIsInf, {&x}); }
absl::StatusOr<Tensor> IsFinite(const Operand& x) {
  return Apply(kIsFinite, {&x});
}

absl::StatusOr<Tensor> AddInPlace(const Operand& self, const Operand& other) {
  return ApplyInPlace(kAdd, {&self, &other});
}
absl::StatusOr<Tensor> SubInPlace(const Operand& self, const Operand& other) {
  return ApplyInPlace(kSub, {&self, &other});
}
absl::StatusOr<Tensor> AddInPlace(const Operand& self, const Operand& other,
                                  const Scalar& alpha) {
  const Operand scale(alpha);
  return ApplyInPlace(kAddScaled, {&self, &other, &scale});
}
absl::StatusOr<Tensor> SubInPlace(const Operand& self, const Operand& other,
                                  const Scalar& alpha) {
  const Operand scale(Negative(alpha));
  return ApplyInPlace(kSubScaled, {&self, &other, &scale});
}
absl::StatusOr<Tensor> MulInPlace(const Operand& self, const Operand& other) {
  return ApplyInPlace(kMul, {&self, &other});
}
absl::StatusOr<Tensor> DivInPlace(const Operand& self, const Operand& other) {
  return ApplyInPlace(kDiv, {&self, &other});
}
absl::StatusOr<Tensor> NegInPlace(const Operand& self) {
  return ApplyInPlace(kNeg, {&self});
}
absl::StatusOr<Tensor> PowInPlace(const Operand& self, const Operand& other) {
  return ApplyInPlace(kPow, {&self, &other});
}
absl::StatusOr<Tensor> ClampInPlace(const Operand& self, const Operand& min,
                                    const Operand& max) {
  return ApplyInPlace(kClamp, {&self, &min, &max});
}
absl::StatusOr<Tensor> ClampMinInPlace(const Operand& self,
                                       const Operand& min) {
  return ApplyInPlace(kClampMin, {&self, &min});
}
absl::StatusOr<Tensor> ClampMaxInPlace(const Operand& self,
                                       const Operand& max) {
  return ApplyInPlace(kClampMax, {&self, &max});
}
absl::StatusOr<Tensor> AddcmulInPlace(const Operand& self, const Operand& a,
                                      const Operand& b, const Scalar& value) {
  const Operand scale(value);
  return ApplyInPlace(kAddcmul, {&self, &a, &b, &scale});
}
absl::StatusOr<Tensor> AddcdivInPlace(const Operand& self, const Operand& a,
                                      const Operand& b, const Scalar& value) {
  const Operand scale(value);
  return ApplyInPlace(kAddcdiv, {&self, &a, &b, &scale});
}
absl::StatusOr<Tensor> LerpInPlace(const Operand& self, const Operand& end,
                                   const Operand& weight) {
  return ApplyInPlace(kLerp, {&self, &end, &weight});
}
absl::StatusOr<Tensor> FillInPlace(const Operand& self, const Operand& value) {
  return ApplyInPlace(kFill, {&self, &value});
}
absl::StatusOr<Tensor> ZeroInPlace(const Operand& self) {
  const Operand zero(false);
  return ApplyInPlace(kFill, {&self, &zero});
}

absl::Span<const Op* const> ElementwiseOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
