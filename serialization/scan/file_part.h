// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/scan/file_part.h
// -----------------------------------------------------------------------------
//
// A part of a file as a file of its own. Unlike `OpenRange`, does not own the
// file.
//
// Example: the contents of a record.
//
//   const FilePart contents(file, record.offset_bytes, record.size_bytes);
//   contents.ReadAt(0, absl::MakeSpan(buffer));
#ifndef FERRY_SERIALIZATION_SCAN_FILE_PART_H_
#define FERRY_SERIALIZATION_SCAN_FILE_PART_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {
namespace scan {

class FilePart final : public RandomAccessFile {
 public:
  // The range must lie in `whole`, which must outlive this object.
  FilePart(const RandomAccessFile& whole, uint64_t begin, uint64_t size)
      : whole_(whole), begin_(begin), size_(size) {}

  absl::string_view name() const override { return whole_.name(); }
  uint64_t size_bytes() const override { return size_; }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > size_ || out.size() > size_ - offset_bytes) {
      return absl::DataLossError(absl::StrCat("cannot read ", out.size(),
                                              " bytes at offset ", offset_bytes,
                                              ": there are ", size_));
    }
    return whole_.ReadAt(begin_ + offset_bytes, out);
  }
  const char* data() const override {
    return whole_.data() == nullptr ? nullptr : whole_.data() + begin_;
  }

 private:
  const RandomAccessFile& whole_;
  const uint64_t begin_;
  const uint64_t size_;
};

}  // namespace scan
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SCAN_FILE_PART_H_
