// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/masking.h
// -----------------------------------------------------------------------------
//
// Reads and writes the elements of a tensor that a mask chooses.
//
// Example: the positive elements of a tensor. `mask` is true where they are.
//
//   FERRY_ASSIGN_OR_RETURN(const Tensor positive, MaskedSelect(tensor, mask));
//
// A mask is a tensor of bool or uint8. Every byte other than 0 counts as true.
// Tensors are in host memory and have conj and neg resolved. Thread-safe as
// long as nothing else writes to the tensors.
//
// Errors: kResourceExhausted - not enough memory.
#ifndef FERRY_AUTOGRAD_KERNELS_MASKING_H_
#define FERRY_AUTOGRAD_KERNELS_MASKING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Writes `value` to `to` where the mask is true, and copies the elements of
// `from` to `to` elsewhere. `value` is one element of the dtype of `to`. All
// three tensors have the same shape. `from` may be `to` itself.
void MaskedFill(const Tensor& from, const Tensor& mask, const void* value,
                const Tensor& to);

// Returns the elements of `from` where the mask is true, in row-major order, as
// a tensor of rank 1. The tensors have the same shape.
absl::StatusOr<Tensor> MaskedSelect(const Tensor& from, const Tensor& mask);

// Returns a copy of `from` in which the elements of `source`, in row-major
// order, replace the elements where the mask is true. `from` and `mask` have
// the same shape. The result is row-major.
//
// Errors: kInvalidArgument - `source` has too few elements.
absl::StatusOr<Tensor> MaskedScatter(const Tensor& from, const Tensor& mask,
                                     const Tensor& source);

// Returns the indices where the mask is true, in row-major order: a matrix of
// int64 with one row per element and one column per dimension of the mask.
absl::StatusOr<Tensor> NonZero(const Tensor& mask);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_MASKING_H_
