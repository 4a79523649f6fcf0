// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_graph.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/growth.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using Nodes = std::vector<NodeId>;

class ObjectGraphTest : public testing::Test {
 protected:
  NodeId Str(absl::string_view text) { return graph_.AddStr(text); }
  NodeId Int(int64_t value) { return graph_.AddInt(value); }
  // Two's complement, little-endian, given as a string of bytes.
  NodeId Big(const std::string& bytes) { return graph_.AddBigInt(bytes); }
  NodeId Tuple(const Nodes& items) { return graph_.AddTuple(items); }
  NodeId Frozen(const Nodes& items) { return graph_.AddFrozenSet(items); }
  absl::Status Set(NodeId dict, NodeId key, NodeId value = ObjectGraph::kNone) {
    return graph_.SetEntry(dict, graph_, key, value);
  }
  NodeId Dict(const Nodes& keys_and_values) {
    const NodeId dict = graph_.AddDict();
    graph_.AppendEntries(dict, keys_and_values);
    return dict;
  }
  Nodes Items(NodeId node) {
    return Nodes(graph_.items(node).begin(), graph_.items(node).end());
  }
  Nodes Entries(NodeId node) {
    return Nodes(graph_.entries(node).begin(), graph_.entries(node).end());
  }

  ObjectGraph graph_;
};

TEST_F(ObjectGraphTest, PythonsSingletonsAreOneNodeEach) {
  EXPECT_EQ(graph_.kind(ObjectGraph::kNone), ValueKind::kNone);
  EXPECT_EQ(graph_.AddBool(true), ObjectGraph::kTrue);
  EXPECT_EQ(graph_.AddBool(false), ObjectGraph::kFalse);
  EXPECT_EQ(graph_.int_value(ObjectGraph::kTrue), 1);
  EXPECT_EQ(graph_.int_value(ObjectGraph::kFalse), 0);
  EXPECT_EQ(Tuple({}), ObjectGraph::kEmptyTuple);
  EXPECT_EQ(graph_.kind(ObjectGraph::kEmptyTuple), ValueKind::kTuple);
  EXPECT_NE(Str("same"), Str("same"));
  EXPECT_NE(Int(1), Int(1));
}

TEST_F(ObjectGraphTest, LeavesHoldWhatWasPutIn) {
  EXPECT_EQ(graph_.int_value(Int(std::numeric_limits<int64_t>::min())),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(graph_.float_value(graph_.AddFloat(0.1)), 0.1);
  EXPECT_TRUE(std::signbit(graph_.float_value(graph_.AddFloat(-0.0))));
  EXPECT_EQ(graph_.complex_value(graph_.AddComplex(1, -2)),
            std::complex<double>(1, -2));
  const NodeId text = Str(absl::string_view("a\0b", 3));
  EXPECT_EQ(graph_.text(text), absl::string_view("a\0b", 3));
  EXPECT_EQ(graph_.text(Str("")), "");
  const NodeId bytes = graph_.AddBytes("\xff");
  EXPECT_EQ(graph_.kind(bytes), ValueKind::kBytes);
  EXPECT_EQ(graph_.text(bytes), "\xff");
  EXPECT_EQ(graph_.text(graph_.AddByteArray("xy")), "xy");
  const NodeId array = graph_.AddByteArrayOf(bytes);
  EXPECT_EQ(graph_.kind(array), ValueKind::kByteArray);
  EXPECT_EQ(graph_.text(array).data(), graph_.text(bytes).data());
  EXPECT_EQ(graph_.dtype(graph_.AddDType(DType::kBFloat16)), DType::kBFloat16);
  EXPECT_EQ(graph_.device(graph_.AddDevice(Device("cuda", 1))),
            Device("cuda", 1));
  EXPECT_EQ(graph_.layout(graph_.AddLayout(Layout::kSparseCsr)),
            Layout::kSparseCsr);
  const NodeId size = graph_.AddSize({7, 8});
  ASSERT_EQ(graph_.size_items(size).size(), 2u);
  EXPECT_EQ(graph_.int_value(graph_.size_items(size)[1]), 8);
}

TEST_F(ObjectGraphTest, BigIntegersThatFitAreOrdinary) {
  const auto value = [&](const std::string& bytes) {
    const NodeId node = Big(bytes);
    EXPECT_FALSE(graph_.is_big_int(node));
    return graph_.int_value(node);
  };
  EXPECT_EQ(value(""), 0);
  EXPECT_EQ(value(std::string("\0", 1)), 0);
  EXPECT_EQ(value("\x7f"), 127);
  EXPECT_EQ(value("\x80"), -128);
  EXPECT_EQ(value("\xff"), -1);
  EXPECT_EQ(value(std::string("\xff\0", 2)), 255);
  EXPECT_EQ(value(std::string(100, '\xff')), -1);
  EXPECT_EQ(value(std::string(100, '\0')), 0);
  EXPECT_EQ(value(std::string(7, '\0') + "\x80"),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(value(std::string(7, '\xff') + "\x7f" + std::string(5, '\0')),
            std::numeric_limits<int64_t>::max());
  // 2^63 and -2^63 - 1 do not.
  const NodeId above =
      Big(std::string(7, '\0') + "\x80" + std::string(3, '\0'));
  ASSERT_TRUE(graph_.is_big_int(above));
  EXPECT_EQ(graph_.text(above),
            std::string(7, '\0') + "\x80" + std::string(1, '\0'));
  EXPECT_TRUE(graph_.is_big_int(Big(std::string(7, '\xff') + "\x7f\xff")));
}

TEST_F(ObjectGraphTest, TextOfAnySizeStaysWhereItIs) {
  std::vector<std::pair<NodeId, std::string>> texts;
  for (size_t size : {0, 1, 60000, 65535, 65536, 65537, 200000, 3, 64}) {
    for (int i = 0; i < 20; ++i) {
      const std::string text(size, static_cast<char>('a' + i));
      texts.emplace_back(Str(text), text);
    }
  }
  const char* const first = graph_.text(texts[25].first).data();
  for (int i = 0; i < 1000; ++i) Str(std::string(500, 'z'));
  EXPECT_EQ(graph_.text(texts[25].first).data(), first);
  for (const auto& [node, text] : texts) EXPECT_TRUE(graph_.text(node) == text);
}

TEST_F(ObjectGraphTest, ContainersThatGrowInTurnKeepTheirItems) {
  Nodes lists, dicts;
  for (int i = 0; i < 20; ++i) {
    lists.push_back(graph_.AddList());
    dicts.push_back(graph_.AddDict());
  }
  const NodeId object = graph_.AddObject(
      ObjectForm::kCall, graph_.AddGlobal("m", "C"), ObjectGraph::kEmptyTuple);
  Nodes added;
  for (int round = 0; round < 300; ++round) {
    const NodeId node = Int(round);
    added.push_back(node);
    const NodeId entry[] = {node, node};
    for (NodeId list : lists) graph_.AppendItems(list, {&node, 1});
    for (NodeId dict : dicts) graph_.AppendEntries(dict, entry);
    graph_.AppendItems(object, {&node, 1});
    graph_.AppendEntries(object, entry);
  }
  for (NodeId list : lists) EXPECT_EQ(Items(list), added);
  for (NodeId dict : dicts) EXPECT_EQ(graph_.entries(dict).size(), 600u);
  EXPECT_EQ(Items(object), added);
  EXPECT_EQ(graph_.entries(object)[599], added[299]);
  // Room to grow is a constant factor.
  EXPECT_LT(graph_.num_references(), 8u * 300 * (20 * 3 + 3));
}

TEST_F(ObjectGraphTest, AGlobalIsOneNode) {
  const NodeId node = graph_.AddGlobal("torch", "float32");
  EXPECT_EQ(graph_.AddGlobal("torch", "float32"), node);
  EXPECT_NE(graph_.AddGlobal("torch.float32", ""), node);
  EXPECT_NE(graph_.AddGlobal("torc", "hfloat32"), node);
  EXPECT_EQ(graph_.FindGlobal("torch", "float32"), node);
  EXPECT_EQ(graph_.FindGlobal("torch", "float64"), kNoNode);
  EXPECT_EQ(graph_.global(node).module, "torch");
  EXPECT_EQ(graph_.global(node).name, "float32");
  graph_.BecomeDType(node, DType::kFloat32);
  EXPECT_EQ(graph_.kind(node), ValueKind::kDType);
  EXPECT_TRUE(graph_.is_global(node));
  EXPECT_EQ(graph_.dtype(node), DType::kFloat32);
}

TEST_F(ObjectGraphTest, AnObjectKeepsHowItWasMade) {
  const NodeId callable = graph_.AddGlobal("m", "C");
  const NodeId args = Tuple({Int(2), Int(3)});
  const NodeId kwargs = graph_.AddDict();
  const NodeId object =
      graph_.AddObject(ObjectForm::kNewEx, callable, args, kwargs);
  EXPECT_EQ(graph_.kind(object), ValueKind::kObject);
  const NodeId state = Dict({Str("a"), Int(1)});
  const NodeId setter = graph_.AddGlobal("m", "f");
  graph_.SetState(object, state, setter);
  graph_.BecomeSize(object, args);
  EXPECT_EQ(graph_.kind(object), ValueKind::kSize);
  EXPECT_TRUE(graph_.is_object(object));
  EXPECT_EQ(graph_.size_items(object).size(), 2u);
  const ObjectRecord record = graph_.object(object);
  EXPECT_EQ(record.form, ObjectForm::kNewEx);
  EXPECT_EQ(record.callable, callable);
  EXPECT_EQ(record.args, args);
  EXPECT_EQ(record.kwargs, kwargs);
  EXPECT_EQ(record.state, state);
  EXPECT_EQ(record.state_setter, setter);
  const NodeId outer = graph_.AddObject(ObjectForm::kCall, callable, args);
  const NodeId outermost = graph_.AddObject(ObjectForm::kCall, callable, args);
  graph_.AddDroppedCall(object, outer);
  graph_.AddDroppedCall(object, outermost);
  EXPECT_EQ(graph_.object(object).dropped, outermost);
  EXPECT_EQ(graph_.object(outermost).dropped, outer);
  EXPECT_EQ(graph_.object(outer).dropped, kNoNode);
}

TEST_F(ObjectGraphTest, AStorageIsOneNodeForEachDTypeItIsCountedIn) {
  const Storage storage = *Storage::Allocate(8);
  const auto record = [](Storage s, DType dtype, bool untyped) {
    StorageRecord r;
    r.storage = s;
    r.dtype = dtype;
    r.untyped = untyped;
    return r;
  };
  const NodeId floats =
      graph_.AddStorage(record(storage, DType::kFloat32, false));
  EXPECT_EQ(graph_.AddStorage(record(storage, DType::kFloat32, false)), floats);
  EXPECT_NE(graph_.AddStorage(record(storage, DType::kInt32, false)), floats);
  EXPECT_NE(graph_.AddStorage(record(storage, DType::kFloat32, true)), floats);
  EXPECT_NE(
      graph_.AddStorage(record(*Storage::Allocate(8), DType::kFloat32, false)),
      floats);
  EXPECT_EQ(graph_.storages().size(), 4u);
  EXPECT_EQ(graph_.storage_index(floats), 0u);
}

TEST_F(ObjectGraphTest, ReplacesStoragesWhereverTheyAre) {
  const Storage from = *Storage::Allocate(8);
  const Storage to = *Storage::Allocate(8);
  const Storage other = *Storage::Allocate(8);
  StorageRecord record;
  record.storage = from;
  const NodeId storage = graph_.AddStorage(record);
  const Tensor t = *Tensor::Create(from, DType::kFloat32, {2});
  t.set_requires_grad(true, InternalKey());
  t.set_neg(true, InternalKey());
  const NodeId tensor = graph_.AddTensor(t);
  const NodeId untouched =
      graph_.AddTensor(*Tensor::Create(other, DType::kFloat32, {2}));
  graph_.ReplaceStorages({{from, to}});
  EXPECT_EQ(graph_.storage(storage).storage, to);
  EXPECT_EQ(graph_.tensor(tensor).storage(), to);
  EXPECT_TRUE(graph_.tensor(tensor).requires_grad());
  EXPECT_TRUE(graph_.tensor(tensor).is_neg());
  EXPECT_EQ(graph_.tensor(untouched).storage(), other);
  record.storage = to;
  EXPECT_EQ(graph_.AddStorage(record), storage);
}

// --- Equality of keys --------------------------------------------------------

TEST_F(ObjectGraphTest, NumbersAreEqualAsInPython) {
  const NodeId one = Int(1);
  for (NodeId node : {Int(1), ObjectGraph::kTrue, graph_.AddFloat(1.0),
                      graph_.AddComplex(1, 0), graph_.AddComplex(1, -0.0)}) {
    EXPECT_TRUE(graph_.KeysEqual(one, node));
  }
  for (NodeId node :
       {Int(2), ObjectGraph::kFalse, graph_.AddFloat(1.5),
        graph_.AddComplex(1, 1), Str("1"), ObjectGraph::kNone, Tuple({one})}) {
    EXPECT_FALSE(graph_.KeysEqual(one, node));
  }
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddFloat(-0.0), ObjectGraph::kFalse));
  EXPECT_TRUE(
      graph_.KeysEqual(graph_.AddComplex(-0.0, 2), graph_.AddComplex(0.0, 2)));
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddFloat(0.1), graph_.AddFloat(0.1)));
}

TEST_F(ObjectGraphTest, KeysOfManyPartsEqualThoseOfFew) {
  Nodes eight;
  for (int i = 0; i < 8; ++i) eight.push_back(Int(i));
  Nodes nine = eight;
  nine.push_back(Int(0));
  EXPECT_TRUE(graph_.KeysEqual(Frozen(nine), Frozen(eight)));
  EXPECT_FALSE(graph_.KeysEqual(Tuple(nine), Tuple(eight)));
  EXPECT_TRUE(graph_.KeysEqual(Tuple(nine), Tuple(nine)));
  // Long texts and parts with parts are examined in another way.
  const Nodes texts = {Str(std::string(200, 'a')), Str(std::string(200, 'b'))};
  EXPECT_TRUE(graph_.KeysEqual(Tuple(texts), Tuple(texts)));
  EXPECT_TRUE(graph_.KeysEqual(Tuple({Tuple(eight), Int(1)}),
                               Tuple({Tuple(eight), Int(1)})));
  EXPECT_FALSE(graph_.KeysEqual(Tuple({Tuple(eight), Int(1)}),
                                Tuple({Tuple(nine), Int(1)})));
}

TEST_F(ObjectGraphTest, LargeIntegersAndFloatsCompareExactly) {
  const int64_t exact = int64_t{1} << 53;
  EXPECT_TRUE(graph_.KeysEqual(Int(exact), graph_.AddFloat(std::ldexp(1, 53))));
  EXPECT_FALSE(
      graph_.KeysEqual(Int(exact + 1), graph_.AddFloat(std::ldexp(1, 53))));
  const int64_t max = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(graph_.KeysEqual(Int(max), graph_.AddFloat(std::ldexp(1, 63))));
  EXPECT_TRUE(graph_.KeysEqual(Int(std::numeric_limits<int64_t>::min()),
                               graph_.AddFloat(-std::ldexp(1, 63))));
  // 2^63, -2^64 and 3 * 2^100 as big integers.
  const NodeId two63 = Big(std::string(7, '\0') + std::string("\x80\0", 2));
  EXPECT_TRUE(graph_.KeysEqual(two63, graph_.AddFloat(std::ldexp(1, 63))));
  EXPECT_FALSE(graph_.KeysEqual(
      two63, graph_.AddFloat(std::nextafter(std::ldexp(1, 63), 1e300))));
  EXPECT_TRUE(graph_.KeysEqual(Big(std::string(8, '\0') + "\xff"),
                               graph_.AddFloat(-std::ldexp(1, 64))));
  EXPECT_TRUE(graph_.KeysEqual(Big(std::string(12, '\0') + "\x30"),
                               graph_.AddFloat(std::ldexp(3, 100))));
  EXPECT_FALSE(graph_.KeysEqual(Big("\1" + std::string(11, '\0') + "\x30"),
                                graph_.AddFloat(std::ldexp(3, 100))));
  EXPECT_TRUE(graph_.KeysEqual(Big(std::string(12, '\0') + "\x30"),
                               graph_.AddComplex(std::ldexp(3, 100), 0)));
  // Every power of two, both ways.
  for (int exponent = 60; exponent < 1024; ++exponent) {
    for (int sign : {1, -1}) {
      std::string bytes(exponent / 8, '\0');
      const int high = sign * (1 << (exponent % 8));
      bytes.push_back(static_cast<char>(high & 0xFF));
      bytes.push_back(sign > 0 ? '\0' : '\xff');
      EXPECT_TRUE(graph_.KeysEqual(Big(bytes),
                                   graph_.AddFloat(std::ldexp(sign, exponent))))
          << sign << " " << exponent;
    }
  }
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddFloat(inf), graph_.AddFloat(inf)));
  EXPECT_FALSE(graph_.KeysEqual(graph_.AddFloat(inf), graph_.AddFloat(-inf)));
}

TEST_F(ObjectGraphTest, ANanIsEqualToItselfAlone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const NodeId a = graph_.AddFloat(nan);
  const NodeId b = graph_.AddFloat(nan);
  EXPECT_TRUE(graph_.KeysEqual(a, a));
  EXPECT_FALSE(graph_.KeysEqual(a, b));
  EXPECT_TRUE(graph_.KeysEqual(Tuple({a}), Tuple({a})));
  EXPECT_FALSE(graph_.KeysEqual(Tuple({a}), Tuple({b})));
  EXPECT_FALSE(
      graph_.KeysEqual(graph_.AddComplex(nan, 0), graph_.AddComplex(nan, 0)));
}

TEST_F(ObjectGraphTest, TextAndBytesAreEqualByContentAndType) {
  EXPECT_TRUE(graph_.KeysEqual(Str("a"), Str("a")));
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddBytes("a"), graph_.AddBytes("a")));
  EXPECT_FALSE(graph_.KeysEqual(Str("a"), graph_.AddBytes("a")));
  EXPECT_FALSE(graph_.KeysEqual(Str("a"), Str("A")));
}

TEST_F(ObjectGraphTest, TuplesAndFrozenSetsAreEqualByTheirItems) {
  EXPECT_TRUE(graph_.KeysEqual(Tuple({Int(1), Str("a")}),
                               Tuple({graph_.AddFloat(1), Str("a")})));
  EXPECT_FALSE(
      graph_.KeysEqual(Tuple({Int(1), Str("a")}), Tuple({Str("a"), Int(1)})));
  EXPECT_FALSE(graph_.KeysEqual(Tuple({Int(1)}), Tuple({Int(1), Int(1)})));
  EXPECT_TRUE(
      graph_.KeysEqual(Frozen({Int(1), Str("a")}), Frozen({Str("a"), Int(1)})));
  EXPECT_TRUE(graph_.KeysEqual(Frozen({Int(1), Int(1)}), Frozen({Int(1)})));
  EXPECT_FALSE(graph_.KeysEqual(Frozen({Int(1)}), Tuple({Int(1)})));
  EXPECT_TRUE(graph_.KeysEqual(Frozen({}), Frozen({})));
  EXPECT_FALSE(graph_.KeysEqual(Frozen({}), ObjectGraph::kEmptyTuple));
  EXPECT_TRUE(graph_.KeysEqual(Tuple({Frozen({Tuple({Int(1)})})}),
                               Tuple({Frozen({Tuple({Int(1)})})})));
  // torch.Size is a tuple.
  EXPECT_TRUE(
      graph_.KeysEqual(graph_.AddSize({2, 3}), Tuple({Int(2), Int(3)})));
}

TEST_F(ObjectGraphTest, OtherKeysAreEqualByValueOrIdentity) {
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddDType(DType::kInt8),
                               graph_.AddDType(DType::kInt8)));
  EXPECT_FALSE(graph_.KeysEqual(graph_.AddDType(DType::kInt8),
                                graph_.AddDType(DType::kInt16)));
  EXPECT_TRUE(graph_.KeysEqual(graph_.AddDevice(Device("cuda", 1)),
                               graph_.AddDevice(Device("cuda", 1))));
  EXPECT_FALSE(graph_.KeysEqual(graph_.AddDevice(Device("cuda", 1)),
                                graph_.AddDevice(Device("cuda"))));
  EXPECT_FALSE(graph_.KeysEqual(graph_.AddDevice(Device("cuda")), Str("cuda")));
  const Tensor t = *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {});
  const NodeId tensor = graph_.AddTensor(t);
  EXPECT_TRUE(graph_.KeysEqual(tensor, tensor));
  EXPECT_FALSE(graph_.KeysEqual(tensor, graph_.AddTensor(t)));
}

TEST_F(ObjectGraphTest, WhatPythonCannotHash) {
  const NodeId dict = graph_.AddDict();
  const NodeId list = graph_.AddList();
  for (NodeId node :
       {list, graph_.AddDict(), graph_.AddSet(), graph_.AddByteArray("x"),
        Tuple({Int(1), Tuple({list})}), Frozen({Tuple({list})})}) {
    EXPECT_EQ(Set(dict, node).code(), absl::StatusCode::kInvalidArgument)
        << Name(graph_.kind(node));
  }
  EXPECT_TRUE(graph_.entries(dict).empty());
  EXPECT_FALSE(graph_.KeysEqual(list, graph_.AddList()));
  for (NodeId node : {Int(1), Str("x"), ObjectGraph::kNone, Tuple({Int(1)}),
                      Frozen({}), graph_.AddGlobal("m", "C")}) {
    EXPECT_THAT(Set(dict, node), IsOk()) << Name(graph_.kind(node));
  }
}

// Pairs of pairs: 2^200 atoms, if one counted them.
TEST_F(ObjectGraphTest, KeysThatShareTheirPartsCostNoMoreThanTheParts) {
  const auto doubled = [&] {
    NodeId node = Tuple({Int(7), Int(7)});
    for (int i = 0; i < 200; ++i) node = Tuple({node, Frozen({node})});
    return node;
  };
  const NodeId a = doubled();
  const NodeId b = doubled();
  EXPECT_TRUE(graph_.KeysEqual(a, b));
  EXPECT_FALSE(graph_.KeysEqual(a, Tuple({b, b})));
}

TEST_F(ObjectGraphTest, VeryDeepKeysAreCompared) {
  NodeId a = Int(1), b = Int(1);
  for (int i = 0; i < 300000; ++i) {
    a = graph_.AddTuple({&a, 1});
    b = graph_.AddTuple({&b, 1});
  }
  EXPECT_TRUE(graph_.KeysEqual(a, b));
}

// --- Duplicates --------------------------------------------------------------

TEST_F(ObjectGraphTest, OfEqualKeysTheFirstKeyKeepsTheLastValue) {
  const NodeId one = Int(1), a = Str("a"), x = Str("x"), y = Str("y"),
               z = Str("z");
  const NodeId dict = Dict({one, x, a, y, ObjectGraph::kTrue, y, Str("a"), z,
                            graph_.AddFloat(1.0), z, Str("b"), x});
  const NodeId ordered = graph_.AddObject(
      ObjectForm::kCall, graph_.AddGlobal("collections", "OrderedDict"),
      ObjectGraph::kEmptyTuple);
  graph_.BecomeDict(ordered);
  graph_.AppendEntries(ordered, Nodes{a, x, Str("a"), y});
  ASSERT_THAT(graph_.RemoveDuplicateKeys(), IsOk());
  ASSERT_EQ(graph_.entries(dict).size(), 6u);
  EXPECT_EQ(graph_.entries(dict)[0], one);
  EXPECT_EQ(graph_.entries(dict)[1], z);
  EXPECT_EQ(graph_.entries(dict)[2], a);
  EXPECT_EQ(graph_.entries(dict)[3], z);
  EXPECT_EQ(Entries(ordered), (Nodes{a, y}));
  EXPECT_EQ(graph_.FindStr(dict, "a"), z);
}

TEST_F(ObjectGraphTest, LargeDictsLoseTheirDuplicatesAndTheirIndexes) {
  Nodes entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back(Str(std::to_string(i % 400)));
    entries.push_back(Int(i));
  }
  const NodeId dict = Dict(entries);
  graph_.FindStr(dict, "399");  // builds an index
  ASSERT_THAT(graph_.RemoveDuplicateKeys(), IsOk());
  EXPECT_EQ(graph_.entries(dict).size(), 800u);
  for (int i = 0; i < 400; ++i) {
    const NodeId found = graph_.FindStr(dict, std::to_string(i));
    ASSERT_NE(found, kNoNode);
    EXPECT_EQ(graph_.int_value(found), i < 200 ? 800 + i : 400 + i);
  }
}

TEST_F(ObjectGraphTest, OfEqualItemsOfASetTheFirstIsKept) {
  const NodeId one = Int(1), a = Str("a");
  const NodeId set =
      graph_.AddSet(Nodes{one, a, ObjectGraph::kTrue, Str("a"), a});
  const NodeId frozen = Frozen({a, Str("a")});
  ASSERT_THAT(graph_.RemoveDuplicateKeys(), IsOk());
  EXPECT_EQ(Items(set), (Nodes{one, a}));
  EXPECT_EQ(Items(frozen), (Nodes{a}));
}

// Short keys are compared by another way than the others.
TEST_F(ObjectGraphTest, ShortKeysAreDuplicatesIfTheyAreEqual) {
  const NodeId size = graph_.AddSizeOf(Nodes{Int(1), Int(2)});
  const NodeId nan = graph_.AddFloat(std::nan(""));
  const std::string long_text(300, 'x');
  const Nodes keys = {Int(1),
                      ObjectGraph::kTrue,
                      graph_.AddFloat(1),
                      graph_.AddComplex(1, 0),
                      graph_.AddFloat(0.5),
                      Str("1"),
                      Str(""),
                      Str(long_text),
                      Str(long_text),
                      ObjectGraph::kNone,
                      ObjectGraph::kEmptyTuple,
                      Tuple({ObjectGraph::kEmptyTuple}),
                      Tuple({Int(1)}),
                      Tuple({ObjectGraph::kTrue}),
                      Tuple({Str("1")}),
                      Tuple({Int(1), Int(2)}),
                      Tuple({graph_.AddFloat(1), Int(2)}),
                      Tuple({Int(2), Int(1)}),
                      size,
                      Frozen({Int(1), Int(2)}),
                      Tuple({Frozen({Int(1)})}),
                      Tuple({ObjectGraph::kNone}),
                      Tuple({Tuple({Int(1)})}),
                      nan,
                      Tuple({nan}),
                      Tuple({graph_.AddFloat(std::nan(""))}),
                      Tuple({Str("")}),
                      Tuple({Str("a"), Str("bc")}),
                      Tuple({Str("ab"), Str("c")}),
                      Tuple(Nodes(8, Int(1))),
                      Tuple(Nodes(9, Int(1))),
                      Tuple({Str(long_text)})};
  // Whether there are more entries than are compared one by one.
  for (const bool is_large : {false, true}) {
    for (const NodeId a : keys) {
      for (const NodeId b : keys) {
        ObjectGraph graph;
        Nodes items = {graph.Import(graph_, a)};
        // One import for both, since identity can matter.
        items.push_back(a == b ? items[0] : graph.Import(graph_, b));
        const bool are_equal = graph.KeysEqual(items[0], items[1]);
        EXPECT_EQ(are_equal, graph_.KeysEqual(a, b));
        const size_t num_others = is_large ? 20 : 0;
        for (size_t i = 0; i < num_others; ++i) {
          items.push_back(graph.AddStr(absl::StrCat("other ", i)));
        }
        Nodes entries;
        for (const NodeId item : items) {
          entries.push_back(item);
          entries.push_back(item);
        }
        const NodeId set = graph.AddSet(items);
        const NodeId dict = graph.AddDict();
        graph.AppendEntries(dict, entries);
        ASSERT_THAT(graph.RemoveDuplicateKeys(), IsOk());
        const size_t expected = num_others + (are_equal ? 1 : 2);
        EXPECT_EQ(graph.items(set).size(), expected);
        EXPECT_EQ(graph.entries(dict).size(), 2 * expected);
      }
    }
  }
}

TEST_F(ObjectGraphTest, UnhashableKeysAndItemsAreDataLoss) {
  const auto code = [](auto fill) {
    ObjectGraph graph;
    fill(&graph);
    return graph.RemoveDuplicateKeys().code();
  };
  EXPECT_EQ(code([](ObjectGraph* g) {
              const NodeId entry[] = {g->AddList(), ObjectGraph::kNone};
              g->AppendEntries(g->AddDict(), entry);
            }),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(
      code([](ObjectGraph* g) {
        const NodeId list = g->AddList();
        const NodeId entry[] = {g->AddTuple({&list, 1}), ObjectGraph::kNone};
        g->AppendEntries(g->AddDict(), entry);
      }),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(code([](ObjectGraph* g) {
              const NodeId dict = g->AddDict();
              g->AddSet({&dict, 1});
            }),
            absl::StatusCode::kDataLoss);
  // An object may take what it likes.
  EXPECT_EQ(code([](ObjectGraph* g) {
              const NodeId entries[] = {g->AddList(), g->AddInt(1),
                                        g->AddList(), g->AddInt(2)};
              const NodeId object =
                  g->AddObject(ObjectForm::kCall, g->AddGlobal("m", "C"),
                               ObjectGraph::kEmptyTuple);
              g->AppendEntries(object, entries);
            }),
            absl::StatusCode::kOk);
}

TEST_F(ObjectGraphTest, OlderNodesCanBeLeftAlone) {
  const NodeId old = Dict({Str("a"), Int(1), Str("a"), Int(2)});
  const NodeId young = Dict({Str("a"), Int(1), Str("a"), Int(2)});
  ASSERT_THAT(graph_.RemoveDuplicateKeys(old + 1), IsOk());
  EXPECT_EQ(graph_.entries(old).size(), 4u);
  EXPECT_EQ(graph_.entries(young).size(), 2u);
}

// Tuples of one length, which a hash of the length alone would put in one
// place.
TEST_F(ObjectGraphTest, ManyTupleKeysAreNoTrouble) {
  Nodes entries;
  for (int i = 0; i < 100000; ++i) {
    entries.push_back(Tuple({Int(i), Int(i / 2)}));
    entries.push_back(ObjectGraph::kNone);
  }
  const NodeId dict = Dict(entries);
  ASSERT_THAT(graph_.RemoveDuplicateKeys(), IsOk());
  EXPECT_EQ(graph_.entries(dict).size(), entries.size());
}

// --- Look-up -----------------------------------------------------------------

TEST_F(ObjectGraphTest, FindsStrAndIntKeysInSmallAndLargeDicts) {
  for (int size : {3, 8, 9, 100}) {
    Nodes entries;
    for (int i = 0; i < size; ++i) {
      entries.push_back(i % 2 == 0 ? Str("k" + std::to_string(i)) : Int(i));
      entries.push_back(Int(1000 + i));
    }
    const NodeId dict = Dict(entries);
    EXPECT_TRUE(graph_.HasPlainKeys(dict));
    for (int i = 0; i < size; ++i) {
      const NodeId found = i % 2 == 0
                               ? graph_.FindStr(dict, "k" + std::to_string(i))
                               : graph_.FindInt(dict, i);
      EXPECT_EQ(found, entries[2 * i + 1]) << size << " " << i;
    }
    EXPECT_EQ(graph_.FindStr(dict, "k1"), kNoNode);
    EXPECT_EQ(graph_.FindStr(dict, "1"), kNoNode);
    EXPECT_EQ(graph_.FindStr(dict, ""), kNoNode);
    EXPECT_EQ(graph_.FindInt(dict, 0), kNoNode);
    // Appending is seen.
    const NodeId late[] = {Str("late"), Int(7), graph_.AddFloat(5.5), Int(8)};
    graph_.AppendEntries(dict, late);
    EXPECT_EQ(graph_.FindStr(dict, "late"), late[1]);
    EXPECT_FALSE(graph_.HasPlainKeys(dict));
  }
}

TEST_F(ObjectGraphTest, FindIntFindsNoBoolAndNoFloat) {
  for (int padding : {0, 20}) {
    Nodes entries = {ObjectGraph::kTrue,         Str("x"),
                     graph_.AddFloat(2),         Str("y"),
                     Big(std::string(20, '\1')), Str("z")};
    for (int i = 0; i < padding; ++i) {
      entries.push_back(Int(100 + i));
      entries.push_back(ObjectGraph::kNone);
    }
    const NodeId dict = Dict(entries);
    EXPECT_EQ(graph_.FindInt(dict, 1), kNoNode);
    EXPECT_EQ(graph_.FindInt(dict, 2), kNoNode);
    EXPECT_FALSE(graph_.HasPlainKeys(dict));
  }
}

TEST_F(ObjectGraphTest, SetEntryReplacesOrAppends) {
  const NodeId dict = graph_.AddDict();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      graph_.SetEntry(dict, std::to_string(i), Int(round));
      EXPECT_THAT(Set(dict, Int(i), Int(round)), IsOk());
      EXPECT_THAT(Set(dict, Tuple({Int(i), Str("t")}), Int(round)), IsOk());
    }
  }
  ASSERT_EQ(graph_.entries(dict).size(), 2u * 150);
  for (size_t i = 1; i < 300; i += 2) {
    EXPECT_EQ(graph_.int_value(graph_.entries(dict)[i]), 1);
  }
  const NodeId value = Str("by an equal key");
  EXPECT_THAT(Set(dict, graph_.AddFloat(7.0), value), IsOk());
  EXPECT_EQ(graph_.FindInt(dict, 7), value);
  EXPECT_EQ(graph_.entries(dict).size(), 2u * 150);
}

TEST_F(ObjectGraphTest, ManySetEntriesInTurnAreNoTrouble) {
  Nodes dicts;
  for (int i = 0; i < 10; ++i) dicts.push_back(graph_.AddDict());
  for (int i = 0; i < 20000; ++i) {
    const NodeId key = Tuple({Int(i), Int(0)});
    for (NodeId dict : dicts) EXPECT_THAT(Set(dict, key, key), IsOk());
  }
  for (NodeId dict : dicts) EXPECT_EQ(graph_.entries(dict).size(), 40000u);
}

TEST(ObjectGraphGrowthTest, ADictThatGrowsBetweenLookUpsIsIndexedOnce) {
  EXPECT_TRUE(GrowsLinearly(
      1000, [](size_t n) { return std::string(n, ' '); },
      [](const std::string& input) {
        ObjectGraph graph;
        const NodeId dict = graph.AddDict();
        for (size_t i = 0; i < input.size(); ++i) {
          const std::string key = absl::StrCat("key ", i);
          const NodeId entry[] = {graph.AddStr(key), ObjectGraph::kNone};
          EXPECT_EQ(graph.FindStr(dict, key), kNoNode);
          graph.AppendEntries(dict, entry);
          EXPECT_EQ(graph.FindStr(dict, key), ObjectGraph::kNone);
          EXPECT_EQ(graph.FindInt(dict, 1), kNoNode);
          EXPECT_TRUE(graph.HasPlainKeys(dict));
        }
        return Cost();
      }));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
