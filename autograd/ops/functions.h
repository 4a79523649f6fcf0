// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/functions.h
// -----------------------------------------------------------------------------
//
// Functions of each element of one tensor: exponential, trigonometric and
// rounding functions, and the activations of neural networks.
//
// Example:
//
//   auto hidden = Relu(x * weight + bias);
//   auto loss = Square(Sigmoid(hidden) - target);
//
// Unless a comment says otherwise, functions take floats, integers and bools.
// Integers and bools are computed in float32, and the result is float32.
// float16 and bfloat16 are computed in float32 and rounded. Results in float32
// and float64 are within 8 units in the last place of the exact ones, and
// mostly within 2. Subnormal results of Sigmoid and Silu may be 0.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. Errors: those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_FUNCTIONS_H_
#define FERRY_AUTOGRAD_OPS_FUNCTIONS_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// --- Exponentials, logarithms and powers -------------------------------------

// Return e^x; e^x - 1; the natural logarithm of x; its logarithms to the bases
// 2 and 10; and the natural logarithm of 1 + x.
absl::StatusOr<Tensor> Exp(const Operand& x);
absl::StatusOr<Tensor> Expm1(const Operand& x);
absl::StatusOr<Tensor> Log(const Operand& x);
absl::StatusOr<Tensor> Log2(const Operand& x);
absl::StatusOr<Tensor> Log10(const Operand& x);
absl::StatusOr<Tensor> Log1p(const Operand& x);

// Return the square root of x, 1 / sqrt(x), and 1 / x.
absl::StatusOr<Tensor> Sqrt(const Operand& x);
absl::StatusOr<Tensor> Rsqrt(const Operand& x);
absl::StatusOr<Tensor> Reciprocal(const Operand& x);

// Returns x * x. Integers stay integers and wrap around. Does not take bools.
absl::StatusOr<Tensor> Square(const Operand& x);

// --- Trigonometric and hyperbolic functions ----------------------------------

// Angles are in radians.
absl::StatusOr<Tensor> Sin(const Operand& x);
absl::StatusOr<Tensor> Cos(const Operand& x);
absl::StatusOr<Tensor> Tan(const Operand& x);
absl::StatusOr<Tensor> Asin(const Operand& x);
absl::StatusOr<Tensor> Acos(const Operand& x);
absl::StatusOr<Tensor> Atan(const Operand& x);
absl::StatusOr<Tensor> Sinh(const Operand& x);
absl::StatusOr<Tensor> Cosh(const Operand& x);
absl::StatusOr<Tensor> Tanh(const Operand& x);

// Returns the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from
// 0 to x.
absl::StatusOr<Tensor> Erf(const Operand& x);

// --- Signs and fractions -----------------------------------------------------

// Abs returns |x|. Sign returns -1, 0 or 1, and 0 for NaN. Integers stay
// integers; Abs of the smallest one wraps around. The gradient of Abs at 0 is
// 0, and the gradient of Sign is 0 everywhere.
absl::StatusOr<Tensor> Abs(const Operand& x);
absl::StatusOr<Tensor> Sign(const Operand& x);

// Round x down, up, to the nearest integer, and towards 0. Round takes halves
// to the even integer. Integers do not change. The functions do not take bools.
// The gradients are 0.
absl::StatusOr<Tensor> Floor(const Operand& x);
absl::StatusOr<Tensor> Ceil(const Operand& x);
absl::StatusOr<Tensor> Round(const Operand& x);
absl::StatusOr<Tensor> Trunc(const Operand& x);

// Returns x - Trunc(x). For floats only.
absl::StatusOr<Tensor> Frac(const Operand& x);

// --- Activations -------------------------------------------------------------

// Returns 1 / (1 + exp(-x)).
absl::StatusOr<Tensor> Sigmoid(const Operand& x);

// Returns x where it is positive or NaN, or else 0. Integers stay integers.
// Does not take bools. The gradient at 0 is 0.
absl::StatusOr<Tensor> Relu(const Operand& x);

// The functions below take floats only.

// Returns x where it is positive, or else slope * x. The gradient at 0 is
// `slope`.
absl::StatusOr<Tensor> LeakyRelu(const Operand& x, double slope = 0.01);

// Returns x where it is positive, or else alpha * (exp(x) - 1).
absl::StatusOr<Tensor> Elu(const Operand& x, double alpha = 1.0);

// Returns log(1 + exp(beta * x)) / beta, or x where beta * x > threshold.
absl::StatusOr<Tensor> Softplus(const Operand& x, double beta = 1.0,
                                double threshold = 20.0);

// Returns x * Sigmoid(x).
absl::StatusOr<Tensor> Silu(const Operand& x);

// Gelu returns x * P(x), where P is the distribution function of the standard
// normal distribution. GeluTanh approximates it with tanh, like
// gelu(x, approximate='tanh') in PyTorch.
absl::StatusOr<Tensor> Gelu(const Operand& x);
absl::StatusOr<Tensor> GeluTanh(const Operand& x);

// --- In place ----------------------------------------------------------------

// Write the result of the op of the same name to `self`, and return `self`.
// Errors: also those of `ApplyInPlace` (autograd/ops/op.h).
absl::StatusOr<Tensor> AbsInPlace(const Operand& self);
absl::StatusOr<Tensor> ExpInPlace(const Operand& self);
absl::StatusOr<Tensor> LogInPlace(const Operand& self);
absl::StatusOr<Tensor> SqrtInPlace(const Operand& self);
absl::StatusOr<Tensor> RsqrtInPlace(const Operand& self);
absl::StatusOr<Tensor> ReciprocalInPlace(const Operand& self);
absl::StatusOr<Tensor> SquareInPlace(const Operand& self);
absl::StatusOr<Tensor> FloorInPlace(const Operand& self);
absl::StatusOr<Tensor> CeilInPlace(const Operand& self);
absl::StatusOr<Tensor> RoundInPlace(const Operand& self);
absl::StatusOr<Tensor> TruncInPlace(const Operand& self);
absl::StatusOr<Tensor> TanhInPlace(const Operand& self);
absl::StatusOr<Tensor> SigmoidInPlace(const Operand& self);
absl::StatusOr<Tensor> ReluInPlace(const Operand& self);
absl::StatusOr<Tensor> LeakyReluInPlace(const Operand& self,
                                        double slope = 0.01);
absl::StatusOr<Tensor> EluInPlace(const Operand& self, double alpha = 1.0);
absl::StatusOr<Tensor> SiluInPlace(const Operand& self);

// The entries of these ops.
absl::Span<const Op* const> FunctionOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_FUNCTIONS_H_
