// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_stream.h
// -----------------------------------------------------------------------------
//
// A transfer stream on a plugin's queue.
#ifndef FERRY_PLUGINS_PLUGIN_STREAM_H_
#define FERRY_PLUGINS_PLUGIN_STREAM_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/plugin.h"

namespace ferry {
inline namespace v1 {

// Opens a stream on device `index`, with a queue of its own. The plugin must
// have FERRY_CAPABILITY_ASYNC.
//
// A piece of a transfer is one asynchronous copy. The staging buffers have the
// size that the device prefers for its copies (`copy_chunk_bytes`), within the
// bounds of devices/staging.h. They are the plugin's host memory if it has
// FERRY_CAPABILITY_HOST_ALLOC and enough such memory, and ordinary host memory
// otherwise.
//
// Errors: kOutOfRange - there is no such device; whatever the plugin returns.
absl::StatusOr<std::unique_ptr<TransferStream>> OpenPluginStream(
    std::shared_ptr<const ferry_backend> table, uint32_t index);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_STREAM_H_
