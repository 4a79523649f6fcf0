// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/staged_copy.h
// -----------------------------------------------------------------------------
//
// Copies many small blocks of bytes to or from device memory with few
// transfers, by sharing the staging buffers of a stream. A large block does not
// need this; it is read directly into the buffers.
//
// Example: copy two storages to a device with one transfer.
//
//   StagedWriter writer(&pool);
//   FERRY_RETURN_IF_ERROR(writer.Begin(weight_address, "data/0", 1));
//   FERRY_RETURN_IF_ERROR(writer.Append(weight_bytes));
//   FERRY_RETURN_IF_ERROR(writer.Begin(bias_address, "data/1", 1));
//   FERRY_RETURN_IF_ERROR(writer.Append(bias_bytes));
//   FERRY_RETURN_IF_ERROR(writer.Flush());
#ifndef FERRY_SERIALIZATION_TRANSFER_STAGED_COPY_H_
#define FERRY_SERIALIZATION_TRANSFER_STAGED_COPY_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/serialization/transfer/stream_pool.h"

namespace ferry {
inline namespace v1 {

// An address in the memory of a device.
struct DeviceAddress {
  // Null if there is none.
  Backend* backend = nullptr;
  int index = 0;  // of the device
  // Must stay valid until the transfer has ended.
  const Memory* memory = nullptr;
  uint64_t offset_bytes = 0;
};

// Returns the position of the bytes of a storage at an offset. `backend` must
// be the backend of the storage's device, and `storage` must outlive the
// transfers.
DeviceAddress AddressOf(Backend* backend, const Storage& storage,
                        uint64_t offset_bytes);

// StagedWriter
//
// Collects blocks of bytes and issues a transfer whenever a buffer is full.
// Successive blocks should go to the same device, because a change of device
// issues the transfer of a partly filled buffer. The transfers have ended once
// the writer is destroyed and the pool's `Finish` has returned.
//
// Errors of all methods: those of the stream, which may concern an earlier
// block. After an error the writer must be destroyed.
//
// Thread-safety: none.
class StagedWriter {
 public:
  explicit StagedWriter(StreamPool* pool) : pool_(pool) {}

  // Begins a block: the bytes passed to `Append` go to `address`.
  //
  //   name             the name of the storage, for errors; must stay valid
  //                    until the transfer has ended.
  //   swap_unit_bytes  the size in bytes of the numbers whose byte order must
  //                    be reversed; 1 for none.
  absl::Status Begin(const DeviceAddress& address, absl::string_view name,
                     uint64_t swap_unit_bytes);
  absl::Status Append(absl::string_view bytes);

  // Issues the transfer of the rest.
  absl::Status Flush();

 private:
  absl::Status BeginPiece();
  void EndPiece();

  StreamPool* const pool_;
  std::optional<StreamPool::Lease> stream_;
  DeviceAddress address_;  // where the next piece goes
  uint64_t swap_unit_bytes_ = 1;
  absl::string_view name_;
  char* buffer_ = nullptr;  // null: none yet
  uint64_t filled_bytes_ = 0;
  std::vector<TransferPiece> pieces_;  // the last one may be growing
  bool is_open_ = false;
};

// StagedReader
//
// Collects requests for blocks of bytes on devices, and fetches them with as
// few transfers as the buffers allow. The pool must outlive the reader.
//
// Errors of all methods: those of the stream. After an error no transfer is in
// progress, and the reader must be destroyed.
//
// Thread-safety: none.
class StagedReader {
 public:
  explicit StagedReader(StreamPool* pool) : pool_(pool) {}

  // Requests a copy of `size_bytes` bytes at `address` to `to`. The copy is
  // complete when `Flush` returns. Until then `to` and `name`, the name of the
  // storage, must stay valid.
  absl::Status Read(const DeviceAddress& address, absl::string_view name,
                    char* to, uint64_t size_bytes);

  absl::Status Flush();

 private:
  StreamPool* const pool_;
  std::optional<StreamPool::Lease> stream_;
  std::pair<Backend*, int> device_;
  uint64_t filled_bytes_ = 0;
  std::vector<TransferPiece> pieces_;
  std::vector<char*> destinations_;  // of each piece
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STAGED_COPY_H_
