// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickle_scanner.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/node_stack.h"
#include "ferry/serialization/pickle/opcode_shape.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/text_escapes.h"
#include "ferry/serialization/pickle/unpickle_memo.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// The sizes of the first read and of the longest. The first is short because a
// pickle may be short.
constexpr uint64_t kFirstChunkBytes = uint64_t{4} << 10;
constexpr uint64_t kChunkBytes = uint64_t{64} << 10;

// The memory that a global takes besides its names, a pair of texts that name
// one, and the offset of a use.
constexpr uint64_t kGlobalMemoryBytes = 2 * sizeof(ScannedGlobal) + 128;
constexpr uint64_t kPairMemoryBytes = 64;
constexpr uint64_t kOffsetMemoryBytes = 32;

// A range of bytes in the file.
struct Range {
  uint64_t begin = 0;
  uint64_t size = 0;
};

// An opcode with its operands.
struct Step {
  unsigned char opcode = 0;
  uint64_t offset = 0;
  uint64_t number = 0;  // of kFixed operands, or the length of counted ones
  Range contents;       // counted contents, or the first line
  Range second_line;
  bool is_cut = false;  // whether the pickle ends inside a line
};

// Reads opcodes one after another, in chunks, and skips what they contain.
class OpcodeReader {
 public:
  OpcodeReader(const RandomAccessFile& file, uint64_t begin, uint64_t end)
      : file_(file), data_(file.data()), at_(begin), end_(end) {}

  uint64_t at() const { return at_; }
  bool is_at_end() const { return at_ == end_; }

  // Reads the next opcode. There must be bytes left.
  absl::Status Next(Step* step);

  // Returns the `size` bytes at `at`, or fewer if the pickle ends before them.
  // `size` must be at most `kFirstChunkBytes`. The bytes are valid until the
  // next call.
  absl::StatusOr<absl::string_view> Peek(uint64_t at, uint64_t size);

 private:
  // As `Peek`, but returns all the bytes from `at` on that are in memory.
  absl::StatusOr<absl::string_view> PeekMore(uint64_t at, uint64_t size);
  absl::Status Fault(uint64_t offset, absl::string_view what) const {
    return absl::DataLossError(absl::StrCat(what, " (at offset ", offset, ")"));
  }
  absl::Status TakeLine(Step* step, Range* line);

  const RandomAccessFile& file_;
  const char* const data_;  // null if the file is not in memory
  uint64_t at_;
  const uint64_t end_;
  std::unique_ptr<char[]> buffer_;  // null until the first read
  uint64_t buffer_bytes_ = 0;
  uint64_t chunk_bytes_ = kFirstChunkBytes;
  Range window_;  // the part of the file that it holds
};

absl::StatusOr<absl::string_view> OpcodeReader::PeekMore(uint64_t at,
                                                         uint64_t size) {
  size = std::min(size, end_ - at);
  if (data_ != nullptr) {
    return absl::string_view(data_ + at, end_ - at);
  }
  if (at < window_.begin || at - window_.begin > window_.size ||
      window_.size - (at - window_.begin) < size) {
    window_ = Range();
    const uint64_t chunk = std::min(chunk_bytes_, end_ - at);
    chunk_bytes_ = std::min(2 * chunk_bytes_, kChunkBytes);
    if (chunk > buffer_bytes_) {
      buffer_.reset(new char[chunk]);
      buffer_bytes_ = chunk;
    }
    FERRY_RETURN_IF_ERROR(
        file_.ReadAt(at, absl::MakeSpan(buffer_.get(), chunk)));
    window_ = {at, chunk};
  }
  const uint64_t skipped = at - window_.begin;
  return absl::string_view(buffer_.get() + skipped, window_.size - skipped);
}

absl::StatusOr<absl::string_view> OpcodeReader::Peek(uint64_t at,
                                                     uint64_t size) {
  FERRY_ASSIGN_OR_RETURN(const absl::string_view bytes, PeekMore(at, size));
  return bytes.substr(0, size);
}

absl::Status OpcodeReader::TakeLine(Step* step, Range* line) {
  line->begin = at_;
  while (at_ < end_) {
    FERRY_ASSIGN_OR_RETURN(const absl::string_view chunk, PeekMore(at_, 1));
    const size_t newline = chunk.find('\n');
    if (newline != absl::string_view::npos) {
      at_ += newline + 1;
      line->size = at_ - 1 - line->begin;
      return absl::OkStatus();
    }
    at_ += chunk.size();
  }
  // Python's unpickler in C stops here. The one in Python takes what is left,
  // without its last byte, and runs the opcode.
  step->is_cut = true;
  line->size = at_ - std::min(at_, line->begin + 1);
  return absl::OkStatus();
}

absl::Status OpcodeReader::Next(Step* step) {
  // An opcode and its numbers take at most nine bytes.
  FERRY_ASSIGN_OR_RETURN(const absl::string_view head, Peek(at_, 9));
  const uint64_t offset = at_;
  step->offset = offset;
  step->is_cut = false;
  step->opcode = static_cast<unsigned char>(head[0]);
  const OpcodeShape shape = ShapeOf(step->opcode);
  switch (shape.operands) {
    case Operands::kNoOpcode:
      return Fault(offset,
                   absl::StrCat("there is no opcode 0x",
                                absl::Hex(step->opcode, absl::kZeroPad2)));
    case Operands::kFixed:
    case Operands::kCounted:
      if (head.size() - 1 < shape.size) {
        return Fault(offset, "an operand is cut short");
      }
      step->number = 0;
      std::memcpy(&step->number, head.data() + 1, shape.size);
      at_ += 1 + uint64_t{shape.size};
      if (shape.operands == Operands::kFixed) return absl::OkStatus();
      if (step->number > end_ - at_) {
        at_ = offset;
        return Fault(offset, "an operand is cut short");
      }
      step->contents = {at_, step->number};
      at_ += step->number;
      return absl::OkStatus();
    case Operands::kLines:
      ++at_;
      FERRY_RETURN_IF_ERROR(TakeLine(step, &step->contents));
      return shape.size == 1 ? absl::OkStatus()
                             : TakeLine(step, &step->second_line);
  }
  return Fault(offset, "there is no such opcode");
}

// Symbolic values are numbers, so that the stack and the memo of the unpickler
// hold them: the kind in the two lowest bits, an index above them.
enum Kind : uint32_t { kOther = 0, kText = 1, kGlobalValue = 2, kResult = 3 };
constexpr NodeId kOtherValue = kOther;
constexpr NodeId kPersistent = 1 << 2 | kOther;
constexpr uint32_t kMaxIndex = (uint32_t{1} << 30) - 2;

NodeId ValueOf(Kind kind, uint32_t index) { return index << 2 | kind; }
Kind KindOf(NodeId value) { return static_cast<Kind>(value & 3); }
uint32_t IndexOf(NodeId value) { return value >> 2; }

// The beginning of a text that is looked at: four characters, each escaped as
// "\U00000050", after a quote.
constexpr uint64_t kEscapedHeadBytes = 41;

// Decodes the beginning of a literal of protocol 0, up to its first malformed
// escape.
std::string DecodeHead(absl::string_view head,
                       PickleLiteral::Encoding encoding) {
  const bool is_quoted = encoding == PickleLiteral::Encoding::kPython2Quoted;
  if (is_quoted && !head.empty()) head.remove_prefix(1);
  for (;; head.remove_suffix(1)) {
    std::string text;
    if (is_quoted ? DecodeStringEscape(head, &text)
                  : DecodeRawUnicodeEscape(head, &text)) {
      return text;
    }
  }
}

// Decodes bytes of a literal to UTF-8.
absl::StatusOr<std::string> DecodeLiteral(absl::string_view bytes,
                                          PickleLiteral::Encoding encoding) {
  std::string text;
  switch (encoding) {
    case PickleLiteral::Encoding::kBytes:
    case PickleLiteral::Encoding::kUtf8:
      return std::string(bytes);
    case PickleLiteral::Encoding::kRawUnicode:
      if (!DecodeRawUnicodeEscape(bytes, &text)) {
        return absl::DataLossError("text has a malformed \\u escape");
      }
      return text;
    case PickleLiteral::Encoding::kPython2Quoted: {
      absl::string_view quoted = absl::StripTrailingAsciiWhitespace(bytes);
      if (quoted.size() < 2 || quoted.front() != quoted.back() ||
          !DecodeStringEscape(quoted.substr(1, quoted.size() - 2), &text)) {
        return absl::DataLossError("a string is malformed");
      }
      return text;
    }
  }
  return std::string(bytes);
}

class Scanner {
 public:
  Scanner(const RandomAccessFile& file, uint64_t begin, uint64_t end,
          Budget* budget)
      : file_(file),
        reader_(file, begin, end),
        begin_(begin),
        end_(end),
        budget_(*budget),
        next_charge_(begin) {}

  PickleScan Run();

 private:
  // Stores the first fault.
  void Fault(absl::StatusCode code, absl::string_view what) {
    if (!scan_.fault.ok()) return;
    scan_.fault = absl::Status(
        code, absl::StrCat(what, " (at offset ", step_.offset, ")"));
  }
  void Damaged(absl::string_view what) {
    Fault(absl::StatusCode::kDataLoss, what);
  }

  // Charges the memory that was taken since the last charge. If the budget
  // refuses, stores the error instead of an earlier fault, and returns false.
  bool ChargeMemory();

  // Checks the last opcode against its frame.
  void CheckFrame();
  void OutOfStep(absl::string_view what) {
    scan_.is_out_of_step = true;
    Damaged(what);
  }

  void Push(NodeId value) { stack_.Push(value); }
  // Pops a value, which is `kOtherValue` if there is none above the last mark.
  NodeId Pop();
  void PopCount(int count) {
    for (int i = 0; i < count; ++i) Pop();
  }
  absl::Span<const NodeId> PopMark();
  NodeId Top();

  void PushLiteral(PickleLiteral::Encoding encoding);
  // Collects a literal that begins like a pickle or an archive.
  void ConsiderNested(const PickleLiteral& literal);
  void PushGlobal(PickleLiteral module, PickleLiteral name);
  void PushStackGlobal();
  // Reads the bytes of a literal, at most `max_bytes`. If they cannot be read,
  // the scan ends after this opcode.
  absl::StatusOr<std::string> ReadBytes(const PickleLiteral& literal,
                                        uint64_t max_bytes);
  bool ReadName(const PickleLiteral& literal, std::string* name);
  NodeId GlobalValue(ScannedGlobal::Form form, std::string module,
                     std::string name);
  void Use(uint32_t global, GlobalUse use);
  void Call(NodeId callable);
  // Drops a value without anybody having used it.
  void Drop(NodeId value) {
    if (KindOf(value) == kResult) {
      Use(IndexOf(value), GlobalUse::kResultDropped);
    }
  }
  void ChangeTop();
  void Build();
  bool LineNumber(uint64_t* number);
  void Put(uint64_t index);
  void Get(uint64_t index);

  // Runs `step_`. Returns false after a STOP.
  bool Run1();
  void PushExtension();
  void Stop();

  const RandomAccessFile& file_;
  OpcodeReader reader_;
  const uint64_t begin_;
  const uint64_t end_;
  Budget& budget_;
  uint64_t next_charge_;  // the offset at which memory is charged again
  uint64_t charged_bytes_ = 0;
  uint64_t globals_bytes_ = 0;  // the memory of `scan_.globals`
  uint64_t frame_end_ = 0;      // of the last frame
  bool has_short_frame_ = false;
  Step step_;
  uint64_t protocol_ = 0;
  bool is_unreadable_ = false;  // whether a literal could not be read
  PickleScan scan_;
  NodeStack stack_;
  UnpickleMemo memo_;
  std::vector<PickleLiteral> texts_;
  // Indexes of `scan_.globals`, by form and names.
  HashMap<std::string, uint32_t> global_indexes_;
  // The values that STACK_GLOBAL made of two texts, so that no text is read
  // once per use. The key has whether the names are mapped, too.
  HashMap<std::pair<uint64_t, bool>, NodeId> stack_globals_;
};

bool Scanner::ChargeMemory() {
  next_charge_ = reader_.at() + kChunkBytes;
  const uint64_t bytes =
      stack_.memory_bytes() + memo_.memory_bytes() + globals_bytes_ +
      2 * sizeof(PickleLiteral) * (texts_.size() + scan_.nested.size()) +
      kPairMemoryBytes * stack_globals_.size();
  const uint64_t taken = bytes - std::min(bytes, charged_bytes_);
  charged_bytes_ += taken;
  const absl::Status charged = budget_.ChargeMemory(taken);
  if (!charged.ok()) scan_.fault = charged;
  return charged.ok();
}

void Scanner::CheckFrame() {
  const bool is_inside = step_.offset < frame_end_;
  if (is_inside && reader_.at() > frame_end_) {
    OutOfStep("an operand crosses the end of its frame");
  } else if (is_inside && step_.opcode == kFrame) {
    OutOfStep("a frame begins inside another");
  } else if (is_inside && step_.opcode == kStop && reader_.at() < frame_end_) {
    OutOfStep("STOP is not at the end of its frame");
  }
  if (step_.opcode != kFrame) return;
  if (step_.number > std::numeric_limits<int64_t>::max()) {
    return Damaged("a frame is longer than a file can be");
  }
  if (step_.number > end_ - reader_.at()) has_short_frame_ = true;
  frame_end_ = std::max(
      frame_end_, reader_.at() + std::min(step_.number, end_ - reader_.at()));
}

NodeId Scanner::Pop() {
  if (stack_.num_above_mark() == 0) {
    Damaged("the stack has too few values");
    return kOtherValue;
  }
  return stack_.Pop();
}

absl::Span<const NodeId> Scanner::PopMark() {
  if (stack_.has_mark()) return stack_.PopToMark();
  Damaged("there is no mark on the stack");
  return {};
}

NodeId Scanner::Top() {
  if (stack_.num_above_mark() > 0) return stack_.back();
  Damaged("the stack has too few values");
  return kOtherValue;
}

void Scanner::ConsiderNested(const PickleLiteral& literal) {
  const bool is_escaped =
      literal.encoding == PickleLiteral::Encoding::kRawUnicode ||
      literal.encoding == PickleLiteral::Encoding::kPython2Quoted;
  const absl::StatusOr<absl::string_view> head =
      reader_.Peek(literal.offset_bytes,
                   std::min<uint64_t>(is_escaped ? kEscapedHeadBytes : 4,
                                      literal.size_bytes));
  if (!head.ok()) return;  // the next opcode fails likewise
  std::string decoded;
  absl::string_view text = *head;
  if (is_escaped) {
    decoded = DecodeHead(text, literal.encoding);
    text = decoded;
  }
  if (absl::StartsWith(text, "PK\x03\x04")) {
    scan_.nested.push_back(literal);
    return;
  }
  // PROTO: a byte 0x80, which is two bytes in UTF-8, then the protocol.
  if (literal.encoding != PickleLiteral::Encoding::kBytes) {
    absl::ConsumePrefix(&text, "\xC2");
  }
  if (text.size() >= 2 && static_cast<unsigned char>(text[0]) == kProto &&
      static_cast<unsigned char>(text[1]) <= kHighestProtocol) {
    scan_.nested.push_back(literal);
  }
}

void Scanner::PushLiteral(PickleLiteral::Encoding encoding) {
  const PickleLiteral literal = {step_.contents.begin, step_.contents.size,
                                 encoding};
  ConsiderNested(literal);
  if (encoding == PickleLiteral::Encoding::kBytes) return Push(kOtherValue);
  if (texts_.size() >= kMaxIndex) {
    Fault(absl::StatusCode::kResourceExhausted,
          "the pickle has more texts than the scanner can count");
    return Push(kOtherValue);
  }
  texts_.push_back(literal);
  Push(ValueOf(kText, static_cast<uint32_t>(texts_.size() - 1)));
}

absl::StatusOr<std::string> Scanner::ReadBytes(const PickleLiteral& literal,
                                               uint64_t max_bytes) {
  std::string bytes(std::min(literal.size_bytes, max_bytes), '\0');
  const absl::Status read =
      file_.ReadAt(literal.offset_bytes, absl::MakeSpan(bytes));
  if (read.ok()) return bytes;
  is_unreadable_ = true;
  Fault(read.code(), read.message());
  return read;
}

bool Scanner::ReadName(const PickleLiteral& literal, std::string* name) {
  const absl::StatusOr<std::string> bytes = ReadBytes(literal, kMaxNameBytes);
  if (!bytes.ok()) return false;
  absl::StatusOr<std::string> text = DecodeLiteral(*bytes, literal.encoding);
  if (!text.ok()) {
    Fault(text.status().code(), text.status().message());
    return false;
  }
  *name = std::move(*text);
  return literal.size_bytes <= kMaxNameBytes;
}

void Scanner::Use(uint32_t global, GlobalUse use) {
  ScannedGlobal::Uses& uses =
      scan_.globals[global].uses[static_cast<size_t>(use)];
  ++uses.count;
  if (uses.offsets.size() < ScannedGlobal::Uses::kMaxOffsets) {
    uses.offsets.push_back(step_.offset);
    globals_bytes_ += kOffsetMemoryBytes;
  }
}

NodeId Scanner::GlobalValue(ScannedGlobal::Form form, std::string module,
                            std::string name) {
  std::string key = absl::StrCat(static_cast<int>(form), module.size(), ".",
                                 module, ".", name);
  const auto [found, is_new] = global_indexes_.try_emplace(
      std::move(key), static_cast<uint32_t>(scan_.globals.size()));
  if (is_new) {
    globals_bytes_ += kGlobalMemoryBytes + 2 * (module.size() + name.size());
    scan_.globals.emplace_back();
    scan_.globals.back().form = form;
    scan_.globals.back().module = std::move(module);
    scan_.globals.back().name = std::move(name);
  }
  Use(found->second, GlobalUse::kImported);
  return ValueOf(kGlobalValue, found->second);
}

void Scanner::PushGlobal(PickleLiteral module_text, PickleLiteral name_text) {
  std::string module, name;
  const bool has_module = ReadName(module_text, &module);
  const bool is_named = ReadName(name_text, &name) && has_module;
  if (is_unreadable_) return Push(kOtherValue);
  if (protocol_ < 3) {
    const GlobalName moved = FromPython2({module, name});
    // The views may be those of the strings that are assigned to.
    std::string new_module(moved.module), new_name(moved.name);
    module = std::move(new_module);
    name = std::move(new_name);
  }
  Push(GlobalValue(
      is_named ? ScannedGlobal::Form::kNamed : ScannedGlobal::Form::kComputed,
      std::move(module), std::move(name)));
}

void Scanner::PushStackGlobal() {
  const NodeId name = Pop();
  const NodeId module = Pop();
  if (KindOf(module) == kText && KindOf(name) == kText) {
    const std::pair<uint64_t, bool> key = {uint64_t{module} << 32 | name,
                                           protocol_ < 3};
    const auto found = stack_globals_.find(key);
    if (found != stack_globals_.end()) {
      Use(IndexOf(found->second), GlobalUse::kImported);
      return Push(found->second);
    }
    PushGlobal(texts_[IndexOf(module)], texts_[IndexOf(name)]);
    if (!is_unreadable_) stack_globals_.emplace(key, stack_.back());
    return;
  }
  // What is known of the two. An empty literal stands for the rest.
  const auto known = [this](NodeId value) {
    std::string text;
    if (KindOf(value) == kText) ReadName(texts_[IndexOf(value)], &text);
    return text;
  };
  std::string module_text = known(module);
  std::string name_text = known(name);
  if (is_unreadable_) return Push(kOtherValue);
  Push(GlobalValue(ScannedGlobal::Form::kComputed, std::move(module_text),
                   std::move(name_text)));
}

void Scanner::PushExtension() {
  Push(GlobalValue(ScannedGlobal::Form::kExtension, "",
                   absl::StrCat(step_.number)));
}

void Scanner::Call(NodeId callable) {
  const bool is_extension =
      KindOf(callable) == kGlobalValue &&
      scan_.globals[IndexOf(callable)].form == ScannedGlobal::Form::kExtension;
  scan_.has_calls = scan_.has_calls || (scan_.fault.ok() && !is_extension);
  switch (KindOf(callable)) {
    case kGlobalValue:
      Use(IndexOf(callable), GlobalUse::kCalled);
      return Push(ValueOf(kResult, IndexOf(callable)));
    case kResult:
      Use(IndexOf(callable), GlobalUse::kResultCalled);
      return Push(callable);
    case kText:
    case kOther: {
      // Python refuses to call a text, a number or a list.
      const NodeId computed = GlobalValue(
          callable == kPersistent ? ScannedGlobal::Form::kPersistentId
                                  : ScannedGlobal::Form::kComputed,
          "", "");
      Use(IndexOf(computed), GlobalUse::kCalled);
      return Push(ValueOf(kResult, IndexOf(computed)));
    }
  }
}

// The value at the top is given items: an attribute or an entry of a class or a
// module, if it is a global itself.
void Scanner::ChangeTop() {
  const NodeId target = Top();
  if (KindOf(target) == kGlobalValue) {
    Use(IndexOf(target), GlobalUse::kChanged);
  } else if (target == kPersistent) {
    const NodeId persistent =
        GlobalValue(ScannedGlobal::Form::kPersistentId, "", "");
    Use(IndexOf(persistent), GlobalUse::kChanged);
  }
}

void Scanner::Build() {
  Pop();
  ChangeTop();
  const NodeId target = Top();
  if (KindOf(target) == kResult) Use(IndexOf(target), GlobalUse::kStateSet);
}

// Reads a number as Python's `int` does: blanks, a sign and underscores are
// allowed, and a NUL ends it.
bool Scanner::LineNumber(uint64_t* number) {
  PickleLiteral literal = {step_.contents.begin, step_.contents.size,
                           PickleLiteral::Encoding::kBytes};
  absl::StatusOr<std::string> line = ReadBytes(literal, 256);
  if (!line.ok()) return false;
  line->resize(std::min(line->size(), line->find('\0')));
  line->erase(std::remove(line->begin(), line->end(), '_'), line->end());
  if (literal.size_bytes <= 256 && absl::SimpleAtoi(*line, number)) return true;
  Damaged("a number is malformed");
  return false;
}

void Scanner::Put(uint64_t index) {
  memo_.Put(index, Top(), reader_.at() - begin_);
}

void Scanner::Get(uint64_t index) {
  NodeId value = memo_.Get(index);
  if (value == kNoNode) {
    Damaged(absl::StrCat("there is no memo entry ", index));
    value = kOtherValue;
  }
  Push(value);
}

void Scanner::Stop() {
  Pop();  // the root, which Python returns; it forgets what else is there
  for (;;) {
    while (stack_.num_above_mark() > 0) Drop(stack_.Pop());
    if (!stack_.has_mark()) break;
    stack_.PopMark();
  }
  scan_.is_complete = true;
}

bool Scanner::Run1() {
  using Encoding = PickleLiteral::Encoding;
  uint64_t number = step_.number;
  switch (step_.opcode) {
    case kStop:
      Stop();
      return false;
    case kProto:
      if (number > kHighestProtocol) {
        Damaged(absl::StrCat("pickle protocol ", number, " does not exist"));
      }
      protocol_ = number;
      return true;
    case kFrame:
      return true;

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
    case kEmptyTuple:
    case kEmptyList:
    case kEmptyDict:
    case kEmptySet:
    case kNextBuffer:
      Push(kOtherValue);
      return true;
    case kReadOnlyBuffer:
      return true;

    case kShortBinBytes:
    case kBinBytes:
    case kBinBytes8:
    case kByteArray8:
      PushLiteral(Encoding::kBytes);
      return true;
    case kShortBinUnicode:
    case kBinUnicode:
    case kBinUnicode8:
    // PyTorch decodes the strings of Python 2 as UTF-8.
    case kShortBinString:
    case kBinString:
      PushLiteral(Encoding::kUtf8);
      return true;
    case kString:
      PushLiteral(Encoding::kPython2Quoted);
      return true;
    case kUnicode:
      PushLiteral(Encoding::kRawUnicode);
      return true;

    case kMark:
      stack_.PushMark();
      return true;
    case kPop:
      if (stack_.num_above_mark() == 0 && stack_.has_mark()) {
        stack_.PopMark();
      } else {
        Drop(Pop());
      }
      return true;
    case kPopMark:
      for (const NodeId value : PopMark()) Drop(value);
      return true;
    case kDup:
      Push(Top());
      return true;

    case kTuple1:
    case kTuple2:
    case kTuple3:
      PopCount(step_.opcode - kTuple1 + 1);
      Push(kOtherValue);
      return true;
    case kTuple:
    case kList:
    case kDict:
    case kFrozenSet:
      PopMark();
      Push(kOtherValue);
      return true;
    case kAppend:
      Pop();
      ChangeTop();
      return true;
    case kSetItem:
      PopCount(2);
      ChangeTop();
      return true;
    case kAppends:
    case kSetItems:
    case kAddItems:
      PopMark();
      ChangeTop();
      return true;

    case kBinPut:
    case kLongBinPut:
      Put(number);
      return true;
    case kPut:
      if (LineNumber(&number)) Put(number);
      return true;
    case kMemoize:
      Put(memo_.size());
      return true;
    case kBinGet:
    case kLongBinGet:
      Get(number);
      return true;
    case kGet:
      if (LineNumber(&number)) {
        Get(number);
      } else {
        Push(kOtherValue);
      }
      return true;

    case kGlobal:
      PushGlobal(
          {step_.contents.begin, step_.contents.size, Encoding::kUtf8},
          {step_.second_line.begin, step_.second_line.size, Encoding::kUtf8});
      return true;
    case kStackGlobal:
      PushStackGlobal();
      return true;
    case kExt1:
    case kExt2:
    case kExt4:
      PushExtension();
      return true;
    case kReduce:
    case kNewObj:
      Pop();
      Call(Pop());
      return true;
    case kNewObjEx:
      PopCount(2);
      Call(Pop());
      return true;
    case kInst:
      PushGlobal(
          {step_.contents.begin, step_.contents.size, Encoding::kUtf8},
          {step_.second_line.begin, step_.second_line.size, Encoding::kUtf8});
      if (!is_unreadable_) {
        const NodeId callable = Pop();
        PopMark();
        Call(callable);
      }
      return true;
    case kObj: {
      const absl::Span<const NodeId> items = PopMark();
      Call(items.empty() ? kOtherValue : items[0]);
      return true;
    }
    case kBuild:
      Build();
      return true;
    case kPersId:
      Push(kPersistent);
      return true;
    case kBinPersId:
      Pop();
      Push(kPersistent);
      return true;
    default:
      return true;  // `OpcodeReader` refuses all others
  }
}

PickleScan Scanner::Run() {
  while (!reader_.is_at_end()) {
    const absl::Status status = reader_.Next(&step_);
    if (!status.ok()) {
      // A length that crosses the end of the frame is not what Python reads.
      if (reader_.at() < frame_end_ && frame_end_ - reader_.at() <= 9) {
        scan_.is_out_of_step = true;
      }
      if (scan_.fault.ok()) scan_.fault = status;
      break;
    }
    ++scan_.num_opcodes;
    CheckFrame();
    if (step_.is_cut) Damaged("a line is cut short");
    if (!Run1() || is_unreadable_) break;
    if (reader_.at() >= next_charge_ && !ChargeMemory()) break;
  }
  ChargeMemory();
  if (!scan_.is_complete && scan_.fault.ok()) {
    scan_.fault = absl::DataLossError(
        absl::StrCat("the pickle is cut short: it has no STOP (at offset ",
                     reader_.at(), ")"));
  }
  if (has_short_frame_ && scan_.fault.ok()) {
    scan_.has_only_short_frame = true;
    scan_.fault = absl::DataLossError(
        "a frame is cut short, which Python's unpickler in C refuses, and the "
        "one in Python does not");
  }
  scan_.end_offset_bytes = reader_.at();
  scan_.next_offset_bytes = std::max(reader_.at(), frame_end_);
  return std::move(scan_);
}

}  // namespace

PickleScan ScanPickle(const RandomAccessFile& file, uint64_t begin,
                      uint64_t end, Budget* budget) {
  return Scanner(file, begin, end, budget).Run();
}

absl::StatusOr<std::string> ReadLiteral(const RandomAccessFile& file,
                                        const PickleLiteral& literal,
                                        uint64_t max_bytes) {
  std::string bytes(std::min(literal.size_bytes, max_bytes), '\0');
  FERRY_RETURN_IF_ERROR(
      file.ReadAt(literal.offset_bytes, absl::MakeSpan(bytes)));
  return DecodeLiteral(bytes, literal.encoding);
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
