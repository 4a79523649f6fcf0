// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/tuning.h
// -----------------------------------------------------------------------------
//
// The sizes by which loads and saves are cut into work.
#ifndef FERRY_SERIALIZATION_TRANSFER_TUNING_H_
#define FERRY_SERIALIZATION_TRANSFER_TUNING_H_

#include <cstdint>

namespace ferry {

// What one thread takes of a large run of bytes.
inline constexpr uint64_t kPieceBytes = uint64_t{8} << 20;

// What is read or written by one call: it fits the second-level cache, so that
// a checksum costs no second way to memory, and smaller ones cost more calls. A
// multiple of every unit of byte order.
inline constexpr uint64_t kChunkBytes = uint64_t{512} << 10;

// Below this in all, threads cost more than they bring.
inline constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TUNING_H_
