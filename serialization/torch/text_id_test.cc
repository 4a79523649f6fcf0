// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/text_id.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

TEST(TextIdTest, Parses) {
  std::vector<TextIdPart> parts;
  ASSERT_TRUE(ParseTextId(
      R"(('storage', <class 'torch.FloatStorage'>, "9'4", 'a\\\x07\n', 4L, )"
      R"(('v', 1, 2), None))",
      &parts));
  ASSERT_EQ(parts.size(), 7u);
  EXPECT_EQ(parts[0].kind, TextIdPart::kStr);
  EXPECT_EQ(parts[0].text, "storage");
  EXPECT_EQ(parts[1].kind, TextIdPart::kClass);
  EXPECT_EQ(parts[1].text, "torch.FloatStorage");
  EXPECT_EQ(parts[2].text, "9'4");
  EXPECT_EQ(parts[3].text, "a\\\x07\n");
  EXPECT_EQ(parts[4].kind, TextIdPart::kInt);
  EXPECT_EQ(parts[4].number, 4);
  ASSERT_EQ(parts[5].kind, TextIdPart::kTuple);
  ASSERT_EQ(parts[5].parts.size(), 3u);
  EXPECT_EQ(parts[5].parts[2].number, 2);
  EXPECT_EQ(parts[6].kind, TextIdPart::kNone);
}

TEST(TextIdTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "(", "()", "('a'", "('a',", "('a', 1) ", "('a)", "('\\", "('\\q')",
        "('\\xff')", "('\\x0", "(1", "(-1)", "(99999999999999999999)",
        "(<class 'a>)", "(<class >)", "(((1, 2), 3), 4)",
        "(1, 1, 1, 1, 1, 1, 1, 1, 1)"}) {
    std::vector<TextIdPart> parts;
    EXPECT_FALSE(ParseTextId(text, &parts)) << text;
  }
}

}  // namespace
}  // namespace torch
}  // namespace v1
}  // namespace ferry
