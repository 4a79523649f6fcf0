// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickler.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/python_calls.h"
#include "ferry/serialization/pickle/utf8.h"

namespace ferry {
namespace pickle {

absl::StatusOr<NodeId> UnpickleHooks::PersistentLoad(NodeId, ObjectGraph*) {
  return absl::DataLossError(
      "the pickle refers to storages (persistent ids) where it cannot have "
      "any");
}
absl::Status UnpickleHooks::OnGlobal(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}
absl::Status UnpickleHooks::OnObject(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}
absl::Status UnpickleHooks::OnState(NodeId, ObjectGraph*) {
  return absl::OkStatus();
}

namespace {

// Text longer than this does not fit a node.
constexpr uint64_t kMaxTextBytes = 0xFFFFFFFFu;

// Integers written in decimal cost time that grows with the square of their
// length; Python itself refuses more digits than this by default.
constexpr size_t kMaxDecimalDigits = 4300;

// References and values on the stack are counted in 32 bits, and a container
// that grows takes half as much again as it needs: with these bounds no sum
// leaves them.
constexpr uint64_t kMaxReferences = uint64_t{1} << 30;
constexpr uint64_t kMaxStackValues = uint64_t{1} << 29;

// Module and attribute names longer than this are not names.
constexpr size_t kMaxNameBytes = 4096;

// The two's complement, little-endian, of a decimal integer of any size.
std::string DecimalToTwosComplement(absl::string_view digits, bool negative) {
  std::string bytes(1, '\0');
  for (char digit : digits) {
    unsigned carry = digit - '0';
    for (char& byte : bytes) {
      const unsigned value = static_cast<unsigned char>(byte) * 10u + carry;
      byte = static_cast<char>(value & 0xFF);
      carry = value >> 8;
    }
    if (carry != 0) bytes.push_back(static_cast<char>(carry));
  }
  bytes.push_back('\0');
  if (negative) {
    unsigned carry = 1;
    for (char& byte : bytes) {
      const unsigned value = static_cast<unsigned char>(~byte) + carry;
      byte = static_cast<char>(value & 0xFF);
      carry = value >> 8;
    }
  }
  return bytes;
}

class Unpickler {
 public:
  Unpickler(absl::string_view bytes, const UnpickleOptions& options,
            UnpickleHooks* hooks, ObjectGraph* graph)
      : begin_(bytes.data()),
        next_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        options_(options),
        hooks_(hooks == nullptr ? &no_hooks_ : hooks),
        graph_(graph),
        copy_budget_(bytes.size()) {
    std::fill(std::begin(small_ints_), std::end(small_ints_), kNoNode);
  }

  absl::StatusOr<UnpickleResult> Run();

 private:
  // Errors are made out of line: nearly every opcode checks something, and
  // nearly none finds it wrong.
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD static absl::Status Damaged(
      absl::string_view what) {
    return absl::DataLossError(what);
  }
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD absl::Status CutShort(
      uint64_t size) const {
    return Damaged(absl::StrCat("an operand of ", size, " bytes is cut short: ",
                                left(), " bytes are left"));
  }

  absl::Status Step(unsigned char opcode);
  absl::Status CheckLimits() const;

  uint64_t left() const { return static_cast<uint64_t>(end_ - next_); }

  absl::Status Take(uint64_t size, absl::string_view* out) {
    if (ABSL_PREDICT_FALSE(size > left())) return CutShort(size);
    *out = absl::string_view(next_, size);
    next_ += size;
    return absl::OkStatus();
  }

  // A little-endian number of `size` bytes.
  absl::Status TakeNumber(int size, uint64_t* out) {
    if (ABSL_PREDICT_FALSE(static_cast<uint64_t>(size) > left())) {
      return CutShort(size);
    }
    *out = 0;
    for (int i = size; i-- > 0;) {
      *out = (*out << 8) | static_cast<unsigned char>(next_[i]);
    }
    next_ += size;
    return absl::OkStatus();
  }

  // A length of `length_size` bytes, then that many bytes.
  absl::Status TakeCounted(int length_size, absl::string_view* out) {
    uint64_t length;
    FERRY_RETURN_IF_ERROR(TakeNumber(length_size, &length));
    FERRY_RETURN_IF_ERROR(Take(length, out));
    if (length > kMaxTextBytes) {
      return absl::UnimplementedError(
          absl::StrCat("text of ", length, " bytes; at most ", kMaxTextBytes,
                       " are supported"));
    }
    return absl::OkStatus();
  }

  absl::Status TakeLine(absl::string_view* out) {
    const void* newline = std::memchr(next_, '\n', left());
    if (newline == nullptr) return Damaged("a line is cut short");
    const char* line_end = static_cast<const char*>(newline);
    *out = absl::string_view(next_, line_end - next_);
    next_ = line_end + 1;
    return absl::OkStatus();
  }

  void Push(NodeId node) { stack_.push_back(node); }

  // Nodes above the last mark, which must be there for the caller to pop.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  absl::Status Need(size_t count) const {
    if (ABSL_PREDICT_FALSE(stack_.size() - floor() < count)) {
      return Damaged("the stack has too few values");
    }
    return absl::OkStatus();
  }

  NodeId Pop() {
    const NodeId node = stack_.back();
    stack_.pop_back();
    return node;
  }

  // Takes the values above the last mark, and the mark. The result is valid
  // until the next call.
  absl::Status PopMark(absl::Span<const NodeId>* items) {
    if (marks_.empty()) return Damaged("there is no mark on the stack");
    const size_t mark = marks_.back();
    marks_.pop_back();
    popped_.assign(stack_.begin() + mark, stack_.end());
    stack_.resize(mark);
    *items = popped_;
    return absl::OkStatus();
  }

  NodeId IntNode(int64_t value) {
    if (value < 0 || value > 255) return graph_->AddInt(value);
    NodeId& node = small_ints_[value];
    if (node == kNoNode) node = graph_->AddInt(value);
    return node;
  }

  absl::Status Put(uint64_t index) {
    FERRY_RETURN_IF_ERROR(Need(1));
    // An honest index is smaller than the number of opcodes before it.
    if (index < static_cast<uint64_t>(next_ - begin_)) {
      if (index >= memo_.size()) {
        memo_.resize(std::max<size_t>(index + 1, memo_.size() * 2), kNoNode);
      }
      if (memo_[index] == kNoNode) ++memo_count_;
      memo_[index] = stack_.back();
    } else {
      if (far_memo_.insert_or_assign(index, stack_.back()).second) {
        ++memo_count_;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Get(uint64_t index) {
    NodeId node = kNoNode;
    if (index < memo_.size()) node = memo_[index];
    if (node == kNoNode) {
      const auto found = far_memo_.find(index);
      if (found == far_memo_.end()) {
        return Damaged(absl::StrCat("there is no memo entry ", index));
      }
      node = found->second;
    }
    Push(node);
    NoteDroppedCall(node);
    return absl::OkStatus();
  }

  // After a call whose result was dropped at once: whether that was a copy of
  // `node`, which the arguments of the call made.
  void NoteDroppedCall(NodeId node) {
    const NodeId dropped = dropped_before_;
    if (dropped == kNoNode || dropped == node || !graph_->is_object(node) ||
        graph_->object(node).callable != graph_->object(dropped).callable ||
        graph_->object(node).form != graph_->object(dropped).form) {
      return;
    }
    graph_->AddDroppedCall(node, dropped);
  }

  absl::Status TakeLineNumber(uint64_t* out) {
    absl::string_view line;
    FERRY_RETURN_IF_ERROR(TakeLine(&line));
    if (!absl::SimpleAtoi(line, out)) return Damaged("a number is malformed");
    return absl::OkStatus();
  }

  absl::Status PushStr(absl::string_view text) {
    if (!IsValidUtf8(text)) return Damaged("text is not valid UTF-8");
    Push(graph_->AddStr(text));
    return absl::OkStatus();
  }

  void PushPython2String(absl::string_view text) {
    Push(IsValidUtf8(text) ? graph_->AddStr(text) : graph_->AddBytes(text));
  }

  absl::Status PushDecimal(absl::string_view line);
  absl::Status PushIntLine();
  absl::Status PushFloatLine();
  absl::Status PushQuotedLine();
  absl::Status PushRawUnicodeLine();

  absl::Status GlobalNode(absl::string_view module, absl::string_view name,
                          NodeId* out);
  absl::Status PushGlobalLines();
  absl::Status PushStackGlobal();

  absl::Status Call(ObjectForm form, NodeId callable, NodeId args,
                    NodeId kwargs);
  absl::Status CallWithStackArgs(ObjectForm form);
  absl::Status Instantiate(NodeId callable, absl::Span<const NodeId> args);
  absl::Status AppendItems(absl::Span<const NodeId> items, ValueKind plain);
  absl::Status SetItems(absl::Span<const NodeId> keys_and_values);
  absl::Status Build();
  absl::Status DropCall(NodeId call);
  absl::Status PersistentLoad(NodeId id);

  const char* const begin_;
  const char* next_;
  const char* const end_;
  const UnpickleOptions options_;
  UnpickleHooks no_hooks_;
  UnpickleHooks* const hooks_;
  ObjectGraph* const graph_;

  int protocol_ = 0;
  std::vector<NodeId> stack_;
  std::vector<size_t> marks_;
  std::vector<NodeId> popped_;
  std::vector<NodeId, HugePageAllocator<NodeId>> memo_;
  absl::flat_hash_map<uint64_t, NodeId> far_memo_;
  uint64_t memo_count_ = 0;  // entries, which MEMOIZE numbers by
  NodeId small_ints_[256];
  uint64_t copy_budget_;  // of RebuildPythonValue
  // The object that the opcode before, and the one at hand, made by a call.
  NodeId call_before_ = kNoNode;
  NodeId call_ = kNoNode;
  // Likewise such an object that was popped at once.
  NodeId dropped_before_ = kNoNode;
  NodeId dropped_ = kNoNode;
};

absl::Status Unpickler::PushDecimal(absl::string_view line) {
  absl::string_view digits = line;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (negative) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > kMaxDecimalDigits ||
      !std::all_of(digits.begin(), digits.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    return Damaged(
        "a decimal integer is malformed or has more than 4300 digits");
  }
  int64_t value;
  if (absl::SimpleAtoi(line, &value)) {
    Push(IntNode(value));
  } else {
    Push(graph_->AddBigInt(DecimalToTwosComplement(digits, negative)));
  }
  return absl::OkStatus();
}

absl::Status Unpickler::PushIntLine() {
  absl::string_view line;
  FERRY_RETURN_IF_ERROR(TakeLine(&line));
  if (line == "00" || line == "01") {
    Push(graph_->AddBool(line == "01"));
    return absl::OkStatus();
  }
  return PushDecimal(line);
}

absl::Status Unpickler::PushFloatLine() {
  absl::string_view line;
  FERRY_RETURN_IF_ERROR(TakeLine(&line));
  double value;
  if (!absl::SimpleAtod(line, &value)) return Damaged("a float is malformed");
  Push(graph_->AddFloat(value));
  return absl::OkStatus();
}

absl::Status Unpickler::PushQuotedLine() {
  absl::string_view line;
  FERRY_RETURN_IF_ERROR(TakeLine(&line));
  line = absl::StripTrailingAsciiWhitespace(line);
  if (line.size() < 2 || line.front() != line.back() ||
      (line[0] != '\'' && line[0] != '"')) {
    return Damaged("a string has no quotes");
  }
  std::string text;
  if (!DecodeStringEscape(line.substr(1, line.size() - 2), &text)) {
    return Damaged("a string has a malformed escape");
  }
  PushPython2String(text);
  return absl::OkStatus();
}

absl::Status Unpickler::PushRawUnicodeLine() {
  absl::string_view line;
  FERRY_RETURN_IF_ERROR(TakeLine(&line));
  std::string text;
  if (!DecodeRawUnicodeEscape(line, &text)) {
    return Damaged("text has a malformed \\u escape");
  }
  Push(graph_->AddStr(text));
  return absl::OkStatus();
}

absl::Status Unpickler::GlobalNode(absl::string_view module,
                                   absl::string_view name, NodeId* out) {
  if (module.empty() || name.empty() || module.size() > kMaxNameBytes ||
      name.size() > kMaxNameBytes || !IsValidUtf8(module) ||
      !IsValidUtf8(name) || module.find('\0') != absl::string_view::npos ||
      name.find('\0') != absl::string_view::npos ||
      name.find('\n') != absl::string_view::npos ||
      module.find('\n') != absl::string_view::npos) {
    return Damaged("a global's module or name is not a name");
  }
  if (protocol_ < 3) {
    const GlobalName moved = FromPython2({module, name});
    module = moved.module;
    name = moved.name;
  }
  const size_t globals_before = graph_->globals().size();
  *out = graph_->AddGlobal(module, name);
  if (graph_->globals().size() > globals_before) {
    FERRY_RETURN_IF_ERROR(hooks_->OnGlobal(*out, graph_));
  }
  return absl::OkStatus();
}

absl::Status Unpickler::PushGlobalLines() {
  absl::string_view module, name;
  FERRY_RETURN_IF_ERROR(TakeLine(&module));
  FERRY_RETURN_IF_ERROR(TakeLine(&name));
  NodeId node;
  FERRY_RETURN_IF_ERROR(GlobalNode(module, name, &node));
  Push(node);
  return absl::OkStatus();
}

absl::Status Unpickler::PushStackGlobal() {
  FERRY_RETURN_IF_ERROR(Need(2));
  const NodeId name = Pop();
  const NodeId module = Pop();
  if (graph_->kind(name) != ValueKind::kStr ||
      graph_->kind(module) != ValueKind::kStr) {
    return Damaged("a global's module or name is not text");
  }
  NodeId node;
  FERRY_RETURN_IF_ERROR(
      GlobalNode(graph_->text(module), graph_->text(name), &node));
  GlobalRecord& record = graph_->mutable_global(node);
  if (record.module_node == kNoNode) {
    record.module_node = module;
    record.name_node = name;
  }
  Push(node);
  return absl::OkStatus();
}

absl::Status Unpickler::Call(ObjectForm form, NodeId callable, NodeId args,
                             NodeId kwargs) {
  if (graph_->kind(args) != ValueKind::kTuple) {
    return Damaged("the arguments of a call are not a tuple");
  }
  if (form == ObjectForm::kCall && graph_->is_global(callable)) {
    const NodeId value =
        RebuildPythonValue(callable, args, &copy_budget_, graph_);
    if (value != kNoNode) {
      Push(value);
      return absl::OkStatus();
    }
  }
  const NodeId object = graph_->AddObject(form, callable, args, kwargs);
  Push(object);
  call_ = object;
  return hooks_->OnObject(object, graph_);
}

absl::Status Unpickler::CallWithStackArgs(ObjectForm form) {
  FERRY_RETURN_IF_ERROR(Need(2));
  const NodeId args = Pop();
  const NodeId callable = Pop();
  return Call(form, callable, args, kNoNode);
}

// INST and OBJ: how protocols 0 and 1 wrote instances of old-style classes.
absl::Status Unpickler::Instantiate(NodeId callable,
                                    absl::Span<const NodeId> args) {
  const ObjectForm form = args.empty() ? ObjectForm::kNew : ObjectForm::kCall;
  return Call(form, callable, graph_->AddTuple(args), kNoNode);
}

absl::Status Unpickler::AppendItems(absl::Span<const NodeId> items,
                                    ValueKind plain) {
  FERRY_RETURN_IF_ERROR(Need(1));
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (graph_->is_object(target)) {
    if (kind != ValueKind::kObject) {
      return Damaged(absl::StrCat("items are appended to a ", Name(kind)));
    }
    if (graph_->object(target).state != kNoNode) {
      return absl::UnimplementedError(
          "an object is given items after its state");
    }
  } else if (kind != plain) {
    return Damaged(absl::StrCat("items are appended to a ", Name(kind)));
  }
  graph_->AppendItems(target, items);
  return absl::OkStatus();
}

absl::Status Unpickler::SetItems(absl::Span<const NodeId> keys_and_values) {
  FERRY_RETURN_IF_ERROR(Need(1));
  if (keys_and_values.size() % 2 != 0) {
    return Damaged("a dict is given a key without a value");
  }
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (kind != ValueKind::kDict && kind != ValueKind::kObject) {
    return Damaged(absl::StrCat("entries are set in a ", Name(kind)));
  }
  if (graph_->is_object(target) && graph_->object(target).state != kNoNode) {
    return absl::UnimplementedError(
        "an object is given entries after its state");
  }
  graph_->AppendEntries(target, keys_and_values);
  return absl::OkStatus();
}

absl::Status Unpickler::Build() {
  FERRY_RETURN_IF_ERROR(Need(2));
  const NodeId state = Pop();
  const NodeId object = stack_.back();
  if (!graph_->is_object(object)) {
    return Damaged(
        absl::StrCat("state is given to a ", Name(graph_->kind(object))));
  }
  if (graph_->object(object).state != kNoNode) {
    return absl::UnimplementedError("an object is given state twice");
  }
  graph_->SetState(object, state);
  return hooks_->OnState(object, graph_);
}

// A call whose result is thrown away at once. If it is `setter(object, state)`
// with `object` below it on the stack, that is how Python pickles an object
// whose reduction brings its own function to set the state.
absl::Status Unpickler::DropCall(NodeId call) {
  const ObjectRecord& record = graph_->object(call);
  const absl::Span<const NodeId> args = graph_->items(record.args);
  if (record.form != ObjectForm::kCall || args.size() != 2 ||
      stack_.size() == floor() || args[0] != stack_.back()) {
    dropped_ = call;
    return absl::OkStatus();
  }
  const NodeId object = stack_.back();
  if (!graph_->is_object(object) || graph_->object(object).state != kNoNode) {
    return absl::UnimplementedError(
        "a function sets the state of something that can have none, or has it "
        "already");
  }
  graph_->SetState(object, args[1], record.callable);
  return absl::OkStatus();
}

absl::Status Unpickler::PersistentLoad(NodeId id) {
  FERRY_ASSIGN_OR_RETURN(const NodeId node, hooks_->PersistentLoad(id, graph_));
  Push(node);
  return absl::OkStatus();
}

absl::Status Unpickler::Step(unsigned char opcode) {
  absl::string_view text;
  absl::Span<const NodeId> items;
  uint64_t number = 0;
  call_before_ = std::exchange(call_, kNoNode);
  dropped_before_ = std::exchange(dropped_, kNoNode);
  switch (opcode) {
    case kProto:
      FERRY_RETURN_IF_ERROR(TakeNumber(1, &number));
      if (number > kHighestProtocol) {
        return Damaged(absl::StrCat("pickle protocol ", number,
                                    " does not exist; the highest is 5"));
      }
      protocol_ = static_cast<int>(number);
      return absl::OkStatus();
    case kFrame:
      // Frames only help to read from slow files; their length is a promise.
      FERRY_RETURN_IF_ERROR(TakeNumber(8, &number));
      if (number > left()) return Damaged("a frame is cut short");
      return absl::OkStatus();

    case kNone:
      Push(ObjectGraph::kNone);
      return absl::OkStatus();
    case kNewTrue:
      Push(ObjectGraph::kTrue);
      return absl::OkStatus();
    case kNewFalse:
      Push(ObjectGraph::kFalse);
      return absl::OkStatus();
    case kBinInt1:
      FERRY_RETURN_IF_ERROR(TakeNumber(1, &number));
      Push(IntNode(static_cast<int64_t>(number)));
      return absl::OkStatus();
    case kBinInt2:
      FERRY_RETURN_IF_ERROR(TakeNumber(2, &number));
      Push(IntNode(static_cast<int64_t>(number)));
      return absl::OkStatus();
    case kBinInt:
      FERRY_RETURN_IF_ERROR(TakeNumber(4, &number));
      Push(IntNode(static_cast<int32_t>(static_cast<uint32_t>(number))));
      return absl::OkStatus();
    case kLong1:
      FERRY_RETURN_IF_ERROR(TakeCounted(1, &text));
      Push(graph_->AddBigInt(text));
      return absl::OkStatus();
    case kLong4:
      FERRY_RETURN_IF_ERROR(TakeNumber(4, &number));
      if (number > 0x7FFFFFFF)
        return Damaged("an integer's length is negative");
      FERRY_RETURN_IF_ERROR(Take(number, &text));
      Push(graph_->AddBigInt(text));
      return absl::OkStatus();
    case kInt:
      return PushIntLine();
    case kLong:
      FERRY_RETURN_IF_ERROR(TakeLine(&text));
      if (!text.empty() && text.back() == 'L') text.remove_suffix(1);
      return PushDecimal(text);
    case kFloat:
      return PushFloatLine();
    case kBinFloat: {
      FERRY_RETURN_IF_ERROR(Take(8, &text));
      uint64_t bits = 0;
      for (char c : text) bits = (bits << 8) | static_cast<unsigned char>(c);
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      Push(graph_->AddFloat(value));
      return absl::OkStatus();
    }

    case kShortBinUnicode:
      FERRY_RETURN_IF_ERROR(TakeCounted(1, &text));
      return PushStr(text);
    case kBinUnicode:
      FERRY_RETURN_IF_ERROR(TakeCounted(4, &text));
      return PushStr(text);
    case kBinUnicode8:
      FERRY_RETURN_IF_ERROR(TakeCounted(8, &text));
      return PushStr(text);
    case kUnicode:
      return PushRawUnicodeLine();
    case kString:
      return PushQuotedLine();
    case kShortBinString:
      FERRY_RETURN_IF_ERROR(TakeCounted(1, &text));
      PushPython2String(text);
      return absl::OkStatus();
    case kBinString:
      FERRY_RETURN_IF_ERROR(TakeCounted(4, &text));
      PushPython2String(text);
      return absl::OkStatus();
    case kShortBinBytes:
      FERRY_RETURN_IF_ERROR(TakeCounted(1, &text));
      Push(graph_->AddBytes(text));
      return absl::OkStatus();
    case kBinBytes:
      FERRY_RETURN_IF_ERROR(TakeCounted(4, &text));
      Push(graph_->AddBytes(text));
      return absl::OkStatus();
    case kBinBytes8:
      FERRY_RETURN_IF_ERROR(TakeCounted(8, &text));
      Push(graph_->AddBytes(text));
      return absl::OkStatus();
    case kByteArray8:
      FERRY_RETURN_IF_ERROR(TakeCounted(8, &text));
      Push(graph_->AddByteArray(text));
      return absl::OkStatus();

    case kMark:
      marks_.push_back(stack_.size());
      return absl::OkStatus();
    case kPop:
      // Like CPython: with nothing above the mark it drops the mark.
      if (stack_.size() == floor()) {
        if (marks_.empty()) return Damaged("the stack is empty");
        marks_.pop_back();
        return absl::OkStatus();
      }
      if (Pop() == call_before_) return DropCall(call_before_);
      return absl::OkStatus();
    case kPopMark:
      return PopMark(&items);
    case kDup:
      FERRY_RETURN_IF_ERROR(Need(1));
      Push(stack_.back());
      return absl::OkStatus();

    case kEmptyTuple:
      Push(ObjectGraph::kEmptyTuple);
      return absl::OkStatus();
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      const size_t count = opcode - kTuple1 + 1;
      FERRY_RETURN_IF_ERROR(Need(count));
      const NodeId tuple =
          graph_->AddTuple(absl::MakeConstSpan(stack_).last(count));
      stack_.resize(stack_.size() - count);
      Push(tuple);
      return absl::OkStatus();
    }
    case kTuple:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      Push(graph_->AddTuple(items));
      return absl::OkStatus();
    case kEmptyList:
      Push(graph_->AddList());
      return absl::OkStatus();
    case kList:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      Push(graph_->AddList(items));
      return absl::OkStatus();
    case kEmptyDict:
      Push(graph_->AddDict());
      return absl::OkStatus();
    case kDict: {
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      if (items.size() % 2 != 0) {
        return Damaged("a dict is given a key without a value");
      }
      const NodeId dict = graph_->AddDict();
      graph_->AppendEntries(dict, items);
      Push(dict);
      return absl::OkStatus();
    }
    case kEmptySet:
      Push(graph_->AddSet());
      return absl::OkStatus();
    case kFrozenSet:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      Push(graph_->AddFrozenSet(items));
      return absl::OkStatus();
    case kAppend: {
      FERRY_RETURN_IF_ERROR(Need(2));
      const NodeId item = Pop();
      return AppendItems({&item, 1}, ValueKind::kList);
    }
    case kAppends:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      return AppendItems(items, ValueKind::kList);
    case kAddItems:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      return AppendItems(items, ValueKind::kSet);
    case kSetItem: {
      FERRY_RETURN_IF_ERROR(Need(3));
      const NodeId entry[2] = {stack_[stack_.size() - 2], stack_.back()};
      stack_.resize(stack_.size() - 2);
      return SetItems(entry);
    }
    case kSetItems:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      return SetItems(items);

    case kBinPut:
      FERRY_RETURN_IF_ERROR(TakeNumber(1, &number));
      return Put(number);
    case kLongBinPut:
      FERRY_RETURN_IF_ERROR(TakeNumber(4, &number));
      return Put(number);
    case kPut:
      FERRY_RETURN_IF_ERROR(TakeLineNumber(&number));
      return Put(number);
    case kMemoize:
      return Put(memo_count_);
    case kBinGet:
      FERRY_RETURN_IF_ERROR(TakeNumber(1, &number));
      return Get(number);
    case kLongBinGet:
      FERRY_RETURN_IF_ERROR(TakeNumber(4, &number));
      return Get(number);
    case kGet:
      FERRY_RETURN_IF_ERROR(TakeLineNumber(&number));
      return Get(number);

    case kGlobal:
      return PushGlobalLines();
    case kStackGlobal:
      return PushStackGlobal();
    case kReduce:
      return CallWithStackArgs(ObjectForm::kCall);
    case kNewObj:
      return CallWithStackArgs(ObjectForm::kNew);
    case kNewObjEx: {
      FERRY_RETURN_IF_ERROR(Need(3));
      const NodeId kwargs = Pop();
      const NodeId args = Pop();
      const NodeId callable = Pop();
      if (graph_->kind(kwargs) != ValueKind::kDict) {
        return Damaged("the keyword arguments of a call are not a dict");
      }
      return Call(ObjectForm::kNewEx, callable, args, kwargs);
    }
    case kInst: {
      FERRY_RETURN_IF_ERROR(PushGlobalLines());
      const NodeId callable = Pop();
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      return Instantiate(callable, items);
    }
    case kObj:
      FERRY_RETURN_IF_ERROR(PopMark(&items));
      if (items.empty()) return Damaged("an object has no class");
      return Instantiate(items[0], items.subspan(1));
    case kBuild:
      return Build();

    case kBinPersId:
      FERRY_RETURN_IF_ERROR(Need(1));
      return PersistentLoad(Pop());
    case kPersId:
      FERRY_RETURN_IF_ERROR(TakeLine(&text));
      FERRY_RETURN_IF_ERROR(PushStr(text));
      return PersistentLoad(Pop());

    case kExt1:
    case kExt2:
    case kExt4:
      return absl::UnimplementedError(
          "the pickle uses an extension code, whose meaning only the program "
          "that wrote it knows");
    case kNextBuffer:
    case kReadOnlyBuffer:
      return absl::UnimplementedError(
          "the pickle uses an out-of-band buffer, which is not in the file");
    default:
      return Damaged(absl::StrCat("there is no opcode 0x",
                                  absl::Hex(opcode, absl::kZeroPad2)));
  }
}

absl::Status Unpickler::CheckLimits() const {
  if (graph_->size() > options_.max_nodes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the pickle makes more than ", options_.max_nodes,
                     " objects; raise the limit if it is to be trusted"));
  }
  if (graph_->num_references() > kMaxReferences ||
      stack_.size() > kMaxStackValues) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the pickle's containers hold more than ", kMaxReferences, " items"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UnpickleResult> Unpickler::Run() {
  const NodeId first_node = graph_->size();
  while (next_ != end_) {
    const char* const start = next_;
    const auto opcode = static_cast<unsigned char>(*next_++);
    if (opcode == kStop) {
      absl::Status status = Need(1);
      if (status.ok() && !marks_.empty()) status = Damaged("a mark is left");
      if (!status.ok()) {
        return absl::Status(status.code(),
                            absl::StrCat(status.message(), " (at offset ",
                                         start - begin_, " of the pickle)"));
      }
      UnpickleResult result;
      result.root = Pop();
      result.protocol = protocol_;
      result.size_bytes = static_cast<uint64_t>(next_ - begin_);
      FERRY_RETURN_IF_ERROR(graph_->RemoveDuplicateKeys(first_node));
      return result;
    }
    absl::Status status = Step(opcode);
    if (status.ok()) status = CheckLimits();
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), " (at offset ",
                                       start - begin_, " of the pickle)"));
    }
  }
  return absl::DataLossError(absl::StrCat(
      "the pickle is cut short: it ends after ", end_ - begin_, " bytes"));
}

}  // namespace

absl::StatusOr<UnpickleResult> Unpickle(absl::string_view bytes,
                                        const UnpickleOptions& options,
                                        UnpickleHooks* hooks,
                                        ObjectGraph* graph) {
  return Unpickler(bytes, options, hooks, graph).Run();
}

}  // namespace pickle
}  // namespace ferry
