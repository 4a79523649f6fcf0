// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/storage.h"

#include <cstddef>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ferry {
namespace {

// What PyTorch aligns to, and enough for any vector unit.
constexpr size_t kAlignmentBytes = 64;

}  // namespace

absl::StatusOr<Storage> Storage::Allocate(uint64_t size_bytes) {
  if (size_bytes == 0) return FromMemory(Device(), nullptr, 0, nullptr);
  void* data = nullptr;
  if (size_bytes > SIZE_MAX / 2 ||
      posix_memalign(&data, kAlignmentBytes, size_bytes) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no host memory for a storage of ", size_bytes, " bytes"));
  }
  return FromMemory(Device(), data, size_bytes,
                    std::shared_ptr<void>(data, std::free));
}

Storage Storage::FromMemory(Device device, void* data, uint64_t size_bytes,
                            std::shared_ptr<void> owner) {
  Storage storage;
  storage.impl_ = std::make_shared<Impl>();
  storage.impl_->size_bytes = size_bytes;
  storage.Place(std::move(device), data, std::move(owner));
  return storage;
}

Storage Storage::Described(uint64_t size_bytes, absl::string_view location) {
  Storage storage;
  storage.impl_ = std::make_shared<Impl>();
  storage.impl_->size_bytes = size_bytes;
  storage.impl_->location = std::string(location);
  return storage;
}

void Storage::Place(Device device, void* data,
                    std::shared_ptr<void> owner) const {
  impl_->device = std::move(device);
  impl_->data = data;
  impl_->owner = std::move(owner);
  impl_->placed = true;
}

}  // namespace ferry
