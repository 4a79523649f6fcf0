// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tests/snippets/free_names.h
// -----------------------------------------------------------------------------
//
// What the examples in comments take for granted: a few standard headers, and
// variables that a reader understands by their names.
#ifndef FERRY_TESTS_SNIPPETS_FREE_NAMES_H_
#define FERRY_TESTS_SNIPPETS_FREE_NAMES_H_

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <memory_resource>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ferry/runtime/runtime.h"
#include "gtest/gtest.h"

struct ferry_plugin;

namespace ferry {
inline namespace v1 {

// A checkpoint, and two tensors of a model.
extern const Value value;
extern const Tensor weight, bias;

// Operands of ops.
extern const Tensor x, y, left, right, logits, target, scores, words, keys,
    queries, beta, row, table, matrix;

// Whatever a program or a plugin writes: a description, a backend, a codec, a
// package.
extern const ferry_plugin kPlugin;
extern Backend& backend;
class JsonCodec final : public Codec {
 public:
  absl::string_view name() const override;
  absl::string_view suffix() const override;
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, Budget* budget,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  absl::StatusOr<LargeString> Write(const ObjectGraph& graph, NodeId root,
                                    StorageTable* storages) const override;
};
Memory PutAway(const Storage& storage);
absl::Status FetchFrom(const void* place, uint64_t offset_bytes, void* to,
                       uint64_t size_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TESTS_SNIPPETS_FREE_NAMES_H_
