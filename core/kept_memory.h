// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/kept_memory.h
// -----------------------------------------------------------------------------
//
// Controls how much freed tensor memory the process keeps for new tensors. The
// system clears every page that it hands out, which takes five times as long as
// adding two tensors of that size. Memory that was used before has no such
// cost.
//
// What is kept: the bytes of tensors that ops, casts, copies and factories
// made, from 1 KiB a tensor. (Smaller ones use malloc, and checkpoints use the
// `PagePool` of their options.) A freed block is reused for a tensor of about
// its size: sizes are rounded up to one of eight steps per power of two, so a
// tensor occupies less than 12.5 % more than its bytes. From 2 MiB on, blocks
// begin at a huge page.
//
// Kept memory is given back
//
//   - beyond a limit, the longest kept first;
//   - after a backward pass that frees its graph, if nothing has needed it in
//     the last eight such passes. So a training loop keeps what its steps need,
//     also if steps of a few kinds alternate;
//   - when an allocation of Ferry's fails;
//   - by `ReleaseKeptMemory`.
//
// All functions are thread-safe.
//
// Example: give memory back after training.
//
//   SetKeptMemoryLimit(uint64_t{4} << 30);
//   // Train: a step frees up to 4 GiB that the next step reuses.
//   ReleaseKeptMemory();
#ifndef FERRY_CORE_KEPT_MEMORY_H_
#define FERRY_CORE_KEPT_MEMORY_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

class InternalKey;
class PagePool;

// Sets the limit on kept memory. A lower limit takes effect at once, and 0
// keeps nothing. The default is 1 GiB, or an eighth of the machine's memory if
// that is less: enough for the largest tensors of most steps, and too little to
// exhaust a container with other processes in it. Under the address sanitizer
// the default is 0, so that the sanitizer sees each access to freed memory.
void SetKeptMemoryLimit(uint64_t size_bytes);
uint64_t KeptMemoryLimit();

// Returns the size of the memory that is kept now.
uint64_t KeptMemoryBytes();

// Gives all kept memory back to the system.
void ReleaseKeptMemory();

// --- For Ferry's own code ----------------------------------------------------

// Returns the pool that keeps the memory. It exists until the process ends. Its
// `ReleaseUnused` is for the end of a backward pass.
PagePool& KeptMemory(const InternalKey&);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_KEPT_MEMORY_H_
