// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/meta/meta_backend.h"

#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status NoSuchDevice(int index) {
  return absl::OutOfRangeError(absl::StrCat("there is no meta device ", index,
                                            "; the only one is device 0"));
}

}  // namespace

absl::StatusOr<DeviceProperties> MetaBackend::Properties(int index) const {
  if (index != 0) return NoSuchDevice(index);
  return DeviceProperties{"storages without bytes", 0};
}

absl::Status MetaBackend::Allocate(int index,
                                   absl::Span<const uint64_t> sizes_bytes,
                                   absl::Span<Memory> out) {
  if (index != 0) return NoSuchDevice(index);
  return absl::OkStatus();
}

absl::Status MetaBackend::CopyFromHost(const void* from, const Memory& to,
                                       uint64_t offset_bytes,
                                       uint64_t size_bytes) {
  return absl::OkStatus();
}

absl::Status MetaBackend::CopyToHost(const Memory& from, uint64_t offset_bytes,
                                     void* to, uint64_t size_bytes) {
  return absl::InvalidArgumentError(
      "storages on the meta device have no bytes to read");
}

}  // namespace v1
}  // namespace ferry
