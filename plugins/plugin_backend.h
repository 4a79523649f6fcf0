// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_backend.h
// -----------------------------------------------------------------------------
//
// Implements `Backend` over a table of C functions.
//
// Example: make a backend for the first device type of a linked-in plugin.
//
//   FERRY_ASSIGN_OR_RETURN(PluginDescription plugin,
//                          QueryPlugin(ferry_plugin_query_v0, ""));
//   auto backend = std::make_shared<PluginBackend>(plugin.backends[0]);
#ifndef FERRY_PLUGINS_PLUGIN_BACKEND_H_
#define FERRY_PLUGINS_PLUGIN_BACKEND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_description.h"

namespace ferry {
inline namespace v1 {

// PluginBackend
//
// `Memory::data` is the plugin's handle; the host cannot access the memory.
// CopyFromHost and CopyToHost use the plugin's blocking copy. Streams use a
// queue if the plugin has queues (plugins/plugin_stream.h), and the blocking
// copy otherwise. Copies between devices if the plugin claims DEVICE_COPY. Has
// location tags of its own if the plugin claims TAGS.
// Checks everything that the plugin returns; if the plugin violates the
// interface, the error is kInternal.
//
// The plugin is never unloaded, so memory outlives the backend.
//
// Thread-safety: as every backend.
class PluginBackend final : public Backend {
 public:
  explicit PluginBackend(const PluginDescription::BackendTable& table);

  absl::string_view type() const override { return type_; }
  bool is_indexed() const override;
  bool has_own_tags() const override;
  absl::StatusOr<int> DeviceCount() const override;
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;
  absl::Status CopyBetween(const Memory& from, uint64_t from_offset_bytes,
                           const Memory& to, uint64_t to_offset_bytes,
                           uint64_t size_bytes) override;
  absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(
      int index) override;
  absl::StatusOr<std::string> DeviceTag(int index) const override;
  absl::StatusOr<std::optional<int>> FindDevice(
      absl::string_view tag) const override;

  // Returns memory of the handle, which is not freed: the last copy of the
  // memory releases `owner`. There must be a device `index`.
  Memory Wrap(int index, uint64_t handle, std::shared_ptr<void> owner) const;

 private:
  absl::Status Copy(const ferry_copy& copy);

  const std::string type_;
  // Shared with allocated memory, which may outlive the backend.
  const std::shared_ptr<const ferry_backend> table_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_BACKEND_H_
