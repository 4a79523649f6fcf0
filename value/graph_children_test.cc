// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/graph_children.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/testing/graph_test.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using GraphChildrenTest = GraphTest;
using Code = absl::StatusCode;
using Lines = std::vector<std::string>;

TEST_F(GraphChildrenTest, TokensAreEscaped) {
  EXPECT_EQ(EscapePointerToken("a/b~c~1"), "a~1b~0c~01");
  EXPECT_EQ(EscapePointerToken(""), "");
}

TEST_F(GraphChildrenTest, ChildrenOfAnObject) {
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
  const absl::Status status = ForEachChild(
      graph_, object, Budget::Unlimited(),
      [&](absl::string_view step, NodeId child) {
        EXPECT_EQ(Resolve(object, step), child);
        EXPECT_THAT(StepTo(graph_, object, child, Budget::Unlimited()),
                    IsOkAndHolds(step));
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

TEST_F(GraphChildrenTest, StatesOfOtherShapesAreOneChild) {
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

TEST_F(GraphChildrenTest, WhatHasChildren) {
  const NodeId one = Int(1);
  for (NodeId node : {Dict({}), List({}), Tuple({one}), Object({})}) {
    EXPECT_TRUE(HasChildren(graph_, node));
  }
  for (NodeId node : {one, Str("x"), ObjectGraph::kEmptyTuple, ATensor(),
                      graph_.AddSet({&one, 1}), graph_.AddSize({1}),
                      graph_.AddGlobal("m", "C")}) {
    EXPECT_FALSE(HasChildren(graph_, node));
    EXPECT_THAT(ForEachChild(graph_, node, Budget::Unlimited(),
                             [](absl::string_view, NodeId) {
                               return absl::InternalError("a child");
                             }),
                IsOk());
  }
}

TEST_F(GraphChildrenTest, ChildrenOfOneNameHaveStepsThatLeadToThem) {
  const NodeId dict =
      Dict({Int(0), Int(10), Str("0"), Int(11), Str("a/b~"), Int(12)});
  Lines steps;
  int num_left = 2;
  const auto visit = [&](absl::string_view step, NodeId child) {
    EXPECT_EQ(Resolve(dict, step), child);
    steps.emplace_back(step);
    return --num_left == 0 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(ForEachChild(graph_, dict, Budget::Unlimited(), visit).code(),
            Code::kCancelled);
  EXPECT_EQ(steps, (Lines{"/0~20", "/0~21"}));
  steps.clear();
  EXPECT_THAT(ForEachChild(graph_, dict, Budget::Unlimited(), visit), IsOk());
  EXPECT_EQ(steps, (Lines{"/0~20", "/0~21", "/a~1b~0"}));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
