// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/elementwise_loops.h
// -----------------------------------------------------------------------------
//
// The innermost loops of elementwise.h: over arrays of one type, without
// strides and casts. Loops over float32 and float64 use the best vector
// instructions that the processor has.
//
// Example: add two arrays.
//
//   const ElementwiseLoop add =
//       ArithmeticLoop(ElementwiseKernel::kAdd, DType::kFloat32);
//   const LoopInput inputs[] = {{a, false}, {b, false}};
//   add(inputs, out, 100);
#ifndef FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_LOOPS_H_
#define FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_LOOPS_H_

#include <cstddef>
#include <cstdint>

#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// What to compute for each element. Inputs are named in their order. Kernels
// for floating-point numbers do not exist for integers unless the comment says
// so.
enum class ElementwiseKernel : uint8_t {
  // --- One input, x. ---
  kNeg,    // also for integers; wraps
  kAbs,    // also for integers; wraps
  kSign,   // -1, 0 or 1; 0 for NaN; also for integers
  kFloor,  // also for integers: x
  kCeil,
  kRound,  // halves go to the even integer
  kTrunc,
  kFrac,    // x - trunc(x)
  kSquare,  // also for integers; wraps
  kCube,    // also for integers; wraps
  kSqrt,
  kRsqrt,
  kReciprocal,
  kInverseSquare,  // 1 / (x * x)
  kExp,
  kExpm1,
  kLog,
  kLog2,
  kLog10,
  kLog1p,
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kTanh,
  kErf,
  kSigmoid,
  kRelu,  // also for integers
  kSilu,
  kGelu,      // x * Phi(x) by erf
  kGeluTanh,  // the same by the approximation with tanh
  // These write bools.
  kIsNan,  // also for integers
  kIsInf,
  kIsFinite,
  kLogicalNot,  // for bools only

  // --- Two inputs, a and b. ---
  kAdd,      // for all dtypes; wraps; or for bools
  kSub,      // also for integers; wraps
  kMul,      // for all dtypes; wraps; and for bools
  kDiv,      // a / b
  kMaximum,  // for all dtypes; NaN if either is NaN
  kMinimum,
  kPow,        // also for integers; wraps
  kFmod,       // also for integers; the sign of a; 0 if an integer b is 0
  kRemainder,  // also for integers; the sign of b; 0 if an integer b is 0
  kAtan2,
  kHypot,
  kLeakyRelu,  // x, slope
  kElu,        // x, alpha
  // These write bools, for all dtypes.
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  // For bools only.
  kLogicalAnd,
  kLogicalOr,
  kLogicalXor,
  // Factors of gradients. g is the gradient of the result.
  kTanhBackward,        // g, y: g * (1 - y * y)
  kSigmoidBackward,     // g, y: g * y * (1 - y)
  kReluBackward,        // g, x: g where x > 0 or x is NaN, or else 0
  kSiluBackward,        // g, x
  kGeluBackward,        // g, x
  kGeluTanhBackward,    // g, x
  kAbsBackward,         // g, x: g * sign(x)
  kSqrtBackward,        // g, y: g / (2 * y)
  kRsqrtBackward,       // g, x: -g / (2 * x * sqrt(x))
  kReciprocalBackward,  // g, y: -g * y * y

  kSquareBackward,  // g, x: 2 * g * x
  kExpm1Backward,   // g, y: g * (y + 1)
  kSinBackward,     // g, x: g * cos(x)
  kCosBackward,     // g, x: -g * sin(x)
  kTanBackward,     // g, y: g * (1 + y * y)
  kAsinBackward,    // g, x: g / sqrt(1 - x * x)
  kAcosBackward,    // g, x: -g / sqrt(1 - x * x)
  kAtanBackward,    // g, x: g / (1 + x * x)
  kErfBackward,     // g, x: g * exp(-x * x) * 2 / sqrt(pi)

  // --- Three inputs. ---
  kWhere,              // condition (bool), a, b; for all dtypes
  kAddScaled,          // a, b, s: a + s * b; also for integers; wraps
  kLerp,               // a, b, weight
  kClamp,              // x, low, high; also for integers; high if low > high
  kSoftplus,           // x, beta, threshold: x where x * beta > threshold
  kLeakyReluBackward,  // g, x, slope
  kEluBackward,        // g, x, alpha
  kMaximumBackward,    // g, a, b: g where a > b, g / 2 where a == b, or else 0

  kAtan2Backward,  // g, a, b: g * b / (a * a + b * b)
  kHypotBackward,  // g, a, y: g * a / y
  kPowBackward,    // g, a, b: g * b * a^(b - 1), or 0 where b is 0

  // --- Four inputs. ---
  kAddcmul,              // a, b, c, s: a + s * b * c; also for integers; wraps
  kAddcdiv,              // a, b, c, s: a + s * b / c
  kSoftplusBackward,     // g, x, beta, threshold
  kPowExponentBackward,  // g, a, b, y: g * y * log(a), or 0 where a is 0 and b
                         // is not negative
  kClampBackward,        // g, x, low, high: g where low <= x <= high, or else 0
};

inline constexpr size_t kMaxElementwiseInputs = 4;

// The number of bytes that `LoopInput::data` must have if it is a number.
inline constexpr size_t kNumberBytes = 64;

// One input of a loop.
struct LoopInput {
  // Points to one element for each step of the loop, or to kNumberBytes filled
  // with one number.
  const void* data;
  bool is_number;
};

// Computes `count` elements. `out` may be the same array as an input, but must
// not overlap it otherwise. An element has the same bits wherever it is in the
// arrays. Thread-safe; allocates nothing.
using ElementwiseLoop = void (*)(const LoopInput* inputs, void* out,
                                 int64_t count);

// Return the loop whose inputs have the dtype, or null if there is none. The
// output has the dtype too, or is bool where the kernel says so. The condition
// of kWhere is bool.
//
//   ArithmeticLoop  sums, products, roots, comparisons and the like, for
//                   float32 and float64.
//   FunctionLoop    exponential, trigonometric and activation functions, for
//                   float32 and float64. Errors are less than 8 units in the
//                   last place, except in kGelu and kErf near zeros of
//                   1 + erf.
//   PlainLoop       everything for integers and bools, kWhere for all dtypes,
//                   and calls to the C library: kPow, kFmod, kRemainder,
//                   kAtan2, kHypot and the gradients of kPow for float32 and
//                   float64.
ElementwiseLoop ArithmeticLoop(ElementwiseKernel kernel, DType dtype);
ElementwiseLoop FunctionLoop(ElementwiseKernel kernel, DType dtype);
ElementwiseLoop PlainLoop(ElementwiseKernel kernel, DType dtype);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_LOOPS_H_
