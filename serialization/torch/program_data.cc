// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/program_data.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

using Children = absl::InlinedVector<NodeId, 8>;

// What a reference to an object takes in a pickle: LONG_BINGET.
constexpr uint64_t kReferenceBytes = 5;

// Copies a graph into another, leaving out what is not plain.
class PlainCopier {
 public:
  PlainCopier(const ObjectGraph& from, Budget* budget, ObjectGraph* to)
      : from_(from), budget_(*budget), to_(*to) {}

  absl::StatusOr<NodeId> Copy(NodeId root);

 private:
  // How a node is copied.
  enum class How {
    kLeaf,   // at once
    kShell,  // made empty, and filled when its children are there
    kWhole,  // made when its children are there
  };

  // The node that stands for `node` once it is plain.
  NodeId Plain(NodeId node);
  // One step of that; `node` itself at the end.
  NodeId Behind(NodeId node) const;
  // Whether a program's own class or its helpers made the object.
  bool IsOfProgram(const ObjectRecord& object) const;
  // Errors: kUnimplemented - an object whose arguments would be lost.
  absl::Status CheckIsPlain(NodeId node) const;
  How HowToCopy(NodeId node) const;
  // Errors: kResourceExhausted - the budget is spent.
  absl::StatusOr<Children> ChildrenOf(NodeId node);
  NodeId CopyLeaf(NodeId node);
  NodeId MakeShell(NodeId node);
  void Fill(NodeId node, absl::Span<const NodeId> children);
  NodeId MakeWhole(NodeId node, absl::Span<const NodeId> children);

  bool IsQuantized(NodeId node) const {
    return from_.kind(node) == ValueKind::kTensor && from_.is_object(node) &&
           from_.has_flags_of_call(node) &&
           from_.tensor(node).layout() == Layout::kStrided &&
           Category(from_.tensor(node).dtype()) == DTypeCategory::kQuantized;
  }
  // Returns the arguments that a quantised tensor was rebuilt from. They are
  // the third argument of `_rebuild_from_type`: (function, class, arguments).
  absl::Span<const NodeId> RebuildArgs(NodeId node) const {
    const absl::Span<const NodeId> args = from_.items(from_.object(node).args);
    return args.size() >= 3 && from_.is_global(args[0]) &&
                   from_.kind(args[2]) == ValueKind::kTuple
               ? from_.items(args[2])
               : args;
  }

  const ObjectGraph& from_;
  Budget& budget_;
  ObjectGraph& to_;
  // Copies; kNoNode while a node's children are being copied.
  HashMap<NodeId, NodeId> copies_;
  // What stands for the nodes that are not plain.
  HashMap<NodeId, NodeId> plain_;
};

bool PlainCopier::IsOfProgram(const ObjectRecord& object) const {
  if (!from_.is_global(object.callable)) return false;
  const absl::string_view module = from_.global(object.callable).module;
  return module == "torch.jit._pickle" || absl::StartsWith(module, "__torch__");
}

NodeId PlainCopier::Behind(NodeId node) const {
  if (IsQuantized(node)) {
    // The first argument of `_rebuild_parameter` is the tensor.
    const absl::Span<const NodeId> args = RebuildArgs(node);
    return !args.empty() && from_.kind(args[0]) == ValueKind::kTensor ? args[0]
                                                                      : node;
  }
  if (from_.kind(node) != ValueKind::kObject) return node;
  const ObjectRecord object = from_.object(node);
  if (object.state != kNoNode) {
    return from_.kind(object.state) == ValueKind::kDict ? node : object.state;
  }
  const absl::Span<const NodeId> args = from_.items(object.args);
  return object.form == ObjectForm::kCall && !args.empty() &&
                 IsOfProgram(object)
             ? args[0]
             : node;
}

NodeId PlainCopier::Plain(NodeId node) {
  std::vector<NodeId> path;
  // Each step goes to a part that was made earlier, but for states, of which a
  // chain cannot be longer than the graph.
  while (path.size() < from_.size()) {
    const auto found = plain_.find(node);
    if (found != plain_.end()) {
      node = found->second;
      break;
    }
    const NodeId next = Behind(node);
    if (next == node) break;
    path.push_back(node);
    node = next;
  }
  for (NodeId walked : path) plain_[walked] = node;
  return node;
}

PlainCopier::How PlainCopier::HowToCopy(NodeId node) const {
  switch (from_.kind(node)) {
    case ValueKind::kList:
    case ValueKind::kDict:
    case ValueKind::kObject:
      return How::kShell;
    case ValueKind::kTuple:
      return node == ObjectGraph::kEmptyTuple ? How::kLeaf : How::kWhole;
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
      return How::kWhole;
    default:
      return IsQuantized(node) ? How::kWhole : How::kLeaf;
  }
}

absl::StatusOr<Children> PlainCopier::ChildrenOf(NodeId node) {
  absl::Span<const NodeId> children;
  switch (from_.kind(node)) {
    case ValueKind::kDict:
      children = from_.entries(node);
      break;
    case ValueKind::kObject: {
      // The attributes; of an object without any, what it was given.
      const ObjectRecord object = from_.object(node);
      if (object.state != kNoNode) {
        children = from_.entries(object.state);
      } else {
        children = from_.entries(node);
      }
      break;
    }
    case ValueKind::kTensor:
      children = RebuildArgs(node);
      break;
    default:
      children = from_.items(node);
      break;
  }
  // Objects may share them, and each has a copy, which is asked for twice.
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(children.size()));
  FERRY_RETURN_IF_ERROR(budget_.ChargeMemory(children.size() * sizeof(NodeId)));
  Children plain;
  plain.reserve(children.size());
  for (NodeId child : children) plain.push_back(Plain(child));
  return plain;
}

NodeId PlainCopier::CopyLeaf(NodeId node) {
  switch (from_.kind(node)) {
    case ValueKind::kTensor:
      return to_.AddTensor(from_.tensor(node));
    case ValueKind::kStorage:
      return to_.AddStorage(from_.storage(node));
    case ValueKind::kDType:
      return to_.AddDType(from_.dtype(node));
    case ValueKind::kDevice:
      return to_.AddDevice(from_.device(node));
    case ValueKind::kLayout:
      return to_.AddLayout(from_.layout(node));
    case ValueKind::kSize: {
      std::vector<int64_t> sizes;
      for (NodeId item : from_.size_items(node)) {
        sizes.push_back(from_.int_value(item));
      }
      return to_.AddSize(sizes);
    }
    case ValueKind::kGlobal: {
      const GlobalRecord& global = from_.global(node);
      // torch.per_tensor_affine and the like.
      if (global.module == "torch") {
        return to_.AddGlobal(global.module, global.name);
      }
      return to_.AddStr(absl::StrCat(global.module, ".", global.name));
    }
    default:
      return to_.Import(from_, node);
  }
}

NodeId PlainCopier::MakeShell(NodeId node) {
  if (from_.kind(node) == ValueKind::kList) return to_.AddList();
  if (from_.kind(node) == ValueKind::kDict && from_.is_object(node)) {
    const NodeId dict = to_.AddObject(
        ObjectForm::kCall, to_.AddGlobal("collections", "OrderedDict"),
        ObjectGraph::kEmptyTuple);
    to_.BecomeDict(dict);
    return dict;
  }
  return to_.AddDict();
}

void PlainCopier::Fill(NodeId node, absl::Span<const NodeId> children) {
  const NodeId copy = copies_.at(node);
  if (from_.kind(node) == ValueKind::kList) {
    to_.AppendItems(copy, children);
  } else {
    to_.AppendEntries(copy, children);
  }
}

NodeId PlainCopier::MakeWhole(NodeId node, absl::Span<const NodeId> children) {
  switch (from_.kind(node)) {
    case ValueKind::kSet:
      return to_.AddSet(children);
    case ValueKind::kFrozenSet:
      return to_.AddFrozenSet(children);
    case ValueKind::kTensor: {
      const NodeId tensor = to_.AddObject(
          ObjectForm::kCall, to_.AddGlobal("torch._utils", "_rebuild_qtensor"),
          to_.AddTuple(children));
      to_.BecomeTensor(tensor, from_.tensor(node), /*is_parameter=*/false);
      return tensor;
    }
    default:
      return to_.AddTuple(children);
  }
}

absl::Status PlainCopier::CheckIsPlain(NodeId node) const {
  if (from_.kind(node) != ValueKind::kObject) return absl::OkStatus();
  const ObjectRecord object = from_.object(node);
  if (object.state != kNoNode || from_.items(object.args).empty()) {
    return absl::OkStatus();
  }
  std::string name = "a class";
  if (from_.is_global(object.callable)) {
    const GlobalRecord& global = from_.global(object.callable);
    name = EscapeForMessage(absl::StrCat(global.module, ".", global.name));
  }
  return absl::UnimplementedError(
      absl::StrCat("an object that ", name,
                   " makes from arguments cannot be converted to plain data"));
}

absl::StatusOr<NodeId> PlainCopier::Copy(NodeId root) {
  root = Plain(root);
  // Nodes to copy; those that come up again have their children done.
  struct Visit {
    NodeId node;
    bool children_done;
  };
  std::vector<Visit> stack = {{root, false}};
  while (!stack.empty()) {
    const auto [node, children_done] = stack.back();
    stack.pop_back();
    if (children_done) {
      FERRY_ASSIGN_OR_RETURN(Children children, ChildrenOf(node));
      FERRY_RETURN_IF_ERROR(
          budget_.ChargeOutput(children.size() * kReferenceBytes));
      for (NodeId& child : children) {
        child = copies_.at(child);
        if (child == kNoNode) {
          return absl::UnimplementedError(
              "a tuple that contains itself cannot be converted to plain data");
        }
      }
      if (HowToCopy(node) == How::kShell) {
        Fill(node, children);
      } else {
        copies_[node] = MakeWhole(node, children);
      }
      continue;
    }
    const auto [found, is_new] = copies_.try_emplace(node, kNoNode);
    if (!is_new) continue;
    FERRY_RETURN_IF_ERROR(CheckIsPlain(node));
    const How how = HowToCopy(node);
    if (how == How::kLeaf) {
      found->second = CopyLeaf(node);
      continue;
    }
    if (how == How::kShell) found->second = MakeShell(node);
    stack.push_back({node, true});
    FERRY_ASSIGN_OR_RETURN(const Children children, ChildrenOf(node));
    for (size_t i = children.size(); i-- > 0;) {
      stack.push_back({children[i], false});
    }
  }
  return copies_.at(root);
}

// The entries of all dicts and the items of all sets.
uint64_t CountKeys(const ObjectGraph& graph) {
  uint64_t count = 0;
  for (NodeId node = 0; node < graph.size(); ++node) {
    const ValueKind kind = graph.kind(node);
    if (kind == ValueKind::kDict) count += graph.entries(node).size() / 2;
    if (kind == ValueKind::kSet || kind == ValueKind::kFrozenSet) {
      count += graph.items(node).size();
    }
  }
  return count;
}

// Checks that what were different keys and items of sets still are. An object
// that is a key becomes a dict, which cannot be one.
absl::Status CheckKeys(ObjectGraph* graph) {
  const uint64_t count = CountKeys(*graph);
  if (const absl::Status checked = graph->RemoveDuplicateKeys(0);
      !checked.ok()) {
    return absl::UnimplementedError(absl::StrCat(
        "as plain data, ", checked.message(), ", so it cannot be converted"));
  }
  if (CountKeys(*graph) == count) return absl::OkStatus();
  return absl::UnimplementedError(
      "different keys of a dict or items of a set are equal as plain data, so "
      "it cannot be converted");
}

// May throw std::bad_alloc.
absl::StatusOr<Value> CopyProgramData(
    const Value& root, const Value& constants,
    const BudgetOptions& budget_options,
    const std::function<bool()>& is_cancelled) {
  Budget budget(budget_options, root.graph()->stored_bytes(), is_cancelled);
  const auto graph = std::make_shared<ObjectGraph>();
  FERRY_ASSIGN_OR_RETURN(
      const NodeId data,
      PlainCopier(*root.graph(), &budget, graph.get()).Copy(root.node()));
  const Value result(graph, data);
  if (constants.size() == 0) {
    FERRY_RETURN_IF_ERROR(CheckKeys(graph.get()));
    return result;
  }
  if (!result.is_dict()) {
    return absl::UnimplementedError(
        "constants next to a value that is not an object cannot be converted "
        "to plain data");
  }
  FERRY_ASSIGN_OR_RETURN(const NodeId tuple,
                         PlainCopier(*constants.graph(), &budget, graph.get())
                             .Copy(constants.node()));
  FERRY_RETURN_IF_ERROR(CheckKeys(graph.get()));
  FERRY_RETURN_IF_ERROR(result.Set("__constants__", Value(graph, tuple)));
  return result;
}

}  // namespace

absl::StatusOr<Value> ProgramData(const Value& root, const Value& constants,
                                  const BudgetOptions& budget,
                                  const std::function<bool()>& is_cancelled) {
  return CatchOutOfMemory(
      [&] { return CopyProgramData(root, constants, budget, is_cancelled); });
}

}  // namespace v1
}  // namespace ferry
