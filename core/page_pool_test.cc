// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/page_pool.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/config.h"
#include "ferry/core/huge_page_resource.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/memory.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

bool IsMapped(void* pages, uint64_t size_bytes) {
  return msync(pages, size_bytes, MS_ASYNC) == 0;
}

// Maps and touches new pages of `size_bytes`.
void* Map(uint64_t size_bytes, PagePool* pool) {
  void* const pages = MapPages(size_bytes, pool);
  EXPECT_NE(pages, nullptr);
  std::memset(pages, 1, size_bytes);
  return pages;
}

TEST(PagePoolTest, HandsOutFreedPagesOfTheSameSize) {
  PagePool pool(16 * kMiB);
  void* const pages = Map(4 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 0u);
  UnmapPages(pages, 4 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 4 * kMiB);
  EXPECT_TRUE(IsMapped(pages, 4 * kMiB));
  void* const smaller = Map(2 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 4 * kMiB);
  EXPECT_EQ(Map(4 * kMiB, &pool), pages);
  EXPECT_EQ(pool.kept_bytes(), 0u);
  void* const other = Map(4 * kMiB, &pool);
  EXPECT_NE(other, pages);
  UnmapPages(smaller, 2 * kMiB, &pool);
  UnmapPages(pages, 4 * kMiB, &pool);
  UnmapPages(other, 4 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 10 * kMiB);
}

TEST(PagePoolTest, UnmapsTheOldestPagesPastTheLimit) {
  PagePool pool(4 * kMiB);
  void* const oldest = Map(2 * kMiB, &pool);
  void* const middle = Map(2 * kMiB, &pool);
  void* const newest = Map(2 * kMiB, &pool);
  void* const too_large = Map(6 * kMiB, &pool);
  for (void* pages : {oldest, middle, newest}) {
    UnmapPages(pages, 2 * kMiB, &pool);
  }
  UnmapPages(too_large, 6 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 4 * kMiB);
  EXPECT_FALSE(IsMapped(oldest, 2 * kMiB));
  EXPECT_TRUE(IsMapped(middle, 2 * kMiB));
  EXPECT_TRUE(IsMapped(newest, 2 * kMiB));
  EXPECT_FALSE(IsMapped(too_large, 6 * kMiB));
}

TEST(PagePoolTest, UnmapsTheOldestOfAllSizes) {
  PagePool pool(5 * kMiB);
  void* const oldest = Map(kMiB, &pool);
  void* const middle = Map(3 * kMiB, &pool);
  void* const newest = Map(2 * kMiB, &pool);
  UnmapPages(oldest, kMiB, &pool);
  UnmapPages(middle, 3 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 4 * kMiB);
  UnmapPages(newest, 2 * kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), 5 * kMiB);
  EXPECT_FALSE(IsMapped(oldest, kMiB));
  EXPECT_TRUE(IsMapped(middle, 3 * kMiB));
  EXPECT_TRUE(IsMapped(newest, 2 * kMiB));
}

TEST(PagePoolTest, TellsSizesApartThatShareAList) {
  // All of these lie in the same eighth of a power of two.
  const std::vector<uint64_t> sizes = {4 * kMiB, 4 * kMiB + 4096,
                                       4 * kMiB + 8192};
  PagePool pool(64 * kMiB);
  std::vector<void*> mapped;
  for (const uint64_t size : sizes) mapped.push_back(Map(size, &pool));
  for (size_t i = 0; i < sizes.size(); ++i) {
    UnmapPages(mapped[i], sizes[i], &pool);
  }
  // The middle one, the last and the first leave the list.
  for (const size_t i : {1, 2, 0}) {
    EXPECT_EQ(MapPages(sizes[i], &pool), mapped[i]) << i;
  }
  EXPECT_EQ(pool.kept_bytes(), 0u);
  for (size_t i = 0; i < sizes.size(); ++i) UnmapPages(mapped[i], sizes[i]);
}

TEST(PagePoolTest, ALowerLimitFreesAtOnce) {
  PagePool pool(8 * kMiB);
  EXPECT_EQ(pool.max_kept_bytes(), 8 * kMiB);
  void* const older = Map(2 * kMiB, &pool);
  void* const newer = Map(2 * kMiB, &pool);
  UnmapPages(older, 2 * kMiB, &pool);
  UnmapPages(newer, 2 * kMiB, &pool);
  pool.SetMaxKeptBytes(3 * kMiB);
  EXPECT_EQ(pool.max_kept_bytes(), 3 * kMiB);
  EXPECT_EQ(pool.kept_bytes(), 2 * kMiB);
  EXPECT_FALSE(IsMapped(older, 2 * kMiB));
  EXPECT_TRUE(IsMapped(newer, 2 * kMiB));
  pool.SetMaxKeptBytes(0);
  EXPECT_EQ(pool.kept_bytes(), 0u);
  EXPECT_FALSE(IsMapped(newer, 2 * kMiB));
}

TEST(PagePoolTest, ReleaseFreesAllSizes) {
  PagePool pool(64 * kMiB);
  std::vector<void*> mapped;
  const std::vector<uint64_t> sizes = {kMiB, 3 * kMiB, 3 * kMiB, 7 * kMiB};
  for (const uint64_t size : sizes) mapped.push_back(Map(size, &pool));
  for (size_t i = 0; i < sizes.size(); ++i) {
    UnmapPages(mapped[i], sizes[i], &pool);
  }
  EXPECT_EQ(pool.kept_bytes(), 14 * kMiB);
  pool.Release();
  EXPECT_EQ(pool.kept_bytes(), 0u);
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_FALSE(IsMapped(mapped[i], sizes[i])) << i;
  }
  UnmapPages(Map(kMiB, &pool), kMiB, &pool);
  EXPECT_EQ(pool.kept_bytes(), kMiB);
}

TEST(PagePoolTest, ReleaseUnusedFreesWhatRoundsDidNotNeed) {
  PagePool pool(64 * kMiB);
  void* const unused = Map(3 * kMiB, &pool);
  UnmapPages(unused, 3 * kMiB, &pool);
  void* const used = Map(2 * kMiB, &pool);
  UnmapPages(used, 2 * kMiB, &pool);
  // The end of the round that made both.
  pool.ReleaseUnused();
  for (size_t round = 1; round < 3 * PagePool::kRounds; ++round) {
    EXPECT_EQ(Map(2 * kMiB, &pool), used);
    UnmapPages(used, 2 * kMiB, &pool);
    pool.ReleaseUnused();
    const bool is_kept = round < PagePool::kRounds;
    EXPECT_EQ(pool.kept_bytes(), (is_kept ? 5 : 2) * kMiB) << round;
    EXPECT_EQ(IsMapped(unused, 3 * kMiB), is_kept) << round;
  }
  for (size_t round = 0; round < PagePool::kRounds; ++round) {
    EXPECT_EQ(pool.kept_bytes(), 2 * kMiB) << round;
    pool.ReleaseUnused();
  }
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(PagePoolTest, MemoryOutlivesThePointerToItsPool) {
  auto pool = std::make_shared<PagePool>(16 * kMiB);
  const std::weak_ptr<PagePool> observed = pool;
  Memory memory[2];
  ASSERT_THAT(AllocateHostMemory({3 * kMiB, kMiB}, memory, pool), IsOk());
  void* const large = memory[0].data;
  pool.reset();
  ASSERT_FALSE(observed.expired());
  std::memset(large, 1, 3 * kMiB);
  memory[0] = Memory();
  EXPECT_EQ(observed.lock()->kept_bytes(), 3 * kMiB);
  EXPECT_TRUE(IsMapped(large, 3 * kMiB));
  memory[1] = Memory();
  EXPECT_TRUE(observed.expired());
  EXPECT_FALSE(IsMapped(large, 3 * kMiB));
}

TEST(PagePoolTest, ServesArenasAndPoolsOfObjects) {
  const auto pool = std::make_shared<PagePool>(16 * kMiB);
  const uint64_t size = RoundUp(2 * kMiB, HugePageBytes());
  for (int i = 0; i < 3; ++i) {
    {
      HugePageResource arena(pool);
      arena.Reserve(size);
      EXPECT_EQ(pool->kept_bytes(), 0u);
    }
    EXPECT_EQ(pool->kept_bytes(), size);
    {
      ObjectPool objects(pool);
      objects.Expect(2 * kMiB);
      EXPECT_EQ(*objects.MakeShared<int>(7), 7);
      EXPECT_EQ(pool->kept_bytes(), 0u);
    }
    EXPECT_EQ(pool->kept_bytes(), size);
  }
}

TEST(PagePoolTest, TheLastMemoryUnmapsWhatIsKept) {
  auto pool = std::make_shared<PagePool>(16 * kMiB);
  const std::weak_ptr<PagePool> observed = pool;
  std::shared_ptr<int> number;
  {
    ObjectPool objects(pool);
    objects.Expect(2 * kMiB);
    number = objects.MakeShared<int>(7);
  }
  void* const pages = Map(2 * kMiB, pool.get());
  UnmapPages(pages, 2 * kMiB, pool.get());
  pool.reset();
  EXPECT_TRUE(IsMapped(pages, 2 * kMiB));
  EXPECT_EQ(*number, 7);
  number.reset();
  EXPECT_TRUE(observed.expired());
  EXPECT_FALSE(IsMapped(pages, 2 * kMiB));
}

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
TEST(PagePoolDeathTest, TheSanitizerReportsAccessesToKeptBlocks) {
  PagePool pool(kMiB);
  auto* const bytes = static_cast<volatile char*>(MapPages(kMiB, &pool));
  UnmapPages(const_cast<char*>(bytes), kMiB, &pool);
  EXPECT_DEATH(bytes[0] = 1, "use-after-poison");
  EXPECT_DEATH(bytes[kMiB - 1] = 1, "use-after-poison");
  EXPECT_EQ(MapPages(kMiB, &pool), bytes);
  bytes[0] = bytes[kMiB - 1] = 1;
  UnmapPages(const_cast<char*>(bytes), kMiB, &pool);
}
#endif

TEST(PagePoolTest, ThreadsNeverShareAPage) {
  // Smaller than what the threads free, so that they also unmap.
  PagePool pool(kMiB);
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 2000; ++i) {
        const uint64_t size = kHugeFromBytes << (i % 2);
        auto* const marks = static_cast<volatile int*>(MapPages(size, &pool));
        ASSERT_NE(marks, nullptr);
        const uint64_t last = size / sizeof(int) - 1;
        marks[0] = marks[last] = t;
        std::this_thread::yield();
        ASSERT_EQ(marks[0], t);
        ASSERT_EQ(marks[last], t);
        UnmapPages(const_cast<int*>(marks), size, &pool);
        ASSERT_LE(pool.kept_bytes(), kMiB);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace v1
}  // namespace ferry
