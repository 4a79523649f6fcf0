// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/extent_reader.h
// -----------------------------------------------------------------------------
//
// Moves the bytes of many extents from their files to where they belong, in
// parallel, each byte once: large ones by reads straight into their final
// memory, or into the staging buffers of their device's stream; small
// neighbours by one read for all of them. Checksums are computed while the
// bytes are in cache. Files that are serial (`is_serial`) are read on the
// caller's thread, from front to back.
//
// Example: 400 bytes at offset 64 of a file, to memory of the host.
//
//   const Extent extent = PlainExtent(0, 64, 400);
//   ExtentRead read;
//   read.extent = &extent;
//   read.host = buffer;
//   FERRY_RETURN_IF_ERROR(ReadExtents({file.get()}, {read}, {}));
#ifndef FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_
#define FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_

#include <cstdint>
#include <functional>
#include <memory_resource>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/transfer/staged_copy.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {

// One extent to read. Of `host`, `device` and `consume` one is set, unless the
// extent has no bytes.
struct ExtentRead {
  const Extent* extent = nullptr;
  // Memory of the host for the extent's bytes.
  char* host = nullptr;
  // Where the bytes go on a device.
  DevicePlace device;
  // What takes the bytes instead: called with each piece of the extent once, in
  // any order, from several threads at once. Its first failure ends the read.
  std::function<absl::Status(uint64_t offset_bytes, absl::string_view bytes)>
      consume;
};

struct ExtentReadOptions {
  // Whether all of the contents are read and their checksum compared, where the
  // file has one. Costs about a tenth of a load.
  bool verify_crc32 = true;
  // Null: nobody watches. `progress` counts the extents' bytes.
  const TransferControl* control = nullptr;
  // Lends up to 20 bytes for each read while the call lasts. Used on the
  // caller's thread.
  std::pmr::memory_resource* scratch = std::pmr::get_default_resource();
};

// Reads all of `reads`. After a failure the memory holds anything.
//
// What goes to a device passes through the buffers of its streams, of which
// each thread has one: the host's memory for that does not grow with the reads.
//
//   files  those that the extents name, by index.
//
// Errors:
//   kDataLoss  - a record is damaged; the message has file, record and offset.
//   kCancelled - as asked.
//   whatever a file or a backend returns; of a transfer with the names of the
//   file and of the extent, if it has one.
absl::Status ReadExtents(absl::Span<const ReadableBytes* const> files,
                         absl::Span<const ExtentRead> reads,
                         const ExtentReadOptions& options);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_EXTENT_READER_H_
