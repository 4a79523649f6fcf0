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

// Python refuses a header if one of these numbers is malformed, and takes it
// for the end of the archive.
constexpr struct {
  Field field;
  const char* name;
} kNumbers[] = {
    {{100, 8}, "mode"},
    {{108, 8}, "owner"},
    {{116, 8}, "group"},
    {kSize, "size"},
    {{136, 12}, "time"},
    {{329, 8}, "major device number"},
    {{337, 8}, "minor device number"},
};

absl::string_view Bytes(absl::string_view header, Field field) {
  return header.substr(field.begin, field.size);
}

absl::string_view Text(absl::string_view header, Field field) {
  const absl::string_view bytes = Bytes(header, field);
  return bytes.substr(0, bytes.find('\0'));
}

// The sum of all bytes as `Byte`s, with blanks for those of the sum itself.
template <typename Byte>
int64_t Sum(absl::string_view header) {
  int64_t sum = 0;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const bool is_of_sum = i - kChecksum.begin < kChecksum.size;
    sum += is_of_sum ? ' ' : static_cast<Byte>(header[i]);
  }
  return sum;
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// A number in base 256, after a byte 0x80 or, if it is negative, 0xFF.
std::optional<int64_t> Base256(absl::string_view field) {
  int64_t value = field[0] == '\xFF' ? -1 : 0;
  for (char c : field.substr(1)) {
    if (value >> 55 != 0 && value >> 55 != -1) return std::nullopt;
    value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8) |
            static_cast<unsigned char>(c);
  }
  return value;
}

// Returns the value of a number in a header, exactly as Python's tarfile reads
// it (`nti`): `int(field.strip() or "0", 8)`, so with a sign, the prefix "0o",
// and single underscores between digits, or in base 256. Returns nothing if
// Python refuses it, or if it does not fit in 64 bits.
std::optional<int64_t> Number(absl::string_view field) {
  if (field[0] == '\x80' || field[0] == '\xFF') return Base256(field);
  const auto is_blank = [](char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
  };
  field = field.substr(0, field.find('\0'));
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  if (field.empty()) return 0;
  const bool is_negative = absl::ConsumePrefix(&field, "-");
  if (!is_negative) absl::ConsumePrefix(&field, "+");
  if (absl::StartsWithIgnoreCase(field, "0o")) {
    field.remove_prefix(2);
    absl::ConsumePrefix(&field, "_");
  }
  // At most 12 digits of 3 bits each.
  int64_t value = 0;
  bool after_digit = false;
  for (char c : field) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + (c - '0');
    after_digit = true;
  }
  if (!after_digit) return std::nullopt;
  return is_negative ? -value : value;
}

// Whether a number is written as programs write it: blanks, octal digits and
// blanks up to a NUL, or in base 256. Other programs than Python read all else
// in other ways.
bool IsUsual(absl::string_view field) {
  if (field[0] == '\x80' || field[0] == '\xFF') return true;
  field = field.substr(0, field.find('\0'));
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  const size_t end = field.find_first_not_of("01234567");
  if (end == absl::string_view::npos) return true;
  return field.find_first_not_of(' ', end) == absl::string_view::npos;
}

// What the headers before a member's own say about it.
struct Attributes {
  std::optional<std::string> name;
  std::optional<uint64_t> size_bytes;
  // Whether there are such headers.
  bool is_pending = false;
};

class Reader {
 public:
  Reader(const RandomAccessFile& file, Budget* budget, TarDirectory* directory)
      : file_(file), budget_(*budget), directory_(*directory) {}

  absl::Status Run();

 private:
  absl::Status Error(absl::StatusCode code, absl::string_view what) const {
    return absl::Status(
        code, absl::StrCat(file_.name(), ": the tar header at offset ", offset_,
                           " ", what));
  }
  absl::Status Damaged(absl::string_view what) const {
    return Error(absl::StatusCode::kDataLoss, what);
  }
  // Readers differ in how they understand the header.
  absl::Status Ambiguous(absl::string_view what) const {
    return Error(absl::StatusCode::kUnimplemented, what);
  }
  // Returns the contents of a header with attributes. The padding must be
  // zeros, because Python reads whole blocks, and others only `size` bytes.
  absl::StatusOr<std::string> ReadText(uint64_t size) const;
  // Reads the attributes of a pax header. A global header may only have such
  // that say nothing about the contents of members.
  absl::Status ParsePax(absl::string_view text, bool is_global);
  // Reads the name that a GNU header has for the next member.
  absl::Status ParseLongName(absl::string_view text);
  // Sets the name of the next member. Readers differ in which of two names they
  // take.
  absl::Status SetName(absl::string_view name);
  absl::Status AddMember(absl::string_view header, uint64_t size);
  // Reads the header at offset_, and advances past the member.
  absl::Status ReadHeader(absl::string_view header);
  // Returns where the padding that begins at `offset_` ends.
  absl::StatusOr<uint64_t> FindEnd() const;

  const RandomAccessFile& file_;
  Budget& budget_;
  TarDirectory& directory_;
  uint64_t offset_ = 0;
  Attributes next_;  // of the next member
};

absl::StatusOr<std::string> Reader::ReadText(uint64_t size) const {
  if (size > kMaxAttributeBytes) {
    return Damaged(absl::StrCat("describes attributes of ", size, " bytes"));
  }
  std::string text((size + kBlockBytes - 1) / kBlockBytes * kBlockBytes, '\0');
  FERRY_RETURN_IF_ERROR(file_.ReadAt(offset_ + kBlockBytes,
                                     absl::MakeSpan(&text[0], text.size())));
  if (text.find_first_not_of('\0', size) != std::string::npos) {
    return Ambiguous("has attributes that go on in the padding");
  }
  text.resize(size);
  return text;
}

absl::Status Reader::SetName(absl::string_view name) {
  if (next_.name) return Ambiguous("gives the next member a second name");
  next_.name = std::string(name);
  return absl::OkStatus();
}

absl::Status Reader::ParseLongName(absl::string_view text) {
  // Writers end it with one NUL, or none.
  absl::ConsumeSuffix(&text, absl::string_view("\0", 1));
  if (text.find('\0') != absl::string_view::npos) {
    return Ambiguous("has a long name with more bytes after its end");
  }
  return SetName(text);
}

// Lines "LENGTH KEY=VALUE\n", where LENGTH counts all of the line.
absl::Status Reader::ParsePax(absl::string_view text, bool is_global) {
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    size_t length = 0;
    if (blank == absl::string_view::npos || !IsDigits(text.substr(0, blank)) ||
        !absl::SimpleAtoi(text.substr(0, blank), &length) ||
        length < blank + 2 || length > text.size() ||
        text[length - 1] != '\n') {
      return Damaged("has malformed attributes");
    }
    const absl::string_view line = text.substr(blank + 1, length - blank - 2);
    text.remove_prefix(length);
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos || equals == 0) {
      return Damaged("has malformed attributes");
    }
    const absl::string_view key = line.substr(0, equals);
    const absl::string_view value = line.substr(equals + 1);
    uint64_t size = 0;
    const bool is_of_contents = key == "path" || key == "size";
    if ((is_global && is_of_contents) || absl::StartsWith(key, "GNU.sparse.")) {
      return Ambiguous(absl::StrCat("has the attribute ", QuoteForMessage(key),
                                    ", which is not supported there"));
    }
    if (key == "path") {
      FERRY_RETURN_IF_ERROR(SetName(value));
    } else if (key == "size") {
      if (next_.size_bytes) {
        return Ambiguous("gives the next member a second size");
      }
      if (!IsDigits(value) || !absl::SimpleAtoi(value, &size)) {
        return Damaged("has a malformed size");
      }
      next_.size_bytes = size;
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::AddMember(absl::string_view header, uint64_t size) {
  const bool is_folder = header[kTypeOffset] == kFolder;
  PlainRecord member;
  member.name = std::string(Text(header, kName));
  // In the old format, a file whose name ends like this is a folder without
  // contents. Versions of Python differ in which of several names counts.
  constexpr char kNamedAsFolder[] =
      "describes a file with the name of a folder";
  if (!is_folder && absl::EndsWith(member.name, "/")) {
    return Ambiguous(kNamedAsFolder);
  }
  // Python takes the prefix whatever the magic string.
  const absl::string_view prefix = Text(header, kPrefix);
  if (!prefix.empty()) member.name = absl::StrCat(prefix, "/", member.name);
  if (next_.name) member.name = *std::move(next_.name);
  if (!is_folder && absl::EndsWith(member.name, "/")) {
    return Ambiguous(kNamedAsFolder);
  }
  member.offset_bytes = offset_ + kBlockBytes;
  member.size_bytes = size;
  // A list that grows takes twice as much.
  FERRY_RETURN_IF_ERROR(
      budget_.ChargeMemory(2 * sizeof(PlainRecord) + member.name.size()));
  if (is_folder) {
    directory_.folders.emplace_back(absl::StripSuffix(member.name, "/"));
  } else {
    directory_.files.push_back(std::move(member));
  }
  next_ = Attributes();
  return absl::OkStatus();
}

absl::Status Reader::ReadHeader(absl::string_view header) {
  const std::optional<int64_t> sum = Number(Bytes(header, kChecksum));
  if (!sum || *sum != Sum<unsigned char>(header)) {
    return Damaged("does not match its checksum");
  }
  if (!IsUsual(Bytes(header, kChecksum))) {
    return Ambiguous("has a checksum in an unusual notation");
  }
  for (const auto& number : kNumbers) {
    const absl::string_view field = Bytes(header, number.field);
    if (!Number(field)) {
      return Damaged(absl::StrCat("has a malformed ", number.name));
    }
    if (!IsUsual(field)) {
      return Ambiguous(
          absl::StrCat("has a ", number.name, " in an unusual notation"));
    }
  }
  const int64_t recorded_size = *Number(Bytes(header, kSize));
  if (recorded_size < 0) return Damaged("has a negative size");
  auto size = static_cast<uint64_t>(recorded_size);
  const char type = header[kTypeOffset];
  const bool is_file = type == '0' || type == '\0' || type == '7';
  const bool is_pax = type == 'x' || type == 'X' || type == 'g';
  const bool is_attributes = is_pax || type == 'L' || type == 'K';
  if (!is_file && !is_attributes && type != kFolder) {
    return Ambiguous(
        "describes a link, a device, or a member of an unknown type");
  }
  if (is_file && next_.size_bytes) size = *next_.size_bytes;
  if (type == kFolder) size = 0;
  const uint64_t left = file_.size_bytes() - offset_ - kBlockBytes;
  if (size > left) {
    return Damaged(absl::StrCat("describes a member of ", size,
                                " bytes, but only ", left, " follow"));
  }
  // Python refuses an archive without the padding of its last member.
  const uint64_t padding = (kBlockBytes - size % kBlockBytes) % kBlockBytes;
  if (padding > left - size) {
    return Damaged("describes a member whose padding is cut short");
  }
  if (is_attributes) {
    next_.is_pending = true;
    FERRY_ASSIGN_OR_RETURN(const std::string text, ReadText(size));
    if (is_pax) {
      FERRY_RETURN_IF_ERROR(ParsePax(text, /*is_global=*/type == 'g'));
    } else if (type == 'L') {
      FERRY_RETURN_IF_ERROR(ParseLongName(text));
    }
  } else {
    FERRY_RETURN_IF_ERROR(AddMember(header, size));
  }
  offset_ += kBlockBytes + size + padding;
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

absl::Status Reader::Run() {
  char block[kBlockBytes];
  while (file_.size_bytes() - offset_ >= kBlockBytes) {
    FERRY_RETURN_IF_ERROR(
        file_.ReadAt(offset_, absl::MakeSpan(block, kBlockBytes)));
    const absl::string_view header(block, kBlockBytes);
    // Zeros end the archive.
    if (header.find_first_not_of('\0') == absl::string_view::npos) {
      if (next_.is_pending) break;
      FERRY_ASSIGN_OR_RETURN(directory_.end_offset_bytes, FindEnd());
      return absl::OkStatus();
    }
    FERRY_RETURN_IF_ERROR(ReadHeader(header));
  }
  if (next_.is_pending) return Damaged("should be that of a member");
  // It can also end without zeros, but not within a header.
  if (offset_ != file_.size_bytes()) return Damaged("is cut short");
  directory_.end_offset_bytes = offset_;
  return absl::OkStatus();
}

}  // namespace

bool IsTar(absl::string_view head) {
  if (head.size() < kBlockBytes) return false;
  const std::optional<int64_t> recorded = Number(Bytes(head, kChecksum));
  return recorded && (*recorded == Sum<unsigned char>(head) ||
                      *recorded == Sum<signed char>(head));
}

bool HasTarMagic(absl::string_view head) {
  return head.size() >= kBlockBytes && Bytes(head, kMagic) == "ustar";
}

absl::Status ReadTarDirectory(const RandomAccessFile& file, Budget* budget,
                              TarDirectory* directory) {
  *directory = TarDirectory();
  return Reader(file, budget, directory).Run();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
