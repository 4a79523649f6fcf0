// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long graphs take to be read and written, as Protobuf and as a pickle: a
// state_dict of 20 000 tensors, and a list of 100 000 small objects.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "benchmark/benchmark.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/torch/pickle_codec.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int kTensors = 20000;
constexpr int kObjects = 100000;

absl::StatusOr<std::string> Cpu(const Storage& /*storage*/) {
  return std::string("cpu");
}

struct Sample {
  ObjectGraph graph;
  NodeId root = kNoNode;
  size_t num_storages = 0;
};

LargeString Write(const Codec& codec, const Sample& sample) {
  StorageTable storages(Cpu);
  storages.ReserveAdded(sample.num_storages);
  return *codec.Write(sample.graph, sample.root, &storages);
}

// With the room that the zip container makes.
void Read(const Codec& codec, absl::string_view bytes, size_t num_storages,
          Sample* sample) {
  StorageTable storages;
  storages.ReserveDescribed(num_storages);
  sample->graph.Reserve(static_cast<uint32_t>(bytes.size() / 10),
                        static_cast<uint32_t>(num_storages), bytes.size());
  sample->root =
      codec.Read(bytes, Budget::Unlimited(), &storages, &sample->graph)->root;
  sample->num_storages = num_storages;
}

// As it is after it was read from a pickle.
const Sample& Tensors() {
  static const Sample* const sample = [] {
    Sample built;
    built.root = built.graph.AddDict();
    for (int i = 0; i < kTensors; ++i) {
      const Storage storage = *Storage::Allocate(256);
      built.graph.SetEntry(built.root, absl::StrCat("layer.", i, ".weight"),
                           built.graph.AddTensor(*Tensor::Create(
                               storage, DType::kFloat32, {8, 8})));
    }
    auto* const read = new Sample;
    const LargeString pickle = Write(torch::PickleCodec(), built);
    Read(torch::PickleCodec(), {pickle.data(), pickle.size()}, kTensors, read);
    return read;
  }();
  return *sample;
}

const Sample& Objects() {
  static const Sample* const sample = [] {
    auto* const built = new Sample;
    ObjectGraph& graph = built->graph;
    const NodeId type = graph.AddGlobal("module", "Class");
    const NodeId name = graph.AddStr("name");
    const NodeId value = graph.AddStr("value");
    std::vector<NodeId> objects;
    for (int i = 0; i < kObjects; ++i) {
      const NodeId state = graph.AddDict();
      const NodeId entries[] = {name, graph.AddStr(absl::StrCat("object ", i)),
                                value, graph.AddFloat(i)};
      graph.AppendEntries(state, entries);
      objects.push_back(
          graph.AddObject(ObjectForm::kNew, type, ObjectGraph::kEmptyTuple));
      graph.SetState(objects.back(), state);
    }
    built->root = graph.AddList(objects);
    return built;
  }();
  return *sample;
}

void BM_Write(benchmark::State& state, const Codec& codec,
              const Sample& sample) {
  size_t size_bytes = 0;
  for (auto _ : state) size_bytes = Write(codec, sample).size();
  state.counters["bytes"] = static_cast<double>(size_bytes);
}

void BM_Read(benchmark::State& state, const Codec& codec,
             const Sample& sample) {
  const LargeString bytes = Write(codec, sample);
  for (auto _ : state) {
    Sample read;
    Read(codec, {bytes.data(), bytes.size()}, sample.num_storages, &read);
    benchmark::DoNotOptimize(read.root);
  }
}

#define FERRY_BENCHMARK(of, codec, sample)                      \
  BENCHMARK_CAPTURE(of, codec##_##sample, *new codec, sample()) \
      ->Unit(benchmark::kMillisecond)

using Pickle = torch::PickleCodec;
using Proto = proto::ProtoCodec;
FERRY_BENCHMARK(BM_Read, Pickle, Tensors);
FERRY_BENCHMARK(BM_Read, Proto, Tensors);
FERRY_BENCHMARK(BM_Write, Pickle, Tensors);
FERRY_BENCHMARK(BM_Write, Proto, Tensors);
FERRY_BENCHMARK(BM_Read, Pickle, Objects);
FERRY_BENCHMARK(BM_Read, Proto, Objects);
FERRY_BENCHMARK(BM_Write, Pickle, Objects);
FERRY_BENCHMARK(BM_Write, Proto, Objects);

}  // namespace
}  // namespace v1
}  // namespace ferry
