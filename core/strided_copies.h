// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/strided_copies.h
// -----------------------------------------------------------------------------
//
// Copies of tensors in host memory: contiguous, in another dtype, or into
// another tensor.
//
// Example: the elements of any weight as contiguous floats.
//
//   FERRY_ASSIGN_OR_RETURN(Tensor floats,
//                          strided::Cast(weight, DType::kFloat32));
//   FERRY_ASSIGN_OR_RETURN(Tensor row_major, strided::Contiguous(floats));
//   FERRY_ASSIGN_OR_RETURN(absl::Span<const float> elements,
//                          row_major.Data<const float>());
//
// Results have conjugation and negation resolved. Copies are not recorded for
// gradients: a result has no gradient history, and its `requires_grad` is
// false.
//
// All functions are thread-safe as long as nothing writes to the tensors
// meanwhile, use several threads for large tensors (core/parallel.h), and take
// O(elements) time. Their errors:
//
//   kInvalidArgument    - a tensor is null or not strided, or its dtype packs
//                         several elements into a byte.
//   kFailedPrecondition - a tensor is not in host memory (`CheckOnHost`).
//   kUnimplemented      - there is no cast between the dtypes (`CheckCast`), or
//                         the elements cannot be negated (`CheckConjNeg`).
//   kResourceExhausted  - not enough memory, or the tensor repeats few elements
//                         so often that the copy would take hours
//                         (`VisitElements`).
#ifndef FERRY_CORE_STRIDED_COPIES_H_
#define FERRY_CORE_STRIDED_COPIES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace strided {

// Returns a row-major tensor with the elements of `tensor`. The result shares
// the storage of `tensor` if that is already so.
absl::StatusOr<Tensor> Contiguous(const Tensor& tensor);

// Returns a copy with a storage of its own. It has the strides of `tensor` if
// those leave no gaps and repeat no element, and is row-major otherwise.
absl::StatusOr<Tensor> Clone(const Tensor& tensor);

// Returns a copy whose elements have another dtype, cast as PyTorch casts
// (core/cast_elements.h has the rules). Its strides are chosen as `Clone`
// does. The result shares the storage of `tensor` if the dtype is the same and
// there is nothing to resolve.
absl::StatusOr<Tensor> Cast(const Tensor& tensor, DType dtype);

// Copies the elements of `from` to `to`, and casts them to its dtype. `from` is
// expanded to the shape of `to` (`Expand`). The two may share a storage.
// Increments the version of the storage of `to`.
//
// The memory of `to` must be writable: a storage that was mapped read-only is
// not.
//
// Further errors: kInvalidArgument - the shapes do not fit, or elements of `to`
// share memory, or may do so (`HasNoOverlap`).
absl::Status CopyInto(const Tensor& from, const Tensor& to);

}  // namespace strided
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_STRIDED_COPIES_H_
