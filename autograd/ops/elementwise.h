// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/elementwise.h
// -----------------------------------------------------------------------------
//
// Ops that compute each element of the result from the elements of their
// operands at the same place: arithmetic, choices and comparisons.
// autograd/ops/functions.h has the functions of one operand, such as Exp.
//
// Example:
//
//   auto y = x * 2 + 1;
//   auto z = Add(x, y, 0.5);  // x + 0.5 * y
//
// Operands are broadcast to one shape, and converted to one dtype as in
// PyTorch.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time. The bits of the results do not depend on the number of threads.
//
// Errors of all functions, besides those of `Apply` (autograd/ops/op.h):
//
//   kInvalidArgument - the shapes cannot be broadcast. For an op in place, the
//                      result does not have the shape of the tensor, or has a
//                      dtype of a higher category, such as float for int64.
#ifndef FERRY_AUTOGRAD_OPS_ELEMENTWISE_H_
#define FERRY_AUTOGRAD_OPS_ELEMENTWISE_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// --- Arithmetic --------------------------------------------------------------

// Return a + b, a - b, a * b, a / b and -x. Integers wrap around. For bools,
// a + b is "or" and a * b is "and". Sub and Neg do not take bools. Division is
// true division: the quotient of integers is float32.
absl::StatusOr<Tensor> Add(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Sub(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Mul(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Div(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Neg(const Operand& x);

// Return a + alpha * b and a - alpha * b in one pass.
//
// Errors: kInvalidArgument - `alpha` is a real number, but the result has
//         integers or bools.
absl::StatusOr<Tensor> Add(const Operand& a, const Operand& b,
                           const Scalar& alpha);
absl::StatusOr<Tensor> Sub(const Operand& a, const Operand& b,
                           const Scalar& alpha);

inline absl::StatusOr<Tensor> operator+(const Operand& a, const Operand& b) {
  return Add(a, b);
}
inline absl::StatusOr<Tensor> operator-(const Operand& a, const Operand& b) {
  return Sub(a, b);
}
inline absl::StatusOr<Tensor> operator*(const Operand& a, const Operand& b) {
  return Mul(a, b);
}
inline absl::StatusOr<Tensor> operator/(const Operand& a, const Operand& b) {
  return Div(a, b);
}
inline absl::StatusOr<Tensor> operator-(const Operand& x) { return Neg(x); }

// Returns a to the power of b. At least one of them must not be bool. The
// gradient of the exponent is 0 where the base is 0 and the exponent is not
// negative.
//
// Errors: kInvalidArgument - the result has integers, and the exponent is a
//         negative number.
absl::StatusOr<Tensor> Pow(const Operand& a, const Operand& b);

// Return the remainder of a / b. The result of Fmod has the sign of a. The
// result of Remainder has the sign of b, like `%` in Python. At least one of a
// and b must not be bool.
//
// Errors: kInvalidArgument - the result has integers, and b has a 0. The
//         message says ZeroDivisionError, as in PyTorch.
absl::StatusOr<Tensor> Fmod(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Remainder(const Operand& a, const Operand& b);

// Returns the angle of the point (b, a), from -pi to pi. The gradients at
// (0, 0) are NaN. The result of integers is float32.
absl::StatusOr<Tensor> Atan2(const Operand& a, const Operand& b);

// Returns sqrt(a^2 + b^2). The squares do not overflow. For floats only.
absl::StatusOr<Tensor> Hypot(const Operand& a, const Operand& b);

// Addcmul returns x + value * a * b. Addcdiv returns x + value * a / b, and is
// for floats only.
absl::StatusOr<Tensor> Addcmul(const Operand& x, const Operand& a,
                               const Operand& b, const Scalar& value = 1);
absl::StatusOr<Tensor> Addcdiv(const Operand& x, const Operand& a,
                               const Operand& b, const Scalar& value = 1);

// Returns a + weight * (b - a). For floats only.
absl::StatusOr<Tensor> Lerp(const Operand& a, const Operand& b,
                            const Operand& weight);

// --- Choices -----------------------------------------------------------------

// Return the larger or the smaller of a and b, or NaN if either is NaN. Where
// they are equal, each gets half of the gradient.
absl::StatusOr<Tensor> Maximum(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Minimum(const Operand& a, const Operand& b);

// Return x, with elements below `min` replaced by `min`, and elements above
// `max` replaced by `max`. NaN stays NaN. If min > max, all elements become
// max. An element that equals a bound gets the whole gradient.
//
// Errors: kInvalidArgument - the result has integers, and a bound is a number
//         that does not fit into its dtype.
absl::StatusOr<Tensor> Clamp(const Operand& x, const Operand& min,
                             const Operand& max);
absl::StatusOr<Tensor> ClampMin(const Operand& x, const Operand& min);
absl::StatusOr<Tensor> ClampMax(const Operand& x, const Operand& max);

// Returns a where `condition` is true, and b where it is false. The operand
// that is not chosen gets the gradient 0. The op that computed it may turn that
// 0 into NaN: Sqrt does at 0.
//
// Errors: kInvalidArgument - `condition` is not of dtype bool.
absl::StatusOr<Tensor> Where(const Operand& condition, const Operand& a,
                             const Operand& b);

// --- Comparisons and logic ---------------------------------------------------

// Return a == b, a != b, a < b, a <= b, a > b and a >= b, as bools. A
// comparison with NaN is false, except that Ne is true.
absl::StatusOr<Tensor> Eq(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Ne(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Lt(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Le(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Gt(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> Ge(const Operand& a, const Operand& b);

// Return "and", "or", "exclusive or" and "not", as bools. Elements that are not
// 0 count as true, and so does NaN.
absl::StatusOr<Tensor> LogicalAnd(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> LogicalOr(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> LogicalXor(const Operand& a, const Operand& b);
absl::StatusOr<Tensor> LogicalNot(const Operand& x);

// Return whether elements are NaN, infinite, or neither, as bools.
absl::StatusOr<Tensor> IsNan(const Operand& x);
absl::StatusOr<Tensor> IsInf(const Operand& x);
absl::StatusOr<Tensor> IsFinite(const Operand& x);

// --- In place ----------------------------------------------------------------

// Write the result of the op of the same name to `self`, and return `self`.
// Errors: also those of `ApplyInPlace` (autograd/ops/op.h).
absl::StatusOr<Tensor> AddInPlace(const Operand& self, const Operand& other);
absl::StatusOr<Tensor> SubInPlace(const Operand& self, const Operand& other);
absl::StatusOr<Tensor> AddInPlace(const Operand& self, const Operand& other,
                                  const Scalar& alpha);
absl::StatusOr<Tensor> SubInPlace(const Operand& self, const Operand& other,
                                  const Scalar& alpha);
absl::StatusOr<Tensor> MulInPlace(const Operand& self, const Operand& other);
absl::StatusOr<Tensor> DivInPlace(const Operand& self, const Operand& other);
absl::StatusOr<Tensor> NegInPlace(const Operand& self);
absl::StatusOr<Tensor> PowInPlace(const Operand& self, const Operand& other);
absl::StatusOr<Tensor> ClampInPlace(const Operand& self, const Operand& min,
                                    const Operand& max);
absl::StatusOr<Tensor> ClampMinInPlace(const Operand& self, const Operand& min);
absl::StatusOr<Tensor> ClampMaxInPlace(const Operand& self, const Operand& max);
absl::StatusOr<Tensor> AddcmulInPlace(const Operand& self, const Operand& a,
                                      const Operand& b,
                                      const Scalar& value = 1);
absl::StatusOr<Tensor> AddcdivInPlace(const Operand& self, const Operand& a,
                                      const Operand& b,
                                      const Scalar& value = 1);
absl::StatusOr<Tensor> LerpInPlace(const Operand& self, const Operand& end,
                                   const Operand& weight);

// FillInPlace sets all elements of `self` to `value`, a number or a tensor of
// rank 0. ZeroInPlace sets them to 0. Both return `self`.
absl::StatusOr<Tensor> FillInPlace(const Operand& self, const Operand& value);
absl::StatusOr<Tensor> ZeroInPlace(const Operand& self);

// The entries of these ops.
absl::Span<const Op* const> ElementwiseOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_ELEMENTWISE_H_
