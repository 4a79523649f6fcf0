// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// The part of the machine that makes globals and objects.

#include <string>
#include <utility>

#include "absl/base/optimization.h"
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
  notes_.NoteGlobal(graph_->global_index(node), module, name);
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
  const ObjectForm form = args.empty() ? ObjectForm::kNew : ObjectForm::kCall;
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
  } else if (kind != plain) {
    return input_.Damaged(
        absl::StrCat("items are appended to ", WithArticle(Name(kind))));
  }
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
  if (!copied_dicts_.empty() && copied_dicts_.contains(target)) {
    return input_.Unimplemented(
        "a dict is given entries after it became the attributes of an "
        "OrderedDict, which Python copies at that point");
  }
  graph_->AppendEntries(target, keys_and_values);
  return true;
}

bool UnpickleMachine::Build() {
  if (!Need(2)) return false;
  const NodeId state = Pop();
  const NodeId object = stack_.back();
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
    copied_dicts_.insert(state);
  }
  graph_->SetState(object, state);
  return input_.Check(hooks_->OnState(object, graph_));
}

// A call whose result is thrown away at once. If it is `setter(object, state)`
// with `object` below it on the stack, that is how Python pickles an object
// whose reduction brings its own function to set the state.
bool UnpickleMachine::DropCall(NodeId call) {
  const ObjectRecord record = graph_->object(call);
  const absl::Span<const NodeId> args = graph_->items(record.args);
  if (record.form != ObjectForm::kCall || args.size() != 2 ||
      stack_.num_above_mark() == 0 || args[0] != stack_.back()) {
    dropped_ = call;
    dropped_end_ = input_.next();
    return true;
  }
  const NodeId object = stack_.back();
  if (!graph_->is_object(object) || graph_->object(object).state != kNoNode) {
    return input_.Unimplemented(
        "a function sets the state of a value that cannot have state, or "
        "already has it");
  }
  graph_->SetState(object, args[1], record.callable);
  return true;
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
