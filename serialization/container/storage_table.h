// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/storage_table.h
// -----------------------------------------------------------------------------
//
// The storages that a graph refers to, in the order of first reference. It
// connects a codec, which encodes references to storages, with a container,
// which holds their bytes.
//
// Example: a codec has read a reference to the storage "7".
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
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {

class NameIndex;
class ObjectPool;
class PagePool;

// What a graph record says about a storage.
struct StorageDescription {
  // The name of the storage in the file, which may be any text. It must outlive
  // the table.
  absl::string_view key;
  // The location tag.
  absl::string_view location;
  // The dtype of the storage's elements. An untyped storage counts bytes.
  DType dtype = DType::kUInt8;
  bool untyped = false;
  uint64_t size_bytes = 0;
};

// A storage of the table.
struct StorageEntry {
  static constexpr uint32_t kNoBase = 0xFFFFFFFF;

  // The key that was passed to `Describe`. Empty for a storage that was added.
  absl::string_view key;
  Storage storage;
  DType dtype = DType::kUInt8;
  bool untyped = false;
  // If this storage is a view of another one (PyTorch before 1.0 had storage
  // views), the index of its base and where the view begins in it.
  uint32_t base = kNoBase;
  uint64_t offset_bytes = 0;
  // The location tag of a storage that was added (`StorageTable::location`).
  uint32_t location = 0;
};

// StorageTable
//
// A reader describes the storages, and a writer adds them; do not mix the two
// in one table. After an error the table must not be used again.
//
// Thread-safety: none.
class StorageTable {
 public:
  // The maximum size of a location tag, which every storage has a copy of.
  static constexpr size_t kMaxLocationBytes = 1024;

  // Checks the size of a location tag.
  //
  // Errors: kUnimplemented - it is longer than kMaxLocationBytes.
  static absl::Status CheckLocation(absl::string_view location);

  // Called once for each described key. May refuse a storage by returning an
  // error, for instance because the file has no record for it. May be empty.
  using Check = std::function<absl::Status(const StorageDescription&)>;

  // Returns the location tag of a storage. Called once for each added storage.
  using LocationTag =
      std::function<absl::StatusOr<std::string>(const Storage&)>;

  StorageTable();
  // The memory of `pool()` comes from `page_pool`, if that is not null.
  explicit StorageTable(Check check,
                        std::shared_ptr<PagePool> page_pool = nullptr);
  explicit StorageTable(LocationTag location_tag);
  ~StorageTable();
  StorageTable(const StorageTable&) = delete;
  StorageTable& operator=(const StorageTable&) = delete;

  absl::Span<const StorageEntry> entries() const { return entries_; }

  // --- Reading ---------------------------------------------------------------

  // What a described storage takes in a checkpoint, in bytes, beside its
  // location.
  static constexpr uint64_t kMemoryBytes = 512;

  // Has the memory of described storages and the look-ups of keys charged to
  // `budget`, which must outlive the calls of `Describe` and `DescribeView`. A
  // graph may refer to one long key or location many times. The default is no
  // limit.
  void set_budget(Budget* budget) { budget_ = budget; }

  // Reserves memory for `num_storages` storages, and in `pool()` for a tensor
  // over each.
  void ReserveDescribed(size_t num_storages);

  // Returns the index of the storage with the key of `description`. Adds the
  // storage to the table the first time.
  //
  // Errors:
  //   kDataLoss          - the storage had another size before.
  //   kUnimplemented     - its location is longer than kMaxLocationBytes.
  //   kResourceExhausted - the budget is spent.
  //   whatever the check returns.
  absl::StatusOr<uint32_t> Describe(const StorageDescription& description);

  // Returns the index of a storage that is a view of the storage `base` at
  // `offset_bytes`. Adds it to the table the first time.
  //
  // Errors:
  //   kDataLoss          - it was another view before, or it does not lie
  //                        inside `base`.
  //   kUnimplemented     - its location is longer than kMaxLocationBytes.
  //   kResourceExhausted - the budget is spent.
  absl::StatusOr<uint32_t> DescribeView(const StorageDescription& description,
                                        uint32_t base, uint64_t offset_bytes);

  // Records that the file also refers to a storage with `dtype`, which is not
  // the dtype of the first reference. The first one is used.
  void NoteOtherDType(uint32_t index, DType dtype);

  // Returns a warning about the first such storage, or an empty text.
  absl::string_view other_dtypes() const { return other_dtypes_; }

  // Returns the index of the described storage with that key, or nullopt.
  std::optional<uint32_t> Find(absl::string_view key) const;

  // Returns the pool that allocates described storages and the tensors over
  // them, which keep its memory alive.
  ObjectPool* pool() { return pool_.get(); }

  // --- Writing ---------------------------------------------------------------

  // Reserves memory for about `num_storages` storages.
  void ReserveAdded(size_t num_storages);

  // Adds a storage that the graph refers to, unless it is in the table already.
  // Returns its index and whether it is new.
  //
  // Errors:
  //   kInvalidArgument - one storage is used as two dtypes, which PyTorch
  //                      cannot read; the storage has no memory, has a size
  //                      that is not a multiple of the dtype's, or is on the
  //                      meta device but has another location.
  //   kUnimplemented   - its location is longer than kMaxLocationBytes.
  //   whatever the `LocationTag` function returns.
  absl::StatusOr<std::pair<uint32_t, bool>> Add(const StorageRecord& record);

  // The location tag of a storage that was added.
  absl::string_view location(uint32_t index) const {
    return locations_[entries_[index].location];
  }

 private:
  absl::StatusOr<StorageEntry*> AppendDescribed(
      const StorageDescription& description);
  uint32_t LocationIndex(std::string location);

  Budget* budget_ = Budget::Unlimited();
  Check check_;
  LocationTag location_tag_;
  std::string other_dtypes_;
  std::unique_ptr<ObjectPool> pool_;
  std::vector<StorageEntry, HugePageAllocator<StorageEntry>> entries_;
  std::unique_ptr<NameIndex> by_key_;  // indexes of `entries_`
  HashMap<const void*, uint32_t> by_storage_;
  // The location tags, each once, and the index of each tag.
  std::deque<std::string> locations_;
  HashMap<absl::string_view, uint32_t> location_indexes_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_STORAGE_TABLE_H_
