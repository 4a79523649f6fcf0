// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/unpickle_memo.h
// -----------------------------------------------------------------------------
//
// The memo of a pickle that is being read, which maps numbers to values.
#ifndef FERRY_SERIALIZATION_PICKLE_UNPICKLE_MEMO_H_
#define FERRY_SERIALIZATION_PICKLE_UNPICKLE_MEMO_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "ferry/core/hash_table.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// UnpickleMemo
//
// Uses memory in proportion to the number of entries or to the size of the
// pickle, whatever memo numbers occur.
//
// Thread-safety: none.
class UnpickleMemo {
 public:
  // Reserves memory for the entries of a pickle of `pickle_bytes` bytes.
  void Reserve(size_t pickle_bytes) {
    // An entry takes about nine bytes of the pickle.
    entries_.reserve(pickle_bytes / 8);
  }

  // The number of entries, which is also the next number that MEMOIZE assigns.
  uint64_t size() const { return size_; }

  // Memory that the memo has taken. It hardly ever gives any back.
  uint64_t memory_bytes() const {
    return entries_.capacity() * sizeof(NodeId) +
           far_entries_.capacity() * 3 * sizeof(uint64_t);
  }

  // Sets an entry. `bytes_taken` is the number of bytes of the pickle that have
  // been read.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Put(uint64_t index, NodeId node,
                                        uint64_t bytes_taken) {
    if (ABSL_PREDICT_FALSE(index >= entries_.size())) {
      return PutNew(index, node, bytes_taken);
    }
    if (entries_[index] == kNoNode) ++size_;
    entries_[index] = node;
  }

  // Returns an entry, or kNoNode if there is none with this number.
  ABSL_ATTRIBUTE_ALWAYS_INLINE NodeId Get(uint64_t index) const {
    return ABSL_PREDICT_TRUE(index < entries_.size()) ? entries_[index]
                                                      : GetFar(index);
  }

 private:
  void PutNew(uint64_t index, NodeId node, uint64_t bytes_taken);
  NodeId GetFar(uint64_t index) const;

  std::vector<NodeId> entries_;
  // The entries past the end of `entries_`. Pickles written by Python have
  // none.
  HashMap<uint64_t, NodeId> far_entries_;
  uint64_t size_ = 0;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UNPICKLE_MEMO_H_
