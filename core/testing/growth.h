// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/growth.h
// -----------------------------------------------------------------------------
//
// Tests that work grows no faster than its input, without a clock. An input of
// size n is made at n, 2n and 4n; what each costs is counted.
//
// Example: reading a pickle of n ints takes work, memory and output in
// proportion to n.
//
//   EXPECT_TRUE(GrowsLinearly(
//       1000, [](size_t n) { return PickleOfInts(n); },
//       [](const std::string& pickle) {
//         Budget budget;
//         EXPECT_THAT(Unpickle(pickle, &budget), IsOk());
//         return Cost{budget.steps(), budget.output_bytes()};
//       }));
#ifndef FERRY_CORE_TESTING_GROWTH_H_
#define FERRY_CORE_TESTING_GROWTH_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {

// What an operation reports that it has cost. What it does not report is 0.
struct Cost {
  uint64_t steps = 0;
  uint64_t output_bytes = 0;
};

// Calls `make` and then `run` with what it made, for n, 2n and 4n. Succeeds if
// each of these grows at most in proportion to n, with some slack for
// containers that double their capacity and for a logarithm:
//
//   - the size of the input;
//   - the steps and the bytes of output that `run` returns;
//   - the bytes that `run` takes from operator new, the freed ones included,
//     and those of hash tables (core/hash_table.h) not;
//   - the comparisons that `run` executes, in a build that counts them
//     (`CountsComparisons`). They find loops that charge no steps.
//
// Only what the calling thread does is counted, so `run` must not hand work to
// others. The first run, which may fill caches, is preceded by one that does
// not count.
testing::AssertionResult GrowsLinearly(
    size_t n, absl::FunctionRef<std::string(size_t)> make,
    absl::FunctionRef<Cost(const std::string&)> run);

// Whether the build counts comparisons: it does when clang compiles it with
// -fsanitize-coverage=trace-cmp, as --config=asan-ubsan does.
bool CountsComparisons();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_GROWTH_H_
