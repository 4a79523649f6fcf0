// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/run_for_test.h
// -----------------------------------------------------------------------------
//
// Runs `ferry` inside a test, and makes files for it to read.
#ifndef FERRY_TOOLS_FERRY_RUN_FOR_TEST_H_
#define FERRY_TOOLS_FERRY_RUN_FOR_TEST_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace cli {

struct FerryResult {
  int exit_code;
  std::string out;
  std::string err;
};

FerryResult RunFerryForTest(const std::vector<std::string>& arguments,
                            std::function<bool()> is_cancelled = nullptr);

// Returns a path with this name in the test's own folder. The file does not
// exist yet.
std::string TestPath(absl::string_view name);

// Returns the path of a file in testdata.
std::string DataPath(absl::string_view name);

// Writes a file, and returns its path.
std::string WriteTestFile(absl::string_view name, absl::string_view bytes);
std::string SaveTestFile(absl::string_view name, const Value& value);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_RUN_FOR_TEST_H_
