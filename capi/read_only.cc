// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/read_only.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

struct Table {
  std::mutex mutex;
  // How many owners each address has.
  HashMap<const void*, int> owners;
};

// Null while nothing is read-only, so that asking allocates nothing.
std::atomic<Table*> made_table = nullptr;

Table& GetTable() {
  static auto* const table = [] {
    auto* const made = new Table;
    made_table.store(made, std::memory_order_release);
    return made;
  }();
  return *table;
}

class Owner {
 public:
  Owner(const void* data, std::shared_ptr<void> owner)
      : data_(data), owner_(std::move(owner)) {
    Table& table = GetTable();
    const std::lock_guard<std::mutex> lock(table.mutex);
    ++table.owners[data_];
  }
  ~Owner() {
    Table& table = GetTable();
    const std::lock_guard<std::mutex> lock(table.mutex);
    const auto found = table.owners.find(data_);
    if (--found->second == 0) table.owners.erase(found);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

 private:
  const void* const data_;
  const std::shared_ptr<void> owner_;
};

}  // namespace

std::shared_ptr<void> ReadOnlyOwner(const void* data,
                                    std::shared_ptr<void> owner) {
  return std::make_shared<Owner>(data, std::move(owner));
}

bool IsReadOnly(const Storage& storage) {
  if (storage.is_null() || storage.data() == nullptr) return false;
  Table* const table = made_table.load(std::memory_order_acquire);
  if (table == nullptr) return false;
  const std::lock_guard<std::mutex> lock(table->mutex);
  return table->owners.contains(storage.data());
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry
