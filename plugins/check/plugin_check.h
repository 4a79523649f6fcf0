// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/plugin_check.h
// -----------------------------------------------------------------------------
//
// Checks a plugin: its file, its interface, and the conformance suite of
// devices/conformance on each of its device types.
//
// The process itself never loads the plugin: all that runs of it runs in
// children, so that one that crashes or hangs fails one check.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(std::vector<CheckResult> results,
//                          CheckPlugin("libacme.so", {}));
#ifndef FERRY_PLUGINS_CHECK_PLUGIN_CHECK_H_
#define FERRY_PLUGINS_CHECK_PLUGIN_CHECK_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/devices/conformance/conformance.h"

namespace ferry {

struct PluginCheckOptions {
  // Fewer devices of the first type than these are a failure (D-03).
  int expected_devices = 0;

  // Checks that are known to fail, and why. One that passes is a failure.
  std::map<std::string, std::string> expected_failures;

  // The checks to run, which are then all that there is a result for, but for
  // P-00 where it fails. Empty: every one.
  std::set<std::string> only;

  // How long one check may take.
  int seconds_per_check = 120;

  // As in ConformanceOptions.
  uint64_t large_bytes = uint64_t{64} << 20;
};

// Runs all checks, which takes seconds to minutes, and returns a result for
// each, in a fixed order. The letter of an id says what is looked at: A the
// file, B the query function, R the five functions, G queues and events, N host
// memory, P the process; the others as in the conformance suite. Where there
// are several device types, results of the second and further ones have ids
// like "C-02/acme".
//
// The calling process must have one thread.
//
// Errors:
//   kNotFound, kInvalidArgument, kPermissionDenied - there is no such file, or
//     the loader would not trust it; says what to do.
//   kInvalidArgument - a check that is expected to fail, or to be run, is none.
absl::StatusOr<std::vector<CheckResult>> CheckPlugin(
    const std::string& path, const PluginCheckOptions& options);

}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_PLUGIN_CHECK_H_
