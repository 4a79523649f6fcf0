// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/scan/file_part.h"
#include "ferry/serialization/scan/file_scan.h"
#include "ferry/serialization/scan/global_grade.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

using pickle::GlobalUse;
using pickle::PickleScan;
using pickle::ScannedGlobal;

// The most pickles that are examined in a stream that is not a legacy stream.
constexpr int kMaxPickles = 1000;

// The longest first pickle that is looked at as the magic number of a legacy
// stream. Writers need 15 bytes.
constexpr uint64_t kMaxMagicBytes = uint64_t{1} << 20;

// Whether a name could be that of a Python module or class.
bool IsDotted(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == '.';
  });
}

// Whether bytes that are not known to be a pickle are one that matters. Most
// bytes are a few opcodes, by chance, and then an error.
bool IsGenuine(const PickleScan& scan, bool has_proto) {
  if (scan.has_calls || scan.is_out_of_step) return true;
  const bool is_sound =
      scan.is_complete && (scan.fault.ok() || scan.has_only_short_frame);
  for (const ScannedGlobal& global : scan.globals) {
    if (global.form != ScannedGlobal::Form::kNamed) {
      if (is_sound) return true;
      continue;
    }
    if (!IsDotted(global.module) || !IsDotted(global.name)) continue;
    if (has_proto || is_sound || global.uses_of(GlobalUse::kCalled).count > 0 ||
        GradeGlobal(global.module, global.name).grade !=
            GlobalGrade::kUnknown) {
      return true;
    }
  }
  return false;
}

}  // namespace

void FileScan::Report(const PickleScan& scan, const RandomAccessFile& file,
                      const std::string& record, int depth) {
  ++report_.num_pickles;
  for (const ScannedGlobal& global : scan.globals) {
    findings_.Global(global, record);
  }
  if (!scan.fault.ok()) Problem(record, scan.fault);
  for (const PickleLiteral& literal : scan.nested) {
    ScanLiteral(literal, file, record, depth);
  }
  if (scan.is_complete && scan.next_offset_bytes > scan.end_offset_bytes) {
    // Python goes on behind the frame.
    const uint64_t next = scan.next_offset_bytes;
    const std::string name = Inside(record, absl::StrCat("bytes at ", next));
    if (depth >= kMaxScanDepth) {
      return Problem(name, "it is nested too deeply, and was not examined");
    }
    Sniff(FilePart(file, next, file.size_bytes() - next), name, depth + 1);
  }
}

PickleScan FileScan::ScanOne(const RandomAccessFile& file, uint64_t at) {
  PickleScan scan =
      pickle::ScanPickle(file, at, file.size_bytes(), meter_.budget());
  meter_.EndIfSpent(scan.fault);
  return scan;
}

bool FileScan::MayBePickle(const RandomAccessFile& file, uint64_t at,
                           const std::string& record) {
  if (meter_.is_over()) return false;
  pickle::PickleStream stream(file, at, file.size_bytes(), meter_.budget());
  // PyTorch resolves no persistent ids at the beginning of a file, but does in
  // members of tar archives, and others may in any record.
  const absl::StatusOr<bool> may = stream.MayLookUpGlobal(
      record.empty() && at == 0 ? pickle::PersistentIds::kRefused
                                : pickle::PersistentIds::kResolved);
  if (!may.ok()) Problem(record, may.status());
  return may.ok() && *may;
}

void FileScan::ScanLiteral(const PickleLiteral& literal,
                           const RandomAccessFile& file,
                           const std::string& record, int depth) {
  const std::string name =
      Inside(record, absl::StrCat("bytes at ", literal.offset_bytes));
  if (depth >= kMaxScanDepth) {
    return Problem(name, "it is nested too deeply, and was not examined");
  }
  if (literal.encoding == PickleLiteral::Encoding::kBytes) {
    return Sniff(FilePart(file, literal.offset_bytes, literal.size_bytes), name,
                 depth + 1);
  }
  // Pays for the text, and for the bytes that it stands for.
  if (!meter_.ChargeMemory(2 * literal.size_bytes).ok()) return;
  absl::StatusOr<std::string> text =
      pickle::ReadLiteral(file, literal, literal.size_bytes);
  if (!text.ok()) return;  // as text it was refused already
  // Below protocol 3, Python writes bytes as text with a character for each
  // byte.
  std::string bytes;
  bytes.reserve(text->size());
  for (size_t i = 0; i < text->size(); ++i) {
    const auto c = static_cast<unsigned char>((*text)[i]);
    if ((c == 0xC2 || c == 0xC3) && i + 1 < text->size()) {
      bytes.push_back(static_cast<char>((c << 6) | ((*text)[++i] & 0x3F)));
    } else {
      bytes.push_back(static_cast<char>(c));
    }
  }
  const auto memory = MakeMemoryFile(bytes, file.name());
  Sniff(MeteredFile(*memory, &meter_), name, depth + 1);
}

bool FileScan::ScanPickles(const RandomAccessFile& file, bool expected,
                           const std::string& record, int depth) {
  if (meter_.is_over()) return true;
  const PickleScan first = ScanOne(file, 0);
  char head[2] = {};
  const uint64_t head_bytes =
      std::min<uint64_t>(sizeof(head), first.end_offset_bytes);
  const bool has_head = file.ReadAt(0, absl::MakeSpan(head, head_bytes)).ok();
  const absl::string_view start(head, has_head ? head_bytes : 0);
  const bool is_legacy = IsLegacyMagic(file, first);
  if (!expected && !is_legacy && !IsGenuine(first, BeginsWithProto(start)) &&
      !HasGenuineRest(file, first)) {
    return false;
  }
  Report(first, file, record, depth);
  if (!first.is_complete || first.end_offset_bytes == file.size_bytes()) {
    return true;
  }
  if (is_legacy) {
    ScanLegacyRest(file, first.end_offset_bytes, record, depth);
  } else {
    ScanBareRest(file, first.end_offset_bytes, record, depth);
  }
  return true;
}

// PyTorch looks at the number alone, however the pickle comes to it.
bool FileScan::IsLegacyMagic(const RandomAccessFile& file,
                             const PickleScan& scan) {
  if (!scan.is_complete || !scan.fault.ok() || !scan.globals.empty() ||
      scan.end_offset_bytes > kMaxMagicBytes) {
    return false;
  }
  if (!meter_.ChargeMemory(scan.end_offset_bytes).ok()) return false;
  std::string bytes(scan.end_offset_bytes, '\0');
  if (!file.ReadAt(0, absl::MakeSpan(bytes)).ok()) return false;
  ObjectGraph graph;
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, meter_.budget(), nullptr, &graph);
  meter_.EndIfSpent(result.status());
  return result.ok() && torch::IsLegacyMagic(graph, result->root);
}

bool FileScan::HasGenuineRest(const RandomAccessFile& file,
                              const PickleScan& first) {
  bool is_complete = first.is_complete;
  uint64_t at = first.end_offset_bytes;
  for (int i = 0; is_complete && at < file.size_bytes(); ++i) {
    if (i == kMaxPickles || meter_.is_over()) return true;
    const PickleScan scan = ScanOne(file, at);
    if (IsGenuine(scan, /*has_proto=*/false)) return true;
    is_complete = scan.is_complete && scan.fault.ok();
    at = scan.end_offset_bytes;
  }
  return false;
}

void FileScan::ScanLegacyRest(const RandomAccessFile& file, uint64_t at,
                              const std::string& record, int depth) {
  // torch.load reads a magic number, the protocol, the machine, the objects and
  // the keys of the storages, all of them pickles.
  for (int i = 1; i < 5; ++i) {
    const PickleScan scan = ScanOne(file, at);
    Report(scan, file, record, depth);
    if (!scan.is_complete) return;
    at = scan.end_offset_bytes;
  }
  ContainerOptions options;
  options.budget = meter_.budget();
  const absl::StatusOr<ParsedCheckpoint> parsed =
      torch::ReadLegacyStream(file, options);
  if (!parsed.ok()) return Problem(record, parsed.status());
  if (parsed->end_offset_bytes >= file.size_bytes()) return;
  const uint64_t end = parsed->end_offset_bytes;
  Odd(record, absl::StrCat(file.size_bytes() - end,
                           " bytes follow the legacy stream, at offset ", end));
  // Often another stream.
  if (depth >= kMaxScanDepth) {
    return Problem(record, absl::StrCat("the bytes at offset ", end,
                                        " follow too many other streams, and "
                                        "were not examined"));
  }
  Sniff(FilePart(file, end, file.size_bytes() - end),
        Inside(record, absl::StrCat("bytes at ", end)), depth + 1);
}

void FileScan::ScanBareRest(const RandomAccessFile& file, uint64_t at,
                            const std::string& record, int depth) {
  Odd(record,
      absl::StrCat(file.size_bytes() - at,
                   " bytes follow the STOP of the pickle, at offset ", at));
  if (!MayBePickle(file, at, record)) return;
  for (int i = 0; at < file.size_bytes(); ++i) {
    if (i == kMaxPickles) {
      return Problem(record, absl::StrCat("more than ", kMaxPickles,
                                          " pickles follow each other; the "
                                          "rest was not examined"));
    }
    if (meter_.is_over()) return;
    const PickleScan scan = ScanOne(file, at);
    const bool is_pickle = scan.is_complete && scan.fault.ok();
    if (!is_pickle && !IsGenuine(scan, /*has_proto=*/false)) return;
    Report(scan, file, record, depth);
    if (!scan.is_complete) return;
    at = scan.end_offset_bytes;
  }
}

void FileScan::CheckIsNoPickle(const RandomAccessFile& file,
                               absl::string_view format,
                               const std::string& record, int depth) {
  if (!MayBePickle(file, 0, record)) return;
  if (!ScanPickles(file, /*expected=*/false, record, depth)) return;
  Odd(record, absl::StrCat("the file is a ", format,
                           " and a pickle at once, and PyTorch may read it as "
                           "a pickle"));
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
