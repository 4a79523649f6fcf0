// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/shape.h"

#include <limits>
#include <vector>

#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
using Shape = std::vector<int64_t>;

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(*NumElements(Shape{}), 1);
  EXPECT_EQ(*NumElements(Shape{2, 3}), 6);
  EXPECT_EQ(*NumElements(Shape{2, 0, 3}), 0);
  EXPECT_EQ(*NumElements(Shape{kMax}), kMax);
}

TEST(ShapeTest, RefusesWhatCannotBeCounted) {
  EXPECT_FALSE(NumElements(Shape{-1}).ok());
  EXPECT_FALSE(NumElements(Shape{0, -1}).ok());
  EXPECT_FALSE(NumElements(Shape{kMax, 2}).ok());
  EXPECT_FALSE(NumElements(Shape{0, kMax, 2}).ok());
  EXPECT_FALSE(NumElements(Shape(65, 1)).ok());
  EXPECT_THAT(NumElements(Shape(64, 1)), IsOk());
}

TEST(ShapeTest, ContiguousStridesAreThoseOfPyTorch) {
  EXPECT_EQ(ContiguousStrides(Shape{2, 3, 4}), (Dimensions{12, 4, 1}));
  EXPECT_EQ(ContiguousStrides(Shape{}), Dimensions{});
  // torch.empty(2, 0, 3).stride() is (3, 3, 1).
  EXPECT_EQ(ContiguousStrides(Shape{2, 0, 3}), (Dimensions{3, 3, 1}));
}

TEST(ShapeTest, KnowsContiguousViews) {
  EXPECT_TRUE(IsContiguous(Shape{2, 3}, Shape{3, 1}));
  EXPECT_FALSE(IsContiguous(Shape{2, 3}, Shape{1, 2}));
  EXPECT_TRUE(IsContiguous(Shape{1, 3}, Shape{77, 1}));
  EXPECT_TRUE(IsContiguous(Shape{0, 3}, Shape{9, 9}));
  EXPECT_FALSE(IsContiguous(Shape{4}, Shape{0}));
}

TEST(ShapeTest, ARowOfOnesIsContiguousWhateverItsStrides) {
  EXPECT_TRUE(IsContiguous(Shape{}, Shape{}));
  EXPECT_TRUE(IsContiguous(Shape{1, 1}, Shape{0, 99}));
  EXPECT_FALSE(IsContiguous(Shape{2, 2}, Shape{4, 1}));
}

TEST(ShapeTest, ExtentIsOnePastTheLastElement) {
  EXPECT_EQ(*ViewExtent(Shape{}, Shape{}, 5), 6);
  EXPECT_EQ(*ViewExtent(Shape{2, 3}, Shape{3, 1}, 0), 6);
  EXPECT_EQ(*ViewExtent(Shape{2, 3}, Shape{1, 2}, 4), 10);
  EXPECT_EQ(*ViewExtent(Shape{5, 8}, Shape{0, 1}, 0), 8);
  // A view without elements addresses nothing, wherever it begins.
  EXPECT_EQ(*ViewExtent(Shape{0, 8}, Shape{kMax, kMax}, 7), 0);
  EXPECT_EQ(*ViewExtent(Shape{0}, Shape{1}, kMax), 0);
  EXPECT_EQ(*ViewExtent(Shape{kMax}, Shape{0}, 0), 1);
}

TEST(ShapeTest, ExtentNeverWraps) {
  EXPECT_FALSE(ViewExtent(Shape{kMax}, Shape{2}, 0).ok());
  EXPECT_FALSE(ViewExtent(Shape{2}, Shape{kMax}, 0).ok());
  EXPECT_FALSE(ViewExtent(Shape{2}, Shape{1}, kMax).ok());
  EXPECT_FALSE(ViewExtent(Shape{}, Shape{}, kMax).ok());
  EXPECT_FALSE(ViewExtent(Shape{2}, Shape{-1}, 9).ok());
  EXPECT_FALSE(ViewExtent(Shape{2}, Shape{1}, -1).ok());
  EXPECT_FALSE(ViewExtent(Shape{2}, Shape{1, 1}, 0).ok());
}

TEST(ShapeTest, ErrorsAreTheCallersAndSayTheNumbers) {
  const absl::Status status = ViewExtent(Shape{2, -3}, Shape{3, 1}, 4).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("[2, -3]"), absl::string_view::npos);
  EXPECT_EQ(NumElements(Shape{kMax, 2}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ViewExtent(Shape(65, 1), Shape(65, 1), 0).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ShapeTest, ShapesAsText) {
  EXPECT_EQ(ShapeToString(Shape{}), "[]");
  EXPECT_EQ(ShapeToString(Shape{2, -3}), "[2, -3]");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
