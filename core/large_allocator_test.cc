// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/large_allocator.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#include "ferry/core/huge_pages.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(LargeAllocatorTest, LargeAllocationsAreWholeHugePages) {
  const uint64_t page = HugePageBytes();
  for (uint64_t size : {kHugeFromBytes, 3 * page + 1}) {
    void* const data = AllocateBySize(size, 64);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % page, 0u);
    std::memset(data, 1, size);
    FreeBySize(data, size, 64);
  }
}

TEST(LargeAllocatorTest, AbsurdSizesThrow) {
  for (uint64_t size :
       {uint64_t{1} << 60, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_THROW(AllocateBySize(size, 8), std::bad_alloc) << size;
  }
}

}  // namespace
}  // namespace v1
}  // namespace ferry
