// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/host_storage.h
// -----------------------------------------------------------------------------
//
// Storages in host memory for tests, and bytes to fill them with.
#ifndef FERRY_DEVICES_TESTING_HOST_STORAGE_H_
#define FERRY_DEVICES_TESTING_HOST_STORAGE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {

// Returns a storage in host memory that holds `bytes`.
inline Storage HostStorage(absl::string_view bytes) {
  const Storage storage = *Storage::Allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(storage.data()));
  return storage;
}

// Returns bytes without a short period, so that a copy of the wrong piece is
// detected.
inline std::string PseudorandomBytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TESTING_HOST_STORAGE_H_
