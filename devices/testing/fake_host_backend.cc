// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/testing/fake_host_backend.h"

#include <cstring>

namespace ferry {
inline namespace v1 {

absl::StatusOr<DeviceProperties> FakeHostBackend::Properties(int index) const {
  if (index != 0) return absl::OutOfRangeError("no such device");
  return DeviceProperties{"Fake host", 0};
}

absl::Status FakeHostBackend::Allocate(int index,
                                       absl::Span<const uint64_t> sizes_bytes,
                                       absl::Span<Memory> out) {
  if (index != 0) return absl::OutOfRangeError("no such device");
  return AllocateHostMemory(sizes_bytes, out);
}

absl::Status FakeHostBackend::CopyFromHost(const void* from, const Memory& to,
                                           uint64_t offset_bytes,
                                           uint64_t size_bytes) {
  if (size_bytes != 0) {
    std::memcpy(static_cast<char*>(to.data) + offset_bytes, from, size_bytes);
  }
  return absl::OkStatus();
}

absl::Status FakeHostBackend::CopyToHost(const Memory& from,
                                         uint64_t offset_bytes, void* to,
                                         uint64_t size_bytes) {
  if (size_bytes != 0) {
    std::memcpy(to, static_cast<const char*>(from.data) + offset_bytes,
                size_bytes);
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
