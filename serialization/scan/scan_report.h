// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/scan_report.h
// -----------------------------------------------------------------------------
//
// What the scan of a file found.
//
// Example: print everything that was found.
//
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("model.pt"));
//   const ScanReport report = ScanFile(*file, ScanOptions());
//   for (const ScanFinding& finding : report.findings) {
//     std::cout << Name(finding.grade) << ": " << finding.global << ": "
//               << finding.detail << "\n";
//   }
#ifndef FERRY_SERIALIZATION_SCAN_SCAN_REPORT_H_
#define FERRY_SERIALIZATION_SCAN_SCAN_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace ferry {
inline namespace v1 {

// The number of archives and pickles inside each other that are examined. A
// record that is nested more deeply is a problem.
inline constexpr int kMaxScanDepth = 4;

enum class ScanGrade : uint8_t {
  // A class, function or program that is not on the `weights_only` list.
  kUnknown,
  // One that is known to run code, or to reach files, processes or the network.
  kDangerous,
  // A structure that no writer of checkpoints produces.
  kOdd,
};

// Returns "unknown", "dangerous" or "odd".
const char* Name(ScanGrade grade);

// One use of a class or function, with all its occurrences.
struct ScanUse {
  // "imported", "called", "result dropped", "result called", "state set" or
  // "changed", as `pickle::GlobalUse` explains them.
  const char* use = "";
  uint64_t count = 0;
  // Where the first three are, in bytes from the beginning of the record's
  // contents.
  std::vector<uint64_t> offsets;
};

struct ScanFinding {
  ScanGrade grade = ScanGrade::kUnknown;
  // The class or function: "posix.system". "__torch__" for a TorchScript
  // program. Empty for kOdd.
  std::string global;
  // The record of the archive. "archive/a.zip > b/data.pkl" is a record of an
  // archive in the record "archive/a.zip". Empty if the file has no records.
  std::string record;
  // What is wrong, as a sentence without its final full stop.
  std::string detail;
  // Empty unless `global` is a class or function in a pickle.
  std::vector<ScanUse> uses;
};

struct ScanReport {
  enum class Verdict {
    // All of the file was examined, and nothing was found.
    kClean,
    // There are findings. Some of the file may not have been examined.
    kFound,
    // There are no findings, but a part of the file could not be examined.
    kNotExamined,
    // The file has none of the formats that PyTorch reads, and no pickle that
    // looks up a class or function begins at its first byte.
    kNotACheckpoint,
  };
  Verdict verdict() const;

  // Returns the verdict as one line: with the first dangerous global, or with
  // the first reason why the file was not examined.
  std::string Summary() const;

  // What the file is, such as "zip archive". Empty if it is no checkpoint, or
  // if nobody knows.
  std::string format;
  std::vector<ScanFinding> findings;
  // The number of findings past `ScanOptions::max_findings`.
  uint64_t more_findings = 0;
  // Which parts could not be examined, and why: damaged, encrypted or too
  // deeply nested records.
  std::vector<std::string> problems;
  // Why the scan ended before the end of the file; OK if it did not.
  //   kResourceExhausted - the budget is spent, and the message names the
  //                        option that raises it; or there is no memory.
  //   kCancelled         - `ScanOptions::is_cancelled` returned true.
  //   kInvalidArgument   - the part to scan does not lie in the file.
  //   whatever reading the file returned.
  absl::Status status;
  // The number of pickles that were scanned.
  uint64_t num_pickles = 0;
};

// Returns "clean", "found", "not examined" or "not a checkpoint".
const char* Name(ScanReport::Verdict verdict);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_SCAN_REPORT_H_
