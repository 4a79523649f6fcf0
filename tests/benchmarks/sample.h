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
//   PrintSample(stopwatch.seconds(), sum);
#ifndef FERRY_TESTS_BENCHMARKS_SAMPLE_H_
#define FERRY_TESTS_BENCHMARKS_SAMPLE_H_

#include <sys/resource.h>

#include <chrono>
#include <cstdio>

namespace ferry {

// Measures the time since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
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

// Prints the seconds, a sum over the data, which shows that they are there, and
// the most memory that the process has had, in KiB.
inline void PrintSample(double seconds, double check_sum) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%.9f %.1f %ld\n", seconds, check_sum, usage.ru_maxrss);
}

}  // namespace ferry

#endif  // FERRY_TESTS_BENCHMARKS_SAMPLE_H_
