// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast checksums are computed, beside zlib, and how fast two are combined.
// The argument is the number of bytes.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "benchmark/benchmark.h"
#include "ferry/io/crc32.h"

namespace ferry {
inline namespace v1 {
namespace {

void BM_Crc32(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(Crc32(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_ZlibCrc32(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_Crc32Combine(benchmark::State& state) {
  uint32_t crc = 1;
  for (auto _ : state) {
    crc = Crc32Combine(crc, 2, static_cast<uint64_t>(state.range(0)));
  }
  benchmark::DoNotOptimize(crc);
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (int64_t size : {64, 4 << 10, 1 << 20}) benchmark->Arg(size);
}

BENCHMARK(BM_Crc32)->Apply(Sizes);
BENCHMARK(BM_ZlibCrc32)->Apply(Sizes);
BENCHMARK(BM_Crc32Combine)->Apply(Sizes);

}  // namespace
}  // namespace v1
}  // namespace ferry
