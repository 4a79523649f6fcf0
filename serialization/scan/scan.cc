// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/scan.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/serialization/scan/file_part.h"
#include "ferry/serialization/scan/file_scan.h"

namespace ferry {
inline namespace v1 {

ScanReport ScanFile(const RandomAccessFile& file, const ScanOptions& options) {
  ScanReport failed;
  const uint64_t size = file.size_bytes();
  const uint64_t begin = options.offset_bytes;
  const uint64_t left = size - std::min(begin, size);
  const bool to_the_end =
      options.size_bytes == std::numeric_limits<uint64_t>::max();
  if (begin > size || (!to_the_end && options.size_bytes > left)) {
    failed.status = absl::InvalidArgumentError(absl::StrCat(
        "the range does not lie in the file, which has ", size, " bytes"));
    return failed;
  }
  const scan::FilePart part(file, begin,
                            to_the_end ? left : options.size_bytes);
  try {
    return scan::FileScan(part, options).Run();
  } catch (const std::bad_alloc&) {
    failed.status = OutOfMemoryError();
    return failed;
  }
}

}  // namespace v1
}  // namespace ferry
