// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/scan_options.h
// -----------------------------------------------------------------------------
//
// Options for scanning a file.
//
// Example: allow a class, and spend no more than about ten seconds.
//
//   ScanOptions options;
//   options.allowed_globals = {"my_package.Config"};
//   options.budget.max_steps = 1000000000;
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("model.pt"));
//   const ScanReport report = ScanFile(*file, options);
#ifndef FERRY_SERIALIZATION_SCAN_SCAN_OPTIONS_H_
#define FERRY_SERIALIZATION_SCAN_SCAN_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ferry/core/budget.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// Inherits `progress` and `is_cancelled` from `TransferControl`. `progress` is
// given the bytes that were read so far, and 0 for the total, which nobody
// knows.
struct ScanOptions : TransferControl {
  // Classes and functions that are not reported: full names
  // ("my_package.Config"), or all of a module ("my_package.*"). A pattern
  // allows nothing that is dangerous or may be a function of another module,
  // and nothing at all if something in its module is known to be dangerous, or
  // if it is of Python's standard library (docs/scan.md). "__torch__.*" stands
  // for TorchScript programs.
  std::vector<std::string> allowed_globals;
  // The number of findings that are listed. More are only counted. Dangerous
  // ones take the place of unknown ones, and at most 100 odd ones are listed.
  size_t max_findings = 1000;
  // The part of the file to scan. By default all of it.
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = std::numeric_limits<uint64_t>::max();
  // What the scan may spend. The defaults are in proportion to the size of the
  // part (core/budget.h). `max_output_bytes` has no effect.
  BudgetOptions budget;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_SCAN_OPTIONS_H_
