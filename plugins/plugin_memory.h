// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_memory.h
// -----------------------------------------------------------------------------
//
// Wraps a plugin's memory in `Memory`, and makes the requests that copy to and
// from it.
//
// Example:
//
//   const Memory memory = MakePluginMemory(table, index, handle);
//   ferry_status status = HostStruct<ferry_status>();
//   FERRY_ASSIGN_OR_RETURN(const ferry_copy copy,
//                          CopyToPlugin(*table, "abc", memory, 0, 4));
//   table->copy(table->context, &copy, &status);
#ifndef FERRY_PLUGINS_PLUGIN_MEMORY_H_
#define FERRY_PLUGINS_PLUGIN_MEMORY_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "ferry/core/memory.h"
#include "ferry/plugin.h"

namespace ferry {
inline namespace v1 {

// Returns memory that calls the plugin's `free` for `handle` when the last copy
// of its owner is destroyed. Keeps the table alive until then.
Memory MakePluginMemory(std::shared_ptr<const ferry_backend> table,
                        uint32_t device_index, uint64_t handle);

// Returns memory whose handle the plugin accepts, but which is not freed: its
// last copy releases `owner`, which may be null.
Memory WrapPluginMemory(std::shared_ptr<const ferry_backend> table,
                        uint32_t device_index, uint64_t handle,
                        std::shared_ptr<void> owner);

// Gets the device and the handle of memory. Returns false if neither of the two
// functions above has made it.
bool FindPluginMemory(const Memory& memory, uint32_t* device_index,
                      uint64_t* handle);

// Return a request to copy `size_bytes` bytes between the host and
// `offset_bytes` of the memory.
//
// Errors: kInvalidArgument - the memory does not come from the functions above,
//         or it belongs to another plugin.
absl::StatusOr<ferry_copy> CopyToPlugin(const ferry_backend& table,
                                        const void* from, const Memory& to,
                                        uint64_t offset_bytes,
                                        uint64_t size_bytes);
absl::StatusOr<ferry_copy> CopyFromPlugin(const ferry_backend& table,
                                          const Memory& from,
                                          uint64_t offset_bytes, void* to,
                                          uint64_t size_bytes);

// Returns a request to copy `size_bytes` bytes between two memories. Errors: as
// above, for either of them.
absl::StatusOr<ferry_device_copy> CopyBetweenPlugin(
    const ferry_backend& table, const Memory& from, uint64_t from_offset_bytes,
    const Memory& to, uint64_t to_offset_bytes, uint64_t size_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_MEMORY_H_
