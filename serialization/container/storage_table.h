// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/storage_table.h
// -----------------------------------------------------------------------------
//
// The storages that a graph refers to, in the order of first reference: what
// passes between a codec, which says in the graph which storage is meant, and a
// container, which holds the bytes.
//
// Example: a codec that has read a reference to the storage "7".
//
//   StorageTable storages;
//   StorageDescription description;
//   description.key = "7";
//   description.location = "cpu";
//   description.dtype = DType::kFloat32;
//   description.size_bytes = 400;
//   FERRY_ASSIGN_OR_RETURN(const uint32_t index,
//                          storages.Describe(description));
//   const Storage& storage = storages.entries()[index].storage;
#ifndef FERRY_SERIALIZATION_CONTAINER_STORAGE_TABLE_H_
#define FERRY_SERIALIZATION_CONTAINER_STORAGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/storage.h"
#include "ferry/serialization/container/name_index.h"
#include "ferry/value/object_graph.h"

namespace ferry {

// What the bytes of a graph say about a storage.
struct StorageDescription {
  // What the file calls it: any text. It must outlive the table.
  absl::string_view key;
  // The location tag.
  absl::string_view location;
  // The type that the storage counts its elements in. An untyped one counts
  // bytes.
  DType dtype = DType::kUInt8;
  bool untyped = false;
  uint64_t size_bytes = 0;
};

// A storage of the table.
struct StorageEntry {
  static constexpr uint32_t kNoRoot = 0xFFFFFFFF;

  // Its key, as `Describe` was given it. Empty where it was added.
  absl::string_view key;
  Storage storage;
  DType dtype = DType::kUInt8;
  bool untyped = false;
  // A part of another storage, as PyTorch before 1.0 had them, has the index of
  // that one here, and where in it the part begins.
  uint32_t root = kNoRoot;
  uint64_t offset_bytes = 0;
  // The location tag of a storage that was added (`StorageTable::location`).
  uint32_t location = 0;
};

// StorageTable
//
// A reader describes storages in it, a writer adds them: one of the two. After
// an error the table must not be used any more.
//
// Thread-safety: none.
class StorageTable {
 public:
  // The longest location tag. Every storage has its own copy, and a graph may
  // refer to one tag many times, so this bounds what a small file can ask for.
  static constexpr size_t kMaxLocationBytes = 1024;

  // Called once for each key that is described: may refuse a storage, for
  // instance because the file has no record for it. May be empty.
  using Check = std::function<absl::Status(const StorageDescription&)>;

  // Gives the location tag of a storage; asked once for each that is added.
  using LocationTag =
      std::function<absl::StatusOr<std::string>(const Storage&)>;

  StorageTable() = default;
  explicit StorageTable(Check check) : check_(std::move(check)) {}
  explicit StorageTable(LocationTag location_tag)
      : location_tag_(std::move(location_tag)) {}
  StorageTable(const StorageTable&) = delete;
  StorageTable& operator=(const StorageTable&) = delete;

  absl::Span<const StorageEntry> entries() const { return entries_; }

  // --- Reading ---------------------------------------------------------------

  // Makes room for so many storages, and for a tensor over each in `pool()`.
  void ReserveDescribed(size_t num_storages);

  // Returns the index of the storage with that key, and describes it the first
  // time.
  //
  // Errors:
  //   kDataLoss      - it had another size before.
  //   kUnimplemented - its location is longer than kMaxLocationBytes.
  //   whatever the check returns.
  absl::StatusOr<uint32_t> Describe(const StorageDescription& description);

  // Returns the index of a storage that is a part of the storage `root`, and
  // begins at `offset_bytes` of it. Describes it the first time.
  //
  // Errors:
  //   kDataLoss      - it was another part before, or is no part of that
  //   storage. kUnimplemented - its location is longer than kMaxLocationBytes.
  absl::StatusOr<uint32_t> DescribePart(const StorageDescription& description,
                                        uint32_t root, uint64_t offset_bytes);

  // Notes that a storage is referred to as elements of `dtype`, and was first
  // referred to as others, which count.
  void NoteOtherDType(uint32_t index, DType dtype);

  // What a user should know of the first such storage, or nothing if there is
  // none.
  absl::string_view other_dtypes() const { return other_dtypes_; }

  std::optional<uint32_t> Find(absl::string_view key) const {
    return by_key_.Find(key);
  }

  // Memory for described storages and the tensors over them. They keep it.
  ObjectPool* pool() { return &pool_; }

  // --- Writing ---------------------------------------------------------------

  // Makes room for about so many storages.
  void ReserveAdded(size_t num_storages);

  // Adds a storage that the graph refers to, unless it has been added. Returns
  // its index and whether it is new.
  //
  // Errors:
  //   kInvalidArgument - one storage is used as two dtypes, which PyTorch
  //                      cannot read; it has no memory, a size that is no
  //                      multiple of its dtype's, or is on the meta device and
  //                      has another location.
  //   kUnimplemented   - its location is longer than kMaxLocationBytes.
  //   whatever the location tag returns.
  absl::StatusOr<std::pair<uint32_t, bool>> Add(const StorageRecord& record);

  // The location tag of a storage that was added.
  absl::string_view location(uint32_t index) const {
    return locations_[entries_[index].location];
  }

 private:
  using IndexByStorage = absl::flat_hash_map<
      const void*, uint32_t, absl::Hash<const void*>, std::equal_to<>,
      std::pmr::polymorphic_allocator<std::pair<const void* const, uint32_t>>>;

  absl::StatusOr<StorageEntry*> AppendDescribed(
      const StorageDescription& description);
  uint32_t LocationIndex(std::string location);

  Check check_;
  LocationTag location_tag_;
  std::string other_dtypes_;
  ObjectPool pool_;
  HugePageResource memory_;  // of what follows, so it comes first
  std::pmr::vector<StorageEntry> entries_{&memory_};
  NameIndex by_key_{"", &memory_};  // indexes of `entries_`
  IndexByStorage by_storage_{&memory_};
  // The location tags, each once, and which is which.
  std::deque<std::string> locations_;
  absl::flat_hash_map<absl::string_view, uint32_t> location_indexes_;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_STORAGE_TABLE_H_
