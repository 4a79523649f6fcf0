// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/element_alignment.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

class Alignments {
 public:
  explicit Alignments(ParsedCheckpoint* parsed)
      : parsed_(*parsed), needed_(parsed->storages.size()) {}

  void Run() {
    index_.reserve(parsed_.storages.size());
    for (size_t i = 0; i < parsed_.storages.size(); ++i) {
      index_.emplace(parsed_.storages[i].storage, i);
    }
    AddGraph(*parsed_.graph);
    if (parsed_.constants_graph != nullptr) AddGraph(*parsed_.constants_graph);
    for (size_t i = 0; i < needed_.size(); ++i) {
      if (needed_[i] != 0) parsed_.storages[i].alignment_bytes = needed_[i];
    }
  }

 private:
  void Add(const Storage& storage, DType dtype) {
    const auto found = index_.find(storage);
    if (found == index_.end()) return;
    uint8_t& needed = needed_[parsed_.FamilyOf(found->second)];
    // A complex number needs the alignment of one of its two parts, and so does
    // its byte order.
    needed = std::max(needed, static_cast<uint8_t>(ByteOrderUnitBytes(dtype)));
  }

  void AddGraph(const ObjectGraph& graph) {
    for (const StorageRecord& record : graph.storages()) {
      if (!record.untyped) Add(record.storage, record.dtype);
    }
    for (const Tensor& tensor : graph.tensors()) {
      Add(tensor.storage(), tensor.dtype());
      for (const Tensor& component : tensor.components()) {
        Add(component.storage(), component.dtype());
      }
    }
  }

  ParsedCheckpoint& parsed_;
  HashMap<Storage, size_t> index_;
  std::vector<uint8_t> needed_;  // 0: nothing is known
};

}  // namespace

void SetElementAlignments(ParsedCheckpoint* parsed) {
  Alignments(parsed).Run();
}

}  // namespace v1
}  // namespace ferry
