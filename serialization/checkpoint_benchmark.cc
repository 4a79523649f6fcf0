// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long it takes to open, and to load, a checkpoint of 20 000 tensors of 64
// floats that is held in memory.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "ferry/core/file.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"

namespace ferry {
namespace {

constexpr int kTensors = 20000;

const std::string& ManyTensors() {
  static const std::string* const file = [] {
    const std::vector<float> elements(64, 1.0f);
    Value state = Value::OrderedDict();
    for (int i = 0; i < kTensors; ++i) {
      const absl::StatusOr<Tensor> tensor =
          Tensor::FromData(absl::MakeConstSpan(elements), {64});
      tensor->storage().set_recorded_location("cpu");
      state.Set(absl::StrCat("layer.", i, ".weight"), Value(*tensor))
          .IgnoreError();
    }
    auto* bytes = new std::string;
    StringSink sink(bytes);
    Save(state, sink).IgnoreError();
    return bytes;
  }();
  return *file;
}

LoadOptions OnTheHost() {
  LoadOptions options;
  options.placement = Placement::kHost;
  return options;
}

void BM_Open(benchmark::State& state) {
  const std::string& file = ManyTensors();
  for (auto _ : state) {
    const absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(file, OnTheHost());
    if (!checkpoint.ok()) state.SkipWithError("it does not open");
  }
  state.SetItemsProcessed(state.iterations() * kTensors);
}
BENCHMARK(BM_Open)->Unit(benchmark::kMillisecond);

void BM_Load(benchmark::State& state) {
  const std::string& file = ManyTensors();
  for (auto _ : state) {
    const absl::StatusOr<Value> value = LoadMemory(file, OnTheHost());
    if (!value.ok()) state.SkipWithError("it does not load");
  }
  state.SetItemsProcessed(state.iterations() * kTensors);
}
BENCHMARK(BM_Load)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Save(benchmark::State& state) {
  const absl::StatusOr<Value> value = LoadMemory(ManyTensors(), OnTheHost());
  for (auto _ : state) {
    std::string bytes;
    StringSink sink(&bytes);
    if (!Save(*value, sink).ok()) state.SkipWithError("it does not save");
  }
  state.SetItemsProcessed(state.iterations() * kTensors);
}
BENCHMARK(BM_Save)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ferry
