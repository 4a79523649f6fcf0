// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_path.h
// -----------------------------------------------------------------------------
//
// Finds nodes of an object graph by JSON Pointer (RFC 6901), and says in error
// messages where a node is and what it contains. The steps of a pointer are
// those of value/graph_children.h.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(
//       const NodeId weight,
//       ResolvePointer(*value.graph(), value.node(), "/model/fc.weight"));
#ifndef FERRY_VALUE_OBJECT_PATH_H_
#define FERRY_VALUE_OBJECT_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

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

// Appends the position of `node` below `root` to the message of `status`, which
// is an error, and returns the result: " (at /model/3)", " (at a key of
// /model)", or nothing for the root. The steps are those of `StepTo`, escaped
// for a message. A node that is not a child, such as an item of a set, has the
// position of the node that refers to it, and so does everything inside it. If
// there are several positions, uses one with the fewest references to follow.
// Cuts positions of more than a few hundred bytes. O(nodes + references).
absl::Status AnnotatePath(const absl::Status& status, const ObjectGraph& graph,
                          NodeId root, NodeId node);

// Describes what a node contains, for a message that something does not exist:
// "it has "a", "b" and 7 more". Also suggests names that are similar to
// `wanted`, the name that was asked for. Considers the first 4096 names.
std::string DescribeNames(const ObjectGraph& graph, NodeId node,
                          absl::string_view wanted);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_PATH_H_
