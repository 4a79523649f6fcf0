// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickler.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/hex.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/test_vectors.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

using Code = absl::StatusCode;
using ::testing::HasSubstr;
using Nodes = std::vector<NodeId>;

template <size_t N>
std::string B(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

class PicklerTest : public testing::Test {
 protected:
  std::string Write(NodeId root, int protocol, PickleHooks* hooks = nullptr) {
    Pickler pickler(graph_, protocol, hooks);
    const absl::Status status = pickler.Dump(root);
    EXPECT_THAT(status, IsOk());
    return std::string(pickler.bytes());
  }
  Code WriteCode(NodeId root, int protocol) {
    return Pickler(graph_, protocol, nullptr).Dump(root).code();
  }
  NodeId Read(const std::string& bytes) {
    const auto result = Unpickle(bytes, Budget::Unlimited(), nullptr, &graph_);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? result->root : ObjectGraph::kNone;
  }

  ObjectGraph graph_;
};

TEST_F(PicklerTest, VectorsAreWrittenByteForByte) {
  for (const TestVector& vector : kTestVectors) {
    const std::string bytes = BytesFromHex(vector.hex);
    ObjectGraph graph;
    const auto result = Unpickle(bytes, Budget::Unlimited(), nullptr, &graph);
    ASSERT_THAT(result, IsOk()) << vector.name << " " << result.status();
    Pickler pickler(graph, result->protocol, nullptr);
    ASSERT_THAT(pickler.Dump(result->root), IsOk()) << vector.name;
    EXPECT_EQ(absl::BytesToHexString(pickler.bytes()), vector.hex)
        << vector.name;
  }
}

// As CPython writes {"k": [1, "k"], "t": (b"x", 2.0)}, where "k" is one str.
TEST_F(PicklerTest, EachProtocolIsCPythons) {
  const NodeId k = graph_.AddStr("k");
  const NodeId list = graph_.AddList(Nodes{graph_.AddInt(1), k});
  const NodeId tuple =
      graph_.AddTuple(Nodes{graph_.AddBytes("x"), graph_.AddFloat(2)});
  const NodeId dict = graph_.AddDict();
  graph_.AppendEntries(dict, Nodes{k, list, graph_.AddStr("t"), tuple});
  EXPECT_EQ(
      Write(dict, 2),
      B("\x80\2}q\0(X\1\0\0\0kq\1]q\2(K\1h\1eX\1\0\0\0tq\3c_codecs\nencode\n"
        "q\4X\1\0\0\0xq\5X\6\0\0\0latin1q\6\x86q\7Rq\x08G@\0\0\0\0\0\0\0"
        "\x86q\tu."));
  EXPECT_EQ(Write(dict, 3),
            B("\x80\3}q\0(X\1\0\0\0kq\1]q\2(K\1h\1eX\1\0\0\0tq\3C\1xq\4"
              "G@\0\0\0\0\0\0\0\x86q\5u."));
  const std::string framed =
      B("\x95\x24\0\0\0\0\0\0\0}\x94(\x8c\1k\x94]\x94(K\1h\1e\x8c\1t\x94"
        "C\1x\x94G@\0\0\0\0\0\0\0\x86\x94u.");
  EXPECT_EQ(Write(dict, 4), "\x80\4" + framed);
  EXPECT_EQ(Write(dict, 5), "\x80\5" + framed);
}

TEST_F(PicklerTest, ShortPicklesHaveNoFrame) {
  EXPECT_EQ(Write(ObjectGraph::kNone, 4), B("\x80\4N."));
  EXPECT_EQ(Write(graph_.AddInt(300), 4), B("\x80\4\x95\4\0\0\0\0\0\0\0M,\1."));
}

TEST_F(PicklerTest, NamesAreThoseThatTheProtocolKnows) {
  const NodeId range = graph_.AddGlobal("builtins", "range");
  EXPECT_EQ(Write(range, 2), B("\x80\2c__builtin__\nxrange\nq\0."));
  EXPECT_EQ(Write(range, 3), B("\x80\3cbuiltins\nrange\nq\0."));
  EXPECT_EQ(Write(range, 4), B("\x80\4\x95\x16\0\0\0\0\0\0\0\x8c\x08"
                               "builtins\x94\x8c\5range\x94"
                               "\x93\x94."));
}

// No pickler writes STACK_GLOBAL below protocol 4, but Python reads it there,
// and maps names of Python 2.
TEST_F(PicklerTest, NamesThatWereMappedStayMapped) {
  const std::string operands =
      B("U\x08"
        "copy_regU\x0e_reconstructor\x93.");
  const std::string mapped = B("\x8c\7copyreg\x94\x8c\x0e_reconstructor\x94");
  for (const std::string& protocol : {B(""), B("\x80\1"), B("\x80\2")}) {
    const NodeId global = Read(protocol + operands);
    EXPECT_EQ(Write(global, 2), B("\x80\2ccopy_reg\n_reconstructor\nq\0."));
    EXPECT_EQ(Write(global, 3), B("\x80\3ccopyreg\n_reconstructor\nq\0."));
    EXPECT_THAT(Write(global, 4), HasSubstr(mapped));
    EXPECT_THAT(Write(global, 5), HasSubstr(mapped));
  }
  // From protocol 3 on it is a module of that name.
  const NodeId other = Read(B("\x80\3") + operands);
  EXPECT_THAT(Write(other, 4), HasSubstr("copy_reg"));
  EXPECT_EQ(WriteCode(other, 2), Code::kUnimplemented);
}

// CPython writes them all.
TEST_F(PicklerTest, NamesThatWouldComeBackAsOthersAreRefused) {
  for (const auto& [module, name] :
       {GlobalName{"builtins", "TimeoutError"},
        GlobalName{"builtins", "ModuleNotFoundError"},
        GlobalName{"copy_reg", "_reconstructor"},
        GlobalName{"Queue", "Queue"}}) {
    const NodeId global = graph_.AddGlobal(module, name);
    for (int protocol : {0, 1, 2}) {
      EXPECT_EQ(WriteCode(global, protocol), Code::kUnimplemented) << module;
    }
    for (int protocol : {3, 4, 5}) {
      EXPECT_EQ(WriteCode(global, protocol), Code::kOk) << module;
    }
  }
}

TEST_F(PicklerTest, NestedClassesAreGotByGetattrBeforeProtocol4) {
  const NodeId nested = graph_.AddGlobal("m", "A.B.C");
  EXPECT_EQ(
      Write(nested, 2),
      B("\x80\2c__builtin__\ngetattr\nq\0h\0cm\nA\nq\1X\1\0\0\0Bq\2\x86q\3Rq\4"
        "X\1\0\0\0Cq\5\x86q\6Rq\7."));
  EXPECT_EQ(Write(nested, 4), B("\x80\4\x95\x0f\0\0\0\0\0\0\0\x8c\1m\x94\x8c\5"
                                "A.B.C\x94\x93\x94."));
}

TEST_F(PicklerTest, DotsThatPartNoNamesNeedProtocol4) {
  for (const char* name : {".", ".A", "A.", "A..B"}) {
    const NodeId global = graph_.AddGlobal("m", name);
    for (int protocol : {0, 1, 2, 3}) {
      EXPECT_EQ(WriteCode(global, protocol), Code::kUnimplemented) << name;
    }
    EXPECT_EQ(Read(Write(global, 4)), global) << name;
  }
}

TEST_F(PicklerTest, WhatNeedsHooksSaysSo) {
  const Tensor tensor =
      *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {});
  for (NodeId node : {graph_.AddTensor(tensor), graph_.AddDType(DType::kInt8),
                      graph_.AddDevice(Device("cpu")), graph_.AddSize({1}),
                      graph_.AddLayout(Layout::kStrided),
                      graph_.AddStorage(StorageRecord())}) {
    EXPECT_EQ(WriteCode(node, 2), Code::kUnimplemented)
        << Name(graph_.kind(node));
  }
}

// What `Unpickle` refuses, because Python would copy the attributes too early.
TEST_F(PicklerTest, AttributesOfAnOrderedDictAreCompleteWhereTheyAreCopied) {
  const auto ordered_dict = [this](NodeId state) {
    const NodeId node = graph_.AddObject(
        ObjectForm::kCall, graph_.AddGlobal("collections", "OrderedDict"),
        ObjectGraph::kEmptyTuple);
    graph_.BecomeDict(node);
    graph_.SetState(node, state);
    return node;
  };
  const auto contains = [this](NodeId dict, NodeId value) {
    const NodeId entry[] = {graph_.AddStr("x"), value};
    graph_.AppendEntries(dict, entry);
  };
  for (bool is_ordered : {false, true}) {
    const NodeId attributes =
        is_ordered ? ordered_dict(ObjectGraph::kNone) : graph_.AddDict();
    const NodeId dict = ordered_dict(attributes);
    contains(attributes, dict);
    for (int protocol = 0; protocol <= 5; ++protocol) {
      EXPECT_EQ(WriteCode(attributes, protocol), Code::kUnimplemented);
      // From here the attributes are complete first.
      const NodeId read = Read(Write(dict, protocol));
      EXPECT_EQ(graph_.entries(graph_.object(read).state).size(), 2u);
      EXPECT_EQ(graph_.entries(graph_.object(read).state)[1], read);
    }
    const NodeId both[] = {attributes, dict};
    EXPECT_EQ(WriteCode(graph_.AddList(both), 2), Code::kUnimplemented);
  }
  const NodeId shared = graph_.AddDict();
  contains(shared, ObjectGraph::kTrue);
  const NodeId in_turn[] = {shared, ordered_dict(shared), ordered_dict(shared)};
  Read(Write(graph_.AddList(in_turn), 2));
  EXPECT_EQ(WriteCode(ordered_dict(graph_.AddList({})), 2),
            Code::kUnimplemented);
  EXPECT_EQ(WriteCode(ordered_dict(ObjectGraph::kNone), 2), Code::kOk);
}

TEST_F(PicklerTest, TheStateOfAnObjectIsCompleteWhereItIsCopied) {
  for (int form = 0; form < 3; ++form) {
    const NodeId object = graph_.AddObject(
        ObjectForm::kNew, graph_.AddGlobal("m", "A"), ObjectGraph::kEmptyTuple);
    const NodeId dict = graph_.AddDict();
    const NodeId states[] = {dict,
                             graph_.AddTuple(Nodes{dict, ObjectGraph::kNone}),
                             graph_.AddTuple(Nodes{ObjectGraph::kNone, dict})};
    graph_.SetState(object, states[form]);
    graph_.AppendEntries(dict, Nodes{object, graph_.AddList(Nodes{})});
    for (int protocol = 0; protocol <= 5; ++protocol) {
      EXPECT_EQ(WriteCode(dict, protocol), Code::kUnimplemented) << form;
      Read(Write(object, protocol));
    }
  }
}

TEST_F(PicklerTest, HooksWriteWhatPickleDoesNotKnow) {
  class Devices final : public PickleHooks {
   public:
    absl::Status WriteNode(NodeId node, const ObjectGraph& graph,
                           Pickler* pickler) override {
      pickler->WriteGlobal("torch", "device");
      pickler->BeginTuple(1);
      pickler->WriteSharedWord(graph.device(node).type());
      pickler->EndTuple(1);
      pickler->WriteReduce();
      return absl::OkStatus();
    }
  };
  Devices hooks;
  const NodeId device = graph_.AddDevice(Device("cpu"));
  const NodeId list =
      graph_.AddList(Nodes{device, device, graph_.AddDevice(Device("cpu"))});
  EXPECT_EQ(
      Write(list, 2, &hooks),
      B("\x80\2]q\0(ctorch\ndevice\nq\1X\3\0\0\0cpuq\2\x85q\3Rq\4h\4h\1h\2"
        "\x85q\5Rq\6e."));
}

TEST_F(PicklerTest, OnlyGlobalsAndObjectsAreCalled) {
  const NodeId args = ObjectGraph::kEmptyTuple;
  const NodeId object =
      graph_.AddObject(ObjectForm::kCall, graph_.AddGlobal("m", "C"), args);
  for (const NodeId callable :
       {graph_.AddInt(512), graph_.AddStr("m.C"), graph_.AddList({object}),
        graph_.AddDType(DType::kFloat32)}) {
    EXPECT_EQ(WriteCode(graph_.AddObject(ObjectForm::kCall, callable, args), 2),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(WriteCode(graph_.AddObject(ObjectForm::kCall, object, args), 2),
            Code::kOk);
  graph_.SetState(object, ObjectGraph::kTrue,
                  /*state_setter=*/graph_.AddInt(512));
  EXPECT_EQ(WriteCode(object, 2), Code::kInvalidArgument);
}

TEST_F(PicklerTest, InstancesOfOldStyleClassesAreMadeAsBefore) {
  const NodeId object = Read("(im\nC\n.");
  for (int protocol = 0; protocol <= 5; ++protocol) {
    const NodeId again = Read(Write(object, protocol));
    EXPECT_EQ(graph_.object(again).form, ObjectForm::kInstance) << protocol;
    EXPECT_EQ(graph_.object(again).callable, graph_.object(object).callable);
  }
  EXPECT_EQ(WriteCode(graph_.AddObject(
                          ObjectForm::kInstance, graph_.AddGlobal("m", "C"),
                          graph_.AddTuple(std::vector<NodeId>{object})),
                      2),
            Code::kInvalidArgument);
}

TEST_F(PicklerTest, KeywordArgumentsNeedProtocol4) {
  const NodeId object = Read(B("cm\nC\n)}K\1Ns\x92."));
  EXPECT_EQ(WriteCode(object, 2), Code::kUnimplemented);
  EXPECT_EQ(WriteCode(object, 4), Code::kOk);
}

TEST_F(PicklerTest, AMillionLevelsAreWrittenAndReadAgain) {
  const int depth = 1000000;
  NodeId list = graph_.AddList();
  NodeId tuple = graph_.AddInt(1);
  NodeId frozen = graph_.AddFrozenSet({});
  for (int i = 0; i < depth; ++i) {
    list = graph_.AddList({&list, 1});
    tuple = graph_.AddTuple({&tuple, 1});
  }
  // Sets are hashed when they are read, which takes its time.
  const int fewer = depth / 10;
  for (int i = 0; i < fewer; ++i) frozen = graph_.AddFrozenSet({&frozen, 1});
  for (int protocol : {2, 5}) {
    for (NodeId root : {list, tuple, frozen}) {
      const std::string bytes = Write(root, protocol);
      ObjectGraph other;
      const auto result = Unpickle(bytes, Budget::Unlimited(), nullptr, &other);
      ASSERT_THAT(result, IsOk());
      NodeId node = result->root;
      int levels = 0;
      for (; !other.items(node).empty(); ++levels) node = other.items(node)[0];
      EXPECT_EQ(levels, root == frozen ? fewer : depth);
    }
  }
}

// A tuple of many lists that all contain it is written once inside each: so
// often Python could not, and the size would be the square.
TEST_F(PicklerTest, ContainersInsideThemselvesAreBounded) {
  for (int count : {10, 100000}) {
    Nodes lists;
    for (int i = 0; i < count; ++i) lists.push_back(graph_.AddList());
    const NodeId tuple = graph_.AddTuple(lists);
    for (NodeId list : lists) graph_.AppendItems(list, {&tuple, 1});
    EXPECT_EQ(WriteCode(tuple, 2),
              count == 10 ? Code::kOk : Code::kInvalidArgument);
  }
  // What no pickle can make, a program can: arguments that are the object.
  const NodeId args = graph_.AddTuple(Nodes{graph_.AddInt(1)});
  const NodeId object = graph_.AddObject(
      ObjectForm::kNewEx, graph_.AddGlobal("m", "C"), args, graph_.AddDict());
  graph_.AppendEntries(graph_.object(object).kwargs,
                       Nodes{graph_.AddStr("self"), object});
  const NodeId again = Read(Write(object, 4));
  EXPECT_EQ(graph_.entries(graph_.object(again).kwargs)[1], again);
}

TEST_F(PicklerTest, ALargePieceStandsOutsideOfAnyFrame) {
  const std::string big(70000, 'x');
  const NodeId list = graph_.AddList(
      Nodes{graph_.AddInt(1), graph_.AddBytes(big), graph_.AddInt(2)});
  EXPECT_EQ(Write(list, 4), B("\x80\4\x95\5\0\0\0\0\0\0\0]\x94(K\1"
                              "B\x70\x11\1\0") +
                                big + B("\x95\5\0\0\0\0\0\0\0\x94K\2e."));
}

}  // namespace
}  // namespace pickle
}  // namespace v1
}  // namespace ferry
