// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast views are copied, beside memcpy of as many bytes. The
// arguments are the size of an element and the number of rows and columns.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "ferry/core/strided.h"

namespace ferry {
inline namespace v1 {
namespace {

// Copies a square matrix, from strides that `kind` names to rows without gaps.
enum class From { kRowsWithGaps, kEveryOther, kTransposed };
void BM_CopyStrided(benchmark::State& state, From kind) {
  const int64_t element_bytes = state.range(0);
  const int64_t side = state.range(1);
  const int64_t elements = side * side;
  std::vector<int64_t> from_strides = {2 * side, 1};
  if (kind == From::kEveryOther) from_strides = {2 * side, 2};
  if (kind == From::kTransposed) from_strides = {1, side};
  // A gap doubles what the rows take.
  const std::string from(static_cast<size_t>(2 * elements * element_bytes),
                         'x');
  std::string to(static_cast<size_t>(elements * element_bytes), '\0');
  for (auto _ : state) {
    CopyStrided(from.data(), from_strides, &to[0], {side, 1}, {side, side},
                static_cast<uint64_t>(element_bytes));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(to.size()));
}

void BM_Memcpy(benchmark::State& state) {
  const std::string from(
      static_cast<size_t>(state.range(0) * state.range(1) * state.range(1)),
      'x');
  std::string to(from.size(), '\0');
  for (auto _ : state) {
    std::memcpy(&to[0], from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(to.size()));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"bytes", "side"});
  for (int64_t bytes : {1, 2, 4, 8, 16}) benchmark->Args({bytes, 512});
  for (int64_t bytes : {1, 2, 4}) benchmark->Args({bytes, 4096});
}

BENCHMARK_CAPTURE(BM_CopyStrided, RowsWithGaps, From::kRowsWithGaps)
    ->Apply(Sizes);
BENCHMARK_CAPTURE(BM_CopyStrided, EveryOther, From::kEveryOther)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_CopyStrided, Transposed, From::kTransposed)->Apply(Sizes);
BENCHMARK(BM_Memcpy)->Apply(Sizes);

}  // namespace
}  // namespace v1
}  // namespace ferry
