// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_process.h
// -----------------------------------------------------------------------------
//
// Runs code in a child process that opens the fake driver. A process opens one
// driver, once, so each test needs processes of its own.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_PROCESS_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_PROCESS_H_

#include <cstring>
#include <functional>
#include <string>

#include "ferry/plugin.h"

namespace fake_driver {

// What became of a child process.
struct ChildResult {
  bool passed = false;  // it exited with 0
  std::string output;   // both outputs, and the signal that ended it
};

// Returns a struct of the interface as a host passes it. (The folder of a
// plugin sees nothing of the host's sources, so not their function either.)
template <typename Struct>
Struct HostStruct() {
  Struct made;
  std::memset(&made, 0, sizeof(made));
  made.struct_size = sizeof(made);
  return made;
}

// The time after which SIGALRM ends a child.
inline constexpr unsigned int kChildSeconds = 20;

// Runs `body` in a child process that opens the fake driver with `settings`
// (fake_driver.h), or the library `driver` instead. The child ends by
// `Fail`, by a signal, by SIGALRM after kChildSeconds, or when `body` returns.
// The calling process must have no threads.
ChildResult RunInChild(const std::string& settings,
                       const std::function<void()>& body,
                       const std::string& driver = "");

// Ends the child with a message.
[[noreturn]] void Fail(const std::string& what);

// Fails unless `condition` is true.
void Require(bool condition, const std::string& what);

// Returns the table of the plugin that is linked in.
const ferry_backend& LinkedPlugin();
// Returns the table of the plugin in the shared object `path`.
const ferry_backend& OpenPlugin(const std::string& path);

// Returns a function that the fake driver exports.
void* FakeFunction(const char* name);
// Fails unless the fake driver's report is empty.
void RequireCleanReport();
std::string FakeLog();

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_PROCESS_H_
