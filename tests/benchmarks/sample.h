// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tests/benchmarks/sample.h
// -----------------------------------------------------------------------------
//
// How a program that is timed talks to compare.py: it prepares, says that it is
// ready, waits until it is told to start, and prints what it measured.
//
// Example:
//
//   const Value value = ...;  // not timed
//   AwaitStart();
//   const Stopwatch stopwatch;
//   ...
//   PrintSample(stopwatch.Read(), sum);
#ifndef FERRY_TESTS_BENCHMARKS_SAMPLE_H_
#define FERRY_TESTS_BENCHMARKS_SAMPLE_H_

#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstdio>

namespace ferry {
inline namespace v1 {

// Seconds on the clock, and seconds of all CPUs that this process has used.
struct Times {
  double wall_s;
  double cpu_s;
};

// Measures the times since it was made.
class Stopwatch {
 public:
  Times Read() const {
    const double wall_s =
        std::chrono::duration<double>(Clock::now() - start_).count();
    return {wall_s, CpuSeconds() - start_cpu_s_};
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Returns what the user and the kernel have used together.
  static double CpuSeconds() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * time.tv_nsec;
  }

  double start_cpu_s_ = CpuSeconds();
  Clock::time_point start_ = Clock::now();
};

// Prints "ready" and waits for a line on standard input. The driver brings the
// machine's memory into a known state meanwhile.
inline void AwaitStart() {
  std::puts("ready");
  std::fflush(stdout);
  while (true) {
    const int c = std::getchar();
    if (c == '\n' || c == EOF) return;
  }
}

// Prints the times, a sum over the data, which shows that they are there, and
// the most memory that the process has had, in KiB.
inline void PrintSample(const Times& times, double check_sum) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%.9f %.9f %.1f %ld\n", times.wall_s, times.cpu_s, check_sum,
              usage.ru_maxrss);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TESTS_BENCHMARKS_SAMPLE_H_
