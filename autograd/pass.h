// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/pass.h
// -----------------------------------------------------------------------------
//
// A pass runs the nodes of a graph, from the outputs backwards. `Backward` and
// `Grad` are both made of it. A node may run when the gradients of all its
// results have arrived. If several nodes may run, the one that was recorded
// last runs first, since it has the highest sequence number.
//
// Example: accumulate the gradients of all leaves of `y`.
//
//   FERRY_ASSIGN_OR_RETURN(Edge edge, GradientEdge(y));
//   Pass pass(/*create_graph=*/false, /*keep_graph=*/false,
//             /*parallel=*/false);
//   pass.AddRoot(edge, *Ones(y.shape()));
//   pass.Discover();
//   FERRY_RETURN_IF_ERROR(pass.Run({}));
#ifndef FERRY_AUTOGRAD_PASS_H_
#define FERRY_AUTOGRAD_PASS_H_

#include <cstddef>
#include <cstdint>
#include <exception>
#include <queue>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Pass
//
// One run over a graph. Call the methods in the order in which they stand here.
//
// Thread-safety: a pass belongs to one thread. Passes of several threads may
// run over the same nodes at once.
class Pass {
 public:
  // Gradients of the results of a node's op, and what the node passes on.
  using Gradients = absl::InlinedVector<Tensor, 1>;
  using Results = absl::InlinedVector<Tensor, 2>;

  //   create_graph  whether to record the pass.
  //   keep_graph    whether the nodes keep what they have saved.
  //   parallel      whether independent nodes run on several threads.
  Pass(bool create_graph, bool keep_graph, bool parallel)
      : create_graph_(create_graph),
        keep_graph_(keep_graph),
        // A recorded pass numbers its nodes in the order in which they run.
        parallel_(parallel && !create_graph) {}
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // Adds an output and its gradient.
  void AddRoot(Edge edge, Tensor gradient);

  // Finds all nodes. Called after the last root.
  void Discover();

  // Asks for the gradient that arrives at an edge. Returns false if the edge is
  // not in the graph.
  bool AddCapture(const Edge& edge, size_t position);

  // Asks for the gradient that arrives at an edge to be kept where the tensor
  // keeps it. If nothing is asked for, all leaves keep theirs.
  void AddTarget(const Edge& edge);

  // Runs the nodes that are needed, in the mode that the pass needs, whatever
  // the caller's is. `captured` has one element per position.
  absl::Status Run(absl::Span<Tensor> captured);

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // What the pass knows of a node.
  struct Visit {
    Node* node;
    uint32_t arriving = 0;   // edges to it that have not been followed
    bool is_wanted = false;  // a capture or a target
    bool runs = false;       // a node that it has an edge to is needed
    Gradients gradients;     // one per result of the op

    bool is_needed() const { return runs || is_wanted; }
  };

  // A gradient that waits for the others that arrive at the same node, so that
  // they are added up in the order of a serial pass.
  struct Arrival {
    uint32_t position;  // of the node that it comes from
    uint32_t edge;      // of that node
    uint32_t index;
    Tensor gradient;
  };

  // A node that runs.
  struct Task {
    uint32_t id = 0;
    Gradients gradients;
    Results results;
    // The leaf whose gradient the node accumulates, if it does.
    const Tensor* leaf = nullptr;
    absl::Status status;
    std::exception_ptr exception;
  };

  // Where the gradient of one input of `Grad` is found.
  struct Capture {
    uint32_t id;
    uint32_t index;
    size_t position;
  };

  using Ready = std::pair<uint64_t, uint32_t>;  // sequence, id

  absl::Status RunNodes(absl::Span<Tensor> captured);
  uint32_t IdOf(Node* node) const;
  uint32_t Enter(Node* node);
  void MarkNeeded();
  absl::Status Deposit(uint32_t id, uint32_t index, Tensor gradient);
  absl::Status RunTensorHooks(NodeHooks& hooks, Gradients& gradients);
  absl::Status Retain(NodeHooks& hooks, const Gradients& gradients);
  absl::Status Arrive(uint32_t id, Gradients& gradients,
                      absl::Span<Tensor> captured);
  absl::Status Compute(Task& task);
  absl::Status RunHooksAfter(Task& task);
  absl::Status Validate(const Node& node, Results& results) const;
  std::priority_queue<Ready> FirstReady() const;
  absl::Status RunSerially(absl::Span<Tensor> captured);
  std::vector<uint32_t> SerialPositions() const;
  absl::Status RunInWaves(absl::Span<Tensor> captured);
  absl::Status RunWave(absl::Span<const uint32_t> wave,
                       absl::Span<Tensor> captured, std::vector<Task>& tasks);

  const bool create_graph_;
  const bool keep_graph_;
  const bool parallel_;
  std::vector<Edge> roots_;
  std::vector<Tensor> root_gradients_;
  std::vector<Visit> visits_;                          // by id
  absl::flat_hash_map<const Node*, uint32_t> others_;  // claimed by others
  std::vector<uint32_t> order_;  // every node after those it has edges to
  std::vector<Capture> captures_;
  bool has_targets_ = false;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_PASS_H_
