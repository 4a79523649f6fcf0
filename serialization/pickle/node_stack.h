// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/node_stack.h
// -----------------------------------------------------------------------------
//
// The stack of a pickle machine, and the marks on it. Unlike a vector, it
// returns the values that it pops, without a copy.
//
// Example: make a tuple from the three values on top.
//
//   stack.Push(graph.AddTuple(stack.PopLast(3)));
#ifndef FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_
#define FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/types/span.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// NodeStack
//
// Before popping or reading, the caller must check that the values, or the
// mark, exist.
//
// Thread-safety: none.
class NodeStack {
 public:
  NodeStack() : values_(kFirstCapacity) {}

  size_t size() const { return size_; }
  // Memory that the stack may take for its values and marks: while it grows,
  // there are two copies, and the new one has room for twice as many.
  uint64_t memory_bytes() const {
    return 3 * (size_ * sizeof(NodeId) + floors_.size() * sizeof(size_t));
  }
  // The number of values above the last mark, which an opcode may pop.
  size_t num_above_mark() const { return size_ - floor_; }
  NodeId back() const { return values_[size_ - 1]; }

  ABSL_ATTRIBUTE_ALWAYS_INLINE void Push(NodeId node) {
    if (ABSL_PREDICT_FALSE(size_ == values_.size())) {
      Grow();
    }
    values_[size_++] = node;
  }

  NodeId Pop() { return values_[--size_]; }

  // Pops the last `count` values. The result is valid until the next push.
  absl::Span<const NodeId> PopLast(size_t count) {
    size_ -= count;
    return {values_.data() + size_, count};
  }

  bool has_mark() const { return !floors_.empty(); }
  void PushMark() { floors_.push_back(std::exchange(floor_, size_)); }
  // Pops the last mark, but not the values above it.
  void PopMark() {
    floor_ = floors_.back();
    floors_.pop_back();
  }
  // Pops the last mark and the values above it. The result is valid until the
  // next push.
  absl::Span<const NodeId> PopToMark() {
    const absl::Span<const NodeId> popped = PopLast(num_above_mark());
    PopMark();
    return popped;
  }

 private:
  static constexpr size_t kFirstCapacity = 1024;

  ABSL_ATTRIBUTE_NOINLINE void Grow() { values_.resize(2 * values_.size()); }

  std::vector<NodeId> values_;
  size_t size_ = 0;
  size_t floor_ = 0;            // position of the last mark; 0 if there is none
  std::vector<size_t> floors_;  // positions of the earlier marks
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_NODE_STACK_H_
