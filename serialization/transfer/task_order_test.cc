// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/task_order.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;

TEST(SpreadOverQueuesTest, OneQueueKeepsItsOrder) {
  EXPECT_THAT(SpreadOverQueues({}), ElementsAre());
  EXPECT_THAT(SpreadOverQueues({{0, 9}, {0, 1}, {0, 0}}), ElementsAre(0, 1, 2));
}

TEST(SpreadOverQueuesTest, EqualQueuesTakeTurns) {
  EXPECT_THAT(
      SpreadOverQueues({{0, 8}, {0, 8}, {0, 8}, {1, 8}, {1, 8}, {1, 8}}),
      ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(SpreadOverQueuesTest, ASmallQueueIsSpreadOverTheWhole) {
  EXPECT_THAT(SpreadOverQueues({{0, 8}, {0, 8}, {0, 8}, {0, 8}, {2, 8}}),
              ElementsAre(0, 1, 4, 2, 3));
}

TEST(SpreadOverQueuesTest, TasksWithoutBytesKeepTheirOrder) {
  EXPECT_THAT(SpreadOverQueues({{0, 0}, {1, UINT64_MAX}, {0, 0}}),
              ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
