// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What memory for the results of ops costs: from `Storage::Allocate`, from
// malloc, and from new pages of the system. Each benchmark frees what it
// allocates, and writes to every page in between.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "benchmark/benchmark.h"
#include "ferry/core/factories.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kPageBytes = 4096;

void TouchPages(void* data, uint64_t size_bytes) {
  auto* const bytes = static_cast<char*>(data);
  for (uint64_t i = 0; i < size_bytes; i += kPageBytes) bytes[i] = 1;
  benchmark::DoNotOptimize(bytes[0]);
  benchmark::ClobberMemory();
}

void BM_Storage(benchmark::State& state) {
  const auto size_bytes = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    const Storage storage = *Storage::Allocate(size_bytes);
    TouchPages(storage.data(), size_bytes);
  }
}

void BM_Malloc(benchmark::State& state) {
  const auto size_bytes = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    void* const data = std::malloc(size_bytes);
    TouchPages(data, size_bytes);
    std::free(data);
  }
}

void BM_NewPages(benchmark::State& state) {
  const auto size_bytes = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    void* const data = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TouchPages(data, size_bytes);
    munmap(data, size_bytes);
  }
}

// The results of 32 ops are alive together, as in a graph, and die together.
constexpr size_t kGraphOps = 32;

void BM_StoragesOfGraph(benchmark::State& state) {
  const auto size_bytes = static_cast<uint64_t>(state.range(0));
  std::vector<Storage> results(kGraphOps);
  for (auto _ : state) {
    for (Storage& result : results) {
      result = *Storage::Allocate(size_bytes);
      TouchPages(result.data(), size_bytes);
    }
    for (Storage& result : results) result = Storage();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kGraphOps));
}

void BM_MallocOfGraph(benchmark::State& state) {
  const auto size_bytes = static_cast<uint64_t>(state.range(0));
  std::vector<void*> results(kGraphOps);
  for (auto _ : state) {
    for (void*& result : results) {
      result = std::malloc(size_bytes);
      TouchPages(result, size_bytes);
    }
    for (void* result : results) std::free(result);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kGraphOps));
}

// A tensor of one element, created and freed.
void BM_EmptyTensor(benchmark::State& state) {
  for (auto _ : state) {
    const Tensor tensor = *Empty({1});
    benchmark::DoNotOptimize(tensor.data());
  }
}

// 4 bytes to 64 MiB: one float to 16 M floats.
void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t size :
       {4, 512, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20, 64 << 20}) {
    benchmark->Arg(size);
  }
}

BENCHMARK(BM_EmptyTensor)->ThreadRange(1, 2);
BENCHMARK(BM_Storage)->Apply(Sizes);
BENCHMARK(BM_Malloc)->Apply(Sizes);
BENCHMARK(BM_NewPages)->Arg(4096)->Arg(1 << 20)->Arg(4 << 20)->Arg(64 << 20);
BENCHMARK(BM_StoragesOfGraph)->Arg(4)->Arg(4096)->Arg(65536)->Arg(1 << 20);
BENCHMARK(BM_MallocOfGraph)->Arg(4)->Arg(4096)->Arg(65536)->Arg(1 << 20);
// Threads that allocate at the same time.
BENCHMARK(BM_Storage)->Arg(4096)->Arg(65536)->Threads(2)->UseRealTime();
BENCHMARK(BM_Malloc)->Arg(4096)->Arg(65536)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace v1
}  // namespace ferry
