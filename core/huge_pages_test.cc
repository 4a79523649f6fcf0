// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_pages.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory_resource>
#include <new>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace ferry {
namespace {

uintptr_t Address(const void* data) {
  return reinterpret_cast<uintptr_t>(data);
}

TEST(HugePagesTest, MappingsBeginOnABoundary) {
  for (uint64_t size : {uint64_t{1}, kHugePageBytes + 1, 3 * kHugePageBytes}) {
    void* const pages = MapPages(size, size);
    ASSERT_NE(pages, nullptr);
    EXPECT_EQ(Address(pages) % kHugePageBytes, 0u);
    std::memset(pages, 1, size);
    UnmapPages(pages, size);
  }
  EXPECT_EQ(MapPages(0, 0), nullptr);
  EXPECT_EQ(MapPages(~uint64_t{0}, 0), nullptr);
}

TEST(HugePagesTest, WhatWasUsedIsHadAgain) {
  void* const one = MapPages(kHugePageBytes, kHugePageBytes);
  void* const two = MapPages(2 * kHugePageBytes, 2 * kHugePageBytes);
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  std::memset(one, 1, kHugePageBytes);
  std::memset(two, 2, 2 * kHugePageBytes);
  UnmapPages(two, 2 * kHugePageBytes);
  EXPECT_EQ(MapPages(2 * kHugePageBytes, 2 * kHugePageBytes), two);
  // The lowest first, if it is large enough.
  UnmapPages(one, kHugePageBytes);
  void* const other = MapPages(2 * kHugePageBytes, 2 * kHugePageBytes);
  EXPECT_NE(other, one);
  EXPECT_EQ(MapPages(kHugePageBytes, kHugePageBytes), one);
  std::memset(one, 3, kHugePageBytes);
  EXPECT_EQ(static_cast<char*>(two)[0], 2);
  UnmapPages(one, kHugePageBytes);
  UnmapPages(two, 2 * kHugePageBytes);
  UnmapPages(other, 2 * kHugePageBytes);
}

// What the system may take of the process's memory without asking, in KiB; -1
// where it does not say.
int64_t FreeableKib() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  int64_t kib = -1;
  while (rollup >> word) {
    if (word == "LazyFree:") rollup >> kib;
  }
  return kib;
}

TEST(HugePagesTest, TheSystemMayTakeWhatWasGivenBack) {
  constexpr uint64_t kBytes = 4 * kHugePageBytes;
  void* const pages = MapPages(kBytes, kBytes);
  ASSERT_NE(pages, nullptr);
  std::memset(pages, 1, kBytes);
  const int64_t before = FreeableKib();
  UnmapPages(pages, kBytes);
  if (before < 0) GTEST_SKIP() << "no LazyFree in /proc/self/smaps_rollup";
  // Not all of it where the pages are small: some wait to be marked.
  EXPECT_GE(FreeableKib() - before, int64_t{kBytes >> 10} / 2);
}

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
TEST(HugePagesTest, WhatWasGivenBackIsPoisoned) {
  void* const pages = MapPages(kHugePageBytes, kHugePageBytes);
  EXPECT_FALSE(__asan_address_is_poisoned(pages));
  UnmapPages(pages, kHugePageBytes);
  EXPECT_TRUE(__asan_address_is_poisoned(pages));
}
#endif

TEST(HugePagesTest, MoreThanIsKept) {
  // What no longer fits comes from the system, and goes back there.
  std::vector<void*> pages;
  for (uint64_t bytes = 0; bytes <= 2 * kKeptBytes; bytes += kHugePageBytes) {
    pages.push_back(MapPages(kHugePageBytes, kHugePageBytes));
    ASSERT_NE(pages.back(), nullptr);
    *static_cast<size_t*>(pages.back()) = pages.size();
  }
  for (size_t i = 0; i < pages.size(); ++i) {
    EXPECT_EQ(*static_cast<size_t*>(pages[i]), i + 1);
    UnmapPages(pages[i], kHugePageBytes);
  }
  // Half of it is the most that is had at once.
  void* const half = MapPages(kKeptBytes / 2, kKeptBytes / 2);
  UnmapPages(half, kKeptBytes / 2);
  EXPECT_EQ(half, pages[0]);
  const uint64_t more = kKeptBytes / 2 + kHugePageBytes;
  void* const from_system = MapPages(more, more);
  EXPECT_GE(Address(from_system) - Address(half), kKeptBytes);
  UnmapPages(from_system, more);
  void* const large = MapPages(kKeptBytes, kKeptBytes);
  ASSERT_NE(large, nullptr);
  std::memset(large, 1, kKeptBytes);
  UnmapPages(large, kKeptBytes);
}

TEST(HugePagesTest, ThreadsNeverShareAPage) {
  std::atomic<int> faults{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 4; ++t) {
    threads.emplace_back([t, &faults] {
      for (uint64_t i = 0; i < 300; ++i) {
        const uint64_t count = 1 + (t + i) % 3;
        auto* const pages = static_cast<volatile uint64_t*>(
            MapPages(count * kHugePageBytes, count * kHugePageBytes));
        const uint64_t step = kHugePageBytes / sizeof(uint64_t);
        for (uint64_t page = 0; page < count; ++page) pages[page * step] = t;
        std::this_thread::yield();
        for (uint64_t page = 0; page < count; ++page) {
          if (pages[page * step] != t) ++faults;
        }
        UnmapPages(const_cast<uint64_t*>(pages), count * kHugePageBytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
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
  EXPECT_EQ(Address(large.data()) % kHugePageBytes, 0u);
}

TEST(HugePageResourceTest, WhatIsReservedIsShared) {
  HugePageResource memory;
  memory.Reserve(2 * kHugePageBytes);
  void* const first = memory.allocate(100, 1);
  void* const second = memory.allocate(kHugePageBytes, 64);
  EXPECT_EQ(Address(first) % kHugePageBytes, 0u);
  EXPECT_EQ(Address(second) - Address(first), 128u);
  // What no longer fits stands elsewhere; what does, still there.
  void* const elsewhere = memory.allocate(kHugePageBytes, 8);
  EXPECT_GE(Address(elsewhere) - Address(first), 2 * kHugePageBytes);
  void* const third = memory.allocate(8, 8);
  EXPECT_EQ(Address(third) - Address(second), kHugePageBytes);
  std::memset(elsewhere, 1, kHugePageBytes);
  std::memset(second, 1, kHugePageBytes);
  memory.deallocate(elsewhere, kHugePageBytes, 8);
  memory.deallocate(second, kHugePageBytes, 64);
  EXPECT_EQ(*static_cast<char*>(second), 1);
}

TEST(HugePageResourceTest, WhatIsLastInTheRoomIsTakenAgain) {
  HugePageResource memory;
  memory.Reserve(kHugePageBytes);
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
  EXPECT_NE(Address(data) % kHugePageBytes, 0u);
  memory.deallocate(data, 16, 16);
}

TEST(HugePageResourceTest, TooMuchThrows) {
  HugePageResource memory;
  EXPECT_THROW((void)memory.allocate(size_t{1} << 60, 8), std::bad_alloc);
}

}  // namespace
}  // namespace ferry
