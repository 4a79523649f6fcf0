// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/parallel.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/core/thread_state.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
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
  EXPECT_EQ(ChunksOf(4, 0, 10, 5), (Chunks{{0, 5}, {5, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 10, 9), (Chunks{{0, 5}, {5, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 10, 10), (Chunks{{0, 10}}));
  EXPECT_EQ(ChunksOf(4, 0, 3, 1), (Chunks{{0, 1}, {1, 2}, {2, 3}}));
  EXPECT_EQ(ChunksOf(4, -4, 4, 2), (Chunks{{-4, -2}, {-2, 0}, {0, 2}, {2, 4}}));
  EXPECT_EQ(ChunksOf(4, 0, 9, 2), (Chunks{{0, 3}, {3, 6}, {6, 9}}));
  EXPECT_EQ(ChunksOf(4, 5, 5, 1), Chunks{});
  EXPECT_EQ(ChunksOf(4, 5, 4, 1), Chunks{});
  EXPECT_EQ(ChunksOf(1, 0, 100, 1), (Chunks{{0, 100}}));
  // A grain that is not positive is 1.
  for (int grain : {0, -7}) {
    EXPECT_EQ(ChunksOf(4, 0, 10, grain),
              (Chunks{{0, 3}, {3, 6}, {6, 9}, {9, 10}}));
  }
}

TEST(ParallelTest, EveryIndexIsVisitedOnce) {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    const int64_t begin = static_cast<int64_t>(random() % 100) - 50;
    const int64_t size = random() % 100;
    const int64_t grain = random() % 20;
    const int threads = 1 + random() % 9;
    const Chunks chunks = ChunksOf(threads, begin, begin + size, grain);
    EXPECT_LE(chunks.size(), threads);
    int64_t next = begin;
    for (const auto& [first, last] : chunks) {
      EXPECT_EQ(first, next);
      EXPECT_LT(first, last);
      next = last;
    }
    EXPECT_EQ(next, begin + size);
  }
}

TEST(ParallelTest, WidestRangeDoesNotWrap) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ChunksOf(2, kMin, kMax, 1), (Chunks{{kMin, 0}, {0, kMax}}));
}

TEST(ParallelTest, CountOfThreadsIsKeptAsSet) {
  for (int count : {3, 5, 100000, 3}) {
    ASSERT_THAT(SetNumThreads(count), IsOk());
    EXPECT_EQ(GetNumThreads(), count);
  }
  for (int bad : {0, -1}) {
    EXPECT_EQ(SetNumThreads(bad).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(GetNumThreads(), 3);
}

template <typename Number, typename = void>
struct CanSetNumThreads : std::false_type {};
template <typename Number>
struct CanSetNumThreads<
    Number, std::void_t<decltype(SetNumThreads(std::declval<Number>()))>>
    : std::true_type {};

TEST(ParallelTest, CountOfThreadsIsAnInt) {
  EXPECT_TRUE(CanSetNumThreads<int>::value);
  EXPECT_FALSE(CanSetNumThreads<bool>::value);
  EXPECT_FALSE(CanSetNumThreads<double>::value);
  EXPECT_FALSE(CanSetNumThreads<int64_t>::value);
  EXPECT_FALSE(CanSetNumThreads<const char*>::value);
  EXPECT_FALSE(CanSetNumThreads<std::nullptr_t>::value);
}

TEST(ParallelTest, CountOfThreadsIsSharedByAllThreads) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::thread([] {
    EXPECT_EQ(GetNumThreads(), 4);
    EXPECT_THAT(SetNumThreads(5), IsOk());
  }).join();
  EXPECT_EQ(GetNumThreads(), 5);
}

TEST(ParallelTest, CountOfThreadsIsUsedByTheNextLoop) {
  ASSERT_THAT(SetNumThreads(2), IsOk());
  std::atomic<int> chunks{0};
  ParallelFor(0, 8, 1, [&](int64_t, int64_t) {
    ++chunks;
    EXPECT_THAT(SetNumThreads(4), IsOk());
  });
  EXPECT_EQ(chunks, 2);
  ParallelFor(0, 8, 1, [&](int64_t, int64_t) { ++chunks; });
  EXPECT_EQ(chunks, 2 + 4);
}

TEST(ParallelTest, LoopsThatAreNotDividedRunOnTheCaller) {
  const auto expect_serial = [](int64_t end, int64_t grain) {
    int calls = 0;
    ParallelFor(0, end, grain,
                [&, caller = std::this_thread::get_id()](int64_t b, int64_t e) {
                  ++calls;
                  EXPECT_EQ(b, 0);
                  EXPECT_EQ(e, end);
                  EXPECT_EQ(std::this_thread::get_id(), caller);
                  EXPECT_EQ(ThreadIndex(), 0);
                  EXPECT_FALSE(InParallelRegion());
                });
    EXPECT_EQ(calls, 1);
  };
  ASSERT_THAT(SetNumThreads(4), IsOk());
  expect_serial(10, 10);
  expect_serial(1, 0);
  ASSERT_THAT(SetNumThreads(1), IsOk());
  expect_serial(100, 1);
}

TEST(ParallelTest, NestedLoopsRunInOneChunk) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::atomic<int> inner_calls{0};
  ParallelFor(0, 4, 1, [&](int64_t outer, int64_t) {
    EXPECT_TRUE(InParallelRegion());
    ParallelFor(0, 100, 1, [&](int64_t b, int64_t e) {
      ++inner_calls;
      EXPECT_EQ(e - b, 100);
      EXPECT_TRUE(InParallelRegion());
      EXPECT_EQ(ThreadIndex(), 0);
    });
    EXPECT_EQ(ThreadIndex(), outer);
    EXPECT_TRUE(InParallelRegion());
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

// What broke with numbers that belong to threads: two chunks with one number.
TEST(ParallelTest, ThreadIndexSelectsScratchMemory) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  for (int i = 0; i < 2000; ++i) {
    std::vector<int64_t> sums(4);
    ParallelFor(0, 100, 1, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) sums[ThreadIndex()] += j;
    });
    ASSERT_EQ(std::accumulate(sums.begin(), sums.end(), int64_t{0}), 4950);
  }
}

TEST(ParallelTest, SeveralThreadsRunLoopsAtOnce) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int64_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([caller] {
      for (int i = 0; i < 200; ++i) {
        const int64_t sum = ParallelReduce(
            0, 100, 7, int64_t{0},
            [caller](int64_t begin, int64_t end) {
              return caller * (end - begin);
            },
            std::plus<>());
        ASSERT_EQ(sum, caller * 100);
      }
    });
  }
  for (std::thread& thread : callers) thread.join();
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

TEST(ParallelTest, ExceptionsKeepTheirTypeInEitherPath) {
  for (int threads : {1, 4}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    EXPECT_THROW(ParallelFor(0, 8, 1, [](int64_t, int64_t) { throw 7; }), int);
    EXPECT_THROW(ParallelFor(0, 8, 1,
                             [](int64_t, int64_t) {
                               throw std::invalid_argument("wrong");
                             }),
                 std::invalid_argument);
    EXPECT_FALSE(InParallelRegion());
    EXPECT_EQ(ThreadIndex(), 0);
    EXPECT_EQ(CurrentThreadState().bits, 0u);
  }
}

// Keeps the caller busy in its chunk, so that other threads take the others.
void GiveOtherThreadsTime() {
  if (ThreadIndex() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(ParallelTest, ThreadStateReachesTheWorkersAndDoesNotStay) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  for (int i = 0; i < 10; ++i) {
    {
      const ScopedThreadState scope(ThreadState{42});
      ParallelFor(0, 64, 1, [&](int64_t, int64_t) {
        EXPECT_EQ(CurrentThreadState().bits, 42u);
        SetCurrentThreadState(ThreadState{7});
        GiveOtherThreadsTime();
      });
      EXPECT_EQ(CurrentThreadState().bits, 42u);
    }
    ParallelFor(0, 64, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(CurrentThreadState().bits, 0u);
      GiveOtherThreadsTime();
    });
  }
}

TEST(ParallelTest, ThreadStateIsTheCallersAfterALoop) {
  for (int threads : {1, 4}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    ParallelFor(0, 8, 1, [](int64_t, int64_t) {
      SetCurrentThreadState(ThreadState{7});
    });
    EXPECT_EQ(CurrentThreadState().bits, 0u) << threads;
  }
}

TEST(ParallelTest, FloatingPointSettingsReachTheWorkers) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  // The library's threads exist before the settings change.
  ParallelFor(0, 4, 1, [](int64_t, int64_t) {});
  ASSERT_EQ(std::fesetround(FE_UPWARD), 0);
  std::atomic<int> upward{0};
  ParallelFor(0, 4, 1, [&](int64_t, int64_t) {
    if (std::fegetround() == FE_UPWARD) ++upward;
  });
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  ASSERT_EQ(std::fesetround(FE_TONEAREST), 0);
  EXPECT_EQ(upward, 4);
}

// Different orders of summation give different bits for these.
std::vector<float> Numbers() {
  std::mt19937 random(1);
  std::vector<float> numbers(100003);
  for (float& number : numbers) {
    number = static_cast<float>(random()) * (random() % 2 == 0 ? 1e-3f : -1e3f);
  }
  return numbers;
}

float SumOf(const std::vector<float>& numbers, int64_t block) {
  return ParallelReduce(
      0, static_cast<int64_t>(numbers.size()), block, 0.0f,
      [&](int64_t begin, int64_t end) {
        return std::accumulate(numbers.begin() + begin, numbers.begin() + end,
                               0.0f);
      },
      std::plus<>());
}

TEST(ParallelTest, ReduceGivesTheSameBitsForEveryNumberOfThreads) {
  const std::vector<float> numbers = Numbers();
  // Block 7 makes more partial sums than are held at once.
  for (int64_t block : {7, 1000, 32768}) {
    ASSERT_THAT(SetNumThreads(1), IsOk());
    const float expected = SumOf(numbers, block);
    for (int threads = 2; threads <= 8; ++threads) {
      ASSERT_THAT(SetNumThreads(threads), IsOk());
      EXPECT_EQ(SumOf(numbers, block), expected) << threads;
    }
    ParallelFor(0, 4, 1, [&](int64_t, int64_t) {
      EXPECT_EQ(SumOf(numbers, block), expected);
    });
  }
  // The test would pass for any code if the order did not matter.
  EXPECT_NE(SumOf(numbers, 1000), SumOf(numbers, 7));
}

TEST(ParallelTest, ReduceCombinesTheBlocksInOrder) {
  const auto text = [](int64_t begin, int64_t end, int64_t block) {
    return ParallelReduce(
        begin, end, block, std::string("none"),
        [](int64_t b, int64_t e) { return absl::StrCat("[", b, ",", e, ")"); },
        [](std::string a, std::string b) { return a + b; });
  };
  for (int threads : {1, 3}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    EXPECT_EQ(text(-3, 8, 4), "[-3,1)[1,5)[5,8)");
    EXPECT_EQ(text(0, 2, 10), "[0,2)");
    EXPECT_EQ(text(0, 2, 0), "[0,1)[1,2)");
    EXPECT_EQ(text(5, 5, 1), "none");
    EXPECT_EQ(text(5, 4, 1), "none");
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    EXPECT_EQ(text(kMin, kMax, kMax),
              absl::StrCat("[", kMin, ",-1)[-1,", kMax - 1, ")[", kMax - 1, ",",
                           kMax, ")"));
  }
}

TEST(ParallelTest, ReduceCoversEveryIndexOfManyBlocks) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  for (int64_t size : {1023, 1024, 1025, 2048, 5000}) {
    for (int64_t block : {1, 2, 3}) {
      EXPECT_EQ(ParallelReduce(
                    0, size, block, int64_t{0},
                    [](int64_t begin, int64_t end) {
                      return (end - begin) * (begin + end - 1) / 2;
                    },
                    std::plus<>()),
                size * (size - 1) / 2);
    }
  }
}

TEST(ParallelTest, ReduceTakesTypesThatOnlyMove) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  const std::unique_ptr<int> sum = ParallelReduce(
      0, 100, 9, std::unique_ptr<int>(),
      [](int64_t begin, int64_t end) {
        return std::make_unique<int>(static_cast<int>(end - begin));
      },
      [](std::unique_ptr<int> a, std::unique_ptr<int> b) {
        *a += *b;
        return a;
      });
  EXPECT_EQ(*sum, 100);
  // Neighbouring bits of a vector<bool> could not be written at once.
  EXPECT_TRUE(ParallelReduce(
      0, 1000, 1, false, [](int64_t begin, int64_t) { return begin == 999; },
      std::logical_or<>()));
}

TEST(ParallelTest, ReduceThrowsTheExceptionOfTheLowestBlock) {
  for (int threads : {1, 2, 8}) {
    ASSERT_THAT(SetNumThreads(threads), IsOk());
    try {
      ParallelReduce(
          0, 100, 10, 0,
          [](int64_t begin, int64_t) -> int {
            if (begin >= 30) throw std::runtime_error(std::to_string(begin));
            return 0;
          },
          std::plus<>());
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "30");
    }
  }
}

TEST(ParallelTest, NestedReduceRunsInOneChunk) {
  ASSERT_THAT(SetNumThreads(4), IsOk());
  ParallelFor(0, 4, 1, [](int64_t, int64_t) {
    EXPECT_EQ(ParallelReduce(
                  0, 10, 1, 0,
                  [](int64_t, int64_t) {
                    EXPECT_EQ(ThreadIndex(), 0);
                    return 1;
                  },
                  std::plus<>()),
              10);
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
}  // namespace v1
}  // namespace ferry
