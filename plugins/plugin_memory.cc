// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_memory.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace {

// What `Memory::owner` holds. A handle does not say on which device it is.
class Block {
 public:
  // Frees the memory at the end, unless the memory is wrapped: then `owner`
  // does.
  Block(std::shared_ptr<const ferry_backend> table, uint32_t index,
        uint64_t handle, bool is_wrapped, std::shared_ptr<void> owner)
      : table_(std::move(table)),
        index_(index),
        handle_(handle),
        is_wrapped_(is_wrapped),
        owner_(std::move(owner)) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  // Ignores the status: a destructor cannot report it.
  ~Block() {
    if (is_wrapped_) return;
    ferry_status status = HostStruct<ferry_status>();
    table_->free(table_->context, index_, handle_, &status);
  }

  // Whether a copy that this table makes may use it.
  bool IsOf(const ferry_backend& table) const {
    return table_->context == table.context && table_->copy == table.copy;
  }
  uint32_t index() const { return index_; }
  uint64_t handle() const { return handle_; }

 private:
  const std::shared_ptr<const ferry_backend> table_;
  const uint32_t index_;
  const uint64_t handle_;
  const bool is_wrapped_;
  const std::shared_ptr<void> owner_;
};

// Tells owners that are blocks from those that others made.
struct DeleteBlock {
  void operator()(Block* block) const { delete block; }
};

// Returns the block of the memory, or null.
const Block* FindBlock(const Memory& memory) {
  return std::get_deleter<DeleteBlock>(memory.owner) == nullptr
             ? nullptr
             : static_cast<const Block*>(memory.owner.get());
}

Memory MakeMemory(std::shared_ptr<const ferry_backend> table, uint32_t index,
                  uint64_t handle, bool is_wrapped,
                  std::shared_ptr<void> owner) {
  return Memory{
      reinterpret_cast<void*>(static_cast<uintptr_t>(handle)),
      std::shared_ptr<Block>(new Block(std::move(table), index, handle,
                                       is_wrapped, std::move(owner)),
                             DeleteBlock())};
}

// Returns the block of memory that a copy of this table may use.
absl::StatusOr<const Block*> BlockOf(const ferry_backend& table,
                                     const Memory& memory) {
  const Block* const block = FindBlock(memory);
  if (block != nullptr && block->IsOf(table)) return block;
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", PluginText(table.type), " plugin did not allocate this memory"));
}

absl::StatusOr<ferry_copy> CopyOf(const ferry_backend& table,
                                  const Memory& memory, uint64_t offset_bytes,
                                  uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(const Block* const block, BlockOf(table, memory));
  ferry_copy copy = HostStruct<ferry_copy>();
  copy.device_index = block->index();
  copy.handle = block->handle();
  copy.offset_bytes = offset_bytes;
  copy.size_bytes = size_bytes;
  return copy;
}

}  // namespace

Memory MakePluginMemory(std::shared_ptr<const ferry_backend> table,
                        uint32_t device_index, uint64_t handle) {
  return MakeMemory(std::move(table), device_index, handle,
                    /*is_wrapped=*/false, nullptr);
}

Memory WrapPluginMemory(std::shared_ptr<const ferry_backend> table,
                        uint32_t device_index, uint64_t handle,
                        std::shared_ptr<void> owner) {
  return MakeMemory(std::move(table), device_index, handle,
                    /*is_wrapped=*/true, std::move(owner));
}

bool FindPluginMemory(const Memory& memory, uint32_t* device_index,
                      uint64_t* handle) {
  const Block* const block = FindBlock(memory);
  if (block == nullptr) return false;
  *device_index = block->index();
  *handle = block->handle();
  return true;
}

absl::StatusOr<ferry_copy> CopyToPlugin(const ferry_backend& table,
                                        const void* from, const Memory& to,
                                        uint64_t offset_bytes,
                                        uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(ferry_copy copy,
                         CopyOf(table, to, offset_bytes, size_bytes));
  copy.direction = FERRY_COPY_TO_DEVICE;
  copy.host_source = from;
  return copy;
}

absl::StatusOr<ferry_copy> CopyFromPlugin(const ferry_backend& table,
                                          const Memory& from,
                                          uint64_t offset_bytes, void* to,
                                          uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(ferry_copy copy,
                         CopyOf(table, from, offset_bytes, size_bytes));
  copy.direction = FERRY_COPY_TO_HOST;
  copy.host_destination = to;
  return copy;
}

absl::StatusOr<ferry_device_copy> CopyBetweenPlugin(
    const ferry_backend& table, const Memory& from, uint64_t from_offset_bytes,
    const Memory& to, uint64_t to_offset_bytes, uint64_t size_bytes) {
  FERRY_ASSIGN_OR_RETURN(const Block* const source, BlockOf(table, from));
  FERRY_ASSIGN_OR_RETURN(const Block* const destination, BlockOf(table, to));
  ferry_device_copy copy = HostStruct<ferry_device_copy>();
  copy.source_index = source->index();
  copy.destination_index = destination->index();
  copy.source_handle = source->handle();
  copy.source_offset_bytes = from_offset_bytes;
  copy.destination_handle = destination->handle();
  copy.destination_offset_bytes = to_offset_bytes;
  copy.size_bytes = size_bytes;
  return copy;
}

}  // namespace v1
}  // namespace ferry
