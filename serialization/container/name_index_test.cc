// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/name_index.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(NameIndexTest, EveryNameIsFound) {
  const std::vector<std::string> names = {"a/0",
                                          "a/1",
                                          "a/7",
                                          "a/07",
                                          "a/",
                                          "a",
                                          "",
                                          "b/1",
                                          "a/-1",
                                          "a/+1",
                                          "a/1x",
                                          "a/x1",
                                          "a/ 1",
                                          "a/1/1",
                                          "a/4294967295",
                                          "a/18446744073709551617",
                                          "A/1",
                                          "a/99",
                                          "a/00",
                                          "a//"};
  // With room for none of their numbers, for some and for all.
  for (size_t num_names : {0u, 5u, 100u}) {
    NameIndex index("a/");
    index.Reserve(num_names);
    for (uint32_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(index.Find(names[i]), std::nullopt) << names[i];
      EXPECT_EQ(index.Insert(names[i], i), std::make_pair(i, true)) << names[i];
    }
    for (uint32_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(index.Find(names[i]), i) << names[i];
      EXPECT_EQ(index.Insert(names[i], 1000), std::make_pair(i, false));
    }
    EXPECT_EQ(index.Find("a/2"), std::nullopt);
    EXPECT_EQ(index.Find("a/98"), std::nullopt);
  }
}

TEST(NameIndexTest, NumbersWithoutAStem) {
  constexpr uint32_t kNames = 1000;
  NameIndex index("");
  index.Reserve(kNames);
  for (uint32_t i = 0; i < kNames; ++i) {
    EXPECT_TRUE(index.Insert(absl::StrCat(kNames - i), i).second);
  }
  for (uint32_t i = 0; i < kNames; ++i) {
    EXPECT_EQ(index.Find(absl::StrCat(kNames - i)), i);
  }
  EXPECT_EQ(index.Find("0"), std::nullopt);
  EXPECT_EQ(index.Find(""), std::nullopt);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
