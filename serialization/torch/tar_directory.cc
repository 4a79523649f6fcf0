// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/tar_directory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

constexpr uint64_t kBlockBytes = 512;

// An archive is padded with zeros to a multiple of this.
constexpr uint64_t kTapeRecordBytes = 20 * kBlockBytes;

// No name and no list of attributes of an honest member is longer.
constexpr uint64_t kMaxAttributeBytes = uint64_t{1} << 20;

// Fields of a header: where they begin, and how long they are.
struct Field {
  size_t begin;
  size_t size;
};
constexpr Field kName = {0, 100};
constexpr Field kSize = {124, 12};
constexpr Field kChecksum = {148, 8};
constexpr size_t kTypeOffset = 156;
constexpr char kFolder = '5';
constexpr Field kMagic = {257, 5};
constexpr Field kPrefix = {345, 155};

absl::string_view Bytes(absl::string_view header, Field field) {
  return header.substr(field.begin, field.size);
}

absl::string_view Text(absl::string_view header, Field field) {
  const absl::string_view bytes = Bytes(header, field);
  return bytes.substr(0, bytes.find('\0'));
}

// Octal digits with blanks around them, or, for GNU, a number in base 256 after
// a byte 0x80.
std::optional<uint64_t> Number(absl::string_view field) {
  uint64_t value = 0;
  if (!field.empty() && field[0] == '\x80') {
    for (char c : field.substr(1)) {
      if (value >> 55 != 0) return std::nullopt;
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  while (!field.empty() && field[0] == ' ') field.remove_prefix(1);
  field = field.substr(0, field.find_first_of(absl::string_view(" \0", 2)));
  for (char c : field) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(c - '0');
  }
  return value;
}

// The sum of all bytes as `Byte`s, those of the sum itself counted as blanks.
template <typename Byte>
int64_t Sum(absl::string_view header) {
  int64_t sum = 0;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const bool is_of_sum = i - kChecksum.begin < kChecksum.size;
    sum += is_of_sum ? ' ' : static_cast<Byte>(header[i]);
  }
  return sum;
}

bool HasItsChecksum(absl::string_view header) {
  const std::optional<uint64_t> recorded = Number(Bytes(header, kChecksum));
  return recorded &&
         *recorded == static_cast<uint64_t>(Sum<unsigned char>(header));
}

// A number as Python's tarfile reads it (`nti`), which is more than any program
// writes: `int(field.strip(), 8)`, with a sign, a prefix "0o", and underscores,
// or a number in base 256 after a byte 0x80 or, if it is negative, 0xFF.
std::optional<int64_t> PythonNumber(absl::string_view field) {
  if (field[0] == '\x80' || field[0] == '\xFF') {
    int64_t value = field[0] == '\xFF' ? -1 : 0;
    for (char c : field.substr(1)) {
      value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8) |
              static_cast<unsigned char>(c);
    }
    return value;
  }
  const auto is_blank = [](char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
  };
  field = field.substr(0, field.find('\0'));
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  const bool is_negative = absl::ConsumePrefix(&field, "-");
  if (!is_negative) absl::ConsumePrefix(&field, "+");
  if (absl::StartsWithIgnoreCase(field, "0o")) field.remove_prefix(2);
  int64_t value = 0;
  for (char c : field) {
    if (c == '_') continue;
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + (c - '0');
  }
  return is_negative ? -value : value;
}

// What a header before a member's own says of it.
struct Attributes {
  std::optional<std::string> name;
  std::optional<uint64_t> size_bytes;
};

class Reader {
 public:
  Reader(const RandomAccessFile& file, Budget* budget)
      : file_(file), budget_(*budget) {}

  absl::StatusOr<std::vector<PlainRecord>> Run(uint64_t* end_offset_bytes);

 private:
  absl::Status Damaged(absl::string_view what) const {
    return absl::DataLossError(absl::StrCat(file_.name(),
                                            ": the tar header at "
                                            "offset ",
                                            offset_, " ", what));
  }
  absl::StatusOr<std::string> ReadText(uint64_t size) const;
  // Reads the attributes of a pax header. A global header may have only such as
  // say nothing about the contents of members.
  absl::Status ParsePax(absl::string_view text, bool is_global);
  // Sets the name of the next member. Readers differ in which of two names they
  // take.
  absl::Status SetName(std::string name);
  // Reads the header at offset_, and moves behind the member.
  absl::Status ReadMember(absl::string_view header);
  // Returns where the padding that begins at `offset_` ends.
  absl::StatusOr<uint64_t> FindEnd() const;

  const RandomAccessFile& file_;
  Budget& budget_;
  uint64_t offset_ = 0;
  Attributes next_;  // of the next member
  std::vector<PlainRecord> members_;
};

absl::StatusOr<std::string> Reader::ReadText(uint64_t size) const {
  if (size > kMaxAttributeBytes) {
    return Damaged(absl::StrCat("describes attributes of ", size, " bytes"));
  }
  std::string text(size, '\0');
  FERRY_RETURN_IF_ERROR(file_.ReadAt(offset_ + kBlockBytes,
                                     absl::MakeSpan(&text[0], text.size())));
  return text;
}

absl::Status Reader::SetName(std::string name) {
  if (next_.name) return Damaged("gives the next member a second name");
  next_.name = std::move(name);
  return absl::OkStatus();
}

// Lines "LENGTH KEY=VALUE\n", where LENGTH counts all of the line.
absl::Status Reader::ParsePax(absl::string_view text, bool is_global) {
  while (!text.empty() && text[0] != '\0') {
    const size_t blank = text.find(' ');
    size_t length = 0;
    if (blank == absl::string_view::npos ||
        !absl::SimpleAtoi(text.substr(0, blank), &length) ||
        length < blank + 2 || length > text.size() ||
        text[length - 1] != '\n') {
      return Damaged("has malformed attributes");
    }
    const absl::string_view line = text.substr(blank + 1, length - blank - 2);
    text.remove_prefix(length);
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) {
      return Damaged("has malformed attributes");
    }
    const absl::string_view key = line.substr(0, equals);
    const absl::string_view value = line.substr(equals + 1);
    uint64_t size = 0;
    const bool is_of_contents = key == "path" || key == "size";
    if ((is_global && is_of_contents) || absl::StartsWith(key, "GNU.sparse.")) {
      return Damaged(absl::StrCat("has the attribute ", QuoteForMessage(key),
                                  ", which is not supported there"));
    }
    if (key == "path") {
      FERRY_RETURN_IF_ERROR(SetName(std::string(value)));
    } else if (key == "size") {
      if (next_.size_bytes || !absl::SimpleAtoi(value, &size)) {
        return Damaged(next_.size_bytes ? "gives the next member a second size"
                                        : "has a malformed size");
      }
      next_.size_bytes = size;
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadMember(absl::string_view header) {
  if (!HasItsChecksum(header)) {
    return Damaged("does not match its checksum");
  }
  std::optional<uint64_t> size = Number(Bytes(header, kSize));
  if (!size) return Damaged("has a malformed size");
  const char type = header[kTypeOffset];
  const bool is_file = type == '0' || type == '\0' || type == '7';
  const bool is_attributes =
      type == 'x' || type == 'g' || type == 'L' || type == 'K' || type == 'X';
  if (!is_file && !is_attributes && type != kFolder) {
    return Damaged(
        "describes a link, a device, or a member of an unknown type");
  }
  if (!is_attributes && next_.size_bytes) size = next_.size_bytes;
  if (type == kFolder) size = 0;
  const uint64_t left = file_.size_bytes() - offset_ - kBlockBytes;
  if (*size > left) {
    return Damaged(absl::StrCat("describes a member of ", *size,
                                " bytes, but only ", left, " follow"));
  }
  if (type == 'x' || type == 'X' || type == 'g') {
    FERRY_ASSIGN_OR_RETURN(const std::string text, ReadText(*size));
    FERRY_RETURN_IF_ERROR(ParsePax(text, /*is_global=*/type == 'g'));
  } else if (type == 'L') {
    FERRY_ASSIGN_OR_RETURN(std::string text, ReadText(*size));
    FERRY_RETURN_IF_ERROR(SetName(text.substr(0, text.find('\0'))));
  } else if (!is_attributes) {
    if (is_file) {
      PlainRecord member;
      member.name = std::string(Text(header, kName));
      const absl::string_view prefix = Text(header, kPrefix);
      // Python takes the prefix whatever the magic string. Without a name, none
      // of the members that PyTorch opens comes of it.
      const bool has_magic = Bytes(header, kMagic) == "ustar";
      if (!prefix.empty() && (has_magic || !member.name.empty())) {
        member.name = absl::StrCat(prefix, "/", member.name);
      }
      if (next_.name) member.name = *next_.name;
      if (absl::EndsWith(member.name, "/")) {
        return Damaged("describes a file with the name of a folder");
      }
      member.offset_bytes = offset_ + kBlockBytes;
      member.size_bytes = *size;
      // A list that grows takes twice as much.
      FERRY_RETURN_IF_ERROR(
          budget_.ChargeMemory(2 * sizeof(PlainRecord) + member.name.size()));
      members_.push_back(std::move(member));
    }
    next_ = Attributes();
  }
  // The contents fill whole blocks; the last may be cut.
  const uint64_t padding = (kBlockBytes - *size % kBlockBytes) % kBlockBytes;
  offset_ += kBlockBytes + *size + std::min(padding, left - *size);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Reader::FindEnd() const {
  std::string zeros(std::min(kTapeRecordBytes, file_.size_bytes() - offset_),
                    '\0');
  FERRY_RETURN_IF_ERROR(
      file_.ReadAt(offset_, absl::MakeSpan(&zeros[0], zeros.size())));
  return offset_ +
         std::min<uint64_t>(zeros.find_first_not_of('\0'), zeros.size());
}

absl::StatusOr<std::vector<PlainRecord>> Reader::Run(
    uint64_t* end_offset_bytes) {
  char block[kBlockBytes];
  while (file_.size_bytes() - offset_ >= kBlockBytes) {
    FERRY_RETURN_IF_ERROR(
        file_.ReadAt(offset_, absl::MakeSpan(block, kBlockBytes)));
    const absl::string_view header(block, kBlockBytes);
    // Zeros end the archive.
    if (std::all_of(header.begin(), header.end(),
                    [](char c) { return c == '\0'; })) {
      FERRY_ASSIGN_OR_RETURN(*end_offset_bytes, FindEnd());
      return std::move(members_);
    }
    FERRY_RETURN_IF_ERROR(ReadMember(header));
  }
  // Without zeros, too, it can end; but not within a header.
  if (offset_ != file_.size_bytes()) return Damaged("is cut short");
  *end_offset_bytes = offset_;
  return std::move(members_);
}

}  // namespace

bool IsTar(absl::string_view head) {
  if (head.size() < kBlockBytes) return false;
  const std::optional<int64_t> recorded = PythonNumber(Bytes(head, kChecksum));
  return recorded && (*recorded == Sum<unsigned char>(head) ||
                      *recorded == Sum<signed char>(head));
}

bool HasTarMagic(absl::string_view head) {
  return head.size() >= kBlockBytes && Bytes(head, kMagic) == "ustar";
}

absl::StatusOr<std::vector<PlainRecord>> ReadTarDirectory(
    const RandomAccessFile& file, Budget* budget, uint64_t* end_offset_bytes) {
  return Reader(file, budget).Run(end_offset_bytes);
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
