// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/graph_walk.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/object_path.h"
#include "ferry/value/testing/graph_test.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

class GraphWalkTest : public GraphTest {
 protected:
  // Walks with as many steps as twice the largest graph that is here needs.
  absl::Status Walk(NodeId root, GraphVisitor* visitor,
                    absl::string_view root_pointer = "",
                    size_t max_reports = std::numeric_limits<size_t>::max()) {
    BudgetOptions options;
    options.max_steps = 16 << 20;
    Budget budget(options, 0);
    return WalkGraph(graph_, root, &budget, visitor, root_pointer, max_reports);
  }
};

using Code = absl::StatusCode;
using Lines = std::vector<std::string>;

// What a walk told, a line each.
class Recorder final : public GraphVisitor {
 public:
  explicit Recorder(bool leaves = false) : leaves_(leaves) {}
  absl::Status OnTensor(absl::string_view pointer, NodeId) override {
    lines.push_back("tensor " + std::string(pointer));
    return absl::OkStatus();
  }
  absl::Status OnContainer(absl::string_view pointer, NodeId) override {
    lines.push_back("container " + std::string(pointer));
    return absl::OkStatus();
  }
  absl::Status OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer) override {
    lines.push_back("alias " + std::string(pointer) + " " +
                    std::string(first_pointer));
    return absl::OkStatus();
  }
  absl::Status OnLeaf(absl::string_view pointer, NodeId) override {
    if (leaves_) lines.push_back("leaf " + std::string(pointer));
    return absl::OkStatus();
  }

  Lines lines;

 private:
  const bool leaves_;
};

// Counts, and copies nothing.
class Counter final : public GraphVisitor {
 public:
  absl::Status OnTensor(absl::string_view, NodeId) override {
    ++tensors;
    return absl::OkStatus();
  }
  absl::Status OnContainer(absl::string_view pointer, NodeId) override {
    ++containers;
    longest = std::max(longest, pointer.size());
    return absl::OkStatus();
  }
  absl::Status OnAlias(absl::string_view, absl::string_view first) override {
    ++aliases;
    longest_first = std::max(longest_first, first.size());
    return absl::OkStatus();
  }
  size_t tensors = 0, containers = 0, aliases = 0, longest = 0;
  size_t longest_first = 0;
};

TEST_F(GraphWalkTest, ChildrenOfOneNameAreNumbered) {
  const NodeId root = SharedNames();
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(Walk(root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "leaf /0/0~20", "leaf /0/0~21",
                   "leaf /0/~020", "leaf /0/<tensor>~20", "leaf /0/<tensor>~21",
                   "leaf /0/<tensor>~22", "container /0/x", "leaf /0/x/1~20",
                   "leaf /0/x/1~21", "container /1", "leaf /1/0",
                   "leaf /1/0~21", "leaf /1/1"}));
}

// An object may be given entries of one key again and again.
TEST_F(GraphWalkTest, LongNamesThatClashStopAtALimit) {
  const NodeId object = Object({Int(1)});
  graph_.AppendEntries(object, Nodes(2 * 2000, Str(std::string(1 << 20, 'k'))));
  Counter counter;
  EXPECT_EQ(Walk(object, &counter).code(), Code::kResourceExhausted);
}

TEST_F(GraphWalkTest, AWalkTellsAllInOrder) {
  const NodeId tensor = ATensor();
  const NodeId shared = List({tensor, Int(1)});
  const NodeId root =
      Dict({Str("a"), shared, Str("b/c"), Tuple({tensor, shared}), Int(3),
            ObjectGraph::kEmptyTuple, Str("o"), Object({ATensor()})});
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(Walk(root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /a", "tensor /a/0", "leaf /a/1",
                   "container /b~1c", "tensor /b~1c/0", "alias /b~1c/1 /a",
                   "leaf /3", "container /o", "tensor /o/0"}));
}

TEST_F(GraphWalkTest, AWalkEndsInCyclicGraphs) {
  const NodeId list = List({});
  const NodeId dict = Dict({Str("up"), list});
  const NodeId items[] = {dict, list};
  graph_.AppendItems(list, items);
  Recorder recorder;
  ASSERT_THAT(Walk(list, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "alias /0/up ", "alias /1 "}));
}

TEST_F(GraphWalkTest, PointersOfAWalkBeginWithTheRootsOwn) {
  const NodeId shared = List({Int(1)});
  const NodeId root = List({shared, shared, ATensor()});
  graph_.AppendItems(root, {&root, 1});
  Recorder recorder;
  ASSERT_THAT(Walk(root, &recorder, "/x/0"), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container /x/0", "container /x/0/0", "alias /x/0/1 /x/0/0",
                   "tensor /x/0/2", "alias /x/0/3 /x/0"}));
}

TEST_F(GraphWalkTest, AWalkOfASingleTensorOrLeaf) {
  Recorder recorder(/*leaves=*/true);
  ASSERT_THAT(Walk(ATensor(), &recorder), IsOk());
  ASSERT_THAT(Walk(Int(1), &recorder), IsOk());
  EXPECT_EQ(recorder.lines, (Lines{"tensor ", "leaf "}));
}

TEST_F(GraphWalkTest, AWalkStopsAfterAsManyReportsAsWanted) {
  const NodeId shared = List({Int(1), ATensor()});
  const NodeId root = List({shared, shared, Int(2)});
  const Lines all = {"container ",  "container /0", "leaf /0/0",
                     "tensor /0/1", "alias /1 /0",  "leaf /2"};
  for (size_t max_reports = 0; max_reports < 8; ++max_reports) {
    Recorder recorder(/*leaves=*/true);
    ASSERT_THAT(Walk(root, &recorder, "", max_reports), IsOk());
    EXPECT_EQ(
        recorder.lines,
        Lines(all.begin(), all.begin() + std::min(max_reports, all.size())));
  }
}

TEST_F(GraphWalkTest, AliasesOfDeepContainersHaveTheirFirstPointer) {
  const NodeId deep = List({Int(1)});
  const NodeId root = List(
      {Dict({Str("x~"), List({Int(0), Object({Int(9), deep})})}), deep, deep});
  Recorder recorder;
  ASSERT_THAT(Walk(root, &recorder), IsOk());
  EXPECT_EQ(recorder.lines,
            (Lines{"container ", "container /0", "container /0/x~0",
                   "container /0/x~0/1", "container /0/x~0/1/1",
                   "alias /1 /0/x~0/1/1", "alias /2 /0/x~0/1/1"}));
}

TEST_F(GraphWalkTest, EveryPointerOfAWalkLeadsBack) {
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
    absl::Status OnTensor(absl::string_view pointer, NodeId node) override {
      return Check(pointer, node);
    }
    absl::Status OnContainer(absl::string_view pointer, NodeId node) override {
      return Check(pointer, node);
    }
    absl::Status OnLeaf(absl::string_view pointer, NodeId node) override {
      return Check(pointer, node);
    }
    absl::Status OnAlias(absl::string_view pointer,
                         absl::string_view first) override {
      EXPECT_EQ(*ResolvePointer(graph_, root_, pointer),
                *ResolvePointer(graph_, root_, first));
      return absl::OkStatus();
    }
    int checked = 0;

   private:
    absl::Status Check(absl::string_view pointer, NodeId node) {
      EXPECT_EQ(*ResolvePointer(graph_, root_, pointer), node) << pointer;
      ++checked;
      return absl::OkStatus();
    }
    const ObjectGraph& graph_;
    const NodeId root_;
  };
  Checker checker(graph_, node);
  ASSERT_THAT(Walk(node, &checker), IsOk());
  EXPECT_GT(checker.checked, 80);
}

TEST_F(GraphWalkTest, AMillionLevelsAreWalked) {
  const NodeId bottom = List({ATensor()});
  NodeId node = bottom;
  for (int i = 0; i < 999998; ++i) node = graph_.AddList({&node, 1});
  Counter counter;
  ASSERT_THAT(Walk(List({node, bottom}), &counter), IsOk());
  EXPECT_EQ(counter.containers, 1000000u);
  EXPECT_EQ(counter.tensors, 1u);
  EXPECT_EQ(counter.longest, 2u * 999999);
  EXPECT_EQ(counter.aliases, 1u);
  EXPECT_EQ(counter.longest_first, 2u * 999999);
}

TEST_F(GraphWalkTest, AliasesOfDeepContainersStopAtALimit) {
  const NodeId bottom = List({});
  NodeId node = bottom;
  for (int i = 0; i < 20000; ++i) node = graph_.AddList({&node, 1});
  const NodeId root = List({node});
  const Nodes again(100000, bottom);
  graph_.AppendItems(root, again);
  Counter counter;
  EXPECT_EQ(Walk(root, &counter).code(), Code::kResourceExhausted);
  EXPECT_GT(counter.aliases, 5u);
  EXPECT_EQ(counter.longest_first, 2u * 20001);
}

// Each of them has what they share, so the rows would grow with the square of
// the graph.
TEST_F(GraphWalkTest, SharedAttributesAndArgumentsStopAtALimit) {
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
    EXPECT_EQ(Walk(List(objects), &counter).code(), Code::kResourceExhausted);
  }
  // Some sharing is common.
  few.assign(with_args.begin(), with_args.begin() + 3);
  Counter counter;
  EXPECT_THAT(Walk(List(few), &counter), IsOk());
}

TEST_F(GraphWalkTest, LongKeysStopAtALimit) {
  // One text of a megabyte, the name at each of many levels.
  const NodeId key = Str(std::string(1 << 20, 'k'));
  NodeId node = ATensor();
  for (int i = 0; i < 1000; ++i) node = Dict({key, node});
  Counter counter;
  EXPECT_EQ(Walk(node, &counter).code(), Code::kResourceExhausted);
  EXPECT_EQ(counter.tensors, 0u);
  // And side by side.
  Nodes dicts;
  for (int i = 0; i < 2000; ++i) dicts.push_back(Dict({key, Int(1)}));
  EXPECT_EQ(Walk(List(dicts), &counter).code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
