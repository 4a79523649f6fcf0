// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/testing/zip_builder.h
// -----------------------------------------------------------------------------
//
// Zip archives byte by byte, also such as contradict themselves: every field
// may be given another value than the true one.
//
// Example: a record whose directory says that it is encrypted.
//
//   ZipBuilder zip;
//   zip.Add("a", "contents").flags = 1;
//   std::string bytes = zip.Build();
#ifndef FERRY_SERIALIZATION_TESTING_ZIP_BUILDER_H_
#define FERRY_SERIALIZATION_TESTING_ZIP_BUILDER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// A record. What is not set is as it should be.
struct ZipBuilderRecord {
  std::string name;
  // As the bytes stand in the archive: deflated, if `method` says so.
  std::string stored;
  uint16_t method = 0;
  uint16_t flags = 0x0800;
  uint16_t disk = 0;
  uint32_t crc32 = 0;
  uint64_t size_bytes = 0;
  uint64_t stored_bytes = 0;
  // Where the directory says that the local header is.
  std::optional<uint64_t> header_offset;
  // What the local header has instead of the name and the method.
  std::optional<std::string> local_name;
  std::optional<uint16_t> local_method;
  std::optional<uint32_t> local_signature;
  std::string local_extra;
  // An extra field of the directory's entry. Else there is one, of zip64, if a
  // number does not fit 32 bits.
  std::optional<std::string> extra;
  // Whether the record itself is left out, so that only the directory has it.
  bool is_only_listed = false;
};

// ZipBuilder
//
// Thread-safety: none.
class ZipBuilder {
 public:
  // Appends a record, stored or deflated. The result may be changed until
  // `Build`.
  ZipBuilderRecord& Add(absl::string_view name, absl::string_view contents);
  ZipBuilderRecord& AddDeflated(absl::string_view name,
                                absl::string_view contents);

  // The record of this name, which there must be.
  ZipBuilderRecord& record(absl::string_view name);
  // Takes the record of this name away.
  void Remove(absl::string_view name);

  // Bytes before and after the archive, and its comment.
  std::string leading;
  std::string trailing;
  std::string comment;
  // Whether the end records of zip64 are written.
  bool has_zip64_end = false;
  // What the end records say instead of the truth.
  std::optional<uint64_t> num_entries;
  std::optional<uint64_t> directory_bytes;
  std::optional<uint64_t> directory_offset;
  uint16_t disk = 0;
  // Of the zip64 records alone.
  std::optional<uint64_t> zip64_num_entries;
  std::optional<uint64_t> zip64_end_bytes;
  uint32_t zip64_disks = 1;

  std::string Build() const;

 private:
  std::deque<ZipBuilderRecord> records_;  // whose addresses stay
};

// `contents` as a raw deflate stream.
std::string Deflate(absl::string_view contents);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TESTING_ZIP_BUILDER_H_
