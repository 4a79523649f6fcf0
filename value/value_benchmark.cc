// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What `Value::Set` costs per key: in a new dict, and where the dict has the
// key already. The argument is the number of keys.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {
namespace {

template <typename Key>
std::vector<Key> MakeKeys(int64_t count, Key (*make)(int64_t)) {
  std::vector<Key> keys;
  keys.reserve(count);
  for (int64_t i = 0; i < count; ++i) keys.push_back(make(i));
  return keys;
}

std::string Text(int64_t i) { return absl::StrCat("layer.", i, ".weight"); }
Value Int(int64_t i) { return i; }
Value Float(int64_t i) { return static_cast<double>(i) + 0.5; }
Value Bool(int64_t i) { return i % 2 == 0; }
Value Tuple(int64_t i) {
  const Value parts[] = {i, "weight"};
  return Value::Tuple(parts);
}

template <typename Key>
bool SetAll(const Value& dict, const std::vector<Key>& keys,
            const Value& value) {
  for (const Key& key : keys) {
    if (!dict.Set(key, value).ok()) return false;
  }
  return true;
}

template <typename Key>
void BM_SetNew(benchmark::State& state, Key (*make)(int64_t)) {
  const std::vector<Key> keys = MakeKeys(state.range(0), make);
  const Value value;
  for (auto _ : state) {
    if (!SetAll(Value::Dict(), keys, value)) state.SkipWithError("not set");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <typename Key>
void BM_Overwrite(benchmark::State& state, Key (*make)(int64_t)) {
  const std::vector<Key> keys = MakeKeys(state.range(0), make);
  const Value dict = Value::Dict();
  // The value is of the dict's own graph, so that only the key costs.
  const Value value(dict.graph(), ObjectGraph::kNone);
  SetAll(dict, keys, value);
  for (auto _ : state) {
    if (!SetAll(dict, keys, value)) state.SkipWithError("not set");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (int64_t count : {1, 1000, 100000}) benchmark->Arg(count);
}

BENCHMARK_CAPTURE(BM_SetNew, Str, Text)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_SetNew, Int, Int)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_SetNew, Float, Float)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_SetNew, Tuple, Tuple)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Overwrite, Str, Text)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Overwrite, Int, Int)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Overwrite, Float, Float)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Overwrite, Bool, Bool)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Overwrite, Tuple, Tuple)->Apply(Sizes);

}  // namespace
}  // namespace v1
}  // namespace ferry
