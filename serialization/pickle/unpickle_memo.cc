// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickle_memo.h"

#include <algorithm>
#include <cstddef>

namespace ferry {
inline namespace v1 {
namespace pickle {

void UnpickleMemo::PutNew(uint64_t index, NodeId node, uint64_t bytes_taken) {
  // An honest index is smaller than the number of opcodes before it.
  if (index < bytes_taken) {
    size_t size = std::max<size_t>(index + 1, entries_.size() * 2);
    if (index < entries_.capacity()) size = std::min(size, entries_.capacity());
    entries_.resize(size, kNoNode);
    // An entry in two places would be counted twice.
    absl::erase_if(far_entries_, [this](const auto& entry) {
      if (entry.first >= entries_.size()) return false;
      entries_[entry.first] = entry.second;
      return true;
    });
    return Put(index, node, bytes_taken);
  }
  if (far_entries_.insert_or_assign(index, node).second) ++size_;
}

NodeId UnpickleMemo::GetFar(uint64_t index) const {
  const auto found = far_entries_.find(index);
  return found == far_entries_.end() ? kNoNode : found->second;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
