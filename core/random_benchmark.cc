// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How fast tensors of a million elements are filled with random numbers.

#include <cstdint>

#include "benchmark/benchmark.h"
#include "ferry/core/dtype.h"
#include "ferry/core/generator.h"
#include "ferry/core/random.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kRows = 1000;
constexpr int64_t kColumns = 1000;

Tensor MakeMatrix(DType dtype) {
  return *Tensor::Create(
      *Storage::Allocate(kRows * kColumns * ElementSizeBytes(dtype)), dtype,
      {kRows, kColumns});
}

// Calls `fill(matrix, generator)`.
template <typename Fill>
void Run(benchmark::State& state, DType dtype, Fill fill) {
  const Tensor matrix = MakeMatrix(dtype);
  Generator generator;
  for (auto _ : state) {
    if (!fill(matrix, generator).ok()) state.SkipWithError("not filled");
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kRows * kColumns);
}

void BM_Uniform(benchmark::State& state, DType dtype) {
  Run(state, dtype, [](const Tensor& matrix, Generator& generator) {
    return FillUniform(matrix, -0.1, 0.1, generator);
  });
}

void BM_Normal(benchmark::State& state, DType dtype) {
  Run(state, dtype, [](const Tensor& matrix, Generator& generator) {
    return FillNormal(matrix, 0, 0.02, generator);
  });
}

void BM_RandomIntegers(benchmark::State& state, DType dtype) {
  Run(state, dtype, [](const Tensor& matrix, Generator& generator) {
    return FillRandomIntegers(matrix, 0, 100, generator);
  });
}

void BM_Bernoulli(benchmark::State& state, DType dtype) {
  Run(state, dtype, [](const Tensor& matrix, Generator& generator) {
    return FillBernoulli(matrix, 0.1, generator);
  });
}

void BM_RandomPermutation(benchmark::State& state) {
  Generator generator;
  for (auto _ : state) {
    benchmark::DoNotOptimize(RandomPermutation(kRows * kColumns, generator));
  }
  state.SetItemsProcessed(state.iterations() * kRows * kColumns);
}

BENCHMARK_CAPTURE(BM_Uniform, float32, DType::kFloat32);
BENCHMARK_CAPTURE(BM_Uniform, float64, DType::kFloat64);
BENCHMARK_CAPTURE(BM_Uniform, bfloat16, DType::kBFloat16);
BENCHMARK_CAPTURE(BM_Normal, float32, DType::kFloat32);
BENCHMARK_CAPTURE(BM_Normal, float64, DType::kFloat64);
BENCHMARK_CAPTURE(BM_Normal, bfloat16, DType::kBFloat16);
BENCHMARK_CAPTURE(BM_RandomIntegers, int64, DType::kInt64);
BENCHMARK_CAPTURE(BM_Bernoulli, float32, DType::kFloat32);
BENCHMARK(BM_RandomPermutation);

}  // namespace
}  // namespace v1
}  // namespace ferry
