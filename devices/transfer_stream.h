// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/transfer_stream.h
// -----------------------------------------------------------------------------
//
// Moves bytes between host staging buffers and the memory of one device. A
// device that can overlap copies one buffer while the host fills the next.
// `Backend::OpenStream` (devices/backend.h) opens streams.
//
// Example: copy two storages to device 0 in one call.
//
//   Memory memory[2];
//   FERRY_RETURN_IF_ERROR(
//       backend.Allocate(0, {200, 100}, absl::MakeSpan(memory)));
//   FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<TransferStream> stream,
//                          backend.OpenStream(0));
//   FERRY_ASSIGN_OR_RETURN(char* const buffer, stream->NextBuffer());
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("weights.bin"));
//   FERRY_RETURN_IF_ERROR(file->ReadAt(0, {buffer, 300}));
//   FERRY_RETURN_IF_ERROR(
//       stream->ToDevice(buffer, {{&memory[0], 0, 0, 200, "weight"},
//                                 {&memory[1], 0, 200, 100, "bias"}}));
//   FERRY_RETURN_IF_ERROR(stream->Finish());
#ifndef FERRY_DEVICES_TRANSFER_STREAM_H_
#define FERRY_DEVICES_TRANSFER_STREAM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"

namespace ferry {
inline namespace v1 {

// One contiguous range of a transfer. The caller ensures that it lies inside
// the memory and inside the buffer. A size of 0 is legal and does nothing.
struct TransferPiece {
  // Memory of the stream's device. `*memory` must stay valid until the transfer
  // has ended.
  const Memory* memory = nullptr;
  // Where the range begins in the memory.
  uint64_t offset_bytes = 0;
  // Where the range begins in the buffer.
  uint64_t buffer_offset_bytes = 0;
  uint64_t size_bytes = 0;
  // The name of the storage, for errors. Must stay valid until the transfer has
  // ended.
  absl::string_view name;
};

// TransferStream
//
// An ordered queue of transfers: each takes effect after all that were issued
// before it. A transfer is one call of `ToDevice` or `ToHost`. It has ended
// once `Wait` for its buffer, `Finish`, or a later `NextBuffer` that returns
// its buffer has returned.
//
// Errors may come later than the call that caused them. The message of an error
// in a transfer begins with the name of the storage. After an error, every call
// returns that error. Transfers may still be in progress then: memory, buffers
// and names must stay valid until `Finish` has returned or the stream is
// destroyed.
//
// The destructor waits for all issued transfers. The backend must outlive its
// streams.
//
// Thread-safety: one thread at a time may use a stream. Different streams may
// be used concurrently, even for the same device.
class TransferStream {
 public:
  virtual ~TransferStream() = default;

  // The size of each staging buffer. Constant, and at least 64.
  virtual uint64_t buffer_bytes() const = 0;

  // Returns a staging buffer that no transfer of this stream uses, aligned to
  // 64 bytes. There are at least two buffers, which are returned in turn; a
  // call waits for the transfers of the buffer whose turn it is. A buffer
  // therefore belongs to the caller until the second call after the one that
  // returned it.
  //
  // Errors: kResourceExhausted - no memory for the buffer.
  virtual absl::StatusOr<char*> NextBuffer() = 0;

  // Issues copies from `buffer` to the device. Returns before they are done if
  // the device can overlap copies. `buffer` is one of this stream or of
  // another, and must stay unchanged until the transfer has ended. `pieces`
  // itself need not outlive the call.
  virtual absl::Status ToDevice(const char* buffer,
                                absl::Span<const TransferPiece> pieces) = 0;

  // Issues copies from the device to `buffer`, on the same terms. The bytes are
  // in the buffer once the transfer has ended.
  //
  // Errors: kInvalidArgument - the device's storages hold no bytes.
  virtual absl::Status ToHost(absl::Span<const TransferPiece> pieces,
                              char* buffer) = 0;

  // Waits until all transfers that this stream issued with `buffer` have ended.
  virtual absl::Status Wait(const char* buffer) = 0;

  // Waits until all transfers of this stream have ended, even after an error.
  virtual absl::Status Finish() = 0;
};

// Returns `status`, which is an error, with the name of the storage before its
// message. For implementations of streams.
absl::Status TransferError(const absl::Status& status, absl::string_view name);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_TRANSFER_STREAM_H_
