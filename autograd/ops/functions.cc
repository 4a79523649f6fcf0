// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/functions.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/elementwise_forward.h"

namespace ferry {
inline namespace v1 {
namespace {

using elementwise::CallUnary;
using elementwise::Forward;
using elementwise::GradientOf;
using elementwise::GradientOp;
using elementwise::K;
using elementwise::Result;
using elementwise::ZerosLike;

constexpr double kLn2 = 0.69314718055994530942;
constexpr double kLn10 = 2.30258509299404568402;
constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kTwoOverSqrtPi = 1.12837916709551257390;
constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;
// See kGeluTanh in autograd/kernels/elementwise_functions.cc.
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCube = 0.044715;

// Samples of arguments of either sign; far from 0; positive; and between -1 and
// 1.
constexpr char kAnySamples[] =
    "f[2,3] | f[3,2]t | f[5]s | f[4,3]x | f[0] | f[2,0] | f[] | f[40] | e[]";
constexpr char kDistinctSamples[] =
    "d[2,3] | d[3,2]t | d[5]s | d[4,3]x | d[0] | d[2,0] | d[] | d[40] | e[]";
constexpr char kPositiveSamples[] =
    "p[2,3] | p[3,2]t | p[6]s | p[4,3]x | p[0] | p[2,0] | p[] | p[40] | e[]";
// Without edge values: for the largest numbers PyTorch is infinite too early.
// elementwise_loops_test has them.
constexpr char kFiniteSamples[] =
    "f[2,3] | f[3,2]t | f[5]s | f[4,3]x | f[0] | f[2,0] | f[] | f[40]";
constexpr char kFiniteUnitSamples[] =
    "u[2,3] | u[3,2]t | u[5]s | u[4,3]x | u[0] | u[2,0] | u[] | u[40]";
constexpr char kUnitSamples[] =
    "u[2,3] | u[3,2]t | u[5]s | u[4,3]x | u[0] | u[2,0] | u[] | u[40] | e[]";

using Function = absl::StatusOr<Tensor> (*)(const Operand&);

// Returns the entry of a function whose result is a float.
template <K kKernel, Function kFunction>
constexpr Op FloatOp(absl::string_view name, uint32_t uses,
                     Op::DerivativeFunction derivative,
                     absl::string_view pytorch, absl::string_view samples,
                     uint32_t dtypes = kFloats | kIntegers | kBools) {
  return {name,
          &Forward<kKernel, Result::kFloat>,
          {uses},
          derivative,
          OpKind::kOrdinary,
          dtypes,
          &CallUnary<kFunction>,
          pytorch,
          samples};
}

// Returns the entry of a function whose result has the dtype of its argument.
template <K kKernel, Function kFunction>
constexpr Op SameOp(absl::string_view name, uint32_t uses,
                    Op::DerivativeFunction derivative,
                    absl::string_view pytorch, absl::string_view samples,
                    uint32_t dtypes) {
  return {name,
          &Forward<kKernel, Result::kPromoted>,
          {uses},
          derivative,
          OpKind::kOrdinary,
          dtypes,
          &CallUnary<kFunction>,
          pytorch,
          samples};
}

// The derivative of a function of steps.
absl::Status ZeroDerivative(Derivative& d) {
  d.Set(0, ZerosLike(d.gradient()));
  return absl::OkStatus();
}

// ---------------------------------------- Exponentials, logarithms and powers

constexpr Op kExp = FloatOp<K::kExp, &Exp>(
    "Exp", UsesOutput(),
    [](Derivative& d) {
      d.Set(0, d.gradient() * d.output());
      return absl::OkStatus();
    },
    "torch.exp(a)", kAnySamples);

constexpr Op kExpm1Backward = GradientOp<K::kExpm1Backward>("Expm1Backward");

constexpr Op kExpm1 = FloatOp<K::kExpm1, &Expm1>(
    "Expm1", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0,
            GradientOf(kExpm1Backward, {&g, &y}, [&] { return g * (y + 1); }));
      return absl::OkStatus();
    },
    "torch.expm1(a)", kAnySamples);

constexpr Op kLog = FloatOp<K::kLog, &Log>(
    "Log", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() / d.input(0));
      return absl::OkStatus();
    },
    "torch.log(a)", kPositiveSamples);

constexpr Op kLog2 = FloatOp<K::kLog2, &Log2>(
    "Log2", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() / (d.input(0) * kLn2));
      return absl::OkStatus();
    },
    "torch.log2(a)", kPositiveSamples);

constexpr Op kLog10 = FloatOp<K::kLog10, &Log10>(
    "Log10", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() / (d.input(0) * kLn10));
      return absl::OkStatus();
    },
    "torch.log10(a)", kPositiveSamples);

constexpr Op kLog1p = FloatOp<K::kLog1p, &Log1p>(
    "Log1p", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() / (d.input(0) + 1));
      return absl::OkStatus();
    },
    "torch.log1p(a)", kFiniteUnitSamples);

constexpr Op kSqrtBackward = GradientOp<K::kSqrtBackward>("SqrtBackward");

constexpr Op kSqrt = FloatOp<K::kSqrt, &Sqrt>(
    "Sqrt", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0,
            GradientOf(kSqrtBackward, {&g, &y}, [&] { return g / (y * 2); }));
      return absl::OkStatus();
    },
    "torch.sqrt(a)", kPositiveSamples);

constexpr Op kRsqrtBackward = GradientOp<K::kRsqrtBackward>("RsqrtBackward");

// From the operand: the third power of the result would make rounding errors of
// 16 bits three times as large.
constexpr Op kRsqrt = FloatOp<K::kRsqrt, &Rsqrt>(
    "Rsqrt", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kRsqrtBackward, {&g, &x},
                          [&] { return g * -0.5 * Pow(x, -1.5); }));
      return absl::OkStatus();
    },
    "torch.rsqrt(a)", kPositiveSamples);

constexpr Op kReciprocalBackward =
    GradientOp<K::kReciprocalBackward>("ReciprocalBackward");

constexpr Op kReciprocal = FloatOp<K::kReciprocal, &Reciprocal>(
    "Reciprocal", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0, GradientOf(kReciprocalBackward, {&g, &y},
                          [&] { return -g * Square(y); }));
      return absl::OkStatus();
    },
    "torch.reciprocal(a)", kPositiveSamples);

constexpr Op kSquareBackward = GradientOp<K::kSquareBackward>("SquareBackward");

constexpr Op kSquare = SameOp<K::kSquare, &Square>(
    "Square", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0,
            GradientOf(kSquareBackward, {&g, &x}, [&] { return g * x * 2; }));
      return absl::OkStatus();
    },
    "torch.square(a)", kAnySamples, kFloats | kIntegers);

// ------------------------------------- Trigonometric and hyperbolic functions

constexpr Op kSinBackward = GradientOp<K::kSinBackward>("SinBackward");

constexpr Op kSin = FloatOp<K::kSin, &Sin>(
    "Sin", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kSinBackward, {&g, &x}, [&] { return g * Cos(x); }));
      return absl::OkStatus();
    },
    "torch.sin(a)", kAnySamples);

constexpr Op kCosBackward = GradientOp<K::kCosBackward>("CosBackward");

constexpr Op kCos = FloatOp<K::kCos, &Cos>(
    "Cos", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kCosBackward, {&g, &x}, [&] { return g * -Sin(x); }));
      return absl::OkStatus();
    },
    "torch.cos(a)", kAnySamples);

constexpr Op kTanBackward = GradientOp<K::kTanBackward>("TanBackward");

constexpr Op kTan = FloatOp<K::kTan, &Tan>(
    "Tan", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0, GradientOf(kTanBackward, {&g, &y},
                          [&] { return g * (Square(y) + 1); }));
      return absl::OkStatus();
    },
    "torch.tan(a)", kUnitSamples);

constexpr Op kAsinBackward = GradientOp<K::kAsinBackward>("AsinBackward");

constexpr Op kAsin = FloatOp<K::kAsin, &Asin>(
    "Asin", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kAsinBackward, {&g, &x},
                          [&] { return g * Rsqrt(1 - Square(x)); }));
      return absl::OkStatus();
    },
    "torch.asin(a)", kUnitSamples);

constexpr Op kAcosBackward = GradientOp<K::kAcosBackward>("AcosBackward");

constexpr Op kAcos = FloatOp<K::kAcos, &Acos>(
    "Acos", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kAcosBackward, {&g, &x},
                          [&] { return g * -Rsqrt(1 - Square(x)); }));
      return absl::OkStatus();
    },
    "torch.acos(a)", kUnitSamples);

constexpr Op kAtanBackward = GradientOp<K::kAtanBackward>("AtanBackward");

constexpr Op kAtan = FloatOp<K::kAtan, &Atan>(
    "Atan", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kAtanBackward, {&g, &x},
                          [&] { return g / (Square(x) + 1); }));
      return absl::OkStatus();
    },
    "torch.atan(a)", kAnySamples);

constexpr Op kSinh = FloatOp<K::kSinh, &Sinh>(
    "Sinh", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() * Cosh(d.input(0)));
      return absl::OkStatus();
    },
    "torch.sinh(a)", kFiniteSamples);

constexpr Op kCosh = FloatOp<K::kCosh, &Cosh>(
    "Cosh", UsesInput(0),
    [](Derivative& d) {
      d.Set(0, d.gradient() * Sinh(d.input(0)));
      return absl::OkStatus();
    },
    "torch.cosh(a)", kFiniteSamples);

constexpr Op kTanhBackward = GradientOp<K::kTanhBackward>("TanhBackward");

constexpr Op kTanh = FloatOp<K::kTanh, &Tanh>(
    "Tanh", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0, GradientOf(kTanhBackward, {&g, &y},
                          [&] { return g * (1 - Square(y)); }));
      return absl::OkStatus();
    },
    "torch.tanh(a)", kAnySamples);

constexpr Op kErfBackward = GradientOp<K::kErfBackward>("ErfBackward");

constexpr Op kErf = FloatOp<K::kErf, &Erf>(
    "Erf", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kErfBackward, {&g, &x}, [&] {
              return g * kTwoOverSqrtPi * Exp(-Square(x));
            }));
      return absl::OkStatus();
    },
    "torch.erf(a)", kAnySamples);

// ------------------------------------------------------- Signs and fractions

constexpr Op kAbsBackward = GradientOp<K::kAbsBackward>("AbsBackward");

constexpr Op kAbs = SameOp<K::kAbs, &Abs>(
    "Abs", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kAbsBackward, {&g, &x}, [&] { return g * Sign(x); }));
      return absl::OkStatus();
    },
    "torch.abs(a)", kDistinctSamples, kFloats | kIntegers);

constexpr Op kSign =
    SameOp<K::kSign, &Sign>("Sign", 0, &ZeroDerivative, "torch.sign(a)",
                            kDistinctSamples, kFloats | kIntegers | kBools);

constexpr Op kFloor =
    SameOp<K::kFloor, &Floor>("Floor", 0, &ZeroDerivative, "torch.floor(a)",
                              kAnySamples, kFloats | kIntegers);

constexpr Op kCeil =
    SameOp<K::kCeil, &Ceil>("Ceil", 0, &ZeroDerivative, "torch.ceil(a)",
                            kAnySamples, kFloats | kIntegers);

constexpr Op kRound =
    SameOp<K::kRound, &Round>("Round", 0, &ZeroDerivative, "torch.round(a)",
                              kAnySamples, kFloats | kIntegers);

constexpr Op kTrunc =
    SameOp<K::kTrunc, &Trunc>("Trunc", 0, &ZeroDerivative, "torch.trunc(a)",
                              kDistinctSamples, kFloats | kIntegers);

constexpr Op kFrac = SameOp<K::kFrac, &Frac>(
    "Frac", 0,
    [](Derivative& d) {
      d.Set(0, d.gradient());
      return absl::OkStatus();
    },
    "torch.frac(a)", kDistinctSamples, kFloats);

// ---------------------------------------------------------------- Activations

constexpr Op kSigmoidBackward =
    GradientOp<K::kSigmoidBackward>("SigmoidBackward");

constexpr Op kSigmoid = FloatOp<K::kSigmoid, &Sigmoid>(
    "Sigmoid", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0, GradientOf(kSigmoidBackward, {&g, &y},
                          [&] { return g * (y * (1 - y)); }));
      return absl::OkStatus();
    },
    "torch.sigmoid(a)", kAnySamples);

constexpr Op kReluBackward = GradientOp<K::kReluBackward>("ReluBackward");

constexpr Op kRelu = SameOp<K::kRelu, &Relu>(
    "Relu", UsesOutput(),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand y = d.output();
      d.Set(0, GradientOf(kReluBackward, {&g, &y},
                          [&] { return Where(Le(y, 0), 0, g); }));
      return absl::OkStatus();
    },
    "torch.relu(a)", kDistinctSamples, kFloats | kIntegers);

constexpr Op kLeakyReluBackward =
    GradientOp<K::kLeakyReluBackward, 1>("LeakyReluBackward");

constexpr Op kLeakyRelu = {
    "LeakyRelu",
    &Forward<K::kLeakyRelu, Result::kPromoted, 1>,
    {UsesInput(0)},
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kLeakyReluBackward, {&g, &x}, d.attributes(), [&] {
              return Where(Gt(x, 0), g, g * d.attributes().numbers[0]);
            }));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(LeakyRelu(x[0], attributes.numbers[0]));
    },
    "torch.nn.functional.leaky_relu(a, p)",
    "d[2,3] p=0.1 | d[3,2]t p=0.01 | d[5]s p=0.2 | d[4,3]x p=0.5 | d[0] p=0.1 "
    "| d[] p=0.1 | e[] p=0.1"};

constexpr Op kEluBackward = GradientOp<K::kEluBackward, 1>("EluBackward");

constexpr Op kElu = {
    "Elu",
    &Forward<K::kElu, Result::kPromoted, 1>,
    {UsesInput(0)},
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kEluBackward, {&g, &x}, d.attributes(), [&] {
              // No positive exponents, whose infinities would become NaN when
              // they are differentiated.
              const auto power = Exp(ClampMax(x, 0));
              return Where(Gt(x, 0), g, g * d.attributes().numbers[0] * power);
            }));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Elu(x[0], attributes.numbers[0]));
    },
    "torch.nn.functional.elu(a, p)",
    "d[2,3] p=1 | d[3,2]t p=0.5 | d[5]s p=2 | d[4,3]x p=1 | d[0] p=1 | d[] p=1 "
    "| e[] p=1"};

constexpr Op kSoftplusBackward =
    GradientOp<K::kSoftplusBackward, 2>("SoftplusBackward");

constexpr Op kSoftplus = {
    "Softplus",
    &Forward<K::kSoftplus, Result::kPromoted, 2>,
    {UsesInput(0)},
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kSoftplusBackward, {&g, &x}, d.attributes(), [&] {
              const auto scaled = x * d.attributes().numbers[0];
              return Where(Gt(scaled, d.attributes().numbers[1]), g,
                           g * Sigmoid(scaled));
            }));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(
          Softplus(x[0], attributes.numbers[0], attributes.numbers[1]));
    },
    "torch.nn.functional.softplus(a, p, q)",
    "f[2,3] p=1 q=20 | f[3,2]t p=2 q=20 | f[5]s p=0.5 q=1 | f[4,3]x p=1 q=20 | "
    "f[0] p=1 q=20 | f[] p=1 q=20 | e[] p=1 q=20"};

constexpr Op kSiluBackward = GradientOp<K::kSiluBackward>("SiluBackward");

constexpr Op kSilu = FloatOp<K::kSilu, &Silu>(
    "Silu", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kSiluBackward, {&g, &x}, [&] {
              const auto s = Sigmoid(x);
              return g * s * (x * (1 - s) + 1);
            }));
      return absl::OkStatus();
    },
    "torch.nn.functional.silu(a)", kAnySamples, kFloats);

constexpr Op kGeluBackward = GradientOp<K::kGeluBackward>("GeluBackward");

constexpr Op kGelu = FloatOp<K::kGelu, &Gelu>(
    "Gelu", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kGeluBackward, {&g, &x}, [&] {
              const auto probability = (Erf(x * kSqrtHalf) + 1) * 0.5;
              const auto density = Exp(Square(x) * -0.5) * kInverseSqrtTwoPi;
              return g * (probability + x * density);
            }));
      return absl::OkStatus();
    },
    "torch.nn.functional.gelu(a)", kAnySamples, kFloats);

constexpr Op kGeluTanhBackward =
    GradientOp<K::kGeluTanhBackward>("GeluTanhBackward");

constexpr Op kGeluTanh = FloatOp<K::kGeluTanh, &GeluTanh>(
    "GeluTanh", UsesInput(0),
    [](Derivative& d) {
      const Operand g = d.gradient();
      const Operand x = d.input(0);
      d.Set(0, GradientOf(kGeluTanhBackward, {&g, &x}, [&] {
              const auto tanh =
                  Tanh((x + Pow(x, 3) * kGeluCube) * kSqrtTwoOverPi);
              const auto inner =
                  (Square(x) * (3 * kGeluCube) + 1) * kSqrtTwoOverPi;
              return g * 0.5 * (tanh + 1 + x * (1 - Square(tanh)) * inner);
            }));
      return absl::OkStatus();
    },
    "torch.nn.functional.gelu(a, approximate='tanh')", kAnySamples, kFloats);

constexpr const Op* kOps[] = {
    &kExp,       &kExpm1,      &kLog,      &kLog2, &kLog10, &kLog1p,    &kSqrt,
    &kRsqrt,     &kReciprocal, &kSquare,   &kSin,  &kCos,   &kTan,      &kAsin,
    &kAcos,      &kAtan,       &kSinh,     &kCosh, &kTanh,  &kSigmoid,  &kRelu,
    &kLeakyRelu, &kElu,        &kSoftplus, &kSilu, &kGelu,  &kGeluTanh, &kErf,
    &kAbs,       &kSign,       &kFloor,    &kCeil, &kRound, &kTrunc,    &kFrac};

}  // namespace

absl::StatusOr<Tensor> Exp(const Operand& x) { return Apply(kExp, {&x}); }
absl::StatusOr<Tensor> Expm1(const Operand& x) { return Apply(kExpm1, {&x}); }
absl::StatusOr<Tensor> Log(const Operand& x) { return Apply(kLog, {&x}); }
absl::StatusOr<Tensor> Log2(const Operand& x) { return Apply(kLog2, {&x}); }
absl::StatusOr<Tensor> Log10(const Operand& x) { return Apply(kLog10, {&x}); }
absl::StatusOr<Tensor> Log1p(const Operand& x) { return Apply(kLog1p, {&x}); }
absl::StatusOr<Tensor> Sqrt(const Operand& x) { return Apply(kSqrt, {&x}); }
absl::StatusOr<Tensor> Rsqrt(const Operand& x) { return Apply(kRsqrt, {&x}); }
absl::StatusOr<Tensor> Reciprocal(const Operand& x) {
  return Apply(kReciprocal, {&x});
}
absl::StatusOr<Tensor> Square(const Operand& x) { return Apply(kSquare, {&x}); }
absl::StatusOr<Tensor> Sin(const Operand& x) { return Apply(kSin, {&x}); }
absl::StatusOr<Tensor> Cos(const Operand& x) { return Apply(kCos, {&x}); }
absl::StatusOr<Tensor> Tan(const Operand& x) { return Apply(kTan, {&x}); }
absl::StatusOr<Tensor> Asin(const Operand& x) { return Apply(kAsin, {&x}); }
absl::StatusOr<Tensor> Acos(const Operand& x) { return Apply(kAcos, {&x}); }
absl::StatusOr<Tensor> Atan(const Operand& x) { return Apply(kAtan, {&x}); }
absl::StatusOr<Tensor> Sinh(const Operand& x) { return Apply(kSinh, {&x}); }
absl::StatusOr<Tensor> Cosh(const Operand& x) { return Apply(kCosh, {&x}); }
absl::StatusOr<Tensor> Tanh(const Operand& x) { return Apply(kTanh, {&x}); }
absl::StatusOr<Tensor> Erf(const Operand& x) { return Apply(kErf, {&x}); }
absl::StatusOr<Tensor> Abs(const Operand& x) { return Apply(kAbs, {&x}); }
absl::StatusOr<Tensor> Sign(const Operand& x) { return Apply(kSign, {&x}); }
absl::StatusOr<Tensor> Floor(const Operand& x) { return Apply(kFloor, {&x}); }
absl::StatusOr<Tensor> Ceil(const Operand& x) { return Apply(kCeil, {&x}); }
absl::StatusOr<Tensor> Round(const Operand& x) { return Apply(kRound, {&x}); }
absl::StatusOr<Tensor> Trunc(const Operand& x) { return Apply(kTrunc, {&x}); }
absl::StatusOr<Tensor> Frac(const Operand& x) { return Apply(kFrac, {&x}); }
absl::StatusOr<Tensor> Sigmoid(const Operand& x) {
  return Apply(kSigmoid, {&x});
}
absl::StatusOr<Tensor> Relu(const Operand& x) { return Apply(kRelu, {&x}); }
absl::StatusOr<Tensor> LeakyRelu(const Operand& x, double slope) {
  Attributes attributes;
  attributes.numbers[0] = slope;
  return Apply(kLeakyRelu, {&x}, attributes);
}
absl::StatusOr<Tensor> Elu(const Operand& x, double alpha) {
  Attributes attributes;
  attributes.numbers[0] = alpha;
  return Apply(kElu, {&x}, attributes);
}
absl::StatusOr<Tensor> Softplus(const Operand& x, double beta,
                                double threshold) {
  Attributes attributes;
  attributes.numbers = {beta, threshold};
  return Apply(kSoftplus, {&x}, attributes);
}
absl::StatusOr<Tensor> Silu(const Operand& x) { return Apply(kSilu, {&x}); }
absl::StatusOr<Tensor> Gelu(const Operand& x) { return Apply(kGelu, {&x}); }
absl::StatusOr<Tensor> GeluTanh(const Operand& x) {
  return Apply(kGeluTanh, {&x});
}

absl::StatusOr<Tensor> AbsInPlace(const Operand& self) {
  return ApplyInPlace(kAbs, {&self});
}
absl::StatusOr<Tensor> ExpInPlace(const Operand& self) {
  return ApplyInPlace(kExp, {&self});
}
absl::StatusOr<Tensor> LogInPlace(const Operand& self) {
  return ApplyInPlace(kLog, {&self});
}
absl::StatusOr<Tensor> SqrtInPlace(const Operand& self) {
  return ApplyInPlace(kSqrt, {&self});
}
absl::StatusOr<Tensor> RsqrtInPlace(const Operand& self) {
  return ApplyInPlace(kRsqrt, {&self});
}
absl::StatusOr<Tensor> ReciprocalInPlace(const Operand& self) {
  return ApplyInPlace(kReciprocal, {&self});
}
absl::StatusOr<Tensor> SquareInPlace(const Operand& self) {
  return ApplyInPlace(kSquare, {&self});
}
absl::StatusOr<Tensor> FloorInPlace(const Operand& self) {
  return ApplyInPlace(kFloor, {&self});
}
absl::StatusOr<Tensor> CeilInPlace(const Operand& self) {
  return ApplyInPlace(kCeil, {&self});
}
absl::StatusOr<Tensor> RoundInPlace(const Operand& self) {
  return ApplyInPlace(kRound, {&self});
}
absl::StatusOr<Tensor> TruncInPlace(const Operand& self) {
  return ApplyInPlace(kTrunc, {&self});
}
absl::StatusOr<Tensor> TanhInPlace(const Operand& self) {
  return ApplyInPlace(kTanh, {&self});
}
absl::StatusOr<Tensor> SigmoidInPlace(const Operand& self) {
  return ApplyInPlace(kSigmoid, {&self});
}
absl::StatusOr<Tensor> ReluInPlace(const Operand& self) {
  return ApplyInPlace(kRelu, {&self});
}
absl::StatusOr<Tensor> LeakyReluInPlace(const Operand& self, double slope) {
  Attributes attributes;
  attributes.numbers[0] = slope;
  return ApplyInPlace(kLeakyRelu, {&self}, attributes);
}
absl::StatusOr<Tensor> EluInPlace(const Operand& self, double alpha) {
  Attributes attributes;
  attributes.numbers[0] = alpha;
  return ApplyInPlace(kElu, {&self}, attributes);
}
absl::StatusOr<Tensor> SiluInPlace(const Operand& self) {
  return ApplyInPlace(kSilu, {&self});
}

absl::Span<const Op* const> FunctionOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
