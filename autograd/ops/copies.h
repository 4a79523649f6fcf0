// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/copies.h
// -----------------------------------------------------------------------------
//
// Copies and casts of tensors that are recorded for gradients. See
// core/strided_copies.h for which casts are allowed.
//
// Example:
//
//   auto half = Cast(x, DType::kBFloat16);
//   FERRY_RETURN_IF_ERROR(CopyInPlace(Select(table, 0, 2), row).status());
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large. A copy takes
// O(elements) time.
//
// Errors of all functions:
//
//   kUnimplemented     - there is no cast between the dtypes.
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_COPIES_H_
#define FERRY_AUTOGRAD_OPS_COPIES_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns a copy with a storage of its own.
absl::StatusOr<Tensor> Clone(const Operand& x);

// Returns a copy of `x` in another dtype. Returns `x` itself if it has that
// dtype already.
absl::StatusOr<Tensor> Cast(const Operand& x, DType dtype);

// Returns a row-major tensor with the elements of `x`. Returns `x` itself if it
// is row-major already and is neither conjugated nor negated.
absl::StatusOr<Tensor> Contiguous(const Operand& x);

// Copies the elements of `source` to `self`, cast to the dtype of `self`, and
// returns `self`. This is PyTorch's `copy_`. `source` is a number, or a tensor
// that is broadcast to the shape of `self`.
//
// Errors: those of `ApplyInPlace` (autograd/ops/op.h), and
//         kInvalidArgument - the shapes do not fit.
//         kOutOfRange      - the dtype cannot represent the number.
absl::StatusOr<Tensor> CopyInPlace(const Operand& self, const Operand& source);

// The entries of these ops.
absl::Span<const Op* const> CopyOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_COPIES_H_
