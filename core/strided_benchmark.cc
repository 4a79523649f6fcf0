// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast views are copied, beside memcpy of as many bytes. The argument is
// the size of an element in bytes.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "ferry/core/strided.h"

namespace ferry {
namespace {

constexpr int64_t kRows = 512;
constexpr int64_t kColumns = 512;
constexpr int64_t kElements = kRows * kColumns;

// Copies kRows x kColumns elements, from these strides to rows without gaps.
void BM_CopyStrided(benchmark::State& state,
                    const std::vector<int64_t>& from_strides) {
  const int64_t element_bytes = state.range(0);
  // A gap doubles what the rows take.
  const std::string from(static_cast<size_t>(2 * kElements * element_bytes),
                         'x');
  std::string to(static_cast<size_t>(kElements * element_bytes), '\0');
  for (auto _ : state) {
    CopyStrided(from.data(), from_strides, &to[0], {kColumns, 1},
                {kRows, kColumns}, static_cast<uint64_t>(element_bytes));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(to.size()));
}

void BM_Memcpy(benchmark::State& state) {
  const std::string from(static_cast<size_t>(kElements * state.range(0)), 'x');
  std::string to(from.size(), '\0');
  for (auto _ : state) {
    std::memcpy(&to[0], from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(to.size()));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (int64_t size : {1, 4, 16}) benchmark->Arg(size);
}

using Strides = std::vector<int64_t>;
BENCHMARK_CAPTURE(BM_CopyStrided, RowsWithGaps, Strides{2 * kColumns, 1})
    ->Apply(Sizes);
BENCHMARK_CAPTURE(BM_CopyStrided, EveryOther, Strides{2 * kColumns, 2})
    ->Apply(Sizes);
BENCHMARK_CAPTURE(BM_CopyStrided, Transposed, Strides{1, kRows})->Apply(Sizes);
BENCHMARK(BM_Memcpy)->Apply(Sizes);

}  // namespace
}  // namespace ferry
