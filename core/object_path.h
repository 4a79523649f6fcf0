// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/object_path.h
// -----------------------------------------------------------------------------
//
// Ways through an object graph: the children of a node by name, JSON Pointers
// (RFC 6901), and a walk over all tensors.
//
// The children of a node are
//   - a dict's values, each named by its key as Python's `str(key)` spells it;
//   - a list's or tuple's items, named by their index;
//   - an object's entries, attributes (a state that is a dict, or a pair of
//     dicts), items, and the arguments that it was made with, named by key, by
//     name and by index. Any other state is a child named "__state__".
// Tensors, sets and everything else have none.
#ifndef FERRY_CORE_OBJECT_PATH_H_
#define FERRY_CORE_OBJECT_PATH_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/object_graph.h"

namespace ferry {

// Python's `str(key)`: of a str the text itself, of numbers their shortest
// decimal, of a tuple "(1, 'a')". Of what has no such spelling "<tensor>",
// "<object>". A tuple nested in more than a few others is shortened to "(...)".
std::string KeyText(const ObjectGraph& graph, NodeId key);

// `token` as a step of a JSON Pointer: "~" becomes "~0", "/" becomes "~1".
std::string EscapePointerToken(absl::string_view token);

// Calls `visit` with the name of each child, unescaped, and the child.
void ForEachChild(const ObjectGraph& graph, NodeId node,
                  absl::FunctionRef<void(absl::string_view, NodeId)> visit);

// Whether a walk looks inside the node.
bool HasChildren(const ObjectGraph& graph, NodeId node);

// The node that `pointer` leads to from `root`.
//
// Errors: as `Value::At`.
absl::StatusOr<NodeId> ResolvePointer(const ObjectGraph& graph, NodeId root,
                                      absl::string_view pointer);

// The attribute `name` of an object, or kNoNode.
NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name);

// GraphVisitor
//
// What a walk tells. Pointers are valid during the call only.
class GraphVisitor {
 public:
  virtual ~GraphVisitor() = default;

  // A tensor at a direct edge from a node that is being walked. A tensor that
  // two edges lead to is told twice.
  virtual void OnTensor(absl::string_view pointer, NodeId tensor) = 0;

  // A container, met for the first time, before its children.
  virtual void OnContainer(absl::string_view pointer, NodeId container);

  // A container that the walk has been told of before, at `first_pointer`.
  virtual void OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer);

  // Anything else.
  virtual void OnLeaf(absl::string_view pointer, NodeId leaf);
};

// Walks all that `root` contains: depth first, children in order, each
// container once. Does not recurse. O(nodes and the text of their pointers).
void WalkGraph(const ObjectGraph& graph, NodeId root, GraphVisitor* visitor);

}  // namespace ferry

#endif  // FERRY_CORE_OBJECT_PATH_H_
