// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/inspect_json.h
// -----------------------------------------------------------------------------
//
// Writes the document of `ferry inspect --format=json`. docs/inspect-json.md
// describes each field. Fields may be added, but never changed.
#ifndef FERRY_TOOLS_FERRY_INSPECT_JSON_H_
#define FERRY_TOOLS_FERRY_INSPECT_JSON_H_

#include "absl/status/status.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/tools/ferry/charged_stream.h"
#include "ferry/tools/ferry/digest.h"
#include "ferry/tools/ferry/selection.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// Writes the selected part of a checkpoint. Reads no tensor data, only the
// header before each storage of a tensor.
//
//   report     what the scanner found in the file.
//   constants  all of `checkpoint.constants()`.
//   digests    the digests of the selection and of the constants. May be null;
//              the fields that need them are then omitted.
//
// Errors: as `WalkGraph`, `ChargedStream::status`, `Checkpoint::FindRuns` and
//         `Checkpoint::ReadRecord`. The output written until then is not a
//         valid document.
absl::Status PrintJson(const Checkpoint& checkpoint, const ScanReport& report,
                       const Selection& selection,
                       const SelectionDigests* digests,
                       const Selection& constants,
                       const SelectionDigests* constants_digests,
                       ChargedStream& out);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_INSPECT_JSON_H_
