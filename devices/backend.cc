// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/backend.h"

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/staging.h"

namespace ferry {
inline namespace v1 {
namespace {

// A stream for backends that have none of their own: each transfer has ended
// when its call returns.
class BlockingStream final : public TransferStream {
 public:
  explicit BlockingStream(Backend& backend)
      : backend_(backend), buffers_(kBlockingBufferBytes, AllocateHostBuffer) {}

  uint64_t buffer_bytes() const override { return buffers_.buffer_bytes(); }

  absl::StatusOr<char*> NextBuffer() override {
    FERRY_RETURN_IF_ERROR(status_);
    absl::StatusOr<char*> buffer = buffers_.Next();
    status_ = buffer.status();
    return buffer;
  }

  absl::Status ToDevice(const char* buffer,
                        absl::Span<const TransferPiece> pieces) override {
    for (const TransferPiece& piece : pieces) {
      FERRY_RETURN_IF_ERROR(status_);
      Note(piece, backend_.CopyFromHost(buffer + piece.buffer_offset_bytes,
                                        *piece.memory, piece.offset_bytes,
                                        piece.size_bytes));
    }
    return status_;
  }

  absl::Status ToHost(absl::Span<const TransferPiece> pieces,
                      char* buffer) override {
    for (const TransferPiece& piece : pieces) {
      FERRY_RETURN_IF_ERROR(status_);
      Note(piece, backend_.CopyToHost(*piece.memory, piece.offset_bytes,
                                      buffer + piece.buffer_offset_bytes,
                                      piece.size_bytes));
    }
    return status_;
  }

  absl::Status Wait(const char* buffer) override { return status_; }
  absl::Status Finish() override { return status_; }

 private:
  void Note(const TransferPiece& piece, const absl::Status& status) {
    if (!status.ok()) status_ = TransferError(status, piece.name);
  }

  Backend& backend_;
  StagingBuffers buffers_;
  absl::Status status_;  // the first error
};

}  // namespace

absl::Status Backend::CopyBetween(const Memory& from,
                                  uint64_t from_offset_bytes, const Memory& to,
                                  uint64_t to_offset_bytes,
                                  uint64_t size_bytes) {
  return absl::UnimplementedError(absl::StrCat(
      "the ", type(), " backend has no copies between its devices"));
}

absl::StatusOr<std::unique_ptr<TransferStream>> Backend::OpenStream(int index) {
  FERRY_RETURN_IF_ERROR(Properties(index).status());
  return std::make_unique<BlockingStream>(*this);
}

absl::StatusOr<std::string> Backend::DeviceTag(int index) const {
  return absl::UnimplementedError(
      absl::StrCat("the ", type(), " backend has no location tags of its own"));
}

absl::StatusOr<std::optional<int>> Backend::FindDevice(
    absl::string_view tag) const {
  return std::nullopt;
}

}  // namespace v1
}  // namespace ferry
