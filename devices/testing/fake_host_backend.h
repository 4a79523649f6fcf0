// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/fake_host_backend.h
// -----------------------------------------------------------------------------
//
// A backend over host memory with any type name, for tests that must not depend
// on plugins/cpu. Tests may override each of its methods to fail.
#ifndef FERRY_DEVICES_TESTING_FAKE_HOST_BACKEND_H_
#define FERRY_DEVICES_TESTING_FAKE_HOST_BACKEND_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"

namespace ferry {
inline namespace v1 {

// FakeHostBackend
//
// Thread-safety: as every backend.
class FakeHostBackend : public Backend {
 public:
  explicit FakeHostBackend(std::string type = "cpu") : type_(std::move(type)) {}

  absl::string_view type() const override { return type_; }
  bool is_indexed() const override { return false; }
  bool is_host_memory() const override { return true; }
  absl::StatusOr<int> DeviceCount() const override { return 1; }
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;

 private:
  const std::string type_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TESTING_FAKE_HOST_BACKEND_H_
