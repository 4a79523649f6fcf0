// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/byte_source.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

class SourceBytes final : public RandomAccessFile {
 public:
  SourceBytes(ByteSource* source, uint64_t start, uint64_t size_bytes)
      : source_(source), start_(start), size_bytes_(size_bytes) {}

  absl::string_view name() const override { return source_->name(); }
  uint64_t size_bytes() const override { return size_bytes_; }
  bool is_serial() const override { return true; }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override;

 private:
  absl::Status Fill(absl::Span<char> out) const;

  ByteSource* const source_;
  const uint64_t start_;
  const uint64_t size_bytes_;
  mutable std::mutex mutex_;
  // Where the source stands, if that is known. Guarded by mutex_.
  mutable std::optional<uint64_t> position_;
};

absl::Status SourceBytes::Fill(absl::Span<char> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const absl::Span<char> rest = out.subspan(done);
    const absl::StatusOr<size_t> got = source_->Read(rest);
    if (!got.ok()) return got.status();
    if (*got == 0) {
      return absl::DataLossError(
          absl::StrCat(source_->name(), " ended ", rest.size(),
                       " bytes before the end that it reported"));
    }
    if (*got > rest.size()) {
      return absl::InternalError(
          absl::StrCat(source_->name(), " claims to have read ", *got,
                       " bytes when asked for ", rest.size()));
    }
    done += *got;
  }
  return absl::OkStatus();
}

absl::Status SourceBytes::ReadAt(uint64_t offset_bytes,
                                 absl::Span<char> out) const {
  if (offset_bytes > size_bytes_ || out.size() > size_bytes_ - offset_bytes) {
    return absl::DataLossError(absl::StrCat(
        "cannot read ", out.size(), " bytes of ", name(), " from byte ",
        offset_bytes, ": it ends at byte ", size_bytes_));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (position_ != offset_bytes) {
    position_.reset();
    FERRY_RETURN_IF_ERROR(source_->Seek(start_ + offset_bytes));
  }
  position_.reset();
  FERRY_RETURN_IF_ERROR(Fill(out));
  position_ = offset_bytes + out.size();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<size_t> MemorySource::Read(absl::Span<char> out) {
  const uint64_t size = bytes_.size();
  const size_t count =
      std::min<uint64_t>(out.size(), size - std::min(position_, size));
  if (count != 0) std::memcpy(out.data(), bytes_.data() + position_, count);
  position_ += count;
  return count;
}

absl::Status MemorySource::Seek(uint64_t position_bytes) {
  position_ = position_bytes;
  return absl::OkStatus();
}

absl::Status MemorySource::SeekToEnd() { return Seek(bytes_.size()); }

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenSource(
    ByteSource* source) {
  FERRY_ASSIGN_OR_RETURN(const uint64_t start, source->Tell());
  FERRY_RETURN_IF_ERROR(source->SeekToEnd());
  FERRY_ASSIGN_OR_RETURN(const uint64_t end, source->Tell());
  if (end < start) {
    return absl::InternalError(
        absl::StrCat(source->name(), " was at byte ", start,
                     ", which is past its end at byte ", end));
  }
  return std::unique_ptr<RandomAccessFile>(
      std::make_unique<SourceBytes>(source, start, end - start));
}

}  // namespace v1
}  // namespace ferry
