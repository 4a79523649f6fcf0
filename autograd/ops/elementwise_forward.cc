// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/elementwise_forward.h"

#include <algorithm>
#include <array>

#include "ferry/autograd/ops/promotion.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace elementwise {
namespace {

// Returns the dtype to compute in: see `Compute`.
DType KernelDType(const Call& call, DType promoted) {
  const DType compute = ComputeDType(promoted);
  if (compute == promoted) return promoted;
  const bool are_rounded =
      std::all_of(call.inputs().begin(), call.inputs().end(),
                  [promoted](const Input& input) {
                    return input.is_number() || input.dtype() == promoted;
                  });
  return are_rounded ? compute : promoted;
}

}  // namespace

absl::StatusOr<Outputs> Compute(const Call& call, K kernel, DType promoted,
                                DType dtype, size_t numbers, size_t operands) {
  FERRY_ASSIGN_OR_RETURN(const Dimensions shape, BroadcastShape(call.inputs()));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, dtype));
  const std::array<Scalar, 2> attributes = {call.attributes().numbers[0],
                                            call.attributes().numbers[1]};
  std::array<kernels::ConstView, kernels::kMaxElementwiseInputs> views;
  size_t count = 0;
  for (const Input& input : call.inputs().subspan(0, operands)) {
    views[count++] = input.is_number() ? kernels::ViewOf(input.number())
                                       : kernels::ViewOf(input.tensor());
  }
  for (size_t i = 0; i < numbers; ++i) {
    views[count++] = kernels::ViewOf(attributes[i]);
  }
  // PyTorch rounds numbers that it compares.
  const DType compute =
      dtype == promoted ? KernelDType(call, promoted) : promoted;
  kernels::Elementwise(kernel, compute, {views.data(), count}, out);
  return out;
}

absl::StatusOr<Outputs> Compute(const Call& call, K kernel, Result result,
                                size_t numbers, size_t deciding) {
  const absl::Span<const Input> inputs =
      deciding == 0 ? call.inputs() : call.inputs().subspan(0, deciding);
  switch (result) {
    case Result::kPromoted: {
      const DType dtype = PromotedDType(inputs);
      return Compute(call, kernel, dtype, dtype, numbers, call.size());
    }
    case Result::kFloat: {
      const DType dtype = PromotedFloatDType(inputs);
      return Compute(call, kernel, dtype, dtype, numbers, call.size());
    }
    case Result::kTest:
      return Compute(call, kernel, PromotedDType(inputs), DType::kBool, numbers,
                     call.size());
    default:
      return Compute(call, kernel, DType::kBool, DType::kBool, numbers,
                     call.size());
  }
}

absl::StatusOr<Tensor> ZerosLike(const Tensor& tensor) {
  return Zeros(tensor.shape(), TensorOptions().dtype(tensor.dtype()));
}

}  // namespace elementwise
}  // namespace v1
}  // namespace ferry
