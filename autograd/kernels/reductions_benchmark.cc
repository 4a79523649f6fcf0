// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "ferry/autograd/kernels/extremes.h"
#include "ferry/autograd/kernels/normalization.h"
#include "ferry/autograd/kernels/reductions.h"
#include "ferry/autograd/kernels/softmax.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

Tensor MakeTensor(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(i * 37 % 101) / 16 - 3;
  }
  return Tensor::FromData(values, shape).value();
}

void SetBytes(benchmark::State& state, int64_t elements) {
  state.SetBytesProcessed(state.iterations() * elements * 4);
}

// Arguments: rows, columns, and the dimension that is reduced.
void BM_Sum(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t columns = state.range(1);
  const Tensor x = MakeTensor({rows, columns});
  const bool is_rows = state.range(2) == 1;
  const Tensor out = MakeTensor({is_rows ? rows : 1, is_rows ? 1 : columns});
  for (auto unused : state) {
    benchmark::DoNotOptimize(Sum(x, out));
  }
  SetBytes(state, rows * columns);
}
BENCHMARK(BM_Sum)
    ->Args({1, 1, 1})
    ->Args({1, 4096, 1})
    ->Args({1, 1 << 20, 1})
    ->Args({1, 1 << 24, 1})
    ->Args({4096, 1024, 1})
    ->Args({4096, 1024, 0})
    ->Args({1 << 20, 8, 1})
    ->Args({1 << 20, 8, 0})
    ->Args({4, 1 << 20, 0});

void BM_AMax(benchmark::State& state) {
  const Tensor x = MakeTensor({state.range(0), state.range(1)});
  const Tensor out = MakeTensor({state.range(0), 1});
  for (auto unused : state) {
    benchmark::DoNotOptimize(AMax(x, out));
  }
  SetBytes(state, x.num_elements());
}
BENCHMARK(BM_AMax)->Args({4096, 1024});

void BM_ArgMax(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t columns = state.range(1);
  const int dim = static_cast<int>(state.range(2));
  const Tensor x = MakeTensor({rows, columns});
  const std::vector<int64_t> zeros(dim == 1 ? rows : columns);
  const Tensor indices =
      Tensor::FromData(zeros, {dim == 1 ? rows : 1, dim == 1 ? 1 : columns})
          .value();
  for (auto unused : state) {
    benchmark::DoNotOptimize(MaxAlong(x, dim, Tensor(), indices));
  }
  SetBytes(state, rows * columns);
}
BENCHMARK(BM_ArgMax)->Args({4096, 1024, 1})->Args({4096, 1024, 0});

void BM_Var(benchmark::State& state) {
  const Tensor x = MakeTensor({state.range(0), state.range(1)});
  const Tensor out = MakeTensor({state.range(0), 1});
  for (auto unused : state) {
    benchmark::DoNotOptimize(Var(x, 1, out));
  }
  SetBytes(state, x.num_elements());
}
BENCHMARK(BM_Var)->Args({4096, 1024});

void BM_Softmax(benchmark::State& state) {
  const Tensor x = MakeTensor({state.range(0), state.range(1)});
  const Tensor out = MakeTensor({state.range(0), state.range(1)});
  for (auto unused : state) {
    benchmark::DoNotOptimize(Softmax(x, static_cast<int>(state.range(2)), out));
  }
  SetBytes(state, x.num_elements());
}
BENCHMARK(BM_Softmax)
    ->Args({4, 10, 1})
    ->Args({512, 1000, 1})
    ->Args({4096, 1024, 1})
    ->Args({4096, 1024, 0});

void BM_LogSoftmaxBackward(benchmark::State& state) {
  const Tensor x = MakeTensor({state.range(0), state.range(1)});
  const Tensor out = MakeTensor({state.range(0), state.range(1)});
  for (auto unused : state) {
    benchmark::DoNotOptimize(LogSoftmaxBackward(x, x, 1, out));
  }
  SetBytes(state, x.num_elements());
}
BENCHMARK(BM_LogSoftmaxBackward)->Args({512, 1000});

void BM_LayerNorm(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t columns = state.range(1);
  const Tensor x = MakeTensor({rows, columns});
  const Tensor out = MakeTensor({rows, columns});
  const Tensor gamma = MakeTensor({columns});
  const Tensor mean = MakeTensor({rows});
  const Tensor rstd = MakeTensor({rows});
  for (auto unused : state) {
    benchmark::DoNotOptimize(
        LayerNorm(x, columns, gamma, gamma, 1e-5, out, mean, rstd));
  }
  SetBytes(state, rows * columns);
}
BENCHMARK(BM_LayerNorm)->Args({4096, 768});

void BM_LayerNormBackward(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t columns = state.range(1);
  const Tensor x = MakeTensor({rows, columns});
  const Tensor out = MakeTensor({rows, columns});
  const Tensor gamma = MakeTensor({columns});
  const Tensor gamma_grad = MakeTensor({columns});
  const Tensor mean = MakeTensor({rows});
  for (auto unused : state) {
    benchmark::DoNotOptimize(LayerNormBackward(x, x, columns, mean, mean, gamma,
                                               out, gamma_grad, gamma_grad));
  }
  SetBytes(state, rows * columns);
}
BENCHMARK(BM_LayerNormBackward)->Args({4096, 768});

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
