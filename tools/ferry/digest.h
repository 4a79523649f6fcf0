// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/digest.h
// -----------------------------------------------------------------------------
//
// SHA-256 of tensors' elements: equal for tensors that are equal element by
// element, however they are laid out.
#ifndef FERRY_TOOLS_FERRY_DIGEST_H_
#define FERRY_TOOLS_FERRY_DIGEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/checkpoint.h"

namespace ferry {

// The SHA-256, in lower-case hexadecimal, of a strided tensor's elements in
// row-major order, little-endian, with conj and neg resolved. Of dtypes that
// keep several elements in a byte: of the bytes.
//
//   storage_bytes  the contents of `tensor.storage()`, whose own memory is not
//                  looked at.
//
// O(elements) time, O(1) memory.
//
// Errors:
//   kUnimplemented     - the dtype keeps several elements in a byte and the
//                        tensor is not contiguous, or it is negated and its
//                        dtype has no negative numbers.
//   kResourceExhausted - the tensor repeats few elements so often that it would
//                        take hours: a file of bytes can claim exabytes.
absl::StatusOr<std::string> DigestTensor(const Tensor& tensor,
                                         absl::Span<const char> storage_bytes);

// The digests of strided tensors of a checkpoint, in their order. Each storage
// is read once, and given up before the next; takes memory for the largest
// storage, or for some tens of MiB of smaller ones. Hashes in parallel.
//
// What one tensor's digest fails with is in its place.
//
// Errors: as `Checkpoint::ReadInto`.
absl::StatusOr<std::vector<absl::StatusOr<std::string>>> DigestTensors(
    const Checkpoint& checkpoint, absl::Span<const Tensor> tensors);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_DIGEST_H_
