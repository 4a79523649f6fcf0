// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Nodes = std::vector<NodeId>;

TEST(ObjectGraphImportTest, LeavesAreCopied) {
  ObjectGraph from, to;
  to.AddStr("so that the numbers of nodes differ");
  Nodes items = {ObjectGraph::kNone,
                 ObjectGraph::kTrue,
                 ObjectGraph::kFalse,
                 ObjectGraph::kEmptyTuple,
                 from.AddInt(-5),
                 from.AddBigInt(std::string(20, '\1')),
                 from.AddFloat(0.25),
                 from.AddComplex(1, 2),
                 from.AddStr("text"),
                 from.AddBytes("bytes"),
                 from.AddByteArray("array"),
                 from.AddDType(DType::kInt16),
                 from.AddDevice(Device("cuda", 3)),
                 from.AddLayout(Layout::kSparseBsr),
                 from.AddSize({4, 5}),
                 from.AddGlobal("m", "f")};
  const NodeId copy = to.Import(from, from.AddTuple(items));
  ASSERT_EQ(to.kind(copy), ValueKind::kTuple);
  const absl::Span<const NodeId> copies = to.items(copy);
  ASSERT_EQ(copies.size(), items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(to.kind(copies[i]), from.kind(items[i])) << i;
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(copies[i], items[i]);
  EXPECT_EQ(to.int_value(copies[4]), -5);
  EXPECT_TRUE(to.is_big_int(copies[5]));
  EXPECT_EQ(to.text(copies[5]), std::string(20, '\1'));
  EXPECT_EQ(to.float_value(copies[6]), 0.25);
  EXPECT_EQ(to.complex_value(copies[7]), std::complex<double>(1, 2));
  EXPECT_EQ(to.text(copies[8]), "text");
  EXPECT_NE(to.text(copies[8]).data(), from.text(items[8]).data());
  EXPECT_EQ(to.text(copies[9]), "bytes");
  EXPECT_EQ(to.text(copies[10]), "array");
  EXPECT_EQ(to.dtype(copies[11]), DType::kInt16);
  EXPECT_EQ(to.device(copies[12]), Device("cuda", 3));
  EXPECT_EQ(to.layout(copies[13]), Layout::kSparseBsr);
  ASSERT_EQ(to.size_items(copies[14]).size(), 2u);
  EXPECT_EQ(to.int_value(to.size_items(copies[14])[1]), 5);
  EXPECT_EQ(to.FindGlobal("m", "f"), copies[15]);
}

TEST(ObjectGraphImportTest, SharingAndCyclesAreKept) {
  ObjectGraph from, to;
  const NodeId list = from.AddList();
  const NodeId shared = from.AddStr("shared");
  const NodeId dict = from.AddDict();
  const NodeId entries[] = {shared, list, from.AddStr("d"), dict};
  from.AppendEntries(dict, entries);
  const NodeId items[] = {shared, dict, shared, list};
  from.AppendItems(list, items);
  const NodeId copy = to.Import(from, list);
  const absl::Span<const NodeId> copies = to.items(copy);
  ASSERT_EQ(copies.size(), 4u);
  EXPECT_EQ(copies[0], copies[2]);
  EXPECT_EQ(copies[3], copy);
  EXPECT_EQ(to.entries(copies[1])[0], copies[0]);
  EXPECT_EQ(to.entries(copies[1])[1], copy);
  EXPECT_EQ(to.entries(copies[1])[3], copies[1]);
  // A second import is another copy, and what was copied can grow.
  EXPECT_NE(to.Import(from, list), copy);
  const NodeId more = to.AddInt(1);
  to.AppendItems(copy, {&more, 1});
  EXPECT_EQ(to.items(copy).size(), 5u);
  EXPECT_EQ(from.items(list).size(), 4u);
}

TEST(ObjectGraphImportTest, SetsAreCopied) {
  ObjectGraph from, to;
  const NodeId item = from.AddInt(1);
  const NodeId sets[] = {from.AddSet({&item, 1}),
                         from.AddFrozenSet({&item, 1})};
  const NodeId copy = to.Import(from, from.AddList(sets));
  EXPECT_EQ(to.kind(to.items(copy)[0]), ValueKind::kSet);
  EXPECT_EQ(to.kind(to.items(copy)[1]), ValueKind::kFrozenSet);
  EXPECT_EQ(to.items(to.items(copy)[0])[0], to.items(to.items(copy)[1])[0]);
}

TEST(ObjectGraphImportTest, ObjectsKeepHowTheyWereMade) {
  ObjectGraph from, to;
  const NodeId arg = from.AddInt(7);
  const NodeId args = from.AddTuple({&arg, 1});
  const NodeId object = from.AddObject(
      ObjectForm::kNewEx, from.AddGlobal("m", "C"), args, from.AddDict());
  from.AppendItems(object, {&arg, 1});
  const NodeId entry[] = {arg, object};
  from.AppendEntries(object, entry);
  from.SetState(object, from.AddStr("state"), from.AddGlobal("m", "set"));
  const NodeId dropped =
      from.AddObject(ObjectForm::kNew, from.AddGlobal("m", "C"), args);
  from.AddDroppedCall(object, dropped);
  const NodeId copy = to.Import(from, object);
  const ObjectRecord record = to.object(copy);
  EXPECT_EQ(record.form, ObjectForm::kNewEx);
  EXPECT_EQ(record.callable, to.FindGlobal("m", "C"));
  EXPECT_EQ(to.int_value(to.items(record.args)[0]), 7);
  EXPECT_EQ(to.kind(record.kwargs), ValueKind::kDict);
  EXPECT_EQ(to.text(record.state), "state");
  EXPECT_EQ(record.state_setter, to.FindGlobal("m", "set"));
  ASSERT_NE(record.dropped, kNoNode);
  EXPECT_EQ(to.object(record.dropped).args, record.args);
  EXPECT_EQ(to.object(record.dropped).dropped, kNoNode);
  EXPECT_EQ(to.items(copy)[0], to.items(record.args)[0]);
  EXPECT_EQ(to.entries(copy)[1], copy);
}

TEST(ObjectGraphImportTest, WhatObjectsTurnedOutToBeIsKept) {
  ObjectGraph from, to;
  const auto object = [&](const char* name) {
    const NodeId arg = from.AddInt(3);
    return from.AddObject(ObjectForm::kCall, from.AddGlobal("torch", name),
                          from.AddTuple({&arg, 1}));
  };
  const Tensor tensor =
      *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {});
  const NodeId items[] = {object("a"),
                          object("b"),
                          object("c"),
                          object("d"),
                          object("e"),
                          from.AddGlobal("torch", "int8"),
                          from.AddTensor(tensor),
                          from.AddParameter(tensor)};
  from.BecomeTensor(items[0], tensor, /*is_parameter=*/true);
  from.BecomeDict(items[1]);
  from.BecomeDevice(items[2], Device("cuda", 1));
  from.BecomeSize(items[3], from.object(items[3]).args);
  from.BecomeLayout(items[4], Layout::kJagged);
  from.BecomeDType(items[5], DType::kInt8);
  to.AddDevice(Device("other"));
  to.AddTensor(*Tensor::Create(*Storage::Allocate(1), DType::kInt8, {}));
  const NodeId copy = to.Import(from, from.AddList(items));
  const absl::Span<const NodeId> copies = to.items(copy);
  EXPECT_TRUE(to.tensor(copies[0]).IsSame(tensor));
  EXPECT_TRUE(to.is_parameter(copies[0]));
  EXPECT_TRUE(to.is_object(copies[0]));
  EXPECT_EQ(to.kind(copies[1]), ValueKind::kDict);
  EXPECT_EQ(to.device(copies[2]), Device("cuda", 1));
  ASSERT_EQ(to.size_items(copies[3]).size(), 1u);
  EXPECT_EQ(to.int_value(to.size_items(copies[3])[0]), 3);
  EXPECT_EQ(to.layout(copies[4]), Layout::kJagged);
  EXPECT_EQ(to.dtype(copies[5]), DType::kInt8);
  EXPECT_TRUE(to.is_global(copies[5]));
  EXPECT_TRUE(to.tensor(copies[6]).IsSame(tensor));
  EXPECT_FALSE(to.is_parameter(copies[6]));
  EXPECT_TRUE(to.is_parameter(copies[7]));
}

TEST(ObjectGraphImportTest, StoragesBecomeSharedByBothGraphs) {
  ObjectGraph from, to;
  StorageRecord record;
  record.storage = *Storage::Allocate(8);
  record.dtype = DType::kFloat32;
  const NodeId storage = from.AddStorage(record);
  const NodeId copy = to.Import(from, storage);
  EXPECT_EQ(to.storage(copy).storage, record.storage);
  EXPECT_EQ(to.Import(from, storage), copy);
  EXPECT_EQ(to.storages().size(), 1u);
}

TEST(ObjectGraphImportTest, OnlyWhatIsReachedIsCopied) {
  ObjectGraph from, to;
  const NodeId leaf = from.AddInt(1);
  const NodeId small = from.AddList({&leaf, 1});
  for (int i = 0; i < 1000000; ++i) from.AddInt(i);
  const uint32_t before = to.size();
  // As many times as a big graph makes slow if each costs its size.
  for (int i = 0; i < 20000; ++i) to.Import(from, small);
  EXPECT_EQ(to.size(), before + 2 * 20000);
}

TEST(ObjectGraphImportTest, VeryDeepGraphsAreCopied) {
  ObjectGraph from, to;
  NodeId node = from.AddList();
  for (int i = 0; i < 1000000; ++i) node = from.AddList({&node, 1});
  NodeId copy = to.Import(from, node);
  int depth = 0;
  for (; !to.items(copy).empty(); ++depth) copy = to.items(copy)[0];
  EXPECT_EQ(depth, 1000000);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
