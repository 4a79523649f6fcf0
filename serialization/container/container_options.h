// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container/container_options.h
// -----------------------------------------------------------------------------
//
// Options for the reader of a container: what opening a file may spend, and
// defaults for what a file may leave unspecified.
#ifndef FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
#define FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "ferry/core/budget.h"
#include "ferry/core/page_pool.h"

namespace ferry {
inline namespace v1 {

// The order of the bytes of a number.
enum class ByteOrder { kLittle, kBig };

// The options that readers of containers use. `LoadOptions` describes each.
struct ContainerOptions {
  // What opening the file may spend. Must outlive the call.
  Budget* budget = Budget::Unlimited();
  ByteOrder fallback_byte_order = ByteOrder::kLittle;
  bool verify_crc32 = true;
  std::string codec;
  uint64_t offset_bytes = 0;
  std::shared_ptr<PagePool> page_pool;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_CONTAINER_OPTIONS_H_
