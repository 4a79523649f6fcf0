// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How many opcodes a second are read, by what the pickle holds. Items are
// opcodes.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "benchmark/benchmark.h"
#include "ferry/core/budget.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

constexpr int kRepeats = 100000;

// Reads a list to which `item`, which takes so many opcodes, is appended again
// and again.
void BM_Unpickle(benchmark::State& state, absl::string_view item, int opcodes) {
  std::string pickle("\x80\2]", 3);
  for (int i = 0; i < kRepeats; ++i) {
    pickle.append(item.data(), item.size());
    pickle.push_back('a');
  }
  pickle.push_back('.');
  for (auto _ : state) {
    ObjectGraph graph;
    benchmark::DoNotOptimize(
        Unpickle(pickle, Budget::Unlimited(), nullptr, &graph)->root);
  }
  state.SetItemsProcessed(state.iterations() * kRepeats * (opcodes + 1));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(pickle.size()));
}

// BININT1; BINUNICODE and BINPUT; EMPTY_DICT with one SETITEM; TUPLE2; a class
// that is called.
BENCHMARK_CAPTURE(BM_Unpickle, Int, absl::string_view("K\7", 2), 1);
BENCHMARK_CAPTURE(BM_Unpickle, Str, absl::string_view("X\6\0\0\0weightq\1", 13),
                  2);
BENCHMARK_CAPTURE(BM_Unpickle, Dict, absl::string_view("}K\1K\2s", 6), 4);
BENCHMARK_CAPTURE(BM_Unpickle, Tuple, absl::string_view("K\1K\2\x86", 5), 3);
BENCHMARK_CAPTURE(BM_Unpickle, Call, absl::string_view("cm\nC\n)R", 7), 3);

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
