// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/zip_records.h
// -----------------------------------------------------------------------------
//
// Lists the records of a PyTorch zip archive. zip_container.h describes them.
//
// Example: an archive without storages.
//
//   const torch::ZipRecords records("data.pkl", pickle, {}, "archive", {});
//   FERRY_RETURN_IF_ERROR(
//       zip::WriteArchive(records.records(), devices, {}, output));
#ifndef FERRY_SERIALIZATION_TORCH_ZIP_RECORDS_H_
#define FERRY_SERIALIZATION_TORCH_ZIP_RECORDS_H_

#include <cstdint>
#include <initializer_list>
#include <memory_resource>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/large_allocator.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/torch/compatibility.h"
#include "ferry/serialization/zip/archive_writer.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// `SaveOptions` describes each of these.
struct ZipRecordsOptions {
  Compatibility compatibility = Compatibility::kTorch2_7;
  uint64_t storage_alignment = 64;
};

// ZipRecords
//
// The records of one archive, in the order that the PyTorch version of
// `ZipRecordsOptions::compatibility` writes them.
class ZipRecords {
 public:
  // Takes O(records) time and memory; copies no contents.
  //
  //   graph_name    the name of the graph record: "data.pkl".
  //   graph         its contents. Must outlive the ZipRecords.
  //   archive_name  the folder of all records. Must outlive the ZipRecords.
  ZipRecords(absl::string_view graph_name, absl::string_view graph,
             absl::Span<const StorageEntry> storages,
             absl::string_view archive_name, const ZipRecordsOptions& options);
  ZipRecords(const ZipRecords&) = delete;
  ZipRecords& operator=(const ZipRecords&) = delete;

  // Returns the records for `zip::WriteArchive`. Valid as long as the
  // ZipRecords.
  absl::Span<const zip::ArchiveRecord> records() const { return records_; }

 private:
  absl::string_view Keep(std::initializer_list<absl::string_view> parts);
  // Copies the name, and not the text.
  zip::ArchiveRecord& Add(absl::string_view name, absl::string_view text) {
    zip::ArchiveRecord& record = records_.emplace_back();
    record.name = Keep({archive_name_, "/", name});
    record.text = text;
    return record;
  }

  const absl::string_view archive_name_;
  std::pmr::monotonic_buffer_resource texts_;
  std::vector<zip::ArchiveRecord, HugePageAllocator<zip::ArchiveRecord>>
      records_;
};

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_ZIP_RECORDS_H_
