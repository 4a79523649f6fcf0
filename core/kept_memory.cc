// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/kept_memory.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>

#include "absl/base/config.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/page_pool.h"

namespace ferry {
inline namespace v1 {
namespace {

uint64_t DefaultLimit() {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  return 0;
#else
  const auto machine_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                             static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min(uint64_t{1} << 30, machine_bytes / 8);
#endif
}

PagePool* MakePool() {
  auto* const pool = new PagePool(DefaultLimit());
  // A child must not inherit a lock that another thread of the parent held.
  pthread_atfork([] { KeptMemory(InternalKey()).Lock(InternalKey()); },
                 [] { KeptMemory(InternalKey()).Unlock(InternalKey()); },
                 [] { KeptMemory(InternalKey()).Unlock(InternalKey()); });
  return pool;
}

}  // namespace

PagePool& KeptMemory(const InternalKey& /*key*/) {
  // Never destroyed, because tensors may outlive static objects.
  static PagePool* const pool = MakePool();
  return *pool;
}

void SetKeptMemoryLimit(uint64_t size_bytes) {
  KeptMemory(InternalKey()).SetMaxKeptBytes(size_bytes);
}

uint64_t KeptMemoryLimit() {
  return KeptMemory(InternalKey()).max_kept_bytes();
}

uint64_t KeptMemoryBytes() { return KeptMemory(InternalKey()).kept_bytes(); }

void ReleaseKeptMemory() { KeptMemory(InternalKey()).Release(); }

}  // namespace v1
}  // namespace ferry
