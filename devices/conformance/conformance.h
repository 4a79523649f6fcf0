// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/conformance.h
// -----------------------------------------------------------------------------
//
// The one suite that every backend passes, whether it is plain C++ or stands
// behind the C interface of plugins. A library, not a test: the tests of a
// backend assert on its results, and a checker of plugins prints them.
//
// Example: the test of a backend.
//
//   for (const CheckResult& result : RunConformance(backend, {})) {
//     EXPECT_NE(result.outcome, CheckResult::Outcome::kFail)
//         << result.ToString();
//   }
//
// The checks compare error codes. They do not compare messages, except that
// S-06 looks for the storage name that Ferry passed in. Their ids stay: a check
// that goes leaves a gap. What they cannot see is a backend that crashes or
// hangs: run the suite in a process of its own where that may happen.
#ifndef FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_
#define FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/devices/backend.h"

namespace ferry {

struct CheckResult {
  enum Outcome {
    kPass,
    kFail,
    // Not run: the backend does not claim what is checked, or has no device.
    kUnsupported,
    // It failed, and whoever ran it had said so before. Not of RunConformance.
    kExpectedFailure,
  };

  // A letter for what is looked at (D devices, M memory, C copies, S streams,
  // T threads, L locations, H hygiene) and a number: "D-03".
  std::string id;
  // The rule that is checked, as a sentence without a full stop.
  std::string title;
  Outcome outcome = kPass;
  // What went wrong or why it was not run; empty if it passed.
  std::string detail;

  // "D-03 fail: <title>: <detail>".
  std::string ToString() const;
};

// "pass", "fail", "unsupported" or "expected failure".
absl::string_view OutcomeName(CheckResult::Outcome outcome);

struct ConformanceOptions {
  // Fewer devices than these are a failure (D-03), so that "no device here" is
  // never taken for success where there should be one.
  int expected_devices = 0;
  // The size of the large allocation; at least 64. Twice as much host memory is
  // used. A few allocations have a 32nd of it.
  uint64_t large_bytes = uint64_t{64} << 20;
  // How many threads use the backend at once; at least 2.
  int threads = 4;
  // Asked right before each check, with its id and title; one for which it says
  // no is left out of the results. Empty: all are run. Whoever runs the suite
  // in another process learns from it which check ended that process.
  std::function<bool(absl::string_view id, absl::string_view title)> is_wanted;
  // Told each result as soon as it is there. May be empty.
  std::function<void(const CheckResult& result)> on_result;
};

// Runs all checks, on every device of the backend, and returns a result for
// each in a fixed order. Takes seconds. Nothing else may use the devices'
// memory to its limit meanwhile.
std::vector<CheckResult> RunConformance(Backend& backend,
                                        const ConformanceOptions& options);

}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_
