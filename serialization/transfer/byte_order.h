// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/byte_order.h
// -----------------------------------------------------------------------------
//
// Turns round the bytes of numbers that a machine of the other byte order has
// written.
#ifndef FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_
#define FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_

#include <cstdint>

namespace ferry {

// Turns round each run of `unit_bytes` (1, 2, 4 or 8) in [data, data + size);
// bytes after the last whole run stay.
void SwapByteOrder(char* data, uint64_t size_bytes, uint64_t unit_bytes);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_BYTE_ORDER_H_
