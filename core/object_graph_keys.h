// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/object_graph_keys.h
// -----------------------------------------------------------------------------
//
// Which keys of dicts and items of sets Python holds equal. Part of
// `ObjectGraph`; nothing else includes it.
#ifndef FERRY_CORE_OBJECT_GRAPH_KEYS_H_
#define FERRY_CORE_OBJECT_GRAPH_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "ferry/core/object_graph.h"

namespace ferry {

// KeyClasses
//
// Numbers keys so that two have the same number if and only if Python holds
// them equal: 1, 1.0 and True are one key; 2**53 + 1 and 2.0**53 are two; a NaN
// is itself alone; tuples, torch.Sizes and frozensets are equal by their items;
// dtypes, devices and layouts by value; all other objects by identity.
//
// Numbers stay right as the graph grows. Each key is looked into once, so the
// cost is that of the keys, however they share their parts.
//
// Thread-safety: none.
class KeyClasses {
 public:
  // `graph` must outlive it.
  explicit KeyClasses(const ObjectGraph& graph) : graph_(graph) {}

  // Of what Python cannot hash: lists, dicts, sets, bytearrays, and tuples and
  // frozensets that contain one.
  static constexpr uint32_t kUnhashable = 0xFFFFFFFF;

  uint32_t ClassOf(NodeId key);

  // The number of a str or an int that a key has been, or nothing.
  std::optional<uint32_t> ClassOfStr(absl::string_view text) const;
  std::optional<uint32_t> ClassOfInt(int64_t value) const;

 private:
  uint32_t ClassOfAtom(NodeId atom);
  uint32_t ClassOfFloat(double value, NodeId node);
  // The items of a tuple, size or frozenset.
  absl::Span<const NodeId> Parts(NodeId key) const;
  uint32_t ClassOfParts(NodeId key);

  template <typename Map, typename Key>
  uint32_t Number(Map* map, Key&& key) {
    const auto [found, is_new] =
        map->try_emplace(std::forward<Key>(key), next_class_);
    if (is_new) ++next_class_;
    return found->second;
  }

  const ObjectGraph& graph_;
  uint32_t next_class_ = 0;
  absl::flat_hash_map<absl::string_view, uint32_t> strs_;
  absl::flat_hash_map<absl::string_view, uint32_t> bytes_;
  absl::flat_hash_map<int64_t, uint32_t> ints_;
  absl::flat_hash_map<std::string, uint32_t> big_ints_;
  // The bits of a number's real and imaginary part.
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint32_t> numbers_;
  // A kind and a value of it; of objects the node.
  absl::flat_hash_map<std::pair<ValueKind, uint64_t>, uint32_t> others_;
  absl::flat_hash_map<std::string, uint32_t> devices_;
  // Whether a set, and the classes of the items.
  absl::flat_hash_map<std::pair<bool, std::vector<uint32_t>>, uint32_t>
      composites_;
  absl::flat_hash_map<NodeId, uint32_t> composite_nodes_;
};

}  // namespace ferry

#endif  // FERRY_CORE_OBJECT_GRAPH_KEYS_H_
