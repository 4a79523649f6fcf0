// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace ferry {
inline namespace v1 {
namespace {

thread_local uint64_t allocated_bytes = 0;

// What AllocationFailure has set.
std::atomic<bool> is_counting{false};
std::atomic<uint64_t> num_calls{0};
std::atomic<uint64_t> first_failure{0};
std::atomic<bool> fails_forever{false};

bool Fails() {
  if (!is_counting.load(std::memory_order_relaxed)) return false;
  const uint64_t call = num_calls.fetch_add(1) + 1;
  const uint64_t first = first_failure.load();
  return first != 0 && (fails_forever.load() ? call >= first : call == first);
}

void* Checked(void* memory, size_t size) {
  if (memory == nullptr) throw std::bad_alloc();
  allocated_bytes += size;
  return memory;
}

void* Allocate(size_t size) {
  if (Fails()) throw std::bad_alloc();
  return Checked(std::malloc(size == 0 ? 1 : size), size);
}

void* AllocateAligned(size_t size, std::align_val_t alignment) {
  if (Fails()) throw std::bad_alloc();
  const auto align = static_cast<size_t>(alignment);
  // aligned_alloc wants a multiple of the alignment.
  return Checked(std::aligned_alloc(align, (size + align - 1) / align * align),
                 size);
}

}  // namespace

uint64_t AllocatedBytes() { return allocated_bytes; }

AllocationFailure::AllocationFailure(uint64_t n, Kind kind) {
  num_calls = 0;
  first_failure = n;
  fails_forever = kind == kForever;
  is_counting = true;
}

AllocationFailure::~AllocationFailure() { is_counting = false; }

uint64_t AllocationFailure::calls() const { return num_calls.load(); }

}  // namespace v1
}  // namespace ferry

// The forms for arrays and those that do not throw call these.

void* operator new(size_t size) { return ferry::Allocate(size); }
void* operator new(size_t size, std::align_val_t alignment) {
  return ferry::AllocateAligned(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
