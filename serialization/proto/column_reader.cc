// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/column_reader.h"

#include <algorithm>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/proto/graph_format.h"
#include "google/protobuf/io/coded_stream.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

// The tag of a field: its number, and in the lowest three bits how its value is
// encoded.
enum : uint32_t { kVarint = 0, kBytes = 2 };
constexpr uint32_t Tag(uint32_t field, uint32_t encoding) {
  return field << 3 | encoding;
}

// Returns whether a well-formed message has only fields that this release
// knows, encoded as it writes them. The lite runtime accepts others silently.
bool HasOnlyKnownFields(absl::string_view message, bool is_header) {
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t*>(message.data()),
      static_cast<int>(message.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if (is_header && tag != Tag(wire::Header::kReleaseFieldNumber, kBytes)) {
      uint64_t value;
      if (tag > Tag(wire::Header::kRootFieldNumber, kVarint) ||
          tag == Tag(wire::Header::kReleaseFieldNumber, kVarint) ||
          tag % 8 != kVarint || !input.ReadVarint64(&value)) {
        return false;
      }
      continue;
    }
    uint32_t size;
    if (tag > Tag(wire::Columns::kStorageLocationsFieldNumber, kBytes) ||
        tag % 8 != kBytes || !input.ReadVarint32(&size) ||
        !input.Skip(static_cast<int>(size))) {
      return false;
    }
  }
  return true;
}

// The most memory that the columns and the graph take for a byte of a block: a
// row takes one byte for its kind at least, and makes a node, perhaps a call.
constexpr uint64_t kMemoryPerByte = 64;

// Returns options for an arena on huge pages: the columns of a large graph take
// tens of MiB.
google::protobuf::ArenaOptions HugePageArenaOptions() {
  constexpr uint64_t kAlignmentBytes = 16;
  google::protobuf::ArenaOptions options;
  options.start_block_size = kHugeFromBytes;
  options.max_block_size = uint64_t{4} << 20;
  options.block_alloc = [](size_t size_bytes) {
    return AllocateBySize(size_bytes, kAlignmentBytes);
  };
  options.block_dealloc = [](void* block, size_t size_bytes) {
    FreeBySize(block, size_bytes, kAlignmentBytes);
  };
  return options;
}

}  // namespace

ColumnReader::ColumnReader(absl::string_view bytes, Budget* budget)
    : bytes_(bytes),
      budget_(budget),
      arena_(HugePageArenaOptions()),
      columns_(
          *google::protobuf::Arena::CreateMessage<wire::Columns>(&arena_)) {}

absl::Status ColumnReader::Read() {
  FERRY_RETURN_IF_ERROR(ReadHeader());
  FERRY_RETURN_IF_ERROR(ReadColumns());
  return ReadWords();
}

absl::Status ColumnReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("the graph is damaged: row ", row_, ": ", what));
}

absl::Status ColumnReader::Unknown(absl::string_view what) const {
  if (release_ == kRelease) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: it has ",
                                            what, ", which \"", kRelease,
                                            "\" does not write"));
  }
  return absl::UnimplementedError(absl::StrCat(
      "the graph was written by \"", release_, "\" and has ", what,
      ", which this release does not know; use that release or a later one"));
}

void ColumnReader::FailUnknown(absl::string_view what) {
  Fail(Unknown(absl::StrCat(what, " in row ", row_)));
}

void ColumnReader::FailRule(const absl::Status& status) {
  if (status.ok()) return;
  Fail(absl::IsInvalidArgument(status) ? Damaged(status.message()) : status);
}

// --- Blocks ------------------------------------------------------------------

absl::StatusOr<absl::string_view> ColumnReader::TakeBlock() {
  const auto damaged = [this](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(
        "the graph is damaged: its block at byte ", position_, " ", what));
  };
  if (bytes_.size() - position_ < kLengthBytes) return damaged("is cut short");
  const size_t size = Load32(bytes_.data() + position_);
  if (size > kMaxBlockBytes) {
    return damaged(absl::StrCat("has ", size, " bytes; at most ",
                                kMaxBlockBytes, " are allowed"));
  }
  if (size > bytes_.size() - position_ - kLengthBytes) {
    return damaged("is cut short");
  }
  const absl::string_view block = bytes_.substr(position_ + kLengthBytes, size);
  position_ += kLengthBytes + size;
  return block;
}

absl::Status ColumnReader::ReadHeader() {
  FERRY_ASSIGN_OR_RETURN(const absl::string_view block, TakeBlock());
  wire::Header header;
  if (!header.ParseFromArray(block.data(), static_cast<int>(block.size())) ||
      header.format_version() == 0) {
    return absl::DataLossError("the graph is damaged: it has no header");
  }
  release_ = EscapeForMessage(header.release());
  if (header.format_version() > kFormatVersion) {
    return Unknown(
        absl::StrCat("version ", header.format_version(), " of the format"));
  }
  if (!HasOnlyKnownFields(block, /*is_header=*/true)) {
    return Unknown("fields in its header");
  }
  if (header.SerializeAsString() != block) {
    return absl::DataLossError(
        "the graph is damaged: its header has a field twice, or a number that "
        "is longer than it need be");
  }
  format_version_ = header.format_version();
  num_rows_ = header.num_rows();
  root_ = header.root();
  // Each row has a byte of its own for its kind.
  if (num_rows_ > bytes_.size()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: it cannot have ", num_rows_,
                     " rows in ", bytes_.size(), " bytes"));
  }
  if (root_ >= kFirstNumber + uint64_t{num_rows_}) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: its root ",
                                            root_, " is not one of its rows"));
  }
  return absl::OkStatus();
}

absl::Status ColumnReader::ReadColumns() {
  // Most graphs need no more than this, so their columns do not grow.
  const auto num_rows = static_cast<int>(
      std::min<uint32_t>(num_rows_, std::numeric_limits<int>::max() / 4));
  constexpr uint64_t kReservedBytes = 20;  // for each row
  FERRY_RETURN_IF_ERROR(
      budget_->ChargeMemory(kReservedBytes * static_cast<uint64_t>(num_rows)));
  columns_.mutable_kinds()->Reserve(num_rows);
  columns_.mutable_references()->Reserve(2 * num_rows);
  columns_.mutable_numbers()->Reserve(num_rows);
  uint64_t value_bytes = 0;  // without the texts
  while (true) {
    const size_t start = position_;
    FERRY_ASSIGN_OR_RETURN(const absl::string_view block, TakeBlock());
    if (block.empty()) break;
    if (value_bytes > kMaxValueBytes) {
      return absl::ResourceExhaustedError(
          "the graph has 2 GiB of values besides its texts, which is too much");
    }
    const int num_texts = columns_.text_size();
    google::protobuf::io::CodedInputStream input(
        reinterpret_cast<const uint8_t*>(block.data()),
        static_cast<int>(block.size()));
    // Appends to the values of the blocks before.
    if (!columns_.MergeFromCodedStream(&input) ||
        !input.ConsumedEntireMessage()) {
      return absl::DataLossError(
          absl::StrCat("the graph is damaged: its block at byte ", start,
                       " is not a valid message"));
    }
    if (!HasOnlyKnownFields(block, /*is_header=*/false)) {
      return Unknown("fields in its columns");
    }
    if (columns_.text_size() > num_texts + 1) {
      return absl::DataLossError(
          absl::StrCat("the graph is damaged: its block at byte ", start,
                       " has several texts"));
    }
    const uint64_t text_bytes =
        columns_.text_size() > num_texts ? columns_.text(num_texts).size() : 0;
    text_left_ += text_bytes;
    value_bytes += block.size() - text_bytes;
    FERRY_RETURN_IF_ERROR(budget_->ChargeMemory(
        text_bytes + kMemoryPerByte * (block.size() - text_bytes)));
  }
  if (columns_.kinds_size() != static_cast<int64_t>(num_rows_)) {
    return absl::DataLossError(absl::StrCat("the graph is damaged: it has ",
                                            columns_.kinds_size(),
                                            " rows instead of ", num_rows_));
  }
  if (columns_.storage_sizes_size() != columns_.storage_locations_size()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: it has ",
                     columns_.storage_sizes_size(), " sizes of storages and ",
                     columns_.storage_locations_size(), " locations"));
  }
  kinds_.Set(columns_.kinds());
  references_.Set(columns_.references());
  numbers_.Set(columns_.numbers());
  ints_.Set(columns_.ints());
  floats_.Set(columns_.floats());
  return absl::OkStatus();
}

absl::Status ColumnReader::ReadWords() {
  HashSet<absl::string_view> known;
  words_.reserve(columns_.words_size());
  for (const std::string& word : columns_.words()) {
    if (!known.insert(word).second) {
      return absl::DataLossError(
          absl::StrCat("the graph is damaged: it has the word ",
                       QuoteForMessage(word), " twice"));
    }
    words_.emplace_back().text = word;
  }
  return absl::OkStatus();
}

// --- Values ------------------------------------------------------------------

size_t ColumnReader::TakeCount(size_t width) {
  const uint64_t count = TakeNumber();
  if (ABSL_PREDICT_FALSE(count > references_.left() / width)) {
    FailDamaged(absl::StrCat("it refers to ", count,
                             " nodes, but too few references are left"));
    return 0;
  }
  return static_cast<size_t>(count);
}

uint64_t ColumnReader::TakeBits(uint64_t known) {
  const uint64_t bits = TakeNumber();
  if (ABSL_PREDICT_FALSE((bits & ~known) != 0)) {
    FailUnknown(absl::StrCat("the bits ", bits));
    return 0;
  }
  return bits;
}

absl::string_view ColumnReader::TakeText() {
  const uint64_t size = TakeNumber();
  if (ABSL_PREDICT_FALSE(size > text_left_ ||
                         size > std::numeric_limits<uint32_t>::max())) {
    FailDamaged(absl::StrCat("it has a text of ", size,
                             " bytes, but too few are left"));
    return absl::string_view();
  }
  text_left_ -= size;
  long_text_.clear();
  while (true) {
    if (text_block_ == columns_.text_size()) return long_text_;
    const absl::string_view left =
        absl::string_view(columns_.text(text_block_)).substr(text_start_);
    const size_t wanted = size - long_text_.size();
    if (ABSL_PREDICT_TRUE(wanted < left.size())) {
      text_start_ += wanted;
      if (long_text_.empty()) return left.substr(0, wanted);
      long_text_.append(left.data(), wanted);
      return long_text_;
    }
    long_text_.append(left.data(), left.size());
    ++text_block_;
    text_start_ = 0;
  }
}

ColumnReader::Word* ColumnReader::TakeWord() {
  const uint64_t index = TakeNumber();
  if (ABSL_PREDICT_FALSE(index >= words_.size())) {
    FailDamaged(absl::StrCat("there is no word ", index));
    return nullptr;
  }
  words_[index].is_used = true;
  return &words_[index];
}

DType ColumnReader::TakeDType() {
  Word* const word = TakeWord();
  if (word == nullptr) return DType::kUInt8;
  if (!word->dtype) {
    word->dtype = DTypeFromName(word->text);
    if (!word->dtype) {
      FailUnknown(absl::StrCat("the dtype ", QuoteForMessage(word->text)));
      return DType::kUInt8;
    }
  }
  return *word->dtype;
}

Layout ColumnReader::TakeLayout() {
  const Word* const word = TakeWord();
  if (word == nullptr) return Layout::kStrided;
  const std::optional<Layout> layout = LayoutFromName(word->text);
  if (!layout) {
    FailUnknown(absl::StrCat("the layout ", QuoteForMessage(word->text)));
  }
  return layout.value_or(Layout::kStrided);
}

Device ColumnReader::TakeDevice() {
  const Word* const type = TakeWord();
  const uint64_t index_and_one = TakeNumber();
  if (type == nullptr) return Device();
  if (!Device::IsValidType(type->text) ||
      index_and_one > uint64_t{kMaxDeviceIndex} + 1) {
    FailDamaged("a device has no valid type or index");
    return Device();
  }
  return Device(type->text, static_cast<int>(index_and_one) - 1);
}

absl::Status ColumnReader::CheckEnd(uint64_t unused_storages) const {
  const auto is_unused = [](const auto& word) { return !word.is_used; };
  const std::pair<const char*, uint64_t> columns[] = {
      {"references", references_.left()},
      {"numbers", numbers_.left()},
      {"ints", ints_.left()},
      {"floats", floats_.left()},
      {"bytes of text", text_left_},
      {"words", absl::c_count_if(words_, is_unused)},
      {"storages", unused_storages},
  };
  for (const auto& [name, left] : columns) {
    if (left != 0) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: no row uses ", left, " of its ", name));
    }
  }
  return absl::OkStatus();
}

}  // namespace proto
}  // namespace v1
}  // namespace ferry
