// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using Chunks = std::set<std::pair<int64_t, int64_t>>;

Chunks ChunksOf(int threads, int64_t begin, int64_t end, int64_t grain) {
  EXPECT_THAT(SetNumThreads(threads), IsOk());
  std::mutex mutex;
  Chunks chunks;
  ParallelFor(begin, end, grain, [&](int64_t b, int64_t e) {
    const std::lock_guard<std::mutex> lock(mutex);
    EXPECT_TRUE(chunks.insert({b, e}).second);
  });
  return chunks;
}

TEST(ParallelTest, ChunksAreThoseOfPyTorch) {
  EXPECT_EQ(ChunksOf(4, 0, 10, 1), (Chunks{{0, 3}, {3, 6}, {6, 9}, {9, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 10, 4), (Chunks{{0, 4}, {4, 8}, {8, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 10, 9), (Chunks{{0, 5}, {5, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 10, 10), (Chunks{{0, 10}}));
  EXPECT_EQ(ChunksOf(4, -4, 4, 2), (Chunks{{-4, -2}, {-2, 0}, {0, 2}, {2, 4}}));
  EXPECT_EQ(ChunksOf(4, 0, 9, 2), (Chunks{{0, 3}, {3, 6}, {6, 9}}));
  EXPECT_EQ(ChunksOf(4, 5, 5, 1), Chunks{});
  EXPECT_EQ(ChunksOf(4, 5, 4, 1), Chunks{});
  EXPECT_EQ(ChunksOf(1, 0, 100, 1), (Chunks{{0, 100}}));
}

TEST(ParallelTest, WidestRangeDoesNotWrap) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ChunksOf(2, kMin, kMax, 1), (Chunks{{kMin, 0}, {0, kMax}}));
}

TEST(ParallelTest, CountOfThreadsIsKeptAsSet) {
  ASSERT_THAT(SetNumThreads(3), IsOk());
  EXPECT_EQ(GetNumThreads(), 3);
  for (int bad : {0, -1}) {
    EXPECT_EQ(SetNumThreads(bad).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(GetNumThreads(), 3);
}

TEST(ParallelTest, NestedLoopsRunInOneChunk) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> inner_calls{0};
  ParallelFor(0, 4, 1, [&](int64_t, int64_t) {
    EXPECT_TRUE(InParallelRegion());
    ParallelFor(0, 100, 1, [&](int64_t b, int64_t e) {
      ++inner_calls;
      EXPECT_EQ(e - b, 100);
    });
  });
  EXPECT_EQ(inner_calls, 4);
  EXPECT_FALSE(InParallelRegion());
}

TEST(ParallelTest, ThreadIndexIsTheChunk) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  ParallelFor(0, 8, 1,
              [&](int64_t b, int64_t) { EXPECT_EQ(ThreadIndex(), b / 2); });
  EXPECT_EQ(ThreadIndex(), 0);
}

TEST(ParallelTest, EveryChunkRunsAndTheLowestExceptionIsThrownOn) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> calls{0};
  try {
    ParallelFor(0, 4, 1, [&](int64_t b, int64_t) {
      ++calls;
      if (b >= 1) throw std::runtime_error(std::to_string(b));
    });
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_EQ(calls, 4);
  EXPECT_FALSE(InParallelRegion());
}

TEST(ParallelTest, ThreadStateReachesTheWorkersAndDoesNotStay) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  {
    const ScopedThreadState scope(ThreadState{42});
    ParallelFor(0, 64, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(CurrentThreadState().bits, 42u);
      SetCurrentThreadState(ThreadState{7});
    });
    EXPECT_EQ(CurrentThreadState().bits, 42u);
  }
  ParallelFor(0, 64, 1, [&](int64_t, int64_t) {
    EXPECT_EQ(CurrentThreadState().bits, 0u);
  });
}

TEST(ParallelTest, ForEachVisitsEveryIndexOnce) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::vector<std::atomic<int>> visits(1000);
  EXPECT_THAT(ParallelForEach(1000,
                              [&](int64_t i) {
                                ++visits[i];
                                return absl::OkStatus();
                              }),
              IsOk());
  for (const std::atomic<int>& count : visits) EXPECT_EQ(count, 1);
}

TEST(ParallelTest, ForEachReturnsTheLowestErrorAndStops) {
  for (int threads : {1, 4}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    std::atomic<int> calls{0};
    const absl::Status status = ParallelForEach(100000, [&](int64_t i) {
      ++calls;
      return i >= 5 ? absl::DataLossError(std::to_string(i)) : absl::OkStatus();
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(status.message(), "5");
    EXPECT_LT(calls, 100000);
  }
  EXPECT_THAT(
      ParallelForEach(
          0, [](int64_t) { return absl::InternalError("not to be called"); }),
      IsOk());
}

TEST(ParallelTest, ForkedChildRunsSerially) {
  ASSERT_THAT(SetNumThreads(2), IsOk());
  ParallelFor(0, 2, 1, [](int64_t, int64_t) {});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int calls = 0;
    ParallelFor(0, 2, 1, [&](int64_t, int64_t) { ++calls; });
    _exit(calls == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace ferry
