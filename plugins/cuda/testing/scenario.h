// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/scenario.h
// -----------------------------------------------------------------------------
//
// Uses the CUDA plugin on the fake driver as a program would, and checks every
// result. A process opens one driver, once; so each use is in a child process.
#ifndef FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_
#define FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_

#include <functional>
#include <string>

#include "ferry/plugin.h"

namespace fake_driver {

// What became of a child process.
struct ChildResult {
  bool passed = false;  // it exited with 0
  std::string output;   // both outputs, and the signal that ended it
};

// Runs `body` in a child process that opens the fake driver with `settings`
// (fake_driver.h), or the library `driver` instead. The child ends by
// `Fail`, by a signal, by SIGALRM after 20 s, or when `body` returns.
// The calling process must have no threads.
ChildResult RunInChild(const std::string& settings,
                       const std::function<void()>& body,
                       const std::string& driver = "");

// Ends the child with a message.
[[noreturn]] void Fail(const std::string& what);

// Fails unless `condition` is true.
void Require(bool condition, const std::string& what);

// Returns the table of the plugin in the shared object `path`, or of the one
// that is linked in if it is empty.
const ferry_backend& OpenPlugin(const std::string& path);

// Returns a struct of the interface as the host passes it.
ferry_status NewStatus();

// Returns a function that the fake driver exports.
void* FakeFunction(const char* name);
// Fails unless the fake driver's report is empty.
void RequireCleanReport();
std::string FakeLog();

// Uses everything, with two devices of 1 MiB. Fails if any result is wrong, and
// at the end if anything is left.
void UseEverything(const ferry_backend& plugin);

// Loses a device while it is used. Nothing may hang or call the driver again.
void LoseADevice(const ferry_backend& plugin);

// Copies once. The fake driver must have the settings "timing=late,lose=1", so
// that the device is lost by that copy, which must not count as done.
void LoseACopy(const ferry_backend& plugin);

// Waits once for a copy. The fake driver must have the setting
// "fail=cuEventSynchronize:1:999": the copy may still run, so the device must
// not be used any more.
void FailToWait(const ferry_backend& plugin);

// Forks after the plugin has been used. The new process must get a clear error.
void ForkAfterUse(const ferry_backend& plugin);

// Uses everything with whatever errors come, and gives everything back. Fails
// if bytes are wrong although no call failed.
void UseInSpiteOfErrors(const ferry_backend& plugin);

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_SCENARIO_H_
