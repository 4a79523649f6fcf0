// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/program_scan.h
// -----------------------------------------------------------------------------
//
// Finds the operators that the code of a TorchScript program calls and that may
// reach the system.
//
// Example:
//
//   ProgramScan program;
//   program.AddCode("x = torch.from_file(\"/etc/passwd\")");
//   program.operators();  // {{"aten::from_file", 1}}
#ifndef FERRY_SERIALIZATION_SCAN_PROGRAM_SCAN_H_
#define FERRY_SERIALIZATION_SCAN_PROGRAM_SCAN_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace scan {

// ProgramScan
//
// Looks for operators by their names in the text of a program, and does not
// parse it. Thread-safety: none; one thread at a time.
class ProgramScan {
 public:
  // Adds a file of the program. O(size of the code).
  void AddCode(absl::string_view code);

  uint64_t num_files() const { return num_files_; }

  // Returns what was found, and how often:
  //   - "aten::from_file": an operator of PyTorch that reads or writes files;
  //   - "acme::run": an operator that does not come with PyTorch;
  //   - "torch" or "ops": the program gives the operators another name, by
  //     which it may call any of them.
  const std::map<std::string, uint64_t>& operators() const {
    return operators_;
  }

 private:
  uint64_t num_files_ = 0;
  std::map<std::string, uint64_t> operators_;
};

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_PROGRAM_SCAN_H_
