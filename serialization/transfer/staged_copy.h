// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/staged_copy.h
// -----------------------------------------------------------------------------
//
// Copies many small runs of bytes to the memory of devices, or from it, by few
// transfers: runs share the staging buffers of a stream. A large run does not
// need this; it is read straight into the buffers.
//
// Example: two storages to a device by one transfer.
//
//   StagedWriter writer(&pool);
//   FERRY_RETURN_IF_ERROR(writer.Begin(weight_place, "data/0", 1));
//   FERRY_RETURN_IF_ERROR(writer.Append(weight_bytes));
//   FERRY_RETURN_IF_ERROR(writer.Begin(bias_place, "data/1", 1));
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

// A place in the memory of a device.
struct DevicePlace {
  // Null if there is no such place.
  Backend* backend = nullptr;
  int index = 0;  // of the device
  // Must stay valid until the transfer has ended.
  const Memory* memory = nullptr;
  uint64_t offset_bytes = 0;
};

// Returns where the bytes of a storage stand from an offset on. `backend` is
// that of the storage's device, and `storage` must outlive the transfers.
DevicePlace PlaceOf(Backend* backend, const Storage& storage,
                    uint64_t offset_bytes);

// StagedWriter
//
// Collects runs of bytes and hands full buffers to the device. Runs that follow
// each other should go to one device: for another, the buffer is handed over as
// it is. The transfers have ended once the writer is gone and the pool's
// `Finish` has returned.
//
// Errors of all methods: those of the stream, which may belong to an earlier
// run. After an error the writer must be destroyed.
//
// Thread-safety: none.
class StagedWriter {
 public:
  explicit StagedWriter(StreamPool* pool) : pool_(pool) {}

  // Begins a run: what `Append` is given goes to `place`.
  //
  //   name             of the storage, for errors; must stay valid until the
  //                    transfer has ended.
  //   swap_unit_bytes  of the numbers whose byte order is to be reversed.
  absl::Status Begin(const DevicePlace& place, absl::string_view name,
                     uint64_t swap_unit_bytes);
  absl::Status Append(absl::string_view bytes);

  // Hands over what is left.
  absl::Status Flush();

 private:
  absl::Status BeginPiece();
  void EndPiece();

  StreamPool* const pool_;
  std::optional<StreamPool::Lease> stream_;
  DevicePlace place_;  // where the next piece goes
  uint64_t swap_unit_bytes_ = 1;
  absl::string_view name_;
  char* buffer_ = nullptr;  // null: none yet
  uint64_t filled_bytes_ = 0;
  std::vector<TransferPiece> pieces_;  // the last one may be growing
  bool is_open_ = false;
};

// StagedReader
//
// Collects runs of bytes that are wanted of devices, and fetches them by as few
// transfers as the buffers allow. The pool must outlive the reader.
//
// Errors of all methods: those of the stream. After an error nothing is under
// way, and the reader must be destroyed.
//
// Thread-safety: none.
class StagedReader {
 public:
  explicit StagedReader(StreamPool* pool) : pool_(pool) {}

  // Has `size_bytes` at `place` copied to `to` by the time that `Flush`
  // returns. Until then `to` and `name`, which is the storage's, must stay
  // valid.
  absl::Status Read(const DevicePlace& place, absl::string_view name, char* to,
                    uint64_t size_bytes);

  absl::Status Flush();

 private:
  StreamPool* const pool_;
  std::optional<StreamPool::Lease> stream_;
  std::pair<Backend*, int> device_;
  uint64_t filled_bytes_ = 0;
  std::vector<TransferPiece> pieces_;
  std::vector<char*> destinations_;  // of each piece
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_STAGED_COPY_H_
