// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/proto_codec.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/proto/record_for_test.h"
#include "ferry/serialization/testing/graph_difference.h"
#include "ferry/value/object_graph.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(ProtoCodecTest, EveryKindOfNodeComesBack) {
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  ExpectComesBack(graph, root);
  for (NodeId node : graph.items(root)) ExpectComesBack(graph, node);
}

// The file is never written anew: what a release has written, all later ones
// read.
TEST(ProtoCodecTest, ReadsWhatTheFirstReleaseWrote) {
  const std::string first = Contents("everything_v1.pb");
  ASSERT_FALSE(first.empty());
  ObjectGraph graph;
  const NodeId root = AddEverything(&graph);
  const absl::StatusOr<ReadBack> back = ReadRecord(first);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
  // The bytes are the same but for the header, which names the release.
  const std::string now = *WriteRecord(graph, root);
  EXPECT_EQ(now.substr(4 + Load32(now.data())),
            first.substr(4 + Load32(first.data())));
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
}

TEST(ProtoCodecTest, InstancesOfOldStyleClassesComeBack) {
  ObjectGraph graph;
  const NodeId callable = graph.AddGlobal("m", "C");
  ExpectComesBack(graph, graph.AddObject(ObjectForm::kInstance, callable,
                                         ObjectGraph::kEmptyTuple));
  const NodeId none = ObjectGraph::kNone;
  EXPECT_EQ(WriteRecord(graph, graph.AddObject(ObjectForm::kInstance, callable,
                                               graph.AddTuple({none})))
                .status()
                .code(),
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
  ASSERT_THAT(record, IsOk());
  const absl::StatusOr<ReadBack> back = ReadRecord(*record);
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(GraphDifference(graph, root, *back->graph, back->root), "");
}

TEST(ProtoCodecTest, AStorageNodeOnTheMetaDeviceHasARecord) {
  ObjectGraph graph;
  const Storage meta = Storage::FromMemory(Device("meta"), Memory{}, 4);
  meta.set_recorded_location("meta");
  const NodeId tensor = graph.AddTensor(View(meta, DType::kFloat32, {1}, {1}));
  const NodeId storage = graph.AddStorage({meta, DType::kFloat32, false});
  for (const auto& both : {std::vector<NodeId>{tensor, storage},
                           std::vector<NodeId>{storage, tensor}}) {
    const absl::StatusOr<std::string> record =
        WriteRecord(graph, graph.AddList(both));
    ASSERT_THAT(record, IsOk());
    EXPECT_THAT(ReadRecord(*record), IsOk());
  }
}

// The setter gets a number after its object.
TEST(ProtoCodecTest, SettersThatOccurNowhereElseComeBack) {
  ObjectGraph graph;
  const NodeId object = graph.AddObject(
      ObjectForm::kCall, graph.AddGlobal("m", "C"), ObjectGraph::kEmptyTuple);
  graph.SetState(object, graph.AddDict(), graph.AddGlobal("m", "set"));
  ExpectComesBack(graph, object);
}

TEST(ProtoCodecTest, WhatNobodyCouldReadIsNotWritten) {
  const Storage storage = HostStorage(16);
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  const struct {
    std::function<NodeId(ObjectGraph*)> add;
    absl::StatusCode code;
    const char* says;
  } cases[] = {
      {[](ObjectGraph* graph) { return graph->AddStr("\xff"); }, kInvalid,
       "the text \"\\xff\" is not UTF-8; save it as bytes"},
      {[](ObjectGraph* graph) { return graph->AddGlobal("os", "x\nR"); },
       kInvalid,
       "\"os.x\\nR\" is not a valid name: its name contains a newline"},
      {[](ObjectGraph* graph) { return graph->AddTensor(Tensor()); }, kInvalid,
       "never made"},
      {[](ObjectGraph* graph) { return graph->AddDevice(Device("cpu", 200)); },
       kInvalid, "\"cpu:200\" is not a valid device"},
      {[&](ObjectGraph* graph) {
         const Tensor ints = View(storage, DType::kInt64, {2}, {1});
         ints.set_requires_grad(true, InternalKey());
         return graph->AddTensor(ints);
       },
       kInvalid, "int64 cannot require a gradient"},
      {[&](ObjectGraph* graph) {
         return graph->AddTensor(Tensor::CreateComposite(
             Layout::kJagged, DType::kFloat32, {2},
             {View(storage, DType::kFloat32, {2}, {1})}));
       },
       kUnimplemented, "jagged cannot be made of components"},
      {[](ObjectGraph* graph) {
         return graph->AddObject(ObjectForm::kCall, graph->AddGlobal("m", "C"),
                                 graph->AddList());
       },
       kInvalid, "arguments of an object are not a tuple"},
      {[](ObjectGraph* graph) {
         return graph->AddObject(ObjectForm::kCall, ObjectGraph::kNone,
                                 ObjectGraph::kEmptyTuple);
       },
       kInvalid, "is used as a class or function"},
      // Refused where the storage is added, after all rows.
      {[](ObjectGraph* graph) {
         return graph->AddTensor(View(HostStorage(8, std::string(70000, 'x')),
                                      DType::kInt64, {1}, {1}));
       },
       kUnimplemented, "of a storage has 70000 bytes"},
      // A tuple in itself, which Python does not have.
      {[](ObjectGraph* graph) { return graph->AddTuple({graph->size()}); },
       kInvalid, "contain themselves"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    ObjectGraph graph;
    const NodeId bad = c.add(&graph);
    const NodeId dict = graph.AddDict();
    graph.AppendEntries(dict, {graph.AddStr("a/b"), graph.AddList({bad})});
    const absl::Status status = WriteRecord(graph, dict).status();
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_THAT(std::string(status.message()), EndsWith(" (at /a~1b/0)"));
  }
}

}  // namespace
}  // namespace proto
}  // namespace v1
}  // namespace ferry
