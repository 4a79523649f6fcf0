// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/cpu/cpu_backend.h
// -----------------------------------------------------------------------------
//
// The host's memory as a device: type "cpu", one device, without an index.
// Linking //plugins/cpu:register registers it with priority 10.
#ifndef FERRY_PLUGINS_CPU_CPU_BACKEND_H_
#define FERRY_PLUGINS_CPU_CPU_BACKEND_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"

namespace ferry {
inline namespace v1 {

// CpuBackend
//
// Has no state. Thread-safety: as every backend.
class CpuBackend final : public Backend {
 public:
  absl::string_view type() const override { return "cpu"; }
  bool is_indexed() const override { return false; }
  bool is_host_memory() const override { return true; }
  bool uses_host_allocator() const override { return true; }
  absl::StatusOr<int> DeviceCount() const override { return 1; }
  // Returns the processor's name from the kernel ("CPU" if there is none), and
  // the memory of the machine. Reads /proc/cpuinfo on every call.
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  // As AllocateHostMemory.
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_CPU_CPU_BACKEND_H_
