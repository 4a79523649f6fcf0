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

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/file.h"
#include "ferry/serialization/plain_record.h"

namespace ferry {
namespace torch_format {

// Whether a file that begins with `head`, of at least 512 bytes, is a tar
// archive.
bool IsTar(absl::string_view head);

// The ordinary files in the archive, in its order.
//
// Errors: kDataLoss - a header is damaged, or a member is cut short.
absl::StatusOr<std::vector<PlainRecord>> ReadTarDirectory(
    const ReadableBytes& file);

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
