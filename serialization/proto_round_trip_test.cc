// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints that PyTorch wrote, through the codec and back into a pickle.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/proto/proto_codec.h"
#include "ferry/serialization/save_options.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/torch/pickle_codec.h"
#include "ferry/serialization/torch/zip_container.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"
#include "ferry/value/value_kind.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

std::string Write(const Codec& codec, const ObjectGraph& graph, NodeId root) {
  StorageTable storages(
      [](const Storage& storage) -> absl::StatusOr<std::string> {
        return storage.recorded_location();
      });
  const absl::StatusOr<LargeString> bytes = codec.Write(graph, root, &storages);
  EXPECT_THAT(bytes, IsOk());
  return bytes.ok() ? std::string(bytes->data(), bytes->size()) : "";
}

std::vector<std::string> Checkpoints() {
  std::vector<std::string> files;
  for (const char* folder : {"tests/data/fixtures", "tests/data/old"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".pt" || extension == ".tar" || extension == ".pickle") {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Whether the pickle that comes back refers to other str objects than the first
// one. Pickles have str objects of their own for what the graph knows as text
// alone, and Python writes each once.
bool LosesMemo(absl::string_view file) {
  // The references to a storage had one str for their location, which is no
  // literal; in what comes back each has a new one.
  if (absl::StrContains(file, "/tag_")) return true;
  // A dtype had a str "torch" of its own for its module; what comes back refers
  // to one that there is already.
  if (absl::EndsWith(file, "2.14/dtypes.p4.pt")) return true;
  // Protocol 0 spelt a storage's location in a text of its own; what comes back
  // refers to the "cpu" of another storage.
  return absl::EndsWith(file, "old/module.p0.pt");
}

TEST(ProtoRoundTripTest, PicklesComeBack) {
  const std::vector<std::string> files = Checkpoints();
  ASSERT_GT(files.size(), 45);
  int num_lost = 0;
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    LoadOptions options;
    options.placement = Placement::kHost;
    absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(file, options);
    ASSERT_THAT(checkpoint, IsOk());
    ASSERT_THAT(checkpoint->LoadAll(), IsOk());
    const Value& root = checkpoint->root();
    const std::string record =
        Write(proto::ProtoCodec(), *root.graph(), root.node());
    ObjectGraph back;
    StorageTable storages;
    const absl::StatusOr<Codec::GraphRead> read =
        proto::ProtoCodec().Read(record, Budget::Unlimited(), &storages, &back);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(GraphDifference(*root.graph(), root.node(), back, read->root),
              "");
    EXPECT_EQ(Write(proto::ProtoCodec(), back, read->root), record);

    const int protocol = std::max(2, checkpoint->info().pickle_protocol);
    const torch::PickleCodec pickle(torch::PersistentIds::kArchive, protocol);
    const bool is_same = Write(pickle, *root.graph(), root.node()) ==
                         Write(pickle, back, read->root);
    EXPECT_EQ(is_same, !LosesMemo(file));
    num_lost += is_same ? 0 : 1;
  }
  EXPECT_EQ(num_lost, 5);
}

// Returns the pickle that `pickle` becomes on its way through the codec.
// Without that it must stay the same.
std::string ThroughTheCodec(const std::string& pickle, int protocol) {
  const torch::PickleCodec codec(torch::PersistentIds::kArchive, protocol);
  ObjectGraph graph;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      codec.Read(pickle, Budget::Unlimited(), &storages, &graph);
  if (!read.ok()) return read.status().ToString();
  EXPECT_EQ(Write(codec, graph, read->root), pickle);
  ObjectGraph back;
  StorageTable storages_back;
  const std::string record = Write(proto::ProtoCodec(), graph, read->root);
  const absl::StatusOr<Codec::GraphRead> read_back = proto::ProtoCodec().Read(
      record, Budget::Unlimited(), &storages_back, &back);
  if (!read_back.ok()) return read_back.status().ToString();
  return Write(codec, back, read_back->root);
}

// A literal with NULs in it.
template <size_t N>
std::string Bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

// What docs/graph_record.md says of str objects that no file above shows.
TEST(ProtoRoundTripTest, StrsThatTheGraphKnowsAsTextAlone) {
  // [b"b", "b"], with the one str "b" that Python has.
  const std::string list = Bytes(
      "\x80\2]q\0(c_codecs\nencode\nq\1X\1\0\0\0bq\2"
      "X\6\0\0\0latin1q\3\x86q\4Rq\5");
  EXPECT_EQ(ThroughTheCodec(list + "h\2e.", 2),
            list + Bytes("X\1\0\0\0bq\6e."));
  // Two classes whose modules are two strs.
  const auto in_frame = [](const std::string& body) {
    return "\x80\4\x95" + std::string(1, static_cast<char>(body.size())) +
           std::string(7, '\0') + body;
  };
  const std::string first = "]\x94(\x8c\2mm\x94\x8c\2AA\x94\x93\x94";
  const std::string second =
      "\x8c\2"
      "BB\x94\x93\x94"
      "e.";
  EXPECT_EQ(ThroughTheCodec(in_frame(first + "\x8c\2mm\x94" + second), 4),
            in_frame(first + "h\1" + second));
}

// Only the node says that the storage holds floats, which no tensor is over.
TEST(ProtoRoundTripTest, StoragesOfTheOtherByteOrderAreTurnedRound) {
  ObjectGraph graph;
  Storage storage = *Storage::Allocate(8);
  storage.set_recorded_location("cpu");
  const NodeId root = graph.AddStorage({storage, DType::kFloat32, false});
  ZipBuilder zip;
  zip.Add("archive/data.proto", Write(proto::ProtoCodec(), graph, root));
  zip.Add("archive/byteorder", "big");
  zip.Add("archive/data/0", Bytes("\x3f\x80\0\0\x40\0\0\0"));
  zip.Add("archive/version", "3\n");
  const std::string bytes = zip.Build();
  const auto file = MakeMemoryFile(bytes, "some.pt");
  const auto codecs = std::make_shared<const CodecSnapshot::Codecs>(
      1, std::make_shared<const proto::ProtoCodec>());
  const absl::StatusOr<ParsedCheckpoint> parsed =
      torch::ReadZipContainer(*file, ContainerOptions(), CodecSnapshot(codecs));
  ASSERT_THAT(parsed, IsOk());
  ASSERT_EQ(parsed->storages.size(), 1);
  EXPECT_EQ(parsed->storages[0].extents[0].swap_unit_bytes, 4);
}

// A record says of a tensor that was rebuilt what it is and how it was made.
// Ferry would show the one, and a pickle that is written from it would hold the
// other.
TEST(ProtoRoundTripTest, WhatIsShownIsWhatThePickleWouldHold) {
  CodecRegistry registry;
  ASSERT_THAT(registry.Register(std::make_shared<proto::ProtoCodec>()), IsOk());
  SaveOptions save_options;
  save_options.codec = "proto";
  save_options.codec_registry = &registry;
  LoadOptions load_options;
  load_options.codec_registry = &registry;
  load_options.placement = Placement::kHost;
  const auto through = [&](const Value& value) {
    return LoadMemory(*SaveToString(value, save_options), load_options)
        .status();
  };
  const auto load = [&load_options](const std::string& name) {
    return *Load("tests/data/fixtures/" + name, load_options);
  };
  // What a tensor may be instead.
  const std::vector<std::function<Tensor(const Tensor&)>> changes = {
      [](const Tensor& t) {
        return *Tensor::Create(t.storage(), t.dtype(), {1}, {1}, 0);
      },
      [](const Tensor& t) {
        return *Tensor::Create(t.storage(), DType::kInt32, t.shape(),
                               t.strides(), t.storage_offset());
      },
      [](const Tensor& t) {
        const Storage other = *Storage::Allocate(t.storage().size_bytes());
        other.set_recorded_location("cpu");
        return *Tensor::Create(other, t.dtype(), t.shape(), t.strides(),
                               t.storage_offset());
      },
      [](const Tensor& t) {
        const Tensor other = t.Detach();
        other.set_requires_grad(!t.requires_grad(), InternalKey());
        return other;
      },
  };
  for (const char* name : {"pytorch-1.13/single.pt", "pytorch-1.13/module.pt",
                           "pytorch-1.13/requires_grad.pt"}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(through(load(name)), IsOk());
    for (size_t i = 0; i < changes.size(); ++i) {
      SCOPED_TRACE(i);
      const Value value = load(name);
      ObjectGraph& graph = *value.graph();
      NodeId node = 0;
      while (graph.kind(node) != ValueKind::kTensor) ++node;
      ASSERT_TRUE(graph.is_object(node));
      graph.BecomeTensor(node, changes[i](graph.tensor(node)),
                         graph.is_parameter(node));
      const absl::Status status = through(value);
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_TRUE(
          absl::StrContains(status.message(), "a tensor does not match"))
          << status;
    }
    const Value value = load(name);
    ObjectGraph& graph = *value.graph();
    NodeId node = 0;
    while (graph.kind(node) != ValueKind::kTensor) ++node;
    graph.BecomeTensor(node, graph.tensor(node), !graph.is_parameter(node));
    EXPECT_EQ(through(value).code(), absl::StatusCode::kDataLoss);
  }
  // Devices and layouts.
  const Value objects = load("pytorch-1.13/torch_objects.pt");
  EXPECT_THAT(through(objects), IsOk());
  ObjectGraph& graph = *objects.graph();
  NodeId device = 0;
  while (graph.kind(device) != ValueKind::kDevice) ++device;
  graph.BecomeDevice(device, Device("xpu", 7));
  EXPECT_EQ(through(objects).code(), absl::StatusCode::kDataLoss);
}

// As `ReadsWhatTheFirstReleaseWrote` of proto_codec_test.cc.
TEST(ProtoRoundTripTest, ReadsAStateDictOfTheFirstRelease) {
  const std::string first =
      ReadFile("serialization/proto/testdata/state_dict_v1.pb");
  ASSERT_FALSE(first.empty());
  LoadOptions options;
  options.placement = Placement::kHost;
  const absl::StatusOr<Value> value =
      Load("tests/data/fixtures/pytorch-1.13/state_dict.pt", options);
  ASSERT_THAT(value, IsOk());
  ObjectGraph back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      proto::ProtoCodec().Read(first, Budget::Unlimited(), &storages, &back);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(GraphDifference(*value->graph(), value->node(), back, read->root),
            "");
  EXPECT_EQ(Write(proto::ProtoCodec(), *value->graph(), value->node()), first);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
