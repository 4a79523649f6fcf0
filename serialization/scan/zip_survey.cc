// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/zip_survey.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

using zip::kLocalHeaderBytes;

constexpr size_t kMaxOddities = 1000;

// A data descriptor has 12 to 24 bytes.
constexpr uint64_t kMaxDescriptorBytes = 24;

// Extra fields with sizes, times and owners take less than this. Padding may be
// longer.
constexpr uint64_t kMaxUsualExtraBytes = 128;

// Deflate expands one byte to at most 1032 bytes (zlib's technical details).
constexpr uint64_t kMaxExpansion = 1032;

// What the directory says about a record.
struct Entry {
  uint64_t header_offset = 0;  // in the file
  uint64_t end = 0;            // of the contents, in the file; 0 if unknown
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc32 = 0;
};

// What is wrong with a name; empty if nothing is.
absl::string_view NameFault(absl::string_view name) {
  if (name.empty()) return "its name is empty";
  if (name.find('\0') != absl::string_view::npos) {
    return "its name contains a NUL, where some readers end it";
  }
  const bool has_drive =
      name.size() >= 2 && absl::ascii_isalpha(name[0]) && name[1] == ':';
  if (name[0] == '/' || name[0] == '\\' || has_drive) {
    return "its name is an absolute path, which leads out of the folder into "
           "which the archive is extracted";
  }
  for (const absl::string_view part :
       absl::StrSplit(name, absl::ByAnyChar("/\\"))) {
    if (part == "..") {
      return "its name contains \"..\", which leads out of the folder into "
             "which the archive is extracted";
    }
  }
  if (name.find('\\') != absl::string_view::npos) {
    return "its name contains a backslash, which some readers take for a slash";
  }
  return {};
}

// The memory that an entry takes besides its name: its places in the two lists,
// in two sets of names and in the order of the entries. Lists and sets that
// grow take twice as much.
constexpr uint64_t kMemoryPerEntry = sizeof(SurveyedRecord) + sizeof(Entry) +
                                     2 * sizeof(std::string) + sizeof(size_t);

class Surveyor {
 public:
  Surveyor(const RandomAccessFile& file, const zip::ZipEnd& end)
      : file_(file), end_(end), archive_offset_(end.archive_offset()) {}

  absl::StatusOr<ZipSurvey> Run(Budget* budget);

 private:
  void Odd(absl::string_view record, absl::string_view what) {
    if (survey_.oddities.size() >= kMaxOddities) return;
    survey_.oddities.push_back({std::string(record), std::string(what)});
  }
  // Takes the sizes and the offset that do not fit in 32 bits from the zip64
  // field.
  bool ReadZip64(absl::string_view extra, SurveyedRecord* record,
                 uint64_t* offset) const;
  // Reads the entry at `next`, and advances `next`. Returns false if the
  // directory is damaged there.
  bool ReadEntry(absl::string_view bytes, uint64_t* next);
  void CheckNames();
  absl::Status CheckLocalHeader(size_t i);
  absl::Status CheckLocalExtra(absl::string_view record, uint64_t begin,
                               uint64_t size);
  absl::Status CheckGaps();

  const RandomAccessFile& file_;
  const zip::ZipEnd& end_;
  const uint64_t archive_offset_;
  ZipSurvey survey_;
  std::vector<Entry> entries_;  // parallel to the records
  uint64_t extra_bytes_ = 0;    // of the long extra fields so far
};

bool Surveyor::ReadZip64(absl::string_view extra, SurveyedRecord* record,
                         uint64_t* offset) const {
  uint64_t* const values[] = {&record->contents_bytes, &record->encoded_bytes,
                              offset};
  const bool is_wanted =
      std::any_of(std::begin(values), std::end(values),
                  [](const uint64_t* value) { return *value == 0xFFFFFFFF; });
  if (!is_wanted) return true;
  while (extra.size() >= 4) {
    const uint16_t id = Load16(extra.data());
    const uint16_t size = Load16(extra.data() + 2);
    extra.remove_prefix(4);
    if (size > extra.size()) return false;
    absl::string_view field = extra.substr(0, size);
    extra.remove_prefix(size);
    if (id != zip::kZip64ExtraId) continue;
    for (uint64_t* const value : values) {
      if (*value != 0xFFFFFFFF) continue;
      if (field.size() < 8) return false;
      *value = Load64(field.data());
      field.remove_prefix(8);
    }
    return true;
  }
  return false;
}

bool Surveyor::ReadEntry(absl::string_view bytes, uint64_t* next) {
  bytes.remove_prefix(*next);
  if (bytes.size() < zip::kCentralHeaderBytes ||
      Load32(bytes.data()) != zip::kCentralHeaderSignature) {
    return false;
  }
  const uint64_t name_bytes = Load16(bytes.data() + 28);
  const uint64_t extra_bytes = Load16(bytes.data() + 30);
  const uint64_t size = zip::kCentralHeaderBytes + name_bytes + extra_bytes +
                        Load16(bytes.data() + 32);
  if (bytes.size() < size) return false;
  *next += size;

  SurveyedRecord record;
  Entry entry;
  record.name = std::string(bytes.substr(zip::kCentralHeaderBytes, name_bytes));
  entry.flags = Load16(bytes.data() + 8);
  entry.method = Load16(bytes.data() + 10);
  entry.crc32 = Load32(bytes.data() + 16);
  record.encoded_bytes = Load32(bytes.data() + 20);
  record.contents_bytes = Load32(bytes.data() + 24);
  uint64_t offset = Load32(bytes.data() + 42);
  if (!ReadZip64(
          bytes.substr(zip::kCentralHeaderBytes + name_bytes, extra_bytes),
          &record, &offset)) {
    record.unreadable = "it has no zip64 field for its sizes";
  } else if ((entry.flags & zip::kEncryptedFlags) != 0) {
    record.unreadable = "it is encrypted";
  } else if (entry.method == zip::kDeflated) {
    record.encoding = Encoding::kDeflated;
    if (record.contents_bytes / kMaxExpansion > record.encoded_bytes) {
      Odd(record.name,
          absl::StrCat("it claims to inflate from ", record.encoded_bytes,
                       " to ", record.contents_bytes,
                       " bytes, more than deflate can"));
    }
  } else if (entry.method != zip::kStored) {
    record.unreadable =
        absl::StrCat("it is compressed by method ", entry.method,
                     "; only 0 (stored) and 8 (deflated) are supported");
  } else if (record.encoded_bytes != record.contents_bytes) {
    Odd(record.name,
        "it has two different sizes, although it is not "
        "compressed");
  }
  const uint64_t limit = end_.records_offset;
  if (offset > limit - archive_offset_) {
    if (record.unreadable.empty()) {
      record.unreadable = "it begins past the end of the archive";
    }
    entry.header_offset = limit;
  } else {
    entry.header_offset = archive_offset_ + offset;
  }
  const absl::string_view fault = NameFault(record.name);
  if (!fault.empty()) Odd(record.name, fault);
  if (absl::EndsWith(record.name, "/") && record.contents_bytes != 0) {
    Odd(record.name, "it is a folder, but has contents");
  }
  survey_.records.push_back(std::move(record));
  entries_.push_back(entry);
  return true;
}

void Surveyor::CheckNames() {
  HashSet<std::string> names, folded_names;
  for (const SurveyedRecord& record : survey_.records) {
    const bool is_new = names.insert(std::string(record.name)).second;
    const bool is_new_folded =
        folded_names.insert(absl::AsciiStrToLower(record.name)).second;
    if (!is_new) {
      Odd(record.name,
          "another record has the same name, and readers differ "
          "in which one they take");
    } else if (!is_new_folded) {
      Odd(record.name,
          "another record has the same name except for upper and "
          "lower case, which PyTorch ignores");
    }
  }
}

absl::Status Surveyor::CheckLocalExtra(absl::string_view record, uint64_t begin,
                                       uint64_t size) {
  const uint64_t limit = end_.records_offset;
  if (begin > limit || limit - begin < size) return absl::OkStatus();
  // Those of an honest archive do not overlap.
  extra_bytes_ += size;
  std::string bytes(extra_bytes_ > file_.size_bytes() ? 0 : size, '\0');
  FERRY_RETURN_IF_ERROR(file_.ReadAt(begin, absl::MakeSpan(bytes)));
  uint64_t other_bytes = size - bytes.size();
  absl::string_view rest = bytes;
  while (rest.size() >= 4) {
    const uint64_t field_bytes =
        std::min<uint64_t>(4 + Load16(rest.data() + 2), rest.size());
    const absl::string_view contents = rest.substr(4, field_bytes - 4);
    rest.remove_prefix(field_bytes);
    // Padding is one byte again and again.
    if (!contents.empty() &&
        contents.find_first_not_of(contents[0]) != absl::string_view::npos) {
      other_bytes += contents.size();
    }
  }
  if (other_bytes > kMaxUsualExtraBytes) {
    Odd(record, absl::StrCat("its local header has an extra field of ", size,
                             " bytes, which is more than sizes and padding"));
  }
  return absl::OkStatus();
}

absl::Status Surveyor::CheckLocalHeader(size_t i) {
  SurveyedRecord& record = survey_.records[i];
  Entry& entry = entries_[i];
  const auto unreadable = [&record](absl::string_view why) {
    if (record.unreadable.empty()) record.unreadable = std::string(why);
    return absl::OkStatus();
  };
  const uint64_t limit = end_.records_offset;
  if (limit - entry.header_offset < kLocalHeaderBytes) {
    return unreadable("its local header is cut short");
  }
  // With the name: usually as long as in the directory.
  std::string header(std::min(kLocalHeaderBytes + record.name.size(),
                              limit - entry.header_offset),
                     '\0');
  FERRY_RETURN_IF_ERROR(
      file_.ReadAt(entry.header_offset, absl::MakeSpan(header)));
  const char* const bytes = header.data();
  if (Load32(bytes) != zip::kLocalHeaderSignature) {
    Odd(record.name, "there is no local header where the directory says");
    return unreadable("there is no local header where the directory says");
  }
  const uint64_t name_bytes = Load16(bytes + 26);
  const uint64_t begin =
      entry.header_offset + kLocalHeaderBytes + name_bytes + Load16(bytes + 28);
  if (name_bytes != record.name.size() ||
      header.substr(kLocalHeaderBytes, name_bytes) != record.name) {
    Odd(record.name, "its local header has another name");
  }
  const uint64_t extra_bytes = Load16(bytes + 28);
  if (extra_bytes > kMaxUsualExtraBytes) {
    FERRY_RETURN_IF_ERROR(CheckLocalExtra(
        record.name, entry.header_offset + kLocalHeaderBytes + name_bytes,
        extra_bytes));
  }
  if (Load16(bytes + 8) != entry.method) {
    Odd(record.name, "its local header has another compression method");
  }
  if (((Load16(bytes + 6) ^ entry.flags) & zip::kEncryptedFlags) != 0) {
    Odd(record.name, "only one of its two headers says that it is encrypted");
  }
  // Zeros stand for what a descriptor behind the contents says, and 0xFFFFFFFF
  // for what the zip64 field says.
  const auto differs = [](uint32_t local, uint64_t listed, bool may_be_zero) {
    if (local == 0xFFFFFFFF || (local == 0 && may_be_zero)) return false;
    return local != listed;
  };
  const bool has_descriptor =
      (Load16(bytes + 6) & zip::kDataDescriptorFlag) != 0;
  if (differs(Load32(bytes + 18), record.encoded_bytes, has_descriptor) ||
      differs(Load32(bytes + 22), record.contents_bytes, has_descriptor)) {
    Odd(record.name, "its local header has another size");
  }
  if (differs(Load32(bytes + 14), entry.crc32, /*may_be_zero=*/true)) {
    Odd(record.name, "its local header has another checksum");
  }
  if (begin > limit || limit - begin < record.encoded_bytes) {
    return unreadable("its contents reach past the end of the archive");
  }
  record.contents_offset_bytes = begin;
  entry.end = begin + record.encoded_bytes;
  return absl::OkStatus();
}

// Looks at what lies between the records, from the beginning of the archive to
// its directory.
absl::Status Surveyor::CheckGaps() {
  std::vector<size_t> order;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].end != 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return entries_[a].header_offset < entries_[b].header_offset;
  });
  uint64_t end = archive_offset_;  // of the records so far
  bool may_have_descriptor = false;
  const auto check_gap = [&](uint64_t next) {
    const uint64_t gap = next - end;
    if (gap == 0 || (may_have_descriptor && gap <= kMaxDescriptorBytes)) {
      return absl::OkStatus();
    }
    char head[4] = {};
    if (gap >= sizeof(head)) {
      FERRY_RETURN_IF_ERROR(file_.ReadAt(end, absl::MakeSpan(head)));
    }
    Odd("", absl::StrCat(
                Load32(head) == zip::kLocalHeaderSignature
                    ? "a record that the directory does not list is at offset "
                    : "bytes that belong to no record are at offset ",
                end));
    return absl::OkStatus();
  };
  for (const size_t i : order) {
    const Entry& entry = entries_[i];
    if (entry.header_offset < end) {
      Odd(survey_.records[i].name,
          absl::StrCat("it begins at offset ", entry.header_offset,
                       ", inside another record"));
    } else {
      FERRY_RETURN_IF_ERROR(check_gap(entry.header_offset));
    }
    if (entry.end > end) {
      end = entry.end;
      may_have_descriptor = (entry.flags & zip::kDataDescriptorFlag) != 0;
    }
  }
  const uint64_t directory = archive_offset_ + end_.directory_offset;
  if (end > directory) {
    Odd("", "records overlap the directory");
    return absl::OkStatus();
  }
  return check_gap(directory);
}

absl::StatusOr<ZipSurvey> Surveyor::Run(Budget* budget) {
  // Each name is copied three times: into its record, and to compare it.
  const uint64_t max_entries = std::min(
      end_.num_entries, end_.directory_bytes / zip::kCentralHeaderBytes);
  FERRY_RETURN_IF_ERROR(budget->ChargeMemory(
      4 * end_.directory_bytes + 2 * max_entries * kMemoryPerEntry));
  std::string bytes(end_.directory_bytes, '\0');
  FERRY_RETURN_IF_ERROR(file_.ReadAt(archive_offset_ + end_.directory_offset,
                                     absl::MakeSpan(bytes)));
  uint64_t next = 0;
  for (uint64_t i = 0; i < end_.num_entries; ++i) {
    if (ReadEntry(bytes, &next)) continue;
    if (i == 0) {
      return absl::DataLossError(
          absl::StrCat(file_.name(),
                       ": there is no central directory where the end record "
                       "of the zip archive says"));
    }
    survey_.damage = absl::StrCat("the central directory is damaged after ", i,
                                  " of ", end_.num_entries, " records");
    break;
  }
  if (survey_.damage.empty() && next != bytes.size()) {
    // Readers that go by the size would list more records.
    Odd("", absl::StrCat("the central directory has ", bytes.size(),
                         " bytes, but its ", end_.num_entries, " records take ",
                         next));
  }
  CheckNames();
  for (size_t i = 0; i < entries_.size(); ++i) {
    FERRY_RETURN_IF_ERROR(CheckLocalHeader(i));
  }
  FERRY_RETURN_IF_ERROR(CheckGaps());
  return std::move(survey_);
}

}  // namespace

absl::StatusOr<ZipSurvey> SurveyZip(const RandomAccessFile& file,
                                    const zip::ZipEnd& end, Budget* budget) {
  return Surveyor(file, end).Run(budget);
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
