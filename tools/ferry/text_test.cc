// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/text.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

TEST(EscapeForTerminalTest, KeepsTextAndSpellsOutTheRest) {
  EXPECT_EQ(EscapeForTerminal("fc.weight é 日本 🚀"), "fc.weight é 日本 🚀");
  EXPECT_EQ(EscapeForTerminal("a\x1b[2Jb\n\t\r\x7f"),
            "a\\x1b[2Jb\\n\\t\\x0d\\x7f");
  EXPECT_EQ(EscapeForTerminal("\xc2\x9b"
                              "2J"),
            "\\u009b2J");  // C1's own CSI
  EXPECT_EQ(EscapeForTerminal("\u202Eevil\u2066"), "\\u202eevil\\u2066");
}

TEST(EscapeForTerminalTest, SpellsOutWhatIsNotUtf8) {
  EXPECT_EQ(EscapeForTerminal("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(EscapeForTerminal("\xc0\x9b"), "\\xc0\\x9b");  // ESC, overlong
  EXPECT_EQ(EscapeForTerminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(EscapeForTerminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(HumanBytesTest, ChangesUnits) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(HumanBytes(std::numeric_limits<uint64_t>::max()), "16.0 EiB");
}

TEST(MatchesGlobTest, StarsStandForAnyRun) {
  EXPECT_TRUE(MatchesGlob("*weight", "/model/fc.weight"));
  EXPECT_FALSE(MatchesGlob("*weight", "/model/fc.weight2"));
  EXPECT_TRUE(MatchesGlob("/m*/*.w*t", "/model/fc.weight"));
  EXPECT_TRUE(MatchesGlob("**", ""));
  EXPECT_FALSE(MatchesGlob("/a*b", "/a"));
  EXPECT_TRUE(MatchesGlob("*aab", "aaaab"));
}

}  // namespace
}  // namespace cli
}  // namespace v1
}  // namespace ferry
