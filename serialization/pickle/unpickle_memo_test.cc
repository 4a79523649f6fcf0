// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickle_memo.h"

#include <cstdint>
#include <limits>

#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

TEST(UnpickleMemoTest, KeepsTheLastValueOfANumber) {
  // The last two are larger than any number of an honest pickle.
  for (const uint64_t index : {uint64_t{0}, uint64_t{99}, uint64_t{100},
                               std::numeric_limits<uint64_t>::max()}) {
    UnpickleMemo memo;
    memo.Reserve(100);
    EXPECT_EQ(memo.Get(index), kNoNode);
    EXPECT_EQ(memo.size(), 0u);
    for (NodeId node : {7, 8}) {
      memo.Put(index, node, /*bytes_taken=*/100);
      EXPECT_EQ(memo.Get(index), node);
      EXPECT_EQ(memo.size(), 1u);
    }
    EXPECT_EQ(memo.Get(index - 1), kNoNode);
    EXPECT_EQ(memo.Get(index + 1), kNoNode);
  }
}

TEST(UnpickleMemoTest, CountsANumberOnceWhereverItsEntryIs) {
  UnpickleMemo memo;
  memo.Put(100, 7, /*bytes_taken=*/100);
  memo.Put(100, 8, /*bytes_taken=*/200);
  EXPECT_EQ(memo.size(), 1u);
  EXPECT_EQ(memo.Get(100), 8u);
  // The table grows past entry 1000 because of another entry.
  memo.Put(1000, 9, /*bytes_taken=*/300);
  memo.Put(1100, 10, /*bytes_taken=*/1101);
  EXPECT_EQ(memo.Get(1000), 9u);
  EXPECT_EQ(memo.size(), 3u);
  memo.Put(1000, 11, /*bytes_taken=*/1200);
  EXPECT_EQ(memo.Get(1000), 11u);
  EXPECT_EQ(memo.size(), 3u);
}

TEST(UnpickleMemoTest, GrowsAsEntriesAreAdded) {
  UnpickleMemo memo;
  for (NodeId i = 0; i < 1000; ++i) {
    memo.Put(memo.size(), i, /*bytes_taken=*/2 * uint64_t{i} + 1);
  }
  EXPECT_EQ(memo.size(), 1000u);
  for (NodeId i = 0; i < 1000; ++i) EXPECT_EQ(memo.Get(i), i);
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
