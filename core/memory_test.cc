// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::vector<Memory> AllocateOrDie(const std::vector<uint64_t>& sizes) {
  std::vector<Memory> memory(sizes.size());
  const absl::Status status = AllocateHostMemory(sizes, absl::MakeSpan(memory));
  EXPECT_THAT(status, IsOk());
  return memory;
}

// Makes an allocation that must fail, and expects that all of `memory` is left
// empty.
absl::Status AllocateInVain(const std::vector<uint64_t>& sizes) {
  std::vector<Memory> memory(sizes.size());
  const absl::Status status = AllocateHostMemory(sizes, absl::MakeSpan(memory));
  for (const Memory& allocation : memory) {
    EXPECT_EQ(allocation.data, nullptr);
    EXPECT_EQ(allocation.owner, nullptr);
  }
  return status;
}

void Fill(const Memory& memory, uint64_t size, int byte) {
  if (size != 0) std::memset(memory.data, byte, size);
}

bool IsFilled(const Memory& memory, uint64_t size, int byte) {
  const auto* bytes = static_cast<const unsigned char*>(memory.data);
  return std::all_of(bytes, bytes + size,
                     [&](unsigned char b) { return b == byte; });
}

// How many slabs and mappings the allocations are in.
size_t CountOwners(const std::vector<Memory>& memory) {
  std::set<const void*> owners;
  for (const Memory& allocation : memory) owners.insert(allocation.owner.get());
  return owners.size();
}

TEST(MemoryTest, NoSizesGiveNoMemory) {
  EXPECT_TRUE(AllocateOrDie({}).empty());
}

TEST(MemoryTest, NoBytesTakeNoMemory) {
  const std::vector<Memory> memory = AllocateOrDie({0, 1, 0});
  EXPECT_EQ(memory[0].data, nullptr);
  EXPECT_EQ(memory[0].owner, nullptr);
  EXPECT_NE(memory[1].data, nullptr);
  EXPECT_EQ(memory[2].data, nullptr);
}

TEST(MemoryTest, AllocationsAreAlignedWritableAndApart) {
  const std::vector<uint64_t> sizes = {
      1,        63,   64,           65,       4096, 0, 2 * kMiB - 1,
      2 * kMiB, 3000, 2 * kMiB + 1, 5 * kMiB, 100,  7, 2 * kMiB - 1};
  const std::vector<Memory> memory = AllocateOrDie(sizes);
  ASSERT_EQ(memory.size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory[i].data) % 64, 0u) << i;
    Fill(memory[i], sizes[i], static_cast<int>(i + 1));
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(IsFilled(memory[i], sizes[i], static_cast<int>(i + 1))) << i;
  }
}

TEST(MemoryTest, LargeAllocationsStandAloneOnTheBoundaryOfAHugePage) {
  const std::vector<Memory> memory = AllocateOrDie({2 * kMiB, 7 * kMiB});
  EXPECT_EQ(CountOwners(memory), 2u);
  for (const Memory& allocation : memory) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(allocation.data) % (2 * kMiB), 0u);
  }
}

TEST(MemoryTest, SmallAllocationsShareSlabsOfBoundedSize) {
  EXPECT_EQ(CountOwners(AllocateOrDie(std::vector<uint64_t>(1000, 100))), 1u);
  // Each takes 1 MiB and a bit: three to a slab of 4 MiB.
  EXPECT_EQ(CountOwners(AllocateOrDie(std::vector<uint64_t>(9, kMiB + 1))), 3u);
  // Each fills a huge page, and so do 8192 of 256 bytes.
  EXPECT_EQ(CountOwners(AllocateOrDie(std::vector<uint64_t>(4, 2 * kMiB - 1))),
            4u);
  EXPECT_EQ(CountOwners(AllocateOrDie(std::vector<uint64_t>(20000, 256))), 3u);
  // A page that is 96 % full ends a slab, one that is 90 % full does not.
  EXPECT_EQ(CountOwners(AllocateOrDie({2 * kMiB / 100 * 96, kMiB / 2})), 2u);
  EXPECT_EQ(CountOwners(AllocateOrDie({2 * kMiB / 100 * 90, kMiB / 2})), 1u);
  // A large one between small ones does not part them.
  const std::vector<Memory> mixed = AllocateOrDie({100, 2 * kMiB, 100});
  EXPECT_EQ(mixed[0].owner, mixed[2].owner);
  EXPECT_NE(mixed[0].owner, mixed[1].owner);
}

TEST(MemoryTest, AllocationsAreFreedOnTheirOwn) {
  std::vector<Memory> memory = AllocateOrDie({100, 3 * kMiB, 200, 3 * kMiB});
  Fill(memory[2], 200, 7);
  Fill(memory[3], 3 * kMiB, 8);
  const std::weak_ptr<void> slab = memory[0].owner;
  const std::weak_ptr<void> mapping = memory[1].owner;
  memory[0] = Memory();
  memory[1] = Memory();
  // The slab lives with its last allocation, a mapping dies at once.
  EXPECT_FALSE(slab.expired());
  EXPECT_TRUE(mapping.expired());
  EXPECT_TRUE(IsFilled(memory[2], 200, 7));
  EXPECT_TRUE(IsFilled(memory[3], 3 * kMiB, 8));
  memory[2] = Memory();
  EXPECT_TRUE(slab.expired());
}

TEST(MemoryTest, AbsurdSizesAreRefused) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  for (uint64_t size : {kMax, kMax - 2 * kMiB, uint64_t{1} << 63,
                        (uint64_t{1} << 56) + 1, uint64_t{1} << 56}) {
    const absl::Status status = AllocateInVain({1, 3 * kMiB, size, 1});
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << size;
    EXPECT_NE(status.message().find(std::to_string(size)), std::string::npos)
        << status;
  }
  // Together they wrap round; none is small.
  EXPECT_EQ(AllocateInVain({uint64_t{1} << 63, uint64_t{1} << 63, 8}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(AllocateOrDie({64}).size(), 1u);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
