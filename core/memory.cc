// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/kept_memory.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

// What PyTorch aligns to, and enough for any vector unit.
constexpr uint64_t kAlignmentBytes = 64;

// An allocation of this size or more has a mapping of its own.
constexpr uint64_t kOwnMappingBytes = uint64_t{2} << 20;
constexpr uint64_t kMaxSlabBytes = 2 * kOwnMappingBytes;
// A slab ends at half of its size if that is this full.
constexpr uint64_t kFullHalfBytes = kOwnMappingBytes - kOwnMappingBytes / 16;

// More than any address space has.
constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 56;

absl::Status NoMemory(uint64_t size_bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot allocate ", size_bytes, " bytes of host memory"));
}

absl::StatusOr<Memory> Map(uint64_t size_bytes,
                           const std::shared_ptr<PagePool>& pool) {
  void* const data = MapPages(size_bytes, pool.get());
  if (data == nullptr) return NoMemory(size_bytes);
  return Memory{data,
                std::shared_ptr<void>(data, [size_bytes, pool](void* pages) {
                  UnmapPages(pages, size_bytes, pool.get());
                })};
}

absl::StatusOr<Memory> AllocateSlab(uint64_t size_bytes,
                                    const std::shared_ptr<PagePool>& pool) {
  if (size_bytes >= kHugeFromBytes) {
    return Map(RoundUp(size_bytes, HugePageBytes()), pool);
  }
  void* data = nullptr;
  if (posix_memalign(&data, kAlignmentBytes, size_bytes) != 0) {
    return NoMemory(size_bytes);
  }
  return Memory{data, std::shared_ptr<void>(data, std::free)};
}

// Returns the size of the block for `size_bytes`: one of eight sizes per power
// of two, so that a freed block fits the next tensor of about its size. It is
// less than 12.5 % larger than `size_bytes`, except for the smallest. The sizes
// of mappings are whole pages, since an eighth of kHugeFromBytes is.
uint64_t BlockBytes(uint64_t size_bytes) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  // Exact, so that the sanitizer sees an access past the end.
  if (size_bytes < kHugeFromBytes) {
    return std::max(size_bytes, PagePool::kMinBlockBytes);
  }
#endif
  const uint64_t size = std::max(size_bytes, uint64_t{1} << 10);
  const int exponent = 63 - __builtin_clzll(size);
  return RoundUp(size, uint64_t{1} << (exponent - 3));
}

// Returns null if the system has no memory.
void* NewBlock(uint64_t block_bytes) {
  static_assert(PagePool::kMinMappingBytes == kHugeFromBytes);
  if (block_bytes >= kHugeFromBytes) return MapPages(block_bytes);
  void* block = nullptr;
  return posix_memalign(&block, kAlignmentBytes, block_bytes) == 0 ? block
                                                                   : nullptr;
}

// As AllocateHostMemory, but an error may leave some of `out` allocated.
absl::Status AllocateAll(absl::Span<const uint64_t> sizes_bytes,
                         absl::Span<Memory> out,
                         const std::shared_ptr<PagePool>& pool) {
  const auto is_small = [&](size_t i) {
    return sizes_bytes[i] < kOwnMappingBytes;
  };
  for (size_t i = 0; i < out.size(); ++i) {
    if (is_small(i)) continue;
    FERRY_ASSIGN_OR_RETURN(out[i], Map(sizes_bytes[i], pool));
  }
  for (size_t first = 0; first < out.size();) {
    // As many small allocations, in order, as fit in one slab.
    uint64_t slab_bytes = 0;
    size_t last = first;
    for (; last < out.size(); ++last) {
      if (!is_small(last)) continue;
      const uint64_t next =
          slab_bytes + RoundUp(sizes_bytes[last], kAlignmentBytes);
      if (next > kMaxSlabBytes ||
          (next > kOwnMappingBytes && slab_bytes >= kFullHalfBytes &&
           slab_bytes <= kOwnMappingBytes)) {
        break;
      }
      slab_bytes = next;
    }
    if (slab_bytes != 0) {
      FERRY_ASSIGN_OR_RETURN(const Memory slab, AllocateSlab(slab_bytes, pool));
      char* next = static_cast<char*>(slab.data);
      for (size_t i = first; i < last; ++i) {
        if (!is_small(i) || sizes_bytes[i] == 0) continue;
        out[i] = Memory{next, slab.owner};
        next += RoundUp(sizes_bytes[i], kAlignmentBytes);
      }
    }
    first = last;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AllocateHostMemory(absl::Span<const uint64_t> sizes_bytes,
                                absl::Span<Memory> out,
                                const std::shared_ptr<PagePool>& pool) {
  absl::Status status = AllocateAll(sizes_bytes, out, pool);
  if (status.ok()) return status;
  std::fill(out.begin(), out.end(), Memory());
  if (KeptMemoryBytes() == 0) return status;
  ReleaseKeptMemory();
  status = AllocateAll(sizes_bytes, out, pool);
  if (!status.ok()) std::fill(out.begin(), out.end(), Memory());
  return status;
}

absl::StatusOr<void*> AllocateBlock(uint64_t size_bytes,
                                    const InternalKey& key) {
  if (size_bytes > kMaxBlockBytes) return NoMemory(size_bytes);
  const uint64_t block_bytes = BlockBytes(size_bytes);
  void* block = KeptMemory(key).Take(block_bytes, key);
  if (block != nullptr) return block;
  block = NewBlock(block_bytes);
  if (block != nullptr) return block;
  ReleaseKeptMemory();
  block = NewBlock(block_bytes);
  if (block == nullptr) return NoMemory(size_bytes);
  return block;
}

void FreeBlock(void* block, uint64_t size_bytes, const InternalKey& key) {
  KeptMemory(key).Keep(block, BlockBytes(size_bytes), key);
}

}  // namespace v1
}  // namespace ferry
