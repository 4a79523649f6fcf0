// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_path.h
// -----------------------------------------------------------------------------
//
// Ways through an object graph: the children of a node by name, JSON Pointers
// (RFC 6901), and a walk over all tensors.
//
// The children of a node are
//   - a dict's values, each named by its key as Python's `str(key)` spells it;
//   - a list's or tuple's items, named by their index;
//   - an object's entries, attributes (a state that is a dict, or a pair of
//     dicts), items, and the arguments and keyword arguments that it was made
//     with, named by key, by name and by index. Any other state is a child
//     named "__state__".
// Tensors, sets and everything else have none.
//
// Children of one node may have one name: the values of the keys 0 and "0", or
// an item and an argument. A pointer that this file makes leads back to its
// node all the same: where the name alone does not, the step ends with "~2" and
// the number of the child, from 0 on, among those of that name in the order
// above ("/0~20", "/0~21"). No name contains that: a "~" in one becomes "~0".
//
// Example: the names of all tensors.
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

// `token` as a step of a JSON Pointer: "~" becomes "~0", "/" becomes "~1".
std::string EscapePointerToken(absl::string_view token);

// Calls `visit` for each child, in the order above, with the step that leads to
// it from `node` ("/fc.weight", "/0~21"): that, behind a pointer to `node`, is
// a pointer to the child. O(children and the text of their names).
//
// Errors: the first that `visit` returns, which ends the calls.
//         kResourceExhausted - a step is longer than `WalkGraph` allows.
absl::Status ForEachChild(
    const ObjectGraph& graph, NodeId node,
    absl::FunctionRef<absl::Status(absl::string_view, NodeId)> visit);

// Returns the step that leads from `node` to `child`, as `ForEachChild` has it,
// or "" if `node` has no such child. Of several steps it is the first.
// O(children and the text of their names).
//
// Errors: kResourceExhausted - as of `ForEachChild`.
absl::StatusOr<std::string> StepTo(const ObjectGraph& graph, NodeId node,
                                   NodeId child);

// Whether a walk looks inside the node.
bool HasChildren(const ObjectGraph& graph, NodeId node);

// The node that `pointer` leads to from `root`. O(1) for each step to a list's
// or tuple's item, or by a str or int key, once a dict has been indexed;
// O(entries) by any other key and by a number. Where children of an object have
// one name and the step has no number, an entry hides an attribute, that an
// item, and that an argument.
//
// Errors: as `Value::At`. Making the message of one looks at the first 4096
// nodes of the graph at most, twice.
absl::StatusOr<NodeId> ResolvePointer(const ObjectGraph& graph, NodeId root,
                                      absl::string_view pointer);

// The attribute `name` of an object, or kNoNode.
NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name);

// Returns `status`, an error, with where `node` stands below `root` behind its
// message: " (at /model/3)", " (at a key of /model)", or nothing for the root.
// The steps are those of `StepTo`, escaped for a message. What is no child,
// such as an item of a set, and what is in it, stands where the node that
// refers to it does. Of several places it names one with the fewest references
// to follow, and cuts what is longer than some hundred bytes. O(nodes and
// references).
absl::Status AnnotatePlace(const absl::Status& status, const ObjectGraph& graph,
                           NodeId root, NodeId node);

// Says what a node contains, for a message that something is not there: "it has
// "a", "b" and 7 more", and what `wanted`, the name that was asked for, may
// have meant. Looks at the first 4096 names.
std::string DescribeNames(const ObjectGraph& graph, NodeId node,
                          absl::string_view wanted);

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

// Walks all that `root`, which stands at `root_pointer`, contains: depth first,
// children in order, each container once. Does not recurse, however deep the
// graph. O(nodes and the text of their names); a pointer that is not looked at
// costs nothing.
//
// A small file can describe a graph whose pointers are beyond measure. So there
// are limits, which no honest checkpoint comes near: 16 MiB for one pointer,
// 1 GiB for all that OnTensor and OnAlias are told, long names of others
// included, and eight visits, on average, to what a node refers to: objects
// that share a state or arguments are each visited with all of it.
//
// Errors: kResourceExhausted - a limit was reached; what was told until then is
//         right, and not all.
absl::Status WalkGraph(const ObjectGraph& graph, NodeId root,
                       GraphVisitor* visitor,
                       absl::string_view root_pointer = "");

}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_PATH_H_
