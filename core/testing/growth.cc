// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/growth.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/allocations.h"

#ifdef __has_feature
#if __has_feature(coverage_sanitizer)
#define FERRY_COUNTS_COMPARISONS
#endif
#endif

namespace ferry {
inline namespace v1 {
namespace {

// How many comparisons this thread has executed.
thread_local uint64_t comparisons = 0;

// Everything that is counted of one run.
struct Counts {
  uint64_t input_bytes;
  uint64_t steps;
  uint64_t output_bytes;
  uint64_t allocated_bytes;
  uint64_t comparisons;
};

struct Column {
  absl::string_view name;
  uint64_t Counts::*value;
  // Growth that is not judged: hash tables and buffers begin with a fixed size.
  uint64_t slack;
  // Nor is this share of the cost: a hash table compares more or less often in
  // each run.
  double noise;
};

constexpr Column kColumns[] = {
    {"bytes of input", &Counts::input_bytes, 64, 0},
    {"steps", &Counts::steps, 64, 0},
    {"bytes of output", &Counts::output_bytes, 1024, 0},
    {"bytes allocated", &Counts::allocated_bytes, 64 << 10, 0},
    {"comparisons", &Counts::comparisons, 4096, 0.25},
};

// Twice the input costs twice as much; 2.6 leaves room for a logarithm and for
// tables that have just doubled. The square would be 4.
constexpr double kMostGrowth = 2.6;

Counts CountRun(size_t n, absl::FunctionRef<std::string(size_t)> make,
                absl::FunctionRef<Cost(const std::string&)> run) {
  const std::string input = make(n);
  const uint64_t allocated_before = AllocatedBytes();
  const uint64_t comparisons_before = comparisons;
  const Cost cost = run(input);
  return {input.size(), cost.steps, cost.output_bytes,
          AllocatedBytes() - allocated_before,
          comparisons - comparisons_before};
}

}  // namespace

testing::AssertionResult GrowsLinearly(
    size_t n, absl::FunctionRef<std::string(size_t)> make,
    absl::FunctionRef<Cost(const std::string&)> run) {
  CountRun(n, make, run);
  const Counts once = CountRun(n, make, run);
  const Counts twice = CountRun(2 * n, make, run);
  const Counts four_times = CountRun(4 * n, make, run);
  std::string faults;
  for (const Column& column : kColumns) {
    const uint64_t a = once.*column.value;
    const uint64_t b = twice.*column.value;
    const uint64_t c = four_times.*column.value;
    // From n to 2n, n is added; from 2n to 4n, 2n is.
    const uint64_t first = b > a ? b - a : 0;
    const uint64_t second = c > b ? c - b : 0;
    const double slack = static_cast<double>(column.slack) +
                         column.noise * static_cast<double>(b);
    if (static_cast<double>(second) >
        kMostGrowth * static_cast<double>(first) + slack) {
      absl::StrAppend(&faults, "\n  ", column.name, ": ", a, ", ", b, ", ", c);
    }
  }
  if (faults.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "grows faster than its input, at n = " << n << ", " << 2 * n << ", "
         << 4 * n << ":" << faults;
}

bool CountsComparisons() {
#ifdef FERRY_COUNTS_COMPARISONS
  return true;
#else
  return false;
#endif
}

}  // namespace v1
}  // namespace ferry

#ifdef FERRY_COUNTS_COMPARISONS
// What clang calls at each comparison in such a build. The sanitizers' own
// definitions are weak.
// https://clang.llvm.org/docs/SanitizerCoverage.html#tracing-data-flow
#define FERRY_COUNT_COMPARISON(type, name)                         \
  __attribute__((no_sanitize("coverage"))) void name(type, type) { \
    ++ferry::comparisons;                                          \
  }
extern "C" {
FERRY_COUNT_COMPARISON(uint8_t, __sanitizer_cov_trace_cmp1)
FERRY_COUNT_COMPARISON(uint16_t, __sanitizer_cov_trace_cmp2)
FERRY_COUNT_COMPARISON(uint32_t, __sanitizer_cov_trace_cmp4)
FERRY_COUNT_COMPARISON(uint64_t, __sanitizer_cov_trace_cmp8)
FERRY_COUNT_COMPARISON(uint8_t, __sanitizer_cov_trace_const_cmp1)
FERRY_COUNT_COMPARISON(uint16_t, __sanitizer_cov_trace_const_cmp2)
FERRY_COUNT_COMPARISON(uint32_t, __sanitizer_cov_trace_const_cmp4)
FERRY_COUNT_COMPARISON(uint64_t, __sanitizer_cov_trace_const_cmp8)
}
#undef FERRY_COUNT_COMPARISON
#endif
