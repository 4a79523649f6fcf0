// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/findings.h
// -----------------------------------------------------------------------------
//
// Collects what the scan of a file finds, without what the options allow.
//
// Example:
//
//   ScanReport report;
//   const ScanOptions options;
//   Findings findings("model.pt", options, &report);
//   findings.Odd("archive/version", "its local header has another name");
//   report.verdict();  // kFound
#ifndef FERRY_SERIALIZATION_SCAN_FINDINGS_H_
#define FERRY_SERIALIZATION_SCAN_FINDINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/serialization/pickle/pickle_scanner.h"
#include "ferry/serialization/scan/program_scan.h"
#include "ferry/serialization/scan/scan_options.h"
#include "ferry/serialization/scan/scan_report.h"

namespace ferry {
inline namespace v1 {
namespace scan {

// Returns the name of a record inside another one, or inside a file if `record`
// is empty. Long names are cut.
std::string Inside(absl::string_view record, absl::string_view name);

// Findings
//
// `record` is the name of the record in which something is, empty if the file
// has none. Thread-safety: none; one thread at a time.
class Findings {
 public:
  // `file_name` is the name that error messages about the file begin with. All
  // arguments must outlive this object.
  Findings(absl::string_view file_name, const ScanOptions& options,
           ScanReport* report)
      : file_name_(file_name), options_(options), report_(*report) {}

  // Adds a structure that no writer of checkpoints produces.
  void Odd(const std::string& record, absl::string_view detail);

  // Adds something that could not be examined.
  void Problem(const std::string& record, absl::string_view what);

  // Adds a global that a pickle looks up, unless the options or PyTorch allow
  // it.
  void Global(const pickle::ScannedGlobal& global, const std::string& record);

  // Add a TorchScript program and its operators, unless the options allow them.
  void Program(const ProgramScan& program, const std::string& record);
  void OldProgram(const std::string& record);

  // Adds the Python sources of an archive that torch.package wrote, unless the
  // options allow them.
  void Package(uint64_t num_sources, const std::string& record);

  // Completes the report. `status` says why the scan ended early; OK if it did
  // not. Must be called once, at the end.
  void Finish(const absl::Status& status);

 private:
  void Add(ScanFinding finding);
  // Leaves out the name of the file, with which readers begin their messages.
  std::string WithoutFileName(absl::string_view message) const;
  // Whether the options allow a global. A wildcard allows no dangerous one, and
  // none that needs its full name (`CanAllowAll`, `NeedsFullName`). `name` is
  // the name in its module.
  bool IsAllowed(absl::string_view global, ScanGrade grade,
                 absl::string_view name = {}) const;
  // Returns what to add to the finding of a global that a wildcard covers and
  // does not allow.
  std::string WhyNotAllowed(absl::string_view global) const;
  // Decides on the grade and the detail of a global. Returns false if it is
  // allowed.
  bool Grade(const pickle::ScannedGlobal& global, ScanFinding* finding) const;

  const absl::string_view file_name_;
  const ScanOptions& options_;
  ScanReport& report_;
  uint64_t more_problems_ = 0;
  size_t num_odd_ = 0;       // of the findings
  size_t num_globals_ = 0;   // the other findings
  bool has_unknown_ = true;  // whether a finding may be kUnknown
};

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_FINDINGS_H_
