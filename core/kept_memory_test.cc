// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/kept_memory.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kKiB = uint64_t{1} << 10;
constexpr uint64_t kMiB = uint64_t{1} << 20;

class KeptMemoryTest : public testing::Test {
 protected:
  KeptMemoryTest() {
    SetKeptMemoryLimit(256 * kMiB);
    ReleaseKeptMemory();
  }
  ~KeptMemoryTest() override {
    ReleaseKeptMemory();
    SetKeptMemoryLimit(default_limit_);
  }

  uint64_t default_limit() const { return default_limit_; }

 private:
  const uint64_t default_limit_ = KeptMemoryLimit();
};

// Allocates a block, and writes to all of it.
void* Block(uint64_t size_bytes) {
  const absl::StatusOr<void*> block = AllocateBlock(size_bytes, InternalKey());
  EXPECT_THAT(block, IsOk());
  std::memset(*block, 1, size_bytes);
  return *block;
}

void Free(void* block, uint64_t size_bytes) {
  FreeBlock(block, size_bytes, InternalKey());
}

TEST_F(KeptMemoryTest, TheDefaultIsNotMoreThanAnEighthOfTheMachine) {
  EXPECT_LE(default_limit(), kMiB << 10);
}

TEST_F(KeptMemoryTest, BlocksOfAllSizesAreAlignedAndReused) {
  for (const uint64_t size :
       {kKiB, 5 * kKiB, 448 * kKiB, 512 * kKiB, kMiB, 2 * kMiB, 28 * kMiB}) {
    void* const block = Block(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u) << size;
    Free(block, size);
    EXPECT_EQ(KeptMemoryBytes(), size);
    EXPECT_EQ(Block(size), block) << size;
    EXPECT_EQ(KeptMemoryBytes(), 0u);
    // A second one of the size is other memory.
    void* const other = Block(size);
    EXPECT_NE(other, block) << size;
    Free(block, size);
    Free(other, size);
    ReleaseKeptMemory();
  }
}

TEST_F(KeptMemoryTest, ABlockFitsTensorsOfAboutItsSize) {
  void* const block = Block(3 * kMiB - 100);
  Free(block, 3 * kMiB - 100);
  EXPECT_EQ(KeptMemoryBytes(), 3 * kMiB);
  EXPECT_EQ(Block(3 * kMiB), block);
  Free(block, 3 * kMiB);
  void* const smaller = Block(3 * kMiB - 256 * kKiB);
  EXPECT_NE(smaller, block);
  Free(smaller, 3 * kMiB - 256 * kKiB);
}

TEST_F(KeptMemoryTest, ABlockIsLessThanAnEighthLargerThanRequested) {
  // Sizes of mappings are rounded in every configuration.
  for (uint64_t size = 512 * kKiB; size < 64 * kMiB; size += size / 23 + 1) {
    Free(Block(size), size);
    EXPECT_GE(KeptMemoryBytes(), size);
    EXPECT_LT(KeptMemoryBytes(), size + size / 8 + 1) << size;
    ReleaseKeptMemory();
  }
}

TEST_F(KeptMemoryTest, NothingIsKeptPastTheLimit) {
  SetKeptMemoryLimit(4 * kMiB);
  EXPECT_EQ(KeptMemoryLimit(), 4 * kMiB);
  std::vector<void*> blocks;
  for (int i = 0; i < 20; ++i) blocks.push_back(Block(256 * kKiB));
  for (void* block : blocks) Free(block, 256 * kKiB);
  EXPECT_EQ(KeptMemoryBytes(), 4 * kMiB);
  void* const too_large = Block(5 * kMiB);
  Free(too_large, 5 * kMiB);
  EXPECT_EQ(KeptMemoryBytes(), 4 * kMiB);
  SetKeptMemoryLimit(0);
  EXPECT_EQ(KeptMemoryBytes(), 0u);
  Free(Block(kKiB), kKiB);
  EXPECT_EQ(KeptMemoryBytes(), 0u);
}

TEST_F(KeptMemoryTest, AFailedAllocationGivesBackWhatIsKept) {
  Free(Block(2 * kMiB), 2 * kMiB);
  ASSERT_EQ(KeptMemoryBytes(), 2 * kMiB);
  EXPECT_EQ(AllocateBlock(uint64_t{1} << 55, InternalKey()).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(KeptMemoryBytes(), 0u);
  Free(Block(2 * kMiB), 2 * kMiB);
  Memory memory;
  EXPECT_EQ(AllocateHostMemory({uint64_t{1} << 55}, {&memory, 1}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(KeptMemoryBytes(), 0u);
}

TEST_F(KeptMemoryTest, TheEndOfAGraphKeepsWhatTheGraphNeeded) {
  PagePool& pool = KeptMemory(InternalKey());
  Free(Block(64 * kKiB), 64 * kKiB);
  pool.ReleaseUnused();
  for (size_t step = 0; step < PagePool::kRounds; ++step) {
    Free(Block(kMiB), kMiB);
    pool.ReleaseUnused();
  }
  EXPECT_EQ(KeptMemoryBytes(), kMiB);
}

TEST_F(KeptMemoryTest, TensorsUseIt) {
  const uint64_t size = kMiB;
  const void* data = nullptr;
  {
    const Tensor tensor = *Empty({1 << 18});
    data = tensor.data();
  }
  EXPECT_EQ(KeptMemoryBytes(), size);
  {
    const Tensor zeros = *Zeros({1 << 9, 1 << 9});
    EXPECT_EQ(zeros.data(), data);
  }
  const Tensor source = *Zeros({1 << 18}, TensorOptions().dtype(DType::kInt8));
  {
    const Tensor cast = *strided::Cast(source, DType::kFloat32);
    EXPECT_EQ(cast.data(), data);
  }
  EXPECT_EQ(KeptMemoryBytes(), size);
  // The bytes stay with the last handle, and with what `memory` returns.
  Storage storage = *Storage::Allocate(size);
  EXPECT_EQ(storage.data(), data);
  const Tensor view = *Tensor::Create(storage, DType::kInt8, {3});
  Memory memory = storage.memory();
  EXPECT_EQ(memory.data, data);
  storage = Storage();
  EXPECT_EQ(KeptMemoryBytes(), 0u);
}

// Other threads of the parent allocate at the moment of the fork.
TEST_F(KeptMemoryTest, ForkedChildrenAllocate) {
  std::atomic<bool> stop{false};
  std::thread busy([&stop] {
    while (!stop) Free(Block(kKiB), kKiB);
  });
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);  // ends the child if it waits for a lock
      Free(Block(kKiB), kKiB);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  stop = true;
  busy.join();
}

TEST_F(KeptMemoryTest, MemoryKeepsTheBytesOfItsStorage) {
  for (const uint64_t size :
       {uint64_t{4}, uint64_t{100}, uint64_t{700}, kMiB}) {
    Storage storage = *Storage::Allocate(size);
    std::memset(storage.data(), 7, size);
    Memory memory = storage.memory();
    EXPECT_EQ(memory.data, storage.data());
    storage = Storage();
    EXPECT_EQ(KeptMemoryBytes(), 0u);
    const auto* const bytes = static_cast<const unsigned char*>(memory.data);
    EXPECT_EQ(bytes[0], 7);
    EXPECT_EQ(bytes[size - 1], 7);
    memory = Memory();
    if (size == kMiB) {
      EXPECT_EQ(KeptMemoryBytes(), kMiB);
    }
    ReleaseKeptMemory();
  }
}

TEST_F(KeptMemoryTest, ThreadsNeverShareABlock) {
  SetKeptMemoryLimit(64 * kKiB);
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 2000; ++i) {
        const uint64_t size = (4 * kKiB) << (i % 3);
        const Storage storage = *Storage::Allocate(size);
        auto* const marks = static_cast<volatile int*>(storage.data());
        const uint64_t last = size / sizeof(int) - 1;
        marks[0] = marks[last] = t;
        std::this_thread::yield();
        ASSERT_EQ(marks[0], t);
        ASSERT_EQ(marks[last], t);
        if (i % 100 == 0) KeptMemory(InternalKey()).ReleaseUnused();
        if (i % 500 == 0) ReleaseKeptMemory();
        ASSERT_LE(KeptMemoryBytes(), 64 * kKiB);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace v1
}  // namespace ferry
