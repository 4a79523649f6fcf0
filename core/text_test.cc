// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/text.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(ShortenTest, CutsBetweenCharacters) {
  EXPECT_EQ(Shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten("abcdefg", 6), "abcdef...");
  EXPECT_EQ(Shorten("ab\xc3\xa9"
                    "cd",
                    3),
            "ab...");
  EXPECT_EQ(Shorten("ab\xc3\xa9"
                    "cd",
                    4),
            "ab\xc3\xa9...");
}

TEST(QuoteForMessageTest, CutsAndEscapes) {
  EXPECT_EQ(QuoteForMessage("fc.weight"), "\"fc.weight\"");
  EXPECT_EQ(QuoteForMessage("a\"b\n\x1b é"), "\"a\\\"b\\n\\x1b é\"");
  EXPECT_EQ(QuoteForMessage("\xc3\xa9\xff"), "\"\\xc3\\xa9\\xff\"");
  EXPECT_EQ(QuoteForMessage(std::string(201, 'a')),
            "\"" + std::string(200, 'a') + "...\"");
}

TEST(ListForMessageTest, SaysHowManyAreLeft) {
  const auto list = [](size_t count, size_t max_listed) {
    size_t last = 0;
    return ListForMessage(count, max_listed, [&](size_t i) {
      EXPECT_LT(i, max_listed);
      EXPECT_EQ(i, last++);
      return QuoteForMessage(std::string(1, static_cast<char>('a' + i)));
    });
  };
  EXPECT_EQ(list(0, 3), "");
  EXPECT_EQ(list(1, 3), "\"a\"");
  EXPECT_EQ(list(3, 3), "\"a\", \"b\", \"c\"");
  EXPECT_EQ(list(10, 3), "\"a\", \"b\", \"c\" and 7 more");
}

TEST(WithArticleTest, GoesByTheSound) {
  EXPECT_EQ(WithArticle("int"), "an int");
  EXPECT_EQ(WithArticle("object"), "an object");
  EXPECT_EQ(WithArticle("uint8"), "a uint8");
  EXPECT_EQ(WithArticle("str"), "a str");
  EXPECT_EQ(WithArticle(""), "a ");
}

TEST(EditDistanceTest, CountsChanges) {
  EXPECT_EQ(EditDistance("weight", "weight", 9), 0);
  EXPECT_EQ(EditDistance("weigt", "weight", 9), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting", 9), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting", 2), 2);
  EXPECT_EQ(EditDistance("", "abc", 9), 3);
  EXPECT_EQ(EditDistance("a", "b", 0), 0);
}

std::string Proposed(const std::string& wanted,
                     const std::vector<std::string>& names) {
  NearNames near(wanted);
  for (const std::string& name : names) near.Consider(name);
  return near.Question();
}

TEST(NearNamesTest, ProposesTheNearest) {
  EXPECT_EQ(Proposed("weigt", {"bias", "weight"}),
            "; did you mean \"weight\"?");
  EXPECT_EQ(Proposed("weigt", {"bias", "momentum"}), "");
  // What ends so comes first; equal ones stay in order; three at most.
  EXPECT_EQ(Proposed("wait", {"want", "wais", "a.wait", "waif"}),
            "; did you mean \"a.wait\" or \"want\" or \"wais\"?");
  EXPECT_EQ(Proposed(std::string(201, 'a'), {std::string(201, 'b')}), "");
  EXPECT_EQ(Proposed("ab", {""}), "");
  // All names end with the empty one.
  EXPECT_EQ(Proposed("", {"weight", "a", ""}), "");
}

// The whole table, for what is computed of a part of it.
size_t WholeTable(const std::string& a, const std::string& b, size_t limit) {
  std::vector<std::vector<size_t>> table(a.size() + 1,
                                         std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      table[i][j] =
          std::min({table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1),
                    table[i - 1][j] + 1, table[i][j - 1] + 1});
    }
  }
  return std::min(table[a.size()][b.size()], limit);
}

TEST(EditDistanceTest, IsThatOfTheWholeTable) {
  std::mt19937 random(1);
  const auto text = [&random] {
    std::string letters;
    for (size_t size = random() % 9; size > 0; --size) {
      letters.push_back(static_cast<char>('a' + random() % 3));
    }
    return letters;
  };
  for (int i = 0; i < 20000; ++i) {
    const std::string a = text();
    const std::string b = text();
    const size_t limit = random() % 10;
    ASSERT_EQ(EditDistance(a, b, limit), WholeTable(a, b, limit))
        << a << " " << b << " " << limit;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
