// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/meta/meta_backend.h
// -----------------------------------------------------------------------------
//
// PyTorch's "meta" device, whose storages have a size but no bytes. There is
// one device, without an index. Linking //plugins/meta:register registers it
// with priority 22.
#ifndef FERRY_PLUGINS_META_META_BACKEND_H_
#define FERRY_PLUGINS_META_META_BACKEND_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"

namespace ferry {
inline namespace v1 {

// MetaBackend
//
// Has no state. Thread-safety: as every backend.
class MetaBackend final : public Backend {
 public:
  absl::string_view type() const override { return "meta"; }
  bool is_indexed() const override { return false; }
  bool has_bytes() const override { return false; }
  absl::StatusOr<int> DeviceCount() const override { return 1; }
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  // Returns null memory for all sizes. Never runs out of memory.
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  // Discards the bytes.
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  // Returns kInvalidArgument.
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_META_META_BACKEND_H_
