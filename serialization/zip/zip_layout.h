// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/zip_layout.h
// -----------------------------------------------------------------------------
//
// Computes where every byte of an archive goes before any is written. The
// layout is that of PyTorch's writer (caffe2/serialize/inline_container.cc over
// miniz). Contents are aligned. Headers carry neither sizes nor checksums, so
// contents can be written in any order and checksums can be computed last.
//
//   record     local header, name, extra field   HeaderBytes
//              contents                          at contents_offset
//              data descriptor                   DescriptorBytes
//   ...
//   directory  one header a record, end records  DirectoryBytes
//
// PyTorch's own loader computes offsets by the same rule for files that have a
// `.format_version` record (torch/serialization.py, `_get_offset`), so there
// must be nothing between records.
//
// Example: an archive of one record.
//
//   ZipLayout layout(/*alignment_bytes=*/64);
//   layout.Add("archive/version", 2);
//   std::string bytes = absl::StrCat(layout.HeaderBytes(0), "3\n",
//                                    layout.DescriptorBytes(0, Crc32("3\n")),
//                                    layout.DirectoryBytes({Crc32("3\n")}));
#ifndef FERRY_SERIALIZATION_ZIP_ZIP_LAYOUT_H_
#define FERRY_SERIALIZATION_ZIP_ZIP_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/large_allocator.h"

namespace ferry {
inline namespace v1 {
namespace zip {

// ZipLayout
//
// Thread-safety: const methods may be called from any number of threads.
class ZipLayout {
 public:
  // Contents begin at multiples of `alignment_bytes`, which must not be 0.
  explicit ZipLayout(uint64_t alignment_bytes)
      : alignment_bytes_(alignment_bytes) {}

  // Reserves memory for `num_records` records.
  void Reserve(size_t num_records) { records_.reserve(num_records); }

  // Appends a record. Names must be UTF-8, unique and at most 65535 bytes long,
  // and must outlive the layout. All records together must take less than 2^63
  // bytes.
  void Add(absl::string_view name, uint64_t size_bytes);

  struct Record {
    absl::string_view name;
    uint64_t size_bytes = 0;
    uint64_t header_offset = 0;
    uint64_t contents_offset = 0;
    // Where the next record begins.
    uint64_t end_offset = 0;
  };
  absl::Span<const Record> records() const { return records_; }

  // Where the directory begins: the end of the last record.
  uint64_t directory_offset() const {
    return records_.empty() ? 0 : records_.back().end_offset;
  }

  // Returns the bytes from a record's header_offset to its contents_offset.
  std::string HeaderBytes(size_t record) const;

  // Returns the bytes between a record's contents and its end_offset. Empty if
  // the record is empty.
  std::string DescriptorBytes(size_t record, uint32_t crc32) const;

  // Returns the number of bytes from directory_offset() to the end of the
  // archive.
  uint64_t DirectorySize() const;

  // Returns the bytes from directory_offset() to the end of the archive.
  //
  //   crc32s  one for each record.
  LargeString DirectoryBytes(absl::Span<const uint32_t> crc32s) const;

 private:
  const uint64_t alignment_bytes_;
  std::vector<Record, HugePageAllocator<Record>> records_;
};

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ZIP_LAYOUT_H_
