// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/promotion.h
// -----------------------------------------------------------------------------
//
// PyTorch's rules for the dtype and the shape of a result. Thread-safe.
//
// Example:
//
//   PromoteTypes(DType::kFloat16, DType::kBFloat16);  // DType::kFloat32
#ifndef FERRY_AUTOGRAD_OPS_PROMOTION_H_
#define FERRY_AUTOGRAD_OPS_PROMOTION_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"

namespace ferry {
inline namespace v1 {

// Returns whether ops can compute with the dtype: the floats of 16 bits and
// more, the integers of 8, 16, 32 and 64 bits, and bool.
bool IsComputable(DType dtype);

// Returns the dtype to which PyTorch converts operands of an op, which are all
// of dtypes that `IsComputable` accepts.
//
// Tensors with dimensions decide first, then tensors of rank 0, then numbers. A
// later group counts only if it is of a higher category (bool, integer, float).
// A real number that decides is float32.
DType PromotedDType(absl::Span<const Input> inputs);

// Returns the dtype that PyTorch's `torch.promote_types` returns. Both dtypes
// must be `IsComputable`.
DType PromoteTypes(DType a, DType b);

// As `PromotedDType`, but returns float32 instead of an integer or bool. This
// is the dtype of functions such as Exp.
DType PromotedFloatDType(absl::Span<const Input> inputs);

// Returns the dtype in which to compute a result of `dtype`: float32 for
// float16 and bfloat16, `dtype` itself otherwise.
DType ComputeDType(DType dtype);

// Returns whether an op in place may write a result of dtype `from` to a tensor
// of dtype `to`. It may if `to` is of the same category or a higher one.
bool CanBeWrittenTo(DType from, DType to);

// Returns the shape to which the shapes are broadcast.
//
// Errors: kInvalidArgument - the shapes cannot be broadcast. The message names
//         the sizes.
absl::StatusOr<Dimensions> BroadcastShape(absl::Span<const int64_t> a,
                                          absl::Span<const int64_t> b);
absl::StatusOr<Dimensions> BroadcastShape(absl::Span<const Input> inputs);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_PROMOTION_H_
