// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/index_arguments.h
// -----------------------------------------------------------------------------
//
// Checks and conversions of what ops with indices, masks, and single values
// take, and of what they write to.
//
// Example: the forward function of an op that writes `call[2]`, a tensor, to
// some elements of `call[0]`.
//
//   FERRY_RETURN_IF_ERROR(CheckSameDType(call[0].tensor(), call[2].tensor()));
//   FERRY_ASSIGN_OR_RETURN(const Tensor index, IndexTensor(call[1]));
//   FERRY_ASSIGN_OR_RETURN(Tensor out, CopyOfFirst(call));
//   FERRY_ASSIGN_OR_RETURN(const Tensor source,
//                          Unshared(call[2].tensor(), out));
//
// Thread-safe as long as nothing else writes to the tensors. Functions that
// copy or allocate return kResourceExhausted if there is not enough memory.
#ifndef FERRY_AUTOGRAD_OPS_INDEX_ARGUMENTS_H_
#define FERRY_AUTOGRAD_OPS_INDEX_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns OK if these operands are tensors, in an op that also takes numbers.
//
// Errors: kInvalidArgument - one of them is a number.
absl::Status CheckAreTensors(const Call& call,
                             std::initializer_list<size_t> which);

// Returns OK if both tensors have one dtype.
//
// Errors: kInvalidArgument - they have different ones.
absl::Status CheckSameDType(const Tensor& self, const Tensor& source);

// Returns the operand as a tensor of int64: the operand itself, or a cast of a
// tensor of int32.
//
// Errors: kInvalidArgument - the operand is a number or has another dtype.
absl::StatusOr<Tensor> IndexTensor(const Input& index);

// Returns whether the dtype is one of those of masks.
bool IsMask(const Tensor& tensor);

// Returns the operand, a number or a tensor of rank 0, as a tensor of rank 0
// and of this dtype.
//
// Errors: kInvalidArgument - the operand is a tensor of another rank. And those
//         of `Full` and of `strided::Cast`.
absl::StatusOr<Tensor> OneElement(const Input& value, DType dtype);

// Returns the same memory as a tensor of rank 1 or more.
absl::StatusOr<Tensor> AtLeast1D(const Tensor& tensor);

// Returns what an op that changes some elements of its first operand writes to:
// a copy of that operand, or the operand itself if the op is in place.
absl::StatusOr<Tensor> CopyOfFirst(const Call& call);

// Returns `source`, or a copy of it if it shares memory with what is written.
absl::StatusOr<Tensor> Unshared(const Tensor& source, const Tensor& out);

// Returns a tensor of zeros in host memory.
absl::StatusOr<Tensor> ZerosOf(absl::Span<const int64_t> shape, DType dtype);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_INDEX_ARGUMENTS_H_
