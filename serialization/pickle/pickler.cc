// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/core/decimal_int.h"
#include "ferry/core/global_name.h"
#include "ferry/core/object_path.h"
#include "ferry/core/python_repr.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/text_escapes.h"

namespace ferry {
namespace pickle {
namespace {

// Modules/_pickle.c: BATCHSIZE, FRAME_SIZE_MIN, FRAME_SIZE_TARGET,
// FRAME_HEADER_SIZE.
constexpr uint32_t kBatchSize = 1000;
constexpr size_t kFrameSizeMin = 4;
constexpr size_t kFrameSizeTarget = 64 * 1024;
constexpr size_t kFrameHeaderSize = 9;

// How many containers may be written inside themselves at a time: as deep as
// CPython recurses. Each time costs as much as the whole container.
constexpr int kMaxReentered = 1000;

// float("nan") in Python.
constexpr uint64_t kPythonNan = 0x7FF8000000000000;

// The steps in which an object is written.
enum Stage : uint8_t {
  kCallable,
  kArgs,
  kArgsOfNewObj,  // one by one
  kKwargs,
  kCall,
  kItems,
  kEntries,
  kState,
  kSetterState,
  kBuildState,
  kCallSetter,
};

std::string DecodeLatin1(absl::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 2);
  for (char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x80) {
      text.push_back(byte);
    } else {
      text.push_back(static_cast<char>(0xC0 | (c >> 6)));
      text.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    }
  }
  return text;
}

// The str of one character below U+0100, of which Python keeps one. The view is
// valid for ever.
absl::string_view OneCharacter(char latin1) {
  static const std::vector<std::string>* const characters = [] {
    auto* all = new std::vector<std::string>;
    for (int c = 0; c < 256; ++c) {
      const char byte = static_cast<char>(c);
      all->push_back(DecodeLatin1({&byte, 1}));
    }
    return all;
  }();
  return (*characters)[static_cast<unsigned char>(latin1)];
}

// Returns the opcode that ends a tuple of at least one item.
unsigned char TupleOpcode(size_t count, bool has_mark) {
  if (has_mark) return kTuple;
  return static_cast<unsigned char>(kTuple1 + count - 1);
}

absl::Status NeedsHooks(ValueKind kind) {
  return absl::UnimplementedError(absl::StrCat(
      WithArticle(Name(kind)), " cannot be written to a plain pickle"));
}

}  // namespace

absl::StatusOr<bool> PickleHooks::WriteGlobal(NodeId, const ObjectGraph&,
                                              Pickler*) {
  return false;
}

absl::StatusOr<bool> PickleHooks::WriteObject(NodeId, const ObjectGraph&,
                                              Pickler*) {
  return false;
}

Pickler::Pickler(const ObjectGraph& graph, int protocol, PickleHooks* hooks)
    : graph_(graph),
      notes_(PickleNotes::Of(graph)),
      protocol_(protocol),
      hooks_(hooks),
      memo_(graph.size(), kNotMemoised) {}

// --- Errors ------------------------------------------------------------------

void Pickler::Refuse(absl::StatusCode code, absl::string_view what) {
  if (error_.ok()) error_ = absl::Status(code, what);
}

NodeId Pickler::NodeAtHand(NodeId root) const {
  if (frames_.empty()) return root;
  const Frame& frame = frames_.back();
  const bool is_object = graph_.is_object(frame.node);
  if (frame.next == 0 ||
      (is_object && frame.stage != kItems && frame.stage != kEntries)) {
    return frame.node;
  }
  const bool has_entries = is_object
                               ? frame.stage == kEntries
                               : graph_.kind(frame.node) == ValueKind::kDict;
  return (has_entries ? graph_.entries(frame.node)
                      : graph_.items(frame.node))[frame.next - 1];
}

// --- Bytes and frames --------------------------------------------------------

void Pickler::Put(absl::string_view bytes) {
  if (framing_ && frame_start_ == LargeString::npos) {
    frame_start_ = out_.size();
    out_.append(kFrameHeaderSize, '\0');
  }
  out_.append(bytes.data(), bytes.size());
}

void Pickler::PutOpcode(unsigned char opcode) {
  const char byte = static_cast<char>(opcode);
  Put({&byte, 1});
}

void Pickler::PutLine(unsigned char opcode, absl::string_view text) {
  PutOpcode(opcode);
  Put(text);
  PutOpcode('\n');
}

void Pickler::PutNumber(uint64_t value, int size) {
  char bytes[8];
  for (int i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
  }
  Put({bytes, static_cast<size_t>(size)});
}

void Pickler::CommitFrame() {
  if (!framing_ || frame_start_ == LargeString::npos) return;
  const size_t size = out_.size() - frame_start_ - kFrameHeaderSize;
  if (size >= kFrameSizeMin) {
    out_[frame_start_] = static_cast<char>(kFrame);
    for (int i = 0; i < 8; ++i) {
      out_[frame_start_ + 1 + i] =
          static_cast<char>((uint64_t{size} >> (8 * i)) & 0xFF);
    }
  } else {
    out_.erase(frame_start_, kFrameHeaderSize);
  }
  frame_start_ = LargeString::npos;
}

void Pickler::ObjectBoundary() {
  if (!framing_ || frame_start_ == LargeString::npos) return;
  if (out_.size() - frame_start_ - kFrameHeaderSize >= kFrameSizeTarget) {
    CommitFrame();
  }
}

// An opcode, a length, and bytes. Large bytes stand outside of any frame.
void Pickler::PutCounted(unsigned char opcode, int length_size,
                         absl::string_view bytes) {
  const bool framing = framing_;
  if (bytes.size() >= kFrameSizeTarget) {
    CommitFrame();
    framing_ = false;
  }
  PutOpcode(opcode);
  PutNumber(bytes.size(), length_size);
  Put(bytes);
  framing_ = framing;
}

// --- The memo ----------------------------------------------------------------

void Pickler::Memoise() {
  const uint32_t memo = next_memo_++;
  if (protocol_ >= 4) {
    PutOpcode(kMemoize);
  } else if (protocol_ == 0) {
    PutLine(kPut, absl::StrCat(memo));
  } else if (memo < 256) {
    PutOpcode(kBinPut);
    PutNumber(memo, 1);
  } else {
    PutOpcode(kLongBinPut);
    PutNumber(memo, 4);
  }
}

void Pickler::MemoiseNode(NodeId node) {
  memo_[node] = next_memo_;
  Memoise();
}

void Pickler::WriteGet(uint32_t memo) {
  if (protocol_ == 0) {
    PutLine(kGet, absl::StrCat(memo));
  } else if (memo < 256) {
    PutOpcode(kBinGet);
    PutNumber(memo, 1);
  } else {
    PutOpcode(kLongBinGet);
    PutNumber(memo, 4);
  }
}

// --- Objects without children ------------------------------------------------

void Pickler::WriteNone() {
  ObjectBoundary();
  PutOpcode(kNone);
}

void Pickler::WriteBool(bool value) {
  ObjectBoundary();
  if (protocol_ >= 2) {
    PutOpcode(value ? kNewTrue : kNewFalse);
  } else {
    PutLine(kInt, value ? "01" : "00");
  }
}

void Pickler::WriteInt(int64_t value) {
  ObjectBoundary();
  const bool is_short = value >= std::numeric_limits<int32_t>::min() &&
                        value <= std::numeric_limits<int32_t>::max();
  if (protocol_ < 2 && !is_short) {
    PutLine(kLong, absl::StrCat(value, "L"));
  } else if (protocol_ == 0) {
    PutLine(kInt, absl::StrCat(value));
  } else if (value >= 0 && value < 256) {
    PutOpcode(kBinInt1);
    PutNumber(static_cast<uint64_t>(value), 1);
  } else if (value >= 0 && value < 65536) {
    PutOpcode(kBinInt2);
    PutNumber(static_cast<uint64_t>(value), 2);
  } else if (is_short) {
    PutOpcode(kBinInt);
    PutNumber(static_cast<uint64_t>(value), 4);
  } else {
    // The shortest two's complement that keeps the sign.
    int size = 8;
    while (size > 1) {
      const int64_t shifted = value >> (8 * (size - 1) - 1);
      if (shifted != 0 && shifted != -1) break;
      --size;
    }
    PutOpcode(kLong1);
    PutNumber(static_cast<uint64_t>(size), 1);
    PutNumber(static_cast<uint64_t>(value), size);
  }
}

void Pickler::WriteBigInt(absl::string_view twos_complement) {
  ObjectBoundary();
  if (protocol_ < 2) {
    const std::string decimal = twos_complement.size() <= kMaxDecimalBytes
                                    ? TwosComplementToDecimal(twos_complement)
                                    : std::string();
    if (!DescribeBadDecimal(decimal).empty()) {
      return Refuse(absl::StatusCode::kUnimplemented,
                    absl::StrCat("Python reads no integer of more than ",
                                 kMaxDecimalDigits,
                                 " digits from pickle protocols 0 and 1; save "
                                 "with protocol 2 or later"));
    }
    return PutLine(kLong, absl::StrCat(decimal, "L"));
  }
  if (twos_complement.size() < 256) {
    PutOpcode(kLong1);
    PutNumber(twos_complement.size(), 1);
  } else {
    PutOpcode(kLong4);
    PutNumber(twos_complement.size(), 4);
  }
  Put(twos_complement);
}

void Pickler::WriteFloat(double value) {
  ObjectBoundary();
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (protocol_ == 0) {
    if (std::isnan(value) && bits != kPythonNan) {
      Refuse(absl::StatusCode::kUnimplemented,
             "pickle protocol 0 has one NaN, and this is another; save with "
             "protocol 1 or later");
    }
    return PutLine(kFloat, FloatRepr(value));
  }
  char bytes[8];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((bits >> (8 * (7 - i))) & 0xFF);
  }
  PutOpcode(kBinFloat);
  Put({bytes, sizeof(bytes)});
}

void Pickler::PutStr(absl::string_view text) {
  if (ABSL_PREDICT_FALSE(!IsValidUtf8(text))) {
    Refuse(absl::StatusCode::kInvalidArgument,
           absl::StrCat("the text \"", EscapeForMessage(text),
                        "\" is not UTF-8; save it as bytes"));
  }
  if (protocol_ == 0) {
    PutLine(kUnicode, EncodeRawUnicodeEscape(text));
  } else if (protocol_ >= 4 && text.size() < 256) {
    PutCounted(kShortBinUnicode, 1, text);
  } else {
    // Text of 4 GiB or more does not fit a node.
    PutCounted(kBinUnicode, 4, text);
  }
}

void Pickler::WriteStr(absl::string_view text, MemoSlot* slot) {
  ObjectBoundary();
  if (slot != nullptr) {
    if (*slot != kNotMemoised) return WriteGet(*slot);
    *slot = next_memo_;
  }
  PutStr(text);
  Memoise();
}

void Pickler::WriteStrNode(NodeId node) {
  ObjectBoundary();
  if (IsMemoised(node)) return WriteGet(memo_[node]);
  PutStr(graph_.text(node));
  MemoiseNode(node);
}

void Pickler::WriteSharedWord(absl::string_view word) {
  const NodeId node = notes_.shared_word(word);
  if (node != kNoNode) return WriteStrNode(node);
  WriteStr(word, &word_memo_.try_emplace(word, kNotMemoised).first->second);
}

void Pickler::WriteGlobal(absl::string_view module, absl::string_view name) {
  const NodeId node = graph_.FindGlobal(module, name);
  if (node != kNoNode) return WriteGlobalNode(node);
  uint32_t& memo =
      global_memo_.try_emplace({module, name}, kNotMemoised).first->second;
  ObjectBoundary();
  if (memo != kNotMemoised) return WriteGet(memo);
  WriteNewGlobal({module, name}, PickleNotes::Global());
  // The name's words do not touch this map, so `memo` is still valid.
  memo = next_memo_;
  Memoise();
}

void Pickler::CheckGlobal(const GlobalName& global) {
  const auto refuse = [&](absl::StatusCode code, absl::string_view what) {
    Refuse(code, absl::StrCat("the class or function \"",
                              EscapeForMessage(global.module), ".",
                              EscapeForMessage(global.name), "\" ", what));
  };
  const std::string fault = DescribeBadGlobal(global.module, global.name);
  if (ABSL_PREDICT_FALSE(!fault.empty())) {
    return refuse(absl::StatusCode::kInvalidArgument,
                  absl::StrCat("is not a valid name: ", fault));
  }
  if (protocol_ >= 3) return;
  // A reader of these protocols maps names of Python 2 to those of Python 3.
  const GlobalName spelt = ToPython2(global);
  const GlobalName read = FromPython2(global);
  if (spelt.module == global.module && spelt.name == global.name &&
      (read.module != global.module || read.name != global.name)) {
    refuse(absl::StatusCode::kUnimplemented,
           absl::StrCat("would be read as ", read.module, ".", read.name,
                        " from pickle protocols before 3; save with protocol "
                        "3 or later"));
  }
}

void Pickler::WriteNewGlobal(const GlobalName& global,
                             const PickleNotes::Global& strs) {
  CheckGlobal(global);
  if (protocol_ >= 4 && strs.module != kNoNode) {
    WriteStrNode(strs.module);
    WriteStrNode(strs.name);
    PutOpcode(kStackGlobal);
  } else if (protocol_ >= 4) {
    WriteSharedWord(global.module);
    WriteSharedWord(global.name);
    PutOpcode(kStackGlobal);
  } else {
    const GlobalName spelt = protocol_ < 3 ? ToPython2(global) : global;
    PutOpcode(kGlobal);
    Put(spelt.module);
    Put("\n");
    Put(spelt.name);
    Put("\n");
  }
}

void Pickler::WriteGlobalNode(NodeId node) {
  ObjectBoundary();
  if (IsMemoised(node)) return WriteGet(memo_[node]);
  const GlobalRecord& global = graph_.global(node);
  const std::vector<absl::string_view> parts = absl::StrSplit(global.name, '.');
  // A name with an empty part is no path of attributes, whatever it is.
  const bool is_nested =
      parts.size() > 1 &&
      std::find(parts.begin(), parts.end(), "") == parts.end();
  if (protocol_ >= 4 || !is_nested) {
    WriteNewGlobal({global.module, global.name},
                   notes_.global(graph_.global_index(node)));
    MemoiseNode(node);
    return;
  }
  // Before protocol 4 an attribute of a class is getattr(class, "name"), one
  // call inside the next.
  for (size_t i = 1; i < parts.size(); ++i) {
    WriteGlobal("builtins", "getattr");
    BeginTuple(2);
  }
  WriteGlobal(global.module, parts[0]);
  for (size_t i = 1; i < parts.size(); ++i) {
    WriteStr(parts[i]);
    EndTuple(2);
    PutOpcode(kReduce);
    if (i + 1 == parts.size()) {
      MemoiseNode(node);
    } else {
      Memoise();
    }
  }
}

// --- Small containers, for hooks and for calls -------------------------------

void Pickler::PutEmpty(unsigned char empty, unsigned char protocol_0) {
  if (protocol_ == 0) PutOpcode(kMark);
  PutOpcode(protocol_ == 0 ? protocol_0 : empty);
}

void Pickler::WriteEmptyTuple() {
  ObjectBoundary();
  PutEmpty(kEmptyTuple, kTuple);
}

void Pickler::BeginTuple(size_t count) {
  ObjectBoundary();
  if (NeedsMark(count)) PutOpcode(kMark);
}

void Pickler::EndTuple(size_t count) {
  PutOpcode(TupleOpcode(count, NeedsMark(count)));
  Memoise();
}

void Pickler::WriteIntTuple(absl::Span<const int64_t> values) {
  if (values.empty()) return WriteEmptyTuple();
  BeginTuple(values.size());
  for (int64_t value : values) WriteInt(value);
  EndTuple(values.size());
}

void Pickler::WriteReduce() { PutOpcode(kReduce); }

void Pickler::WriteDictOfTrue(absl::Span<const absl::string_view> names) {
  ObjectBoundary();
  PutEmpty(kEmptyDict, kDict);
  Memoise();
  const bool is_batch = names.size() > 1 && protocol_ > 0;
  if (is_batch) PutOpcode(kMark);
  for (absl::string_view name : names) {
    WriteSharedWord(name);
    WriteBool(true);
    if (!is_batch) PutOpcode(kSetItem);
  }
  if (is_batch) PutOpcode(kSetItems);
}

void Pickler::WritePersistentId() {
  if (protocol_ == 0) {
    Refuse(absl::StatusCode::kUnimplemented,
           "pickle protocol 0 writes what refers to a storage, or to a class "
           "with its source, as text that PyTorch cannot read; save with "
           "protocol 1 or later");
  }
  PutOpcode(kBinPersId);
}

void Pickler::PutBytes(absl::string_view bytes) {
  if (protocol_ < 3) {
    WriteBytesCall(bytes);
  } else if (bytes.size() < 256) {
    PutCounted(kShortBinBytes, 1, bytes);
  } else {
    PutCounted(kBinBytes, 4, bytes);
  }
}

// Protocol 2 has no bytes: they are the latin-1 encoding of a str.
void Pickler::WriteBytesCall(absl::string_view bytes) {
  if (bytes.empty()) {
    WriteGlobal("builtins", "bytes");
    WriteEmptyTuple();
  } else {
    WriteGlobal("_codecs", "encode");
    BeginTuple(2);
    if (bytes.size() == 1) {
      WriteSharedWord(OneCharacter(bytes[0]));
    } else {
      WriteStr(DecodeLatin1(bytes));
    }
    WriteSharedWord("latin1");
    EndTuple(2);
  }
  PutOpcode(kReduce);
}

void Pickler::WriteByteArray(absl::string_view bytes) {
  if (protocol_ >= 5) {
    PutCounted(kByteArray8, 8, bytes);
    return;
  }
  WriteGlobal("builtins", "bytearray");
  if (bytes.empty()) {
    WriteEmptyTuple();
  } else {
    BeginTuple(1);
    PutBytes(bytes);
    Memoise();
    EndTuple(1);
  }
  PutOpcode(kReduce);
}

void Pickler::WriteComplex(double real, double imag) {
  WriteGlobal("builtins", "complex");
  BeginTuple(2);
  WriteFloat(real);
  WriteFloat(imag);
  EndTuple(2);
  PutOpcode(kReduce);
}

// --- Containers --------------------------------------------------------------

absl::Status Pickler::Begin(NodeId node) {
  const ValueKind kind = graph_.kind(node);
  switch (kind) {
    case ValueKind::kNone:
      WriteNone();
      return absl::OkStatus();
    case ValueKind::kBool:
      WriteBool(graph_.int_value(node) != 0);
      return absl::OkStatus();
    case ValueKind::kInt:
      if (graph_.is_big_int(node)) {
        WriteBigInt(graph_.text(node));
      } else {
        WriteInt(graph_.int_value(node));
      }
      return absl::OkStatus();
    case ValueKind::kFloat:
      WriteFloat(graph_.float_value(node));
      return absl::OkStatus();
    case ValueKind::kStr:
      WriteStrNode(node);
      return absl::OkStatus();
    default:
      break;
  }
  if (graph_.is_global(node)) {
    bool is_written = false;
    if (hooks_ != nullptr && !IsMemoised(node)) {
      FERRY_ASSIGN_OR_RETURN(is_written,
                             hooks_->WriteGlobal(node, graph_, this));
    }
    if (!is_written) WriteGlobalNode(node);
    return absl::OkStatus();
  }
  if (kind == ValueKind::kStorage || kind == ValueKind::kDType) {
    // Persistent ids are written in full each time, and the global that names
    // a dtype is memoised as such.
    if (hooks_ == nullptr) return NeedsHooks(kind);
    return hooks_->WriteNode(node, graph_, this);
  }
  ObjectBoundary();
  if (IsMemoised(node)) {
    WriteGet(memo_[node]);
    return absl::OkStatus();
  }
  if (graph_.is_object(node)) {
    bool is_written = false;
    if (hooks_ != nullptr) {
      FERRY_ASSIGN_OR_RETURN(is_written,
                             hooks_->WriteObject(node, graph_, this));
    }
    if (!is_written) return PushIncomplete(node);
    MemoiseNode(node);
    return absl::OkStatus();
  }
  switch (kind) {
    case ValueKind::kBytes:
      PutBytes(graph_.text(node));
      MemoiseNode(node);
      return absl::OkStatus();
    case ValueKind::kByteArray:
      WriteByteArray(graph_.text(node));
      MemoiseNode(node);
      return absl::OkStatus();
    case ValueKind::kComplex:
      WriteComplex(graph_.complex_value(node).real(),
                   graph_.complex_value(node).imag());
      MemoiseNode(node);
      return absl::OkStatus();
    case ValueKind::kList:
      PutEmpty(kEmptyList, kList);
      MemoiseNode(node);
      if (!graph_.items(node).empty()) frames_.push_back(Frame{node});
      return absl::OkStatus();
    case ValueKind::kDict:
      PutEmpty(kEmptyDict, kDict);
      MemoiseNode(node);
      if (!graph_.entries(node).empty()) frames_.push_back(Frame{node});
      return absl::OkStatus();
    case ValueKind::kTuple:
      if (node == ObjectGraph::kEmptyTuple) {
        WriteEmptyTuple();
        return absl::OkStatus();
      }
      BeginTuple(graph_.items(node).size());
      return PushIncomplete(node);
    case ValueKind::kSet:
      if (protocol_ >= 4) {
        PutOpcode(kEmptySet);
        MemoiseNode(node);
        frames_.push_back(Frame{node});
        return absl::OkStatus();
      }
      WriteGlobal("builtins", "set");
      BeginTuple(1);
      PutEmpty(kEmptyList, kList);
      Memoise();
      return PushIncomplete(node);
    case ValueKind::kFrozenSet:
      if (protocol_ >= 4) {
        PutOpcode(kMark);
      } else {
        WriteGlobal("builtins", "frozenset");
        BeginTuple(1);
        PutEmpty(kEmptyList, kList);
        Memoise();
      }
      return PushIncomplete(node);
    default:
      break;
  }
  if (hooks_ == nullptr) return NeedsHooks(kind);
  FERRY_RETURN_IF_ERROR(hooks_->WriteNode(node, graph_, this));
  MemoiseNode(node);
  return absl::OkStatus();
}

absl::Status Pickler::NextChild(Frame* frame, absl::Span<const NodeId> children,
                                BatchStyle style, bool* done) {
  const bool pairs =
      style == BatchStyle::kDict || style == BatchStyle::kIteratedEntries;
  const uint32_t width = pairs ? 2 : 1;
  const uint32_t total = static_cast<uint32_t>(children.size()) / width;
  const uint32_t entry = frame->next / width;
  *done = false;
  if (frame->next % width == 0) {
    const bool iterated = style == BatchStyle::kIteratedItems ||
                          style == BatchStyle::kIteratedEntries;
    // Whether the batch that `index` is in is a single entry, which has an
    // opcode of its own.
    const auto is_single = [&](uint32_t index) {
      if (protocol_ == 0) return true;
      if (style == BatchStyle::kSet) return false;
      if (!iterated) return total == 1;
      return index % kBatchSize == 0 && index + 1 == total;
    };
    const unsigned char many = style == BatchStyle::kSet ? kAddItems
                               : pairs                   ? kSetItems
                                                         : kAppends;
    if (entry > 0) {
      if (is_single(entry - 1)) {
        PutOpcode(pairs ? kSetItem : kAppend);
      } else if (entry % kBatchSize == 0 || entry == total) {
        PutOpcode(many);
      }
    }
    if (entry == total) {
      // CPython notices the end of an exact dict or set only in a batch that is
      // not full, so after full batches it writes an empty one.
      if ((style == BatchStyle::kDict || style == BatchStyle::kSet) &&
          total > 0 && total % kBatchSize == 0 && protocol_ > 0) {
        PutOpcode(kMark);
        PutOpcode(many);
      }
      *done = true;
      return absl::OkStatus();
    }
    if (entry % kBatchSize == 0 && !is_single(entry)) PutOpcode(kMark);
  }
  return Begin(children[frame->next++]);
}

absl::Status Pickler::PushIncomplete(NodeId node) {
  if (memo_[node] == kBeingWritten) {
    if (++num_reentered_ > kMaxReentered) {
      return absl::InvalidArgumentError(
          "a tuple, or the arguments of an object, contain themselves more "
          "deeply than Python could write");
    }
  } else {
    memo_[node] = kBeingWritten;
  }
  frames_.push_back(Frame{node});
  if (graph_.is_object(node)) frames_.back().called = NextCall(node);
  return absl::OkStatus();
}

NodeId Pickler::NextCall(NodeId object) {
  const NodeId outermost = graph_.object(object).dropped;
  if (outermost == kNoNode) return object;
  NodeId& next = next_dropped_.try_emplace(object, outermost).first->second;
  if (next == kNoNode) return object;
  return std::exchange(next, graph_.object(next).dropped);
}

void Pickler::EndFrozen(NodeId node, unsigned char end_opcode, size_t size,
                        bool has_mark) {
  frames_.pop_back();
  if (!IsMemoised(node)) {
    PutOpcode(end_opcode);
    MemoiseNode(node);
    return;
  }
  --num_reentered_;
  // A tuple or frozenset that its own items have written already, through a
  // list or dict that contains it: the second copy is thrown away.
  if (has_mark && protocol_ > 0) {
    PutOpcode(kPopMark);
  } else {
    for (size_t i = 0; i < size; ++i) PutOpcode(kPop);
    if (has_mark) PutOpcode(kPop);
  }
  WriteGet(memo_[node]);
}

absl::Status Pickler::ContinueTuple(Frame* frame) {
  const NodeId node = frame->node;
  const absl::Span<const NodeId> items = graph_.items(node);
  if (frame->next < items.size()) return Begin(items[frame->next++]);
  const bool has_mark = NeedsMark(items.size());
  EndFrozen(node, TupleOpcode(items.size(), has_mark), items.size(), has_mark);
  return absl::OkStatus();
}

absl::Status Pickler::ContinueSet(Frame* frame) {
  const NodeId node = frame->node;
  const absl::Span<const NodeId> items = graph_.items(node);
  bool done;
  if (protocol_ >= 4) {
    if (graph_.kind(node) == ValueKind::kFrozenSet) {
      if (frame->next < items.size()) return Begin(items[frame->next++]);
      EndFrozen(node, kFrozenSet, items.size(), /*has_mark=*/true);
      return absl::OkStatus();
    }
    FERRY_RETURN_IF_ERROR(NextChild(frame, items, BatchStyle::kSet, &done));
    if (done) frames_.pop_back();
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(NextChild(frame, items, BatchStyle::kList, &done));
  if (done) {
    EndTuple(1);
    PutOpcode(kReduce);
    EndCall(frame);
  }
  return absl::OkStatus();
}

void Pickler::EndCall(Frame* frame) {
  const NodeId node = frame->node;
  if (IsMemoised(node)) {
    PutOpcode(kPop);
    WriteGet(memo_[node]);
    --num_reentered_;
    frames_.pop_back();
  } else if (graph_.is_object(node) && frame->called != node) {
    // The arguments of the copy did not lead to the object after all.
    PutOpcode(kPop);
    frame->called = NextCall(node);
    frame->stage = 0;
  } else {
    MemoiseNode(node);
    if (!graph_.is_object(node)) frames_.pop_back();
  }
}

absl::Status Pickler::ContinueObject(Frame* frame) {
  const NodeId node = frame->node;
  const ObjectRecord object = graph_.object(node);
  const ObjectRecord call = graph_.object(frame->called);
  bool done;
  switch (frame->stage) {
    case kCallable:
      if (call.form == ObjectForm::kNewEx && protocol_ < 4) {
        return absl::UnimplementedError(
            "an object that is made with keyword arguments needs pickle "
            "protocol 4 or later");
      }
      if (call.form == ObjectForm::kNew && protocol_ < 2) {
        // Without NEWOBJ, the function that does the same is called, with the
        // class before the arguments.
        WriteGlobal("copyreg", "__newobj__");
        BeginTuple(1 + graph_.items(call.args).size());
        frame->stage = kArgsOfNewObj;
      } else {
        frame->stage = kArgs;
      }
      return Begin(call.callable);
    case kArgs:
      frame->stage = call.form == ObjectForm::kNewEx ? kKwargs : kCall;
      return Begin(call.args);
    case kArgsOfNewObj: {
      const absl::Span<const NodeId> args = graph_.items(call.args);
      if (frame->next < args.size()) return Begin(args[frame->next++]);
      frame->next = 0;
      EndTuple(1 + args.size());
      frame->stage = kCall;
      return absl::OkStatus();
    }
    case kKwargs:
      frame->stage = kCall;
      return Begin(call.kwargs);
    case kCall:
      PutOpcode(call.form == ObjectForm::kCall || protocol_ < 2 ? kReduce
                : call.form == ObjectForm::kNew                 ? kNewObj
                                                                : kNewObjEx);
      frame->stage = kItems;
      EndCall(frame);
      return absl::OkStatus();
    case kItems:
      FERRY_RETURN_IF_ERROR(NextChild(frame, graph_.items(node),
                                      BatchStyle::kIteratedItems, &done));
      if (done) {
        frame->stage = kEntries;
        frame->next = 0;
      }
      return absl::OkStatus();
    case kEntries:
      FERRY_RETURN_IF_ERROR(NextChild(frame, graph_.entries(node),
                                      BatchStyle::kIteratedEntries, &done));
      if (done) frame->stage = kState;
      return absl::OkStatus();
    case kState:
      if (object.state == kNoNode) {
        frames_.pop_back();
        return absl::OkStatus();
      }
      if (object.state_setter != kNoNode) {
        frame->stage = kSetterState;
        return Begin(object.state_setter);
      }
      frame->stage = kBuildState;
      return Begin(object.state);
    case kSetterState:
      ObjectBoundary();
      WriteGet(memo_[node]);
      frame->stage = kCallSetter;
      return Begin(object.state);
    case kBuildState:
      PutOpcode(kBuild);
      frames_.pop_back();
      return absl::OkStatus();
    default:
      PutOpcode(kTuple2);
      PutOpcode(kReduce);
      PutOpcode(kPop);
      frames_.pop_back();
      return absl::OkStatus();
  }
}

absl::Status Pickler::Continue() {
  Frame* const frame = &frames_.back();
  const NodeId node = frame->node;
  if (graph_.is_object(node)) return ContinueObject(frame);
  bool done;
  switch (graph_.kind(node)) {
    case ValueKind::kList:
      FERRY_RETURN_IF_ERROR(
          NextChild(frame, graph_.items(node), BatchStyle::kList, &done));
      break;
    case ValueKind::kDict:
      FERRY_RETURN_IF_ERROR(
          NextChild(frame, graph_.entries(node), BatchStyle::kDict, &done));
      break;
    case ValueKind::kTuple:
      return ContinueTuple(frame);
    default:
      return ContinueSet(frame);
  }
  if (done) frames_.pop_back();
  return absl::OkStatus();
}

absl::Status Pickler::Dump(NodeId root) {
  if (protocol_ >= 2) {
    PutOpcode(kProto);
    PutNumber(static_cast<uint64_t>(protocol_), 1);
  }
  framing_ = protocol_ >= 4;
  absl::Status status = Begin(root);
  while (status.ok() && error_.ok() && !frames_.empty()) status = Continue();
  if (status.ok()) status = error_;
  if (!status.ok()) {
    return AnnotatePlace(status, graph_, root, NodeAtHand(root));
  }
  PutOpcode(kStop);
  CommitFrame();
  framing_ = false;
  return absl::OkStatus();
}

}  // namespace pickle
}  // namespace ferry
