// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/pickle/pickler.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/value/object_path.h"

namespace ferry {
inline namespace v1 {
namespace pickle {
namespace {

// Modules/_pickle.c: BATCHSIZE.
constexpr uint32_t kBatchSize = 1000;

// How many containers may be written inside themselves at a time: as deep as
// CPython recurses. Each time costs as much as the whole container.
constexpr int kMaxReentered = 1000;

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

Pickler::Pickler(const ObjectGraph& graph, int protocol, PickleHooks* hooks,
                 Budget* budget)
    : graph_(graph),
      notes_(PickleNotes::Of(graph)),
      protocol_(protocol),
      hooks_(hooks),
      budget_(budget),
      memo_(graph.size(), kNotMemoised),
      has_open_entries_(graph.size()) {}

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
  out_.ObjectBoundary();
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
      if (!graph_.entries(node).empty()) {
        frames_.push_back(Frame{node});
        has_open_entries_[node] = true;
      }
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
        out_.PutOpcode(kEmptySet);
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
        out_.PutOpcode(kMark);
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
        out_.PutOpcode(pairs ? kSetItem : kAppend);
      } else if (entry % kBatchSize == 0 || entry == total) {
        out_.PutOpcode(many);
      }
    }
    if (entry == total) {
      // CPython notices the end of an exact dict or set only in a batch that is
      // not full, so after full batches it writes an empty one.
      if ((style == BatchStyle::kDict || style == BatchStyle::kSet) &&
          total > 0 && total % kBatchSize == 0 && protocol_ > 0) {
        out_.PutOpcode(kMark);
        out_.PutOpcode(many);
      }
      *done = true;
      return absl::OkStatus();
    }
    if (entry % kBatchSize == 0 && !is_single(entry)) out_.PutOpcode(kMark);
  }
  return Begin(children[frame->next++]);
}

absl::Status Pickler::PushIncomplete(NodeId node) {
  if (memo_[node] == kBeingWritten) {
    if (++num_reentered_ > kMaxReentered) {
      return absl::InvalidArgumentError(
          "a tuple, or the arguments of an object, contain themselves through "
          "more levels than Python can write");
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

absl::Status Pickler::CheckState(NodeId object, NodeId state) const {
  if (graph_.kind(object) == ValueKind::kDict && state != ObjectGraph::kNone &&
      graph_.kind(state) != ValueKind::kDict) {
    return absl::UnimplementedError(absl::StrCat(
        "an OrderedDict has ", WithArticle(Name(graph_.kind(state))),
        " as attributes; only a dict can be read back"));
  }
  bool is_open = has_open_entries_[state];
  // A pair of dicts is the attributes and the slots.
  if (graph_.kind(state) == ValueKind::kTuple &&
      graph_.items(state).size() == 2) {
    is_open = has_open_entries_[graph_.items(state)[0]] ||
              has_open_entries_[graph_.items(state)[1]];
  }
  if (is_open) {
    return absl::UnimplementedError(
        "the state of an object contains the object and is written before it; "
        "Python would copy the state before it is complete");
  }
  return absl::OkStatus();
}

void Pickler::EndFrozen(NodeId node, unsigned char end_opcode, size_t size,
                        bool has_mark) {
  frames_.pop_back();
  if (!IsMemoised(node)) {
    out_.PutOpcode(end_opcode);
    MemoiseNode(node);
    return;
  }
  --num_reentered_;
  // A tuple or frozenset that its own items have written already, through a
  // list or dict that contains it: the second copy is thrown away.
  if (has_mark && protocol_ > 0) {
    out_.PutOpcode(kPopMark);
  } else {
    for (size_t i = 0; i < size; ++i) out_.PutOpcode(kPop);
    if (has_mark) out_.PutOpcode(kPop);
  }
  WriteGet(memo_[node]);
}

absl::Status Pickler::ContinueTuple(Frame* frame) {
  const NodeId node = frame->node;
  const absl::Span<const NodeId> items = graph_.items(node);
  if (frame->next < items.size()) return Begin(items[frame->next++]);
  const bool has_mark = NeedsMark(items.size());
  EndFrozen(node, TupleOpcode(items.size()), items.size(), has_mark);
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
    out_.PutOpcode(kReduce);
    EndCall(frame);
  }
  return absl::OkStatus();
}

void Pickler::EndCall(Frame* frame) {
  const NodeId node = frame->node;
  if (IsMemoised(node)) {
    out_.PutOpcode(kPop);
    WriteGet(memo_[node]);
    --num_reentered_;
    frames_.pop_back();
  } else if (graph_.is_object(node) && frame->called != node) {
    // The arguments of the copy did not lead to the object after all.
    out_.PutOpcode(kPop);
    frame->called = NextCall(node);
    frame->stage = 0;
  } else {
    MemoiseNode(node);
    if (!graph_.is_object(node)) frames_.pop_back();
  }
}

unsigned char Pickler::OpcodeOf(ObjectForm form) const {
  switch (form) {
    case ObjectForm::kInstance:
      return kObj;
    case ObjectForm::kNew:
      return protocol_ < 2 ? kReduce : kNewObj;
    case ObjectForm::kNewEx:
      return kNewObjEx;
    case ObjectForm::kCall:
      break;
  }
  return kReduce;
}

absl::Status Pickler::ContinueObject(Frame* frame) {
  const NodeId node = frame->node;
  const ObjectRecord object = graph_.object(node);
  const ObjectRecord call = graph_.object(frame->called);
  bool done;
  switch (frame->stage) {
    case kCallable:
      FERRY_RETURN_IF_ERROR(graph_.CheckIsCallable(call.callable));
      if (object.state_setter != kNoNode) {
        FERRY_RETURN_IF_ERROR(graph_.CheckIsCallable(object.state_setter));
      }
      if (call.form == ObjectForm::kNewEx && protocol_ < 4) {
        return absl::UnimplementedError(
            "an object that is made with keyword arguments needs pickle "
            "protocol 4 or later");
      }
      if (call.form == ObjectForm::kInstance) {
        if (!graph_.items(call.args).empty()) {
          return absl::InvalidArgumentError(
              "an instance of an old-style class has arguments; use the form "
              "kCall");
        }
        out_.PutOpcode(kMark);
        frame->stage = kCall;
      } else if (call.form == ObjectForm::kNew && protocol_ < 2) {
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
      out_.PutOpcode(OpcodeOf(call.form));
      frame->stage = kItems;
      EndCall(frame);
      return absl::OkStatus();
    case kItems:
      FERRY_RETURN_IF_ERROR(NextChild(frame, graph_.items(node),
                                      BatchStyle::kIteratedItems, &done));
      if (done) {
        frame->stage = kEntries;
        frame->next = 0;
        has_open_entries_[node] = true;
      }
      return absl::OkStatus();
    case kEntries:
      FERRY_RETURN_IF_ERROR(NextChild(frame, graph_.entries(node),
                                      BatchStyle::kIteratedEntries, &done));
      if (done) {
        frame->stage = kState;
        has_open_entries_[node] = false;
      }
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
      FERRY_RETURN_IF_ERROR(CheckState(node, object.state));
      frame->stage = kBuildState;
      return Begin(object.state);
    case kSetterState:
      out_.ObjectBoundary();
      WriteGet(memo_[node]);
      frame->stage = kCallSetter;
      return Begin(object.state);
    case kBuildState:
      out_.PutOpcode(kBuild);
      frames_.pop_back();
      return absl::OkStatus();
    default:
      out_.PutOpcode(kTuple2);
      out_.PutOpcode(kReduce);
      out_.PutOpcode(kPop);
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
      if (done) has_open_entries_[node] = false;
      break;
    case ValueKind::kTuple:
      return ContinueTuple(frame);
    default:
      return ContinueSet(frame);
  }
  if (done) frames_.pop_back();
  return absl::OkStatus();
}

absl::Status Pickler::ChargeOutput() {
  constexpr size_t kLeastBytes = size_t{64} << 10;
  const size_t new_bytes = out_.bytes().size() - charged_bytes_;
  if (ABSL_PREDICT_TRUE(new_bytes < kLeastBytes)) return absl::OkStatus();
  charged_bytes_ += new_bytes;
  return budget_->ChargeMemory(new_bytes);
}

absl::Status Pickler::Dump(NodeId root) {
  if (protocol_ >= 2) {
    out_.PutOpcode(kProto);
    out_.PutNumber(static_cast<uint64_t>(protocol_), 1);
  }
  if (protocol_ >= 4) out_.BeginFraming();
  absl::Status status = Begin(root);
  while (status.ok() && error_.ok() && !frames_.empty()) {
    status = Continue();
    if (status.ok()) status = ChargeOutput();
  }
  if (status.ok()) status = error_;
  if (!status.ok()) {
    return AnnotatePath(status, graph_, root, NodeAtHand(root));
  }
  out_.PutOpcode(kStop);
  out_.EndFraming();
  return absl::OkStatus();
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
