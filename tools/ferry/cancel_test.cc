// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every command that can take long asks all along whether to stop, and stops
// when told to. Asks are counted; no clock is.

#include <atomic>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/files.h"
#include "ferry/tools/ferry/command.h"
#include "ferry/tools/ferry/run_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

struct CommandRow {
  // The first is the command; no file name is among them.
  std::vector<std::string> arguments;
  // How often it asks, at least, besides what opening the file asks.
  int least_asks;
};

std::vector<CommandRow> LongCommands() {
  return {
      {{"verify"}, 0},
      {{"inspect"}, 3},
      {{"inspect", "--format=json", "--digest"}, 6},
      {{"inspect", "--filter=/1*"}, 3},
      {{"convert"}, 3},
      {{"convert", "--container=legacy"}, 3},
      {{"convert", "--as-data"}, 6},
  };
}

// Commands that are over at once.
const char* const kShortCommands[] = {"devices", "plugin", "completion"};
// It asks for each file and every few MiB of one, which scan_test counts.
const char* const kCountedElsewhere[] = {"scan"};

TEST(CancelTest, EveryCommandHasARow) {
  const std::string script = RunFerryForTest({"completion", "bash"}).out;
  const size_t begin = script.find("inspect ");
  ASSERT_NE(begin, std::string::npos);
  const std::string names =
      script.substr(begin, script.find_first_of("\"'\n)", begin) - begin);
  std::set<std::string> rows(std::begin(kShortCommands),
                             std::end(kShortCommands));
  rows.insert(std::begin(kCountedElsewhere), std::end(kCountedElsewhere));
  for (const CommandRow& row : LongCommands()) rows.insert(row.arguments[0]);
  for (absl::string_view name : absl::StrSplit(names, ' ')) {
    const bool is_option = name.substr(0, 1) == "-";
    EXPECT_EQ(rows.count(std::string(name)), is_option ? 0u : 1u) << name;
  }
}

TEST(CancelTest, EveryLongCommandCanBeCancelledAllAlong) {
  // A list of a million empty lists.
  const std::string in = WriteTestFile(
      "list.pkl",
      absl::StrCat("\x80\2](", std::string(size_t{1} << 20, ']'), "e."));
  const std::string out = TestPath("list.pt");
  int asks_to_open = 0;
  for (const CommandRow& row : LongCommands()) {
    SCOPED_TRACE(absl::StrJoin(row.arguments, " "));
    std::vector<std::string> arguments = row.arguments;
    arguments.push_back(in);
    if (arguments[0] == "convert") arguments.push_back(out);
    std::atomic<int> asked{0};
    const auto run = [&](int last_ask) {
      asked = 0;
      return RunFerryForTest(
          arguments, [&asked, last_ask] { return ++asked == last_ask; });
    };
    EXPECT_EQ(run(0).exit_code, kExitDone);
    const int asks = asked;
    if (asks_to_open == 0) asks_to_open = asks;
    EXPECT_GE(asks, asks_to_open + row.least_asks);
    WriteFile(out, "the old file");
    for (const int last_ask : {1, asks_to_open + row.least_asks / 2, asks}) {
      const FerryResult result = run(last_ask);
      EXPECT_EQ(result.exit_code, kExitFailed) << last_ask;
      EXPECT_EQ(asked, last_ask);
      EXPECT_THAT(result.err,
                  AnyOf(HasSubstr("cancelled"), HasSubstr("interrupted")));
      EXPECT_EQ(ReadFile(out), "the old file");
    }
  }
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
