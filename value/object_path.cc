// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_path.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/text.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

// How many names an error message lists, how many bytes of each, and among how
// many it looks for one that may have been meant.
constexpr size_t kMaxNamesInError = 8;
constexpr size_t kMaxNameBytesInError = 60;
constexpr size_t kMaxNamesConsidered = 4096;

// The budget of making one message, even where names are long and shared. A
// message that would cost more says less.
BudgetOptions MessageBudget(uint64_t more_steps = 0) {
  BudgetOptions options;
  options.max_steps = (uint64_t{1} << 18) + more_steps;
  return options;
}

// The number that `token` spells as Python does, if it does.
std::optional<int64_t> DecimalToken(absl::string_view token) {
  int64_t value;
  if (!absl::SimpleAtoi(token, &value) || absl::StrCat(value) != token) {
    return std::nullopt;
  }
  return value;
}

// The children of `run` called `token`: more than one only where different keys
// read alike.
std::vector<NodeId> FindInRun(const ObjectGraph& graph, const ChildRun& run,
                              absl::string_view token) {
  if (run.kind == ChildName::Kind::kState) {
    if (token == "__state__") return {run.nodes[0]};
    return {};
  }
  const std::optional<int64_t> number = DecimalToken(token);
  if (run.kind == ChildName::Kind::kIndex) {
    if (!number || *number < 0 ||
        static_cast<uint64_t>(*number) >= run.nodes.size()) {
      return {};
    }
    return {run.nodes[static_cast<size_t>(*number)]};
  }
  std::vector<NodeId> found;
  const auto add = [&found](NodeId node) {
    if (node != kNoNode) found.push_back(node);
  };
  add(graph.FindStr(run.owner, token));
  if (number) add(graph.FindInt(run.owner, *number));
  if (graph.HasPlainKeys(run.owner)) return found;
  for (size_t i = 0; i < run.size(); ++i) {
    const NodeId key = run.nodes[2 * i];
    if (!graph.IsPlainKey(key) && KeyText(graph, key) == token) {
      found.push_back(run.child(i));
    }
  }
  return found;
}

// The child that is the one of `number` among those called `token`, or kNoNode.
NodeId FindNumbered(const ObjectGraph& graph, NodeId node,
                    absl::string_view token, int64_t number) {
  for (const ChildRun& run : ChildRunsOf(graph, node)) {
    for (size_t i = 0; i < run.size(); ++i) {
      bool is_next = false;
      WithText(graph, run.name(i), [&](absl::string_view name) {
        is_next = name == token && number-- == 0;
      });
      if (is_next) return run.child(i);
    }
  }
  return kNoNode;
}

// The nodes on a shortest way from `root` to `node`, the last first, without
// the root. Empty if there is none.
std::vector<NodeId> WayTo(const ObjectGraph& graph, NodeId root, NodeId node) {
  if (node == root) return {};
  std::vector<NodeId> parents(graph.size(), kNoNode);
  std::vector<NodeId> found = {root};
  std::vector<NodeId> references;
  for (size_t i = 0; i < found.size() && parents[node] == kNoNode; ++i) {
    references.clear();
    graph.AppendReferences(found[i], &references);
    for (NodeId reference : references) {
      if (reference == root || parents[reference] != kNoNode) continue;
      parents[reference] = found[i];
      found.push_back(reference);
    }
  }
  std::vector<NodeId> way;
  for (; parents[node] != kNoNode; node = parents[node]) way.push_back(node);
  return way;
}

// Where `node` stands below `root`, for `AnnotatePath`.
std::string PathTo(const ObjectGraph& graph, NodeId root, NodeId node) {
  constexpr size_t kMaxPathBytes = 200;
  const std::vector<NodeId> way = WayTo(graph, root, node);
  // Every node on the way is looked at once more.
  Budget budget(MessageBudget(graph.num_references()), 0);
  // An object's attribute is a child of the object, and on the way to it are
  // its state and perhaps one half of that.
  constexpr size_t kMaxUnnamed = 2;
  std::string path;
  NodeId named = root;  // what `path` leads to
  NodeId parent = root;
  size_t num_unnamed = 0;  // nodes of the way behind `named`
  for (size_t i = way.size(); i-- > 0; parent = way[i]) {
    if (path.size() > kMaxPathBytes) return absl::StrCat(path, "...");
    const absl::StatusOr<std::string> step =
        StepTo(graph, named, way[i], &budget);
    if (!step.ok()) return absl::StrCat(path, "/...");
    if (!step->empty()) {
      absl::StrAppend(&path, EscapeForMessage(*step));
      named = way[i];
      num_unnamed = 0;
      continue;
    }
    const absl::Span<const NodeId> entries = graph.entries(parent);
    for (size_t key = 0; key < entries.size(); key += 2) {
      if (entries[key] != way[i]) continue;
      return path.empty() ? "a key" : absl::StrCat("a key of ", path);
    }
    if (++num_unnamed > kMaxUnnamed) break;
  }
  return path;
}

// Collects the pointers that are most like one that leads nowhere.
class NearPointers final : public GraphVisitor {
 public:
  explicit NearPointers(absl::string_view wanted) : near_(wanted) {}

  // Considers the first nodes at and below `root`, which stands at `pointer`.
  void Search(const ObjectGraph& graph, NodeId root,
              absl::string_view pointer) {
    const absl::Status walked =
        WalkGraph(graph, root, &budget_, this, pointer, kMaxNamesConsidered);
    // A walk lists all children of a container before it visits the first. If
    // that alone costs too much, considers the first children without a walk.
    if (walked.ok() || !Question().empty()) return;
    size_t num_considered = 0;
    for (const ChildRun& run : ChildRunsOf(graph, root)) {
      for (size_t i = 0; i < run.size(); ++i) {
        std::string child(pointer);
        if (++num_considered > kMaxNamesConsidered ||
            !AppendStep(graph, run.name(i), &budget_, &child).ok()) {
          return;
        }
        near_.Consider(child);
      }
    }
  }

  std::string Question() const { return near_.Question(); }

  absl::Status OnTensor(absl::string_view pointer, NodeId) override {
    return Consider(pointer);
  }
  absl::Status OnContainer(absl::string_view pointer, NodeId) override {
    return Consider(pointer);
  }
  absl::Status OnAlias(absl::string_view pointer, absl::string_view) override {
    return Consider(pointer);
  }
  absl::Status OnLeaf(absl::string_view pointer, NodeId) override {
    return Consider(pointer);
  }

 private:
  absl::Status Consider(absl::string_view pointer) {
    near_.Consider(pointer);
    return absl::OkStatus();
  }

  NearNames near_;
  Budget budget_{MessageBudget(), 0};
};

// The names of a node's first children, quoted; "nothing" if it has none.
std::string ListNames(const ObjectGraph& graph, NodeId node) {
  std::vector<std::string> names;
  size_t count = 0;
  for (const ChildRun& run : ChildRunsOf(graph, node)) {
    for (size_t i = 0; i < run.size() && names.size() < kMaxNamesInError; ++i) {
      WithText(graph, run.name(i), [&](absl::string_view name) {
        names.push_back(QuoteForMessage(Shorten(name, kMaxNameBytesInError)));
      });
    }
    count += run.size();
  }
  if (count == 0) return "nothing";
  return ListForMessage(count, kMaxNamesInError,
                        [&](size_t i) { return std::move(names[i]); });
}

}  // namespace

absl::StatusOr<NodeId> ResolvePointer(const ObjectGraph& graph, NodeId root,
                                      absl::string_view pointer) {
  NodeId node = root;
  absl::string_view rest = pointer;
  while (!rest.empty()) {
    if (rest[0] != '/') {
      NearPointers near(pointer);
      near.Search(graph, root, "");
      return absl::InvalidArgumentError(absl::StrCat(
          QuoteForMessage(pointer),
          " is not a JSON Pointer: it must be empty or begin with \"/\"",
          near.Question()));
    }
    rest.remove_prefix(1);
    absl::string_view step = rest.substr(0, rest.find('/'));
    rest.remove_prefix(step.size());
    const absl::string_view so_far =
        pointer.substr(0, pointer.size() - rest.size());
    const size_t step_bytes = step.size();
    std::optional<int64_t> number;
    const size_t mark = step.find(kNumberMark);
    if (mark != absl::string_view::npos) {
      number = DecimalToken(step.substr(mark + kNumberMark.size()));
      if (number && *number >= 0) step = step.substr(0, mark);
    }
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i] != '~') continue;
      ++i;
      if (i == step.size() || (step[i] != '0' && step[i] != '1')) {
        return absl::InvalidArgumentError(
            absl::StrCat(QuoteForMessage(pointer),
                         " is not a JSON Pointer: \"~\" must be followed by 0 "
                         "or 1, or, at the end of a step, by 2 and a number"));
      }
    }
    const std::string token =
        absl::StrReplaceAll(step, {{"~1", "/"}, {"~0", "~"}});
    std::vector<NodeId> found;
    if (number) {
      const NodeId child = FindNumbered(graph, node, token, *number);
      if (child != kNoNode) found.push_back(child);
    } else {
      for (const ChildRun& run : ChildRunsOf(graph, node)) {
        found = FindInRun(graph, run, token);
        if (!found.empty()) break;
      }
    }
    if (found.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          QuoteForMessage(so_far), " is ambiguous: ", found.size(),
          " keys of different types have the same text; append \"~20\" for the "
          "first of them, \"~21\" for the second, and so on"));
    }
    if (found.empty()) {
      // First among what stands beside it.
      const absl::string_view parent =
          so_far.substr(0, so_far.size() - step_bytes - 1);
      NearPointers near(pointer);
      near.Search(graph, node, parent);
      if (near.Question().empty()) near.Search(graph, root, "");
      return absl::NotFoundError(
          absl::StrCat("there is no ", QuoteForMessage(so_far), ": the ",
                       Name(graph.kind(node)), " that should contain it has ",
                       ListNames(graph, node), near.Question()));
    }
    node = found[0];
  }
  return node;
}

absl::Status AnnotatePath(const absl::Status& status, const ObjectGraph& graph,
                          NodeId root, NodeId node) {
  const std::string path = PathTo(graph, root, node);
  if (path.empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (at ", path, ")"));
}

std::string DescribeNames(const ObjectGraph& graph, NodeId node,
                          absl::string_view wanted) {
  NearNames near(wanted);
  size_t left = kMaxNamesConsidered;
  for (const ChildRun& run : ChildRunsOf(graph, node)) {
    for (size_t i = 0; i < run.size() && left > 0; ++i, --left) {
      WithText(graph, run.name(i),
               [&near](absl::string_view name) { near.Consider(name); });
    }
  }
  return absl::StrCat("it has ", ListNames(graph, node), near.Question());
}

}  // namespace v1
}  // namespace ferry
