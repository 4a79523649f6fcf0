// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cuda/testing/fake_bus.h
// -----------------------------------------------------------------------------
//
// A model of the bus between the host and a device of the fake driver: how long
// copies take. It is a model, not a measurement: it has one speed for both
// kinds of host memory and for every size, which a real bus does not have.
#ifndef FERRY_PLUGINS_CUDA_TESTING_FAKE_BUS_H_
#define FERRY_PLUGINS_CUDA_TESTING_FAKE_BUS_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace fake_driver {

struct BusSpeed {
  uint64_t bytes_per_second = 0;  // 0: there is no bus, copies take no time
  uint64_t latency_ns = 0;        // of each copy
};

// Reads "BYTES_PER_SECOND:NANOSECONDS". Returns false if the text is not that.
bool ParseBusSpeed(const std::string& text, BusSpeed* speed);

// FakeBus
//
// Each direction carries one copy at a time, in the order in which the copies
// come to it. The two directions do not slow each other down.
//
// Thread-safety: all methods may be called from any number of threads at once.
class FakeBus {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit FakeBus(const BusSpeed& speed) : speed_(speed) {}

  bool is_modelled() const { return speed_.bytes_per_second != 0; }

  // Returns when a copy that is ready at `now` has ended, and keeps the bus
  // busy until its last byte has left.
  Time Reserve(bool to_device, uint64_t size_bytes, Time now);

 private:
  const BusSpeed speed_;
  std::mutex mutex_;
  Time free_at_[2];  // of each direction; guarded by mutex_
};

}  // namespace fake_driver

#endif  // FERRY_PLUGINS_CUDA_TESTING_FAKE_BUS_H_
