// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// The part of the machine that makes globals and objects.

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/base/optimization.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"
#include "ferry/serialization/pickle/python2_names.h"
#include "ferry/serialization/pickle/unpickle_machine.h"
#include "ferry/value/global_name.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

bool UnpickleMachine::GlobalNode(absl::string_view module,
                                 absl::string_view name, NodeId* out) {
  const std::string fault = DescribeBadGlobal(module, name);
  if (ABSL_PREDICT_FALSE(!fault.empty())) {
    return input_.Damaged(
        absl::StrCat("the name of a class or function is not valid: ", fault));
  }
  if (protocol_ < 3) {
    const GlobalName moved = FromPython2({module, name});
    module = moved.module;
    name = moved.name;
  }
  if (ABSL_PREDICT_FALSE(protocol_ < 4 && absl::StrContains(name, '.'))) {
    return input_.Damaged(
        absl::StrCat("the name of a class or function has a dot, which Python "
                     "takes only from protocol 4 on, and this is protocol ",
                     protocol_));
  }
  const size_t globals_before = graph_->globals().size();
  *out = graph_->AddGlobal(module, name);
  if (graph_->globals().size() > globals_before) {
    return input_.Check(hooks_->OnGlobal(*out, graph_));
  }
  return true;
}

bool UnpickleMachine::PushGlobalLines() {
  absl::string_view module, name;
  if (!input_.TakeLine(&module)) return false;
  if (!input_.TakeLine(&name)) return false;
  NodeId node;
  if (!GlobalNode(module, name, &node)) return false;
  Push(node);
  return true;
}

bool UnpickleMachine::PushStackGlobal() {
  if (!Need(2)) return false;
  const NodeId name = Pop();
  const NodeId module = Pop();
  if (graph_->kind(name) != ValueKind::kStr ||
      graph_->kind(module) != ValueKind::kStr) {
    return input_.Damaged("a global's module or name is not text");
  }
  // Two texts may be the names of any number of globals.
  const uint64_t name_bytes =
      graph_->text(module).size() + graph_->text(name).size();
  NodeId node;
  if (!input_.Check(budget_->ChargeSteps(name_bytes)) ||
      !GlobalNode(graph_->text(module), graph_->text(name), &node)) {
    return false;
  }
  // Below protocol 3 the name may have been mapped from one of Python 2.
  if (protocol_ >= 3) {
    notes_.NoteGlobal(graph_->global_index(node), module, name);
  }
  Push(node);
  return true;
}

bool UnpickleMachine::Call(ObjectForm form, NodeId callable, NodeId args,
                           NodeId kwargs) {
  if (const absl::Status status = graph_->CheckIsCallable(callable);
      !status.ok()) {
    return input_.Damaged(status.message());
  }
  if (graph_->kind(args) != ValueKind::kTuple) {
    // libtorch calls an enum of a TorchScript program with its bare value.
    if (!graph_->is_global(callable) ||
        !absl::StartsWith(graph_->global(callable).module, "__torch__")) {
      return input_.Damaged("the arguments of a call are not a tuple");
    }
    args = graph_->AddTuple({args});
  }
  if (form == ObjectForm::kCall && graph_->is_global(callable)) {
    absl::StatusOr<NodeId> value = RebuildPythonValue(
        python_call(callable), callable, args, &copy_budget_, graph_);
    if (value.ok() && *value == kNoNode) {
      value = hooks_->OnCall(callable, args, graph_);
    }
    if (!value.ok()) return input_.Fail(std::move(value).status());
    if (*value != kNoNode) {
      Push(*value);
      return true;
    }
  }
  const NodeId object = graph_->AddObject(form, callable, args, kwargs);
  Push(object);
  call_ = object;
  call_end_ = input_.next();
  return input_.Check(hooks_->OnObject(object, graph_));
}

bool UnpickleMachine::CallWithStackArgs(ObjectForm form) {
  if (!Need(2)) return false;
  const NodeId args = Pop();
  const NodeId callable = Pop();
  return Call(form, callable, args, kNoNode);
}

// INST and OBJ: how protocols 0 and 1 wrote instances of old-style classes.
bool UnpickleMachine::Instantiate(NodeId callable,
                                  absl::Span<const NodeId> args) {
  const ObjectForm form =
      args.empty() ? ObjectForm::kInstance : ObjectForm::kCall;
  return Call(form, callable, graph_->AddTuple(args), kNoNode);
}

bool UnpickleMachine::AppendItems(absl::Span<const NodeId> items,
                                  ValueKind plain) {
  if (!Need(1)) return false;
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (graph_->is_object(target)) {
    if (kind != ValueKind::kObject) {
      return input_.Damaged(
          absl::StrCat("items are appended to ", WithArticle(Name(kind))));
    }
    if (graph_->object(target).state != kNoNode) {
      return input_.Unimplemented("an object is given items after its state");
    }
    if (!graph_->entries(target).empty()) {
      return input_.Unimplemented("an object is given items after its entries");
    }
  } else if (kind != plain) {
    return input_.Damaged(
        absl::StrCat("items are appended to ", WithArticle(Name(kind))));
  }
  if (!CheckMayChange(target)) return false;
  graph_->AppendItems(target, items);
  return true;
}

bool UnpickleMachine::SetItems(absl::Span<const NodeId> keys_and_values) {
  if (!Need(1)) return false;
  if (keys_and_values.size() % 2 != 0) {
    return input_.Damaged("a dict is given a key without a value");
  }
  const NodeId target = stack_.back();
  const ValueKind kind = graph_->kind(target);
  if (kind != ValueKind::kDict && kind != ValueKind::kObject) {
    return input_.Damaged(
        absl::StrCat("entries are set in ", WithArticle(Name(kind))));
  }
  if (graph_->is_object(target) && graph_->object(target).state != kNoNode) {
    return input_.Unimplemented("an object is given entries after its state");
  }
  if (!CheckMayChange(target)) return false;
  graph_->AppendEntries(target, keys_and_values);
  return true;
}

bool UnpickleMachine::Build() {
  if (!Need(2)) return false;
  const NodeId state = Pop();
  const NodeId object = stack_.back();
  if (graph_->kind(state) == ValueKind::kDict &&
      IsFetched(stack_.size(), state)) {
    taken_.insert(state);
  }
  // A pair of dicts is the attributes and the slots.
  if (graph_->kind(state) == ValueKind::kTuple &&
      graph_->items(state).size() == 2) {
    for (NodeId part : graph_->items(state)) {
      if (graph_->kind(part) == ValueKind::kDict) taken_.insert(part);
    }
  }
  if (!graph_->is_object(object)) {
    return input_.Damaged(absl::StrCat(
        "state is given to ", WithArticle(Name(graph_->kind(object)))));
  }
  if (graph_->object(object).state != kNoNode) {
    return input_.Unimplemented("an object is given state twice");
  }
  if (graph_->kind(object) == ValueKind::kDict && state != ObjectGraph::kNone) {
    if (graph_->kind(state) != ValueKind::kDict) {
      return input_.Unimplemented(absl::StrCat(
          "an OrderedDict is given ", WithArticle(Name(graph_->kind(state))),
          " as attributes; only a dict is supported"));
    }
  }
  if (!CheckMayChange(object)) return false;
  graph_->SetState(object, state);
  return input_.Check(hooks_->OnState(object, graph_));
}

// Notes that the value on top was fetched.
void UnpickleMachine::NoteFetched() {
  const auto position = static_cast<uint32_t>(stack_.size() - 1);
  while (!fetched_.empty() && fetched_.back().position >= position) {
    fetched_.pop_back();
  }
  fetched_.push_back({position, stack_.back()});
}

// Whether a value, which is or was the topmost at its position on the stack,
// was fetched, so that it is elsewhere too.
bool UnpickleMachine::IsFetched(size_t position, NodeId node) {
  while (!fetched_.empty() && fetched_.back().position > position) {
    fetched_.pop_back();
  }
  return !fetched_.empty() && fetched_.back().position == position &&
         fetched_.back().node == node;
}

// Fails if the value on top was in use before this change. A call that took it
// saw the old contents. The graph keeps only the last contents, so when it is
// written again, the call would be given those.
bool UnpickleMachine::CheckMayChange(NodeId node) {
  if (ABSL_PREDICT_TRUE(fetched_.empty() && taken_.empty())) return true;
  if (IsFetched(stack_.size() - 1, node)) {
    return input_.Unimplemented(
        "a value is changed after it was complete and in use, and the order of "
        "such changes would be lost");
  }
  if (taken_.contains(node)) {
    return input_.Unimplemented(
        "a dict is changed after it became the state of an object, which may "
        "have copied it");
  }
  return true;
}

// Whether a call whose result is thrown away at once is
// `setter(object, state)`, with `object` on top of the stack, where it was
// made, and without a state yet. That is how Python pickles an object whose
// reduction brings its own function to set the state.
bool UnpickleMachine::SetsState(NodeId call) {
  const ObjectRecord record = graph_->object(call);
  const absl::Span<const NodeId> args = graph_->items(record.args);
  if (record.form != ObjectForm::kCall || args.size() != 2 ||
      stack_.num_above_mark() == 0) {
    return false;
  }
  const NodeId object = stack_.back();
  return args[0] == object && graph_->is_object(object) &&
         graph_->object(object).state == kNoNode &&
         !IsFetched(stack_.size() - 1, object);
}

// Takes note of values that left the stack and that nothing used. Values that
// were fetched are elsewhere too, and those without parts do nothing.
bool UnpickleMachine::Drop(absl::Span<const NodeId> values) {
  if (!dropped_.empty() && dropped_end_ != input_.opcode() &&
      !CheckNothingIsLost()) {
    return false;
  }
  const bool is_call =
      values.size() == 1 && values[0] == call_ && call_end_ == input_.opcode();
  if (is_call && dropped_.empty() && SetsState(call_)) {
    const ObjectRecord setter = graph_->object(call_);
    graph_->SetState(stack_.back(), graph_->items(setter.args)[1],
                     setter.callable);
    return true;
  }
  dropped_is_call_ = is_call && dropped_.empty();
  for (size_t i = values.size(); i > 0; --i) {
    const NodeId value = values[i - 1];
    if (HasParts(value) && !IsFetched(stack_.size() + i - 1, value)) {
      dropped_.push_back(value);
    }
  }
  dropped_end_ = input_.next();
  return true;
}

// Decides whether `fetched`, which is on top now, makes up for what was dropped
// just before. Python writes a value that is inside its own parts twice: it
// drops the outer copy, or the parts for it, and fetches the inner copy.
// Anything else that is dropped must not hold a call.
bool UnpickleMachine::ExplainDropped(NodeId fetched) {
  if (dropped_end_ != input_.opcode()) return CheckNothingIsLost();
  const NodeId dropped = dropped_[0];
  // The same values may be dropped and fetched any number of times.
  if (!input_.Check(budget_->ChargeSteps(dropped_.size() +
                                         PartsOf(dropped).size() +
                                         PartsOf(fetched).size()))) {
    return false;
  }
  if (dropped_is_call_ && IsOfSameForm(fetched, dropped)) {
    NodeId found;
    if (!FindPart(
            dropped_, [&](NodeId part) { return part == fetched; }, &found)) {
      return false;
    }
    if (found == kNoNode) return CheckNothingIsLost();
    if (graph_->object(fetched).callable == graph_->object(dropped).callable) {
      graph_->AddDroppedCall(fetched, dropped);
    }
    // Python's pickler in Python now writes the items and entries once more, as
    // if it had just made the object.
    fetched_.pop_back();
  } else if (!IsCopyOfDropped(fetched)) {
    return CheckNothingIsLost();
  }
  dropped_.clear();
  return true;
}

// Whether one call may have made `b` as another made `a`: of the same callable,
// or of two that calls made.
bool UnpickleMachine::IsOfSameForm(NodeId a, NodeId b) const {
  if (a == b || !graph_->is_object(a)) return false;
  const ObjectRecord of_a = graph_->object(a);
  const ObjectRecord of_b = graph_->object(b);
  return of_a.form == of_b.form &&
         (of_a.callable == of_b.callable || (graph_->is_object(of_a.callable) &&
                                             graph_->is_object(of_b.callable)));
}

absl::Span<const NodeId> UnpickleMachine::PartsOf(NodeId node) const {
  return graph_->kind(node) == ValueKind::kDict ? graph_->entries(node)
                                                : graph_->items(node);
}

// Whether what was dropped is another value of the same kind and parts, as
// calls make sets and OrderedDicts of lists, or the parts of a tuple or
// frozenset.
bool UnpickleMachine::IsCopyOfDropped(NodeId fetched) const {
  const auto has = [&](absl::Span<const NodeId> parts) {
    // In between are parts that were fetched, and values without parts.
    size_t num_found = 0;
    for (const NodeId part : PartsOf(fetched)) {
      if (num_found < parts.size() && parts[num_found] == part) ++num_found;
    }
    return num_found == parts.size();
  };
  const ValueKind kind = graph_->kind(fetched);
  const NodeId dropped = dropped_[0];
  const bool is_made_of_list =
      kind == ValueKind::kSet || kind == ValueKind::kFrozenSet ||
      (kind == ValueKind::kDict && graph_->is_object(fetched));
  if (is_made_of_list && dropped_.size() == 1 &&
      graph_->kind(dropped) == kind) {
    std::vector<NodeId> parts;
    absl::c_copy_if(PartsOf(dropped), std::back_inserter(parts),
                    [this](NodeId part) { return HasParts(part); });
    if (has(parts)) return true;
  }
  return (kind == ValueKind::kTuple || kind == ValueKind::kFrozenSet) &&
         has(std::vector<NodeId>(dropped_.rbegin(), dropped_.rend()));
}

// Fails if a call is dropped, or a value that holds one: the call may have
// changed anything, and when the graph is written it is not there.
bool UnpickleMachine::CheckNothingIsLost() {
  NodeId call;
  if (!FindPart(
          std::exchange(dropped_, {}),
          [this](NodeId part) {
            return graph_->kind(part) == ValueKind::kObject;
          },
          &call)) {
    return false;
  }
  if (call == kNoNode) return true;
  const NodeId callable = graph_->object(call).callable;
  std::string name;
  if (graph_->is_global(callable)) {
    const GlobalRecord& global = graph_->global(callable);
    name = absl::StrCat(" of ", EscapeForMessage(global.module), ".",
                        EscapeForMessage(global.name));
  }
  return input_.Unimplemented(
      absl::StrCat("the result of a call", name,
                   " is thrown away, and with it what the call may have "
                   "changed"));
}

// Finds a value that `is_wanted` among `nodes` and what they refer to, nearest
// first. Looks only at values with parts. `*found` becomes kNoNode if there is
// none.
bool UnpickleMachine::FindPart(std::vector<NodeId> nodes,
                               absl::FunctionRef<bool(NodeId)> is_wanted,
                               NodeId* found) {
  HashSet<NodeId> seen(nodes.begin(), nodes.end());
  uint64_t steps = 0;
  *found = kNoNode;
  for (size_t i = 0; i < nodes.size() && *found == kNoNode; ++i) {
    const NodeId node = nodes[i];
    const auto add = [&](absl::Span<const NodeId> children) {
      steps += 1 + children.size();
      for (const NodeId child : children) {
        if (HasParts(child) && seen.insert(child).second) {
          nodes.push_back(child);
        }
      }
    };
    if (is_wanted(node)) *found = node;
    add(graph_->items(node));
    add(graph_->entries(node));
    if (!graph_->is_object(node)) continue;
    const ObjectRecord record = graph_->object(node);
    for (const NodeId part : {record.callable, record.args, record.kwargs,
                              record.state, record.state_setter}) {
      if (part != kNoNode) add({&part, 1});
    }
  }
  return input_.Check(budget_->ChargeSteps(steps));
}

bool UnpickleMachine::PersistentLoad(NodeId id) {
  absl::StatusOr<NodeId> node = hooks_->PersistentLoad(id, graph_);
  if (!node.ok()) return input_.Fail(std::move(node).status());
  Push(*node);
  return true;
}

}  // namespace pickle
}  // namespace v1
}  // namespace ferry
