// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast elements are cast, beside memcpy of elements of 4 bytes. Bytes per
// second are those read plus those written. The argument is the number of
// elements.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {
namespace {

void BM_Cast(benchmark::State& state, DType from_dtype, DType to_dtype) {
  const int64_t count = state.range(0);
  const auto elements = static_cast<size_t>(count);
  // No kernel depends on the values.
  const std::string from(elements * ElementSizeBytes(from_dtype), '\0');
  std::string to(elements * ElementSizeBytes(to_dtype), '\0');
  for (auto _ : state) {
    CastElements(from.data(), from_dtype, &to[0], to_dtype, count);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(from.size() + to.size()));
}

void BM_Memcpy(benchmark::State& state) {
  const std::string from(static_cast<size_t>(4 * state.range(0)), '\0');
  std::string to(from.size(), '\0');
  for (auto _ : state) {
    std::memcpy(&to[0], from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(from.size() + to.size()));
}

void Counts(benchmark::internal::Benchmark* benchmark) {
  for (int64_t count : {1 << 12, 1 << 16, 1 << 20}) benchmark->Arg(count);
}

// Registers the pairs that occur in practice.
bool RegisterPairs() {
  const struct {
    DType from;
    DType to;
  } pairs[] = {
      {DType::kFloat32, DType::kBFloat16},
      {DType::kBFloat16, DType::kFloat32},
      {DType::kFloat32, DType::kFloat16},
      {DType::kFloat16, DType::kFloat32},
      {DType::kBFloat16, DType::kFloat16},
      {DType::kFloat32, DType::kFloat64},
      {DType::kFloat64, DType::kFloat32},
      {DType::kFloat32, DType::kFloat8E5M2},
      {DType::kFloat8E5M2, DType::kFloat32},
      {DType::kFloat32, DType::kFloat8E4M3FN},
      {DType::kFloat8E4M3FN, DType::kFloat32},
      {DType::kBFloat16, DType::kFloat8E4M3FN},
      {DType::kFloat8E4M3FN, DType::kBFloat16},
      {DType::kInt64, DType::kFloat32},
      {DType::kFloat32, DType::kInt64},
      {DType::kFloat32, DType::kInt32},
      {DType::kUInt8, DType::kFloat32},
      {DType::kFloat32, DType::kUInt8},
      {DType::kInt64, DType::kInt32},
      {DType::kInt32, DType::kInt64},
      {DType::kFloat32, DType::kBool},
      {DType::kComplex128, DType::kComplex64},
      {DType::kFloat32, DType::kComplex64},
      {DType::kComplex64, DType::kFloat32},
  };
  for (const auto& pair : pairs) {
    benchmark::RegisterBenchmark(
        absl::StrCat("BM_Cast/", Name(pair.from), "/", Name(pair.to)).c_str(),
        BM_Cast, pair.from, pair.to)
        ->Apply(Counts);
  }
  return true;
}

[[maybe_unused]] const bool registered = RegisterPairs();
BENCHMARK(BM_Memcpy)->Apply(Counts);

}  // namespace
}  // namespace v1
}  // namespace ferry
