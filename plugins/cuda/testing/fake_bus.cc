// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "fake_bus.h"

#include <algorithm>
#include <cstdlib>

namespace fake_driver {
namespace {

// Reads the digits up to `end`, which the text must have there.
bool ParseNumber(const char** text, char end, uint64_t* number) {
  char* stop = nullptr;
  if (**text < '0' || **text > '9') return false;
  *number = strtoull(*text, &stop, 10);
  if (*stop != end) return false;
  *text = stop + (end == '\0' ? 0 : 1);
  return true;
}

}  // namespace

bool ParseBusSpeed(const std::string& text, BusSpeed* speed) {
  const char* next = text.c_str();
  return ParseNumber(&next, ':', &speed->bytes_per_second) &&
         ParseNumber(&next, '\0', &speed->latency_ns);
}

FakeBus::Time FakeBus::Reserve(bool to_device, uint64_t size_bytes, Time now) {
  const std::chrono::duration<double> busy(
      static_cast<double>(size_bytes) /
      static_cast<double>(speed_.bytes_per_second));
  const std::lock_guard<std::mutex> lock(mutex_);
  Time& free_at = free_at_[to_device ? 1 : 0];
  free_at = std::max(free_at, now) +
            std::chrono::ceil<std::chrono::steady_clock::duration>(busy);
  return free_at + std::chrono::nanoseconds(speed_.latency_ns);
}

}  // namespace fake_driver
