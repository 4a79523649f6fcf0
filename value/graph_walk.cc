// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/graph_walk.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/value_kind.h"

namespace ferry {

void GraphVisitor::OnContainer(absl::string_view, NodeId) {}
void GraphVisitor::OnAlias(absl::string_view, absl::string_view) {}
void GraphVisitor::OnLeaf(absl::string_view, NodeId) {}

namespace {

// The limit of all pointers of a walk.
constexpr size_t kMaxWalkBytes = size_t{1} << 30;

// How often, on average, a walk visits what the nodes of a graph refer to, and
// how much it may visit in the smallest graph. Objects that share a state or
// arguments are visited with all of it.
constexpr uint64_t kMaxSharing = 8;
constexpr uint64_t kFreeChildren = 1 << 16;

// What finding one name of an alias's first pointer counts for.
constexpr size_t kFindBytes = 64;

// A walk at work.
class Walk {
 public:
  Walk(const ObjectGraph& graph, GraphVisitor* visitor,
       absl::string_view root_pointer)
      : graph_(graph),
        visitor_(visitor),
        root_pointer_(root_pointer),
        pointer_(root_pointer) {}

  absl::Status Run(NodeId root, size_t max_reports);

 private:
  // How a node was reached.
  struct Edge {
    NodeId parent;  // kNoNode: it is the root
    ChildName name;
  };
  // A child that is still to be visited. Its parent's pointer is the beginning
  // of pointer_ by then, whatever was visited in between.
  struct Step {
    NodeId node;
    uint32_t parent_pointer_size;
    ChildName name;
  };

  // A container whose children are being visited.
  struct Open {
    NodeId node;
    uint32_t pointer_size;
  };

  absl::Status Visit(const Step& step, NodeId parent);

  // Appends the step to the child of this name to `pointer`.
  absl::Status Append(ChildName name, std::string* pointer) {
    return AppendStep(
        graph_, name, [this](size_t bytes) { return Count(bytes); }, pointer);
  }

  // Counts children that are to be visited. Objects may share a state or
  // arguments, and each of them has their children.
  absl::Status CountChildren(size_t count) {
    if (count > children_left_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the graph has ", graph_.size(),
                       " nodes, and they share attributes or arguments so "
                       "often that walking all paths would take too long"));
    }
    children_left_ -= count;
    return absl::OkStatus();
  }

  absl::Status Count(size_t bytes) {
    if (bytes > bytes_left_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the paths of the graph take more than ", kMaxWalkBytes, " bytes"));
    }
    bytes_left_ -= bytes;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> FirstPointer(NodeId container);

  const ObjectGraph& graph_;
  GraphVisitor* const visitor_;
  const absl::string_view root_pointer_;
  std::vector<Step> pending_;
  std::vector<Open> path_;
  std::string pointer_;  // of the node that is being visited
  // Of each container that was visited.
  absl::flat_hash_map<NodeId, Edge> first_edges_;
  size_t bytes_left_ = kMaxWalkBytes;
  uint64_t children_left_ =
      kFreeChildren +
      kMaxSharing * (graph_.num_references() + uint64_t{graph_.size()});
};

absl::StatusOr<std::string> Walk::FirstPointer(NodeId container) {
  std::vector<ChildName> names;
  for (NodeId node = container;;) {
    const Edge& edge = first_edges_.find(node)->second;
    if (edge.parent == kNoNode) break;
    names.push_back(edge.name);
    node = edge.parent;
  }
  FERRY_RETURN_IF_ERROR(Count(names.size() * kFindBytes));
  std::string pointer(root_pointer_);
  for (size_t i = names.size(); i-- > 0;) {
    FERRY_RETURN_IF_ERROR(Append(names[i], &pointer));
  }
  FERRY_RETURN_IF_ERROR(Count(pointer.size()));
  return pointer;
}

absl::Status Walk::Visit(const Step& step, NodeId parent) {
  const NodeId node = step.node;
  if (graph_.kind(node) == ValueKind::kTensor) {
    FERRY_RETURN_IF_ERROR(Count(pointer_.size()));
    visitor_->OnTensor(pointer_, node);
    return absl::OkStatus();
  }
  if (!HasChildren(graph_, node)) {
    visitor_->OnLeaf(pointer_, node);
    return absl::OkStatus();
  }
  if (!first_edges_.try_emplace(node, Edge{parent, step.name}).second) {
    FERRY_RETURN_IF_ERROR(Count(pointer_.size()));
    FERRY_ASSIGN_OR_RETURN(const std::string first_pointer, FirstPointer(node));
    visitor_->OnAlias(pointer_, first_pointer);
    return absl::OkStatus();
  }
  visitor_->OnContainer(pointer_, node);
  path_.push_back({node, static_cast<uint32_t>(pointer_.size())});
  const size_t first_child = pending_.size();
  const ChildRuns runs = ChildRunsOf(graph_, node);
  for (const ChildRun& run : runs) {
    FERRY_RETURN_IF_ERROR(CountChildren(run.size()));
  }
  FERRY_ASSIGN_OR_RETURN(
      const std::vector<uint32_t> numbers,
      NumberNames(graph_, runs, [this](size_t bytes) { return Count(bytes); }));
  size_t next = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      Step& child = pending_.emplace_back(Step{
          run.child(i), static_cast<uint32_t>(pointer_.size()), run.name(i)});
      if (!numbers.empty()) child.name.number = numbers[next++];
    }
  }
  std::reverse(pending_.begin() + first_child, pending_.end());
  return absl::OkStatus();
}

absl::Status Walk::Run(NodeId root, size_t max_reports) {
  pending_.push_back({root, static_cast<uint32_t>(pointer_.size()), {}});
  for (size_t i = 0; !pending_.empty() && i < max_reports; ++i) {
    const Step step = pending_.back();
    pending_.pop_back();
    // A child's pointer is longer than its parent's, so this finds the parent.
    while (!path_.empty() &&
           path_.back().pointer_size > step.parent_pointer_size) {
      path_.pop_back();
    }
    const NodeId parent = path_.empty() ? kNoNode : path_.back().node;
    pointer_.resize(step.parent_pointer_size);
    if (parent != kNoNode) {
      FERRY_RETURN_IF_ERROR(Append(step.name, &pointer_));
    }
    FERRY_RETURN_IF_ERROR(Visit(step, parent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WalkGraph(const ObjectGraph& graph, NodeId root,
                       GraphVisitor* visitor, absl::string_view root_pointer,
                       size_t max_reports) {
  return Walk(graph, visitor, root_pointer).Run(root, max_reports);
}

}  // namespace ferry
