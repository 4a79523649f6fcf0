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

// The size of one read or write. A chunk stays in the second-level cache, so
// its checksum costs no second pass over memory; smaller chunks would cost more
// calls. A multiple of every unit of byte order.
inline constexpr uint64_t kChunkBytes = uint64_t{512} << 10;

// Fewer bytes than this in all are moved by one thread, since several would
// cost more than they bring.
inline constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

// Where pieces begin in a staging buffer: at multiples of this, so that every
// number in them is aligned. Of a buffer a multiple of this is used.
inline constexpr uint64_t kStagingAlignment = 64;
inline constexpr uint64_t UsableBytes(uint64_t buffer_bytes) {
  return buffer_bytes / kStagingAlignment * kStagingAlignment;
}

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TUNING_H_
