// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/node_stack.h
// -----------------------------------------------------------------------------
//
// The stack of a pickle machine. Unlike a vector it hands out what it pops,
// without a copy.
//
// Example: the three values on top become a tuple.
//
//   stack.Push(graph.AddTuple(stack.PopLast(3)));
#ifndef FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_
#define FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_

#include <cstddef>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/types/span.h"
#include "ferry/core/object_graph.h"

namespace ferry {
namespace pickle {

// NodeStack
//
// Whoever pops or looks sees to it that the values are there.
//
// Thread-safety: none.
class NodeStack {
 public:
  NodeStack() : values_(kFirstCapacity) {}

  size_t size() const { return size_; }
  NodeId back() const { return values_[size_ - 1]; }

  ABSL_ATTRIBUTE_ALWAYS_INLINE void Push(NodeId node) {
    if (ABSL_PREDICT_FALSE(size_ == values_.size())) {
      Grow();
    }
    values_[size_++] = node;
  }

  NodeId Pop() { return values_[--size_]; }

  // Pops all from `position` on. Valid until something is pushed.
  absl::Span<const NodeId> PopFrom(size_t position) {
    const absl::Span<const NodeId> popped(values_.data() + position,
                                          size_ - position);
    size_ = position;
    return popped;
  }
  // Pops the last `count`. Likewise.
  absl::Span<const NodeId> PopLast(size_t count) {
    return PopFrom(size_ - count);
  }

 private:
  static constexpr size_t kFirstCapacity = 1024;

  ABSL_ATTRIBUTE_NOINLINE void Grow() { values_.resize(2 * values_.size()); }

  std::vector<NodeId> values_;
  size_t size_ = 0;
};

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_
