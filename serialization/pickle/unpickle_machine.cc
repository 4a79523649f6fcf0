// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/unpickle_machine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/text_escapes.h"
#include "ferry/value/decimal_int.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// References and values on the stack are counted in 32 bits, and a container
// that grows takes half as much again as it needs: with these bounds no sum
// leaves them.
constexpr uint64_t kMaxReferences = uint64_t{1} << 30;
constexpr uint64_t kMaxStackValues = uint64_t{1} << 29;

// The budget is charged after so many bytes: an opcode takes one at least, and
// makes at most one node.
constexpr ptrdiff_t kChargedBytes = 4096;

}  // namespace

bool UnpickleMachine::PushDecimal(absl::string_view text) {
  const absl::string_view fault = DescribeBadDecimal(text);
  if (!fault.empty()) return input_.Damaged(fault);
  int64_t value;
  if (absl::SimpleAtoi(text, &value)) {
    Push(IntNode(value));
  } else {
    // The work is quadratic, on digits of 32 bits. `DescribeBadDecimal` allows
    // kMaxDecimalDigits digits.
    if (!input_.Check(budget_->ChargeSteps(text.size() * text.size() / 128))) {
      return false;
    }
    Push(graph_->AddBigInt(DecimalToTwosComplement(text)));
  }
  return true;
}

bool UnpickleMachine::PushIntLine() {
  absl::string_view line;
  if (!input_.TakeLine(&line)) return false;
  if (line == "00" || line == "01") {
    Push(graph_->AddBool(line == "01"));
    return true;
  }
  if (line == "-0") {
    // Python's C unpickler reads False: it takes any 0 of two characters for
    // the bool "00".
    return input_.Damaged("an integer is written as -0");
  }
  return PushDecimal(line);
}

bool UnpickleMachine::PushFloatLine() {
  absl::string_view line;
  if (!input_.TakeLine(&line)) return false;
  // Python's C unpickler refuses blanks, hexadecimal digits and numbers that
  // overflow, all of which SimpleAtod takes.
  const bool has_sign =
      absl::StartsWith(line, "-") || absl::StartsWith(line, "+");
  const absl::string_view word = line.substr(has_sign ? 1 : 0);
  const bool is_number =
      line.find_first_not_of("0123456789.eE+-") == absl::string_view::npos;
  const bool is_word = absl::EqualsIgnoreCase(word, "inf") ||
                       absl::EqualsIgnoreCase(word, "infinity") ||
                       absl::EqualsIgnoreCase(word, "nan");
  double value;
  if (!(is_number || is_word) || !absl::SimpleAtod(line, &value) ||
      (is_number && std::isinf(value))) {
    return input_.Damaged("a float is malformed");
  }
  Push(graph_->AddFloat(value));
  return true;
}

bool UnpickleMachine::PushQuotedLine() {
  absl::string_view line;
  if (!input_.TakeLine(&line)) return false;
  if (line.size() < 2 || line.front() != line.back() ||
      (line[0] != '\'' && line[0] != '"')) {
    return input_.Damaged("a string has no quotes");
  }
  std::string text;
  if (!DecodeStringEscape(line.substr(1, line.size() - 2), &text)) {
    return input_.Damaged("a string has a malformed escape");
  }
  PushPython2String(text);
  return true;
}

bool UnpickleMachine::PushRawUnicodeLine() {
  absl::string_view line;
  if (!input_.TakeLine(&line)) return false;
  std::string text;
  if (!DecodeRawUnicodeEscape(line, &text)) {
    return input_.Damaged("text has a malformed \\u escape");
  }
  Push(graph_->AddStr(text));
  return true;
}

inline bool UnpickleMachine::Step(unsigned char opcode) {
  absl::string_view text;
  absl::Span<const NodeId> items;
  uint64_t number = 0;
  switch (opcode) {
    case kProto:
      if (!input_.TakeNumber(1, &number)) return false;
      if (number > kHighestProtocol) {
        return input_.Damaged(absl::StrCat(
            "pickle protocol ", number, " does not exist; the highest is 5"));
      }
      protocol_ = static_cast<int>(number);
      return true;
    case kFrame:
      if (!input_.TakeNumber(8, &number)) return false;
      if (IsInFrame()) return input_.Damaged("a frame begins inside another");
      if (number > input_.left()) return input_.Damaged("a frame is cut short");
      frame_end_ = input_.next() + number;
      check_from_ = std::min(check_from_, frame_end_);
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
      if (!input_.TakeNumber(1, &number)) return false;
      Push(IntNode(static_cast<int64_t>(number)));
      return true;
    case kBinInt2:
      if (!input_.TakeNumber(2, &number)) return false;
      Push(IntNode(static_cast<int64_t>(number)));
      return true;
    case kBinInt:
      if (!input_.TakeNumber(4, &number)) return false;
      Push(IntNode(static_cast<int32_t>(static_cast<uint32_t>(number))));
      return true;
    case kLong1:
      if (!input_.TakeCounted<1>(&text)) return false;
      Push(graph_->AddBigInt(text));
      return true;
    case kLong4:
      if (!input_.TakeNumber(4, &number)) return false;
      if (number > 0x7FFFFFFF)
        return input_.Damaged("an integer's length is negative");
      if (!input_.Take(number, &text)) return false;
      Push(graph_->AddBigInt(text));
      return true;
    case kInt:
      return PushIntLine();
    case kLong:
      if (!input_.TakeLine(&text)) return false;
      absl::ConsumeSuffix(&text, "L");
      return PushDecimal(text);
    case kFloat:
      return PushFloatLine();
    case kBinFloat: {
      if (!input_.Take(8, &text)) return false;
      uint64_t bits = 0;
      for (char c : text) bits = (bits << 8) | static_cast<unsigned char>(c);
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      Push(graph_->AddFloat(value));
      return true;
    }

    case kShortBinUnicode:
      if (!input_.TakeCounted<1>(&text)) return false;
      return PushStr(text);
    case kBinUnicode:
      if (!input_.TakeCounted<4>(&text)) return false;
      return PushStr(text);
    case kBinUnicode8:
      if (!input_.TakeCounted<8>(&text)) return false;
      return PushStr(text);
    case kUnicode:
      return PushRawUnicodeLine();
    case kString:
      return PushQuotedLine();
    case kShortBinString:
      if (!input_.TakeCounted<1>(&text)) return false;
      PushPython2String(text);
      return true;
    case kBinString:
      if (!input_.TakeCounted<4>(&text)) return false;
      PushPython2String(text);
      return true;
    case kShortBinBytes:
      if (!input_.TakeCounted<1>(&text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kBinBytes:
      if (!input_.TakeCounted<4>(&text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kBinBytes8:
      if (!input_.TakeCounted<8>(&text)) return false;
      Push(graph_->AddBytes(text));
      return true;
    case kByteArray8:
      if (!input_.TakeCounted<8>(&text)) return false;
      Push(graph_->AddByteArray(text));
      return true;

    case kMark:
      stack_.PushMark();
      return true;
    case kPop:
      // Like CPython: with nothing above the mark it drops the mark.
      if (stack_.num_above_mark() == 0) {
        if (!stack_.has_mark()) return input_.Damaged("the stack is empty");
        stack_.PopMark();
        return Drop({});
      }
      return Drop(stack_.PopLast(1));
    case kPopMark:
      return PopMark(&items) && Drop(items);
    case kDup:
      if (!Need(1)) return false;
      PushAgain(stack_.back());
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
        return input_.Damaged("a dict is given a key without a value");
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
      if (Need(1) && graph_->is_object(stack_.back())) {
        return input_.Unimplemented(
            "items are added as to a set to an object that a call made");
      }
      return AppendItems(items, ValueKind::kSet);
    case kSetItem: {
      if (!Need(3)) return false;
      return SetItems(stack_.PopLast(2));
    }
    case kSetItems:
      if (!PopMark(&items)) return false;
      return SetItems(items);

    case kBinPut:
      if (!input_.TakeNumber(1, &number)) return false;
      return Put(number);
    case kLongBinPut:
      if (!input_.TakeNumber(4, &number)) return false;
      return Put(number);
    case kPut:
      if (!input_.TakeLineNumber(&number)) return false;
      return Put(number);
    case kMemoize:
      return Put(memo_.size());
    case kBinGet:
      if (!input_.TakeNumber(1, &number)) return false;
      return Get(number);
    case kLongBinGet:
      if (!input_.TakeNumber(4, &number)) return false;
      return Get(number);
    case kGet:
      if (!input_.TakeLineNumber(&number)) return false;
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
        return input_.Damaged("the keyword arguments of a call are not a dict");
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
      if (items.empty()) return input_.Damaged("an object has no class");
      return Instantiate(items[0], items.subspan(1));
    case kBuild:
      return Build();

    case kBinPersId:
      if (!Need(1)) return false;
      return PersistentLoad(Pop());
    case kPersId:
      if (!input_.TakeLine(&text)) return false;
      if (!PushStr(text)) return false;
      return PersistentLoad(Pop());

    case kExt1:
    case kExt2:
    case kExt4:
      return input_.Unimplemented(
          "the pickle uses an extension code, whose meaning only the program "
          "that wrote it knows");
    case kNextBuffer:
    case kReadOnlyBuffer:
      return input_.Unimplemented(
          "the pickle uses an out-of-band buffer, which is not in the file");
    default:
      return input_.Damaged(absl::StrCat("there is no opcode 0x",
                                         absl::Hex(opcode, absl::kZeroPad2)));
  }
}

bool UnpickleMachine::CheckProgress() {
  if (frame_end_ != nullptr && input_.next() > frame_end_) {
    // Python reads a frame as a whole. Its unpickler in C drops what is left of
    // the frame where an operand crosses the end, and reads other opcodes.
    if (IsInFrame()) {
      return input_.Damaged("an operand crosses the end of its frame");
    }
    frame_end_ = nullptr;
  }
  if (input_.next() > charged_to_ + kChargedBytes && !ChargeBudget()) {
    return false;
  }
  check_from_ = charged_to_ + kChargedBytes;
  if (frame_end_ != nullptr) check_from_ = std::min(check_from_, frame_end_);
  return true;
}

bool UnpickleMachine::ChargeBudget() {
  const uint64_t steps = static_cast<uint64_t>(input_.next() - charged_to_);
  charged_to_ = input_.next();
  const uint64_t memory_bytes = std::max(MemoryBytes(), charged_memory_bytes_);
  const uint64_t new_memory_bytes = memory_bytes - charged_memory_bytes_;
  charged_memory_bytes_ = memory_bytes;
  if (!input_.Check(budget_->ChargeSteps(steps)) ||
      !input_.Check(budget_->ChargeMemory(new_memory_bytes))) {
    return false;
  }
  if (graph_->size() > ObjectGraph::kMaxNodes) {
    return input_.TooMuch(absl::StrCat("the pickle makes more than ",
                                       ObjectGraph::kMaxNodes, " objects"));
  }
  if (graph_->num_references() > kMaxReferences ||
      stack_.size() > kMaxStackValues) {
    return input_.TooMuch(absl::StrCat(
        "the pickle's containers hold more than ", kMaxReferences, " items"));
  }
  return true;
}

absl::StatusOr<UnpickleResult> UnpickleMachine::Run() {
  const NodeId first_node = graph_->size();
  while (input_.left() != 0) {
    const unsigned char opcode = input_.TakeOpcode();
    if (opcode == kStop) return Stop(first_node);
    if (ABSL_PREDICT_FALSE(!Step(opcode) ||
                           (input_.next() > check_from_ && !CheckProgress()))) {
      return input_.ErrorHere();
    }
  }
  return absl::DataLossError(absl::StrCat(
      "the pickle is cut short: it ends after ", input_.taken(), " bytes"));
}

absl::StatusOr<UnpickleResult> UnpickleMachine::Stop(NodeId first_node) {
  if (!ChargeBudget() || !Need(1)) return input_.ErrorHere();
  if (stack_.has_mark()) {
    input_.Damaged("a mark is left on the stack");
    return input_.ErrorHere();
  }
  if (IsInFrame() && input_.next() != frame_end_) {
    // Python goes on behind the frame when it reads the next pickle.
    input_.Damaged("STOP is not at the end of its frame");
    return input_.ErrorHere();
  }
  UnpickleResult result;
  result.root = Pop();
  if (!Drop(stack_.PopLast(stack_.size())) || !CheckNothingIsLost()) {
    return input_.ErrorHere();
  }
  result.protocol = protocol_;
  result.size_bytes = input_.taken();
  FERRY_RETURN_IF_ERROR(graph_->RemoveDuplicateKeys(first_node));
  return result;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
