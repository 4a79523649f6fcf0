// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/progress.h"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>

#include "ferry/tools/ferry/command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMuch = uint64_t{1} << 30;

// What half a piece of work writes that takes so long.
std::string Written(bool is_terminal, uint64_t total_bytes,
                    milliseconds duration) {
  std::ostringstream out, err;
  CommandIo io{out, err};
  io.err_is_terminal = is_terminal;
  Progress::Clock::time_point now;
  {
    Progress progress("reading", io, [&now] { return now; });
    now += duration;
    progress.Update(total_bytes / 2, total_bytes);
  }
  EXPECT_EQ(out.str(), "");
  return err.str();
}

TEST(ProgressTest, ATerminalSeesOneLineThatGoesAway) {
  EXPECT_EQ(Written(true, kMuch, milliseconds(500)),
            "\rreading: 50% of 1024 MiB, 1024 MiB/s\x1b[K"
            "\r\x1b[K");
}

TEST(ProgressTest, TheTotalMayBeUnknown) {
  std::ostringstream out, err;
  CommandIo io{out, err};
  io.err_is_terminal = true;
  Progress::Clock::time_point now;
  Progress progress("copying", io, [&now] { return now; });
  now += milliseconds(500);
  progress.Update(kMuch / 1024, 0);
  EXPECT_EQ(err.str(), "");
  progress.Update(kMuch, 0);
  EXPECT_EQ(err.str(), "\rcopying: 1024 MiB, 2048 MiB/s\x1b[K");
}

TEST(ProgressTest, AFileOrAPipeSeesNothing) {
  EXPECT_EQ(Written(false, kMuch, milliseconds(500)), "");
}

TEST(ProgressTest, LittleWorkSaysNothing) {
  EXPECT_EQ(Written(true, uint64_t{1} << 20, milliseconds(500)), "");
}

TEST(ProgressTest, WorkThatIsSoonOverSaysNothing) {
  EXPECT_EQ(Written(true, kMuch, milliseconds(100)), "");
}

TEST(ProgressTest, SaysItAFewTimesASecond) {
  std::ostringstream out, err;
  CommandIo io{out, err};
  io.err_is_terminal = true;
  Progress::Clock::time_point now;
  Progress progress("reading", io, [&now] { return now; });
  int lines = 0;
  for (int i = 1; i <= 100; ++i) {
    now += milliseconds(10);
    err.str("");
    progress.Update(kMuch / 100 * i, kMuch);
    if (!err.str().empty()) ++lines;
  }
  EXPECT_EQ(lines, 5);
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
