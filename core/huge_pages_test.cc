// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

uintptr_t Address(const void* data) {
  return reinterpret_cast<uintptr_t>(data);
}

TEST(HugePagesTest, SizeIsThatOfTheSystem) {
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_EQ(HugePageBytes() % page_bytes, 0u);
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  uint64_t bytes = 0;
  if (!(file >> bytes) || bytes > (uint64_t{4} << 20)) bytes = page_bytes;
  EXPECT_EQ(HugePageBytes(), bytes);
}

TEST(HugePagesTest, MappingsBeginOnABoundary) {
  const uint64_t page = HugePageBytes();
  for (uint64_t size : {uint64_t{1}, page + 1, 3 * page}) {
    void* const pages = MapPages(size);
    ASSERT_NE(pages, nullptr);
    EXPECT_EQ(Address(pages) % page, 0u);
    std::memset(pages, 1, size);
    UnmapPages(pages, size);
  }
  EXPECT_EQ(MapPages(0), nullptr);
  EXPECT_EQ(MapPages(~uint64_t{0}), nullptr);
}

TEST(HugePagesTest, FreedMemoryGoesBackToTheSystem) {
  const uint64_t size = 4 * HugePageBytes();
  void* const pages = MapPages(size);
  ASSERT_NE(pages, nullptr);
  std::memset(pages, 1, size);
  UnmapPages(pages, size);
  // Fails on memory that is not mapped.
  EXPECT_EQ(msync(pages, size, MS_ASYNC), -1);
  EXPECT_EQ(errno, ENOMEM);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
