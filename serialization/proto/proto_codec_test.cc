// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/proto_codec.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/memory.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace proto {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::string> RecordedLocation(const Storage& storage) {
  return storage.recorded_location();
}

absl::StatusOr<std::string> WriteRecord(const ObjectGraph& graph, NodeId root) {
  StorageTable storages(RecordedLocation);
  const absl::StatusOr<LargeString> record =
      ProtoCodec().Write(graph, root, &storages);
  if (!record.ok()) return record.status();
  return std::string(record->data(), record->size());
}

struct ReadBack {
  std::unique_ptr<ObjectGraph> graph = std::make_unique<ObjectGraph>();
  NodeId root = kNoNode;
};

absl::StatusOr<ReadBack> ReadRecord(absl::string_view record,
                                    const LoadLimits& limits = LoadLimits()) {
  ReadBack back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, limits, &storages, back.graph.get());
  if (!read.ok()) return read.status();
  back.root = read->root;
  return back;
}

// Checks that a graph comes back as it was, and that what comes back gives the
// same bytes.
void ExpectComesBack(const ObjectGraph& graph, NodeId root) {
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_TRUE(record.ok()) << record.status();
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  const absl::StatusOr<std::string> again =
      WriteRecord(*back->graph, back->root);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *record);
}

double FromBits(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

Storage HostStorage(uint64_t size_bytes, absl::string_view location = "cpu") {
  Storage storage = *Storage::Allocate(size_bytes);
  storage.set_recorded_location(location);
  return storage;
}

Tensor View(const Storage& storage, DType dtype,
            const std::vector<int64_t>& shape,
            const std::vector<int64_t>& strides, int64_t offset = 0) {
  return *Tensor::Create(storage, dtype, shape, strides, offset);
}

// A graph with every kind of node, in a list.
NodeId AddEverything(ObjectGraph* graph) {
  std::vector<NodeId> all = {ObjectGraph::kNone, ObjectGraph::kFalse,
                             ObjectGraph::kTrue, ObjectGraph::kEmptyTuple};
  const auto add = [&all](NodeId node) {
    all.push_back(node);
    return node;
  };
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{300},
                        std::numeric_limits<int64_t>::min(),
                        std::numeric_limits<int64_t>::max()}) {
    add(graph->AddInt(value));
  }
  add(graph->AddBigInt(absl::string_view("\0\0\0\0\0\0\0\0\x80\xff", 10)));
  for (uint64_t bits : {uint64_t{0}, uint64_t{1} << 63, uint64_t{1},
                        uint64_t{0x7FF8000000000000}, uint64_t{0xFFF80000DEADBEEF},
                        uint64_t{0x7FF0000000000000}}) {
    add(graph->AddFloat(FromBits(bits)));
  }
  add(graph->AddComplex(-0.0, FromBits(0x7FF8000000000001)));
  add(graph->AddStr(""));
  add(graph->AddStr("text"));
  const NodeId lone = add(graph->AddStr("\xed\xa0\x80"));
  const NodeId bytes = add(graph->AddBytes(absl::string_view("\0\xff", 2)));
  add(graph->AddByteArray("ab"));
  const NodeId pair = add(graph->AddTuple({lone, bytes}));
  const NodeId frozen = add(graph->AddFrozenSet({pair, ObjectGraph::kNone}));
  add(graph->AddFrozenSet({}));
  add(graph->AddSet({frozen}));
  const NodeId list = add(graph->AddList({pair, pair}));
  graph->AppendItems(list, {list});
  const NodeId dict = add(graph->AddDict());
  graph->AppendEntries(dict, {frozen, list, pair, dict, ObjectGraph::kEmptyTuple,
                              lone, graph->AddFloat(0.5), lone});
  // Globals and objects.
  const NodeId global = add(graph->AddGlobal("m", "C"));
  graph->mutable_global(global).source =
      graph->AddTuple({graph->AddStr("module"), global, graph->AddStr("c.py"),
                       ObjectGraph::kNone});
  const NodeId float32 = add(graph->AddGlobal("torch", "float32"));
  graph->BecomeDType(float32, DType::kFloat32);
  add(graph->AddDType(DType::kBFloat16));
  add(graph->AddDevice(Device("cuda", 1)));
  add(graph->AddDevice(Device("meta")));
  add(graph->AddSize({2, 0, 3}));
  add(graph->AddSize({}));
  add(graph->AddLayout(Layout::kSparseBsr));
  const NodeId call = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->SetState(call, dict);
  const NodeId made = add(graph->AddObject(ObjectForm::kNew, global,
                                           ObjectGraph::kEmptyTuple));
  graph->AppendItems(made, {made, list});
  graph->AppendEntries(made, {lone, made});
  graph->SetState(made, graph->AddTuple({made}), call);
  add(graph->AddObject(ObjectForm::kNewEx, call, pair, dict));
  const NodeId ordered = add(graph->AddObject(ObjectForm::kCall, global,
                                              ObjectGraph::kEmptyTuple));
  graph->AppendEntries(ordered, {lone, ordered});
  graph->BecomeDict(ordered);
  // Calls that were dropped, the innermost first.
  const NodeId args = graph->AddTuple({graph->AddList()});
  const NodeId inner = graph->AddObject(ObjectForm::kCall, global, args);
  graph->AppendItems(graph->items(args)[0], {inner});
  graph->AddDroppedCall(inner,
                        graph->AddObject(ObjectForm::kCall, call, args));
  graph->AddDroppedCall(inner,
                        graph->AddObject(ObjectForm::kNew, global, args));
  add(inner);
  // What calls turned out to be.
  const NodeId ints = graph->AddTuple({graph->AddInt(4), graph->AddInt(4)});
  const NodeId size = add(graph->AddObject(ObjectForm::kCall, global,
                                           graph->AddTuple({ints})));
  graph->BecomeSize(size, ints);
  const NodeId device =
      add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeDevice(device, Device("cpu"));
  const NodeId layout =
      add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeLayout(layout, Layout::kStrided);
  // Storages and tensors.
  const Storage storage = HostStorage(96);
  const Storage complex = HostStorage(32, "some place");
  add(graph->AddStorage({storage, DType::kFloat32, false}));
  add(graph->AddStorage({storage, DType::kInt64, false}));
  add(graph->AddStorage({complex, DType::kUInt8, true}));
  const Tensor strided = View(storage, DType::kFloat32, {2, 3}, {1, 4}, 5);
  strided.set_requires_grad(true);
  strided.set_neg(true);
  const NodeId tensor = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeTensor(tensor, strided, /*is_parameter=*/false);
  const NodeId changed = add(graph->AddObject(ObjectForm::kCall, global, pair));
  const Tensor data = View(storage, DType::kFloat32, {2, 3}, {3, 1});
  graph->BecomeTensor(changed, data, /*is_parameter=*/true);
  data.set_requires_grad(true);
  add(graph->AddTensor(strided));
  add(graph->AddParameter(View(storage, DType::kBFloat16, {}, {}, 1)));
  add(graph->AddTensor(View(storage, DType::kInt64, {0, 7}, {7, 1})));
  add(graph->AddTensor(View(storage, DType::kQUInt4x2, {3, 2}, {2, 1})));
  const Tensor conj = View(complex, DType::kComplex64, {4}, {1});
  conj.set_conj(true);
  add(graph->AddTensor(conj));
  const Storage meta = Storage::FromMemory(Device("meta"), Memory{}, 4000);
  add(graph->AddTensor(View(meta, DType::kFloat32, {10, 100}, {100, 1})));
  add(graph->AddTensor(View(meta, DType::kFloat32, {100}, {1}, 100)));
  // Sparse ones.
  const Storage zeros = HostStorage(24);
  std::memset(zeros.data(), 0, 24);
  add(graph->AddTensor(Tensor::CreateComposite(
      Layout::kSparseCoo, DType::kFloat32, {5},
      {View(zeros, DType::kInt64, {1, 0}, {1, 1}),
       View(storage, DType::kFloat32, {0}, {1})})));
  const NodeId sparse = add(graph->AddObject(ObjectForm::kCall, global, pair));
  graph->BecomeTensor(
      sparse,
      Tensor::CreateComposite(Layout::kSparseCsr, DType::kFloat32, {2, 2},
                              {View(zeros, DType::kInt64, {3}, {1}),
                               View(zeros, DType::kInt64, {0}, {1}),
                               View(storage, DType::kFloat32, {0}, {1})}),
      /*is_parameter=*/true);
  return graph->AddList(all);
}

TEST(ProtoCodecTest, EveryKindOfNodeComesBack) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  ExpectComesBack(graph, root);
  for (NodeId node : graph.items(root)) ExpectComesBack(graph, node);
}

TEST(ProtoCodecTest, EveryDTypeComesBack) {
  ObjectGraph graph;
  std::vector<NodeId> all;
  for (DType dtype : AllDTypes()) {
    all.push_back(graph.AddDType(dtype));
    all.push_back(
        graph.AddTensor(View(HostStorage(48), dtype, {1, 2}, {2, 1})));
  }
  ExpectComesBack(graph, graph.AddList(all));
}

TEST(ProtoCodecTest, TuplesContainThemselvesThroughWhatTheyAreGiven) {
  ObjectGraph graph;
  // b = ([(b,)],), begun at each of its parts.
  const NodeId list = graph.AddList();
  const NodeId b = graph.AddTuple({list});
  const NodeId inner = graph.AddTuple({b});
  graph.AppendItems(list, {inner});
  for (NodeId root : {list, b, inner}) ExpectComesBack(graph, root);
  // A tuple in itself, which Python does not have.
  ObjectGraph impossible;
  const NodeId itself = impossible.AddTuple({impossible.size()});
  EXPECT_EQ(WriteRecord(impossible, itself).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ProtoCodecTest, NothingRecurses) {
  ObjectGraph graph;
  NodeId list = graph.AddList();
  NodeId tuple = graph.AddTuple({list});
  for (int i = 0; i < 200000; ++i) {
    list = graph.AddList({list});
    tuple = graph.AddTuple({tuple, ObjectGraph::kNone});
  }
  const NodeId root = graph.AddTuple({list, tuple});
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_TRUE(record.ok()) << record.status();
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
}

// The lengths of the blocks of a record, the end included.
std::vector<uint32_t> BlockSizes(absl::string_view record) {
  std::vector<uint32_t> sizes;
  while (!record.empty()) {
    sizes.push_back(Load32(record.data()));
    record.remove_prefix(4 + sizes.back());
  }
  return sizes;
}

TEST(ProtoCodecTest, BlocksHaveAtMostOneMebibyte) {
  ObjectGraph graph;
  std::vector<NodeId> all;
  for (size_t size : {size_t{3} << 20, size_t{0}, size_t{1} << 20,
                      (size_t{1} << 20) - 1}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; i += 7) text[i] = static_cast<char>('a' + i % 26);
    all.push_back(graph.AddStr(text));
  }
  for (int i = 0; i < 400000; ++i) all.push_back(graph.AddInt(i));
  const NodeId root = graph.AddList(all);
  const absl::StatusOr<std::string> record = WriteRecord(graph, root);
  ASSERT_TRUE(record.ok()) << record.status();
  const std::vector<uint32_t> sizes = BlockSizes(*record);
  EXPECT_GT(sizes.size(), 8);
  EXPECT_EQ(sizes.back(), 0);
  for (uint32_t size : sizes) EXPECT_LE(size, uint32_t{1} << 20);
  ExpectComesBack(graph, root);
}

TEST(ProtoCodecTest, TheRecordEndsWhereItSays) {
  ObjectGraph graph;
  std::string record = *WriteRecord(graph, graph.AddInt(7));
  const size_t size = record.size();
  record += "more";
  ObjectGraph back;
  StorageTable storages;
  const absl::StatusOr<Codec::GraphRead> read =
      ProtoCodec().Read(record, LoadLimits(), &storages, &back);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->size_bytes, size);
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(back.int_value(read->root), 7);
}

TEST(ProtoCodecTest, WhatNobodyCouldReadIsNotWritten) {
  const Storage storage = HostStorage(16);
  const struct {
    std::function<NodeId(ObjectGraph*)> add;
    absl::StatusCode code;
  } cases[] = {
      {[](ObjectGraph* graph) { return graph->AddStr("\xff"); },
       absl::StatusCode::kInvalidArgument},
      {[](ObjectGraph* graph) { return graph->AddGlobal("os", "x\nR"); },
       absl::StatusCode::kInvalidArgument},
      {[](ObjectGraph* graph) { return graph->AddTensor(Tensor()); },
       absl::StatusCode::kInvalidArgument},
      {[](ObjectGraph* graph) { return graph->AddDevice(Device("cpu", 200)); },
       absl::StatusCode::kInvalidArgument},
      {[&](ObjectGraph* graph) {
         const Tensor ints = View(storage, DType::kInt64, {2}, {1});
         ints.set_requires_grad(true);
         return graph->AddTensor(ints);
       },
       absl::StatusCode::kInvalidArgument},
      {[&](ObjectGraph* graph) {
         return graph->AddTensor(Tensor::CreateComposite(
             Layout::kJagged, DType::kFloat32, {2},
             {View(storage, DType::kFloat32, {2}, {1})}));
       },
       absl::StatusCode::kUnimplemented},
      {[](ObjectGraph* graph) {
         return graph->AddObject(ObjectForm::kCall, ObjectGraph::kNone,
                                 graph->AddList());
       },
       absl::StatusCode::kInvalidArgument},
      {[](ObjectGraph* graph) {
         return graph->AddTensor(View(HostStorage(8, std::string(70000, 'x')),
                                      DType::kInt64, {1}, {1}));
       },
       absl::StatusCode::kUnimplemented},
  };
  for (const auto& c : cases) {
    ObjectGraph graph;
    const NodeId root = graph.AddList({c.add(&graph)});
    EXPECT_EQ(WriteRecord(graph, root).status().code(), c.code);
  }
}

}  // namespace
}  // namespace proto
}  // namespace ferry
