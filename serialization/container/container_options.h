// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/container_options.h
// -----------------------------------------------------------------------------
//
// What the reader of a file format is told: how much a file may ask for, and
// what the file may leave unsaid.
#ifndef FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
#define FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <string>

namespace ferry {

// Which byte of a number stands first.
enum class ByteOrder { kLittle, kBig };

// What a file may ask for. More is refused with kResourceExhausted. The
// defaults let every honest file pass that fits the machine.
struct LoadLimits {
  // The largest record of a graph, such as a pickle, and the largest directory
  // of a zip archive. In bytes.
  uint64_t max_pickle_bytes = uint64_t{4} << 30;
  // The most objects in the graph, which take 16 bytes each. A tensor takes
  // about 15 of them.
  uint32_t max_nodes = 200 * 1000 * 1000;
  // The most bytes that the storages of one call to place have together.
  uint64_t max_total_bytes = std::numeric_limits<uint64_t>::max();
};

// What readers of containers use of `LoadOptions`, which describes each.
struct ContainerOptions {
  LoadLimits limits;
  ByteOrder fallback_byte_order = ByteOrder::kLittle;
  bool verify_crc32 = true;
  std::string codec;
  uint64_t offset_bytes = 0;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
