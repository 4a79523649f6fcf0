// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever a graph shares and however deep it is, work on it is in proportion
// to its size, or to a budget that is.

#include "ferry/core/testing/growth.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/object_path.h"
#include "ferry/value/testing/growing_graphs.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// What is done with a graph, and whether a budget may refuse it.
struct Operation {
  const char* name;
  bool charges;
  // Adds to `work` what it sees being done.
  absl::Status (*run)(const ObjectGraph& graph, NodeId root, Budget* budget,
                      uint64_t* work);
};

// Counts what it is told: a walk that charges nothing still reports.
class Counting final : public GraphVisitor {
 public:
  explicit Counting(uint64_t* work) : work_(*work) {}
  absl::Status OnTensor(absl::string_view, NodeId) override { return Add(1); }
  absl::Status OnContainer(absl::string_view, NodeId) override {
    return Add(1);
  }
  absl::Status OnAlias(absl::string_view, absl::string_view first) override {
    return Add(first.size());
  }
  absl::Status OnLeaf(absl::string_view, NodeId) override { return Add(1); }

 private:
  absl::Status Add(uint64_t work) {
    work_ += work;
    return absl::OkStatus();
  }

  uint64_t& work_;
};

constexpr Operation kOperations[] = {
    {"walk", true,
     [](const ObjectGraph& graph, NodeId root, Budget* budget, uint64_t* work) {
       Counting visitor(work);
       return WalkGraph(graph, root, budget, &visitor);
     }},
    {"children", true,
     [](const ObjectGraph& graph, NodeId root, Budget* budget, uint64_t*) {
       return ForEachChild(graph, root, budget, [](absl::string_view, NodeId) {
         return absl::OkStatus();
       });
     }},
    {"pointer that leads somewhere", false,
     [](const ObjectGraph& graph, NodeId root, Budget*, uint64_t*) {
       for (const absl::string_view pointer : {"/0", "/k0", "/next", "/a/0"}) {
         ResolvePointer(graph, root, pointer).IgnoreError();
       }
       return absl::OkStatus();
     }},
    {"pointer that leads nowhere", false,
     [](const ObjectGraph& graph, NodeId root, Budget*, uint64_t*) {
       const absl::Status status =
           ResolvePointer(graph, root, "/nowhere").status();
       EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
       // However long the names are.
       EXPECT_LT(status.message().size(), 3000u);
       return absl::OkStatus();
     }},
    {"position of the last node", false,
     [](const ObjectGraph& graph, NodeId root, Budget*, uint64_t*) {
       const absl::Status status = AnnotatePath(absl::DataLossError("damaged"),
                                                graph, root, graph.size() - 1);
       EXPECT_LT(status.message().size(), 1000u);
       return absl::OkStatus();
     }},
    {"import", false,
     [](const ObjectGraph& graph, NodeId root, Budget*, uint64_t*) {
       ObjectGraph other;
       (void)other.Import(graph, root);
       return absl::OkStatus();
     }},
};

TEST(GrowthTest, WorkIsInProportionToTheGraphOrTheBudgetEndsIt) {
  // Enough for the square of it to be refused.
  constexpr size_t kSmall = 500;
  // More than an error message looks at.
  constexpr size_t kLarge = 4200;
  constexpr uint64_t kStepsPerN = 100;
  for (const GrowingGraph& row : GrowingGraphs()) {
    for (const Operation& operation : kOperations) {
      SCOPED_TRACE(std::string(row.name) + ", " + operation.name);
      EXPECT_TRUE(GrowsLinearly(
          operation.charges ? kSmall : kLarge,
          [](size_t n) { return std::string(n, ' '); },
          [&](const std::string& input) {
            ObjectGraph graph;
            const NodeId root = row.add(input.size(), &graph);
            BudgetOptions options;
            options.max_steps = kStepsPerN * input.size();
            Budget budget(options, 0);
            uint64_t work = 0;
            const absl::Status status =
                operation.run(graph, root, &budget, &work);
            if (!row.multiplies || !operation.charges) {
              EXPECT_THAT(status, IsOk());
            }
            return Cost{budget.steps() + work, 0};
          }));
    }
  }
}

// By default there are steps and memory for ten million small objects in a file
// of a few kilobytes, three times over.
TEST(GrowthTest, TenMillionSmallObjectsAreAffordable) {
  ObjectGraph graph;
  const NodeId list = graph.AddList();
  constexpr uint64_t kMany = 10000;
  for (uint64_t i = 0; i < kMany; ++i) {
    const NodeId object = graph.AddObject(
        ObjectForm::kNew, graph.AddGlobal("m", "C"), ObjectGraph::kEmptyTuple);
    graph.AppendItems(list, {&object, 1});
  }
  Budget of_one;
  uint64_t work = 0;
  Counting visitor(&work);
  ASSERT_THAT(WalkGraph(graph, list, &of_one, &visitor), IsOk());
  constexpr uint64_t kTimes = 3 * 10000000 / kMany;
  Budget budget(BudgetOptions(), 10000);
  EXPECT_THAT(budget.ChargeSteps(kTimes * of_one.steps()), IsOk());
  EXPECT_THAT(budget.ChargeMemory(kTimes * of_one.memory_bytes()), IsOk());
}

// A graph from a file is worth the file, however much memory it takes, and what
// is added to it is worth its memory.
TEST(GrowthTest, AGraphFromAFileIsWorthTheFile) {
  ObjectGraph graph;
  const NodeId list = graph.AddList();
  EXPECT_EQ(graph.stored_bytes(), graph.memory_bytes());
  graph.AppendItems(list, std::vector<NodeId>(100000, list));
  graph.set_file_bytes(1000);
  EXPECT_EQ(graph.stored_bytes(), 1000u);
  graph.AddStr(std::string(5000, 'x'));
  EXPECT_GE(graph.stored_bytes(), 6000u);
  EXPECT_LT(graph.stored_bytes(), 7000u);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
