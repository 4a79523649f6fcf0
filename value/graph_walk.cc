// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/graph_walk.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {

absl::Status GraphVisitor::OnContainer(absl::string_view, NodeId) {
  return absl::OkStatus();
}
absl::Status GraphVisitor::OnAlias(absl::string_view, absl::string_view) {
  return absl::OkStatus();
}
absl::Status GraphVisitor::OnLeaf(absl::string_view, NodeId) {
  return absl::OkStatus();
}

namespace {

// The steps of visiting a node, and also of finding one name of an alias's
// first pointer. Listing the node among its container's children takes one
// more.
constexpr uint64_t kVisitSteps = 3;

// A walk at work.
class Walk {
 public:
  Walk(const ObjectGraph& graph, Budget* budget, GraphVisitor* visitor,
       absl::string_view root_pointer)
      : graph_(graph),
        budget_(*budget),
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
  absl::Status AddChildren(NodeId node);

  absl::Status FindFirstPointer(NodeId container);

  const ObjectGraph& graph_;
  Budget& budget_;
  GraphVisitor* const visitor_;
  const absl::string_view root_pointer_;
  std::vector<Step> pending_;
  size_t most_pending_ = 0;  // charged
  std::vector<Open> path_;
  std::string pointer_;  // of the node that is being visited
  // Of each container that was visited.
  HashMap<NodeId, Edge> first_edges_;
  // Of the latest alias; kept for their memory.
  std::vector<ChildName> names_;
  std::string first_pointer_;
};

// Sets first_pointer_ to the pointer that a container was first reached by.
absl::Status Walk::FindFirstPointer(NodeId container) {
  names_.clear();
  for (NodeId node = container;;) {
    const Edge& edge = first_edges_.find(node)->second;
    if (edge.parent == kNoNode) break;
    names_.push_back(edge.name);
    node = edge.parent;
  }
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(names_.size() * kVisitSteps));
  first_pointer_.assign(root_pointer_.data(), root_pointer_.size());
  for (size_t i = names_.size(); i-- > 0;) {
    FERRY_RETURN_IF_ERROR(
        AppendStep(graph_, names_[i], &budget_, &first_pointer_));
  }
  return absl::OkStatus();
}

absl::Status Walk::Visit(const Step& step, NodeId parent) {
  const NodeId node = step.node;
  if (graph_.kind(node) == ValueKind::kTensor) {
    return visitor_->OnTensor(pointer_, node);
  }
  if (!HasChildren(graph_, node)) return visitor_->OnLeaf(pointer_, node);
  if (!first_edges_.try_emplace(node, Edge{parent, step.name}).second) {
    FERRY_RETURN_IF_ERROR(FindFirstPointer(node));
    return visitor_->OnAlias(pointer_, first_pointer_);
  }
  FERRY_RETURN_IF_ERROR(visitor_->OnContainer(pointer_, node));
  path_.push_back({node, static_cast<uint32_t>(pointer_.size())});
  return AddChildren(node);
}

// Adds the children of the innermost container to those to be visited.
absl::Status Walk::AddChildren(NodeId node) {
  const size_t first_child = pending_.size();
  const ChildRuns runs = ChildRunsOf(graph_, node);
  const size_t num_children = NumChildren(runs);
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(num_children));
  if (first_child + num_children > most_pending_) {
    FERRY_RETURN_IF_ERROR(budget_.ChargeMemory(
        (first_child + num_children - most_pending_) * sizeof(Step)));
    most_pending_ = first_child + num_children;
  }
  FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                         NumberNames(graph_, runs, &budget_));
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
    FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(kVisitSteps));
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
      FERRY_RETURN_IF_ERROR(AppendStep(graph_, step.name, &budget_, &pointer_));
    }
    FERRY_RETURN_IF_ERROR(Visit(step, parent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WalkGraph(const ObjectGraph& graph, NodeId root, Budget* budget,
                       GraphVisitor* visitor, absl::string_view root_pointer,
                       size_t max_reports) {
  return Walk(graph, budget, visitor, root_pointer).Run(root, max_reports);
}

}  // namespace v1
}  // namespace ferry
