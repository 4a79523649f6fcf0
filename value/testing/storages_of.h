// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/testing/storages_of.h
// -----------------------------------------------------------------------------
#ifndef FERRY_VALUE_TESTING_STORAGES_OF_H_
#define FERRY_VALUE_TESTING_STORAGES_OF_H_

#include <vector>

#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Returns the storages of a value's graph, each once: those of the storage
// records, then those of the tensors.
inline std::vector<Storage> StoragesOf(const Value& value) {
  std::vector<Storage> storages;
  HashSet<Storage> seen;
  const auto add = [&](const Storage& storage) {
    if (seen.insert(storage).second) storages.push_back(storage);
  };
  for (const StorageRecord& record : value.graph()->storages()) {
    add(record.storage);
  }
  for (const Tensor& tensor : value.graph()->tensors()) add(tensor.storage());
  return storages;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_TESTING_STORAGES_OF_H_
