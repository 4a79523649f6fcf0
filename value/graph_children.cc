// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/graph_children.h"

#include <charconv>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

// The limit of one pointer, so that its size fits in 32 bits.
constexpr size_t kMaxPointerBytes = size_t{1} << 30;

// Names up to this size are charged as a part of their children.
constexpr size_t kFreeNameBytes = 16;

// The steps of comparing a name with the others of its container.
constexpr uint64_t kCompareSteps = 4;

absl::Status ChargeName(size_t size, Budget* budget) {
  return size > kFreeNameBytes ? budget->ChargeSteps(size) : absl::OkStatus();
}

// The dicts that hold an object's attributes: its state, or both halves of a
// state that is a pair (of __dict__ and of __slots__).
std::vector<NodeId> AttributeDicts(const ObjectGraph& graph, NodeId state) {
  if (state == kNoNode) return {};
  if (graph.kind(state) == ValueKind::kDict) return {state};
  if (graph.kind(state) != ValueKind::kTuple ||
      graph.items(state).size() != 2) {
    return {};
  }
  std::vector<NodeId> dicts;
  for (NodeId half : graph.items(state)) {
    if (graph.kind(half) == ValueKind::kDict) {
      dicts.push_back(half);
    } else if (graph.kind(half) != ValueKind::kNone) {
      return {};
    }
  }
  return dicts;
}

// Whether two children may have one name: in different runs, or by keys of
// different types. Never true of the dicts that most files consist of.
bool NamesMayClash(const ObjectGraph& graph, const ChildRuns& runs) {
  const ChildRun* only = nullptr;
  for (const ChildRun& run : runs) {
    if (run.size() == 0) continue;
    if (only != nullptr) return true;
    only = &run;
  }
  if (only == nullptr || only->kind != ChildName::Kind::kKey) return false;
  const ValueKind kind = graph.kind(only->nodes[0]);
  for (size_t i = 0; i < only->nodes.size(); i += 2) {
    const NodeId key = only->nodes[i];
    if (!graph.IsPlainKey(key) || graph.kind(key) != kind) return true;
  }
  return false;
}

}  // namespace

std::string EscapePointerToken(absl::string_view token) {
  return absl::StrReplaceAll(token, {{"~", "~0"}, {"/", "~1"}});
}

absl::Status ForEachChild(
    const ObjectGraph& graph, NodeId node, Budget* budget,
    absl::FunctionRef<absl::Status(absl::string_view, NodeId)> visit) {
  const ChildRuns runs = ChildRunsOf(graph, node);
  FERRY_RETURN_IF_ERROR(budget->ChargeSteps(NumChildren(runs)));
  FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                         NumberNames(graph, runs, budget));
  std::string step;
  size_t next = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      ChildName name = run.name(i);
      if (!numbers.empty()) name.number = numbers[next++];
      step.clear();
      FERRY_RETURN_IF_ERROR(AppendStep(graph, name, budget, &step));
      FERRY_RETURN_IF_ERROR(visit(step, run.child(i)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> StepTo(const ObjectGraph& graph, NodeId node,
                                   NodeId child, Budget* budget) {
  const ChildRuns runs = ChildRunsOf(graph, node);
  FERRY_RETURN_IF_ERROR(budget->ChargeSteps(NumChildren(runs)));
  size_t num_before = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      if (run.child(i) != child) continue;
      ChildName name = run.name(i);
      FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                             NumberNames(graph, runs, budget));
      if (!numbers.empty()) name.number = numbers[num_before + i];
      std::string step;
      FERRY_RETURN_IF_ERROR(AppendStep(graph, name, budget, &step));
      return step;
    }
    num_before += run.size();
  }
  return std::string();
}

bool HasChildren(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kDict:
    case ValueKind::kObject:
    case ValueKind::kList:
      return true;
    case ValueKind::kTuple:
      return node != ObjectGraph::kEmptyTuple;
    default:
      return false;
  }
}

NodeId FindAttribute(const ObjectGraph& graph, NodeId object,
                     absl::string_view name) {
  if (!graph.is_object(object)) return kNoNode;
  for (NodeId dict : AttributeDicts(graph, graph.object(object).state)) {
    const NodeId value = graph.FindStr(dict, name);
    if (value != kNoNode) return value;
  }
  return kNoNode;
}

ChildRuns ChildRunsOf(const ObjectGraph& graph, NodeId node) {
  using Kind = ChildName::Kind;
  ChildRuns runs;
  const auto add_entries = [&](NodeId owner) {
    runs.push_back({Kind::kKey, owner, graph.entries(owner)});
  };
  switch (graph.kind(node)) {
    case ValueKind::kDict:
    case ValueKind::kObject:
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      runs.push_back({Kind::kIndex, node, graph.items(node)});
      return runs;
    default:
      return runs;
  }
  add_entries(node);
  if (!graph.is_object(node)) return runs;
  const ObjectRecord object = graph.object(node);
  const std::vector<NodeId> attributes = AttributeDicts(graph, object.state);
  for (NodeId dict : attributes) add_entries(dict);
  if (object.state != kNoNode && attributes.empty()) {
    runs.push_back({Kind::kState, node, graph.state_run(node)});
  }
  runs.push_back({Kind::kIndex, node, graph.items(node)});
  runs.push_back({Kind::kIndex, node, graph.items(object.args)});
  if (object.kwargs != kNoNode) add_entries(object.kwargs);
  return runs;
}

size_t NumChildren(const ChildRuns& runs) {
  size_t num = 0;
  for (const ChildRun& run : runs) num += run.size();
  return num;
}

void WithText(const ObjectGraph& graph, ChildName name,
              absl::FunctionRef<void(absl::string_view)> use) {
  switch (name.kind) {
    case ChildName::Kind::kKey:
      if (graph.kind(name.value) == ValueKind::kStr) {
        use(graph.text(name.value));
      } else {
        use(KeyText(graph, name.value));
      }
      return;
    case ChildName::Kind::kIndex: {
      char buffer[24];
      const auto end =
          std::to_chars(buffer, buffer + sizeof(buffer), name.value);
      use(absl::string_view(buffer, end.ptr - buffer));
      return;
    }
    default:
      use("__state__");
      return;
  }
}

absl::StatusOr<std::vector<uint32_t>> NumberNames(const ObjectGraph& graph,
                                                  const ChildRuns& runs,
                                                  Budget* budget) {
  std::vector<uint32_t> numbers;
  if (!NamesMayClash(graph, runs)) return numbers;
  FERRY_RETURN_IF_ERROR(budget->ChargeSteps(kCompareSteps * NumChildren(runs)));
  const auto for_each = [&](auto use) {
    for (const ChildRun& run : runs) {
      for (size_t i = 0; i < run.size(); ++i) {
        WithText(graph, run.name(i),
                 [&](absl::string_view name) { use(run, name); });
      }
    }
  };
  HashMap<size_t, uint32_t> num_by_hash;
  bool any_twice = false;
  absl::Status status;
  for_each([&](const ChildRun&, absl::string_view name) {
    if (status.ok()) status = ChargeName(name.size(), budget);
    if (status.ok()) any_twice |= ++num_by_hash[absl::HashOf(name)] > 1;
  });
  FERRY_RETURN_IF_ERROR(status);
  if (!any_twice) return numbers;
  struct Namesakes {
    const ChildRun* first_run;
    uint32_t num_in_first_run = 0;
    uint32_t num_numbered = 0;
  };
  HashMap<std::string, Namesakes> namesakes;
  for_each([&](const ChildRun& run, absl::string_view name) {
    if (num_by_hash[absl::HashOf(name)] == 1) return;
    Namesakes& of_name =
        namesakes.try_emplace(std::string(name), Namesakes{&run}).first->second;
    if (of_name.first_run == &run) ++of_name.num_in_first_run;
  });
  for_each([&](const ChildRun& run, absl::string_view name) {
    const auto found = namesakes.find(name);
    if (found == namesakes.end()) {
      return numbers.push_back(ChildName::kNoNumber);
    }
    Namesakes& of_name = found->second;
    const bool is_found_by_name =
        of_name.first_run == &run && of_name.num_in_first_run == 1;
    numbers.push_back(is_found_by_name ? ChildName::kNoNumber
                                       : of_name.num_numbered);
    ++of_name.num_numbered;
  });
  return numbers;
}

absl::Status AppendStep(const ObjectGraph& graph, ChildName name,
                        Budget* budget, std::string* pointer) {
  pointer->push_back('/');
  const size_t start = pointer->size();
  size_t name_size = 0;
  WithText(graph, name, [&](absl::string_view text) {
    name_size = text.size();
    if (pointer->size() + name_size > kMaxPointerBytes) return;
    if (text.find('~') == absl::string_view::npos &&
        text.find('/') == absl::string_view::npos) {
      pointer->append(text.data(), text.size());
    } else {
      *pointer += EscapePointerToken(text);
    }
  });
  if (start + name_size > kMaxPointerBytes ||
      pointer->size() > kMaxPointerBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a path of the graph is longer than ", kMaxPointerBytes, " bytes"));
  }
  if (name.number != ChildName::kNoNumber) {
    absl::StrAppend(pointer, kNumberMark, name.number);
  }
  return ChargeName(name_size, budget);
}

}  // namespace v1
}  // namespace ferry
