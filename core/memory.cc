// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/huge_pages.h"

namespace ferry {
namespace {

// What PyTorch aligns to, and enough for any vector unit.
constexpr uint64_t kAlignmentBytes = 64;

constexpr uint64_t kMaxSlabBytes = 2 * kHugePageBytes;
// A slab ends with its first huge page if that is this full: pages of which
// each is free on its own are had again more easily.
constexpr uint64_t kFullPageBytes = kHugePageBytes - kHugePageBytes / 16;

absl::Status NoMemory(uint64_t size_bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("no host memory for ", size_bytes, " bytes"));
}

// A mapping whose first `huge_bytes` are on huge pages where they can be.
absl::StatusOr<Memory> Map(uint64_t size_bytes, uint64_t huge_bytes) {
  void* const data = MapPages(size_bytes, huge_bytes);
  if (data == nullptr) return NoMemory(size_bytes);
  return Memory{data, std::shared_ptr<void>(data, [size_bytes](void* pages) {
                  UnmapPages(pages, size_bytes);
                })};
}

absl::StatusOr<Memory> AllocateSlab(uint64_t size_bytes) {
  if (size_bytes >= kHugeSlabBytes) {
    const uint64_t whole = RoundUp(size_bytes, kHugePageBytes);
    return Map(whole, whole);
  }
  void* data = nullptr;
  if (posix_memalign(&data, kAlignmentBytes, size_bytes) != 0) {
    return NoMemory(size_bytes);
  }
  return Memory{data, std::shared_ptr<void>(data, std::free)};
}

}  // namespace

absl::StatusOr<MemoryRuns> AllocateHostMemory(
    absl::Span<const uint64_t> sizes_bytes) {
  MemoryRuns runs(sizes_bytes.size());
  const auto is_small = [&](size_t i) {
    return sizes_bytes[i] < kHugePageBytes;
  };
  for (size_t i = 0; i < runs.size(); ++i) {
    if (is_small(i)) continue;
    absl::StatusOr<Memory> run = Map(sizes_bytes[i], sizes_bytes[i]);
    if (!run.ok()) return run.status();
    runs[i] = *std::move(run);
  }
  for (size_t first = 0; first < runs.size();) {
    // As many small runs, in order, as fit one slab.
    uint64_t slab_bytes = 0;
    size_t last = first;
    for (; last < runs.size(); ++last) {
      if (!is_small(last)) continue;
      const uint64_t next =
          slab_bytes + RoundUp(sizes_bytes[last], kAlignmentBytes);
      if (next > kMaxSlabBytes ||
          (next > kHugePageBytes && slab_bytes >= kFullPageBytes &&
           slab_bytes <= kHugePageBytes)) {
        break;
      }
      slab_bytes = next;
    }
    if (slab_bytes != 0) {
      absl::StatusOr<Memory> slab = AllocateSlab(slab_bytes);
      if (!slab.ok()) return slab.status();
      char* next = static_cast<char*>(slab->data);
      for (size_t i = first; i < last; ++i) {
        if (!is_small(i) || sizes_bytes[i] == 0) continue;
        runs[i] = Memory{next, slab->owner};
        next += RoundUp(sizes_bytes[i], kAlignmentBytes);
      }
    }
    first = last;
  }
  return runs;
}

}  // namespace ferry
