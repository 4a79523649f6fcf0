// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/storage_table.h"

#include "absl/strings/str_cat.h"
#include "ferry/core/object_pool.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/name_index.h"

namespace ferry {
inline namespace v1 {
absl::Status StorageTable::CheckLocation(absl::string_view location) {
  if (location.size() <= kMaxLocationBytes) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("the location ", QuoteForMessage(location),
                   " of a storage has ", location.size(), " bytes; at most ",
                   kMaxLocationBytes, " are supported"));
}

StorageTable::StorageTable() : StorageTable(Check()) {}

StorageTable::StorageTable(Check check, std::shared_ptr<PagePool> page_pool)
    : check_(std::move(check)),
      pool_(std::make_unique<ObjectPool>(std::move(page_pool))),
      by_key_(std::make_unique<NameIndex>("")) {}

StorageTable::StorageTable(LocationTag location_tag) : StorageTable(Check()) {
  location_tag_ = std::move(location_tag);
}

StorageTable::~StorageTable() = default;

std::optional<uint32_t> StorageTable::Find(absl::string_view key) const {
  return by_key_->Find(key);
}

void StorageTable::ReserveDescribed(size_t num_storages) {
  // What a storage and a tensor take beside their handles, with their counts.
  constexpr size_t kSharedBytes = 384;
  pool_->Expect(num_storages * kSharedBytes);
  entries_.reserve(num_storages);
  by_key_->Reserve(num_storages);
}

absl::StatusOr<StorageEntry*> StorageTable::AppendDescribed(
    const StorageDescription& description) {
  FERRY_RETURN_IF_ERROR(CheckLocation(description.location));
  FERRY_RETURN_IF_ERROR(
      budget_->ChargeMemory(kMemoryBytes + description.location.size()));
  StorageEntry& entry = entries_.emplace_back();
  entry.key = description.key;
  entry.storage = Storage::Described(description.size_bytes,
                                     description.location, pool_.get());
  entry.dtype = description.dtype;
  entry.untyped = description.untyped;
  return &entry;
}

absl::StatusOr<uint32_t> StorageTable::Describe(
    const StorageDescription& description) {
  FERRY_RETURN_IF_ERROR(budget_->ChargeSteps(description.key.size()));
  const auto [index, is_new] =
      by_key_->Insert(description.key, static_cast<uint32_t>(entries_.size()));
  if (is_new) {
    FERRY_RETURN_IF_ERROR(AppendDescribed(description).status());
    if (check_) FERRY_RETURN_IF_ERROR(check_(description));
    return index;
  }
  const uint64_t size_bytes = entries_[index].storage.size_bytes();
  if (size_bytes != description.size_bytes) {
    return absl::DataLossError(
        absl::StrCat("storage ", QuoteForMessage(description.key), " has ",
                     description.size_bytes, " bytes here and ", size_bytes,
                     " bytes elsewhere"));
  }
  return index;
}

absl::StatusOr<uint32_t> StorageTable::DescribeView(
    const StorageDescription& description, uint32_t base,
    uint64_t offset_bytes) {
  const auto damaged = [&description](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat("storage ", QuoteForMessage(description.key), " ", what));
  };
  if (base >= entries_.size() || entries_[base].base != StorageEntry::kNoBase ||
      offset_bytes > entries_[base].storage.size_bytes() ||
      description.size_bytes >
          entries_[base].storage.size_bytes() - offset_bytes) {
    return damaged(
        "is described as a part of another storage, but does not lie inside "
        "one");
  }
  FERRY_RETURN_IF_ERROR(budget_->ChargeSteps(description.key.size()));
  const auto [index, is_new] =
      by_key_->Insert(description.key, static_cast<uint32_t>(entries_.size()));
  if (is_new) {
    FERRY_ASSIGN_OR_RETURN(StorageEntry* const entry,
                           AppendDescribed(description));
    entry->base = base;
    entry->offset_bytes = offset_bytes;
    return index;
  }
  const StorageEntry& known = entries_[index];
  if (known.base != base || known.offset_bytes != offset_bytes ||
      known.storage.size_bytes() != description.size_bytes) {
    return damaged("is described elsewhere as a different part");
  }
  return index;
}

void StorageTable::NoteOtherDType(uint32_t index, DType dtype) {
  if (!other_dtypes_.empty()) return;
  const StorageEntry& entry = entries_[index];
  other_dtypes_ = absl::StrCat(
      "storage ", QuoteForMessage(entry.key), " is ", Name(entry.dtype),
      " at its first reference and ", Name(dtype),
      " elsewhere; its first dtype applies to all its tensors, as in PyTorch");
}

void StorageTable::ReserveAdded(size_t num_storages) {
  entries_.reserve(num_storages);
  by_storage_.reserve(num_storages);
}

uint32_t StorageTable::LocationIndex(std::string location) {
  const auto found = location_indexes_.find(location);
  if (found != location_indexes_.end()) return found->second;
  const auto index = static_cast<uint32_t>(locations_.size());
  locations_.push_back(std::move(location));
  location_indexes_.emplace(locations_.back(), index);
  return index;
}

absl::StatusOr<std::pair<uint32_t, bool>> StorageTable::Add(
    const StorageRecord& record) {
  const Storage& storage = record.storage;
  const auto [found, is_new] = by_storage_.try_emplace(
      storage.identity(), static_cast<uint32_t>(entries_.size()));
  if (is_new) {
    StorageEntry& entry = entries_.emplace_back();
    entry.storage = storage;
    entry.dtype = record.dtype;
    entry.untyped = record.untyped;
    if (storage.has_data() && storage.device().is_cpu() &&
        storage.data() == nullptr && storage.size_bytes() != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("a storage of ", storage.size_bytes(),
                       " bytes has no memory: its address is null"));
    }
    FERRY_ASSIGN_OR_RETURN(std::string location, location_tag_(storage));
    FERRY_RETURN_IF_ERROR(CheckLocation(location));
    if (storage.device().type() == absl::string_view("meta") &&
        location != absl::string_view("meta")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a storage on the meta device has no bytes to save for the location ",
          QuoteForMessage(location)));
    }
    // PyTorch from 2.10 on opens no file with such a storage, and versions
    // before that would look for the next one in the wrong place.
    if (storage.size_bytes() % ElementSizeBytes(record.dtype) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("a storage of ", storage.size_bytes(),
                       " bytes cannot be saved as ", Name(record.dtype),
                       ": its size is not a multiple of the element size"));
    }
    entry.location = LocationIndex(std::move(location));
    return std::make_pair(found->second, true);
  }
  const StorageEntry& entry = entries_[found->second];
  // An untyped storage counts as one of uint8, as in PyTorch.
  if (storage.size_bytes() != 0 && entry.dtype != record.dtype) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Cannot save multiple tensors or storages that view the same data as "
        "different types: ",
        Name(entry.dtype), " and ", Name(record.dtype)));
  }
  return std::make_pair(found->second, false);
}

}  // namespace v1
}  // namespace ferry
