// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/container_options.h
// -----------------------------------------------------------------------------
//
// Options for the reader of a container: limits on what a file may request, and
// defaults for what a file may leave unspecified.
#ifndef FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
#define FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "ferry/core/page_pool.h"

namespace ferry {

// The order of the bytes of a number.
enum class ByteOrder { kLittle, kBig };

// Limits on what a file may request. Beyond them, a load returns
// kResourceExhausted. The defaults accept every legitimate file that fits in
// the machine's memory.
struct LoadLimits {
  // The maximum size of a graph record, such as a pickle, and of the directory
  // of a zip archive, in bytes.
  uint64_t max_pickle_bytes = uint64_t{4} << 30;
  // The maximum number of nodes in the graph, which take 16 bytes each. A
  // tensor takes about 15 nodes.
  uint32_t max_nodes = 200 * 1000 * 1000;
  // The maximum total size, in bytes, of the storages that one call loads.
  uint64_t max_total_bytes = std::numeric_limits<uint64_t>::max();
};

// The options that readers of containers use. `LoadOptions` describes each.
struct ContainerOptions {
  LoadLimits limits;
  ByteOrder fallback_byte_order = ByteOrder::kLittle;
  bool verify_crc32 = true;
  std::string codec;
  uint64_t offset_bytes = 0;
  std::shared_ptr<PagePool> page_pool;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
