// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/scan.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/text.h"
#include "ferry/io/inflate.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/encoding.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickle_scanner.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/safetensors/safetensors_reader.h"
#include "ferry/serialization/scan/global_grade.h"
#include "ferry/serialization/scan/program_scan.h"
#include "ferry/serialization/scan/zip_survey.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/serialization/torch/pickle_container.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/torch/tar_directory.h"
#include "ferry/serialization/zip/zip_end.h"
#include "ferry/value/object_graph.h"

namespace ferry {
namespace {

using pickle::GlobalUse;
using pickle::PickleLiteral;
using pickle::PickleScan;
using pickle::ScannedGlobal;
using scan::GlobalGrade;

constexpr uint64_t kHeadBytes = 512;

// What a file may cost: so much, and so many times its size. Records that
// overlap, or that deflate well, could otherwise cost any amount.
constexpr uint64_t kFloorBytes = uint64_t{64} << 20;
constexpr uint64_t kFactor = 32;

// Pickles of checkpoints deflate to a tenth. One that deflates much better is
// made to exhaust its readers.
constexpr uint64_t kMaxHonestRatio = 100;
constexpr uint64_t kMinBombBytes = uint64_t{8} << 20;

// The archives or streams one after another, and the pickles of a stream that
// is not of the legacy format, which are examined.
constexpr int kMaxConsecutive = 16;
constexpr int kMaxPickles = 1000;

// The longest first pickle that is looked at as the magic number of a legacy
// stream. Writers need 15 bytes.
constexpr uint64_t kMaxMagicBytes = uint64_t{1} << 20;

// The longest description of a storage in a tar archive. PyTorch needs about 60
// bytes.
constexpr uint64_t kMaxDescriptionBytes = uint64_t{1} << 16;

// The longest code of a program, and text with bytes in it, that is read into
// memory.
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;

// Oddities and problems that are listed. One damaged archive has many.
constexpr size_t kMaxOdd = 100;
constexpr size_t kMaxProblems = 100;

// The longest name of a record in a report.
constexpr size_t kMaxShownBytes = 1024;

// A part of a file, which must outlive it.
class Part final : public RandomAccessFile {
 public:
  Part(const RandomAccessFile& whole, uint64_t begin, uint64_t size)
      : whole_(whole), begin_(begin), size_(size) {}

  absl::string_view name() const override { return whole_.name(); }
  uint64_t size_bytes() const override { return size_; }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > size_ || out.size() > size_ - offset_bytes) {
      return absl::DataLossError(absl::StrCat("cannot read ", out.size(),
                                              " bytes at offset ", offset_bytes,
                                              ": there are ", size_));
    }
    return whole_.ReadAt(begin_ + offset_bytes, out);
  }
  const char* data() const override {
    return whole_.data() == nullptr ? nullptr : whole_.data() + begin_;
  }

 private:
  const RandomAccessFile& whole_;
  const uint64_t begin_;
  const uint64_t size_;
};

// The name of a record inside another one.
std::string Inside(absl::string_view record, absl::string_view name) {
  const std::string shown = Shorten(name, kMaxShownBytes);
  return record.empty() ? shown : absl::StrCat(record, " > ", shown);
}

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
  for (const ScannedGlobal& global : scan.globals) {
    if (global.form != ScannedGlobal::Form::kNamed) {
      if (scan.is_complete && scan.fault.ok()) return true;
      continue;
    }
    if (!IsDotted(global.module) || !IsDotted(global.name)) continue;
    if (has_proto || (scan.is_complete && scan.fault.ok()) ||
        global.uses_of(GlobalUse::kCalled).count > 0 ||
        scan::GradeGlobal(global.module, global.name).grade !=
            GlobalGrade::kUnknown) {
      return true;
    }
  }
  return false;
}

bool BeginsWithProto(absl::string_view head) {
  return head.size() >= 2 &&
         static_cast<unsigned char>(head[0]) == pickle::kProto &&
         static_cast<unsigned char>(head[1]) <= pickle::kHighestProtocol;
}

constexpr std::array<const char*, pickle::kNumGlobalUses> kUseNames = {
    "imported",      "called",    "result dropped",
    "result called", "state set", "changed"};

// What stands for TorchScript programs, and the functions with which the
// pickles of such an archive make lists of numbers and of tensors. They run
// nothing.
constexpr absl::string_view kProgram = "__torch__";
constexpr absl::string_view kProgramModule = "torch.jit._pickle";
constexpr absl::string_view kProgramFunctions[] = {
    "build_boollist",   "build_doublelist",     "build_intlist",
    "build_tensorlist", "build_tensor_from_id", "restore_type_tag",
};

class FileScan {
 public:
  FileScan(const RandomAccessFile& file, const ScanOptions& options)
      : file_(file), options_(options) {
    const uint64_t size = file.size_bytes();
    const uint64_t most = std::numeric_limits<uint64_t>::max();
    budget_ = size > (most - kFloorBytes) / kFactor
                  ? most
                  : kFactor * size + kFloorBytes;
    inflate_budget_ = budget_;
  }

  ScanReport Run();

 private:
  void Add(ScanFinding finding);
  void Odd(const std::string& record, absl::string_view detail) {
    ScanFinding finding;
    finding.grade = ScanGrade::kOdd;
    finding.record = record;
    finding.detail = std::string(detail);
    Add(std::move(finding));
  }
  void Problem(const std::string& record, absl::string_view what);
  // Charges the budget. Returns false if it is spent, which `Run` reports.
  bool Charge(uint64_t bytes);
  // Whether the options allow a global. A wildcard allows no dangerous one.
  bool IsAllowed(absl::string_view global, ScanGrade grade) const;

  // The functions below scan a file or the contents of a record. `depth` counts
  // the archives and pickles around it, and is never above kMaxScanDepth.

  // Scans a file in each way that PyTorch may read it. Returns the format, or
  // "" if there is none.
  std::string ScanAny(const RandomAccessFile& file, const std::string& record,
                      int depth);
  // Scans the archives at the end of the file. Returns an error if there is
  // none.
  absl::Status ScanZips(const RandomAccessFile& file, const std::string& record,
                        int depth);
  void ScanZip(const RandomAccessFile& file, const scan::ZipSurvey& survey,
               const std::string& record, int depth);
  void ScanZipRecord(const RandomAccessFile& file,
                     const scan::SurveyedRecord& entry,
                     const std::string& record, int depth);
  void ScanTar(const RandomAccessFile& file, const std::string& record,
               int depth);
  // Returns the size of an element of the storage that the pickle at `begin`
  // describes: a tuple of a key, a location and a class of storages. Returns 0
  // if it is anything else.
  uint64_t ElementSizeOf(const RandomAccessFile& file, uint64_t begin,
                         const PickleScan& scan);
  // Scans a member that alternates pickles and numbers.
  void ScanTarMember(const RandomAccessFile& file, bool is_storages,
                     const std::string& record, int depth);
  // Scans bytes that may be anything.
  void Sniff(const RandomAccessFile& file, const std::string& record,
             int depth);
  // Scans the pickles of a stream. If they are not `expected`, returns false
  // for bytes that only look like one.
  bool ScanPickles(const RandomAccessFile& file, bool expected,
                   const std::string& record, int depth);
  // Whether a pickle at the beginning of a file is the magic number of a legacy
  // stream.
  bool IsLegacyMagic(const RandomAccessFile& file, const PickleScan& scan);
  // Whether one of the pickles behind the first is genuine.
  bool HasGenuineRest(const RandomAccessFile& file, const PickleScan& first,
                      const std::string& record);
  // Scans what follows the first pickle, which ends at `at`.
  void ScanLegacyRest(const RandomAccessFile& file, uint64_t at,
                      const std::string& record, int depth);
  void ScanBareRest(const RandomAccessFile& file, uint64_t at,
                    const std::string& record, int depth);
  PickleScan ScanOne(const RandomAccessFile& file, uint64_t at,
                     const std::string& record);
  void Report(const PickleScan& scan, const RandomAccessFile& file,
              const std::string& record, int depth);
  void ReportGlobal(const ScannedGlobal& global, const std::string& record);
  void ScanLiteral(const PickleLiteral& literal, const RandomAccessFile& file,
                   const std::string& record, int depth);
  // Whether a pickle, at byte 0, may look up a global.
  bool MayBePickle(const RandomAccessFile& file, uint64_t at,
                   const std::string& record);
  // Scans a file that is also one of another format as a pickle.
  void CheckIsNoPickle(const RandomAccessFile& file, absl::string_view format,
                       const std::string& record, int depth);

  // Reads the contents of a record, at most `max_bytes`, and fewer if they are
  // damaged. Sets `status` to the error, if there is one.
  std::string Contents(const RandomAccessFile& file,
                       const scan::SurveyedRecord& entry, uint64_t max_bytes,
                       absl::Status* status);
  // Reads the contents of a record, at most `max_bytes` and what is left of the
  // budget. Anything less than all is a problem.
  std::string ReadRecord(const RandomAccessFile& file,
                         const scan::SurveyedRecord& entry, uint64_t max_bytes,
                         const std::string& record);

  void ReportProgram(const scan::ProgramScan& program,
                     const std::string& record);

  const RandomAccessFile& file_;
  const ScanOptions& options_;
  ScanReport report_;
  uint64_t more_problems_ = 0;
  size_t num_odd_ = 0;       // of the findings
  size_t num_globals_ = 0;   // the other findings
  bool has_unknown_ = true;  // whether a finding may be kUnknown
  uint64_t budget_;
  uint64_t inflate_budget_;
  bool is_spent_ = false;
  scan::ProgramScan* program_ =
      nullptr;  // of the archive that is being scanned
};

void FileScan::Add(ScanFinding finding) {
  const bool is_odd = finding.grade == ScanGrade::kOdd;
  size_t& listed = is_odd ? num_odd_ : num_globals_;
  const size_t most =
      is_odd ? std::min(kMaxOdd, options_.max_findings) : options_.max_findings;
  if (listed < most) {
    ++listed;
    report_.findings.push_back(std::move(finding));
    return;
  }
  ++report_.more_findings;
  if (finding.grade != ScanGrade::kDangerous || !has_unknown_) return;
  // It must not hide behind harmless ones.
  const auto last = std::find_if(
      report_.findings.rbegin(), report_.findings.rend(),
      [](const ScanFinding& f) { return f.grade == ScanGrade::kUnknown; });
  has_unknown_ = last != report_.findings.rend();
  if (has_unknown_) *last = std::move(finding);
}

void FileScan::Problem(const std::string& record, absl::string_view what) {
  if (report_.problems.size() >= kMaxProblems) {
    ++more_problems_;
    return;
  }
  // Readers begin their messages with the name of the file.
  absl::ConsumePrefix(&what, absl::StrCat(file_.name(), ": "));
  report_.problems.push_back(
      record.empty()
          ? std::string(what)
          : absl::StrCat("record ", QuoteForMessage(record), ": ", what));
}

bool FileScan::Charge(uint64_t bytes) {
  if (bytes <= budget_) {
    budget_ -= bytes;
    return true;
  }
  is_spent_ = true;
  return false;
}

bool FileScan::IsAllowed(absl::string_view global, ScanGrade grade) const {
  return std::any_of(
      options_.allowed_globals.begin(), options_.allowed_globals.end(),
      [global, grade](absl::string_view allowed) {
        if (!absl::ConsumeSuffix(&allowed, ".*")) return global == allowed;
        if (grade == ScanGrade::kDangerous) return false;
        return global == allowed || (absl::StartsWith(global, allowed) &&
                                     global[allowed.size()] == '.');
      });
}

void FileScan::ReportGlobal(const ScannedGlobal& global,
                            const std::string& record) {
  ScanFinding finding;
  const auto known = [](absl::string_view name) {
    return name.empty() ? absl::string_view("?") : name;
  };
  const bool is_changed = global.uses_of(GlobalUse::kChanged).count > 0;
  switch (global.form) {
    case ScannedGlobal::Form::kNamed: {
      finding.global = absl::StrCat(global.module, ".", global.name);
      const scan::GradedGlobal graded =
          scan::GradeGlobal(global.module, global.name);
      const bool is_listed = graded.grade == GlobalGrade::kAllowed;
      const bool is_dangerous = graded.grade == GlobalGrade::kDangerous;
      const bool is_allowed =
          is_listed ||
          IsAllowed(finding.global,
                    is_dangerous ? ScanGrade::kDangerous : ScanGrade::kUnknown);
      // What accompanies an allowed program in its archive.
      const bool is_of_program =
          IsAllowed(kProgram, ScanGrade::kUnknown) &&
          global.module == kProgramModule &&
          std::find(std::begin(kProgramFunctions), std::end(kProgramFunctions),
                    global.name) != std::end(kProgramFunctions);
      if (is_changed) {
        finding.grade = ScanGrade::kDangerous;
        finding.detail =
            "the pickle changes the class or module itself, for the whole "
            "program";
      } else if ((is_listed || is_of_program) &&
                 global.uses_of(GlobalUse::kResultCalled).count > 0) {
        finding.detail = "the pickle calls what it returns";
      } else if (is_allowed || is_of_program) {
        return;
      } else if (is_dangerous) {
        finding.grade = ScanGrade::kDangerous;
        finding.detail = absl::StrCat("it ", graded.reason);
      } else {
        finding.detail = "it is not on the list that weights_only allows";
      }
      break;
    }
    case ScannedGlobal::Form::kComputed:
      finding.grade = ScanGrade::kDangerous;
      finding.global =
          absl::StrCat(known(global.module), ".", known(global.name));
      finding.detail =
          "computed name: the pickle makes the name of what it looks up or "
          "calls while it is loaded";
      break;
    case ScannedGlobal::Form::kPersistentId:
      finding.global = "persistent id";
      if (is_changed) {
        finding.grade = ScanGrade::kDangerous;
        finding.detail =
            "the pickle changes what the loader returns for a persistent id, "
            "which may be a class, for the whole program";
        break;
      }
      if (IsAllowed(finding.global, finding.grade)) return;
      finding.detail =
          "the pickle calls what the loader returns for a persistent id: a "
          "class that the pickle names";
      break;
    case ScannedGlobal::Form::kExtension:
      finding.grade = ScanGrade::kDangerous;
      finding.global = absl::StrCat("copyreg extension ", global.name);
      if (IsAllowed(finding.global, finding.grade)) return;
      finding.detail =
          "only the program that loads the pickle knows what the number means";
      break;
  }
  finding.record = record;
  for (size_t i = 0; i < kUseNames.size(); ++i) {
    const ScannedGlobal::Uses& uses = global.uses[i];
    if (uses.count == 0) continue;
    finding.uses.push_back({kUseNames[i], uses.count, uses.offsets});
  }
  Add(std::move(finding));
}

void FileScan::Report(const PickleScan& scan, const RandomAccessFile& file,
                      const std::string& record, int depth) {
  ++report_.num_pickles;
  for (const ScannedGlobal& global : scan.globals) {
    ReportGlobal(global, record);
  }
  if (!scan.fault.ok()) Problem(record, scan.fault.message());
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
    Sniff(Part(file, next, file.size_bytes() - next), name, depth + 1);
  }
}

PickleScan FileScan::ScanOne(const RandomAccessFile& file, uint64_t at,
                             const std::string& record) {
  PickleScan scan = pickle::ScanPickle(file, at, file.size_bytes());
  Charge(scan.end_offset_bytes - at);
  return scan;
}

bool FileScan::MayBePickle(const RandomAccessFile& file, uint64_t at,
                           const std::string& record) {
  if (is_spent_) return false;
  Budget budget(BudgetOptions(), file.size_bytes());
  pickle::PickleStream stream(file, at, file.size_bytes(), &budget);
  const absl::StatusOr<bool> may = stream.MayLookUpGlobal();
  Charge(stream.offset() - at);
  if (!may.ok()) Problem(record, may.status().message());
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
    return Sniff(Part(file, literal.offset_bytes, literal.size_bytes), name,
                 depth + 1);
  }
  if (!Charge(literal.size_bytes)) return;
  if (literal.size_bytes > kMaxTextBytes) {
    return Problem(name, "it is too long, and was not examined");
  }
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
  Sniff(*MakeMemoryFile(bytes, file.name()), name, depth + 1);
}

bool FileScan::ScanPickles(const RandomAccessFile& file, bool expected,
                           const std::string& record, int depth) {
  if (is_spent_) return true;
  const PickleScan first = ScanOne(file, 0, record);
  char head[2] = {};
  const uint64_t head_bytes =
      std::min<uint64_t>(sizeof(head), first.end_offset_bytes);
  const bool has_head = file.ReadAt(0, absl::MakeSpan(head, head_bytes)).ok();
  const absl::string_view start(head, has_head ? head_bytes : 0);
  const bool is_legacy = IsLegacyMagic(file, first);
  if (!expected && !is_legacy && !IsGenuine(first, BeginsWithProto(start)) &&
      !HasGenuineRest(file, first, record)) {
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
  if (!Charge(scan.end_offset_bytes)) return false;
  std::string bytes(scan.end_offset_bytes, '\0');
  if (!file.ReadAt(0, absl::MakeSpan(bytes)).ok()) return false;
  Budget budget(BudgetOptions(), file.size_bytes());
  ObjectGraph graph;
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, &budget, nullptr, &graph);
  return result.ok() && torch::IsLegacyMagic(graph, result->root);
}

bool FileScan::HasGenuineRest(const RandomAccessFile& file,
                              const PickleScan& first,
                              const std::string& record) {
  bool is_complete = first.is_complete;
  uint64_t at = first.end_offset_bytes;
  for (int i = 0; is_complete && at < file.size_bytes(); ++i) {
    if (i == kMaxPickles || is_spent_) return true;
    const PickleScan scan = ScanOne(file, at, record);
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
    const PickleScan scan = ScanOne(file, at, record);
    Report(scan, file, record, depth);
    if (!scan.is_complete) return;
    at = scan.end_offset_bytes;
  }
  Budget budget(BudgetOptions(), file.size_bytes());
  ContainerOptions options;
  options.budget = &budget;
  const absl::StatusOr<ParsedCheckpoint> parsed =
      torch::ReadLegacyStream(file, options);
  if (!parsed.ok()) return Problem(record, parsed.status().message());
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
  Sniff(Part(file, end, file.size_bytes() - end),
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
    if (is_spent_) return;
    const PickleScan scan = ScanOne(file, at, record);
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

void FileScan::Sniff(const RandomAccessFile& file, const std::string& record,
                     int depth) {
  char buffer[kHeadBytes];
  const uint64_t size = std::min(file.size_bytes(), kHeadBytes);
  if (size == 0 || !Charge(size)) return;
  const absl::Status read = file.ReadAt(0, absl::MakeSpan(buffer, size));
  if (!read.ok()) return Problem(record, read.message());
  const absl::string_view head(buffer, size);
  if (absl::StartsWith(head, "PK\x03\x04") || torch::IsTar(head)) {
    if (depth >= kMaxScanDepth) {
      return Problem(record, "it is nested too deeply, and was not examined");
    }
    scan::ProgramScan* const outer = std::exchange(program_, nullptr);
    ScanAny(file, record, depth + 1);
    program_ = outer;
    return;
  }
  if (MayBePickle(file, 0, record)) {
    ScanPickles(file, /*expected=*/false, record, depth);
  }
}

std::string FileScan::Contents(const RandomAccessFile& file,
                               const scan::SurveyedRecord& entry,
                               uint64_t max_bytes, absl::Status* status) {
  std::string contents;
  if (entry.encoding == Encoding::kStored) {
    contents.resize(std::min(entry.encoded_bytes, max_bytes));
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
                                 const scan::SurveyedRecord& entry,
                                 uint64_t max_bytes,
                                 const std::string& record) {
  absl::Status status;
  std::string contents =
      Contents(file, entry, std::min(inflate_budget_, max_bytes), &status);
  inflate_budget_ -= contents.size();
  if (!status.ok()) {
    Problem(record, status.message());
  } else if (contents.size() < entry.contents_bytes) {
    Problem(record, absl::StrCat("of its ", entry.contents_bytes,
                                 " bytes, only the first ", contents.size(),
                                 " were examined, which is the limit"));
  }
  return contents;
}

void FileScan::ReportProgram(const scan::ProgramScan& program,
                             const std::string& record) {
  if (program.num_files() == 0) return;
  for (const auto& [name, count] : program.operators()) {
    ScanFinding finding;
    finding.global = name;
    finding.record = record;
    const bool is_alias = !absl::StrContains(name, "::");
    const bool is_dangerous = is_alias || absl::StartsWith(name, "aten::");
    if (is_dangerous) finding.grade = ScanGrade::kDangerous;
    if (IsAllowed(name, finding.grade)) continue;
    if (is_alias) {
      finding.detail =
          "the program gives it another name, by which it may call operators "
          "that read or write files";
    } else if (is_dangerous) {
      finding.detail = "an operator with which a program reads or writes files";
    } else {
      finding.detail = "an operator that does not come with PyTorch";
    }
    finding.uses.push_back({"called", count, {}});
    Add(std::move(finding));
  }
  if (IsAllowed(kProgram, ScanGrade::kUnknown)) return;
  ScanFinding finding;
  finding.global = std::string(kProgram);
  finding.record = record;
  finding.detail = absl::StrCat(
      "a TorchScript program of ", program.num_files(),
      program.num_files() == 1 ? " file" : " files",
      ", which runs when it is called, and in part when it is loaded");
  Add(std::move(finding));
}

void FileScan::ScanZipRecord(const RandomAccessFile& file,
                             const scan::SurveyedRecord& entry,
                             const std::string& record, int depth) {
  const std::string name = Inside(record, entry.name);
  if (!entry.unreadable.empty()) return Problem(name, entry.unreadable);
  if (entry.contents_bytes == 0 || is_spent_) return;
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
  std::unique_ptr<RandomAccessFile> contents;
  if (is_code) {
    bytes = ReadRecord(file, entry, kMaxTextBytes, name);
    if (Charge(bytes.size()) && program_ != nullptr) {
      program_->AddCode(bytes);
    }
    return;
  }
  if (!is_deflated) {
    contents = std::make_unique<Part>(file, entry.contents_offset_bytes,
                                      entry.encoded_bytes);
  } else {
    if (!is_pickle) {
      // Most are tensors, which are not inflated beyond their beginning.
      absl::Status status;
      const std::string head = Contents(file, entry, kHeadBytes, &status);
      if (!status.ok()) return Problem(name, status.message());
      const auto part = MakeMemoryFile(head, file.name());
      if (!absl::StartsWith(head, "PK\x03\x04") && !torch::IsTar(head) &&
          !BeginsWithProto(head) && !MayBePickle(*part, 0, name)) {
        return;
      }
    }
    bytes = ReadRecord(file, entry, inflate_budget_, name);
    if (bytes.empty()) return;
    contents = MakeMemoryFile(bytes, file.name());
  }
  if (is_pickle) {
    ScanPickles(*contents, /*expected=*/true, name, depth);
  } else {
    Sniff(*contents, name, depth);
  }
}

void FileScan::ScanZip(const RandomAccessFile& file,
                       const scan::ZipSurvey& survey, const std::string& record,
                       int depth) {
  for (const scan::ZipOddity& oddity : survey.oddities) {
    Odd(oddity.record.empty() ? record : Inside(record, oddity.record),
        oddity.what);
  }
  if (!survey.damage.empty()) Problem(record, survey.damage);
  scan::ProgramScan program;
  program_ = &program;
  for (const scan::SurveyedRecord& entry : survey.records) {
    ScanZipRecord(file, entry, record, depth);
  }
  program_ = nullptr;
  ReportProgram(program, record);
  const auto is_model = [](const scan::SurveyedRecord& entry) {
    const absl::string_view name = entry.name;
    return absl::EqualsIgnoreCase(name.substr(name.find('/') + 1),
                                  "model.json");
  };
  if (std::any_of(survey.records.begin(), survey.records.end(), is_model) &&
      !IsAllowed(kProgram, ScanGrade::kDangerous)) {
    ScanFinding finding;
    finding.grade = ScanGrade::kDangerous;
    finding.global = std::string(kProgram);
    finding.record = record;
    finding.detail =
        "a TorchScript program of PyTorch before 1.4 (model.json), which may "
        "have its code in any record; the operators that it calls were not "
        "examined";
    Add(std::move(finding));
  }
}

absl::Status FileScan::ScanZips(const RandomAccessFile& file,
                                const std::string& record, int depth) {
  uint64_t end_bytes = file.size_bytes();
  for (int i = 0; i < kMaxConsecutive; ++i) {
    const absl::StatusOr<zip::ZipEnd> end = zip::FindZipEnd(file, end_bytes);
    absl::StatusOr<scan::ZipSurvey> survey =
        end.ok() ? scan::SurveyZip(file, *end)
                 : absl::StatusOr<scan::ZipSurvey>(end.status());
    if (!survey.ok()) return i == 0 ? survey.status() : absl::OkStatus();
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

uint64_t FileScan::ElementSizeOf(const RandomAccessFile& file, uint64_t begin,
                                 const PickleScan& scan) {
  const uint64_t size = scan.end_offset_bytes - begin;
  if (scan.globals.size() != 1 || size > kMaxDescriptionBytes) return 0;
  std::string bytes(size, '\0');
  if (!file.ReadAt(begin, absl::MakeSpan(bytes)).ok()) return 0;
  Budget budget(BudgetOptions(), size);
  ObjectGraph graph;
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, &budget, nullptr, &graph);
  if (!result.ok() || graph.kind(result->root) != ValueKind::kTuple) return 0;
  const absl::Span<const NodeId> parts = graph.items(result->root);
  if (parts.size() != 3 || graph.kind(parts[0]) != ValueKind::kInt ||
      graph.kind(parts[1]) != ValueKind::kStr || !graph.is_global(parts[2])) {
    return 0;
  }
  const auto type = torch::StorageTypeFromClass(graph.global(parts[2]).name);
  return type.has_value() ? ElementSizeBytes(type->dtype) : 0;
}

void FileScan::ScanTarMember(const RandomAccessFile& file, bool is_storages,
                             const std::string& record, int depth) {
  // A number of entries, and for each one a pickle, then its numbers:
  // `legacy_load` in torch/serialization.py.
  uint64_t at = 0;
  for (bool is_count = true; at < file.size_bytes(); is_count = false) {
    if (is_spent_) return;
    const PickleScan scan = ScanOne(file, at, record);
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

void FileScan::ScanTar(const RandomAccessFile& file, const std::string& record,
                       int depth) {
  uint64_t end = 0;
  const absl::StatusOr<std::vector<PlainRecord>> members =
      torch::ReadTarDirectory(file, &end);
  if (!members.ok()) return Problem(record, members.status().message());
  std::map<absl::string_view, int> names;
  for (const PlainRecord& member : *members) {
    const std::string name = Inside(record, member.name);
    if (absl::StartsWith(member.name, "/") ||
        absl::StrContains(absl::StrCat("/", member.name, "/"), "/../")) {
      Odd(name,
          "its name leads out of the folder into which the archive is "
          "extracted");
    }
    if (++names[member.name] == 2) {
      Odd(name, "another member has the same name");
    }
    const Part contents(file, member.offset_bytes, member.size_bytes);
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
  if (end < file.size_bytes()) {
    Odd(record, absl::StrCat(file.size_bytes() - end,
                             " bytes follow the tar archive, at offset ", end));
  }
}

std::string FileScan::ScanAny(const RandomAccessFile& file,
                              const std::string& record, int depth) {
  char buffer[kHeadBytes];
  const uint64_t size = std::min(file.size_bytes(), kHeadBytes);
  const absl::Status read = file.ReadAt(0, absl::MakeSpan(buffer, size));
  if (!read.ok()) {
    Problem(record, read.message());
    return "file";
  }
  const absl::string_view head(buffer, size);
  const absl::Status zip = ScanZips(file, record, depth);
  const bool is_zip = absl::StartsWith(head, "PK\x03\x04");
  // An archive without records, which PyTorch does not take for one.
  const bool is_empty_zip = absl::StartsWith(head, "PK\x05\x06");
  if ((is_zip || is_empty_zip) && !zip.ok()) Problem(record, zip.message());
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
  Budget budget(BudgetOptions(), file.size_bytes());
  ContainerOptions options;
  options.budget = &budget;
  std::string format;
  if (torch::IsTar(head) || torch::HasTarMagic(head)) {
    format = "tar archive";
    ScanTar(file, record, depth);
    CheckIsNoPickle(file, format, record, depth);
  } else if (safetensors::LooksLikeSafetensors(head)) {
    format = "safetensors file";
    const absl::StatusOr<ParsedCheckpoint> parsed =
        safetensors::ReadSafetensors(file, options);
    if (!parsed.ok()) Problem(record, parsed.status().message());
    CheckIsNoPickle(file, format, record, depth);
  } else {
    const bool expected =
        BeginsWithProto(head) || torch::IsPickleContainer(file, options);
    if ((expected || MayBePickle(file, 0, record)) &&
        ScanPickles(file, expected, record, depth)) {
      format = "pickle";
    }
  }
  if (format.empty() && zip.ok()) format = "zip archive after other bytes";
  return format;
}

ScanReport FileScan::Run() {
  report_.format = ScanAny(file_, "", 0);
  if (is_spent_) {
    report_.problems.insert(
        report_.problems.begin(),
        absl::StrCat("the scan would read more than ", kFactor,
                     " times the size of the file, because its records overlap "
                     "or inflate; the rest was not examined"));
  }
  if (more_problems_ > 0) {
    report_.problems.push_back(
        absl::StrCat("and ", more_problems_, " more problems"));
  }
  return std::move(report_);
}

}  // namespace

const char* Name(ScanGrade grade) {
  switch (grade) {
    case ScanGrade::kUnknown:
      return "unknown";
    case ScanGrade::kDangerous:
      return "dangerous";
    case ScanGrade::kOdd:
      break;
  }
  return "odd";
}

const char* Name(ScanReport::Verdict verdict) {
  switch (verdict) {
    case ScanReport::Verdict::kClean:
      return "clean";
    case ScanReport::Verdict::kFound:
      return "found";
    case ScanReport::Verdict::kNotExamined:
      return "not examined";
    case ScanReport::Verdict::kNotACheckpoint:
      break;
  }
  return "not a checkpoint";
}

ScanReport::Verdict ScanReport::verdict() const {
  if (!findings.empty() || more_findings > 0) return Verdict::kFound;
  if (!problems.empty()) return Verdict::kNotExamined;
  return format.empty() ? Verdict::kNotACheckpoint : Verdict::kClean;
}

std::string ScanReport::Summary() const {
  switch (verdict()) {
    case Verdict::kClean:
      return "nothing outside the weights_only list was found";
    case Verdict::kNotExamined:
      return absl::StrCat("it could not be examined: ", problems[0]);
    case Verdict::kNotACheckpoint:
      return "it is not a checkpoint, and no pickle begins it";
    case Verdict::kFound:
      break;
  }
  if (findings.empty()) {
    return absl::StrCat(more_findings,
                        more_findings == 1 ? " finding" : " findings");
  }
  const auto worst = [this](ScanGrade grade) {
    return std::find_if(
        findings.begin(), findings.end(),
        [grade](const ScanFinding& finding) { return finding.grade == grade; });
  };
  auto first = worst(ScanGrade::kDangerous);
  if (first == findings.end()) first = worst(ScanGrade::kUnknown);
  if (first == findings.end()) first = findings.begin();
  const uint64_t more = findings.size() + more_findings - 1;
  return absl::StrCat(
      Name(first->grade), ": ",
      first->global.empty() ? ""
                            : absl::StrCat(EscapeForMessage(first->global),
                                           first->record.empty() ? "" : " in "),
      first->record.empty() ? "" : absl::StrCat(QuoteForMessage(first->record)),
      first->global.empty() && first->record.empty() ? "" : ": ", first->detail,
      more == 0 ? "" : absl::StrCat(" (and ", more, " more)"));
}

ScanReport ScanFile(const RandomAccessFile& file, const ScanOptions& options) {
  const uint64_t begin = std::min(options.offset_bytes, file.size_bytes());
  const Part part(file, begin,
                  std::min(options.size_bytes, file.size_bytes() - begin));
  ScanReport out_of_memory;
  try {
    out_of_memory.problems.emplace_back(OutOfMemoryError().message());
    return FileScan(part, options).Run();
  } catch (const std::bad_alloc&) {
    // A report without a problem would say something else.
    if (out_of_memory.problems.empty()) throw;
    return out_of_memory;
  }
}

}  // namespace ferry
