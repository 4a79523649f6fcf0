// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/verify.h
// -----------------------------------------------------------------------------
//
// Reads every record of a file and compares it with its checksum, if the file
// has one for it.
#ifndef FERRY_SERIALIZATION_TRANSFER_VERIFY_H_
#define FERRY_SERIALIZATION_TRANSFER_VERIFY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// Returns a verdict for each record of `file`, in the same order. Reads in
// parallel, unless the file is serial, in pieces of 512 KiB per thread.
//
//   control  may be null. `progress` counts the contents of the records.
//
// Errors: kCancelled - `is_cancelled` returned true; whatever reading returns
//         that is not a defect of the file itself.
absl::StatusOr<std::vector<RecordVerdict>> VerifyRecords(
    const RandomAccessFile& file, absl::Span<const Extent> records,
    const TransferControl* control = nullptr);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_VERIFY_H_
