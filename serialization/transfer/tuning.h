// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/tuning.h
// -----------------------------------------------------------------------------
//
// The sizes of the pieces of work in loads and saves.
#ifndef FERRY_SERIALIZATION_TRANSFER_TUNING_H_
#define FERRY_SERIALIZATION_TRANSFER_TUNING_H_

#include <cstdint>

namespace ferry {
inline namespace v1 {

// The size of the piece of a large extent that one thread moves at a time.
inline constexpr uint64_t kPieceBytes = uint64_t{8} << 20;

// The size of one read or write. A chunk stays in the second-level cache, so
// its checksum costs no second pass over memory; smaller chunks would cost more
// calls. A multiple of every unit of byte order.
inline constexpr uint64_t kChunkBytes = uint64_t{512} << 10;

// If there are fewer bytes than this in total, one thread moves them all,
// because starting several would cost more than it saves.
inline constexpr uint64_t kSerialBytes = uint64_t{16} << 20;

// The alignment in bytes of pieces in a staging buffer, so that every number in
// them is aligned. The usable size of a buffer is rounded down to a multiple of
// this.
inline constexpr uint64_t kStagingAlignment = 64;
inline constexpr uint64_t UsableBytes(uint64_t buffer_bytes) {
  return buffer_bytes / kStagingAlignment * kStagingAlignment;
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TUNING_H_
