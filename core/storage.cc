// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/storage.h"

#include <utility>

#include "ferry/core/internal_key.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/status_macros.h"

namespace ferry {

absl::StatusOr<Storage> Storage::Allocate(uint64_t size_bytes) {
  Memory memory;
  FERRY_RETURN_IF_ERROR(AllocateHostMemory({&size_bytes, 1}, {&memory, 1}));
  return FromMemory(Device(), std::move(memory), size_bytes);
}

Storage Storage::FromMemory(Device device, Memory memory, uint64_t size_bytes) {
  Storage storage;
  storage.impl_ = std::make_shared<Impl>();
  storage.impl_->size_bytes = size_bytes;
  storage.Materialize(std::move(device), std::move(memory), InternalKey());
  return storage;
}

Storage Storage::Described(uint64_t size_bytes, absl::string_view location,
                           ObjectPool* pool) {
  Storage storage;
  storage.impl_ = pool != nullptr
                      ? pool->MakeShared<Impl>(size_bytes, location)
                      : std::make_shared<Impl>(size_bytes, location);
  return storage;
}

void Storage::Materialize(Device device, Memory memory,
                          const InternalKey&) const {
  impl_->device = std::move(device);
  impl_->memory = std::move(memory);
  impl_->materialized = true;
}

}  // namespace ferry
