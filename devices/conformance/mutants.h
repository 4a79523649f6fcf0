// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/conformance/mutants.h
// -----------------------------------------------------------------------------
//
// What the tests of the suite share. They run it on mutants: backends that
// break one rule each, and are to be caught by the check of that rule.
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

using Ids = std::set<std::string>;

// Options that make the suite quick, also under sanitizers.
inline ConformanceOptions QuickOptions() {
  ConformanceOptions options;
  options.large_bytes = uint64_t{256} << 10;
  return options;
}

// The ids of the checks that fail.
inline Ids FailedChecks(Backend& backend,
                        const ConformanceOptions& options = QuickOptions()) {
  Ids failed;
  for (const CheckResult& result : RunConformance(backend, options)) {
    if (result.outcome == CheckResult::kFail) failed.insert(result.id);
  }
  return failed;
}

// Whether a check fails, of a mutant that others may catch as well.
inline bool IsCaughtBy(const std::string& id, Backend& backend) {
  return FailedChecks(backend).count(id) != 0;
}

}  // namespace ferry

#endif  // FERRY_DEVICES_CONFORMANCE_MUTANTS_H_
