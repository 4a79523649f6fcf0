// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/storage_reader.h
// -----------------------------------------------------------------------------
//
// Moves the bytes of many storages from a file to where they belong, in
// parallel, each byte once: large ones by reads straight into their final
// memory, small neighbours by one read for all of them. Checksums are computed
// while the bytes are in cache. A file that is serial (`is_serial`) is read on
// the caller's thread, from its front to its back.
#ifndef FERRY_SERIALIZATION_TRANSFER_STORAGE_READER_H_
#define FERRY_SERIALIZATION_TRANSFER_STORAGE_READER_H_

#include <cstdint>
#include <functional>
#include <memory_resource>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {

// Where a storage's bytes stand in the file.
struct StorageSource {
  // The record of a zip archive, or null: the bytes stand as they are at
  // `offset_bytes`.
  const zip::ZipEntry* entry = nullptr;
  uint64_t offset_bytes = 0;
  // The storage is the first so many bytes of the record.
  uint64_t size_bytes = 0;
  // Bytes of the numbers whose byte order is to be turned round; 1 for none.
  uint64_t swap_unit_bytes = 1;
};

// One storage to read.
struct StorageRead {
  StorageSource source;
  // Memory of `source.size_bytes`.
  Memory memory;
  // Where the memory is. Null: on the host.
  Backend* backend = nullptr;
  // What takes the bytes instead, if it is set: called with each piece of the
  // storage once, in any order, from several threads at once. Its first failure
  // ends the read.
  std::function<absl::Status(uint64_t offset_bytes, absl::string_view bytes)>
      consume;
};

struct StorageReadOptions {
  // Whether the whole record is read and its checksum compared, where the file
  // has one. Costs about a tenth of a load.
  bool verify_crc32 = true;
  // Called now and then with the bytes done and the bytes in all, from one
  // thread at a time. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
  // Asked between pieces of at most a few MiB, from several threads at once; if
  // it says yes, the read ends with kCancelled. May be empty.
  std::function<bool()> is_cancelled;
  // For up to 20 bytes of each read, meanwhile. Used on the caller's thread.
  std::pmr::memory_resource* scratch = std::pmr::get_default_resource();
};

// Reads all of `reads`. After a failure the memory holds anything.
//
// Errors:
//   kDataLoss  - a record is damaged; the message has file, record and offset.
//   kCancelled - as asked.
//   whatever the file or a backend returns.
absl::Status ReadStorages(const ReadableBytes& file,
                          absl::Span<const StorageRead> reads,
                          const StorageReadOptions& options);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STORAGE_READER_H_
