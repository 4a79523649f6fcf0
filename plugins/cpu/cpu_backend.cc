// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/cpu/cpu_backend.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status CheckIndex(int index) {
  if (index == 0) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("there is no cpu device ", index,
                                            "; the only one is device 0"));
}

// The value of the first line "model name : ..." of /proc/cpuinfo. Processors
// other than x86 have no such line.
std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "model name")) continue;
    const size_t colon = rest.find(':');
    if (colon == absl::string_view::npos) continue;
    rest = absl::StripAsciiWhitespace(rest.substr(colon + 1));
    if (!rest.empty()) return std::string(rest);
  }
  return "CPU";
}

uint64_t MachineMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes);
}

}  // namespace

absl::StatusOr<DeviceProperties> CpuBackend::Properties(int index) const {
  FERRY_RETURN_IF_ERROR(CheckIndex(index));
  return DeviceProperties{ProcessorName(), MachineMemoryBytes()};
}

absl::Status CpuBackend::Allocate(int index,
                                  absl::Span<const uint64_t> sizes_bytes,
                                  absl::Span<Memory> out) {
  FERRY_RETURN_IF_ERROR(CheckIndex(index));
  return AllocateHostMemory(sizes_bytes, out);
}

absl::Status CpuBackend::CopyFromHost(const void* from, const Memory& to,
                                      uint64_t offset_bytes,
                                      uint64_t size_bytes) {
  if (size_bytes != 0) {
    std::memcpy(static_cast<char*>(to.data) + offset_bytes, from, size_bytes);
  }
  return absl::OkStatus();
}

absl::Status CpuBackend::CopyToHost(const Memory& from, uint64_t offset_bytes,
                                    void* to, uint64_t size_bytes) {
  if (size_bytes != 0) {
    std::memcpy(to, static_cast<const char*>(from.data) + offset_bytes,
                size_bytes);
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
