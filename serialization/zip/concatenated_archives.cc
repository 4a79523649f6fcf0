// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/concatenated_archives.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_end.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

// The number of archives that a message lists.
constexpr size_t kMaxListed = 16;

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Finds the archives at the end of the file that follow each other without a
// gap. Returns them in the order of the file.
std::vector<Range> ListArchives(const RandomAccessFile& file) {
  std::vector<Range> archives;
  uint64_t end = file.size_bytes();
  while (end > 0 && archives.size() < kMaxListed) {
    const absl::StatusOr<zip::ZipEnd> found = zip::FindZipEnd(file, end);
    if (!found.ok()) break;
    archives.push_back({found->archive_offset(), end});
    end = found->archive_offset();
  }
  std::reverse(archives.begin(), archives.end());
  return archives;
}

// Whether a record of an archive begins at `offset`.
bool BeginsRecord(const RandomAccessFile& file, uint64_t offset) {
  char signature[4];
  return file.size_bytes() - offset >= sizeof(signature) &&
         file.ReadAt(offset, absl::MakeSpan(signature)).ok() &&
         Load32(signature) == zip::kLocalHeaderSignature;
}

// Says how to read one of them.
std::string HowToRead(const Range& range) {
  return absl::StrCat("--range=", range.begin, ":", range.end,
                      " (LoadOptions::offset_bytes = ", range.begin,
                      ", size_bytes = ", range.end - range.begin, ")");
}

}  // namespace

absl::Status CheckArchiveBegins(const RandomAccessFile& file,
                                uint64_t offset_bytes) {
  std::vector<Range> archives = ListArchives(file);
  if (archives.empty() || (archives.size() == 1 && archives[0].begin == 0)) {
    return absl::OkStatus();
  }
  if (archives.size() == 1 && !BeginsRecord(file, archives[0].begin)) {
    return absl::DataLossError(
        absl::StrCat(file.name(), ": there are ", archives[0].begin,
                     " bytes between the directory and the end record of the "
                     "zip archive, where no archiver leaves any"));
  }
  const bool are_more = archives[0].begin != 0;
  for (Range& archive : archives) {
    archive.begin += offset_bytes;
    archive.end += offset_bytes;
  }
  if (archives.size() == 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.name(), " has a zip archive that begins at offset ",
        archives[0].begin,
        " and other bytes before it; PyTorch reads from the first byte, and so "
        "finds something else or nothing. To read the archive: ",
        HowToRead(archives[0])));
  }
  std::string message = absl::StrCat(
      file.name(), " has several zip archives one after another, at ",
      are_more ? "offsets such as " : "offsets ",
      absl::StrJoin(archives, ", ",
                    [](std::string* out, const Range& range) {
                      absl::StrAppend(out, range.begin);
                    }),
      "; PyTorch reads the first one or none.");
  if (absl::StrContains(file.name(), ".distcp")) {
    absl::StrAppend(
        &message,
        " It is a data file of a distributed checkpoint; only the file "
        "\".metadata\" next to it says what its parts are. To make one file of "
        "the folder: python3 -m torch.distributed.checkpoint.format_utils "
        "dcp_to_torch FOLDER OUT.pt.");
  }
  absl::StrAppend(&message,
                  " To read the first of these: ", HowToRead(archives[0]));
  return absl::InvalidArgumentError(message);
}

}  // namespace zip
}  // namespace v1
}  // namespace ferry
