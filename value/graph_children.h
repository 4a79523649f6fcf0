// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/graph_children.h
// -----------------------------------------------------------------------------
//
// The children of a node of an object graph, and how each of them is named.
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
// A child's name, escaped, is a step of a JSON Pointer (RFC 6901). Several
// children of one node may have the same name: the values of the keys 0 and
// "0", or an item and an argument. Steps made here are unambiguous
// nevertheless: if the name alone does not suffice, the step ends with "~2" and
// the number of the child among those with that name, counted from 0 in the
// order above ("/0~20", "/0~21"). No name contains "~2", because "~" in a name
// becomes "~0".
//
// Example: collect the steps to all children.
//
//   std::vector<std::string> steps;
//   FERRY_RETURN_IF_ERROR(ForEachChild(
//       *value.graph(), value.node(), &budget,
//       [&](absl::string_view step, NodeId) {
//         steps.emplace_back(step);  // "/fc.weight"
//         return absl::OkStatus();
//       }));
#ifndef FERRY_VALUE_GRAPH_CHILDREN_H_
#define FERRY_VALUE_GRAPH_CHILDREN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

// Returns `token` as a step of a JSON Pointer: "~" becomes "~0", "/" becomes
// "~1".
std::string EscapePointerToken(absl::string_view token);

// Calls `visit` for each child, in the order above, with the step from `node`
// to it ("/fc.weight", "/0~21"). Appending the step to a pointer to `node`
// gives a pointer to the child. O(children + size of their names), which it
// charges to `budget` as steps.
//
// Errors: the first error that `visit` returns, after which it is not called
//         again. kResourceExhausted - the budget is spent, or a step is longer
//         than 1 GiB.
absl::Status ForEachChild(
    const ObjectGraph& graph, NodeId node, Budget* budget,
    absl::FunctionRef<absl::Status(absl::string_view, NodeId)> visit);

// Returns the step from `node` to `child`, as in `ForEachChild`, or "" if
// `node` has no such child. If there are several, returns the first. Costs as
// much as `ForEachChild`.
//
// Errors: kResourceExhausted - as in `ForEachChild`.
absl::StatusOr<std::string> StepTo(const ObjectGraph& graph, NodeId node,
                                   NodeId child, Budget* budget);

// Returns whether the node can have children, so that a walk visits them.
bool HasChildren(const ObjectGraph& graph, NodeId node);

// Returns the attribute `name` of an object, or kNoNode.
NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name);

// -----------------------------------------------------------------------------
// Children whose names are not spelt yet
// -----------------------------------------------------------------------------
//
// What the functions above are made of, for value/object_path.h and
// value/graph_walk.h, which look at many children and spell few names.

// Separates a name from the number of the child among those with that name.
constexpr absl::string_view kNumberMark = "~2";

// ChildName
//
// How one child is named.
struct ChildName {
  enum class Kind : uint8_t { kKey, kIndex, kState };

  // The number of a child that its name alone leads to.
  static constexpr uint32_t kNoNumber = 0xFFFFFFFF;

  Kind kind;
  uint32_t value;  // kKey: the key's node; kIndex: the index
  // The number of the child among those with this name, or kNoNumber.
  uint32_t number = kNoNumber;
};

// ChildRun
//
// Consecutive children that are named in the same way. Valid until the graph
// changes.
struct ChildRun {
  size_t size() const {
    return kind == ChildName::Kind::kKey ? nodes.size() / 2 : nodes.size();
  }
  NodeId child(size_t i) const {
    return kind == ChildName::Kind::kKey ? nodes[2 * i + 1] : nodes[i];
  }
  // Returns the name of a child, without a number.
  ChildName name(size_t i) const {
    return {kind, kind == ChildName::Kind::kKey ? nodes[2 * i]
                                                : static_cast<uint32_t>(i)};
  }

  ChildName::Kind kind;
  NodeId owner;                    // kKey: the node that has the entries
  absl::Span<const NodeId> nodes;  // kKey: key and value in turn
};

using ChildRuns = absl::InlinedVector<ChildRun, 6>;

// Returns the children of a node, in the order above. O(1).
ChildRuns ChildRunsOf(const ObjectGraph& graph, NodeId node);

// Returns the number of children in all runs.
size_t NumChildren(const ChildRuns& runs);

// Calls `use` once with the text of a name: not escaped, and without the
// number. The text is valid only during the call.
void WithText(const ObjectGraph& graph, ChildName name,
              absl::FunctionRef<void(absl::string_view)> use);

// Returns the number of each child, in the order of the runs, or nothing if
// every name is the name of one child. Takes memory for the names that occur
// more than once, and a few words for each of the others. Charges the size of
// each name that is longer than 16 bytes as steps, since objects may share it.
//
// Errors: kResourceExhausted - the budget is spent.
absl::StatusOr<std::vector<uint32_t>> NumberNames(const ObjectGraph& graph,
                                                  const ChildRuns& runs,
                                                  Budget* budget);

// Appends the step to the child of this name to `pointer`. Charges as
// `NumberNames` does.
//
// Errors: kResourceExhausted - the budget is spent, or the pointer becomes
//         longer than 1 GiB.
absl::Status AppendStep(const ObjectGraph& graph, ChildName name,
                        Budget* budget, std::string* pointer);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_GRAPH_CHILDREN_H_
