// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/mutants.h
// -----------------------------------------------------------------------------
//
// Helpers for the tests of the suite. They run the suite on mutants: backends
// that violate one rule each, which the check of that rule must catch.
//
// Example: a mutant that only one check catches.
//
//   EXPECT_EQ(FailedChecks(mutant), Ids({"C-02"}));
#ifndef FERRY_DEVICES_CONFORMANCE_MUTANTS_H_
#define FERRY_DEVICES_CONFORMANCE_MUTANTS_H_

#include <cstdint>
#include <set>
#include <string>

#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/conformance.h"

namespace ferry {
inline namespace v1 {

using Ids = std::set<std::string>;

// Returns options that make the suite quick, even under sanitizers.
inline ConformanceOptions QuickOptions() {
  ConformanceOptions options;
  options.large_bytes = uint64_t{256} << 10;
  return options;
}

// Returns the ids of the checks that fail.
inline Ids FailedChecks(Backend& backend,
                        const ConformanceOptions& options = QuickOptions()) {
  Ids failed;
  for (const CheckResult& result : RunConformance(backend, options)) {
    if (result.outcome == CheckResult::kFail) failed.insert(result.id);
  }
  return failed;
}

// Returns whether a check fails. Other checks may catch the mutant as well.
inline bool IsCaughtBy(const std::string& id, Backend& backend) {
  return FailedChecks(backend).count(id) != 0;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_MUTANTS_H_
