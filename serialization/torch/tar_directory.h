// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/tar_directory.h
// -----------------------------------------------------------------------------
//
// The members of a tar archive: POSIX ustar and pax, GNU, and the old form. Its
// headers stand between the contents, so all of them are read.
#ifndef FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
#define FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/plain_record.h"

namespace ferry {
namespace torch_format {

// Whether Python's tarfile, by which PyTorch decides, takes a file that begins
// with `head` for a tar archive: its first header has its checksum. `head`
// should have 512 bytes, if the file has so many.
bool IsTar(absl::string_view head);

// Whether a file that begins with `head` has the mark of a tar archive
// ("ustar"), so that it probably is a damaged one if `IsTar` says no.
bool HasTarMagic(absl::string_view head);

// Returns the ordinary files in the archive, in its order. Sets
// `end_offset_bytes` to where the archive ends, its padding included.
//
// Errors: kDataLoss - a header is damaged, a member is cut short, or is neither
//                     an ordinary file nor a folder (Python's tarfile would
//                     follow links and read members of unknown types).
absl::StatusOr<std::vector<PlainRecord>> ReadTarDirectory(
    const ReadableBytes& file, uint64_t* end_offset_bytes);

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
