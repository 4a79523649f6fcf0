// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/huge_pages.h"

#include <sys/mman.h>

#include <atomic>
#include <new>

#include "absl/base/config.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace ferry {
namespace {

// For ASan, whether a program may touch the memory.
void SetUsable(void* data, uint64_t size_bytes, bool is_usable) {
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  if (is_usable) {
    ASAN_UNPOISON_MEMORY_REGION(data, size_bytes);
  } else {
    ASAN_POISON_MEMORY_REGION(data, size_bytes);
  }
#else
  (void)data;
  (void)size_bytes;
  (void)is_usable;
#endif
}

constexpr uint64_t kPageBytes = 4096;

// More than any address space has.
constexpr uint64_t kMaxBytes = uint64_t{1} << 56;

// Zeroed memory from the system, otherwise as `MapPages` gives it.
void* MapNewPages(uint64_t size_bytes, uint64_t huge_bytes) {
  const uint64_t size = RoundUp(size_bytes, kPageBytes);
  // One huge page more, so that a boundary is in it; what stands out goes back.
  const uint64_t mapped_bytes = size + kHugePageBytes;
  void* const mapped = mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t data = RoundUp(begin, kHugePageBytes);
  const uintptr_t end = begin + mapped_bytes;
  if (data != begin) munmap(mapped, data - begin);
  if (data + size != end) {
    munmap(reinterpret_cast<void*>(data + size), end - data - size);
  }
  void* const pages = reinterpret_cast<void*>(data);
  // Advice only: where it is not taken, the pages are small.
  const uint64_t whole = huge_bytes / kHugePageBytes * kHugePageBytes;
  if (whole != 0) (void)madvise(pages, whole, MADV_HUGEPAGE);
  return pages;
}

// The huge pages that are kept for whoever asks next. They stand in one piece
// of the address space, which is never given back.
//
// Thread-safety: full.
class KeptPages {
 public:
  // `count` pages in a row, the lowest that are free; null if there are none.
  void* Take(uint64_t count) {
    if (begin_ == nullptr || count == 0 || count > kMaxPages) return nullptr;
    uint64_t taken = taken_.load(std::memory_order_relaxed);
    uint64_t pages;
    do {
      // Bit i is left set if the pages from i on are free.
      uint64_t begins = ~taken;
      for (uint64_t i = 1; i < count; ++i) begins &= begins >> 1;
      if (begins == 0) return nullptr;
      pages = Mask(count) << __builtin_ctzll(begins);
    } while (!taken_.compare_exchange_weak(taken, taken | pages,
                                           std::memory_order_acquire,
                                           std::memory_order_relaxed));
    char* const data = begin_ + __builtin_ctzll(pages) * kHugePageBytes;
    SetUsable(data, count * kHugePageBytes, true);
    return data;
  }

  // Whether `data` is of here, and if so takes it back.
  bool GiveBack(void* data, uint64_t count) {
    const auto offset =
        reinterpret_cast<uintptr_t>(data) - reinterpret_cast<uintptr_t>(begin_);
    if (begin_ == nullptr || offset >= kAllPages * kHugePageBytes) return false;
    // The system may have them, but only if it is short of memory.
    (void)madvise(data, count * kHugePageBytes, MADV_FREE);
    SetUsable(data, count * kHugePageBytes, false);
    taken_.fetch_and(~(Mask(count) << (offset / kHugePageBytes)),
                     std::memory_order_release);
    return true;
  }

 private:
  static constexpr uint64_t kAllPages = kKeptBytes / kHugePageBytes;
  static_assert(kAllPages < 64, "a page is a bit");
  // Of what is larger, the keeping would not be worth the while.
  static constexpr uint64_t kMaxPages = kAllPages / 2;

  static constexpr uint64_t Mask(uint64_t count) {
    return (uint64_t{1} << count) - 1;
  }

  char* const begin_ = static_cast<char*>(MapNewPages(kKeptBytes, kKeptBytes));
  std::atomic<uint64_t> taken_{~Mask(kAllPages)};
};

KeptPages& Kept() {
  // Where it stands while others are destroyed, and without an allocation,
  // which could fail.
  alignas(KeptPages) static char memory[sizeof(KeptPages)];
  static auto* const kept = new (memory) KeptPages;
  return *kept;
}

}  // namespace

void* MapPages(uint64_t size_bytes, uint64_t huge_bytes) {
  if (size_bytes == 0 || size_bytes > kMaxBytes) return nullptr;
  if (huge_bytes == size_bytes && size_bytes % kHugePageBytes == 0) {
    void* const kept = Kept().Take(size_bytes / kHugePageBytes);
    if (kept != nullptr) return kept;
  }
  return MapNewPages(size_bytes, huge_bytes);
}

void UnmapPages(void* pages, uint64_t size_bytes) {
  if (size_bytes % kHugePageBytes == 0 &&
      Kept().GiveBack(pages, size_bytes / kHugePageBytes)) {
    return;
  }
  munmap(pages, RoundUp(size_bytes, kPageBytes));
}

void* AllocateBySize(uint64_t size_bytes, uint64_t alignment_bytes) {
  if (size_bytes < kHugeFromBytes) {
    return ::operator new (size_bytes, std::align_val_t{alignment_bytes});
  }
  if (size_bytes > kMaxBytes) throw std::bad_alloc();
  const uint64_t whole = RoundUp(size_bytes, kHugePageBytes);
  void* const pages = MapPages(whole, whole);
  if (pages == nullptr) throw std::bad_alloc();
  return pages;
}

void FreeBySize(void* data, uint64_t size_bytes, uint64_t alignment_bytes) {
  if (size_bytes < kHugeFromBytes) {
    ::operator delete (data, std::align_val_t{alignment_bytes});
  } else {
    UnmapPages(data, RoundUp(size_bytes, kHugePageBytes));
  }
}

HugePageResource::~HugePageResource() {
  if (room_ != nullptr) UnmapPages(room_, room_bytes_);
}

void HugePageResource::Reserve(uint64_t size_bytes) {
  if (room_ != nullptr || size_bytes < kHugeFromBytes ||
      size_bytes > kMaxBytes) {
    return;
  }
  const uint64_t whole = RoundUp(size_bytes, kHugePageBytes);
  room_ = static_cast<char*>(MapPages(whole, whole));
  if (room_ != nullptr) room_bytes_ = whole;
}

void* HugePageResource::do_allocate(size_t size_bytes, size_t alignment_bytes) {
  const uint64_t begin = RoundUp(used_bytes_, alignment_bytes);
  if (begin <= room_bytes_ && size_bytes <= room_bytes_ - begin) {
    used_bytes_ = begin + size_bytes;
    return room_ + begin;
  }
  return AllocateBySize(size_bytes, alignment_bytes);
}

void HugePageResource::do_deallocate(void* data, size_t size_bytes,
                                     size_t alignment_bytes) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const auto room = reinterpret_cast<uintptr_t>(room_);
  if (address - room < room_bytes_) {
    if (address - room + size_bytes == used_bytes_) used_bytes_ -= size_bytes;
    return;
  }
  FreeBySize(data, size_bytes, alignment_bytes);
}

}  // namespace ferry
