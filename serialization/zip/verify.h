// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/verify.h
// -----------------------------------------------------------------------------
//
// Reads every record of an archive and compares it with its checksum.
#ifndef FERRY_SERIALIZATION_ZIP_VERIFY_H_
#define FERRY_SERIALIZATION_ZIP_VERIFY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
namespace zip {

// A verdict for each entry, in their order. Reads in parallel, in pieces of
// 512 KiB a thread.
//
// Errors: whatever reading returns that is not the archive's own fault.
absl::StatusOr<std::vector<RecordVerdict>> VerifyEntries(
    const ReadableBytes& file, absl::Span<const ZipEntry> entries);

}  // namespace zip
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_VERIFY_H_
