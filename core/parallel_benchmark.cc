// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a loop costs, and whether a program that uses oneTBB itself is as fast
// with Ferry in the same process as without. The CPU time is that of all
// threads.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "benchmark/benchmark.h"
#include "ferry/core/parallel.h"
#include "tbb/blocked_range.h"
#include "tbb/parallel_for.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kElements = 1 << 20;

void Scale(std::vector<float>& numbers, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    numbers[i] = numbers[i] * 0.5f + 1.0f;
  }
  benchmark::ClobberMemory();
}

// A loop of the program, which knows nothing of Ferry.
void ProgramLoop(std::vector<float>& numbers) {
  tbb::parallel_for(tbb::blocked_range<int64_t>(0, kElements, 16384),
                    [&](const tbb::blocked_range<int64_t>& range) {
                      Scale(numbers, range.begin(), range.end());
                    });
}

void BM_ProgramAlone(benchmark::State& state) {
  std::vector<float> numbers(kElements);
  for (auto _ : state) ProgramLoop(numbers);
}
BENCHMARK(BM_ProgramAlone)->MeasureProcessCPUTime()->UseRealTime();

// Ferry has been used before, and is idle.
void BM_ProgramAfterFerry(benchmark::State& state) {
  std::vector<float> numbers(kElements);
  ParallelFor(0, kElements, 1,
              [&](int64_t begin, int64_t end) { Scale(numbers, begin, end); });
  for (auto _ : state) ProgramLoop(numbers);
}
BENCHMARK(BM_ProgramAfterFerry)->MeasureProcessCPUTime()->UseRealTime();

// Another thread of the program runs such loops all the time, with oneTBB
// (argument 0) or with Ferry (argument 1). Both share the CPUs, so either takes
// time from the measured loops.
void BM_ProgramBesideLoops(benchmark::State& state) {
  std::vector<float> numbers(kElements);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    std::vector<float> others(kElements);
    while (!stop.load()) {
      if (state.range(0) == 0) {
        ProgramLoop(others);
      } else {
        ParallelFor(0, kElements, 16384, [&](int64_t begin, int64_t end) {
          Scale(others, begin, end);
        });
      }
    }
  });
  for (auto _ : state) ProgramLoop(numbers);
  stop.store(true);
  other.join();
}
BENCHMARK(BM_ProgramBesideLoops)
    ->Arg(0)
    ->Arg(1)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// Tasks of the program that call loops, with oneTBB (argument 0) or with Ferry
// (argument 1).
void BM_LoopsInTasks(benchmark::State& state) {
  std::vector<std::vector<float>> numbers(8, std::vector<float>(kElements / 8));
  for (auto _ : state) {
    tbb::parallel_for(0, 8, [&](int task) {
      std::vector<float>& mine = numbers[task];
      const auto scale = [&](int64_t begin, int64_t end) {
        Scale(mine, begin, end);
      };
      if (state.range(0) == 0) {
        tbb::parallel_for(tbb::blocked_range<int64_t>(0, kElements / 8, 16384),
                          [&](const tbb::blocked_range<int64_t>& range) {
                            scale(range.begin(), range.end());
                          });
      } else {
        ParallelFor(0, kElements / 8, 16384, scale);
      }
    });
  }
}
BENCHMARK(BM_LoopsInTasks)
    ->Arg(0)
    ->Arg(1)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// The cost of a loop whose body does nothing, in two chunks.
void BM_EmptyLoop(benchmark::State& state) {
  for (auto _ : state) {
    ParallelFor(0, 2, 1, [](int64_t begin, int64_t) {
      benchmark::DoNotOptimize(begin);
    });
  }
}
BENCHMARK(BM_EmptyLoop)->MeasureProcessCPUTime()->UseRealTime();

void BM_Sum(benchmark::State& state) {
  const std::vector<float> numbers(kElements, 0.5f);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ParallelReduce(
        0, kElements, 32768, 0.0,
        [&](int64_t begin, int64_t end) {
          double sum = 0;
          for (int64_t i = begin; i < end; ++i) sum += numbers[i];
          return sum;
        },
        [](double a, double b) { return a + b; }));
  }
}
BENCHMARK(BM_Sum)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace v1
}  // namespace ferry
