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
#include <string>
#include <vector>

#include "absl/status/status.h"
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

struct TarDirectory {
  // The regular files, in archive order.
  std::vector<PlainRecord> files;
  // The names of the folders, without a slash at the end.
  std::vector<std::string> folders;
  // Where the archive ends, including its padding.
  uint64_t end_offset_bytes = 0;
};

// Lists the members of an archive as Python's tarfile reads them, for that is
// how PyTorch finds its files. Returns an error for all that Python refuses, or
// takes for the end of the archive, except for zeros; and for what versions of
// Python or other readers understand in several ways, none of which PyTorch
// ever wrote. On an error, `directory` has the members before it, which Python
// may read. Charges its memory to the budget.
//
// Errors: kDataLoss      - a header is damaged, or a member is truncated.
//         kUnimplemented - a member is neither a regular file nor a folder
//                          (Python follows links, and reads members of unknown
//                          types), is sparse, has two names or sizes, or is a
//                          file with the name of a folder; attributes go on in
//                          the padding; or a number is in a notation that only
//                          Python reads, such as "0o644".
//         kResourceExhausted, kCancelled - as the budget says.
absl::Status ReadTarDirectory(const RandomAccessFile& file, Budget* budget,
                              TarDirectory* directory);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TAR_DIRECTORY_H_
