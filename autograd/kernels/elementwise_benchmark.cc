// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "ferry/autograd/kernels/elementwise.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using strided::Transpose;
using K = ElementwiseKernel;

Tensor MakeTensor(absl::Span<const int64_t> shape,
                  DType dtype = DType::kFloat32) {
  return Full(shape, 0.5, TensorOptions().dtype(dtype)).value();
}

void SetItems(benchmark::State& state, const Tensor& out) {
  state.SetItemsProcessed(state.iterations() * out.num_elements());
}

void Unary(benchmark::State& state, K kernel, DType dtype) {
  const Tensor x = MakeTensor({state.range(0)}, dtype);
  const Tensor out = MakeTensor({state.range(0)}, dtype);
  for (auto _ : state) Elementwise(kernel, dtype, {ViewOf(x)}, out);
  SetItems(state, out);
}

void Binary(benchmark::State& state, K kernel, DType dtype) {
  const Tensor a = MakeTensor({state.range(0)}, dtype);
  const Tensor b = MakeTensor({state.range(0)}, dtype);
  const Tensor out = MakeTensor({state.range(0)}, dtype);
  for (auto _ : state) {
    Elementwise(kernel, dtype, {ViewOf(a), ViewOf(b)}, out);
  }
  SetItems(state, out);
}

void Compare(benchmark::State& state) {
  const Tensor a = MakeTensor({state.range(0)});
  const Tensor b = MakeTensor({state.range(0)});
  const Tensor out = MakeTensor({state.range(0)}, DType::kBool);
  for (auto _ : state) {
    Elementwise(K::kLt, DType::kFloat32, {ViewOf(a), ViewOf(b)}, out);
  }
  SetItems(state, out);
}

void Where(benchmark::State& state) {
  const Tensor condition = MakeTensor({state.range(0)}, DType::kBool);
  const Tensor a = MakeTensor({state.range(0)});
  const Tensor out = MakeTensor({state.range(0)});
  for (auto _ : state) {
    Elementwise(K::kWhere, DType::kFloat32,
                {ViewOf(condition), ViewOf(a), ViewOf(Scalar(0))}, out);
  }
  SetItems(state, out);
}

// As for a bias: 1024 rows of 256.
void BroadcastRow(benchmark::State& state) {
  const Tensor a = MakeTensor({1024, 256});
  const Tensor b = MakeTensor({256});
  const Tensor out = MakeTensor({1024, 256});
  for (auto _ : state) {
    Elementwise(K::kAdd, DType::kFloat32, {ViewOf(a), ViewOf(b)}, out);
  }
  SetItems(state, out);
}

// As for a mean of each row.
void BroadcastColumn(benchmark::State& state) {
  const Tensor a = MakeTensor({1024, 256});
  const Tensor b = MakeTensor({1024, 1});
  const Tensor out = MakeTensor({1024, 256});
  for (auto _ : state) {
    Elementwise(K::kSub, DType::kFloat32, {ViewOf(a), ViewOf(b)}, out);
  }
  SetItems(state, out);
}

void AddTransposed(benchmark::State& state) {
  const Tensor a = MakeTensor({1024, 1024});
  const Tensor b = Transpose(MakeTensor({1024, 1024}), 0, 1).value();
  const Tensor out = MakeTensor({1024, 1024});
  for (auto _ : state) {
    Elementwise(K::kAdd, DType::kFloat32, {ViewOf(a), ViewOf(b)}, out);
  }
  SetItems(state, out);
}

void AddNumber(benchmark::State& state) {
  const Tensor a = MakeTensor({state.range(0)});
  const Tensor out = MakeTensor({state.range(0)});
  for (auto _ : state) {
    Elementwise(K::kAdd, DType::kFloat32, {ViewOf(a), ViewOf(Scalar(2.0))},
                out);
  }
  SetItems(state, out);
}

constexpr int64_t kSmall = 4096;
constexpr int64_t kLarge = 1 << 22;

BENCHMARK_CAPTURE(Binary, add, K::kAdd, DType::kFloat32)
    ->Arg(1)
    ->Arg(kSmall)
    ->Arg(kLarge);
BENCHMARK_CAPTURE(Binary, add_bfloat16, K::kAdd, DType::kBFloat16)
    ->Arg(1)
    ->Arg(kSmall);
BENCHMARK_CAPTURE(Binary, add_int64, K::kAdd, DType::kInt64)->Arg(kSmall);
BENCHMARK_CAPTURE(Binary, add_uint8, K::kAdd, DType::kUInt8)->Arg(kSmall);
BENCHMARK_CAPTURE(Binary, pow, K::kPow, DType::kFloat32)->Arg(kSmall);
BENCHMARK_CAPTURE(Binary, tanh_backward, K::kTanhBackward, DType::kFloat32)
    ->Arg(kSmall);
BENCHMARK_CAPTURE(Binary, gelu_backward, K::kGeluBackward, DType::kFloat32)
    ->Arg(kSmall);
BENCHMARK_CAPTURE(Unary, relu, K::kRelu, DType::kFloat32)->Arg(kSmall);
BENCHMARK_CAPTURE(Unary, exp, K::kExp, DType::kFloat32)
    ->Arg(kSmall)
    ->Arg(kLarge);
BENCHMARK_CAPTURE(Unary, log, K::kLog, DType::kFloat32)->Arg(kSmall);
BENCHMARK_CAPTURE(Unary, sin, K::kSin, DType::kFloat32)->Arg(kSmall);
BENCHMARK_CAPTURE(Unary, tanh, K::kTanh, DType::kFloat32)
    ->Arg(kSmall)
    ->Arg(kLarge);
BENCHMARK_CAPTURE(Unary, sigmoid, K::kSigmoid, DType::kFloat32)->Arg(kSmall);
BENCHMARK_CAPTURE(Unary, gelu, K::kGelu, DType::kFloat32)
    ->Arg(kSmall)
    ->Arg(kLarge);
BENCHMARK_CAPTURE(Unary, gelu_float64, K::kGelu, DType::kFloat64)->Arg(kSmall);
BENCHMARK(AddNumber)->Arg(1)->Arg(kSmall);
BENCHMARK(Compare)->Arg(kSmall);
BENCHMARK(Where)->Arg(kSmall);
BENCHMARK(BroadcastRow);
BENCHMARK(BroadcastColumn);
BENCHMARK(AddTransposed);

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
