// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/arguments.h
// -----------------------------------------------------------------------------
//
// Checks of arguments that many ops share.
//
// Example: find the last dimension of any tensor.
//
//   FERRY_RETURN_IF_ERROR(CheckIsTensor("Unbind", x));
//   FERRY_ASSIGN_OR_RETURN(const int dim, WrapDim(-1, x.tensor().rank()));
//
// Thread-safe.
#ifndef FERRY_AUTOGRAD_OPS_ARGUMENTS_H_
#define FERRY_AUTOGRAD_OPS_ARGUMENTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"

namespace ferry {
inline namespace v1 {

// Returns the dimension that `dim` stands for in a tensor of rank `rank`. A
// negative `dim` counts from the end. A tensor of rank 0 counts as a tensor of
// rank 1, as in PyTorch.
//
// Errors: kOutOfRange - there is no such dimension.
absl::StatusOr<int> WrapDim(int64_t dim, int rank);

// Returns whether the operand is a strided tensor that is not null, so that its
// shape can be used. Thread-safe.
bool IsTensor(const Operand& x);

// Returns OK if the operand is a strided tensor that is not null, so that its
// shape can be used. `op` is the name of the op, for the message.
//
// Errors: the error that the operand holds, if any; kInvalidArgument for a
// number, a null tensor, or a tensor that is not strided.
absl::Status CheckIsTensor(absl::string_view op, const Operand& x);

// Returns attributes with these lists.
Attributes IntsOf(absl::Span<const int64_t> ints,
                  absl::Span<const int64_t> more_ints = {});

// Returns a number that multiplies tensors of `dtype`, as a `Scalar` of the
// same kind. `name` is the name of the argument, for the message.
//
// Errors: kInvalidArgument - the dtype is not a float, and the factor has a
//         fraction, is NaN, or does not fit in 64 bits.
absl::StatusOr<Scalar> FactorFor(DType dtype, absl::string_view name,
                                 double factor);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_ARGUMENTS_H_
