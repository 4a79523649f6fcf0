// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/inflate.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/encoding.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/scan/file_part.h"
#include "ferry/serialization/scan/file_scan.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/torch/tar_directory.h"
#include "ferry/serialization/zip/zip_end.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

// Pickles of checkpoints deflate to a tenth. One that deflates much better is
// made to exhaust its readers.
constexpr uint64_t kMaxHonestRatio = 100;
constexpr uint64_t kMinBombBytes = uint64_t{8} << 20;

// The most archives, one after another, that are examined.
constexpr int kMaxConsecutive = 16;

// The longest description of a storage in a tar archive. PyTorch needs about 60
// bytes.
constexpr uint64_t kMaxDescriptionBytes = uint64_t{1} << 16;

}  // namespace

absl::Status FileScan::ScanZips(const RandomAccessFile& file,
                                const std::string& record, int depth) {
  uint64_t end_bytes = file.size_bytes();
  for (int i = 0; i < kMaxConsecutive; ++i) {
    const absl::StatusOr<zip::ZipEnd> end = zip::FindZipEnd(file, end_bytes);
    absl::StatusOr<ZipSurvey> survey =
        end.ok() ? SurveyZip(file, *end, meter_.budget())
                 : absl::StatusOr<ZipSurvey>(end.status());
    if (!survey.ok()) {
      meter_.EndIfSpent(survey.status());
      return i == 0 ? survey.status() : absl::OkStatus();
    }
    if (end->end_offset < end_bytes) {
      Odd(record, absl::StrCat(end_bytes - end->end_offset,
                               " bytes follow the zip archive, at offset ",
                               end->end_offset));
    }
    const uint64_t begin = end->archive_offset();
    if (begin > 0) {
      Odd(record, absl::StrCat("a zip archive begins at offset ", begin,
                               ", after other bytes; PyTorch reads from the "
                               "first byte"));
    }
    ScanZip(file, *survey, record, depth);
    if (begin == 0) return absl::OkStatus();
    end_bytes = begin;
  }
  Problem(record, absl::StrCat("more than ", kMaxConsecutive,
                               " zip archives follow each other; the rest was "
                               "not examined"));
  return absl::OkStatus();
}

void FileScan::ScanZip(const RandomAccessFile& file, const ZipSurvey& survey,
                       const std::string& record, int depth) {
  for (const ZipOddity& oddity : survey.oddities) {
    Odd(oddity.record.empty() ? record : Inside(record, oddity.record),
        oddity.what);
  }
  if (!survey.damage.empty()) Problem(record, survey.damage);
  ProgramScan program;
  for (const SurveyedRecord& entry : survey.records) {
    ScanZipRecord(file, entry, record, depth, &program);
  }
  findings_.Program(program, record);
  bool is_old_program = false, is_package = false;
  uint64_t num_sources = 0;
  for (const SurveyedRecord& entry : survey.records) {
    const absl::string_view name = entry.name;
    const absl::string_view inner = name.substr(name.find('/') + 1);
    is_old_program =
        is_old_program || absl::EqualsIgnoreCase(inner, "model.json");
    is_package =
        is_package || absl::EqualsIgnoreCase(inner, ".data/extern_modules");
    num_sources += absl::EndsWithIgnoreCase(inner, ".py") &&
                   !absl::StartsWith(inner, "code/");
  }
  if (is_old_program) findings_.OldProgram(record);
  if (is_package) findings_.Package(num_sources, record);
}

void FileScan::ScanZipRecord(const RandomAccessFile& file,
                             const SurveyedRecord& entry,
                             const std::string& record, int depth,
                             ProgramScan* program) {
  const std::string name = Inside(record, entry.name);
  if (!entry.unreadable.empty()) return Problem(name, entry.unreadable);
  if (entry.contents_bytes == 0 || meter_.is_over()) return;
  const std::string lower = absl::AsciiStrToLower(entry.name);
  const bool is_pickle =
      absl::EndsWith(lower, "pkl") || absl::EndsWith(lower, ".pickle");
  const bool is_code =
      absl::StrContains(lower, "code/") && absl::EndsWith(lower, ".py");
  const bool is_deflated = entry.encoding == Encoding::kDeflated;
  if (is_deflated && is_pickle && entry.contents_bytes >= kMinBombBytes &&
      entry.contents_bytes / kMaxHonestRatio > entry.encoded_bytes) {
    Odd(name,
        absl::StrCat("a deflate bomb: it inflates from ", entry.encoded_bytes,
                     " to ", entry.contents_bytes, " bytes"));
  }
  std::string bytes;
  std::unique_ptr<RandomAccessFile> inflated;  // in `bytes`
  std::unique_ptr<RandomAccessFile> contents;
  if (is_code) {
    bytes = ReadRecord(file, entry, name);
    if (!meter_.is_over()) program->AddCode(bytes);
    return;
  }
  if (!is_deflated) {
    contents = std::make_unique<FilePart>(file, entry.contents_offset_bytes,
                                          entry.encoded_bytes);
  } else {
    if (!is_pickle) {
      // Most are tensors, which are not inflated beyond their beginning.
      absl::Status status;
      const std::string head = Contents(file, entry, kHeadBytes, &status);
      if (!status.ok()) return Problem(name, status);
      const auto memory = MakeMemoryFile(head, file.name());
      const MeteredFile part(*memory, &meter_);
      if (!absl::StartsWith(head, "PK\x03\x04") && !torch::IsTar(head) &&
          !BeginsWithProto(head) && !MayBePickle(part, 0, name)) {
        return;
      }
    }
    bytes = ReadRecord(file, entry, name);
    if (bytes.empty()) return;
    inflated = MakeMemoryFile(bytes, file.name());
    contents = std::make_unique<MeteredFile>(*inflated, &meter_);
  }
  if (is_pickle) {
    ScanPickles(*contents, /*expected=*/true, name, depth);
  } else {
    Sniff(*contents, name, depth);
  }
}

std::string FileScan::Contents(const RandomAccessFile& file,
                               const SurveyedRecord& entry, uint64_t max_bytes,
                               absl::Status* status) {
  std::string contents;
  if (entry.encoding == Encoding::kStored) {
    const uint64_t size = std::min(entry.encoded_bytes, max_bytes);
    *status = meter_.ChargeMemory(size);
    if (!status->ok()) return contents;
    contents.resize(size);
    *status =
        file.ReadAt(entry.contents_offset_bytes, absl::MakeSpan(contents));
    if (!status->ok()) contents.clear();
    return contents;
  }
  bool is_full = false;
  const absl::StatusOr<uint32_t> inflated = Inflate(
      file,
      {entry.contents_offset_bytes, entry.encoded_bytes, entry.contents_bytes},
      [&](absl::string_view piece) {
        piece = piece.substr(0, max_bytes - contents.size());
        FERRY_RETURN_IF_ERROR(meter_.ChargeBytes(piece.size()));
        FERRY_RETURN_IF_ERROR(meter_.ChargeMemory(piece.size()));
        contents.append(piece.data(), piece.size());
        is_full = contents.size() >= max_bytes;
        return is_full ? absl::CancelledError() : absl::OkStatus();
      },
      [](absl::StatusCode code, absl::string_view what) {
        return absl::Status(code, absl::StrCat("it ", what));
      });
  *status = is_full ? absl::OkStatus() : inflated.status();
  return contents;
}

std::string FileScan::ReadRecord(const RandomAccessFile& file,
                                 const SurveyedRecord& entry,
                                 const std::string& record) {
  absl::Status status;
  std::string contents =
      Contents(file, entry, std::numeric_limits<uint64_t>::max(), &status);
  if (!status.ok()) Problem(record, status);
  return contents;
}

void FileScan::ScanTar(const RandomAccessFile& file, const std::string& record,
                       int depth) {
  torch::TarDirectory directory;
  const absl::Status status =
      torch::ReadTarDirectory(file, meter_.budget(), &directory);
  if (!status.ok()) {
    if (absl::IsUnimplemented(status)) {
      Odd(record, absl::StrCat(status.message(),
                               ", which readers understand in several ways"));
    }
    Problem(record, status);
  }
  std::map<absl::string_view, int> names;
  for (const std::string& folder : directory.folders) {
    names[absl::StripPrefix(folder, "./")] = 1;
  }
  for (const PlainRecord& member : directory.files) {
    const std::string name = Inside(record, member.name);
    if (absl::StartsWith(member.name, "/") ||
        absl::StrContains(absl::StrCat("/", member.name, "/"), "/../")) {
      Odd(name,
          "its name leads out of the folder into which the archive is "
          "extracted");
    }
    if (++names[absl::StripPrefix(member.name, "./")] == 2) {
      Odd(name, "another member has the same name");
    }
    const FilePart contents(file, member.offset_bytes, member.size_bytes);
    if (member.size_bytes == 0) continue;
    // Its name in the folder into which it is extracted, on systems that ignore
    // the case of letters, too.
    const std::string file_name = absl::AsciiStrToLower(
        absl::string_view(member.name).substr(member.name.rfind('/') + 1));
    if (file_name == "storages" || file_name == "tensors") {
      ScanTarMember(contents, file_name == "storages", name, depth);
    } else if (file_name == "pickle" || file_name == "sys_info") {
      ScanPickles(contents, /*expected=*/true, name, depth);
    } else {
      Sniff(contents, name, depth);
    }
  }
  const uint64_t end = directory.end_offset_bytes;
  if (status.ok() && end < file.size_bytes()) {
    Odd(record, absl::StrCat(file.size_bytes() - end,
                             " bytes follow the tar archive, at offset ", end));
  }
}

void FileScan::ScanTarMember(const RandomAccessFile& file, bool is_storages,
                             const std::string& record, int depth) {
  // A number of entries, and for each one a pickle, then its numbers:
  // `legacy_load` in torch/serialization.py.
  uint64_t at = 0;
  for (bool is_count = true; at < file.size_bytes(); is_count = false) {
    if (meter_.is_over()) return;
    const PickleScan scan = ScanOne(file, at);
    Report(scan, file, record, depth);
    if (!scan.is_complete) return;
    const uint64_t begin = std::exchange(at, scan.end_offset_bytes);
    // The storages end with a list of views.
    if (is_count || (is_storages && at == file.size_bytes())) continue;
    char count[8] = {};
    const uint64_t left = file.size_bytes() - at;
    if (left < sizeof(count) || !file.ReadAt(at, absl::MakeSpan(count)).ok()) {
      return Problem(record, "it is cut short");
    }
    uint64_t unit = 16;
    uint64_t number = Load32(count);
    if (is_storages) {
      number = Load64(count);
      unit = ElementSizeOf(file, begin, scan);
      if (unit == 0) {
        return Problem(record,
                       absl::StrCat("the pickle at offset ", begin,
                                    " is not the description of a storage"));
      }
    }
    const uint64_t fixed = is_storages ? 8 : 16;
    if (left < fixed || number > (left - fixed) / unit) {
      return Problem(record, "it is cut short");
    }
    at += fixed + number * unit;
  }
}

uint64_t FileScan::ElementSizeOf(const RandomAccessFile& file, uint64_t begin,
                                 const PickleScan& scan) {
  const uint64_t size = scan.end_offset_bytes - begin;
  if (scan.globals.size() != 1 || size > kMaxDescriptionBytes) return 0;
  std::string bytes(size, '\0');
  if (!file.ReadAt(begin, absl::MakeSpan(bytes)).ok()) return 0;
  ObjectGraph graph;
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, meter_.budget(), nullptr, &graph);
  meter_.EndIfSpent(result.status());
  if (!result.ok() || graph.kind(result->root) != ValueKind::kTuple) return 0;
  const absl::Span<const NodeId> parts = graph.items(result->root);
  if (parts.size() != 3 || graph.kind(parts[0]) != ValueKind::kInt ||
      graph.kind(parts[1]) != ValueKind::kStr || !graph.is_global(parts[2])) {
    return 0;
  }
  const auto type = torch::StorageTypeFromClass(graph.global(parts[2]).name);
  return type.has_value() ? ElementSizeBytes(type->dtype) : 0;
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
