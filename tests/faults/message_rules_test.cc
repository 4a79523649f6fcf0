// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tests/faults/message_rules.h"

#include <string>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(BrokenMessageRuleTest, FindsWhatBreaksARule) {
  for (const char* message :
       {"a.pt: record \"a b\" is corrupt",
        "a.pt: record \"a\": x (at offset 1 of the pickle) (at offset 2)",
        "the value is a int, not a dict"}) {
    EXPECT_NE(BrokenMessageRule(message), "") << message;
  }
  EXPECT_NE(BrokenMessageRule(std::string(3000, 'x')), "");
}

TEST(BrokenMessageRuleTest, LetsOthersPass) {
  for (const char* message :
       {"", "a.pt: record \"a\\\" b\": it is corrupt (at offset 2)",
        "a.pt: there is no record \"data/0\" for a storage",
        "the value is an int, not a dict", "a uint8 tensor"}) {
    EXPECT_EQ(BrokenMessageRule(message), "") << message;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
