// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/proto/node_order.h
// -----------------------------------------------------------------------------
//
// Numbers the nodes that a value refers to in the order that
// checkpoint_graph.proto requires: the parts that a node is made from come
// before it.
//
// Example:
//
//   NodeOrder order(graph);
//   FERRY_RETURN_IF_ERROR(order.Visit(root));
//   for (NodeId node : order.nodes()) ...  // the first one has the number 4
#ifndef FERRY_SERIALIZATION_PROTO_NODE_ORDER_H_
#define FERRY_SERIALIZATION_PROTO_NODE_ORDER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/large_allocator.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/object_path.h"

namespace ferry {
inline namespace v1 {
namespace proto {

// The number of the first row of a table. None, False, True and the empty tuple
// have the smaller numbers.
inline constexpr uint32_t kFirstNumber = ObjectGraph::kEmptyTuple + 1;

// NodeOrder
//
// Thread-safety: none.
class NodeOrder {
 public:
  // `graph` must outlive the order.
  explicit NodeOrder(const ObjectGraph& graph)
      : graph_(graph), numbers_(graph.size(), kUnseen) {}

  // Numbers `root` and everything that it refers to, depth first. Must be
  // called once. O(nodes + references); never recurses.
  //
  // Errors, which have the position of the node:
  //   kInvalidArgument - a tuple, a frozenset or the arguments of an object
  //                      contain themselves, which Python cannot create.
  //   kUnimplemented   - one call was dropped in favour of two objects, or the
  //                      graph has 2^31 nodes or more.
  absl::Status Visit(NodeId root);

  // The nodes in the order of their numbers, from kFirstNumber on.
  absl::Span<const NodeId> nodes() const { return order_; }
  // The number of a visited node.
  uint32_t number(NodeId node) const {
    return node < kFirstNumber ? node : numbers_[node];
  }
  // Whether a node is a call that was dropped in favour of an object.
  bool is_dropped(NodeId node) const {
    return !dropped_.empty() && dropped_.contains(node);
  }

 private:
  static constexpr uint32_t kUnseen = 0xFFFFFFFF;
  static constexpr uint32_t kBeingMade = 0xFFFFFFFE;

  // A node whose contents are being visited after it was made.
  struct Fill {
    NodeId node;
    uint32_t next;  // the next reference
  };

  // Numbers `node` after all parts that it is made from.
  absl::Status Make(NodeId node);
  // Returns `error` with the position of `node`.
  absl::Status ErrorAt(NodeId node, const absl::Status& error) const {
    return AnnotatePath(error, graph_, root_, node);
  }
  // Appends to `pending_` the parts that `node` is made from, in reverse order.
  absl::Status AppendParts(NodeId node);
  absl::Status AppendPart(NodeId part);
  absl::Status AppendRun(absl::Span<const NodeId> parts);
  void SetNumber(NodeId node);
  // Returns the reference at `index` among those that a node is given after it
  // is made, or kNoNode.
  NodeId Given(NodeId node, uint32_t index) const;

  template <typename T>
  using LargeVector = std::vector<T, HugePageAllocator<T>>;

  const ObjectGraph& graph_;
  NodeId root_ = kNoNode;
  LargeVector<uint32_t> numbers_;  // by node
  LargeVector<NodeId> order_;
  std::vector<NodeId> pending_;
  std::vector<Fill> fills_;
  // Nodes that were made during a call of `Make` and are given contents later.
  std::vector<NodeId> to_fill_;
  HashSet<NodeId> dropped_;
};

}  // namespace proto
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PROTO_NODE_ORDER_H_
