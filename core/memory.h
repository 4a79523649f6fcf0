// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/memory.h
// -----------------------------------------------------------------------------
//
// Host memory for storages, one at a time or many at once.
//
// Example: room for two storages.
//
//   FERRY_ASSIGN_OR_RETURN(MemoryRuns memory,
//                          AllocateHostMemory({4096, 16 << 20}));
//   std::memset(memory[0].data, 0, 4096);
#ifndef FERRY_CORE_MEMORY_H_
#define FERRY_CORE_MEMORY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/huge_pages.h"

namespace ferry {

// Memory of a device, freed when the last copy of `owner` goes.
struct Memory {
  // An address on the host; whatever a backend hands out elsewhere. May be null
  // where there is nothing to point to: 0 bytes, or a device without bytes.
  void* data = nullptr;
  std::shared_ptr<void> owner;
};

// What is allocated in one call, of which there may be many thousands.
using MemoryRuns = std::vector<Memory, HugePageAllocator<Memory>>;

// Runs of host memory, one for each size, in their order, each aligned to 64
// bytes; not initialised. A size of 0 gives null.
//
// A run of 2 MiB and more has pages of its own, for which huge ones are
// advised: the first touch of memory is what limits a load. Smaller runs share
// slabs of at most 4 MiB, each freed with the last run in it; slabs of
// kHugeSlabBytes and more are whole huge pages. Whole huge pages, up to half of
// `kKeptBytes`, stay with the process when they are freed.
//
// Errors: kResourceExhausted - the memory is not to be had; says how much.
absl::StatusOr<MemoryRuns> AllocateHostMemory(
    absl::Span<const uint64_t> sizes_bytes);

}  // namespace ferry

#endif  // FERRY_CORE_MEMORY_H_
