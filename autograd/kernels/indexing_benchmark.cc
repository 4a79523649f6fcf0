// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times the kernels that index, mask, sort and move elements, on float32.

#include <cstdint>
#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/kernels/masking.h"
#include "ferry/autograd/kernels/shapes.h"
#include "ferry/autograd/kernels/sorting.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

Tensor RandomIndices(const std::vector<int64_t>& shape, int64_t size) {
  Tensor index = *Empty(shape, TensorOptions().dtype(DType::kInt64));
  std::mt19937 random(1);
  auto* const data = static_cast<int64_t*>(index.data());
  for (int64_t i = 0; i < index.num_elements(); ++i) {
    data[i] = static_cast<int64_t>(random() % static_cast<uint64_t>(size));
  }
  return index;
}

Tensor RandomFloats(const std::vector<int64_t>& shape) {
  Tensor tensor = *Empty(shape);
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  auto* const data = static_cast<float*>(tensor.data());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) data[i] = normal(random);
  return tensor;
}

// Runs `body` with 1 thread or more, which is the argument.
template <typename Body>
void Time(benchmark::State& state, Body body) {
  const int before = GetNumThreads();
  (void)SetNumThreads(static_cast<int>(state.range(0)));
  for (auto _ : state) body();
  (void)SetNumThreads(before);
}

// Rows of an embedding: 50000 rows of 64 floats, 65536 of which are read.
void BM_CopySlicesOfRows(benchmark::State& state) {
  const Tensor weight = RandomFloats({50000, 64});
  const Tensor index = RandomIndices({65536}, 50000);
  const Tensor to = *Zeros({65536, 64});
  Time(state, [&] {
    (void)CopySlices(
        *SlicesAt(weight, {{0, index}}, NegativeIndices::kAreErrors), to);
  });
}
BENCHMARK(BM_CopySlicesOfRows)->Arg(1)->Arg(2)->UseRealTime();

void BM_AddToSlicesOfRows(benchmark::State& state) {
  const Tensor weight = RandomFloats({50000, 64});
  const Tensor index = RandomIndices({65536}, 50000);
  const Tensor from = *Zeros({65536, 64});
  Time(state, [&] {
    (void)AddToSlices(
        from, *SlicesAt(weight, {{0, index}}, NegativeIndices::kAreErrors));
  });
}
BENCHMARK(BM_AddToSlicesOfRows)->Arg(1)->Arg(2)->UseRealTime();

void BM_CopySlicesOfColumns(benchmark::State& state) {
  const Tensor from = RandomFloats({1024, 2048});
  const Tensor index = RandomIndices({1024}, 2048);
  const Tensor to = *Zeros({1024, 1024});
  const Tensor front = *strided::Transpose(to, 0, 1);
  Time(state, [&] {
    (void)CopySlices(*SlicesAt(from, {{1, index}}, NegativeIndices::kAreErrors),
                     front);
  });
}
BENCHMARK(BM_CopySlicesOfColumns)->Arg(1)->Arg(2)->UseRealTime();

// One element for each index.
void BM_CopyElements(benchmark::State& state) {
  const Tensor from = RandomFloats({1 << 20});
  const Tensor index = RandomIndices({1 << 20}, 1 << 20);
  const Tensor to = *Zeros({1 << 20});
  Time(state, [&] {
    (void)CopySlices(
        *SlicesAt(from, {{0, index}}, NegativeIndices::kCountFromEnd), to);
  });
}
BENCHMARK(BM_CopyElements)->Arg(1)->Arg(2)->UseRealTime();

void BM_AddToElements(benchmark::State& state) {
  const Tensor to = RandomFloats({1 << 20});
  const Tensor index = RandomIndices({1 << 20}, 1 << 20);
  const Tensor from = *Zeros({1 << 20});
  Time(state, [&] {
    (void)AddToSlices(
        from, *SlicesAt(to, {{0, index}}, NegativeIndices::kCountFromEnd));
  });
}
BENCHMARK(BM_AddToElements)->Arg(1)->Arg(2)->UseRealTime();

void BM_Gather(benchmark::State& state) {
  const auto dim = static_cast<int>(state.range(1));
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor index = RandomIndices({1024, 1024}, 1024);
  const Tensor to = *Zeros({1024, 1024});
  Time(state, [&] { (void)Gather(from, dim, index, to); });
}
BENCHMARK(BM_Gather)->ArgsProduct({{1, 2}, {0, 1}})->UseRealTime();

void BM_ScatterAdd(benchmark::State& state) {
  const auto dim = static_cast<int>(state.range(1));
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor index = RandomIndices({1024, 1024}, 1024);
  const Tensor to = *Zeros({1024, 1024});
  Time(state, [&] { (void)ScatterAdd(from, dim, index, to); });
}
BENCHMARK(BM_ScatterAdd)->ArgsProduct({{1, 2}, {0, 1}})->UseRealTime();

void BM_MaskedFill(benchmark::State& state) {
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor mask = *Zeros({1024, 1024}, TensorOptions().dtype(DType::kBool));
  const Tensor to = *Zeros({1024, 1024});
  const float value = 1;
  Time(state, [&] { MaskedFill(from, mask, &value, to); });
}
BENCHMARK(BM_MaskedFill)->Arg(1)->Arg(2)->UseRealTime();

void BM_MaskedSelect(benchmark::State& state) {
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor index = RandomIndices({1024, 1024}, 2);
  const Tensor mask = *Zeros({1024, 1024}, TensorOptions().dtype(DType::kBool));
  for (int64_t i = 0; i < mask.num_elements(); ++i) {
    static_cast<bool*>(mask.data())[i] =
        static_cast<const int64_t*>(index.data())[i] != 0;
  }
  Time(state, [&] { benchmark::DoNotOptimize(MaskedSelect(from, mask)); });
}
BENCHMARK(BM_MaskedSelect)->Arg(1)->Arg(2)->UseRealTime();

// A million elements in rows of the second argument.
void BM_Sort(benchmark::State& state) {
  const int64_t length = state.range(1);
  const Tensor from = RandomFloats({(1 << 20) / length, length});
  const Tensor values = *Zeros(from.shape());
  const Tensor indices =
      *Zeros(from.shape(), TensorOptions().dtype(DType::kInt64));
  Time(state,
       [&] { (void)Sort(from, 1, SortOrder::kAscending, values, indices); });
}
BENCHMARK(BM_Sort)
    ->ArgsProduct({{1, 2}, {16, 256, 4096, 1 << 20}})
    ->UseRealTime();

void BM_TopK(benchmark::State& state) {
  const int64_t length = state.range(1);
  const Tensor from = RandomFloats({(1 << 20) / length, length});
  const Tensor values = *Zeros({(1 << 20) / length, 5});
  const Tensor indices =
      *Zeros(values.shape(), TensorOptions().dtype(DType::kInt64));
  Time(state,
       [&] { (void)TopK(from, 1, SortOrder::kDescending, values, indices); });
}
BENCHMARK(BM_TopK)->ArgsProduct({{1, 2}, {256, 32768}})->UseRealTime();

void BM_Flip(benchmark::State& state) {
  const auto dim = static_cast<int>(state.range(1));
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor to = *Zeros({1024, 1024});
  Time(state, [&] { Flip(from, {dim}, to); });
}
BENCHMARK(BM_Flip)->ArgsProduct({{1, 2}, {0, 1}})->UseRealTime();

void BM_Cat(benchmark::State& state) {
  const Tensor from = RandomFloats({1024, 512});
  const Tensor to = *Zeros({1024, 1024});
  Time(state, [&] { Cat({from, from}, 1, to); });
}
BENCHMARK(BM_Cat)->Arg(1)->Arg(2)->UseRealTime();

void BM_CopyTriangle(benchmark::State& state) {
  const Tensor from = RandomFloats({1024, 1024});
  const Tensor to = *Zeros({1024, 1024});
  Time(state, [&] { CopyTriangle(from, Triangle::kLower, 0, to); });
}
BENCHMARK(BM_CopyTriangle)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
