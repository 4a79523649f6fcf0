// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_page_resource.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <numeric>
#include <vector>

#include "ferry/core/huge_pages.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

uintptr_t Address(const void* data) {
  return reinterpret_cast<uintptr_t>(data);
}

TEST(HugePageResourceTest, ContainersOfAnySize) {
  HugePageResource memory;
  for (size_t size : {size_t{1}, size_t{1000}, size_t{1} << 20}) {
    std::pmr::vector<uint64_t> numbers(&memory);
    // Grows through every size on its way.
    for (size_t i = 0; i < size; ++i) numbers.push_back(i);
    EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), uint64_t{0}),
              uint64_t{size} * (size - 1) / 2);
  }
  std::pmr::vector<char> large(kHugeFromBytes, 'x', &memory);
  EXPECT_EQ(Address(large.data()) % HugePageBytes(), 0u);
}

TEST(HugePageResourceTest, WhatIsReservedIsShared) {
  HugePageResource memory;
  memory.Reserve(2 * HugePageBytes());
  void* const first = memory.allocate(100, 1);
  void* const second = memory.allocate(HugePageBytes(), 64);
  EXPECT_EQ(Address(first) % HugePageBytes(), 0u);
  EXPECT_EQ(Address(second) - Address(first), 128u);
  // What no longer fits stands elsewhere; what does, still there.
  void* const elsewhere = memory.allocate(HugePageBytes(), 8);
  EXPECT_GE(Address(elsewhere) - Address(first), 2 * HugePageBytes());
  void* const third = memory.allocate(8, 8);
  EXPECT_EQ(Address(third) - Address(second), HugePageBytes());
  std::memset(elsewhere, 1, HugePageBytes());
  std::memset(second, 1, HugePageBytes());
  memory.deallocate(elsewhere, HugePageBytes(), 8);
  memory.deallocate(second, HugePageBytes(), 64);
  EXPECT_EQ(*static_cast<char*>(second), 1);
}

TEST(HugePageResourceTest, TheLastAllocationIsReused) {
  HugePageResource memory;
  memory.Reserve(HugePageBytes());
  void* const first = memory.allocate(1000, 8);
  void* const last = memory.allocate(1000, 8);
  memory.deallocate(last, 1000, 8);
  EXPECT_EQ(memory.allocate(2000, 8), last);
  // What is not the last stays where it is.
  memory.deallocate(first, 1000, 8);
  EXPECT_EQ(Address(memory.allocate(8, 8)) - Address(last), 2000u);
}

TEST(HugePageResourceTest, ReservesNothingThatIsSmall) {
  HugePageResource memory;
  memory.Reserve(kHugeFromBytes - 1);
  void* const data = memory.allocate(16, 16);
  EXPECT_NE(Address(data) % HugePageBytes(), 0u);
  memory.deallocate(data, 16, 16);
}

TEST(HugePageResourceTest, TooMuchThrows) {
  HugePageResource memory;
  EXPECT_THROW((void)memory.allocate(size_t{1} << 60, 8), std::bad_alloc);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
