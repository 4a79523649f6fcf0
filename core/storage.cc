// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/storage.h"

#include <cstdint>
#include <utility>

#include "absl/base/config.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/thread_state.h"

namespace ferry {
inline namespace v1 {
namespace {

bool InInferenceMode() {
  return (CurrentThreadState().bits & kInferenceBit) != 0;
}

constexpr uint64_t kAlignmentBytes = 64;

// Up to this size, the bytes are in the object that the handles share: 768 is
// the most for which malloc is quick. The address sanitizer guards only the
// bytes of separate blocks.
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr uint64_t kMaxInlineBytes = 0;
#else
constexpr uint64_t kMaxInlineBytes = 768;
#endif

}  // namespace

template <uint64_t kBytes>
struct Storage::InlineImpl : Impl {
  explicit InlineImpl(uint64_t of_size_bytes) : Impl(of_size_bytes, "") {
    const auto address = reinterpret_cast<uintptr_t>(space);
    memory.data = reinterpret_cast<void*>(RoundUp(address, kAlignmentBytes));
    materialized = owns_bytes = true;
  }

  char space[kBytes + kAlignmentBytes - 1];
};

struct Storage::BlockImpl : Impl {
  explicit BlockImpl(uint64_t of_size_bytes) : Impl(of_size_bytes, "") {
    materialized = owns_bytes = true;
  }
  ~BlockImpl() {
    if (block != nullptr) FreeBlock(block, size_bytes, InternalKey());
  }
  BlockImpl(const BlockImpl&) = delete;
  BlockImpl& operator=(const BlockImpl&) = delete;

  void* block = nullptr;  // also memory.data
};

absl::StatusOr<Storage> Storage::Allocate(uint64_t size_bytes) {
  Storage storage;
  if (size_bytes == 0) {
    storage.impl_ = std::make_shared<Impl>();
    storage.impl_->materialized = true;
  } else if (size_bytes > kMaxInlineBytes) {
    auto impl = std::make_shared<BlockImpl>(size_bytes);
    FERRY_ASSIGN_OR_RETURN(impl->block,
                           AllocateBlock(size_bytes, InternalKey()));
    impl->memory.data = impl->block;
    storage.impl_ = std::move(impl);
  } else if (size_bytes > 256) {
    storage.impl_ = std::make_shared<InlineImpl<kMaxInlineBytes>>(size_bytes);
  } else if (size_bytes > 64) {
    storage.impl_ = std::make_shared<InlineImpl<256>>(size_bytes);
  } else {
    storage.impl_ = std::make_shared<InlineImpl<64>>(size_bytes);
  }
  storage.impl_->is_inference = InInferenceMode();
  return storage;
}

Storage Storage::FromMemory(Device device, Memory memory, uint64_t size_bytes) {
  Storage storage;
  storage.impl_ = std::make_shared<Impl>();
  storage.impl_->size_bytes = size_bytes;
  storage.impl_->is_inference = InInferenceMode();
  storage.Materialize(std::move(device), std::move(memory), InternalKey());
  return storage;
}

Storage Storage::Described(uint64_t size_bytes, absl::string_view location,
                           ObjectPool* pool) {
  Storage storage;
  storage.impl_ = pool != nullptr
                      ? pool->MakeShared<Impl>(size_bytes, location)
                      : std::make_shared<Impl>(size_bytes, location);
  storage.impl_->is_inference = InInferenceMode();
  return storage;
}

void Storage::Materialize(Device device, Memory memory,
                          const InternalKey&) const {
  impl_->device = std::move(device);
  impl_->memory = std::move(memory);
  impl_->materialized = true;
  impl_->owns_bytes = false;
}

}  // namespace v1
}  // namespace ferry
