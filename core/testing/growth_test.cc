// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/growth.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::string Make(size_t n) { return std::string(n, 'a'); }

TEST(GrowthTest, AcceptsWhatIsLinear) {
  EXPECT_TRUE(GrowsLinearly(1000, Make, [](const std::string& input) {
    std::vector<std::string> copies;
    for (const char c : input) copies.emplace_back(40, c);
    return Cost{input.size(), 3 * input.size()};
  }));
}

TEST(GrowthTest, AcceptsASort) {
  EXPECT_TRUE(GrowsLinearly(1000, Make, [](const std::string& input) {
    std::vector<size_t> numbers(input.size());
    std::iota(numbers.rbegin(), numbers.rend(), 0);
    std::sort(numbers.begin(), numbers.end());
    return Cost{};
  }));
}

TEST(GrowthTest, RefusesSquaresOfEachKind) {
  const auto square = [](size_t n) { return n * n; };
  EXPECT_FALSE(GrowsLinearly(
      100, [&](size_t n) { return Make(square(n)); },
      [](const std::string&) { return Cost{}; }));
  EXPECT_FALSE(GrowsLinearly(100, Make, [&](const std::string& input) {
    return Cost{square(input.size()), 0};
  }));
  EXPECT_FALSE(GrowsLinearly(100, Make, [&](const std::string& input) {
    return Cost{0, square(input.size())};
  }));
  EXPECT_FALSE(GrowsLinearly(1000, Make, [&](const std::string& input) {
    for (size_t i = 0; i < input.size(); ++i) Make(input.size());
    return Cost{};
  }));
}

TEST(GrowthTest, RefusesASquareOfComparisons) {
  if (!CountsComparisons()) GTEST_SKIP() << "the build does not count them";
  EXPECT_FALSE(GrowsLinearly(300, Make, [](const std::string& input) {
    volatile size_t equal = 0;
    for (const char a : input) {
      for (const char b : input) equal = equal + (a == b ? 1 : 0);
    }
    return Cost{};
  }));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
