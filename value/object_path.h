// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_path.h
// -----------------------------------------------------------------------------
//
// Navigates an object graph: children of a node by name, JSON Pointers (RFC
// 6901), and a walk over all tensors.
//
// The children of a node are
//   - a dict's values, each named by its key as Python's `str(key)` spells it;
//   - a list's or tuple's items, named by their index;
//   - an object's entries, attributes (a state that is a dict, or a pair of
//     dicts), items, and the arguments and keyword arguments that it was made
//     with, named by key, by name and by index. Any other state is a child
//     named "__state__".
// Tensors, sets and all other nodes have no children.
//
// Several children of one node may have the same name: the values of the keys 0
// and "0", or an item and an argument. Pointers made here are unambiguous
// nevertheless: if the name alone does not suffice, the step ends with "~2" and
// the number of the child among those with that name, counted from 0 in the
// order above ("/0~20", "/0~21"). No name contains "~2", because "~" in a name
// becomes "~0".
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
#ifndef FERRY_VALUE_OBJECT_PATH_H_
#define FERRY_VALUE_OBJECT_PATH_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {

// Returns `token` as a step of a JSON Pointer: "~" becomes "~0", "/" becomes
// "~1".
std::string EscapePointerToken(absl::string_view token);

// Calls `visit` for each child, in the order above, with the step from `node`
// to it ("/fc.weight", "/0~21"). Appending the step to a pointer to `node`
// gives a pointer to the child. O(children + size of their names).
//
// Errors: the first error that `visit` returns, after which it is not called
//         again. kResourceExhausted - a step is longer than `WalkGraph` allows.
absl::Status ForEachChild(
    const ObjectGraph& graph, NodeId node,
    absl::FunctionRef<absl::Status(absl::string_view, NodeId)> visit);

// Returns the step from `node` to `child`, as in `ForEachChild`, or "" if
// `node` has no such child. If there are several, returns the first. O(children
// + size of their names).
//
// Errors: kResourceExhausted - as in `ForEachChild`.
absl::StatusOr<std::string> StepTo(const ObjectGraph& graph, NodeId node,
                                   NodeId child);

// Returns whether the node can have children, so that a walk visits them.
bool HasChildren(const ObjectGraph& graph, NodeId node);

// Returns the node that `pointer` refers to, starting at `root`. A step takes
// O(1) to an item of a list or tuple, and by a str or int key once the dict has
// been indexed. It takes O(entries) by any other key or with a number ("~20").
// If several children of an object have the name and the step has no number, an
// entry takes precedence over an attribute, an attribute over an item, and an
// item over an argument.
//
// Errors: as `Value::At`. Making the message visits at most the first 4096
// nodes of the graph, twice.
absl::StatusOr<NodeId> ResolvePointer(const ObjectGraph& graph, NodeId root,
                                      absl::string_view pointer);

// Returns the attribute `name` of an object, or kNoNode.
NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name);

// Appends the position of `node` below `root` to the message of `status`, which
// is an error, and returns the result: " (at /model/3)", " (at a key of
// /model)", or nothing for the root. The steps are those of `StepTo`, escaped
// for a message. A node that is not a child, such as an item of a set, has the
// position of the node that refers to it, and so does everything inside it. If
// there are several positions, uses one with the fewest references to follow.
// Cuts positions of more than a few hundred bytes. O(nodes + references).
absl::Status AnnotatePlace(const absl::Status& status, const ObjectGraph& graph,
                           NodeId root, NodeId node);

// Describes what a node contains, for a message that something does not exist:
// "it has "a", "b" and 7 more". Also suggests names that are similar to
// `wanted`, the name that was asked for. Considers the first 4096 names.
std::string DescribeNames(const ObjectGraph& graph, NodeId node,
                          absl::string_view wanted);

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
// container once. `root_pointer` is the pointer to `root`. Does not recurse,
// however deep the graph. O(nodes + size of their names); a pointer that the
// visitor does not read costs nothing.
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
                       absl::string_view root_pointer = "");

}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_PATH_H_
