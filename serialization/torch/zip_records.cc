// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/zip_records.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "ferry/core/storage.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

// What is written into `version` (caffe2/serialize/versions.h,
// kMinProducedFileFormatVersion).
constexpr absl::string_view kVersion = "3\n";

}  // namespace

absl::string_view ZipRecords::Keep(
    std::initializer_list<absl::string_view> parts) {
  size_t size = 0;
  for (absl::string_view part : parts) size += part.size();
  auto* const text = static_cast<char*>(texts_.allocate(size, 1));
  char* next = text;
  for (absl::string_view part : parts) {
    next = std::copy(part.begin(), part.end(), next);
  }
  return {text, size};
}

ZipRecords::ZipRecords(absl::string_view graph_name, absl::string_view graph,
                       absl::Span<const StorageEntry> storages,
                       absl::string_view archive_name,
                       const ZipRecordsOptions& options)
    : archive_name_(archive_name) {
  constexpr size_t kOtherRecords = 8;
  records_.reserve(storages.size() + kOtherRecords);

  const bool is_newest = options.compatibility == Compatibility::kTorch2_7;
  Add(graph_name, graph);
  if (is_newest) {
    Add(".format_version", "1");
    Add(".storage_alignment", Keep({absl::StrCat(options.storage_alignment)}));
  }
  if (options.compatibility != Compatibility::kTorch1_6) {
    Add("byteorder", "little");
  }
  const size_t first_storage = records_.size();
  for (size_t i = 0; i < storages.size(); ++i) {
    zip::ArchiveRecord& record = Add(absl::StrCat("data/", i), "");
    // Like C++, nothing of a storage on the meta device.
    const Storage& storage = storages[i].storage;
    if (storage.device().type() != "meta") record.storage = storage;
  }
  if (!is_newest) {
    std::sort(records_.begin() + first_storage, records_.end(),
              [](const zip::ArchiveRecord& a, const zip::ArchiveRecord& b) {
                return a.name < b.name;
              });
  }
  Add("version", kVersion);
  if (options.compatibility != Compatibility::kTorch1_6) {
    // The writer fills it in.
    Add(".data/serialization_id", "0000000000000000000000000000000000000000");
  }
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
