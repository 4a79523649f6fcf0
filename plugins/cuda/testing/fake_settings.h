// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_settings.h
// -----------------------------------------------------------------------------
//
// The settings of the fake driver, which fake_driver.h lists.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_SETTINGS_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "fake_bus.h"
#include "fake_device.h"

namespace fake_driver {

// A call that fails: the `call`-th of `function`, counted from 1.
struct Failure {
  std::string function;
  uint64_t call;
  Result result;
};

// What fake_driver.h lists.
struct Settings {
  int devices = 2;
  uint64_t memory_bytes = uint64_t{1} << 30;
  int version = 12040;
  uint64_t seed = 1;
  Timing timing = Timing::kRandom;
  Result init = ferry_cuda::kSuccess;
  bool is_stub = false;
  std::vector<Failure> failures;
  uint64_t lose_at_copy = 0;
  int streams = 9;
  bool has_pools = true;
  BusSpeed bus;
  bool discards = false;
  std::string report_path;
  std::string log_path;
};

// Returns the settings in the environment variable FERRY_FAKE_DRIVER, which the
// first call reads. Ends the process if they are wrong.
const Settings& GetSettings();

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_SETTINGS_H_
