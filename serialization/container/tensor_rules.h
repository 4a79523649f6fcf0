// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/tensor_rules.h
// -----------------------------------------------------------------------------
//
// The rules that PyTorch applies to a tensor when it rebuilds one from a file.
// The reader and the writer share them, so that both refuse the same tensors.
#ifndef FERRY_SERIALIZATION_CONTAINER_TENSOR_RULES_H_
#define FERRY_SERIALIZATION_CONTAINER_TENSOR_RULES_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// The highest index of a `torch.device` in a file. PyTorch keeps indexes in
// signed 8-bit integers (c10/core/Device.h, DeviceIndex) and truncates others.
inline constexpr int kMaxDeviceIndex = 127;

// Checks the flags of a tensor against its dtype.
//
// Errors: kInvalidArgument - the tensor requires a gradient and is neither
//         floating-point nor complex, or has its conj bit set and is not
//         complex.
absl::Status CheckFlags(const Tensor& tensor);

// Checks the components of a sparse tensor: their number, their dtypes and
// shapes (at::_validate_sparse_coo_tensor_args and
// at::_validate_sparse_compressed_tensor_args). Reads no element. O(rank).
//
// Errors:
//   kInvalidArgument - a component is missing, null or itself sparse, or it
//                      does not fit the shape or the other components.
//   kUnimplemented   - the layout is not sparse.
absl::Status CheckComponents(const Tensor& tensor);

// Checks the indices of a sparse tensor that has passed `CheckComponents`: they
// must lie inside the shape and, in the compressed layouts, be sorted. PyTorch
// checks this after it has loaded a tensor. Indices that are not in host memory
// pass unchecked. O(number of indices).
//
// Errors: kInvalidArgument - an index is out of range or not sorted.
absl::Status CheckIndices(const Tensor& tensor);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_TENSOR_RULES_H_
