// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/tensor_rules.h
// -----------------------------------------------------------------------------
//
// What PyTorch demands of a tensor when it rebuilds one from a file. The reader
// and the writer share these rules: what one refuses, the other does too.
#ifndef FERRY_SERIALIZATION_TORCH_TENSOR_RULES_H_
#define FERRY_SERIALIZATION_TORCH_TENSOR_RULES_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
namespace torch_format {

// The highest index that a `torch.device` of a file can have. PyTorch keeps
// indexes in eight bits with a sign (c10/core/Device.h, DeviceIndex), and cuts
// off what does not fit.
inline constexpr int kMaxDeviceIndex = 127;

// Checks the flags of a tensor against its dtype.
//
// Errors: kInvalidArgument - it requires a gradient, and is neither a
//         floating-point nor a complex tensor; or its conj bit is set, and it
//         is not complex.
absl::Status CheckFlags(const Tensor& tensor);

// Checks the parts of a sparse tensor: how many there are, their dtypes and
// shapes (at::_validate_sparse_coo_tensor_args and
// at::_validate_sparse_compressed_tensor_args). Reads no element. O(rank).
//
// Errors: kInvalidArgument - a part is missing, null, itself sparse, or does
// not
//         fit the others or the shape; kUnimplemented - a layout that is not
//         sparse.
absl::Status CheckComponents(const Tensor& tensor);

// Checks the indices in the parts of a sparse tensor that `CheckComponents`
// passes: that they lie inside the shape and, for the compressed layouts, that
// they are sorted. PyTorch does so after it has loaded one. Passes tensors
// whose elements are not in the host's memory. O(number of indices).
//
// Errors: kInvalidArgument - an index does not fit.
absl::Status CheckIndices(const Tensor& tensor);

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TENSOR_RULES_H_
