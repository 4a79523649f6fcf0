// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/run_for_test.h"

#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/save.h"
#include "ferry/tools/ferry/cli.h"
#include "ferry/tools/ferry/command.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {

FerryResult RunFerryForTest(const std::vector<std::string>& arguments,
                            std::function<bool()> is_cancelled) {
  std::ostringstream out;
  std::ostringstream err;
  CommandIo io{out, err};
  io.is_cancelled = std::move(is_cancelled);
  const int exit_code = RunFerry(arguments, io);
  return {exit_code, out.str(), err.str()};
}

std::string TestPath(absl::string_view name) {
  static const std::string* const folder = new std::string(NewFolder());
  return absl::StrCat(*folder, "/", name);
}

std::string DataPath(absl::string_view name) {
  return absl::StrCat("tools/ferry/testdata/", name);
}

std::string WriteTestFile(absl::string_view name, absl::string_view bytes) {
  std::string path = TestPath(name);
  WriteFile(path, bytes);
  return path;
}

std::string SaveTestFile(absl::string_view name, const Value& value) {
  std::string path = TestPath(name);
  const absl::Status status = Save(value, path);
  EXPECT_THAT(status, IsOk());
  return path;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
