// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/name_index.h
// -----------------------------------------------------------------------------
//
// An index of names. It looks up a name that is a common stem followed by a
// number, such as "archive/data/17", by that number, and any other name by a
// hash. Files name their storages in this way, and an array access is several
// times cheaper than hashing.
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
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/core/hash_table.h"

namespace ferry {
inline namespace v1 {

// NameIndex
//
// Thread-safety: const methods may be called from any thread, as long as no
// thread calls a non-const method.
class NameIndex {
 public:
  explicit NameIndex(absl::string_view stem) : stem_(stem) {}

  // Reserves memory for about `num_names` names. Must be called while the index
  // is empty. Numbers below twice `num_names` are then looked up by number;
  // without this call, all names are hashed.
  void Reserve(size_t num_names);

  // Maps `name` to `index`, unless the name is mapped already. Returns the
  // index of the name and whether it is new. `name` must outlive the NameIndex,
  // and `index` must not be 0xFFFFFFFF.
  std::pair<uint32_t, bool> Insert(absl::string_view name, uint32_t index);

  // Returns the index of `name`, or nullopt.
  std::optional<uint32_t> Find(absl::string_view name) const;

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  // Returns the number of a name that is looked up by number, else
  // numbers_.size().
  size_t NumberOf(absl::string_view name) const;

  std::string stem_;
  std::vector<uint32_t> numbers_;  // the index of each, or kNone
  HashMap<absl::string_view, uint32_t> others_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_NAME_INDEX_H_
