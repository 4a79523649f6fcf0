// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/strided.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
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

// The strides of a view of `shape` whose dimensions are in the order `order` in
// memory, innermost first, with a gap after each.
std::vector<int64_t> PermutedStrides(const std::vector<int64_t>& shape,
                                     const std::vector<size_t>& order,
                                     int64_t gap) {
  std::vector<int64_t> strides(shape.size());
  int64_t next = 1;
  for (size_t i : order) {
    strides[i] = next;
    next = next * shape[i] + gap;
  }
  return strides;
}

int64_t Extent(const std::vector<int64_t>& shape,
               const std::vector<int64_t>& strides) {
  int64_t extent = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    extent += (shape[i] - 1) * strides[i];
  }
  return extent;
}

// Goes through the elements one by one.
void CopyOneByOne(const std::string& from,
                  const std::vector<int64_t>& from_strides, std::string& to,
                  const std::vector<int64_t>& to_strides,
                  const std::vector<int64_t>& shape, size_t bytes) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  for (int64_t element = 0; element < count; ++element) {
    int64_t rest = element;
    int64_t from_offset = 0;
    int64_t to_offset = 0;
    for (size_t i = shape.size(); i-- > 0; rest /= shape[i]) {
      from_offset += rest % shape[i] * from_strides[i];
      to_offset += rest % shape[i] * to_strides[i];
    }
    to.replace(static_cast<size_t>(to_offset) * bytes, bytes, from,
               static_cast<size_t>(from_offset) * bytes, bytes);
  }
}

// Every order of the dimensions in memory on one side, with and without gaps,
// and repeated elements on the other: the result is that of the obvious loop.
TEST(StridedTest, CopiesAsElementByElement) {
  const std::vector<std::vector<int64_t>> shapes = {
      {1},       {1000},        {33, 65},      {64, 64},  {3, 5000},
      {5000, 3}, {7, 1, 129},   {20, 30, 40},  {2, 2, 2}, {130, 17, 9},
      {300, 70}, {3, 4, 5, 67}, {17, 2, 3, 1}, {129, 255}};
  for (const std::vector<int64_t>& shape : shapes) {
    std::vector<size_t> identity(shape.size());
    std::iota(identity.rbegin(), identity.rend(), size_t{0});
    std::vector<size_t> order = identity;
    std::sort(order.begin(), order.end());
    do {
      for (int64_t gap : {0, 3}) {
        for (size_t bytes : {1, 2, 4, 8, 16}) {
          std::vector<int64_t> from_strides =
              PermutedStrides(shape, order, gap);
          for (size_t repeated = 0; repeated <= shape.size(); ++repeated) {
            if (repeated > 0) from_strides[repeated - 1] = 0;
            const std::vector<int64_t> to_strides =
                PermutedStrides(shape, identity, gap / 3);
            std::string from(
                static_cast<size_t>(Extent(shape, from_strides)) * bytes, 0);
            for (size_t i = 0; i < from.size(); ++i) {
              from[i] = static_cast<char>(i * 7 + i / 251);
            }
            std::string to(
                static_cast<size_t>(Extent(shape, to_strides)) * bytes, '#');
            std::string wanted = to;
            CopyOneByOne(from, from_strides, wanted, to_strides, shape, bytes);
            CopyStrided(from.data(), from_strides, &to[0], to_strides, shape,
                        bytes);
            ASSERT_TRUE(to == wanted)
                << testing::PrintToString(shape) << " from "
                << testing::PrintToString(from_strides) << " to "
                << testing::PrintToString(to_strides) << ", elements of "
                << bytes << " bytes";
          }
        }
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

// Tiles are disjoint, together they are the whole shape, and none is too large,
// however the range of tiles is divided.
TEST(StridedTest, TilesCoverEachElementOnce) {
  const std::vector<int64_t> shape = {6, 1, 50, 7};
  const std::vector<int64_t> row_major = {350, 350, 7, 1};
  const std::vector<int64_t> transposed = {1, 1, 6, 300};
  const std::vector<int64_t> repeated = {0, 9, 1, 50};
  for (int64_t max_elements : {1, 2, 5, 16, 100, 100000}) {
    const StridedTiles<3> tiles(shape, {{row_major, transposed, repeated}},
                                max_elements);
    std::vector<int> seen(2100, 0);
    for (int64_t first = 0; first < tiles.count(); first += 3) {
      const int64_t last = std::min(first + 3, tiles.count());
      tiles.ForEach(first, last,
                    [&](const auto& offsets, int64_t rows, int64_t columns) {
                      EXPECT_LE(rows * columns, max_elements);
                      EXPECT_LE(rows * columns, tiles.tile_elements());
                      for (int64_t i = 0; i < rows * columns; ++i) {
                        std::array<int64_t, 3> at = offsets;
                        for (size_t v = 0; v < 3; ++v) {
                          at[v] += i / columns * tiles.row_strides()[v] +
                                   i % columns * tiles.column_strides()[v];
                        }
                        // The three views are at the same index.
                        const int64_t a = at[0] / 350;
                        const int64_t b = at[0] / 7 % 50;
                        const int64_t c = at[0] % 7;
                        EXPECT_EQ(at[1], a + 6 * b + 300 * c);
                        EXPECT_EQ(at[2], b + 50 * c);
                        ++seen[static_cast<size_t>(at[0])];
                      }
                    });
    }
    EXPECT_THAT(seen, testing::Each(1)) << max_elements;
  }
  const StridedTiles<1> nothing({3, 0}, {{{1, 1}}}, 10);
  EXPECT_EQ(nothing.count(), 0);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
