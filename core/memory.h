// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/memory.h
// -----------------------------------------------------------------------------
//
// Allocates host memory for storages, one at a time or many at once.
//
// Example: allocate memory for two storages.
//
//   Memory memory[2];
//   FERRY_RETURN_IF_ERROR(
//       AllocateHostMemory({4096, 16 << 20}, absl::MakeSpan(memory)));
//   std::memset(memory[0].data, 0, 4096);
#ifndef FERRY_CORE_MEMORY_H_
#define FERRY_CORE_MEMORY_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/page_pool.h"

namespace ferry {
inline namespace v1 {

class InternalKey;

// Memory on a device, freed when the last copy of `owner` is destroyed.
struct Memory {
  // An address on the host; on other devices, whatever the backend returns. May
  // be null if there is nothing to point to: 0 bytes, or a device without
  // bytes.
  void* data = nullptr;
  std::shared_ptr<void> owner;
};

// Allocates uninitialised host memory: `out[i]` gets `sizes_bytes[i]` bytes,
// aligned to 64 bytes. A size of 0 leaves `out[i]` empty. `out` has as many
// elements as `sizes_bytes`, all of them empty.
//
// An allocation of 2 MiB or more gets its own pages, for which huge pages are
// advised, because the first touch of memory limits the speed of a load.
// Smaller allocations share slabs of at most 4 MiB. A slab is freed with the
// last allocation in it. Slabs of `kHugeFromBytes` (core/huge_pages.h) or more
// consist of whole huge pages. Mappings come from `pool` and go back there when
// they are freed, or to the system if `pool` is null. The memory keeps the pool
// alive.
//
// Thread-safe.
//
// Errors: kResourceExhausted - not enough memory, even after giving back what
//         core/kept_memory.h keeps; the message says how much was requested.
//         All of `out` is then empty.
absl::Status AllocateHostMemory(
    absl::Span<const uint64_t> sizes_bytes, absl::Span<Memory> out,
    const std::shared_ptr<PagePool>& pool = nullptr);

// For Ferry's own code. Allocates one block of uninitialised host memory,
// aligned to 64 bytes, for a tensor that is likely to be freed and followed by
// others of its size. Prefers memory that core/kept_memory.h keeps. Takes about
// 30 ns if it finds some. Thread-safe.
//
// Errors: kResourceExhausted - as above.
absl::StatusOr<void*> AllocateBlock(uint64_t size_bytes,
                                    const InternalKey& key);

// For Ferry's own code. Frees what `AllocateBlock` returned for the same size,
// or keeps it. Thread-safe.
void FreeBlock(void* block, uint64_t size_bytes, const InternalKey& key);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_MEMORY_H_
