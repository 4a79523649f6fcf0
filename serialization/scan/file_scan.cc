// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/file_scan.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/safetensors/safetensors_reader.h"
#include "ferry/serialization/torch/pickle_container.h"
#include "ferry/serialization/torch/tar_directory.h"

namespace ferry {
inline namespace v1 {
namespace scan {
ScanReport FileScan::Run() {
  const MeteredFile metered(file_, &meter_);
  report_.format = ScanAny(metered, "", 0);
  findings_.Finish(meter_.status());
  return std::move(report_);
}

bool FileScan::BeginsWithProto(absl::string_view head) {
  return head.size() >= 2 &&
         static_cast<unsigned char>(head[0]) == pickle::kProto &&
         static_cast<unsigned char>(head[1]) <= pickle::kHighestProtocol;
}

void FileScan::Problem(const std::string& record, const absl::Status& status) {
  meter_.EndIfSpent(status);
  Problem(record, status.message());
}

void FileScan::Problem(const std::string& record, absl::string_view what) {
  if (!meter_.is_over()) findings_.Problem(record, what);
}

void FileScan::Odd(const std::string& record, absl::string_view detail) {
  if (!meter_.is_over()) findings_.Odd(record, detail);
}

std::string FileScan::ScanAny(const RandomAccessFile& file,
                              const std::string& record, int depth) {
  char buffer[kHeadBytes];
  const uint64_t size = std::min(file.size_bytes(), kHeadBytes);
  const absl::Status read = file.ReadAt(0, absl::MakeSpan(buffer, size));
  if (!read.ok()) {
    Problem(record, read);
    return "";
  }
  const absl::string_view head(buffer, size);
  const absl::Status zip = ScanZips(file, record, depth);
  const bool is_zip = absl::StartsWith(head, "PK\x03\x04");
  // An archive without records, which PyTorch does not take for one.
  const bool is_empty_zip = absl::StartsWith(head, "PK\x05\x06");
  if ((is_zip || is_empty_zip) && !zip.ok()) Problem(record, zip);
  if ((is_zip || is_empty_zip) && torch::IsTar(head)) {
    Odd(record,
        "the file is a zip archive and a tar archive at once, and PyTorch may "
        "read it as a tar archive");
    ScanTar(file, record, depth);
  }
  if (is_zip) return "zip archive";
  if (is_empty_zip) {
    CheckIsNoPickle(file, "zip archive", record, depth);
    return "zip archive";
  }
  ContainerOptions options;
  options.budget = meter_.budget();
  std::string format;
  if (torch::IsTar(head) || torch::HasTarMagic(head)) {
    format = "tar archive";
    ScanTar(file, record, depth);
    CheckIsNoPickle(file, format, record, depth);
  } else if (safetensors::LooksLikeSafetensors(head)) {
    format = "safetensors file";
    const absl::StatusOr<ParsedCheckpoint> parsed =
        safetensors::ReadSafetensors(file, options);
    if (!parsed.ok()) Problem(record, parsed.status());
    CheckIsNoPickle(file, format, record, depth);
  } else {
    const absl::StatusOr<bool> is_pickle =
        torch::IsPickleContainer(file, options);
    if (!is_pickle.ok()) Problem(record, is_pickle.status());
    const bool expected = BeginsWithProto(head) || is_pickle.value_or(false);
    if ((expected || MayBePickle(file, 0, record)) &&
        ScanPickles(file, expected, record, depth)) {
      format = "pickle";
    }
  }
  if (format.empty() && zip.ok()) format = "zip archive after other bytes";
  return format;
}

void FileScan::Sniff(const RandomAccessFile& file, const std::string& record,
                     int depth) {
  char buffer[kHeadBytes];
  const uint64_t size = std::min(file.size_bytes(), kHeadBytes);
  if (size == 0) return;
  const absl::Status read = file.ReadAt(0, absl::MakeSpan(buffer, size));
  if (!read.ok()) return Problem(record, read);
  const absl::string_view head(buffer, size);
  if (absl::StartsWith(head, "PK\x03\x04") || torch::IsTar(head)) {
    if (depth >= kMaxScanDepth) {
      return Problem(record, "it is nested too deeply, and was not examined");
    }
    ScanAny(file, record, depth + 1);
    return;
  }
  if (MayBePickle(file, 0, record)) {
    ScanPickles(file, /*expected=*/false, record, depth);
  }
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
