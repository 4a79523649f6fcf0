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
// The process itself never loads the plugin. The plugin's code runs only in
// child processes, so that a crash or a hang fails a single check.
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
inline namespace v1 {

struct PluginCheckOptions {
  // The number of devices of the first type that must exist; fewer are a
  // failure (D-03).
  int expected_devices = 0;

  // Checks that are known to fail, and why. If one of them passes, that is a
  // failure. A failure because of which other checks cannot be run (A-01, A-06,
  // B-07, P-00) remains one.
  std::map<std::string, std::string> expected_failures;

  // The checks to run. Only these have results, and, B-07 and P-00
  // if they fail, since others cannot be run then. If empty, runs all checks.
  std::set<std::string> only;

  // The time limit of one check.
  int seconds_per_check = 120;

  // As in ConformanceOptions.
  uint64_t large_bytes = uint64_t{64} << 20;

  // If not null, receives what the plugin printed, up to 2 MiB.
  std::string* output = nullptr;
};

// Runs all checks, which takes seconds to minutes, and returns a result for
// each, in a fixed order. `path` is that of a shared object, or of a manifest;
// then the library that it names is checked. If the library cannot be loaded,
// only the checks A have results; if its description breaks the rules, only A
// and B.
//
// The letter of an id says what is checked: A the file, B the query function, R
// the five functions, G queues and events, N host memory, K copies between
// devices, E location tags of the plugin's own, X many threads, P the process;
// the other letters are those of the conformance suite. If there are several
// device types, ids of all but the first have the type appended: "C-02/acme".
//
// The calling process must have only one thread.
//
// Errors:
//   kNotFound, kInvalidArgument, kPermissionDenied - there is no such file, or
//     the loader would not trust it, or the manifest is invalid; the message
//     says what to do.
//   kInvalidArgument - `expected_failures` or `only` names an unknown check.
absl::StatusOr<std::vector<CheckResult>> CheckPlugin(
    const std::string& path, const PluginCheckOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_PLUGIN_CHECK_H_
