// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/zip/zip_directory.h
// -----------------------------------------------------------------------------
//
// Lists the records of a zip archive and their positions. Reads only the
// central directory; a record's own header is checked when the record is read.
//
// The format is that of PKWARE's APPNOTE.TXT 6.3.10, with zip64 and data
// descriptors; PyTorch's local headers carry neither sizes nor checksum, so
// those of the central directory are used. The archive begins with the file, as
// it must for PyTorch, and may be followed by up to 64 KiB of other bytes.
//
// Example: the size of a record.
//
//   FERRY_ASSIGN_OR_RETURN(ZipDirectory directory,
//                          ZipDirectory::Read(*file, &budget));
//   const Extent* entry = directory.Find("archive/data.pkl");
//   if (entry != nullptr) entry->size_bytes;
#ifndef FERRY_SERIALIZATION_ZIP_ZIP_DIRECTORY_H_
#define FERRY_SERIALIZATION_ZIP_ZIP_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/huge_page_resource.h"
#include "ferry/core/page_pool.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/name_index.h"

namespace ferry {
inline namespace v1 {
namespace zip {

// The size of a local header without name and extra field.
inline constexpr uint64_t kLocalHeaderBytes = 30;

// ZipDirectory
//
// Every entry lies inside the file, and no two overlap. Names are unique even
// if case is ignored, as PyTorch does when it looks for a record. Names are
// relative and do not contain "..".
//
// Thread-safety: const methods may be called from any number of threads.
class ZipDirectory {
 public:
  // Reads the directory of `file`, and charges its memory to `budget`. Memory
  // comes from `page_pool`, if that is not null.
  //
  // Errors:
  //   kInvalidArgument   - other bytes precede the archive; the message has the
  //                        offset. Use `OpenRange` to skip them.
  //   kDataLoss          - not a zip archive, or an archive that contradicts
  //                        itself; the message has the record and the offset.
  //   kUnimplemented     - encrypted records, several disks, a compression
  //                        other than deflate.
  //   kResourceExhausted - `budget` is spent, or there is no memory.
  //   whatever reading the file returns.
  static absl::StatusOr<ZipDirectory> Read(
      const RandomAccessFile& file, Budget* budget,
      const std::shared_ptr<PagePool>& page_pool = nullptr);

  ZipDirectory(ZipDirectory&&) = default;
  ZipDirectory& operator=(ZipDirectory&&) = delete;

  // Every record as an extent of file 0, in the order of the central directory:
  // the range reaches from its local header to the next record's, or to the
  // central directory. Names live as long as this.
  absl::Span<const Extent> entries() const { return entries_; }

  // Where the archive ends in the file, including its comment.
  uint64_t end_offset() const { return end_offset_; }
  uint64_t comment_bytes() const { return comment_bytes_; }

  // Returns the record with this name, or null.
  const Extent* Find(absl::string_view name) const;

  // Returns a mutable entry of `entries()`, so that a reader can set which
  // bytes of it belong to a storage.
  Extent& MutableEntry(const Extent& entry) {
    return entries_[static_cast<size_t>(&entry - entries_.data())];
  }

 private:
  explicit ZipDirectory(const std::shared_ptr<PagePool>& page_pool)
      : memory_(std::make_unique<HugePageResource>(page_pool)) {}

  // `bytes` are the central directory.
  absl::Status ReadEntries(absl::string_view bytes, uint64_t num_entries,
                           uint64_t directory_offset);
  absl::Status IndexNames();
  absl::Status CheckNames() const;
  absl::Status CheckExtents(uint64_t directory_offset);

  // Declared first because the members below use it.
  std::unique_ptr<HugePageResource> memory_;
  std::pmr::vector<char> names_{memory_.get()};  // of the entries
  std::pmr::vector<Extent> entries_{memory_.get()};
  std::optional<NameIndex> by_name_;  // indexes of `entries_`; set by `Read`
  uint64_t end_offset_ = 0;
  uint64_t comment_bytes_ = 0;
};

// Returns where the contents of a record begin. This is a `ContentsFinder`;
// `header` is the local header with the name.
absl::StatusOr<uint64_t> CheckLocalHeader(const Extent& entry,
                                          absl::string_view header);

}  // namespace zip
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_ZIP_ZIP_DIRECTORY_H_
