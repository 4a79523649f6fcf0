// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/conformance.h
// -----------------------------------------------------------------------------
//
// The conformance suite that every backend must pass, whether it is written in
// C++ or is a plugin behind the C interface. It is a library, not a test: the
// tests of a backend assert on its results, and the plugin checker prints them.
//
// Example: the test of a backend.
//
//   for (const CheckResult& result : RunConformance(backend, {})) {
//     EXPECT_NE(result.outcome, CheckResult::Outcome::kFail)
//         << result.ToString();
//   }
//
// The checks compare error codes. They do not compare messages, except that
// S-06 looks for the storage name that Ferry passed in. The ids are stable: the
// id of a removed check is not reused. The suite cannot detect a backend that
// crashes or hangs; if that may happen, run the suite in a process of its own.
#ifndef FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_
#define FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/devices/backend.h"

namespace ferry {
inline namespace v1 {

struct CheckResult {
  enum Outcome {
    kPass,
    kFail,
    // Not run: the backend does not have the feature, or has no device.
    kUnsupported,
    // It failed, as the caller expected. RunConformance does not return this.
    kExpectedFailure,
  };

  // A letter for what is checked (D devices, M memory, C copies, S streams, T
  // threads, L locations, H hygiene) and a number: "D-03".
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
  // The number of devices that must exist; fewer are a failure (D-03). This
  // prevents a missing device from counting as success on a machine that should
  // have one.
  int expected_devices = 0;
  // The size of the large allocation in bytes; at least 64. The suite uses
  // twice as much host memory. A few allocations are 1/32 of it.
  uint64_t large_bytes = uint64_t{64} << 20;
  // The number of threads that use the backend at once; at least 2.
  int threads = 4;
  // Called right before each check, with its id and title. If it returns false,
  // the check is skipped and has no result. If empty, all checks are run. A
  // caller that runs the suite in another process can also use it to find out
  // which check ended that process.
  std::function<bool(absl::string_view id, absl::string_view title)> is_wanted;
  // Called with each result as soon as it is known. May be empty.
  std::function<void(const CheckResult& result)> on_result;
};

// Runs all checks, on every device of the backend, and returns a result for
// each in a fixed order. Takes seconds. During the call, nothing else may
// exhaust the devices' memory.
std::vector<CheckResult> RunConformance(Backend& backend,
                                        const ConformanceOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_CONFORMANCE_H_
