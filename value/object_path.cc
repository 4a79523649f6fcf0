// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_path.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value_kind.h"

namespace ferry {
namespace {

// Limits of a walk; names of up to kFreeNameBytes are not counted.
constexpr size_t kMaxPointerBytes = size_t{16} << 20;
constexpr size_t kMaxWalkBytes = size_t{1} << 30;
constexpr size_t kFreeNameBytes = 16;

// How often, on average, a walk visits what the nodes of a graph refer to, and
// how much it may visit in the smallest graph. Objects that share a state or
// arguments are visited with all of it.
constexpr uint64_t kMaxSharing = 8;
constexpr uint64_t kFreeChildren = 1 << 16;

// What finding one name of an alias's first pointer counts for.
constexpr size_t kFindBytes = 64;

// How many names an error message lists, how many bytes of each, and among how
// many it looks for one that may have been meant.
constexpr size_t kMaxNamesInError = 8;
constexpr size_t kMaxNameBytesInError = 60;
constexpr size_t kMaxNamesConsidered = 4096;

// What stands between a name and the number of a child among its namesakes.
constexpr absl::string_view kNumberMark = "~2";

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

// A run of children that are named alike.
struct ChildRun {
  enum class Naming : uint8_t { kKey, kIndex, kState };
  Naming naming;
  NodeId owner;                    // kKey: whose entries they are
  absl::Span<const NodeId> nodes;  // kKey: key and value in turn

  size_t size() const {
    return naming == Naming::kKey ? nodes.size() / 2 : nodes.size();
  }
  NodeId child(size_t i) const {
    return naming == Naming::kKey ? nodes[2 * i + 1] : nodes[i];
  }
};

using ChildRuns = absl::InlinedVector<ChildRun, 6>;

ChildRuns Children(const ObjectGraph& graph, NodeId node) {
  using Naming = ChildRun::Naming;
  ChildRuns runs;
  const auto add_entries = [&](NodeId owner) {
    runs.push_back({Naming::kKey, owner, graph.entries(owner)});
  };
  switch (graph.kind(node)) {
    case ValueKind::kDict:
    case ValueKind::kObject:
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      runs.push_back({Naming::kIndex, node, graph.items(node)});
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
    runs.push_back({Naming::kState, node, graph.state_run(node)});
  }
  runs.push_back({Naming::kIndex, node, graph.items(node)});
  runs.push_back({Naming::kIndex, node, graph.items(object.args)});
  if (object.kwargs != kNoNode) add_entries(object.kwargs);
  return runs;
}

// The number of a child that its name alone leads to.
constexpr uint32_t kNoNumber = 0xFFFFFFFF;

// How one child is named, to be spelt when it is wanted.
struct ChildName {
  ChildRun::Naming naming;
  uint32_t value;  // the key's node, or the index
  // Which of the children of this name it is, or kNoNumber.
  uint32_t number = kNoNumber;
};

ChildName NameOf(const ChildRun& run, size_t i) {
  return {run.naming, run.naming == ChildRun::Naming::kKey
                          ? run.nodes[2 * i]
                          : static_cast<uint32_t>(i)};
}

// Calls `use` with the text.
void WithText(const ObjectGraph& graph, ChildName name,
              absl::FunctionRef<void(absl::string_view)> use) {
  switch (name.naming) {
    case ChildRun::Naming::kKey:
      if (graph.kind(name.value) == ValueKind::kStr) {
        use(graph.text(name.value));
      } else {
        use(KeyText(graph, name.value));
      }
      return;
    case ChildRun::Naming::kIndex: {
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

// Whether two children may have one name: in different runs, or by keys of
// different types. Never true of the dicts that most files consist of.
bool NamesMayClash(const ObjectGraph& graph, const ChildRuns& runs) {
  const ChildRun* only = nullptr;
  for (const ChildRun& run : runs) {
    if (run.size() == 0) continue;
    if (only != nullptr) return true;
    only = &run;
  }
  if (only == nullptr || only->naming != ChildRun::Naming::kKey) return false;
  const ValueKind kind = graph.kind(only->nodes[0]);
  for (size_t i = 0; i < only->nodes.size(); i += 2) {
    const NodeId key = only->nodes[i];
    if (!graph.IsPlainKey(key) || graph.kind(key) != kind) return true;
  }
  return false;
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
  if (run.naming == ChildRun::Naming::kState) {
    if (token == "__state__") return {run.nodes[0]};
    return {};
  }
  const std::optional<int64_t> number = DecimalToken(token);
  if (run.naming == ChildRun::Naming::kIndex) {
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
  for (const ChildRun& run : Children(graph, node)) {
    for (size_t i = 0; i < run.size(); ++i) {
      bool is_next = false;
      WithText(graph, NameOf(run, i), [&](absl::string_view name) {
        is_next = name == token && number-- == 0;
      });
      if (is_next) return run.child(i);
    }
  }
  return kNoNode;
}

// Returns the number of each child, in the order of the runs, or nothing if
// every name is the name of one child. Takes memory for the names that occur
// more than once, and a few words for each of the others. Calls `count` with
// the size of each name that is longer than kFreeNameBytes.
absl::StatusOr<std::vector<uint32_t>> NumberNames(
    const ObjectGraph& graph, const ChildRuns& runs,
    absl::FunctionRef<absl::Status(size_t)> count) {
  std::vector<uint32_t> numbers;
  if (!NamesMayClash(graph, runs)) return numbers;
  const auto for_each = [&](auto use) {
    for (const ChildRun& run : runs) {
      for (size_t i = 0; i < run.size(); ++i) {
        WithText(graph, NameOf(run, i),
                 [&](absl::string_view name) { use(run, name); });
      }
    }
  };
  absl::flat_hash_map<size_t, uint32_t> num_by_hash;
  bool any_twice = false;
  absl::Status status;
  for_each([&](const ChildRun&, absl::string_view name) {
    if (status.ok() && name.size() > kFreeNameBytes) {
      status = count(name.size());
    }
    if (status.ok()) any_twice |= ++num_by_hash[absl::HashOf(name)] > 1;
  });
  FERRY_RETURN_IF_ERROR(status);
  if (!any_twice) return numbers;
  struct Namesakes {
    const ChildRun* first_run;
    uint32_t num_in_first_run = 0;
    uint32_t num_numbered = 0;
  };
  absl::flat_hash_map<std::string, Namesakes> namesakes;
  for_each([&](const ChildRun& run, absl::string_view name) {
    if (num_by_hash[absl::HashOf(name)] == 1) return;
    Namesakes& of_name =
        namesakes.try_emplace(std::string(name), Namesakes{&run}).first->second;
    if (of_name.first_run == &run) ++of_name.num_in_first_run;
  });
  for_each([&](const ChildRun& run, absl::string_view name) {
    const auto found = namesakes.find(name);
    if (found == namesakes.end()) return numbers.push_back(kNoNumber);
    Namesakes& of_name = found->second;
    const bool is_found_by_name =
        of_name.first_run == &run && of_name.num_in_first_run == 1;
    numbers.push_back(is_found_by_name ? kNoNumber : of_name.num_numbered);
    ++of_name.num_numbered;
  });
  return numbers;
}

// Appends "/" and what leads to the child of this name to `pointer`. Calls
// `count` as `NumberNames` does.
absl::Status AppendStep(const ObjectGraph& graph, ChildName name,
                        absl::FunctionRef<absl::Status(size_t)> count,
                        std::string* pointer) {
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
  if (name.number != kNoNumber) {
    absl::StrAppend(pointer, kNumberMark, name.number);
  }
  return name_size > kFreeNameBytes ? count(name_size) : absl::OkStatus();
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

// Where `node` stands below `root`, for `AnnotatePlace`.
std::string Place(const ObjectGraph& graph, NodeId root, NodeId node) {
  constexpr size_t kMaxPlaceBytes = 200;
  const std::vector<NodeId> way = WayTo(graph, root, node);
  // An object's attribute is a child of the object, and on the way to it are
  // its state and perhaps one half of that.
  constexpr size_t kMaxUnnamed = 2;
  std::string place;
  NodeId named = root;  // what `place` leads to
  NodeId parent = root;
  size_t num_unnamed = 0;  // nodes of the way behind `named`
  for (size_t i = way.size(); i-- > 0; parent = way[i]) {
    if (place.size() > kMaxPlaceBytes) return absl::StrCat(place, "...");
    const absl::StatusOr<std::string> step = StepTo(graph, named, way[i]);
    if (!step.ok()) return absl::StrCat(place, "/...");
    if (!step->empty()) {
      absl::StrAppend(&place, EscapeForMessage(*step));
      named = way[i];
      num_unnamed = 0;
      continue;
    }
    const absl::Span<const NodeId> entries = graph.entries(parent);
    for (size_t key = 0; key < entries.size(); key += 2) {
      if (entries[key] != way[i]) continue;
      return place.empty() ? "a key" : absl::StrCat("a key of ", place);
    }
    if (++num_unnamed > kMaxUnnamed) break;
  }
  return place;
}

}  // namespace

std::string EscapePointerToken(absl::string_view token) {
  return absl::StrReplaceAll(token, {{"~", "~0"}, {"/", "~1"}});
}

absl::Status ForEachChild(
    const ObjectGraph& graph, NodeId node,
    absl::FunctionRef<absl::Status(absl::string_view, NodeId)> visit) {
  const ChildRuns runs = Children(graph, node);
  const auto take = [](size_t) { return absl::OkStatus(); };
  FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                         NumberNames(graph, runs, take));
  std::string step;
  size_t next = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      ChildName name = NameOf(run, i);
      if (!numbers.empty()) name.number = numbers[next++];
      step.clear();
      FERRY_RETURN_IF_ERROR(AppendStep(graph, name, take, &step));
      FERRY_RETURN_IF_ERROR(visit(step, run.child(i)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> StepTo(const ObjectGraph& graph, NodeId node,
                                   NodeId child) {
  const ChildRuns runs = Children(graph, node);
  const auto take = [](size_t) { return absl::OkStatus(); };
  size_t num_before = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      if (run.child(i) != child) continue;
      ChildName name = NameOf(run, i);
      FERRY_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                             NumberNames(graph, runs, take));
      if (!numbers.empty()) name.number = numbers[num_before + i];
      std::string step;
      FERRY_RETURN_IF_ERROR(AppendStep(graph, name, take, &step));
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

void GraphVisitor::OnContainer(absl::string_view, NodeId) {}
void GraphVisitor::OnAlias(absl::string_view, absl::string_view) {}
void GraphVisitor::OnLeaf(absl::string_view, NodeId) {}

namespace {

// A walk at work.
class Walk {
 public:
  Walk(const ObjectGraph& graph, GraphVisitor* visitor,
       absl::string_view root_pointer)
      : graph_(graph),
        visitor_(visitor),
        root_pointer_(root_pointer),
        pointer_(root_pointer) {}

  // Visits `max_nodes` nodes at most.
  absl::Status Run(NodeId root,
                   size_t max_nodes = std::numeric_limits<size_t>::max());

 private:
  // How a node was reached.
  struct Edge {
    NodeId parent;  // kNoNode: it is the root
    ChildName name;
  };
  // A child that is still to be visited. Its parent's pointer is the beginning
  // of pointer_ by then, whatever was visited in between.
  struct Step {
    NodeId node;
    uint32_t parent_pointer_size;
    ChildName name;
  };

  // A container whose children are being visited.
  struct Open {
    NodeId node;
    uint32_t pointer_size;
  };

  absl::Status Visit(const Step& step, NodeId parent);

  // Appends the step to the child of this name to `pointer`.
  absl::Status Append(ChildName name, std::string* pointer) {
    return AppendStep(
        graph_, name, [this](size_t bytes) { return Count(bytes); }, pointer);
  }

  // Counts children that are to be visited. Objects may share a state or
  // arguments, and each of them has their children.
  absl::Status CountChildren(size_t count) {
    if (count > children_left_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the graph has ", graph_.size(),
          " nodes, and so many of them share attributes or arguments that "
          "there is no end to what they contain"));
    }
    children_left_ -= count;
    return absl::OkStatus();
  }

  absl::Status Count(size_t bytes) {
    if (bytes > bytes_left_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the paths of the graph take more than ", kMaxWalkBytes, " bytes"));
    }
    bytes_left_ -= bytes;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> FirstPointer(NodeId container);

  const ObjectGraph& graph_;
  GraphVisitor* const visitor_;
  const absl::string_view root_pointer_;
  std::vector<Step> pending_;
  std::vector<Open> path_;
  std::string pointer_;  // of the node that is being visited
  // Of each container that was visited.
  absl::flat_hash_map<NodeId, Edge> first_edges_;
  size_t bytes_left_ = kMaxWalkBytes;
  uint64_t children_left_ =
      kFreeChildren +
      kMaxSharing * (graph_.num_references() + uint64_t{graph_.size()});
};

absl::StatusOr<std::string> Walk::FirstPointer(NodeId container) {
  std::vector<ChildName> names;
  for (NodeId node = container;;) {
    const Edge& edge = first_edges_.find(node)->second;
    if (edge.parent == kNoNode) break;
    names.push_back(edge.name);
    node = edge.parent;
  }
  FERRY_RETURN_IF_ERROR(Count(names.size() * kFindBytes));
  std::string pointer(root_pointer_);
  for (size_t i = names.size(); i-- > 0;) {
    FERRY_RETURN_IF_ERROR(Append(names[i], &pointer));
  }
  FERRY_RETURN_IF_ERROR(Count(pointer.size()));
  return pointer;
}

absl::Status Walk::Visit(const Step& step, NodeId parent) {
  const NodeId node = step.node;
  if (graph_.kind(node) == ValueKind::kTensor) {
    FERRY_RETURN_IF_ERROR(Count(pointer_.size()));
    visitor_->OnTensor(pointer_, node);
    return absl::OkStatus();
  }
  if (!HasChildren(graph_, node)) {
    visitor_->OnLeaf(pointer_, node);
    return absl::OkStatus();
  }
  if (!first_edges_.try_emplace(node, Edge{parent, step.name}).second) {
    FERRY_RETURN_IF_ERROR(Count(pointer_.size()));
    FERRY_ASSIGN_OR_RETURN(const std::string first_pointer, FirstPointer(node));
    visitor_->OnAlias(pointer_, first_pointer);
    return absl::OkStatus();
  }
  visitor_->OnContainer(pointer_, node);
  path_.push_back({node, static_cast<uint32_t>(pointer_.size())});
  const size_t first_child = pending_.size();
  const ChildRuns runs = Children(graph_, node);
  for (const ChildRun& run : runs) {
    FERRY_RETURN_IF_ERROR(CountChildren(run.size()));
  }
  FERRY_ASSIGN_OR_RETURN(
      const std::vector<uint32_t> numbers,
      NumberNames(graph_, runs, [this](size_t bytes) { return Count(bytes); }));
  size_t next = 0;
  for (const ChildRun& run : runs) {
    for (size_t i = 0; i < run.size(); ++i) {
      Step& child = pending_.emplace_back(
          Step{run.child(i), static_cast<uint32_t>(pointer_.size()),
               NameOf(run, i)});
      if (!numbers.empty()) child.name.number = numbers[next++];
    }
  }
  std::reverse(pending_.begin() + first_child, pending_.end());
  return absl::OkStatus();
}

absl::Status Walk::Run(NodeId root, size_t max_nodes) {
  pending_.push_back({root, static_cast<uint32_t>(pointer_.size()), {}});
  for (size_t i = 0; !pending_.empty() && i < max_nodes; ++i) {
    const Step step = pending_.back();
    pending_.pop_back();
    // A child's pointer is longer than its parent's, so this finds the parent.
    while (!path_.empty() &&
           path_.back().pointer_size > step.parent_pointer_size) {
      path_.pop_back();
    }
    const NodeId parent = path_.empty() ? kNoNode : path_.back().node;
    pointer_.resize(step.parent_pointer_size);
    if (parent != kNoNode) {
      FERRY_RETURN_IF_ERROR(Append(step.name, &pointer_));
    }
    FERRY_RETURN_IF_ERROR(Visit(step, parent));
  }
  return absl::OkStatus();
}

// Collects the pointers that are most like one that leads nowhere.
class NearPointers final : public GraphVisitor {
 public:
  explicit NearPointers(absl::string_view wanted) : near_(wanted) {}

  // Considers the first nodes at and below `root`, which stands at `pointer`.
  void Search(const ObjectGraph& graph, NodeId root,
              absl::string_view pointer) {
    // A graph whose paths are past the limits has some that were considered.
    Walk(graph, this, pointer).Run(root, kMaxNamesConsidered).IgnoreError();
  }

  std::string Question() const { return near_.Question(); }

  void OnTensor(absl::string_view pointer, NodeId) override {
    near_.Consider(pointer);
  }
  void OnContainer(absl::string_view pointer, NodeId) override {
    near_.Consider(pointer);
  }
  void OnAlias(absl::string_view pointer, absl::string_view) override {
    near_.Consider(pointer);
  }
  void OnLeaf(absl::string_view pointer, NodeId) override {
    near_.Consider(pointer);
  }

 private:
  NearNames near_;
};

// The names of a node's first children, quoted; "nothing" if it has none.
std::string ListNames(const ObjectGraph& graph, NodeId node) {
  std::vector<std::string> names;
  size_t count = 0;
  for (const ChildRun& run : Children(graph, node)) {
    for (size_t i = 0; i < run.size() && names.size() < kMaxNamesInError; ++i) {
      WithText(graph, NameOf(run, i), [&](absl::string_view name) {
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

absl::Status AnnotatePlace(const absl::Status& status, const ObjectGraph& graph,
                           NodeId root, NodeId node) {
  const std::string place = Place(graph, root, node);
  if (place.empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (at ", place, ")"));
}

std::string DescribeNames(const ObjectGraph& graph, NodeId node,
                          absl::string_view wanted) {
  NearNames near(wanted);
  size_t left = kMaxNamesConsidered;
  for (const ChildRun& run : Children(graph, node)) {
    for (size_t i = 0; i < run.size() && left > 0; ++i, --left) {
      WithText(graph, NameOf(run, i),
               [&near](absl::string_view name) { near.Consider(name); });
    }
  }
  return absl::StrCat("it has ", ListNames(graph, node), near.Question());
}

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
                         " is not a JSON Pointer: after \"~\" only 0 and 1 may "
                         "stand, or, at "
                         "the end of a step, 2 and a number"));
      }
    }
    const std::string token =
        absl::StrReplaceAll(step, {{"~1", "/"}, {"~0", "~"}});
    std::vector<NodeId> found;
    if (number) {
      const NodeId child = FindNumbered(graph, node, token, *number);
      if (child != kNoNode) found.push_back(child);
    } else {
      for (const ChildRun& run : Children(graph, node)) {
        found = FindInRun(graph, run, token);
        if (!found.empty()) break;
      }
    }
    if (found.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          QuoteForMessage(so_far), " is ambiguous: ", found.size(),
          " keys of different types read alike; append \"~20\" for the first "
          "of them, \"~21\" for the second, and so on"));
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
                       Name(graph.kind(node)), " before the last step has ",
                       ListNames(graph, node), near.Question()));
    }
    node = found[0];
  }
  return node;
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

absl::Status WalkGraph(const ObjectGraph& graph, NodeId root,
                       GraphVisitor* visitor, absl::string_view root_pointer) {
  return Walk(graph, visitor, root_pointer).Run(root);
}

}  // namespace ferry
