// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/staged_copy.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "ferry/core/internal_key.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/transfer/byte_order.h"
#include "ferry/serialization/transfer/tuning.h"

namespace ferry {
inline namespace v1 {
DeviceAddress AddressOf(Backend* backend, const Storage& storage,
                        uint64_t offset_bytes) {
  DeviceAddress address;
  address.backend = backend;
  address.index = storage.device().has_index() ? storage.device().index() : 0;
  address.memory = &storage.DeviceMemory(InternalKey());
  address.offset_bytes = offset_bytes;
  return address;
}

absl::Status StagedWriter::Begin(const DeviceAddress& address,
                                 absl::string_view name,
                                 uint64_t swap_unit_bytes) {
  EndPiece();
  if (stream_.has_value() && (address.backend != address_.backend ||
                              address.index != address_.index)) {
    FERRY_RETURN_IF_ERROR(Flush());
    stream_.reset();
  }
  address_ = address;
  name_ = name;
  swap_unit_bytes_ = swap_unit_bytes;
  if (stream_.has_value()) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(stream_, pool_->Take(*address.backend, address.index));
  return absl::OkStatus();
}

absl::Status StagedWriter::BeginPiece() {
  const uint64_t begin = (filled_bytes_ + kStagingAlignment - 1) /
                         kStagingAlignment * kStagingAlignment;
  if (buffer_ != nullptr && begin >= UsableBytes((*stream_)->buffer_bytes())) {
    FERRY_RETURN_IF_ERROR(Flush());
    return BeginPiece();
  }
  if (buffer_ == nullptr) {
    FERRY_ASSIGN_OR_RETURN(buffer_, (*stream_)->NextBuffer());
  }
  filled_bytes_ = begin;
  pieces_.push_back({address_.memory, address_.offset_bytes, begin, 0, name_});
  is_open_ = true;
  return absl::OkStatus();
}

void StagedWriter::EndPiece() {
  if (!is_open_) return;
  const TransferPiece& piece = pieces_.back();
  SwapByteOrder(buffer_ + piece.buffer_offset_bytes, piece.size_bytes,
                swap_unit_bytes_);
  address_.offset_bytes += piece.size_bytes;
  is_open_ = false;
}

absl::Status StagedWriter::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (!is_open_) FERRY_RETURN_IF_ERROR(BeginPiece());
    TransferPiece& piece = pieces_.back();
    // The usable part of a buffer is a multiple of every unit of byte order, so
    // no number is split between two pieces.
    const uint64_t room =
        UsableBytes((*stream_)->buffer_bytes()) - filled_bytes_;
    const uint64_t size = std::min<uint64_t>(room, bytes.size());
    std::memcpy(buffer_ + filled_bytes_, bytes.data(), size);
    piece.size_bytes += size;
    filled_bytes_ += size;
    bytes.remove_prefix(size);
    if (size == room) FERRY_RETURN_IF_ERROR(Flush());
  }
  return absl::OkStatus();
}

absl::Status StagedWriter::Flush() {
  EndPiece();
  if (buffer_ == nullptr) return absl::OkStatus();
  const absl::Status status = (*stream_)->ToDevice(buffer_, pieces_);
  buffer_ = nullptr;
  filled_bytes_ = 0;
  pieces_.clear();
  return status;
}

absl::Status StagedReader::Read(const DeviceAddress& address,
                                absl::string_view name, char* to,
                                uint64_t size_bytes) {
  const std::pair<Backend*, int> device(address.backend, address.index);
  if (stream_.has_value() && device != device_) {
    FERRY_RETURN_IF_ERROR(Flush());
    stream_.reset();
  }
  if (!stream_.has_value()) {
    FERRY_ASSIGN_OR_RETURN(stream_,
                           pool_->Take(*address.backend, address.index));
    device_ = device;
  }
  const uint64_t buffer_bytes = (*stream_)->buffer_bytes();
  for (uint64_t done = 0; done < size_bytes;) {
    if (filled_bytes_ == buffer_bytes) FERRY_RETURN_IF_ERROR(Flush());
    const uint64_t size =
        std::min(size_bytes - done, buffer_bytes - filled_bytes_);
    pieces_.push_back({address.memory, address.offset_bytes + done,
                       filled_bytes_, size, name});
    destinations_.push_back(to + done);
    filled_bytes_ += size;
    done += size;
  }
  return absl::OkStatus();
}

absl::Status StagedReader::Flush() {
  if (pieces_.empty()) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(char* const buffer, (*stream_)->NextBuffer());
  absl::Status status = (*stream_)->ToHost(pieces_, buffer);
  if (status.ok()) status = (*stream_)->Wait(buffer);
  if (!status.ok()) {
    // The caller's names and memory may go once this returns.
    (*stream_)->Finish().IgnoreError();
    return status;
  }
  for (size_t i = 0; i < pieces_.size(); ++i) {
    std::memcpy(destinations_[i], buffer + pieces_[i].buffer_offset_bytes,
                pieces_[i].size_bytes);
  }
  pieces_.clear();
  destinations_.clear();
  filled_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
