// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/global_name.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(DescribeBadGlobal, NamesPass) {
  EXPECT_EQ(DescribeBadGlobal("collections", "OrderedDict"), "");
  EXPECT_EQ(DescribeBadGlobal("a b", "C.d"), "");
  EXPECT_EQ(DescribeBadGlobal("m\xc3\xb6", "\xf0\x9f\x98\x80"), "");
  EXPECT_EQ(DescribeBadGlobal(std::string(4096, 'm'), "n"), "");
}

TEST(DescribeBadGlobal, WhatIsNoNameIsDescribed) {
  struct Case {
    absl::string_view part;
    const char* says;
  };
  const std::string long_name(4097, 'm');
  const Case cases[] = {
      {"", "is empty"},
      {long_name, "has more than 4096 bytes"},
      {"x\n0cposix\ngetcwd", "contains a newline"},
      {absl::string_view("a\0b", 3), "contains a NUL byte"},
      {"\xff", "is not valid UTF-8"},
      // A lone surrogate: text of Python, but no name.
      {"\xed\xa0\x80", "is not valid UTF-8"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(DescribeBadGlobal(c.part, "n"),
              std::string("its module ") + c.says);
    EXPECT_EQ(DescribeBadGlobal("m", c.part),
              std::string("its name ") + c.says);
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
