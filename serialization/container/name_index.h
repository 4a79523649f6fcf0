// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/name_index.h
// -----------------------------------------------------------------------------
//
// Finds names by a hash, and those that are a number after a common stem, as
// "archive/data/17" is, by that number: files name their storages so, and to
// count is several times cheaper than to hash.
//
// Example:
//
//   NameIndex index("archive/data/");
//   index.Reserve(names.size());
//   for (uint32_t i = 0; i < names.size(); ++i) index.Insert(names[i], i);
//   index.Find("archive/data/17");
#ifndef FERRY_SERIALIZATION_CONTAINER_NAME_INDEX_H_
#define FERRY_SERIALIZATION_CONTAINER_NAME_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace ferry {

// The memory that each name takes for which there is room reserved.
inline constexpr uint64_t kNumberedBytes = 8;

// NameIndex
//
// Thread-safety: const methods may be called from any thread, as long as none
// calls another.
class NameIndex {
 public:
  explicit NameIndex(
      absl::string_view stem,
      std::pmr::memory_resource* memory = std::pmr::get_default_resource());

  // Makes room for about so many names, while there is none yet: numbers below
  // twice as many are found as such. Without it none is.
  void Reserve(size_t num_names);

  // Notes that `name`, which must live as long as this, is `index`, unless it
  // is there already. Returns what it is, and whether it is new. `index` must
  // not be 0xFFFFFFFF.
  std::pair<uint32_t, bool> Insert(absl::string_view name, uint32_t index);

  std::optional<uint32_t> Find(absl::string_view name) const;

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // The number of a name that is found by it, else numbers_.size().
  size_t NumberOf(absl::string_view name) const;

  std::string stem_;
  std::pmr::vector<uint32_t> numbers_;  // the index of each, or kNone
  absl::flat_hash_map<absl::string_view, uint32_t> others_;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_NAME_INDEX_H_
