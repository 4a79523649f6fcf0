// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Ferry's loops in a program that uses oneTBB itself: neither gets in the way
// of the other.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "ferry/core/parallel.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gtest/gtest.h"
#include "tbb/global_control.h"
#include "tbb/parallel_for.h"
#include "tbb/task_arena.h"
#include "tbb/task_group.h"

namespace ferry {
inline namespace v1 {
namespace {

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// Fails if a loop of four chunks is not run by the calling thread alone.
void ExpectLoopOnThisThread() {
  std::atomic<int> chunks{0};
  ParallelFor(0, 4, 1,
              [&, caller = std::this_thread::get_id()](int64_t, int64_t) {
                ++chunks;
                EXPECT_EQ(std::this_thread::get_id(), caller);
              });
  EXPECT_EQ(chunks, 4);
}

TEST(ParallelHostTest, LimitsOfTheProgramHoldForLoops) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  {
    const tbb::global_control limit(
        tbb::global_control::max_allowed_parallelism, 1);
    for (int i = 0; i < 100; ++i) ExpectLoopOnThisThread();
  }
  tbb::task_arena narrow(1);
  narrow.execute([] {
    for (int i = 0; i < 100; ++i) ExpectLoopOnThisThread();
  });
}

TEST(ParallelHostTest, LimitsOfTheProgramAreNotChanged) {
  const auto limit = [] {
    return tbb::global_control::active_value(
        tbb::global_control::max_allowed_parallelism);
  };
  const size_t limit_before = limit();
  const int concurrency_before = tbb::this_task_arena::max_concurrency();
  for (int threads : {1, 2, 100}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    ParallelFor(0, 100, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(limit(), limit_before);
      EXPECT_EQ(tbb::this_task_arena::max_concurrency(), concurrency_before);
    });
    EXPECT_EQ(limit(), limit_before);
    EXPECT_EQ(tbb::this_task_arena::max_concurrency(), concurrency_before);
  }
}

TEST(ParallelHostTest, LoopsInTasksStayWithinTheArenaOfTheProgram) {
  ASSERT_THAT(SetNumThreads(8), IsOk());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  16);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> chunks{0};
  tbb::task_arena arena(3);
  arena.execute([&] {
    tbb::parallel_for(0, 16, [&](int) {
      ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
        const int now = ++running;
        for (int seen = most; seen < now;) {
          if (most.compare_exchange_weak(seen, now)) break;
        }
        Sleep(1);
        --running;
        ++chunks;
      });
    });
  });
  EXPECT_EQ(chunks, 16 * 8);
  EXPECT_LE(most, 3);
}

// While a thread waits for the chunks of its loop, oneTBB may give it another
// task of the program. That task would see the state of the thread.
TEST(ParallelHostTest, TasksOfTheProgramNeverSeeTheStateOfALoop) {
  ASSERT_THAT(SetNumThreads(2), IsOk());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  4);
  tbb::task_arena arena(8, /*reserved_for_masters=*/4);
  std::atomic<int> wrong_tasks{0};
  std::atomic<int> wrong_chunks{0};
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> second_chunk_runs{false};
    tbb::task_group tasks;
    // Adds a task while the loop is waited for.
    std::thread program([&] {
      while (!second_chunk_runs) std::this_thread::yield();
      arena.execute([&] {
        tasks.run([&] {
          if (CurrentThreadState().bits != 0 || InParallelRegion()) {
            ++wrong_tasks;
          }
        });
      });
    });
    arena.execute([&] {
      const ScopedThreadState scope(ThreadState{1});
      ParallelFor(0, 2, 1, [&](int64_t begin, int64_t) {
        if (CurrentThreadState().bits != 1) ++wrong_chunks;
        if (begin == 0) {
          // Time for another thread to take the second chunk.
          for (int ms = 0; ms < 20 && !second_chunk_runs; ++ms) Sleep(1);
        } else {
          // Time for the caller to look for something else to do.
          second_chunk_runs = true;
          Sleep(5);
        }
      });
    });
    program.join();
    arena.execute([&] { tasks.wait(); });
  }
  EXPECT_EQ(wrong_tasks, 0);
  EXPECT_EQ(wrong_chunks, 0);
}

TEST(ParallelHostTest, EveryChunkRunsInAGroupThatTheProgramCancels) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> chunks{0};
  tbb::task_group_context context;
  tbb::parallel_for(
      0, 1,
      [&](int) {
        context.cancel_group_execution();
        ParallelFor(0, 4, 1, [&](int64_t, int64_t) { ++chunks; });
      },
      context);
  EXPECT_EQ(chunks, 4);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
