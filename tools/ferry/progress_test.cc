// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/progress.h"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kMuch = uint64_t{1} << 30;

// What half a piece of work writes, once so much time has passed that it says
// something if it ever does.
std::string Written(bool is_terminal, uint64_t total_bytes) {
  std::ostringstream out, err;
  CommandIo io{out, err};
  io.err_is_terminal = is_terminal;
  {
    Progress progress("reading", io);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.Update(total_bytes / 2, total_bytes);
  }
  EXPECT_EQ(out.str(), "");
  return err.str();
}

TEST(ProgressTest, ATerminalSeesOneLineThatGoesAway) {
  const std::string written = Written(true, kMuch);
  EXPECT_THAT(written, StartsWith("\rreading: 50% of 1024 MiB, "));
  EXPECT_THAT(written, HasSubstr(" MiB/s"));
  // The last thing is that the line is removed.
  EXPECT_THAT(written, EndsWith("\r\x1b[K"));
  EXPECT_EQ(written.find('\n'), std::string::npos);
}

TEST(ProgressTest, AFileOrAPipeSeesNothing) {
  EXPECT_EQ(Written(false, kMuch), "");
}

TEST(ProgressTest, LittleWorkSaysNothing) {
  EXPECT_EQ(Written(true, uint64_t{1} << 20), "");
}

TEST(ProgressTest, WorkThatIsSoonOverSaysNothing) {
  std::ostringstream out, err;
  CommandIo io{out, err};
  io.err_is_terminal = true;
  { const Progress progress("reading", io); }
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace ferry
