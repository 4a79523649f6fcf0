// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/graph/node.h
// -----------------------------------------------------------------------------
//
// The graph that ops record: one node for each call of an op, with an edge to
// the node of each tensor that the op took. The engine walks it from the
// results backwards, and passes gradients along the edges.
//
// `y = Exp(x)`, for a leaf x, makes a node "Exp". The state of y points to that
// node. Its only edge leads to a node "AccumulateGradient", which holds x.
//
// Example: follow that edge.
//
//   FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(y));
//   edge.node->name();                   // "Exp"
//   edge.node->edges()[0].node->name();  // "AccumulateGradient"
#ifndef FERRY_AUTOGRAD_GRAPH_NODE_H_
#define FERRY_AUTOGRAD_GRAPH_NODE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

class Node;

// Edge
//
// Where the gradient of a tensor goes: to a node, as the gradient of the result
// `index` of its op. The node is null for a tensor that requires no gradient.
struct Edge {
  std::shared_ptr<Node> node;
  uint32_t index = 0;
};

// What a gradient must look like: the shape and dtype of its tensor.
struct TensorInfo {
  Dimensions shape;
  DType dtype = DType::kFloat32;
};

// A function that is called with the gradient of a tensor. It returns a
// replacement of the same shape, or a null tensor to leave the gradient as it
// is, or an error, which ends the backward pass.
using TensorHook =
    std::function<absl::StatusOr<Tensor>(const Tensor& gradient)>;

// A function that is called after a leaf has accumulated its gradient.
using AccumulatedHook = std::function<absl::Status(const Tensor& leaf)>;

// Functions that are called before and after a node runs. `gradients` has one
// element per result of the op, null where there is none; the hook before the
// node may replace them. `results` has one element per edge.
using NodeHook = std::function<absl::Status(absl::Span<Tensor> gradients)>;
using NodePostHook = std::function<absl::Status(
    absl::Span<Tensor> results, absl::Span<const Tensor> gradients)>;

// Holds the gradient of a tensor that is not a leaf, after `RetainGradient`.
struct RetainedGradient {
  std::mutex mutex;  // guards the member below
  Tensor gradient;
};

// The hooks of a node. Handles own the hooks and the node holds weak pointers,
// so a hook may hold its own tensor without a reference cycle.
struct NodeHooks {
  std::mutex mutex;  // guards the members below

  struct OfTensor {
    uint32_t index;  // of the op's result
    std::weak_ptr<TensorHook> hook;
  };
  struct Retained {
    uint32_t index;
    std::weak_ptr<RetainedGradient> retained;
  };

  std::vector<OfTensor> tensor;
  std::vector<std::weak_ptr<NodeHook>> before;
  std::vector<Retained> retained;
  std::vector<std::weak_ptr<AccumulatedHook>> accumulated;
  std::vector<std::weak_ptr<NodePostHook>> after;
};

// LazyNodeHooks
//
// Allocates a `NodeHooks` on first use. Thread-safe.
class LazyNodeHooks {
 public:
  LazyNodeHooks() = default;
  ~LazyNodeHooks() { delete hooks_.load(std::memory_order_relaxed); }
  LazyNodeHooks(const LazyNodeHooks&) = delete;
  LazyNodeHooks& operator=(const LazyNodeHooks&) = delete;

  // Returns the hooks, or null if there never were any.
  NodeHooks* get() const { return hooks_.load(std::memory_order_acquire); }

  // Returns the hooks, and makes room for them first if there is none.
  NodeHooks& Make();

 private:
  std::atomic<NodeHooks*> hooks_{nullptr};  // owned
};

// Node
//
// One recorded call. Nodes are immutable except for their hooks and the tensors
// that they have saved.
//
// Freeing a graph takes a constant amount of stack, however long its chains
// are: see `ReleaseNode`.
//
// Thread-safety: several threads may run the same node at once. Hooks may be
// added and removed at any time; a pass that has reached the node already does
// not see the change.
class Node : public std::enable_shared_from_this<Node> {
 public:
  using Edges = absl::InlinedVector<Edge, 2>;
  using Infos = absl::InlinedVector<TensorInfo, 1>;

  // Nodes with a higher sequence number run first.
  static constexpr uint64_t kRunsFirst = std::numeric_limits<uint64_t>::max();

  // Takes the next sequence number of the calling thread.
  explicit Node(Edges&& edges);
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Returns the name of the op, for messages.
  virtual absl::string_view name() const = 0;

  // Computes the gradients of what the op took from the gradients of its
  // results.
  //
  //   gradients  one per result of the op; null where there is none. At least
  //              one is not null.
  //   needed     one per edge: whether the pass uses the gradient. False for an
  //              edge without a node.
  //   results    one per edge, all null at the call. The node sets those that
  //              are needed, and may leave one null, which means zero. The pass
  //              drops others.
  //
  // Several threads may call this at once. An error ends the pass.
  virtual absl::Status Run(absl::Span<const Tensor> gradients,
                           absl::Span<const bool> needed,
                           absl::Span<Tensor> results) = 0;

  // Drops the saved tensors. The node cannot run again if it needs them.
  virtual void ReleaseSaved() {}

  uint64_t sequence() const { return sequence_; }
  const Edges& edges() const { return edges_; }

  // One per result of the op.
  const Infos& infos() const { return infos_; }

  // Describes a result and returns its index. Called while the op is recorded.
  uint32_t AddInfo(TensorInfo info) {
    infos_.push_back(std::move(info));
    return static_cast<uint32_t>(infos_.size() - 1);
  }

  // The node's hooks; null if it has none.
  virtual NodeHooks* hooks() const { return hooks_.get(); }

  // The same, but makes room for hooks if there are none yet.
  virtual NodeHooks& MutableHooks() { return hooks_.Make(); }

  // Returns the addresses of the calls that recorded the node, innermost first.
  // Empty unless it was recorded with AnomalyGuard.
  absl::Span<void* const> forward_trace() const {
    return forward_trace_ == nullptr ? absl::Span<void* const>()
                                     : absl::MakeConstSpan(*forward_trace_);
  }

  // Lets one backward pass at a time store a number in the node, which saves a
  // table lookup per edge. `Claim` returns false if another pass holds the
  // node. `claimed_id` is valid while `IsClaimedBy(pass)` is true. The pass
  // must call `Unclaim` before it ends.
  bool Claim(const void* pass, uint32_t id) {
    const void* nobody = nullptr;
    if (!pass_.compare_exchange_strong(nobody, pass,
                                       std::memory_order_acquire)) {
      return false;
    }
    id_.store(id, std::memory_order_relaxed);
    return true;
  }
  bool IsClaimedBy(const void* pass) const {
    return pass_.load(std::memory_order_relaxed) == pass;
  }
  uint32_t claimed_id() const { return id_.load(std::memory_order_relaxed); }
  void Unclaim() { pass_.store(nullptr, std::memory_order_release); }

 protected:
  // For a node that has a place of its own in the order.
  Node(Edges&& edges, uint64_t sequence);

 private:
  const uint64_t sequence_;
  Edges edges_;
  Infos infos_;
  LazyNodeHooks hooks_;
  std::unique_ptr<std::vector<void*>> forward_trace_;
  std::atomic<const void*> pass_{nullptr};
  std::atomic<uint32_t> id_{0};
};

// Releases a reference to a node. If another node is being destroyed on this
// thread, the release waits until that has finished, so destroying a long chain
// does not recurse. Destructors that hold a node must release it here.
void ReleaseNode(std::shared_ptr<Node> node);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAPH_NODE_H_
