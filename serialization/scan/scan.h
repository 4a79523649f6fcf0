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

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ferry/io/file.h"

namespace ferry {

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

struct ScanOptions {
  // Classes and functions that are not reported: full names
  // ("my_package.Config"), or all of a module ("my_package.*"), except for
  // those that are dangerous, which need their full names. "__torch__.*" stands
  // for TorchScript programs.
  std::vector<std::string> allowed_globals;
  // The number of findings that are listed. More are only counted. Dangerous
  // ones take the place of unknown ones, and at most 100 odd ones are listed.
  size_t max_findings = 1000;
  // The part of the file to scan. By default all of it. A part that reaches
  // past the end ends there.
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = std::numeric_limits<uint64_t>::max();
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

  // Returns the verdict as one line, with the first dangerous global.
  std::string Summary() const;

  // What the file is, such as "zip archive". Empty for kNotACheckpoint.
  std::string format;
  std::vector<ScanFinding> findings;
  // The number of findings past `ScanOptions::max_findings`.
  uint64_t more_findings = 0;
  // What could not be examined, and why: damaged, encrypted or too deeply
  // nested records, read errors.
  std::vector<std::string> problems;
  // The number of pickles that were scanned.
  uint64_t num_pickles = 0;
};

// Returns "clean", "found", "not examined" or "not a checkpoint".
const char* Name(ScanReport::Verdict verdict);

// The number of archives and pickles inside each other that are examined. A
// record that is nested more deeply is a problem.
inline constexpr int kMaxScanDepth = 4;

// Scans a file. Time is in proportion to the size of the file: a file in which
// records overlap, or inflate to more than 32 times the size of the file and
// 64 MiB, is examined up to that limit, and the rest is a problem. Memory is in
// proportion to the largest pickle; tensor data is not kept.
//
// Thread-safe. Errors of reading, and a lack of memory, are problems of the
// report.
ScanReport ScanFile(const RandomAccessFile& file, const ScanOptions& options);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_SCAN_H_
