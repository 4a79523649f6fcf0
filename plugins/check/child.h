// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/check/child.h
// -----------------------------------------------------------------------------
//
// Runs checks in a child process, so that a plugin that crashes or hangs takes
// one check with it and not the checker.
#ifndef FERRY_PLUGINS_CHECK_CHILD_H_
#define FERRY_PLUGINS_CHECK_CHILD_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/devices/conformance/conformance.h"

namespace ferry {

// What the checks in a child tell the parent.
class CheckReporter {
 public:
  virtual ~CheckReporter() = default;
  // To be called before a check: false if it has been run.
  virtual bool Begin(absl::string_view id, absl::string_view title) = 0;
  virtual void End(const CheckResult& result) = 0;
};

struct ChildResults {
  std::vector<CheckResult> results;
  // What went wrong outside of all checks, which then may lack results; empty
  // if the last child came to its end.
  std::string fault;
  // What the children wrote to stdout and stderr.
  std::string output;
};

// Runs `body` in children, one after another: a new one for what is left after
// a check that ended its child. `seconds` is how long one check may take. The
// process must have one thread.
ChildResults RunInChildren(
    int seconds, const std::function<void(CheckReporter& reporter)>& body);

}  // namespace ferry

#endif  // FERRY_PLUGINS_CHECK_CHILD_H_
