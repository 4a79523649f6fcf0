// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/graph_walk.h
// -----------------------------------------------------------------------------
//
// Walks everything that a node of an object graph contains, and reports each
// node with the JSON Pointer to it. The steps of a pointer are those of
// value/graph_children.h.
//
// Example: collect the names of all tensors.
//
//   class Names final : public GraphVisitor {
//     absl::Status OnTensor(absl::string_view pointer, NodeId) override {
//       names.emplace_back(pointer);  // "/model/fc.weight"
//       return absl::OkStatus();
//     }
//    public:
//     std::vector<std::string> names;
//   };
//   Names visitor;
//   Budget budget(BudgetOptions(), value.graph()->stored_bytes());
//   FERRY_RETURN_IF_ERROR(
//       WalkGraph(*value.graph(), value.node(), &budget, &visitor));
#ifndef FERRY_VALUE_GRAPH_WALK_H_
#define FERRY_VALUE_GRAPH_WALK_H_

#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// GraphVisitor
//
// Receives the nodes of a walk. Pointers are valid only during the call. An
// error that a function returns ends the walk.
//
// A small file can describe a graph with enormous pointers, and objects that
// share a state or arguments are each walked with all of it. The walk charges
// its own work; a visitor charges what it does with a pointer and what it
// writes.
class GraphVisitor {
 public:
  virtual ~GraphVisitor() = default;

  // Called for each reference from a walked node to a tensor. A tensor with two
  // references is reported twice.
  virtual absl::Status OnTensor(absl::string_view pointer, NodeId tensor) = 0;

  // Called for a container on the first visit, before its children.
  virtual absl::Status OnContainer(absl::string_view pointer, NodeId container);

  // Called for a container that was already reported at `first_pointer`.
  virtual absl::Status OnAlias(absl::string_view pointer,
                               absl::string_view first_pointer);

  // Called for any other node.
  virtual absl::Status OnLeaf(absl::string_view pointer, NodeId leaf);
};

// Walks everything that `root` contains: depth first, children in order, each
// container once. `root_pointer` is the pointer to `root`. Stops without an
// error after `max_reports` calls of the visitor. Does not recurse, however
// deep the graph. O(visits + size of long names + lengths of the paths to
// containers that are visited again), which it charges to `budget` as steps.
//
// Errors: the first error that `visitor` returns, and
//   kResourceExhausted - the budget is spent, or a pointer is longer than 1
//                        GiB. The reports until then are correct but
//                        incomplete.
absl::Status WalkGraph(const ObjectGraph& graph, NodeId root, Budget* budget,
                       GraphVisitor* visitor,
                       absl::string_view root_pointer = "",
                       size_t max_reports = std::numeric_limits<size_t>::max());

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_GRAPH_WALK_H_
