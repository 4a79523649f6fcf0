// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The pickler's methods for memo numbers and objects without children, and
// those that hooks call. pickler.cc walks the graph.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/text_escapes.h"
#include "ferry/value/decimal_int.h"
#include "ferry/value/global_name.h"
#include "ferry/value/python_repr.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// float("nan") in Python.
constexpr uint64_t kPythonNan = 0x7FF8000000000000;

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

}  // namespace

// --- The memo ----------------------------------------------------------------

void Pickler::Memoise() {
  const uint32_t memo = next_memo_++;
  if (protocol_ >= 4) {
    out_.PutOpcode(kMemoize);
  } else if (protocol_ == 0) {
    out_.PutLine(kPut, absl::StrCat(memo));
  } else if (memo < 256) {
    out_.PutOpcode(kBinPut);
    out_.PutNumber(memo, 1);
  } else {
    out_.PutOpcode(kLongBinPut);
    out_.PutNumber(memo, 4);
  }
}

void Pickler::MemoiseNode(NodeId node) {
  memo_[node] = next_memo_;
  Memoise();
}

void Pickler::WriteGet(uint32_t memo) {
  if (protocol_ == 0) {
    out_.PutLine(kGet, absl::StrCat(memo));
  } else if (memo < 256) {
    out_.PutOpcode(kBinGet);
    out_.PutNumber(memo, 1);
  } else {
    out_.PutOpcode(kLongBinGet);
    out_.PutNumber(memo, 4);
  }
}

// --- Objects without children ------------------------------------------------

void Pickler::WriteNone() {
  out_.ObjectBoundary();
  out_.PutOpcode(kNone);
}

void Pickler::WriteBool(bool value) {
  out_.ObjectBoundary();
  if (protocol_ >= 2) {
    out_.PutOpcode(value ? kNewTrue : kNewFalse);
  } else {
    out_.PutLine(kInt, value ? "01" : "00");
  }
}

void Pickler::WriteInt(int64_t value) {
  out_.ObjectBoundary();
  const bool is_short = value >= std::numeric_limits<int32_t>::min() &&
                        value <= std::numeric_limits<int32_t>::max();
  if (protocol_ < 2 && !is_short) {
    out_.PutLine(kLong, absl::StrCat(value, "L"));
  } else if (protocol_ == 0) {
    out_.PutLine(kInt, absl::StrCat(value));
  } else if (value >= 0 && value < 256) {
    out_.PutOpcode(kBinInt1);
    out_.PutNumber(static_cast<uint64_t>(value), 1);
  } else if (value >= 0 && value < 65536) {
    out_.PutOpcode(kBinInt2);
    out_.PutNumber(static_cast<uint64_t>(value), 2);
  } else if (is_short) {
    out_.PutOpcode(kBinInt);
    out_.PutNumber(static_cast<uint64_t>(value), 4);
  } else {
    // The shortest two's complement that keeps the sign.
    int size = 8;
    while (size > 1) {
      const int64_t shifted = value >> (8 * (size - 1) - 1);
      if (shifted != 0 && shifted != -1) break;
      --size;
    }
    out_.PutOpcode(kLong1);
    out_.PutNumber(static_cast<uint64_t>(size), 1);
    out_.PutNumber(static_cast<uint64_t>(value), size);
  }
}

void Pickler::WriteBigInt(absl::string_view twos_complement) {
  out_.ObjectBoundary();
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
    return out_.PutLine(kLong, absl::StrCat(decimal, "L"));
  }
  if (twos_complement.size() < 256) {
    out_.PutOpcode(kLong1);
    out_.PutNumber(twos_complement.size(), 1);
  } else {
    out_.PutOpcode(kLong4);
    out_.PutNumber(twos_complement.size(), 4);
  }
  out_.Put(twos_complement);
}

void Pickler::WriteFloat(double value) {
  out_.ObjectBoundary();
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (protocol_ == 0) {
    if (std::isnan(value) && bits != kPythonNan) {
      Refuse(absl::StatusCode::kUnimplemented,
             "pickle protocol 0 has only one NaN, and this NaN has other bits; "
             "save with protocol 1 or later");
    }
    return out_.PutLine(kFloat, FloatRepr(value));
  }
  char bytes[8];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((bits >> (8 * (7 - i))) & 0xFF);
  }
  out_.PutOpcode(kBinFloat);
  out_.Put({bytes, sizeof(bytes)});
}

void Pickler::PutStr(absl::string_view text) {
  if (ABSL_PREDICT_FALSE(!IsValidUtf8(text))) {
    Refuse(absl::StatusCode::kInvalidArgument,
           absl::StrCat("the text \"", EscapeForMessage(text),
                        "\" is not UTF-8; save it as bytes"));
  }
  if (protocol_ == 0) {
    out_.PutLine(kUnicode, EncodeRawUnicodeEscape(text));
  } else if (protocol_ >= 4 && text.size() < 256) {
    out_.PutCounted(kShortBinUnicode, 1, text);
  } else {
    // Text of 4 GiB or more does not fit a node.
    out_.PutCounted(kBinUnicode, 4, text);
  }
}

void Pickler::WriteStr(absl::string_view text, MemoSlot* slot) {
  out_.ObjectBoundary();
  if (slot != nullptr) {
    if (*slot != kNotMemoised) return WriteGet(*slot);
    *slot = next_memo_;
  }
  PutStr(text);
  Memoise();
}

void Pickler::WriteStrNode(NodeId node) {
  out_.ObjectBoundary();
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
  out_.ObjectBoundary();
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
  if (protocol_ < 4 && absl::StrContains(global.name, '.')) {
    return refuse(absl::StatusCode::kUnimplemented,
                  "has an empty part beside a dot, which pickle protocols "
                  "before 4 cannot name; save with protocol 4 or later");
  }
  if (protocol_ >= 3) return;
  // A reader of these protocols maps names of Python 2 to those of Python 3. A
  // name in Python 3 that is also one of Python 2 would become another, and so
  // would an exception that Python 2 lacks: its name there is that of its base.
  // All others that change stay the same object, such as _functools.reduce,
  // which comes back as functools.reduce.
  const GlobalName spelt = ToPython2(global);
  const GlobalName read = FromPython2(spelt);
  const bool is_spelt_alike =
      spelt.module == global.module && spelt.name == global.name;
  if ((is_spelt_alike || spelt.module == "exceptions") &&
      (read.module != global.module || read.name != global.name)) {
    refuse(absl::StatusCode::kUnimplemented,
           absl::StrCat("would be read as ", EscapeForMessage(read.module), ".",
                        EscapeForMessage(read.name),
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
    out_.PutOpcode(kStackGlobal);
  } else if (protocol_ >= 4) {
    WriteSharedWord(global.module);
    WriteSharedWord(global.name);
    out_.PutOpcode(kStackGlobal);
  } else {
    const GlobalName spelt = protocol_ < 3 ? ToPython2(global) : global;
    out_.PutOpcode(kGlobal);
    out_.Put(spelt.module);
    out_.Put("\n");
    out_.Put(spelt.name);
    out_.Put("\n");
  }
}

void Pickler::WriteGlobalNode(NodeId node) {
  out_.ObjectBoundary();
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
    out_.PutOpcode(kReduce);
    if (i + 1 == parts.size()) {
      MemoiseNode(node);
    } else {
      Memoise();
    }
  }
}

// --- Small containers, for hooks and for calls -------------------------------

void Pickler::PutEmpty(unsigned char empty, unsigned char protocol_0) {
  if (protocol_ == 0) out_.PutOpcode(kMark);
  out_.PutOpcode(protocol_ == 0 ? protocol_0 : empty);
}

void Pickler::WriteEmptyTuple() {
  out_.ObjectBoundary();
  PutEmpty(kEmptyTuple, kTuple);
}

void Pickler::BeginTuple(size_t count) {
  out_.ObjectBoundary();
  if (NeedsMark(count)) out_.PutOpcode(kMark);
}

unsigned char Pickler::TupleOpcode(size_t size) const {
  if (NeedsMark(size)) return kTuple;
  return static_cast<unsigned char>(kTuple1 + size - 1);
}

void Pickler::EndTuple(size_t count) {
  out_.PutOpcode(TupleOpcode(count));
  Memoise();
}

void Pickler::WriteIntTuple(absl::Span<const int64_t> values) {
  if (values.empty()) return WriteEmptyTuple();
  BeginTuple(values.size());
  for (int64_t value : values) WriteInt(value);
  EndTuple(values.size());
}

void Pickler::WriteReduce() { out_.PutOpcode(kReduce); }

void Pickler::WriteDictOfTrue(absl::Span<const absl::string_view> names) {
  out_.ObjectBoundary();
  PutEmpty(kEmptyDict, kDict);
  Memoise();
  const bool is_batch = names.size() > 1 && protocol_ > 0;
  if (is_batch) out_.PutOpcode(kMark);
  for (absl::string_view name : names) {
    WriteSharedWord(name);
    WriteBool(true);
    if (!is_batch) out_.PutOpcode(kSetItem);
  }
  if (is_batch) out_.PutOpcode(kSetItems);
}

void Pickler::WritePersistentId() {
  if (protocol_ == 0) {
    Refuse(absl::StatusCode::kUnimplemented,
           "pickle protocol 0 writes a reference to a storage, or to a class "
           "with its source, as text that PyTorch cannot read; save with "
           "protocol 1 or later");
  }
  out_.PutOpcode(kBinPersId);
}

void Pickler::PutBytes(absl::string_view bytes) {
  if (protocol_ < 3) {
    WriteBytesCall(bytes);
  } else if (bytes.size() < 256) {
    out_.PutCounted(kShortBinBytes, 1, bytes);
  } else {
    out_.PutCounted(kBinBytes, 4, bytes);
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
  out_.PutOpcode(kReduce);
}

void Pickler::WriteByteArray(absl::string_view bytes) {
  if (protocol_ >= 5) {
    out_.PutCounted(kByteArray8, 8, bytes);
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
  out_.PutOpcode(kReduce);
}

void Pickler::WriteComplex(double real, double imag) {
  WriteGlobal("builtins", "complex");
  BeginTuple(2);
  WriteFloat(real);
  WriteFloat(imag);
  EndTuple(2);
  out_.PutOpcode(kReduce);
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
