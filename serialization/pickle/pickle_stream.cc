// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_stream.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/pickle/opcode_shape.h"
#include "ferry/serialization/pickle/opcodes.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// What is read at least: one call of the operating system.
constexpr uint64_t kChunkBytes = uint64_t{64} << 10;

// Whether Python could have a module of this name. Any name of a file will do;
// quotes are ruled out since all of JSON has them.
bool MayBeModule(absl::string_view name) {
  return IsUnicode(name) && name.find('\0') == absl::string_view::npos &&
         name.find('"') == absl::string_view::npos;
}

// Whether a pickle can begin with an opcode: it takes nothing from the stack
// and the memo.
bool CanComeFirst(unsigned char opcode) {
  switch (opcode) {
    case kProto:
    case kFrame:
    case kMark:
    case kNone:
    case kNewTrue:
    case kNewFalse:
    case kInt:
    case kBinInt:
    case kBinInt1:
    case kBinInt2:
    case kLong:
    case kLong1:
    case kLong4:
    case kFloat:
    case kBinFloat:
    case kString:
    case kBinString:
    case kShortBinString:
    case kUnicode:
    case kBinUnicode:
    case kShortBinUnicode:
    case kBinUnicode8:
    case kBinBytes:
    case kShortBinBytes:
    case kBinBytes8:
    case kByteArray8:
    case kEmptyTuple:
    case kEmptyList:
    case kEmptyDict:
    case kEmptySet:
    case kGlobal:
    case kExt1:
    case kExt2:
    case kExt4:
    case kPersId:
      return true;
    default:
      return false;
  }
}

// Whether Python could accept an opcode whose operands begin with `line`, up to
// a newline if they are lines. Returns false only if Python certainly refuses
// them.
bool MayPass(unsigned char opcode, absl::string_view line, PersistentIds ids) {
  switch (opcode) {
    case kNextBuffer:
      return false;
    case kPersId:
    case kBinPersId:
      return ids == PersistentIds::kResolved;
    case kInt:
    case kLong:
    case kFloat:
    case kGet:
    case kPut: {
      // CPython reads a number up to the first NUL.
      const absl::string_view number = line.substr(0, line.find('\0'));
      return std::all_of(number.begin(), number.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return absl::ascii_isalnum(byte) || absl::ascii_isspace(byte) ||
               c == '+' || c == '-' || c == '.' || c == '_';
      });
    }
    case kString:
      return absl::StartsWith(line, "'") || absl::StartsWith(line, "\"");
    case kGlobal:
    case kInst:
      return MayBeModule(line);
    default:
      return true;
  }
}

bool IsExtension(unsigned char opcode) {
  return opcode == kExt1 || opcode == kExt2 || opcode == kExt4;
}

// Whether an opcode calls or changes a value.
bool UsesValue(unsigned char opcode) {
  return opcode == kReduce || opcode == kNewObj || opcode == kNewObjEx ||
         opcode == kObj || opcode == kBuild;
}

// A little-endian number.
uint64_t CountAt(const char* bytes, int size) {
  uint64_t count = 0;
  for (int i = size; i-- > 0;) {
    count = (count << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return count;
}

// What is wrong with an opcode that begins inside a frame and ends at `next`;
// empty if nothing is.
absl::string_view FrameFault(unsigned char opcode, uint64_t next,
                             uint64_t frame_end) {
  if (next > frame_end) return "an operand crosses the end of its frame";
  if (opcode == kFrame) return "a frame begins inside another";
  if (opcode == kStop && next != frame_end) {
    return "STOP is not at the end of its frame";
  }
  return {};
}

absl::Status NoPickle(absl::string_view what, uint64_t at) {
  return absl::DataLossError(
      absl::StrCat(what, " (at offset ", at, " of the pickle)"));
}

}  // namespace

PickleStream::PickleStream(const RandomAccessFile& file, uint64_t begin,
                           uint64_t end, Budget* budget)
    : file_(file), offset_(begin), end_(end), budget_(budget) {
  if (file.data() != nullptr) {
    window_ = file.data() + begin;
    window_size_ = end - begin;
  }
}

absl::Status PickleStream::CheckLeft(uint64_t size) const {
  if (size <= bytes_left()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("cut short: ", size,
                                          " bytes should follow, but only ",
                                          bytes_left(), " do"));
}

absl::Status PickleStream::Fill(uint64_t size) {
  if (size <= window_size_) return absl::OkStatus();
  const uint64_t capacity =
      std::min(std::max({size, kChunkBytes, 2 * window_size_}), bytes_left());
  if (capacity > charged_bytes_) {
    FERRY_RETURN_IF_ERROR(budget_->ChargeMemory(capacity - charged_bytes_));
    charged_bytes_ = capacity;
  }
  std::unique_ptr<char[]> buffer(new char[capacity]);
  if (window_size_ > 0) std::memcpy(buffer.get(), window_, window_size_);
  FERRY_RETURN_IF_ERROR(file_.ReadAt(
      offset_ + window_size_,
      absl::MakeSpan(buffer.get() + window_size_, capacity - window_size_)));
  buffer_ = std::move(buffer);
  window_ = buffer_.get();
  window_size_ = capacity;
  return absl::OkStatus();
}

void PickleStream::Advance(uint64_t size) {
  offset_ += size;
  const uint64_t from_window = std::min(size, window_size_);
  window_ += from_window;
  window_size_ -= from_window;
}

absl::StatusOr<absl::string_view> PickleStream::Take(uint64_t size) {
  FERRY_RETURN_IF_ERROR(CheckLeft(size));
  FERRY_RETURN_IF_ERROR(Fill(size));
  const absl::string_view taken = window().substr(0, size);
  Advance(size);
  return taken;
}

absl::Status PickleStream::Skip(uint64_t size) {
  FERRY_RETURN_IF_ERROR(CheckLeft(size));
  Advance(size);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> PickleStream::LineEnd(uint64_t at) {
  for (uint64_t searched = at;;) {
    const size_t newline = window().find('\n', searched);
    if (newline != absl::string_view::npos) return newline + 1;
    searched = std::max(at, window_size_);
    if (searched >= bytes_left()) return NoPickle("a line is cut short", at);
    FERRY_RETURN_IF_ERROR(Fill(searched + 1));
  }
}

absl::StatusOr<uint64_t> PickleStream::OperandsEnd(unsigned char opcode,
                                                   uint64_t at) {
  const OpcodeShape shape = ShapeOf(opcode);
  switch (shape.operands) {
    case Operands::kFixed:
      return at + shape.size;
    case Operands::kCounted: {
      if (shape.size > bytes_left() - at) return at + shape.size;
      FERRY_RETURN_IF_ERROR(Fill(at + shape.size));
      const uint64_t count = CountAt(window_ + at, shape.size);
      at += shape.size;
      // One too many stands for any that do not fit.
      return at + std::min(count, bytes_left() - at + 1);
    }
    case Operands::kLines: {
      for (int i = 0; i < shape.size; ++i) {
        FERRY_ASSIGN_OR_RETURN(at, LineEnd(at));
      }
      return at;
    }
    case Operands::kNoOpcode:
      break;
  }
  return NoPickle(
      absl::StrCat("there is no opcode 0x", absl::Hex(opcode, absl::kZeroPad2)),
      at - 1);
}

absl::StatusOr<uint64_t> PickleStream::FindEnd() {
  uint64_t frame_end = 0;
  for (uint64_t at = 0;;) {
    if (at >= bytes_left()) {
      return absl::DataLossError(absl::StrCat(
          "the pickle is cut short: it ends after ", at, " bytes"));
    }
    FERRY_RETURN_IF_ERROR(Fill(at + 1));
    const auto opcode = static_cast<unsigned char>(window_[at]);
    FERRY_ASSIGN_OR_RETURN(const uint64_t next, OperandsEnd(opcode, at + 1));
    if (next > bytes_left()) return NoPickle("an operand is cut short", at);
    // Python takes a frame from the file as a whole.
    if (at < frame_end) {
      const absl::string_view fault = FrameFault(opcode, next, frame_end);
      if (!fault.empty()) return NoPickle(fault, at);
    }
    if (opcode == kFrame) {
      FERRY_RETURN_IF_ERROR(Fill(next));
      const uint64_t size = CountAt(window_ + at + 1, 8);
      if (size > bytes_left() - next) {
        return NoPickle("a frame is cut short", at);
      }
      frame_end = next + size;
    }
    if (opcode == kStop) return next;
    at = next;
  }
}

absl::StatusOr<absl::string_view> PickleStream::Peek(uint64_t size) {
  size = std::min(size, bytes_left());
  FERRY_RETURN_IF_ERROR(Fill(size));
  return window().substr(0, size);
}

absl::StatusOr<bool> PickleStream::SkipLine() {
  while (bytes_left() > 0) {
    FERRY_ASSIGN_OR_RETURN(const absl::string_view head, Peek(kChunkBytes));
    const size_t newline = head.find('\n');
    if (newline != absl::string_view::npos) {
      Advance(newline + 1);
      return true;
    }
    Advance(head.size());
  }
  return false;
}

absl::StatusOr<bool> PickleStream::MayLookUpGlobal(PersistentIds ids) {
  uint64_t frame_end = 0;   // in the file
  bool has_nothing = true;  // on the stack
  // What an extension is, the program that loads the pickle has decided. To
  // look it up is nothing yet.
  bool has_extension = false;
  while (bytes_left() > 0) {
    FERRY_ASSIGN_OR_RETURN(absl::string_view head, Peek(kChunkBytes));
    const auto opcode = static_cast<unsigned char>(head[0]);
    const uint64_t begin = offset_;
    if (has_nothing && !CanComeFirst(opcode)) return false;
    has_nothing = has_nothing && (opcode == kProto || opcode == kFrame);
    has_extension = has_extension || IsExtension(opcode);
    if (opcode == kStackGlobal || (has_extension && UsesValue(opcode))) {
      return true;
    }
    head.remove_prefix(1);
    const OpcodeShape shape = ShapeOf(opcode);
    if (begin < frame_end) {
      // Where an operand crosses the end of a frame, Python reads others.
      const uint64_t in_frame =
          std::min<uint64_t>(frame_end - begin - 1, head.size());
      if (opcode == kFrame ||
          (shape.operands == Operands::kCounted && in_frame < shape.size) ||
          (shape.operands == Operands::kLines &&
           !absl::StrContains(head.substr(0, in_frame), '\n'))) {
        return true;
      }
    } else if (opcode == kFrame && head.size() >= 8) {
      const uint64_t size = CountAt(head.data(), 8);
      if (size > std::numeric_limits<int64_t>::max()) return false;
      // Of a frame that is longer than the file, the unpickler in Python takes
      // what is there.
      frame_end = begin + 9 + std::min(size, bytes_left() - 9);
    }
    if (!MayPass(opcode, head.substr(0, head.find('\n')), ids)) {
      return false;
    }
    if (opcode == kStop) {
      ids = PersistentIds::kResolved;
      has_nothing = true;
    }
    Advance(1);
    switch (shape.operands) {
      case Operands::kNoOpcode:
        return false;
      case Operands::kFixed:
        if (!Skip(shape.size).ok()) return false;
        break;
      case Operands::kCounted: {
        if (head.size() < shape.size) return false;
        const uint64_t count = CountAt(head.data(), shape.size);
        Advance(shape.size);
        if (!Skip(count).ok()) return false;
        break;
      }
      case Operands::kLines:
        for (int i = 0; i < shape.size; ++i) {
          FERRY_ASSIGN_OR_RETURN(const bool is_whole, SkipLine());
          // Python's unpickler in Python takes what is left for the line.
          if (!is_whole) return opcode == kGlobal || opcode == kInst;
        }
        if (opcode == kGlobal || opcode == kInst) return true;
        break;
    }
    if (begin < frame_end && opcode != kFrame &&
        !FrameFault(opcode, offset_, frame_end).empty()) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<absl::string_view> PickleStream::NextPickle() {
  FERRY_ASSIGN_OR_RETURN(const uint64_t size, FindEnd());
  return Take(size);
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
