// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/digest.h
// -----------------------------------------------------------------------------
//
// Computes the SHA-256 of tensors' elements, which is equal for tensors with
// equal elements whatever their layout, and the SHA-256 of everything in a
// selection.
#ifndef FERRY_TOOLS_FERRY_DIGEST_H_
#define FERRY_TOOLS_FERRY_DIGEST_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/transfer/transfer_control.h"
#include "ferry/tools/ferry/selection.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Returns the SHA-256, in lower-case hexadecimal, of a strided tensor's
// elements in row-major order, little-endian, with conj and neg resolved. For
// dtypes that pack several elements into a byte, hashes the bytes.
//
//   storage_bytes  the contents of `tensor.storage()`. The memory of the
//                  storage itself is not read.
//
//   control        `progress` has no effect.
//
// O(elements) time, O(1) memory.
//
// Errors:
//   kCancelled         - `is_cancelled` returned true.
//   kUnimplemented     - the dtype packs several elements into a byte and the
//                        tensor is not contiguous, or the tensor is negated and
//                        its dtype has no negative numbers.
//   kResourceExhausted - the tensor repeats few elements so often that hashing
//                        would take hours: a file of a few bytes can claim
//                        exabytes.
absl::StatusOr<std::string> DigestTensor(
    const Tensor& tensor, absl::Span<const char> storage_bytes,
    const TransferControl& control = TransferControl());

struct SelectionDigests {
  // The digests of the elements of tensors, by node and by 0 for the tensor
  // itself or 1 + the index of one of its parts (`PartsOf`).
  HashMap<std::pair<NodeId, size_t>, std::string> tensors;
  // The digests of the bytes of storages.
  HashMap<Storage, std::string> storages;
  // The digest of everything (`GraphDigest`). Empty for a pattern.
  std::string graph;
};

// Computes the digests of the selected part of a checkpoint. Reads each storage
// once, and frees it before it reads the next. Uses memory for the largest
// storage, or for a few tens of MiB of smaller ones. Hashes in parallel.
//
//   budget    what reading and hashing may cost. By default in proportion to
//             the bytes that the storages have in the file, plus reading and
//             hashing once what is inflated.
//   control   `progress` has no effect.
//   complain  called with the pointer of each tensor whose elements have no
//             digest, and the reason. The other digests are complete.
//
// Errors: as `Checkpoint::ReadInto` and `WalkGraph`, and
//   kCancelled         - `is_cancelled` returned true.
//   kResourceExhausted - the storages overlap so much that reading them takes
//                        more steps than their bytes in the file warrant
//                        (core/budget.h). A tensor whose elements take too
//                        many has no digest.
absl::StatusOr<SelectionDigests> DigestSelection(
    const Checkpoint& checkpoint, const Selection& selection,
    const BudgetOptions& budget, const TransferControl& control,
    absl::FunctionRef<void(absl::string_view pointer,
                           const absl::Status& status)>
        complain);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_DIGEST_H_
