// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/testing/storages_of.h
// -----------------------------------------------------------------------------
#ifndef FERRY_VALUE_TESTING_STORAGES_OF_H_
#define FERRY_VALUE_TESTING_STORAGES_OF_H_

#include <vector>

#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {

// Returns the storages of a value's graph: one for each storage record, then
// one for each tensor. A storage that several of them share is repeated.
inline std::vector<Storage> StoragesOf(const Value& value) {
  std::vector<Storage> storages;
  for (const StorageRecord& record : value.graph()->storages()) {
    storages.push_back(record.storage);
  }
  for (const Tensor& tensor : value.graph()->tensors()) {
    storages.push_back(tensor.storage());
  }
  return storages;
}

}  // namespace ferry

#endif  // FERRY_VALUE_TESTING_STORAGES_OF_H_
