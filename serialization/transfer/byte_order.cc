// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/byte_order.h"

#include <cstring>

namespace ferry {
inline namespace v1 {
namespace {

template <typename T>
void SwapEach(char* data, uint64_t size_bytes, T (*swap)(T)) {
  for (uint64_t i = 0; i + sizeof(T) <= size_bytes; i += sizeof(T)) {
    T value;
    std::memcpy(&value, data + i, sizeof(T));
    value = swap(value);
    std::memcpy(data + i, &value, sizeof(T));
  }
}

uint16_t Swap16(uint16_t value) { return __builtin_bswap16(value); }
uint32_t Swap32(uint32_t value) { return __builtin_bswap32(value); }
uint64_t Swap64(uint64_t value) { return __builtin_bswap64(value); }

}  // namespace

void SwapByteOrder(char* data, uint64_t size_bytes, uint64_t unit_bytes) {
  switch (unit_bytes) {
    case 2:
      return SwapEach<uint16_t>(data, size_bytes, Swap16);
    case 4:
      return SwapEach<uint32_t>(data, size_bytes, Swap32);
    case 8:
      return SwapEach<uint64_t>(data, size_bytes, Swap64);
    default:
      return;
  }
}

}  // namespace v1
}  // namespace ferry
