// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/elementwise_forward.h
// -----------------------------------------------------------------------------
//
// `Op::forward` for ops that are one elementwise kernel.
//
// Example: the entry of Sin.
//
//   constexpr Op kSin = {"Sin", &Forward<K::kSin, Result::kFloat>, ...};
#ifndef FERRY_AUTOGRAD_OPS_ELEMENTWISE_FORWARD_H_
#define FERRY_AUTOGRAD_OPS_ELEMENTWISE_FORWARD_H_

#include <cstddef>
#include <initializer_list>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/kernels/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace elementwise {

using K = kernels::ElementwiseKernel;

// The dtype of a result.
enum class Result {
  kPromoted,  // the promoted dtype of the operands
  kFloat,     // the same, but float32 for integers and bools
  kTest,      // bool, computed in the promoted dtype
  kLogical,   // bool, computed in bool
};

// Computes `kernel` for operands that are broadcast to the same shape.
//
//   promoted  the dtype that the operands are cast to. Where it is a float of
//             16 bits, and the tensors have it already, numbers are not
//             rounded to it but used in float32.
//   dtype     the dtype of the result: `promoted` or bool.
//   numbers   how many of `Attributes::numbers` follow the operands as inputs
//             of the kernel.
//   operands  how many of the operands are inputs of the kernel; the others
//             have no shape.
//
// Errors: kInvalidArgument - as `BroadcastShape` and `Call::MakeOutput`.
absl::StatusOr<Outputs> Compute(const Call& call, K kernel, DType promoted,
                                DType dtype, size_t numbers, size_t operands);

// Does the same with the dtypes that `result` says. The first `kDeciding`
// operands decide on them; 0 means all.
absl::StatusOr<Outputs> Compute(const Call& call, K kernel, Result result,
                                size_t numbers, size_t deciding);

// For operands that decide on the dtypes, and are all inputs.
template <K kKernel, Result kResult, size_t kAttributes = 0,
          size_t kDeciding = 0>
absl::StatusOr<Outputs> Forward(const Call& call) {
  return Compute(call, kKernel, kResult, kAttributes, kDeciding);
}

// Calls a public function of one, two or three operands: an `Op::call`.
template <absl::StatusOr<Tensor> (*kFunction)(const Operand&)>
absl::StatusOr<Outputs> CallUnary(absl::Span<const Operand> x,
                                  const Attributes& attributes) {
  return AsOutputs(kFunction(x[0]));
}
template <absl::StatusOr<Tensor> (*kFunction)(const Operand&, const Operand&)>
absl::StatusOr<Outputs> CallBinary(absl::Span<const Operand> x,
                                   const Attributes& attributes) {
  return AsOutputs(kFunction(x[0], x[1]));
}
template <absl::StatusOr<Tensor> (*kFunction)(const Operand&, const Operand&,
                                              const Operand&)>
absl::StatusOr<Outputs> CallTernary(absl::Span<const Operand> x,
                                    const Attributes& attributes) {
  return AsOutputs(kFunction(x[0], x[1], x[2]));
}

// Returns the entry of an op that computes a gradient by one kernel, from the
// incoming gradient and further operands. It has no derivative, and is not in
// the table: the tests of the op whose gradient it computes cover it.
template <K kKernel, size_t kAttributes = 0>
constexpr Op GradientOp(absl::string_view name) {
  return {name,
          &Forward<kKernel, Result::kPromoted, kAttributes, /*kDeciding=*/1>,
          {},
          nullptr,
          OpKind::kOrdinary,
          kFloats | kIntegers | kBools | kNumbers,
          nullptr,
          "",
          ""};
}

// Returns what `op`, a GradientOp, computes. While the backward pass is
// recorded, returns `formula()` instead, which computes the same by ops that
// have derivatives.
template <typename Formula>
absl::StatusOr<Tensor> GradientOf(
    const Op& op, std::initializer_list<const Operand*> operands,
    const Attributes& attributes, Formula formula) {
  if (GradEnabled()) return formula();
  return Apply(op, operands, attributes);
}
template <typename Formula>
absl::StatusOr<Tensor> GradientOf(
    const Op& op, std::initializer_list<const Operand*> operands,
    Formula formula) {
  return GradientOf(op, operands, Attributes(), formula);
}

// Returns a tensor of zeros of the shape and dtype of `tensor`.
absl::StatusOr<Tensor> ZerosLike(const Tensor& tensor);

}  // namespace elementwise
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_ELEMENTWISE_FORWARD_H_
