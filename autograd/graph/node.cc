// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/graph/node.h"

#include <execinfo.h>

#include <memory>
#include <utility>

#include "ferry/autograd/anomaly.h"

namespace ferry {
inline namespace v1 {
namespace {

// The calls of the program beyond these are seldom of interest.
constexpr int kMaxTrace = 64;

thread_local uint64_t next_sequence = 0;

// The nodes that wait for the node that is being destroyed. Null if none is.
using Waiting = absl::InlinedVector<std::shared_ptr<Node>, 8>;
thread_local Waiting* waiting = nullptr;

}  // namespace

Node::Node(Edges&& edges) : Node(std::move(edges), next_sequence++) {}

Node::Node(Edges&& edges, uint64_t sequence)
    : sequence_(sequence), edges_(std::move(edges)) {
  if (AnomalyDetectionEnabled()) {
    auto trace = std::make_unique<std::vector<void*>>(kMaxTrace);
    const int depth = backtrace(trace->data(), kMaxTrace);
    trace->resize(static_cast<size_t>(depth));
    forward_trace_ = std::move(trace);
  }
}

Node::~Node() {
  for (Edge& edge : edges_) ReleaseNode(std::move(edge.node));
}

NodeHooks& LazyNodeHooks::Make() {
  NodeHooks* hooks = get();
  if (hooks != nullptr) return *hooks;
  auto made = std::make_unique<NodeHooks>();
  if (hooks_.compare_exchange_strong(hooks, made.get(),
                                     std::memory_order_acq_rel)) {
    hooks = made.release();
  }
  return *hooks;
}

void ReleaseNode(std::shared_ptr<Node> node) {
  if (node == nullptr) return;
  if (waiting != nullptr) {
    waiting->push_back(std::move(node));
    return;
  }
  Waiting nodes;
  waiting = &nodes;
  node.reset();
  while (!nodes.empty()) {
    std::shared_ptr<Node> next = std::move(nodes.back());
    nodes.pop_back();
    next.reset();
  }
  waiting = nullptr;
}

}  // namespace v1
}  // namespace ferry
