// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_path.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using Code = absl::StatusCode;
using Nodes = std::vector<NodeId>;
using Lines = std::vector<std::string>;

class ObjectPathTest : public testing::Test {
 protected:
  NodeId Str(absl::string_view text) { return graph_.AddStr(text); }
  NodeId Int(int64_t value) { return graph_.AddInt(value); }
  NodeId Float(double value) { return graph_.AddFloat(value); }
  NodeId Tuple(const Nodes& items) { return graph_.AddTuple(items); }
  NodeId List(const Nodes& items) { return graph_.AddList(items); }
  NodeId Dict(const Nodes& keys_and_values) {
    const NodeId dict = graph_.AddDict();
    graph_.AppendEntries(dict, keys_and_values);
    return dict;
  }
  NodeId Object(const Nodes& args) {
    return graph_.AddObject(ObjectForm::kCall, graph_.AddGlobal("m", "C"),
                            Tuple(args));
  }
  NodeId ATensor() {
    return graph_.AddTensor(
        *Tensor::Create(*Storage::Allocate(4), DType::kFloat32, {}));
  }

  NodeId Resolve(NodeId root, absl::string_view pointer) {
    const absl::StatusOr<NodeId> node = ResolvePointer(graph_, root, pointer);
    EXPECT_THAT(node, IsOk());
    return node.ok() ? *node : kNoNode;
  }
  Code ResolveCode(NodeId root, absl::string_view pointer) {
    return ResolvePointer(graph_, root, pointer).status().code();
  }

  ObjectGraph graph_;
};

TEST_F(ObjectPathTest, ErrorsSayWhereANodeStands) {
  const NodeId bad = Int(5);
  const NodeId deep = List({Int(0), bad});
  const auto message = [this](NodeId root, NodeId node) {
    const absl::Status status =
        AnnotatePlace(absl::DataLossError("bad"), graph_, root, node);
    EXPECT_EQ(status.code(), Code::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_EQ(message(bad, bad), "bad");
  EXPECT_EQ(message(deep, bad), "bad (at /1)");
  EXPECT_EQ(message(Dict({Str("a/b"), deep}), bad), "bad (at /a~1b/1)");
  EXPECT_EQ(message(Dict({Str("\xff"), deep}), bad), "bad (at /\\xff/1)");
  EXPECT_EQ(message(Dict({bad, deep}), bad), "bad (at a key)");
  EXPECT_EQ(message(Tuple({Dict({bad, Int(1)})}), bad), "bad (at a key of /0)");
  EXPECT_EQ(message(Dict({Str("s"), graph_.AddSet({bad})}), bad),
            "bad (at /s)");
  // A value before a key, and a short way before a long one.
  EXPECT_EQ(message(Dict({bad, Int(1), Str("v"), bad}), bad), "bad (at /v)");
  EXPECT_EQ(message(List({List({deep}), bad}), bad), "bad (at /1)");
  // What an object is made with and given.
  const NodeId object = Object({Int(1), bad});
  EXPECT_EQ(message(object, bad), "bad (at /1)");
  const NodeId stateful = Object({});
  graph_.SetState(stateful, Dict({Str("x"), bad}));
  EXPECT_EQ(message(List({stateful}), bad), "bad (at /0/x)");
  EXPECT_EQ(message(List({stateful}), graph_.object(stateful).callable),
            "bad (at /0)");
  const NodeId halves = Object({});
  graph_.SetState(halves, Tuple({Dict({Str("x"), Int(1)}),
                                 Dict({Str("y"), bad, deep, Int(2)})}));
  EXPECT_EQ(message(List({halves}), bad), "bad (at /0/y)");
  EXPECT_EQ(message(List({halves}), deep), "bad (at a key of /0)");
  const NodeId other_state = Object({});
  graph_.SetState(other_state, List({bad}));
  EXPECT_EQ(message(other_state, bad), "bad (at /__state__/0)");
  // Where a name is that of two children.
  EXPECT_EQ(message(Dict({Str("0"), Int(1), Int(0), deep}), bad),
            "bad (at /0~21/1)");
  const NodeId both = Object({deep});
  graph_.AppendItems(both, Nodes{Int(1)});
  EXPECT_EQ(message(both, bad), "bad (at /0~21/1)");
  // What no pointer leads to, nor to what is in it.
  EXPECT_EQ(
      message(Dict({Str("s"), graph_.AddSet({Tuple({Int(0), bad})})}), bad),
      "bad (at /s)");
  // A cycle, a way that is beyond measure, and none at all.
  const NodeId cycle = List({});
  graph_.AppendItems(cycle, Nodes{cycle, deep});
  EXPECT_EQ(message(cycle, bad), "bad (at /1/1)");
  NodeId nested = bad;
  for (int i = 0; i < 100000; ++i) nested = List({nested});
  const std::string cut = message(nested, bad);
  EXPECT_LT(cut.size(), 300);
  EXPECT_EQ(cut.substr(cut.size() - 6), "/0...)");
  EXPECT_EQ(message(deep, nested), "bad");
}

// What a walk told, a line each.
class Recorder final : public GraphVisitor {
 public:
  explicit Recorder(bool leaves = false) : leaves_(leaves) {}
  void OnTensor(absl::string_view pointer, NodeId) override {
    lines.push_back("tensor " + std::string(pointer));
  }
  void OnContainer(absl::string_view pointer, NodeId) override {
    lines.push_back("container " + std::string(pointer));
  }
  void OnAlias(absl::string_view pointer,
               absl::string_view first_pointer) override {
    lines.push_back("alias " + std::string(pointer) + " " +
                    std::string(first_pointer));
  }
  void OnLeaf(absl::string_view pointer, NodeId) override {
    if (leaves_) lines.push_back("leaf " + std::string(pointer));
  }

  Lines lines;

 private:
  const bool leaves_;
};

// Counts, and copies nothing.
class Counter final : public GraphVisitor {
 public:
  void OnTensor(absl::string_view, NodeId) override { ++tensors; }
  void OnContainer(absl::string_view pointer, NodeId) override {
    ++containers;
    longest = std::max(longest, pointer.size());
  }
  void OnAlias(absl::string_view, absl::string_view first) override {
    ++aliases;
    longest_first = std::max(longest_first, first.size());
  }
  size_t tensors = 0, containers = 0, aliases = 0, longest = 0;
  size_t longest_first = 0;
};

// --- Keys --------------------------------------------------------------------

TEST_F(ObjectPathTest, TokensAreEscaped) {
  EXPECT_EQ(EscapePointerToken("a/b~c~1"), "a~1b~0c~01");
  EXPECT_EQ(EscapePointerToken(""), "");
}

// --- Children ----------------------------------------------------------------

TEST_F(ObjectPathTest, ChildrenOfAnObject) {
  const NodeId object =
      graph_.AddObject(ObjectForm::kNewEx, graph_.AddGlobal("m", "C"),
                       Tuple({Int(10)}), Dict({Str("kw"), Int(11)}));
  const NodeId item = Int(12);
  graph_.AppendItems(object, {&item, 1});
  const NodeId entry[] = {Int(5), Int(13)};
  graph_.AppendEntries(object, entry);
  graph_.SetState(object, Tuple({Dict({Str("attribute"), Int(14)}),
                                 Dict({Str("slot"), Int(15)})}));
  std::vector<std::pair<std::string, int64_t>> children;
  const absl::Status status =
      ForEachChild(graph_, object, [&](absl::string_view step, NodeId child) {
        EXPECT_EQ(Resolve(object, step), child);
        children.emplace_back(step, graph_.int_value(child));
        return absl::OkStatus();
      });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(children,
            (std::vector<std::pair<std::string, int64_t>>{{"/5", 13},
                                                          {"/attribute", 14},
                                                          {"/slot", 15},
                                                          {"/0", 12},
                                                          {"/0~21", 10},
                                                          {"/kw", 11}}));
  EXPECT_EQ(graph_.int_value(Resolve(object, "/5")), 13);
  EXPECT_EQ(graph_.int_value(Resolve(object, "/slot")), 15);
  EXPECT_EQ(graph_.int_value(Resolve(object, "/0")), 12);
  EXPECT_EQ(graph_.int_value(Resolve(object, "/kw")), 11);
  EXPECT_EQ(graph_.int_value(FindAttribute(graph_, object, "attribute")), 14);
  EXPECT_EQ(FindAttribute(graph_, object, "kw"), kNoNode);
  EXPECT_EQ(FindAttribute(graph_, entry[0], "kw"), kNoNode);
}

TEST_F(ObjectPathTest, StatesOfOtherShapesAreOneChild) {
  for (NodeId state :
       {Int(1), Tuple({Int(1), Int(2)}), List({Int(1)}),
        Tuple({Dict({}), Int(2)}), Tuple({ObjectGraph::kNone})}) {
    const NodeId object = Object({});
    graph_.SetState(object, state);
    EXPECT_EQ(Resolve(object, "/__state__"), state);
  }
  const NodeId slots_only = Object({});
  graph_.SetState(slots_only,
                  Tuple({ObjectGraph::kNone, Dict({Str("a"), Int(1)})}));
  EXPECT_NE(FindAttribute(graph_, slots_only, "a"), kNoNode);
  EXPECT_EQ(ResolveCode(slots_only, "/__state__"), Code::kNotFound);
}

TEST_F(ObjectPathTest, WhatHasChildren) {
  const NodeId one = Int(1);
  for (NodeId node : {Dict({}), List({}), Tuple({one}), Object({})}) {
    EXPECT_TRUE(HasChildren(graph_, node));
  }
  for (NodeId node : {one, Str("x"), ObjectGraph::kEmptyTuple, ATensor(),
                      graph_.AddSet({&one, 1}), graph_.AddSize({1}),
                      graph_.AddGlobal("m", "C")}) {
    EXPECT_FALSE(HasChildren(graph_, node));
    EXPECT_THAT(ForEachChild(graph_, node,
                             [](absl::string_view, NodeId) {
                               return absl::InternalError("a child");
                             }),
                IsOk());
  }
}

TEST_F(ObjectPathTest, ChildrenOfOneNameHaveStepsThatLeadToThem) {
  const NodeId dict =
      Dict({Int(0), Int(10), Str("0"), Int(11), Str("a/b~"), Int(12)});
  Lines steps;
  int num_left = 2;
  const auto visit = [&](absl::string_view step, NodeId child) {
    EXPECT_EQ(Resolve(dict, step), child);
    steps.emplace_back(step);
    return --num_left == 0 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(ForEachChild(graph_, dict, visit).code(), Code::kCancelled);
  EXPECT_EQ(steps, (Lines{"/0~20", "/0~21"}));
  steps.clear();
  EXPECT_THAT(ForEachChild(graph_, dict, visit), IsOk());
  EXPECT_EQ(steps, (Lines{"/0~20", "/0~21", "/a~1b~0"}));
}

// --- Pointers ----------------------------------------------------------------

TEST_F(ObjectPathTest, PointersLeadToNodes) {
  const NodeId leaf = Int(7);
  const NodeId root =
      Dict({Str("model"), Dict({Str("fc.weight"), leaf, Str(""), Int(8)}),
            Str("a/b"), List({Int(0), Tuple({Int(1), leaf})}), Str("m~n"), leaf,
            Str("~1"), Int(9), Int(3), Int(10), ObjectGraph::kTrue, Int(11),
            Tuple({Int(1), Str("x")}), Int(12), Float(2.5), Int(13)});
  EXPECT_EQ(Resolve(root, ""), root);
  EXPECT_EQ(Resolve(root, "/model/fc.weight"), leaf);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/model/")), 8);
  EXPECT_EQ(Resolve(root, "/a~1b/1/1"), leaf);
  EXPECT_EQ(Resolve(root, "/m~0n"), leaf);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/~01")), 9);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/3")), 10);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/True")), 11);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/(1, 'x')")), 12);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/2.5")), 13);
}

TEST_F(ObjectPathTest, WrongPointersSayWhatIsWrong) {
  const NodeId root = Dict({Str("a"), List({Int(0)}), Str("s"), Str("text")});
  for (const char* malformed : {"a", "x/a", "/~", "/a/~2", "/~a", "/a~"}) {
    EXPECT_EQ(ResolveCode(root, malformed), Code::kInvalidArgument)
        << malformed;
  }
  for (const char* missing :
       {"/", "/b", "/a/1", "/a/-1", "/a/00", "/a/+0", "/a/", "/a/ 0", "/a/0x0",
        "/a/18446744073709551616", "/s/0", "/a/0/0", "/A"}) {
    EXPECT_EQ(ResolveCode(root, missing), Code::kNotFound) << missing;
  }
  const absl::Status status = ResolvePointer(graph_, root, "/b/c").status();
  EXPECT_NE(status.message().find("\"/b\""), std::string::npos) << status;
  EXPECT_NE(status.message().find("\"a\", \"s\""), std::string::npos) << status;
}

TEST_F(ObjectPathTest, WrongPointersAreProposedRightOnes) {
  const NodeId model = Dict({Str("conv.weight"), Int(1), Str("fc"), Int(2)});
  const NodeId root = Dict({Str("epoch"), Int(3), Str("model"), model});
  struct Case {
    const char* pointer;
    const char* proposed;
  };
  for (const Case& c : {Case{"/model/conv.weigt", "\"/model/conv.weight\"?"},
                        Case{"conv.weight", "\"/model/conv.weight\"?"},
                        Case{"/modl/fc", "\"/model/fc\" or \"/model\"?"},
                        Case{"/Epoch", "\"/epoch\"?"}}) {
    const absl::Status status =
        ResolvePointer(graph_, root, c.pointer).status();
    EXPECT_NE(
        status.message().find(absl::StrCat("; did you mean ", c.proposed)),
        absl::string_view::npos)
        << status;
  }
  EXPECT_EQ(ResolvePointer(graph_, root, "/optimizer")
                .status()
                .message()
                .find("did you mean"),
            absl::string_view::npos);
}

TEST_F(ObjectPathTest, KeysThatReadAlikeAreAmbiguous) {
  for (int padding : {0, 20}) {
    for (bool ordered : {false, true}) {
      Nodes entries = {Int(1),      Int(10), Str("1"),           Int(11),
                       Str("True"), Int(12), ObjectGraph::kNone, Int(13),
                       Float(1.5),  Int(14), Tuple({}),          Int(15),
                       Str("()"),   Int(16)};
      for (int i = 0; i < padding; ++i) {
        entries.push_back(Str("k" + std::to_string(i)));
        entries.push_back(Int(i));
      }
      NodeId dict;
      if (ordered) {
        dict = Object({});
        graph_.BecomeDict(dict);
        graph_.AppendEntries(dict, entries);
      } else {
        dict = Dict(entries);
      }
      EXPECT_EQ(ResolveCode(dict, "/1"), Code::kInvalidArgument);
      EXPECT_EQ(ResolveCode(dict, "/()"), Code::kInvalidArgument);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/True")), 12);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/None")), 13);
      EXPECT_EQ(graph_.int_value(Resolve(dict, "/1.5")), 14);
      EXPECT_EQ(ResolveCode(dict, "/1.0"), Code::kNotFound);
    }
  }
}

TEST_F(ObjectPathTest, NumbersTellChildrenOfOneNameApart) {
  const NodeId tensors[] = {ATensor(), ATensor()};
  const NodeId dict =
      Dict({Int(0), Int(10), Str("0"), Int(11), Str("~20"), Int(12), tensors[0],
            Int(13), tensors[1], Int(14), Str("<tensor>"), Int(15), Str("x"),
            Dict({Str("1"), Int(16), Int(1), Int(17)})});
  const NodeId object = Object({Int(20), Int(21)});
  const Nodes item = {Int(22)};
  graph_.AppendItems(object, item);
  const NodeId root = List({dict, object});
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(WalkGraph(graph_, root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "leaf /0/0~20", "leaf /0/0~21",
                   "leaf /0/~020", "leaf /0/<tensor>~20", "leaf /0/<tensor>~21",
                   "leaf /0/<tensor>~22", "container /0/x", "leaf /0/x/1~20",
                   "leaf /0/x/1~21", "container /1", "leaf /1/0",
                   "leaf /1/0~21", "leaf /1/1"}));
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/0~21")), 11);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/~020")), 12);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/0/x/1~20")), 16);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0")), 22);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0~20")), 22);
  EXPECT_EQ(graph_.int_value(Resolve(root, "/1/0~21")), 20);
  EXPECT_EQ(ResolveCode(root, "/0/0~22"), Code::kNotFound);
  for (const char* malformed : {"/0/0~2", "/0/0~2x", "/0/0~200", "/0/0~2-1",
                                "/0/0~20~20", "/0/0~218446744073709551616"}) {
    EXPECT_EQ(ResolveCode(root, malformed), Code::kInvalidArgument)
        << malformed;
  }
}

// An object may be given entries of one key again and again.
TEST_F(ObjectPathTest, LongNamesThatClashStopAtALimit) {
  const NodeId object = Object({Int(1)});
  graph_.AppendEntries(object, Nodes(2 * 2000, Str(std::string(1 << 20, 'k'))));
  Counter counter;
  EXPECT_EQ(WalkGraph(graph_, object, &counter).code(),
            Code::kResourceExhausted);
}

// A large dict, with keys of both kinds, each found without a search.
TEST_F(ObjectPathTest, ManyPointersIntoALargeDictAreNoTrouble) {
  for (bool ordered : {false, true}) {
    Nodes entries;
    for (int i = 0; i < 50000; ++i) {
      entries.push_back(Str("layer." + std::to_string(i)));
      entries.push_back(Int(i));
      entries.push_back(Int(i));
      entries.push_back(Int(-i));
    }
    NodeId dict = Object({});
    if (ordered) {
      graph_.BecomeDict(dict);
      graph_.AppendEntries(dict, entries);
    } else {
      dict = Dict(entries);
    }
    for (int i = 0; i < 50000; ++i) {
      ASSERT_EQ(graph_.int_value(Resolve(dict, "/layer." + std::to_string(i))),
                i);
      ASSERT_EQ(graph_.int_value(Resolve(dict, "/" + std::to_string(i))), -i);
    }
  }
}

// --- Walks -------------------------------------------------------------------

TEST_F(ObjectPathTest, AWalkTellsAllInOrder) {
  const NodeId tensor = ATensor();
  const NodeId shared = List({tensor, Int(1)});
  const NodeId root =
      Dict({Str("a"), shared, Str("b/c"), Tuple({tensor, shared}), Int(3),
            ObjectGraph::kEmptyTuple, Str("o"), Object({ATensor()})});
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(WalkGraph(graph_, root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /a", "tensor /a/0", "leaf /a/1",
                   "container /b~1c", "tensor /b~1c/0", "alias /b~1c/1 /a",
                   "leaf /3", "container /o", "tensor /o/0"}));
}

TEST_F(ObjectPathTest, AWalkEndsInCyclicGraphs) {
  const NodeId list = List({});
  const NodeId dict = Dict({Str("up"), list});
  const NodeId items[] = {dict, list};
  graph_.AppendItems(list, items);
  Recorder recorder;
  ASSERT_THAT(WalkGraph(graph_, list, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "alias /0/up ", "alias /1 "}));
}

TEST_F(ObjectPathTest, PointersOfAWalkBeginWithTheRootsOwn) {
  const NodeId shared = List({Int(1)});
  const NodeId root = List({shared, shared, ATensor()});
  graph_.AppendItems(root, {&root, 1});
  Recorder recorder;
  ASSERT_THAT(WalkGraph(graph_, root, &recorder, "/x/0"), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container /x/0", "container /x/0/0", "alias /x/0/1 /x/0/0",
                   "tensor /x/0/2", "alias /x/0/3 /x/0"}));
}

TEST_F(ObjectPathTest, AWalkOfASingleTensorOrLeaf) {
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(WalkGraph(graph_, ATensor(), &recorder), IsOk());
  ASSERT_THAT(WalkGraph(graph_, Int(1), &recorder), IsOk());
  EXPECT_EQ(recorder.lines, (Lines{"tensor ", "leaf "}));
}

TEST_F(ObjectPathTest, AliasesOfDeepContainersHaveTheirFirstPointer) {
  const NodeId deep = List({Int(1)});
  const NodeId root = List(
      {Dict({Str("x~"), List({Int(0), Object({Int(9), deep})})}), deep, deep});
  Recorder recorder;
  ASSERT_THAT(WalkGraph(graph_, root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "container /0/x~0",
                   "container /0/x~0/1", "container /0/x~0/1/1",
                   "alias /1 /0/x~0/1/1", "alias /2 /0/x~0/1/1"}));
}

TEST_F(ObjectPathTest, EveryPointerOfAWalkLeadsBack) {
  NodeId node = ATensor();
  for (int i = 0; i < 40; ++i) {
    node = i % 3 == 0   ? Dict({Str("k/" + std::to_string(i)), node, Int(i),
                                Int(0), Str(std::to_string(i)), Int(1)})
           : i % 3 == 1 ? List({Int(0), node, node})
                        : Tuple({node, Str("x")});
  }
  class Checker final : public GraphVisitor {
   public:
    Checker(const ObjectGraph& graph, NodeId root)
        : graph_(graph), root_(root) {}
    void OnTensor(absl::string_view pointer, NodeId node) override {
      Check(pointer, node);
    }
    void OnContainer(absl::string_view pointer, NodeId node) override {
      Check(pointer, node);
    }
    void OnLeaf(absl::string_view pointer, NodeId node) override {
      Check(pointer, node);
    }
    void OnAlias(absl::string_view pointer, absl::string_view first) override {
      EXPECT_EQ(*ResolvePointer(graph_, root_, pointer),
                *ResolvePointer(graph_, root_, first));
    }
    int checked = 0;

   private:
    void Check(absl::string_view pointer, NodeId node) {
      EXPECT_EQ(*ResolvePointer(graph_, root_, pointer), node) << pointer;
      ++checked;
    }
    const ObjectGraph& graph_;
    const NodeId root_;
  };
  Checker checker(graph_, node);
  ASSERT_THAT(WalkGraph(graph_, node, &checker), IsOk());
  EXPECT_GT(checker.checked, 80);
}

TEST_F(ObjectPathTest, AMillionLevelsAreWalked) {
  const NodeId bottom = List({ATensor()});
  NodeId node = bottom;
  for (int i = 0; i < 999998; ++i) node = graph_.AddList({&node, 1});
  Counter counter;
  ASSERT_THAT(WalkGraph(graph_, List({node, bottom}), &counter), IsOk());
  EXPECT_EQ(counter.containers, 1000000u);
  EXPECT_EQ(counter.tensors, 1u);
  EXPECT_EQ(counter.longest, 2u * 999999);
  EXPECT_EQ(counter.aliases, 1u);
  EXPECT_EQ(counter.longest_first, 2u * 999999);
}

TEST_F(ObjectPathTest, AliasesOfDeepContainersStopAtALimit) {
  const NodeId bottom = List({});
  NodeId node = bottom;
  for (int i = 0; i < 20000; ++i) node = graph_.AddList({&node, 1});
  const NodeId root = List({node});
  const Nodes again(100000, bottom);
  graph_.AppendItems(root, again);
  Counter counter;
  EXPECT_EQ(WalkGraph(graph_, root, &counter).code(), Code::kResourceExhausted);
  EXPECT_GT(counter.aliases, 5u);
  EXPECT_EQ(counter.longest_first, 2u * 20001);
}

// Each of them has what they share, so the rows would grow with the square of
// the graph.
TEST_F(ObjectPathTest, SharedAttributesAndArgumentsStopAtALimit) {
  Nodes numbers;
  for (int i = 0; i < 20000; ++i) numbers.push_back(Int(i));
  const NodeId args = Tuple(numbers);
  const NodeId state = Dict(numbers);
  Nodes with_args, with_state, few;
  for (int i = 0; i < 2000; ++i) {
    with_args.push_back(
        graph_.AddObject(ObjectForm::kCall, graph_.AddGlobal("m", "C"), args));
    with_state.push_back(Object({}));
    graph_.SetState(with_state.back(), state);
  }
  for (const Nodes& objects : {with_args, with_state}) {
    Counter counter;
    EXPECT_EQ(WalkGraph(graph_, List(objects), &counter).code(),
              Code::kResourceExhausted);
  }
  // Some sharing is common.
  few.assign(with_args.begin(), with_args.begin() + 3);
  Counter counter;
  EXPECT_THAT(WalkGraph(graph_, List(few), &counter), IsOk());
}

TEST_F(ObjectPathTest, LongKeysStopAtALimit) {
  // One text of a megabyte, the name at each of many levels.
  const NodeId key = Str(std::string(1 << 20, 'k'));
  NodeId node = ATensor();
  for (int i = 0; i < 1000; ++i) node = Dict({key, node});
  Counter counter;
  EXPECT_EQ(WalkGraph(graph_, node, &counter).code(), Code::kResourceExhausted);
  EXPECT_EQ(counter.tensors, 0u);
  // And side by side.
  Nodes dicts;
  for (int i = 0; i < 2000; ++i) dicts.push_back(Dict({key, Int(1)}));
  EXPECT_EQ(WalkGraph(graph_, List(dicts), &counter).code(),
            Code::kResourceExhausted);
}

TEST_F(ObjectPathTest, ManyLevelsAreResolved) {
  NodeId node = Int(5);
  std::string pointer;
  for (int i = 0; i < 100000; ++i) {
    node = graph_.AddList({&node, 1});
    pointer += "/0";
  }
  EXPECT_EQ(graph_.int_value(Resolve(node, pointer)), 5);
}

}  // namespace
}  // namespace ferry
