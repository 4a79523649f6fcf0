// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/child.h
// -----------------------------------------------------------------------------
//
// Runs checks in a child process, so that a plugin that crashes or hangs fails
// one check and does not take down the checker.
#ifndef FERRY_PLUGINS_CHECK_CHILD_H_
#define FERRY_PLUGINS_CHECK_CHILD_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/devices/conformance/conformance.h"

namespace ferry {
inline namespace v1 {

// Reports the results of checks in a child to the parent.
class CheckReporter {
 public:
  virtual ~CheckReporter() = default;
  // Must be called before each check. Returns false if the check has already
  // been run.
  virtual bool Begin(absl::string_view id, absl::string_view title) = 0;
  virtual void End(const CheckResult& result) = 0;
};

struct ChildResults {
  std::vector<CheckResult> results;
  // What went wrong outside of the checks, in which case results may be
  // missing. Empty if the last child finished normally.
  std::string fault;
  // What the children wrote to stdout and stderr, together, up to 1 MiB.
  std::string output;
};

// Runs `body` in a child. If a check ends its child, starts a new child for the
// remaining checks. `seconds` is the time limit of one check. The calling
// process must have only one thread.
ChildResults RunInChildren(
    int seconds, const std::function<void(CheckReporter& reporter)>& body);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_CHILD_H_
