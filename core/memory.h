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
//   Memory memory[2];
//   FERRY_RETURN_IF_ERROR(
//       AllocateHostMemory({4096, 16 << 20}, absl::MakeSpan(memory)));
//   std::memset(memory[0].data, 0, 4096);
#ifndef FERRY_CORE_MEMORY_H_
#define FERRY_CORE_MEMORY_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace ferry {

// Memory of a device, freed when the last copy of `owner` goes.
struct Memory {
  // An address on the host; whatever a backend hands out elsewhere. May be null
  // where there is nothing to point to: 0 bytes, or a device without bytes.
  void* data = nullptr;
  std::shared_ptr<void> owner;
};

// Allocates uninitialised host memory: `out[i]` gets `sizes_bytes[i]` bytes,
// aligned to 64 bytes. A size of 0 leaves `out[i]` empty. `out` has as many
// elements as `sizes_bytes`, all of them empty.
//
// An allocation of 2 MiB or more has pages of its own, for which huge pages are
// advised, because the first touch of memory is what limits a load. Smaller
// allocations share slabs of at most 4 MiB. A slab is freed with the last
// allocation in it; slabs of `kHugeSlabBytes` or more are whole huge pages.
// Whole huge pages, up to half of `kKeptBytes` (core/huge_pages.h), stay with
// the process when they are freed.
//
// Thread-safe.
//
// Errors: kResourceExhausted - not enough memory; says how much was asked for.
//         All of `out` is then empty.
absl::Status AllocateHostMemory(absl::Span<const uint64_t> sizes_bytes,
                                absl::Span<Memory> out);

}  // namespace ferry

#endif  // FERRY_CORE_MEMORY_H_
