// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/unpickle_machine.h
// -----------------------------------------------------------------------------
//
// The machine that runs the opcodes of a pickle. Part of `Unpickle`; nothing
// else includes it.
#ifndef FERRY_SERIALIZATION_PICKLE_UNPICKLE_MACHINE_H_
#define FERRY_SERIALIZATION_PICKLE_UNPICKLE_MACHINE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/pickle/node_stack.h"
#include "ferry/serialization/pickle/pickle_input.h"
#include "ferry/serialization/pickle/pickle_notes.h"
#include "ferry/serialization/pickle/python_calls.h"
#include "ferry/serialization/pickle/unpickle_memo.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// UnpickleMachine
//
// Runs one pickle, as `Unpickle` describes. Thread-safety: none.
class UnpickleMachine {
 public:
  UnpickleMachine(absl::string_view bytes, Budget* budget, UnpickleHooks* hooks,
                  ObjectGraph* graph)
      : input_(bytes),
        budget_(budget),
        hooks_(hooks == nullptr ? &no_hooks_ : hooks),
        graph_(graph),
        notes_(PickleNotes::In(graph)),
        copy_budget_(bytes.size()),
        charged_to_(bytes.data()),
        check_from_(bytes.data()) {
    std::fill(std::begin(small_ints_), std::end(small_ints_), kNoNode);
    charged_memory_bytes_ = MemoryBytes();
    memo_.Reserve(bytes.size());
  }

  absl::StatusOr<UnpickleResult> Run();

 private:
  // Methods that return a bool return false after storing an error in `input_`.
  ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Step(unsigned char opcode);
  // Checks the end of the frame and the budget, once the input is past
  // `check_from_`.
  bool CheckProgress();
  bool ChargeBudget();
  // Memory of the graph, the stack and the memo. The tables of a graph that
  // grows have room for up to twice as many entries.
  uint64_t MemoryBytes() const {
    return 2 * graph_->memory_bytes() + stack_.memory_bytes() +
           memo_.memory_bytes() + 3 * fetched_.size() * sizeof(Fetched) +
           3 * dropped_.size() * sizeof(NodeId);
  }
  // Whether the last opcode begins inside a frame.
  bool IsInFrame() const {
    return frame_end_ != nullptr && input_.opcode() < frame_end_;
  }
  absl::StatusOr<UnpickleResult> Stop(NodeId first_node);

  void Push(NodeId node) { stack_.Push(node); }

  // Checks that `count` values are above the last mark, so that the caller may
  // pop them.
  bool Need(size_t count) {
    if (ABSL_PREDICT_FALSE(stack_.num_above_mark() < count)) {
      return input_.Damaged("the stack has too few values");
    }
    return true;
  }

  NodeId Pop() { return stack_.Pop(); }

  // Pops the values above the last mark, and the mark. The result is valid
  // until the next push.
  bool PopMark(absl::Span<const NodeId>* items) {
    if (!stack_.has_mark()) {
      return input_.Damaged("there is no mark on the stack");
    }
    *items = stack_.PopToMark();
    return true;
  }

  NodeId IntNode(int64_t value) {
    if (value < 0 || value > 255) return graph_->AddInt(value);
    NodeId& node = small_ints_[value];
    if (node == kNoNode) node = graph_->AddInt(value);
    return node;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Put(uint64_t index) {
    if (!Need(1)) return false;
    memo_.Put(index, stack_.back(), input_.taken());
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Get(uint64_t index) {
    const NodeId node = memo_.Get(index);
    if (ABSL_PREDICT_FALSE(node == kNoNode)) return NoMemoEntry(index);
    PushAgain(node);
    return ABSL_PREDICT_TRUE(dropped_.empty()) || ExplainDropped(node);
  }
  // Pushes a value that was pushed before.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void PushAgain(NodeId node) {
    Push(node);
    if (CanChange(node)) NoteFetched();
  }
  bool NoMemoEntry(uint64_t index) {
    return input_.Damaged(absl::StrCat("there is no memo entry ", index));
  }

  // Whether opcodes may add to a value once it is made.
  bool CanChange(NodeId node) const {
    const ValueKind kind = graph_->kind(node);
    return kind == ValueKind::kList || kind == ValueKind::kDict ||
           kind == ValueKind::kSet || graph_->is_object(node);
  }
  void NoteFetched();
  bool IsFetched(size_t position, NodeId node);
  bool CheckMayChange(NodeId node);

  bool PushStr(absl::string_view text) {
    if (!IsValidUtf8(text)) return input_.Damaged("text is not valid UTF-8");
    Push(graph_->AddStr(text));
    return true;
  }

  void PushPython2String(absl::string_view text) {
    Push(IsValidUtf8(text) ? graph_->AddStr(text) : graph_->AddBytes(text));
  }

  // Push numbers and text that are encoded as lines (protocols 0 and 1).
  bool PushDecimal(absl::string_view text);
  bool PushIntLine();
  bool PushFloatLine();
  bool PushQuotedLine();
  bool PushRawUnicodeLine();

  // Handle globals, calls, and the opcodes that complete the resulting objects.
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

  // Handle what leaves the stack and is not used.
  bool HasParts(NodeId node) const {
    const ValueKind kind = graph_->kind(node);
    return CanChange(node) || kind == ValueKind::kTuple ||
           kind == ValueKind::kFrozenSet;
  }
  bool Drop(absl::Span<const NodeId> values);
  bool SetsState(NodeId call);
  bool ExplainDropped(NodeId fetched);
  bool IsOfSameForm(NodeId a, NodeId b) const;
  absl::Span<const NodeId> PartsOf(NodeId node) const;
  bool IsCopyOfDropped(NodeId fetched) const;
  bool CheckNothingIsLost();
  bool FindPart(std::vector<NodeId> nodes,
                absl::FunctionRef<bool(NodeId)> is_wanted, NodeId* found);

  bool PersistentLoad(NodeId id);

  PickleInput input_;
  Budget* const budget_;
  UnpickleHooks no_hooks_;
  UnpickleHooks* const hooks_;
  ObjectGraph* const graph_;
  PickleNotes& notes_;

  int protocol_ = 0;
  NodeStack stack_;
  UnpickleMemo memo_;
  NodeId small_ints_[256];
  uint64_t copy_budget_;                  // of RebuildPythonValue
  std::vector<PythonCall> python_calls_;  // by index of the global
  // Up to where in the pickle, and how much of the graph, has been charged.
  const char* charged_to_;
  const char* check_from_;
  const char* frame_end_ = nullptr;  // null if there was no frame yet
  uint64_t charged_memory_bytes_ = 0;
  // CPython's pickler in C completes a value where it makes it, and never adds
  // to one that it fetches from the memo. These are the values on the stack
  // that were fetched, from the bottom to the top; the last may have been
  // popped since.
  struct Fetched {
    uint32_t position;
    NodeId node;
  };
  std::vector<Fetched> fetched_;
  // Dicts that were fetched to become the state of an object. Python copies
  // their entries at that point, so they must not change later.
  HashSet<NodeId> taken_;
  // The last object that a call made, and the end of the opcode of that call.
  NodeId call_ = kNoNode;
  const char* call_end_ = nullptr;
  // What the last opcodes popped and nothing used, the topmost value first, and
  // the end of those opcodes.
  std::vector<NodeId> dropped_;
  const char* dropped_end_ = nullptr;
  // Whether `dropped_` is one object, popped right after the call that made it.
  bool dropped_is_call_ = false;
};

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UNPICKLE_MACHINE_H_
