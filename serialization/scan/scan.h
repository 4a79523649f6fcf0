// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/scan.h
// -----------------------------------------------------------------------------
//
// Says what a file would run if Python loaded it, without running anything:
// every class and function outside the list that torch.load allows with
// `weights_only=True`, every TorchScript program, and everything in the file's
// structure that no writer of checkpoints produces and that two readers could
// understand differently. docs/scan.md says what that guarantees.
//
// The scan looks at opcodes, and not at the value that they build. It reads the
// file in every way that PyTorch may read it: each pickle of a stream, each
// record of each archive, and files that are valid in two formats.
//
// Example: refuse a file before anybody loads it.
//
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("model.pt"));
//   const ScanReport report = ScanFile(*file, ScanOptions());
//   if (report.verdict() != ScanReport::Verdict::kClean) {
//     return absl::PermissionDeniedError(report.Summary());
//   }
#ifndef FERRY_SERIALIZATION_SCAN_SCAN_H_
#define FERRY_SERIALIZATION_SCAN_SCAN_H_

#include "ferry/io/file.h"
#include "ferry/serialization/scan/scan_options.h"  // IWYU pragma: export
#include "ferry/serialization/scan/scan_report.h"   // IWYU pragma: export

namespace ferry {
inline namespace v1 {

// Scans a file. Reads each pickle, and the beginning of all else. Memory is in
// proportion to the largest pickle or deflated record; tensor data is not kept.
// A file that needs more than `ScanOptions::budget`, because records overlap or
// inflate without measure, is examined until the budget is spent.
//
// Thread-safe. Never fails: errors are in the report, which is not kClean then.
ScanReport ScanFile(const RandomAccessFile& file, const ScanOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_SCAN_H_
