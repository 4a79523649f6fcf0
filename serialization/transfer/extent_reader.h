// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/extent_reader.h
// -----------------------------------------------------------------------------
//
// Reads the bytes of many extents from their files to their destinations, in
// parallel, each byte once. Reads large extents directly into their final
// memory, or into the staging buffers of their device's stream, and adjacent
// small extents with one read. Computes checksums while the bytes are in cache.
// Reads serial files (`is_serial`) on the caller's thread, from front to back.
//
// Example: read 400 bytes at offset 64 of a file into host memory.
//
//   const Extent extent = MakePlainExtent(0, 64, 400);
//   ExtentRead read;
//   read.extent = &extent;
//   read.host = buffer;
//   FERRY_RETURN_IF_ERROR(ReadExtents({file.get()}, {read}, {}));
#ifndef FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_
#define FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/transfer/staged_copy.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// One extent to read. Exactly one of `host`, `device`, `consume` and `in_place`
// must be set, unless the extent has no bytes.
struct ExtentRead {
  const Extent* extent = nullptr;
  // Host memory for the extent's bytes.
  char* host = nullptr;
  // The destination on a device.
  DeviceAddress device;
  // A function that receives the bytes: called once with each piece of the
  // extent, in any order, from several threads at once. Its first error ends
  // the read.
  std::function<absl::Status(uint64_t offset_bytes, absl::string_view bytes)>
      consume;
  // Whether the bytes are used where their file is mapped, so that they are
  // only compared with their checksum. The extent must have one, and must be
  // stored and in the machine's byte order.
  bool in_place = false;
};

struct ExtentReadOptions {
  // Whether to read all of the contents and compare their checksum, if the file
  // has one. Takes about a tenth of the load time.
  bool verify_crc32 = true;
  // May be null. `progress` counts the extents' bytes.
  const TransferControl* control = nullptr;
};

// Performs all of `reads`. After an error the contents of the memory are
// unspecified.
//
// Bytes for a device pass through the buffers of its streams. Each thread has
// one stream, so the host memory for staging does not grow with the number of
// reads.
//
//   files  the files that the extents refer to by index.
//
// Errors:
//   kDataLoss  - a record is damaged; the message has file, record and offset.
//   kCancelled - `is_cancelled` returned true.
//   whatever a file or a backend returns; an error of a transfer has the names
//   of the file and, if it has one, of the extent.
absl::Status ReadExtents(absl::Span<const RandomAccessFile* const> files,
                         absl::Span<const ExtentRead> reads,
                         const ExtentReadOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_
