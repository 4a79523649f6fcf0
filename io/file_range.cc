// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/file_range.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {
namespace {

class Range final : public RandomAccessFile {
 public:
  Range(std::unique_ptr<RandomAccessFile> whole, uint64_t offset_bytes,
        uint64_t size_bytes)
      : whole_(std::move(whole)),
        name_(absl::StrCat(whole_->name(), " from byte ", offset_bytes,
                           size_bytes < whole_->size_bytes() - offset_bytes
                               ? absl::StrCat(" to ", offset_bytes + size_bytes)
                               : "")),
        offset_bytes_(offset_bytes),
        size_bytes_(size_bytes) {}

  absl::string_view name() const override { return name_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  bool is_serial() const override { return whole_->is_serial(); }
  const char* data() const override {
    return whole_->data() == nullptr ? nullptr : whole_->data() + offset_bytes_;
  }
  std::shared_ptr<void> mapping() const override { return whole_->mapping(); }
  std::optional<FilePosition> Locate(uint64_t offset_bytes) const override {
    return whole_->Locate(offset_bytes_ + offset_bytes);
  }

  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > size_bytes_ || out.size() > size_bytes_ - offset_bytes) {
      return absl::DataLossError(absl::StrCat(
          "cannot read ", out.size(), " bytes of ", name_, " from byte ",
          offset_bytes, ": it ends at byte ", size_bytes_));
    }
    return whole_->ReadAt(offset_bytes_ + offset_bytes, out);
  }

 private:
  const std::unique_ptr<RandomAccessFile> whole_;
  const std::string name_;
  const uint64_t offset_bytes_;
  const uint64_t size_bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenRange(
    std::unique_ptr<RandomAccessFile> whole, uint64_t offset_bytes,
    uint64_t size_bytes) {
  const uint64_t whole_bytes = whole->size_bytes();
  const bool to_the_end = size_bytes == std::numeric_limits<uint64_t>::max();
  if (offset_bytes > whole_bytes ||
      (!to_the_end && size_bytes > whole_bytes - offset_bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot read ",
        to_the_end ? "" : absl::StrCat(size_bytes, " bytes of "), whole->name(),
        " from byte ", offset_bytes, ": it ends at byte ", whole_bytes));
  }
  if (to_the_end) size_bytes = whole_bytes - offset_bytes;
  return std::unique_ptr<RandomAccessFile>(
      std::make_unique<Range>(std::move(whole), offset_bytes, size_bytes));
}

}  // namespace v1
}  // namespace ferry
