// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads any bytes as a zip archive: the directory, and each record that is not
// too large.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/zip/zip_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::unique_ptr<ferry::RandomAccessFile> file =
      ferry::MakeMemoryFile(bytes, "<fuzzer>");
  ferry::Budget budget(ferry::BudgetOptions(), size);
  const absl::StatusOr<ferry::zip::ZipDirectory> directory =
      ferry::zip::ZipDirectory::Read(*file, &budget);
  if (!directory.ok()) return 0;
  for (const ferry::Extent& entry : directory->entries()) {
    // What the directory promises.
    if (entry.begin > entry.end || entry.end > size ||
        directory->Find(entry.name) != &entry) {
      __builtin_trap();
    }
    if (entry.contents_bytes > (1 << 20)) continue;
    ferry::ReadExtent(*file, entry, true).status().IgnoreError();
  }
  return 0;
}
