// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/budget.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST(BudgetTest, EndsAtItsLimitExactly) {
  BudgetOptions options;
  options.max_steps = 10;
  Budget budget(options, 0);
  EXPECT_TRUE(budget.ChargeSteps(7).ok());
  EXPECT_TRUE(budget.ChargeSteps(3).ok());
  EXPECT_TRUE(budget.ChargeSteps(0).ok());
  EXPECT_EQ(budget.steps(), 10);
  const absl::Status status = budget.ChargeSteps(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("10 steps"), HasSubstr("max_steps")));
  // The others are separate.
  EXPECT_TRUE(budget.ChargeMemory(1000).ok());
  EXPECT_TRUE(budget.ChargeOutput(1000).ok());
  EXPECT_EQ(budget.memory_bytes(), 1000);
  EXPECT_EQ(budget.output_bytes(), 1000);
}

TEST(BudgetTest, NamesTheOptionOfEach) {
  BudgetOptions options;
  options.max_memory_bytes = 5;
  options.max_output_bytes = 6;
  Budget budget(options, 0);
  EXPECT_THAT(std::string(budget.ChargeMemory(6).message()),
              testing::AllOf(HasSubstr("5 bytes of memory"),
                             HasSubstr("max_memory_bytes")));
  EXPECT_THAT(std::string(budget.ChargeOutput(7).message()),
              testing::AllOf(HasSubstr("6 bytes of output"),
                             HasSubstr("max_output_bytes")));
}

TEST(BudgetTest, NoChargeWrapsAround) {
  BudgetOptions options;
  options.max_steps = kMost - 1;
  Budget budget(options, 0);
  EXPECT_TRUE(budget.ChargeSteps(kMost - 1).ok());
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(budget.ChargeSteps(kMost).ok());
    EXPECT_FALSE(budget.ChargeSteps(1).ok());
  }
  EXPECT_TRUE(budget.ChargeSteps(0).ok());
  EXPECT_EQ(budget.steps(), kMost - 1);
}

TEST(BudgetTest, WhatIsHeldIsSpent) {
  BudgetOptions options;
  options.max_memory_bytes = 10;
  options.held_memory_bytes = 7;
  Budget budget(options, 0);
  EXPECT_EQ(budget.memory_bytes(), 7);
  EXPECT_TRUE(budget.ChargeMemory(3).ok());
  // The message has the whole limit.
  EXPECT_THAT(std::string(budget.ChargeMemory(1).message()),
              HasSubstr("10 bytes of memory"));
  // More than there is.
  options.held_memory_bytes = kMost;
  Budget spent(options, 0);
  EXPECT_TRUE(spent.ChargeMemory(0).ok());
  EXPECT_FALSE(spent.ChargeMemory(1).ok());
  // Other resources are not held.
  EXPECT_TRUE(spent.ChargeSteps(1000).ok());
}

TEST(BudgetTest, DefaultsGrowWithTheInput) {
  EXPECT_EQ(Budget::DefaultSteps(1000) - Budget::DefaultSteps(0), 64000u);
  EXPECT_EQ(Budget::DefaultOutputBytes(1000) - Budget::DefaultOutputBytes(0),
            32000u);
  EXPECT_EQ(Budget::DefaultOutputBytes(kMost), kMost);
  Budget none(BudgetOptions(), 0);
  const uint64_t floor = uint64_t{1} << 27;
  EXPECT_TRUE(none.ChargeSteps(floor).ok());
  EXPECT_FALSE(none.ChargeSteps(1).ok());
  Budget some(BudgetOptions(), 1000);
  EXPECT_TRUE(some.ChargeSteps(floor + 1000).ok());
  EXPECT_TRUE(some.ChargeSteps(1000).ok());
  EXPECT_FALSE(some.ChargeSteps(1000000).ok());
  // The product of the largest size does not wrap around.
  Budget huge(BudgetOptions(), kMost);
  EXPECT_TRUE(huge.ChargeMemory(kMost / 2).ok());
}

TEST(BudgetTest, AsksEveryMillionWhetherToStop) {
  constexpr uint64_t kMillion = uint64_t{1} << 20;
  int asked = 0;
  bool is_cancelled = false;
  Budget budget(BudgetOptions(), 0, [&] {
    ++asked;
    return is_cancelled;
  });
  for (uint64_t i = 0; i < 3 * kMillion; i += 1024) {
    EXPECT_TRUE(budget.ChargeSteps(1024).ok());
  }
  EXPECT_EQ(asked, 3);
  EXPECT_TRUE(budget.ChargeMemory(100 * kMillion).ok());
  EXPECT_TRUE(budget.ChargeOutput(100 * kMillion).ok());
  EXPECT_EQ(asked, 5);
  is_cancelled = true;
  EXPECT_TRUE(budget.ChargeSteps(kMillion - 1).ok());
  EXPECT_EQ(budget.ChargeSteps(1).code(), absl::StatusCode::kCancelled);
}

TEST(BudgetTest, WithoutLimitsOnlyCounts) {
  Budget budget;
  EXPECT_TRUE(budget.ChargeMemory(kMost / 2).ok());
  EXPECT_TRUE(budget.ChargeMemory(kMost / 2).ok());
  EXPECT_EQ(budget.memory_bytes(), kMost - 1);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
