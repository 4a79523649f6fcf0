// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/tar_directory.h
// -----------------------------------------------------------------------------
//
// Lists the members of a tar archive: POSIX ustar and pax, GNU, and the old
// format. The headers are between the contents, so this reads all of the
// headers.
#ifndef FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
#define FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/plain_record.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Returns whether Python's tarfile, which PyTorch uses to decide, would accept
// a file that begins with `head` as a tar archive: the checksum of its first
// header is correct. `head` should be the first 512 bytes, or all of a shorter
// file.
bool IsTar(absl::string_view head);

// Returns whether a file that begins with `head` has the magic string of a tar
// archive ("ustar"). If so, and `IsTar` returns false, it is probably a damaged
// tar archive.
bool HasTarMagic(absl::string_view head);

// Returns the regular files in the archive, in archive order. Sets
// `end_offset_bytes` to where the archive ends, including its padding. Charges
// its memory to the budget.
//
// Errors: kDataLoss - a header is damaged, or a member is truncated, has two
//                     long names, or is neither a regular file nor a folder
//                     (Python's tarfile would follow links and read members of
//                     unknown types).
//         kResourceExhausted, kCancelled - as the budget says.
absl::StatusOr<std::vector<PlainRecord>> ReadTarDirectory(
    const RandomAccessFile& file, Budget* budget, uint64_t* end_offset_bytes);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
