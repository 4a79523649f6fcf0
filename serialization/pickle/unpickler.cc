// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickler.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/global_name.h"
#include "ferry/serialization/pickle/node_stack.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickle_notes.h"
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
absl::StatusOr<NodeId> UnpickleHooks::OnCall(NodeId, NodeId, ObjectGraph*) {
  return kNoNode;
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

// The limits are checked after so many bytes: an opcode takes one at least, and
// makes at most one node.
constexpr ptrdiff_t kLimitBytes = 4096;

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
        notes_(PickleNotes::In(graph)),
        copy_budget_(bytes.size()),
        limits_checked_(bytes.data()) {
    std::fill(std::begin(small_ints_), std::end(small_ints_), kNoNode);
    memory_.Reserve(bytes.size());
    // An entry takes about nine bytes of the pickle.
    memo_.reserve(bytes.size() / 8);
  }

  absl::StatusOr<UnpickleResult> Run();

 private:
  // What may fail says so by false, and keeps the error: nearly every opcode
  // checks something, and nearly none finds it wrong.
  bool Fail(absl::Status error) {
    error_ = std::move(error);
    return false;
  }
  bool Damaged(absl::string_view what) {
    Keep(absl::StatusCode::kDataLoss, what);
    return false;
  }
  bool Unimplemented(absl::string_view what) {
    Keep(absl::StatusCode::kUnimplemented, what);
    return false;
  }
  bool TooMuch(absl::string_view what) {
    Keep(absl::StatusCode::kResourceExhausted, what);
    return false;
  }
  bool CutShort(uint64_t size) {
    KeepCutShort(size);
    return false;
  }
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD void Keep(
      absl::StatusCode code, absl::string_view what) {
    error_ = absl::Status(code, what);
  }
  ABSL_ATTRIBUTE_NOINLINE ABSL_ATTRIBUTE_COLD void KeepCutShort(uint64_t size) {
    Keep(absl::StatusCode::kDataLoss,
         absl::StrCat("an operand of ", size, " bytes is cut short: ", left(),
                      " bytes are left"));
  }
  // Of a hook.
  bool Check(absl::Status status) {
    return ABSL_PREDICT_TRUE(status.ok()) || Fail(std::move(status));
  }
  // `error_`, with where it arose.
  absl::Status ErrorHere() const {
    return absl::Status(error_.code(),
                        absl::StrCat(error_.message(), " (at offset ",
                                     opcode_ - begin_, " of the pickle)"));
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Step(unsigned char opcode);
  bool CheckLimits();
  absl::StatusOr<UnpickleResult> Stop(NodeId first_node);

  uint64_t left() const { return static_cast<uint64_t>(end_ - next_); }

  bool Take(uint64_t size, absl::string_view* out) {
    if (ABSL_PREDICT_FALSE(size > left())) return CutShort(size);
    *out = absl::string_view(next_, size);
    next_ += size;
    return true;
  }

  // A little-endian number of `size` bytes.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool TakeNumber(size_t size, uint64_t* out) {
    if (ABSL_PREDICT_FALSE(size > left())) return CutShort(size);
    *out = 0;
    std::memcpy(out, next_, size);  // hosts are little-endian
    next_ += size;
    return true;
  }

  // A length of `length_size` bytes, then that many bytes.
  bool TakeCounted(size_t length_size, absl::string_view* out) {
    uint64_t length;
    if (!TakeNumber(length_size, &length)) return false;
    if (!Take(length, out)) return false;
    if (length > kMaxTextBytes) {
      return Unimplemented(absl::StrCat("text of ", length, " bytes; at most ",
                                        kMaxTextBytes, " are supported"));
    }
    return true;
  }

  bool TakeLine(absl::string_view* out) {
    const void* newline = std::memchr(next_, '\n', left());
    if (newline == nullptr) return Damaged("a line is cut short");
    const char* line_end = static_cast<const char*>(newline);
    *out = absl::string_view(next_, line_end - next_);
    next_ = line_end + 1;
    return true;
  }

  void Push(NodeId node) { stack_.Push(node); }

  // Whether so many values are above the last mark, for the caller to pop.
  bool Need(size_t count) {
    if (ABSL_PREDICT_FALSE(stack_.size() - floor_ < count)) {
      return Damaged("the stack has too few values");
    }
    return true;
  }

  NodeId Pop() { return stack_.Pop(); }

  // Takes the values above the last mark, and the mark. The result is valid
  // until something is pushed.
  bool PopMark(absl::Span<const NodeId>* items) {
    if (marks_.empty()) return Damaged("there is no mark on the stack");
    *items = stack_.PopFrom(floor_);
    DropMark();
    return true;
  }

  void DropMark() {
    floor_ = marks_.back();
    marks_.pop_back();
  }

  NodeId IntNode(int64_t value) {
    if (value < 0 || value > 255) return graph_->AddInt(value);
    NodeId& node = small_ints_[value];
    if (node == kNoNode) node = graph_->AddInt(value);
    return node;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Put(uint64_t index) {
    if (!Need(1)) return false;
    if (ABSL_PREDICT_FALSE(index >= memo_.size())) return PutNew(index);
    if (memo_[index] == kNoNode) ++memo_count_;
    memo_[index] = stack_.back();
    return true;
  }
  bool PutNew(uint64_t index);

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Get(uint64_t index) {
    NodeId node = kNoNode;
    if (ABSL_PREDICT_TRUE(index < memo_.size())) node = memo_[index];
    if (ABSL_PREDICT_FALSE(node == kNoNode) && !GetFar(index, &node)) {
      return false;
    }
    Push(node);
    if (dropped_end_ == opcode_) NoteDroppedCall(node);
    return true;
  }
  bool GetFar(uint64_t index, NodeId* node);

  // After a call whose result was dropped at once: whether that was a copy of
  // `node`, which the arguments of the call made.
  void NoteDroppedCall(NodeId node) {
    const NodeId dropped = dropped_;
    if (dropped == node || !graph_->is_object(node) ||
        graph_->object(node).callable != graph_->object(dropped).callable ||
        graph_->object(node).form != graph_->object(dropped).form) {
      return;
    }
    graph_->AddDroppedCall(node, dropped);
  }

  bool TakeLineNumber(uint64_t* out) {
    absl::string_view line;
    if (!TakeLine(&line)) return false;
    if (!absl::SimpleAtoi(line, out)) return Damaged("a number is malformed");
    return true;
  }

  bool PushStr(absl::string_view text) {
    if (!IsValidUtf8(text)) return Damaged("text is not valid UTF-8");
    Push(graph_->AddStr(text));
    return true;
  }

  void PushPython2String(absl::string_view text) {
    Push(IsValidUtf8(text) ? graph_->AddStr(text) : graph_->AddBytes(text));
  }

  bool PushDecimal(absl::string_view line);
  bool PushIntLine();
  bool PushFloatLine();
  bool PushQuotedLine();
  bool PushRawUnicodeLine();

  bool GlobalNode(absl::string_view module, absl::string_view name,
                  NodeId* out);
  bool PushGlobalLines();
  bool PushStackGlobal();

  bool Call(ObjectForm form, NodeId callable, NodeId args, NodeId kwargs);
  PythonCall python_call(NodeId global) {
    const uint32_t index = graph_->global_index(global);
    while (python_calls_.size() <= index) {
      python_calls_.push_back(
          FindPythonCall(graph_->globals()[python_calls_.size()]));
    }
    return python_calls_[index];
  }
  bool CallWithStackArgs(ObjectForm form);
  bool Instantiate(NodeId callable, absl::Span<const NodeId> args);
  bool AppendItems(absl::Span<const NodeId> items, ValueKind plain);
  bool SetItems(absl::Span<const NodeId> keys_and_values);
  bool Build();
  bool DropCall(NodeId call);
  bool PersistentLoad(NodeId id);

  const char* const begin_;
  const char* next_;
  const char* const end_;
  const UnpickleOptions options_;
  UnpickleHooks no_hooks_;
  UnpickleHooks* const hooks_;
  ObjectGraph* const graph_;
  PickleNotes& notes_;

  int protocol_ = 0;
  NodeStack stack_;
  // What stands below it belongs to the last mark; 0 without one.
  size_t floor_ = 0;
  std::vector<size_t> marks_;  // the floors before
  HugePageResource memory_;
  std::pmr::vector<NodeId> memo_{&memory_};
  absl::flat_hash_map<uint64_t, NodeId> far_memo_;
  uint64_t memo_count_ = 0;  // entries, which MEMOIZE numbers by
  NodeId small_ints_[256];
  uint64_t copy_budget_;                  // of RebuildPythonValue
  std::vector<PythonCall> python_calls_;  // by index of the global
  const char* opcode_ = nullptr;          // where the one at hand stands
  const char* limits_checked_;            // up to where
  // The last object that a call made, and the end of the opcode that did.
  NodeId call_ = kNoNode;
  const char* call_end_ = nullptr;
  // Likewise the last such object that was popped at once.
  NodeId dropped_ = kNoNode;
  const char* dropped_end_ = nullptr;
  absl::Status error_;
};

bool Unpickler::PutNew(uint64_t index) {
  // An honest index is smaller than the number of opcodes before it.
  if (index < static_cast<uint64_t>(next_ - begin_)) {
    size_t size = std::max<size_t>(index + 1, memo_.size() * 2);
    if (index < memo_.capacity()) size = std::min(size, memo_.capacity());
    memo_.resize(size, kNoNode);
    return Put(index);
  }
  if (far_memo_.insert_or_assign(index, stack_.back()).second) ++memo_count_;
  return true;
}

bool Unpickler::GetFar(uint64_t index, NodeId* node) {
  const auto found = far_memo_.find(index);
  if (found == far_memo_.end()) {
    return Damaged(absl::StrCat("there is no memo entry ", index));
  }
  *node = found->second;
  return true;
}

bool Unpickler::PushDecimal(absl::string_view line) {
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
  if (digits.size() > 1 && digits[0] == '0') {
    return Damaged("an integer begins with a zero, as octal numbers do in C");
  }
  int64_t value;
  if (absl::SimpleAtoi(line, &value)) {
    Push(IntNode(value));
  } else {
    Push(graph_->AddBigInt(DecimalToTwosComplement(digits, negative)));
  }
  return true;
}

bool Unpickler::PushIntLine() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  if (line == "00" || line == "01") {
    Push(graph_->AddBool(line == "01"));
    return true;
  }
  return PushDecimal(line);
}

bool Unpickler::PushFloatLine() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  double value;
  if (!absl::SimpleAtod(line, &value)) return Damaged("a float is malformed");
  Push(graph_->AddFloat(value));
  return true;
}

bool Unpickler::PushQuotedLine() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
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
  return true;
}

bool Unpickler::PushRawUnicodeLine() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  std::string text;
  if (!DecodeRawUnicodeEscape(line, &text)) {
    return Damaged("text has a malformed \\u escape");
  }
  Push(graph_->AddStr(text));
  return true;
}

bool Unpickler::GlobalNode(absl::string_view module, absl::string_view name,
                           NodeId* out) {
  const std::string fault = DescribeBadGlobal(module, name);
  if (ABSL_PREDICT_FALSE(!fault.empty())) {
    return Damaged(
        absl::StrCat("the name of a class or function is not valid: ", fault));
  }
  if (protocol_ < 3) {
    const GlobalName moved = FromPython2({module, name});
    module = moved.module;
    name = moved.name;
  }
  const size_t globals_before = graph_->globals().size();
  *out = graph_->AddGlobal(module, name);
  if (graph_->globals().size() > globals_before) {
    return Check(hooks_->OnGlobal(*out, graph_));
  }
  return true;
}

bool Unpickler::PushGlobalLines() {
  absl::string_view module, name;
  if (!TakeLine(&module)) return false;
  if (!TakeLine(&name)) return false;
  NodeId node;
  if (!GlobalNode(module, name, &node)) return false;
  Push(node);
  return true;
}

bool Unpickler::PushStackGlobal() {
  if (!Need(2)) return false;
  const NodeId name = Pop();
  const NodeId module = Pop();
  if (graph_->kind(name) != ValueKind::kStr ||
      graph_->kind(module) != ValueKind::kStr) {
    return Damaged("a global's module or name is not text");
  }
  NodeId node;
  if (!GlobalNode(graph_->text(module), graph_->text(name), &node))
    return false;
  notes_.NoteGlobal(graph_->global_index(node), module, name);
  Push(node);
  return true;
}

bool Unpickler::Call(ObjectForm form, NodeId callable, NodeId args,
                     NodeId kwargs) {
  if (graph_->kind(args) != ValueKind::kTuple) {
    // libtorch calls an enum of a TorchScript program with its bare value.
    if (!graph_->is_global(callable) ||
        !absl::StartsWith(graph_->global(callable).module, "__torch__")) {
      return Damaged("the arguments of a call are not a tuple");
    }
    args = graph_->AddTuple({args});
  }
  if (form == ObjectForm::kCall && graph_->is_global(callable)) {
    absl::StatusOr<NodeId> value = RebuildPythonValue(
        python_call(callable), callable, args, &copy_budget_, graph_);
    if (value.ok() && *value == kNoNode) {
      value = hooks_->OnCall(callable, args, graph_);
    }
    if (!value.ok()) return Fail(std::move(value).status());
    if (*value != kNoNode) {
      Push(*value);
      return true;
    }
  }
  const NodeId object = graph_->AddObject(form, callable, args, kwargs);
  Push(object);
  call_ = object;
  call_end_ = next_;
  return Check(hooks_->OnObject(object, graph_));
}

bool Unpickler::CallWithStackArgs(ObjectForm form) {
  if (!Need(2)) return false;
  const NodeId args = Pop();
  const NodeId callable = Pop();
  return Call(form, callable, args, kNoNode);
}

// INST and OBJ: how protocols 0 and 1 wrote instances of old-style classes.
bool Unpickler::Instantiate(NodeId callable, absl::Span<const NodeId> args) {
  const ObjectForm form = args.empty() ? ObjectForm::kNew : ObjectForm::kCall;
  return Call(form, callable, graph_->AddTuple(args), kNoNode);
}

bool Unpickler::AppendItems(absl::Span<const NodeId> items, ValueKind plain) {
  if (!Need(1)) return false;
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (graph_->is_object(target)) {
    if (kind != ValueKind::kObject) {
      return Damaged(absl::StrCat("items are appended to a ", Name(kind)));
    }
    if (graph_->object(target).state != kNoNode) {
      return Unimplemented("an object is given items after its state");
    }
  } else if (kind != plain) {
    return Damaged(absl::StrCat("items are appended to a ", Name(kind)));
  }
  graph_->AppendItems(target, items);
  return true;
}

bool Unpickler::SetItems(absl::Span<const NodeId> keys_and_values) {
  if (!Need(1)) return false;
  if (keys_and_values.size() % 2 != 0) {
    return Damaged("a dict is given a key without a value");
  }
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (kind != ValueKind::kDict && kind != ValueKind::kObject) {
    return Damaged(absl::StrCat("entries are set in a ", Name(kind)));
  }
  if (graph_->is_object(target) && graph_->object(target).state != kNoNode) {
    return Unimplemented("an object is given entries after its state");
  }
  graph_->AppendEntries(target, keys_and_values);
  return true;
}

bool Unpickler::Build() {
  if (!Need(2)) return false;
  const NodeId state = Pop();
  const NodeId object = stack_.back();
  if (!graph_->is_object(object)) {
    return Damaged(
        absl::StrCat("state is given to a ", Name(graph_->kind(object))));
  }
  if (graph_->object(object).state != kNoNode) {
    return Unimplemented("an object is given state twice");
  }
  graph_->SetState(object, state);
  return Check(hooks_->OnState(object, graph_));
}

// A call whose result is thrown away at once. If it is `setter(object, state)`
// with `object` below it on the stack, that is how Python pickles an object
// whose reduction brings its own function to set the state.
bool Unpickler::DropCall(NodeId call) {
  const ObjectRecord record = graph_->object(call);
  const absl::Span<const NodeId> args = graph_->items(record.args);
  if (record.form != ObjectForm::kCall || args.size() != 2 ||
      stack_.size() == floor_ || args[0] != stack_.back()) {
    dropped_ = call;
    dropped_end_ = next_;
    return true;
  }
  const NodeId object = stack_.back();
  if (!graph_->is_object(object) || graph_->object(object).state != kNoNode) {
    return Unimplemented(
        "a function sets the state of something that can have none, or has it "
        "already");
  }
  graph_->SetState(object, args[1], record.callable);
  return true;
}

bool Unpickler::PersistentLoad(NodeId id) {
  absl::StatusOr<NodeId> node = hooks_->PersistentLoad(id, graph_);
  if (!node.ok()) return Fail(std::move(node).status());
  Push(*node);
  return true;
}

inline bool Unpickler::Step(unsigned char opcode) {
  absl::string_view text;
  absl::Span<const NodeId> items;
  uint64_t number = 0;
  switch (opcode) {
    case kProto:
      if (!TakeNumber(1, &number)) return false;
      if (number > kHighestProtocol) {
        return Damaged(absl::StrCat("pickle protocol ", number,
                                    " does not exist; the highest is 5"));
      }
      protocol_ = static_cast<int>(number);
      return true;
    case kFrame:
      // Frames only help to read from slow files; their length is a promise.
      if (!TakeNumber(8, &number)) return false;
      if (number > left()) return Damaged("a frame is cut short");
      return true;

    case kNone:
      Push(ObjectGraph::kNone);
      return true;
    case kNewTrue:
      Push(ObjectGraph::kTrue);
      return true;
    case kNewFalse:
      Push(ObjectGraph::kFalse);
      return true;
    case kBinInt1:
      if (!TakeNumber(1, &number)) return false;
      Push(IntNode(static_cast<int64_t>(number)));
      return true;
    case kBinInt2:
      if (!TakeNumber(2, &number)) return false;
      Push(IntNode(static_cast<int64_t>(number)));
      return true;
    case kBinInt:
      if (!TakeNumber(4, &number)) return false;
      Push(IntNode(static_cast<int32_t>(static_cast<uint32_t>(number))));
      return true;
    case kLong1:
      if (!TakeCounted(1, &text)) return false;
      Push(graph_->AddBigInt(text));
      return true;
    case kLong4:
      if (!TakeNumber(4, &number)) return false;
      if (number > 0x7FFFFFFF)
        return Damaged("an integer's length is negative");
      if (!Take(number, &text)) return false;
      Push(graph_->AddBigInt(text));
      return true;
    case kInt:
      return PushIntLine();
    case kLong:
      if (!TakeLine(&text)) return false;
      if (!text.empty() && text.back() == 'L') text.remove_suffix(1);
      return PushDecimal(text);
    case kFloat:
      return PushFloatLine();
    case kBinFloat: {
      if (!Take(8, &text)) return false;
      uint64_t bits = 0;
      for (char c : text) bits = (bits << 8) | static_cast<unsigned char>(c);
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      Push(graph_->AddFloat(value));
      return true;
    }

    case kShortBinUnicode:
      if (!TakeCounted(1, &text)) return false;
      return PushStr(text);
    case kBinUnicode:
      if (!TakeCounted(4, &text)) return false;
      return PushStr(text);
    case kBinUnicode8:
      if (!TakeCounted(8, &text)) return false;
      return PushStr(text);
    case kUnicode:
      return PushRawUnicodeLine();
    case kString:
      return PushQuotedLine();
    case kShortBinString:
      if (!TakeCounted(1, &text)) return false;
      PushPython2String(text);
      return true;
    case kBinString:
      if (!TakeCounted(4, &text)) return false;
      PushPython2String(text);
      return true;
    case kShortBinBytes:
      if (!TakeCounted(1, &text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kBinBytes:
      if (!TakeCounted(4, &text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kBinBytes8:
      if (!TakeCounted(8, &text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kByteArray8:
      if (!TakeCounted(8, &text)) return false;
      Push(graph_->AddByteArray(text));
      return true;

    case kMark:
      marks_.push_back(std::exchange(floor_, stack_.size()));
      return true;
    case kPop:
      // Like CPython: with nothing above the mark it drops the mark.
      if (stack_.size() == floor_) {
        if (marks_.empty()) return Damaged("the stack is empty");
        DropMark();
        return true;
      }
      if (Pop() == call_ && call_end_ == opcode_) return DropCall(call_);
      return true;
    case kPopMark:
      return PopMark(&items);
    case kDup:
      if (!Need(1)) return false;
      Push(stack_.back());
      return true;

    case kEmptyTuple:
      Push(ObjectGraph::kEmptyTuple);
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      const size_t count = opcode - kTuple1 + 1;
      if (!Need(count)) return false;
      Push(graph_->AddTuple(stack_.PopLast(count)));
      return true;
    }
    case kTuple:
      if (!PopMark(&items)) return false;
      Push(graph_->AddTuple(items));
      return true;
    case kEmptyList:
      Push(graph_->AddList());
      return true;
    case kList:
      if (!PopMark(&items)) return false;
      Push(graph_->AddList(items));
      return true;
    case kEmptyDict:
      Push(graph_->AddDict());
      return true;
    case kDict: {
      if (!PopMark(&items)) return false;
      if (items.size() % 2 != 0) {
        return Damaged("a dict is given a key without a value");
      }
      const NodeId dict = graph_->AddDict();
      graph_->AppendEntries(dict, items);
      Push(dict);
      return true;
    }
    case kEmptySet:
      Push(graph_->AddSet());
      return true;
    case kFrozenSet:
      if (!PopMark(&items)) return false;
      Push(graph_->AddFrozenSet(items));
      return true;
    case kAppend: {
      if (!Need(2)) return false;
      const NodeId item = Pop();
      return AppendItems({&item, 1}, ValueKind::kList);
    }
    case kAppends:
      if (!PopMark(&items)) return false;
      return AppendItems(items, ValueKind::kList);
    case kAddItems:
      if (!PopMark(&items)) return false;
      return AppendItems(items, ValueKind::kSet);
    case kSetItem: {
      if (!Need(3)) return false;
      return SetItems(stack_.PopLast(2));
    }
    case kSetItems:
      if (!PopMark(&items)) return false;
      return SetItems(items);

    case kBinPut:
      if (!TakeNumber(1, &number)) return false;
      return Put(number);
    case kLongBinPut:
      if (!TakeNumber(4, &number)) return false;
      return Put(number);
    case kPut:
      if (!TakeLineNumber(&number)) return false;
      return Put(number);
    case kMemoize:
      return Put(memo_count_);
    case kBinGet:
      if (!TakeNumber(1, &number)) return false;
      return Get(number);
    case kLongBinGet:
      if (!TakeNumber(4, &number)) return false;
      return Get(number);
    case kGet:
      if (!TakeLineNumber(&number)) return false;
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
      if (!Need(3)) return false;
      const NodeId kwargs = Pop();
      const NodeId args = Pop();
      const NodeId callable = Pop();
      if (graph_->kind(kwargs) != ValueKind::kDict) {
        return Damaged("the keyword arguments of a call are not a dict");
      }
      return Call(ObjectForm::kNewEx, callable, args, kwargs);
    }
    case kInst: {
      if (!PushGlobalLines()) return false;
      const NodeId callable = Pop();
      if (!PopMark(&items)) return false;
      return Instantiate(callable, items);
    }
    case kObj:
      if (!PopMark(&items)) return false;
      if (items.empty()) return Damaged("an object has no class");
      return Instantiate(items[0], items.subspan(1));
    case kBuild:
      return Build();

    case kBinPersId:
      if (!Need(1)) return false;
      return PersistentLoad(Pop());
    case kPersId:
      if (!TakeLine(&text)) return false;
      if (!PushStr(text)) return false;
      return PersistentLoad(Pop());

    case kExt1:
    case kExt2:
    case kExt4:
      return Unimplemented(
          "the pickle uses an extension code, whose meaning only the program "
          "that wrote it knows");
    case kNextBuffer:
    case kReadOnlyBuffer:
      return Unimplemented(
          "the pickle uses an out-of-band buffer, which is not in the file");
    default:
      return Damaged(absl::StrCat("there is no opcode 0x",
                                  absl::Hex(opcode, absl::kZeroPad2)));
  }
}

bool Unpickler::CheckLimits() {
  limits_checked_ = next_;
  if (graph_->size() > options_.max_nodes) {
    return TooMuch(
        absl::StrCat("the pickle makes more than ", options_.max_nodes,
                     " objects; raise the limit if it is to be trusted"));
  }
  if (graph_->num_references() > kMaxReferences ||
      stack_.size() > kMaxStackValues) {
    return TooMuch(absl::StrCat("the pickle's containers hold more than ",
                                kMaxReferences, " items"));
  }
  return true;
}

absl::StatusOr<UnpickleResult> Unpickler::Run() {
  const NodeId first_node = graph_->size();
  while (next_ != end_) {
    opcode_ = next_++;
    const auto opcode = static_cast<unsigned char>(*opcode_);
    if (opcode == kStop) return Stop(first_node);
    if (ABSL_PREDICT_FALSE(
            !Step(opcode) ||
            (next_ > limits_checked_ + kLimitBytes && !CheckLimits()))) {
      return ErrorHere();
    }
  }
  return absl::DataLossError(absl::StrCat(
      "the pickle is cut short: it ends after ", end_ - begin_, " bytes"));
}

absl::StatusOr<UnpickleResult> Unpickler::Stop(NodeId first_node) {
  if (!CheckLimits() || !Need(1)) return ErrorHere();
  if (!marks_.empty()) {
    Damaged("a mark is left");
    return ErrorHere();
  }
  UnpickleResult result;
  result.root = Pop();
  result.protocol = protocol_;
  result.size_bytes = static_cast<uint64_t>(next_ - begin_);
  FERRY_RETURN_IF_ERROR(graph_->RemoveDuplicateKeys(first_node, &memory_));
  return result;
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
