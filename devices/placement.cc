// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/placement.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {

absl::StatusOr<int> CheckDeviceIndex(const Backend& backend, int index,
                                     absl::string_view subject) {
  const absl::StatusOr<int> count = backend.DeviceCount();
  if (!count.ok()) {
    return absl::Status(
        count.status().code(),
        absl::StrCat(subject, ": there is no ", backend.type(),
                     " device here: ", count.status().message()));
  }
  if (*count < 1) {
    return absl::UnavailableError(
        absl::StrCat(subject, ": there is no ", backend.type(),
                     " device here: its backend reports ", *count, " devices"));
  }
  if (index == Device::kNoIndex) return 0;
  if (!backend.is_indexed() && index != 0) {
    return absl::OutOfRangeError(absl::StrCat(subject, ": there is 1 ",
                                              backend.type(),
                                              " device, and it has no index"));
  }
  if (index < 0 || index >= *count) {
    return absl::OutOfRangeError(
        absl::StrCat(subject, ": there ", *count == 1 ? "is " : "are ", *count,
                     " ", backend.type(), *count == 1 ? " device" : " devices",
                     ", counted from 0"));
  }
  return index;
}

Device DeviceAt(const Backend& backend, int index) {
  return Device(backend.type(),
                backend.is_indexed() ? index : Device::kNoIndex);
}

absl::StatusOr<Storage> AllocateOn(Backend& backend, int index,
                                   uint64_t size_bytes) {
  Memory memory;
  FERRY_RETURN_IF_ERROR(
      backend.Allocate(index, {&size_bytes, 1}, {&memory, 1}));
  return Storage::FromMemory(DeviceAt(backend, index), std::move(memory),
                             size_bytes);
}

absl::Status CheckRange(const Storage& storage, uint64_t offset_bytes,
                        uint64_t size_bytes) {
  if (storage.is_null()) {
    return absl::InvalidArgumentError("the storage is null");
  }
  if (!storage.has_data()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a storage of ", storage.size_bytes(), " bytes at the location ",
        QuoteForMessage(storage.recorded_location()), ": ", kBytesNotRead));
  }
  if (offset_bytes > storage.size_bytes() ||
      size_bytes > storage.size_bytes() - offset_bytes) {
    return absl::OutOfRangeError(absl::StrCat(
        "cannot access ", size_bytes, " bytes from byte ", offset_bytes,
        " of a storage of ", storage.size_bytes(), " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
