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
//     void OnTensor(absl::string_view pointer, NodeId) override {
//       names.emplace_back(pointer);  // "/model/fc.weight"
//     }
//    public:
//     std::vector<std::string> names;
//   };
//   Names visitor;
//   FERRY_RETURN_IF_ERROR(WalkGraph(*value.graph(), value.node(), &visitor));
#ifndef FERRY_VALUE_GRAPH_WALK_H_
#define FERRY_VALUE_GRAPH_WALK_H_

#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {

// GraphVisitor
//
// Receives the nodes of a walk. Pointers are valid only during the call.
class GraphVisitor {
 public:
  virtual ~GraphVisitor() = default;

  // Called for each reference from a walked node to a tensor. A tensor with two
  // references is reported twice.
  virtual void OnTensor(absl::string_view pointer, NodeId tensor) = 0;

  // Called for a container on the first visit, before its children.
  virtual void OnContainer(absl::string_view pointer, NodeId container);

  // Called for a container that was already reported at `first_pointer`.
  virtual void OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer);

  // Called for any other node.
  virtual void OnLeaf(absl::string_view pointer, NodeId leaf);
};

// Walks everything that `root` contains: depth first, children in order, each
// container once. `root_pointer` is the pointer to `root`. Stops without an
// error after `max_reports` calls of the visitor. Does not recurse, however
// deep the graph. O(nodes + size of their names); a pointer that the visitor
// does not read costs nothing.
//
// A small file can describe a graph with enormous pointers. A walk therefore
// has limits, far above those of any real checkpoint: 16 MiB for one pointer; 1
// GiB for all pointers passed to OnTensor and OnAlias, including long names of
// other nodes; and an average of eight visits per node reference, since objects
// that share a state or arguments are each visited with all of it.
//
// Errors: kResourceExhausted - a limit was reached; the reports until then are
//         correct but incomplete.
absl::Status WalkGraph(const ObjectGraph& graph, NodeId root,
                       GraphVisitor* visitor,
                       absl::string_view root_pointer = "",
                       size_t max_reports = std::numeric_limits<size_t>::max());

}  // namespace ferry

#endif  // FERRY_VALUE_GRAPH_WALK_H_
