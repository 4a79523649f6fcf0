// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using testing::ElementsAre;

TEST(StridedTest, Dense) {
  EXPECT_TRUE(IsDense({}, {}));
  EXPECT_TRUE(IsDense({2, 3}, {3, 1}));
  EXPECT_TRUE(IsDense({2, 3}, {1, 2}));
  EXPECT_TRUE(IsDense({2, 1, 3}, {3, 77, 1}));
  EXPECT_TRUE(IsDense({0, 3}, {100, 7}));
  EXPECT_FALSE(IsDense({2, 3}, {4, 1}));
  EXPECT_FALSE(IsDense({2}, {0}));
  // As many elements as the extent has, and yet not each of them.
  EXPECT_FALSE(IsDense({2, 2, 2}, {1, 1, 5}));
}

TEST(StridedTest, Overlap) {
  EXPECT_TRUE(HasNoOverlap({2, 3}, {4, 1}));
  EXPECT_TRUE(HasNoOverlap({3, 2}, {1, 5}));
  EXPECT_TRUE(HasNoOverlap({0}, {0}));
  EXPECT_TRUE(HasNoOverlap({1, 4}, {0, 2}));
  EXPECT_FALSE(HasNoOverlap({2, 3}, {0, 1}));
  EXPECT_FALSE(HasNoOverlap({2, 3}, {2, 1}));
}

TEST(StridedTest, SameStrides) {
  EXPECT_TRUE(HasSameStrides({2, 1}, {1, 5}, {1, 9}));
  EXPECT_FALSE(HasSameStrides({2, 2}, {2, 1}, {1, 2}));
}

TEST(StridedTest, Copies) {
  const std::vector<int16_t> in = {0, 1, 2, 3, 4, 5};
  std::vector<int16_t> out(6, -1);
  // Transposed.
  CopyStrided(in.data(), {3, 1}, out.data(), {1, 2}, {2, 3}, 2);
  EXPECT_THAT(out, ElementsAre(0, 3, 1, 4, 2, 5));
  // Rows into a wider matrix: the gaps stay.
  std::vector<int16_t> wide(8, -1);
  CopyStrided(in.data(), {3, 1}, wide.data(), {4, 1}, {2, 3}, 2);
  EXPECT_THAT(wide, ElementsAre(0, 1, 2, -1, 3, 4, 5, -1));
  // A repeated element, and the middle dimension of three.
  out.assign(6, -1);
  CopyStrided(in.data(), {0, 0, 2}, out.data(), {3, 1, 77}, {2, 3, 1}, 2);
  EXPECT_THAT(out, ElementsAre(0, 0, 0, 0, 0, 0));
  std::vector<int16_t> cube(12, -1);
  CopyStrided(in.data(), {1, 2, 1}, cube.data(), {6, 2, 1}, {2, 3, 1}, 2);
  EXPECT_THAT(cube, ElementsAre(0, -1, 2, -1, 4, -1, 1, -1, 3, -1, 5, -1));
}

TEST(StridedTest, ScalarsAndNothing) {
  const int32_t in = 7;
  int32_t out = 0;
  CopyStrided(&in, {}, &out, {}, {}, 4);
  EXPECT_EQ(out, 7);
  CopyStrided(nullptr, {1, 1}, nullptr, {1, 1}, {3, 0}, 4);
}

}  // namespace
}  // namespace ferry
