// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/hash_table.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "ferry/core/huge_pages.h"
#include "ferry/core/large_allocator.h"

namespace ferry {
inline namespace v1 {

namespace {

void* Allocate(size_t size_bytes) {
  if (size_bytes < kHugeFromBytes) return std::malloc(size_bytes);
  try {
    return AllocateBySize(size_bytes, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void* AllocateTable(size_t size_bytes) noexcept {
  void* const memory = Allocate(size_bytes);
  if (memory != nullptr) return memory;
  if (const std::new_handler handler = std::get_new_handler()) handler();
  std::fputs("ferry: there is not enough memory for a hash table\n", stderr);
  std::abort();
}

void FreeTable(void* memory, size_t size_bytes) noexcept {
  if (size_bytes < kHugeFromBytes) return std::free(memory);
  FreeBySize(memory, size_bytes, alignof(std::max_align_t));
}

}  // namespace v1
}  // namespace ferry
