// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/zip_directory.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/zip/zip_end.h"
#include "ferry/serialization/zip/zip_format.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

// A name that no program would write, or that leads out of a folder.
bool IsOddName(absl::string_view name) {
  if (name.empty() || name[0] == '/' ||
      name.find('\\') != absl::string_view::npos ||
      name.find('\0') != absl::string_view::npos) {
    return true;
  }
  if (name.find("..") == absl::string_view::npos) return false;
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (part == "..") return true;
  }
  return false;
}

// Fills in what the zip64 extra field has for the values that are 0xFFFFFFFF.
bool ReadZip64Extra(absl::string_view extra, Extent* entry) {
  const bool wants_size = entry->contents_bytes == 0xFFFFFFFF;
  const bool wants_stored = entry->encoded_bytes == 0xFFFFFFFF;
  const bool wants_offset = entry->begin == 0xFFFFFFFF;
  if (!wants_size && !wants_stored && !wants_offset) return true;
  while (extra.size() >= 4) {
    const uint16_t id = Load16(extra.data());
    const uint16_t size = Load16(extra.data() + 2);
    extra.remove_prefix(4);
    if (size > extra.size()) return false;
    absl::string_view field = extra.substr(0, size);
    extra.remove_prefix(size);
    if (id != kZip64ExtraId) continue;
    const auto take = [&field](bool wanted, uint64_t* value) {
      if (!wanted) return true;
      if (field.size() < 8) return false;
      *value = Load64(field.data());
      field.remove_prefix(8);
      return true;
    };
    return take(wants_size, &entry->contents_bytes) &&
           take(wants_stored, &entry->encoded_bytes) &&
           take(wants_offset, &entry->begin);
  }
  return false;
}

}  // namespace

absl::StatusOr<ZipDirectory> ZipDirectory::Read(
    const RandomAccessFile& file, Budget* budget,
    const std::shared_ptr<PagePool>& page_pool) {
  FERRY_ASSIGN_OR_RETURN(const ZipEnd end, FindZipEnd(file, file.size_bytes()));
  if (end.archive_offset() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.name(), ": the zip archive begins at offset ",
                     end.archive_offset(), ", and other bytes come before it"));
  }
  // `FindZipEnd` has seen that both are less than the size of the file.
  absl::Status allocated = budget->ChargeMemory(
      end.directory_bytes + end.num_entries * sizeof(Extent));
  Memory memory;
  if (allocated.ok()) {
    allocated =
        AllocateHostMemory({end.directory_bytes}, {&memory, 1}, page_pool);
  }
  if (!allocated.ok()) {
    return absl::Status(allocated.code(),
                        absl::StrCat(file.name(), ": the central directory: ",
                                     allocated.message()));
  }
  const absl::Span<char> bytes(static_cast<char*>(memory.data),
                               end.directory_bytes);
  FERRY_RETURN_IF_ERROR(file.ReadAt(end.directory_offset, bytes));
  ZipDirectory directory(page_pool);
  directory.end_offset_ = end.end_offset;
  directory.comment_bytes_ = end.comment_bytes;
  absl::Status status = directory.ReadEntries(
      {bytes.data(), bytes.size()}, end.num_entries, end.directory_offset);
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(file.name(), ": ", status.message()));
  }
  return directory;
}

absl::Status ZipDirectory::ReadEntries(absl::string_view bytes,
                                       uint64_t num_entries,
                                       uint64_t directory_offset) {
  // `FindZipEnd` has seen that so many headers fit.
  const uint64_t most_name_bytes =
      bytes.size() - num_entries * kCentralHeaderBytes;
  memory_->Reserve(most_name_bytes + num_entries * sizeof(Extent));
  // So that they do not move. Names that take more leave no room for the
  // headers after them, and end in an error before anything is looked up.
  names_.reserve(most_name_bytes);
  entries_.reserve(num_entries);
  uint64_t next = 0;
  for (uint64_t i = 0; i < num_entries; ++i) {
    const char* const header = bytes.data() + next;
    const auto damaged = [&](absl::string_view what) {
      return absl::DataLossError(
          absl::StrCat("record ", i, " of the central directory ", what,
                       " (at offset ", directory_offset + next, ")"));
    };
    if (bytes.size() - next < kCentralHeaderBytes) {
      return damaged("is cut short");
    }
    if (Load32(header) != kCentralHeaderSignature) return damaged("is damaged");
    const uint16_t flags = Load16(header + 8);
    const uint16_t method = Load16(header + 10);
    const uint64_t name_bytes = Load16(header + 28);
    const uint64_t extra_bytes = Load16(header + 30);
    const uint64_t comment_bytes = Load16(header + 32);
    const uint64_t header_bytes =
        kCentralHeaderBytes + name_bytes + extra_bytes + comment_bytes;
    if (bytes.size() - next < header_bytes) return damaged("is cut short");
    Extent entry;
    const char* const name = header + kCentralHeaderBytes;
    names_.insert(names_.end(), name, name + name_bytes);
    entry.name = {names_.data() + names_.size() - name_bytes, name_bytes};
    entry.crc32 = Load32(header + 16);
    entry.encoded_bytes = Load32(header + 20);
    entry.contents_bytes = Load32(header + 24);
    entry.begin = Load32(header + 42);
    if (IsOddName(entry.name)) {
      return damaged(absl::StrCat("has the name ", QuoteForMessage(entry.name),
                                  ", which is unsafe or malformed"));
    }
    if (!ReadZip64Extra({name + name_bytes, extra_bytes}, &entry)) {
      return damaged("has no zip64 field for its sizes");
    }
    if ((flags & kEncryptedFlags) != 0) {
      return absl::UnimplementedError(
          absl::StrCat("record ", QuoteForMessage(entry.name),
                       ": it is encrypted, which is not supported"));
    }
    if (method != kStored && method != kDeflated) {
      return absl::UnimplementedError(
          absl::StrCat("record ", QuoteForMessage(entry.name),
                       ": it is compressed by method ", method,
                       "; supported are 0 (stored) and 8 (deflated)"));
    }
    if (method == kDeflated) entry.encoding = Encoding::kDeflated;
    if (method != kDeflated && entry.encoded_bytes != entry.contents_bytes) {
      return damaged("has two different sizes, although it is not compressed");
    }
    if (Load16(header + 34) != 0) return damaged("is on another disk");
    // PyTorch reads nothing of a folder, and gives out memory as it finds it.
    const bool is_folder = (Load32(header + 38) & kFolderAttribute) != 0 ||
                           absl::EndsWith(entry.name, "/");
    if (is_folder && entry.contents_bytes != 0) {
      return damaged("is a folder, but has contents");
    }
    entry.size_bytes = entry.contents_bytes;
    // The format has no mark for a missing checksum. PyTorch writes 0, so a 0
    // over bytes counts as missing.
    entry.has_crc32 = entry.crc32 != 0 || entry.contents_bytes == 0;
    entry.find_contents = CheckLocalHeader;
    entry.head_bytes = static_cast<uint32_t>(kLocalHeaderBytes + name_bytes);
    entries_.push_back(entry);
    next += header_bytes;
  }
  if (next != bytes.size()) {
    return absl::DataLossError(
        absl::StrCat("the central directory has ", bytes.size(),
                     " bytes, but its records take ", next, " (at offset ",
                     directory_offset, ")"));
  }
  FERRY_RETURN_IF_ERROR(IndexNames());
  FERRY_RETURN_IF_ERROR(CheckNames());
  return CheckExtents(directory_offset);
}

absl::Status ZipDirectory::IndexNames() {
  // Of a checkpoint nearly all records are storages, in one folder.
  absl::string_view folder;
  if (!entries_.empty()) {
    const absl::string_view name = entries_[entries_.size() / 2].name;
    folder = name.substr(0, name.rfind('/') + 1);
  }
  by_name_.emplace(folder);
  by_name_->Reserve(entries_.size());
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (by_name_->Insert(entries_[i].name, i).second) continue;
    return absl::DataLossError(absl::StrCat(
        "record ", i, " of the central directory has the name ",
        QuoteForMessage(entries_[i].name),
        ", as another record has (at offset ", entries_[i].begin, ")"));
  }
  return absl::OkStatus();
}

absl::Status ZipDirectory::CheckNames() const {
  // Names without capitals are the same as others only if they are equal.
  const bool has_upper =
      std::any_of(entries_.begin(), entries_.end(), [](const Extent& entry) {
        return std::any_of(entry.name.begin(), entry.name.end(), [](char c) {
          return absl::ascii_isupper(static_cast<unsigned char>(c));
        });
      });
  if (!has_upper) return absl::OkStatus();
  HashSet<std::string> lower_case;
  for (const Extent& entry : entries_) {
    if (lower_case.insert(absl::AsciiStrToLower(entry.name)).second) continue;
    return absl::DataLossError(absl::StrCat(
        "record ", QuoteForMessage(entry.name),
        ": another record has the same name except for upper and lower case"));
  }
  return absl::OkStatus();
}

// Gives each entry its end, and checks that it ends before the next begins.
absl::Status ZipDirectory::CheckExtents(uint64_t directory_offset) {
  std::vector<uint32_t> order(entries_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto begins_before = [this](uint32_t a, uint32_t b) {
    return entries_[a].begin < entries_[b].begin;
  };
  if (!std::is_sorted(order.begin(), order.end(), begins_before)) {
    std::sort(order.begin(), order.end(), begins_before);
  }
  uint64_t end = directory_offset;
  for (size_t i = order.size(); i-- > 0;) {
    Extent& entry = entries_[order[i]];
    const uint64_t head_bytes = kLocalHeaderBytes + entry.name.size();
    if (entry.begin > end || end - entry.begin < head_bytes ||
        end - entry.begin - head_bytes < entry.encoded_bytes) {
      return absl::DataLossError(absl::StrCat(
          "record ", QuoteForMessage(entry.name), ": it has ",
          entry.encoded_bytes, " bytes and does not fit between offsets ",
          entry.begin, " and ", end));
    }
    entry.end = end;
    end = entry.begin;
  }
  return absl::OkStatus();
}

const Extent* ZipDirectory::Find(absl::string_view name) const {
  const std::optional<uint32_t> found = by_name_->Find(name);
  return found ? &entries_[*found] : nullptr;
}

absl::StatusOr<uint64_t> CheckLocalHeader(const Extent& entry,
                                          absl::string_view header) {
  const auto damaged = [&](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat("record ", QuoteForMessage(entry.name), ": ", what,
                     " (at offset ", entry.begin, ")"));
  };
  if (header.size() < kLocalHeaderBytes ||
      Load32(header.data()) != kLocalHeaderSignature) {
    return damaged("there is no local header");
  }
  if (Load16(header.data() + 8) !=
      ((entry.encoding == Encoding::kDeflated ? kDeflated : kStored))) {
    return damaged("the local header gives another compression method");
  }
  const uint64_t name_bytes = Load16(header.data() + 26);
  const uint64_t extra_bytes = Load16(header.data() + 28);
  if (header.substr(kLocalHeaderBytes, name_bytes) != entry.name) {
    return damaged("the local header gives another name");
  }
  const uint64_t contents = kLocalHeaderBytes + name_bytes + extra_bytes;
  if (entry.end - entry.begin < contents ||
      entry.end - entry.begin - contents < entry.encoded_bytes) {
    return damaged("its contents reach into the next record");
  }
  return contents;
}

}  // namespace zip
}  // namespace v1
}  // namespace ferry
