// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/byte_order.h
// -----------------------------------------------------------------------------
//
// Reverses the bytes of numbers that were written by a machine of the other
// byte order.
#ifndef FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_
#define FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

// Reverses each unit of `unit_bytes` (1, 2, 4 or 8) bytes in [data, data +
// size_bytes). Bytes after the last whole unit stay unchanged.
void SwapByteOrder(char* data, uint64_t size_bytes, uint64_t unit_bytes);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_
