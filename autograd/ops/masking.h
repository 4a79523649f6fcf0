// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/masking.h
// -----------------------------------------------------------------------------
//
// Ops that choose elements of a tensor by a mask.
//
// Example: set what is negative to 0, and take the rest as a vector.
//
//   auto is_negative = Lt(x, 0);
//   auto clipped = MaskedFill(x, is_negative, 0.0);
//   auto others = MaskedSelect(x, LogicalNot(is_negative));
//
// Masks are tensors of bool; uint8 is accepted too, as in PyTorch. Results have
// the same bits for every number of threads.
//
// Gradients reach the tensors and the values, but not the masks. An element
// that is overwritten gets no gradient.
//
// Results are new tensors. Ops in place return the tensor that they have
// written. All functions are thread-safe as long as nothing else writes to the
// tensors. They run on several threads if the tensors are large, and take
// O(elements) time. Their errors:
//
//   kInvalidArgument   - the operand is no tensor, or shapes or dtypes do not
//                        fit each other.
//   kResourceExhausted - not enough memory.
//   and those of the operands, of `Apply`, and, for ops in place, of
//   `ApplyInPlace` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_MASKING_H_
#define FERRY_AUTOGRAD_OPS_MASKING_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Write `value`, a number or a tensor of rank 0, where the mask is true.
// MaskedFill writes to a copy of `self`, and broadcasts `self` and the mask to
// one shape. MaskedFillInPlace writes to `self`, and broadcasts the mask to the
// shape of `self`. The result has the dtype of `self`.
absl::StatusOr<Tensor> MaskedFill(const Operand& self, const Operand& mask,
                                  const Operand& value);
absl::StatusOr<Tensor> MaskedFillInPlace(const Operand& self,
                                         const Operand& mask,
                                         const Operand& value);

// Returns the elements where the mask is true, in row-major order, as a tensor
// of rank 1. `x` and the mask are broadcast to one shape.
absl::StatusOr<Tensor> MaskedSelect(const Operand& x, const Operand& mask);

// Replace the elements where the mask is true by the elements of `source`, both
// in row-major order. MaskedScatter writes to a copy of `self`, and broadcasts
// `self` and the mask to one shape. MaskedScatterInPlace writes to `self`, and
// broadcasts the mask to the shape of `self`. `source` has at least as many
// elements as the mask chooses.
absl::StatusOr<Tensor> MaskedScatter(const Operand& self, const Operand& mask,
                                     const Operand& source);
absl::StatusOr<Tensor> MaskedScatterInPlace(const Operand& self,
                                            const Operand& mask,
                                            const Operand& source);

// Returns the indices of the elements that are not 0, in row-major order. The
// result is a matrix of int64 with one row per element and one column per
// dimension. There is no gradient.
absl::StatusOr<Tensor> NonZero(const Operand& x);

// The entries of these ops.
absl::Span<const Op* const> MaskingOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_MASKING_H_
