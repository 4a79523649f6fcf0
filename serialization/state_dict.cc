// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/state_dict.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/named_tensor.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/python_repr.h"

namespace ferry {
inline namespace v1 {
namespace {

// Where training programs keep the state of the model, the clearest name first.
constexpr absl::string_view kHolders[] = {
    "state_dict", "model_state_dict", "model",     "module",     "net",
    "network",    "weights",          "generator", "params_ema", "params"};

// So many of them, the first, are names that no module gives a child: what they
// name is the state, and what stands beside it is no part of it.
constexpr size_t kNumCertainHolders = 2;

// The steps of listing one child of a container.
constexpr uint64_t kVisitSteps = 16;

// Names that an error lists.
constexpr size_t kMaxListed = 10;

// `names`, quoted, as an error lists them.
std::string ListNames(absl::Span<const std::string> names) {
  return ListForMessage(names.size(), kMaxListed,
                        [&](size_t i) { return QuoteForMessage(names[i]); });
}

class StateDictReader {
 public:
  StateDictReader(const ObjectGraph& graph, const BudgetOptions& budget,
                  const std::function<bool()>& is_cancelled)
      : graph_(graph), budget_(budget, graph.stored_bytes(), is_cancelled) {}

  absl::StatusOr<StateDictResult> Read(NodeId root);

 private:
  // What a run of children is, which says how they are named and which of them
  // belong to the state.
  enum class Naming : uint8_t {
    kKeys,        // of a dict: key and value in turn, named by the key
    kIndexes,     // of a list or tuple
    kWhole,       // one child that has the name of its container
    kParts,       // entries of a module's dicts; None stands for nothing
    kBuffers,     // likewise; some are not part of the state
    kAttributes,  // of a module; few are part of the state
  };
  struct Run {
    Naming naming;
    absl::Span<const NodeId> children;
  };

  // A container whose children are being listed.
  struct Level {
    NodeId container;
    absl::InlinedVector<Run, 4> runs;
    size_t run = 0;
    size_t next = 0;      // of the run's children
    size_t prefix_bytes;  // of `prefix_`, before this container's name
    bool in_program;      // of TorchScript, where only tensors are state
  };

  static bool HasKeys(Naming naming) {
    return naming != Naming::kIndexes && naming != Naming::kWhole;
  }
  const GlobalRecord* ClassOf(NodeId object) const;
  NodeId Attribute(NodeId module, absl::string_view name) const;
  NodeId DictAttribute(NodeId module, absl::string_view name) const;
  bool IsModule(NodeId node) const;
  bool IsOfProgram(NodeId node) const;
  bool IsScriptObject(NodeId node) const;
  bool IsContainer(NodeId node) const;
  bool IsQuantisedState(NodeId module, absl::string_view attribute) const;
  bool IsTransparent(NodeId node) const;
  absl::Span<const NodeId> Behind(NodeId node) const;
  absl::InlinedVector<Run, 4> RunsOf(NodeId container) const;
  std::string TypeName(NodeId node) const;

  absl::StatusOr<bool> IsTransient(NodeId module, absl::string_view buffer);
  absl::StatusOr<bool> HoldsState(NodeId container, bool deep);
  absl::StatusOr<bool> IsState(NodeId node);
  absl::StatusOr<bool> IsPartOfState(NodeId node);
  absl::Status Descend(NodeId child, NodeId* node);
  absl::StatusOr<NodeId> Find(NodeId root);
  absl::Status NothingFound(NodeId root,
                            absl::Span<const std::string> candidates) const;
  absl::Status AddOutside(NodeId state);
  absl::Status CheckNames() const;

  absl::Status ChargeName(const std::string& name);
  absl::Status LeaveOut(std::string name, std::string type);
  absl::Status Enter(NodeId container, size_t prefix_bytes, bool in_program);
  absl::Status Step();

  const ObjectGraph& graph_;
  Budget budget_;
  StateDictResult result_;
  std::vector<NodeId> listed_;  // the nodes of `result_.tensors`
  std::string prefix_;          // of the names in the innermost container
  std::vector<Level> levels_;
  HashSet<NodeId> open_;  // the containers of `levels_`
  bool has_modules_ = false;
  bool has_nesting_ = false;

  // The answers of `HoldsState`, by `deep`.
  HashMap<NodeId, bool> holds_state_[2];
  // The names in each set of buffers that are not persistent.
  HashMap<NodeId, HashSet<absl::string_view>> transient_names_;
};

// What made an object, or null if that is no global.
const GlobalRecord* StateDictReader::ClassOf(NodeId object) const {
  if (graph_.kind(object) != ValueKind::kObject) return nullptr;
  const NodeId callable = graph_.object(object).callable;
  return graph_.is_global(callable) ? &graph_.global(callable) : nullptr;
}

NodeId StateDictReader::Attribute(NodeId module, absl::string_view name) const {
  const GlobalRecord* const made_by = ClassOf(module);
  if (made_by != nullptr && made_by->module == "torch.fx.graph_module" &&
      made_by->name == "reduce_graph_module") {
    // A torch.fx.GraphModule is made of its attributes.
    const absl::Span<const NodeId> args =
        graph_.items(graph_.object(module).args);
    return !args.empty() && graph_.kind(args[0]) == ValueKind::kDict
               ? graph_.FindStr(args[0], name)
               : kNoNode;
  }
  return FindAttribute(graph_, module, name);
}

NodeId StateDictReader::DictAttribute(NodeId module,
                                      absl::string_view name) const {
  const NodeId node = Attribute(module, name);
  return node != kNoNode && graph_.kind(node) == ValueKind::kDict ? node
                                                                  : kNoNode;
}

bool StateDictReader::IsModule(NodeId node) const {
  return graph_.kind(node) == ValueKind::kObject &&
         DictAttribute(node, "_parameters") != kNoNode &&
         DictAttribute(node, "_modules") != kNoNode;
}

// Whether an object is of a class that a TorchScript program defines.
bool StateDictReader::IsOfProgram(NodeId node) const {
  const GlobalRecord* const made_by = ClassOf(node);
  return made_by != nullptr && absl::StartsWith(made_by->module, "__torch__");
}

// Whether an object of C++ was pickled by Python: the packed weights of a
// quantised module.
bool StateDictReader::IsScriptObject(NodeId node) const {
  const GlobalRecord* const made_by = ClassOf(node);
  return made_by != nullptr && made_by->module == "torch" &&
         made_by->name == "ScriptObject";
}

// The value that a node of PyTorch's own helpers stands for, a run of one, or
// nothing.
absl::Span<const NodeId> StateDictReader::Behind(NodeId node) const {
  const GlobalRecord* const made_by = ClassOf(node);
  if (made_by == nullptr) return {};
  const ObjectRecord object = graph_.object(node);
  if (made_by->module == "torch.jit._pickle") {
    // A list or dict with its type.
    return graph_.items(object.args).subspan(0, 1);
  }
  if (IsScriptObject(node) && object.state != kNoNode &&
      graph_.kind(object.state) == ValueKind::kTuple) {
    // Its state and the name of its class.
    const absl::Span<const NodeId> parts = graph_.items(object.state);
    if (parts.size() == 2 && graph_.kind(parts[1]) == ValueKind::kStr) {
      return parts.first(1);
    }
  }
  return {};
}

// Whether an attribute, which is not a tensor here, is one of those that
// PyTorch's quantised modules add to their `state_dict()`.
bool StateDictReader::IsQuantisedState(NodeId module,
                                       absl::string_view attribute) const {
  const GlobalRecord* const made_by = ClassOf(module);
  if (made_by == nullptr || !absl::StartsWith(made_by->module, "torch.") ||
      !absl::StrContains(made_by->module, ".quantized.")) {
    return false;
  }
  return attribute == "scale" || attribute == "zero_point" ||
         (attribute == "dtype" &&
          absl::EndsWith(made_by->name, "PackedParams"));
}

// Whether a buffer is not persistent. PyTorch says so since 1.6.
absl::StatusOr<bool> StateDictReader::IsTransient(NodeId module,
                                                  absl::string_view buffer) {
  const NodeId set = Attribute(module, "_non_persistent_buffers_set");
  if (set == kNoNode || graph_.kind(set) != ValueKind::kSet ||
      graph_.items(set).empty()) {
    return false;
  }
  const auto [found, is_new] = transient_names_.try_emplace(set);
  HashSet<absl::string_view>& names = found->second;
  if (is_new) {
    for (NodeId item : graph_.items(set)) {
      if (graph_.kind(item) != ValueKind::kStr) continue;
      FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(graph_.text(item).size() + 1));
      names.insert(graph_.text(item));
    }
  }
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(buffer.size()));
  return names.contains(buffer);
}

// Whether the tensors in the node make a state of the dict that holds the node:
// true of a list, a tuple or packed weights.
bool StateDictReader::IsTransparent(NodeId node) const {
  const ValueKind kind = graph_.kind(node);
  return kind == ValueKind::kList || kind == ValueKind::kTuple ||
         !Behind(node).empty();
}

bool StateDictReader::IsContainer(NodeId node) const {
  const ValueKind kind = graph_.kind(node);
  return kind == ValueKind::kList || kind == ValueKind::kTuple ||
         kind == ValueKind::kDict || kind == ValueKind::kObject;
}

absl::InlinedVector<StateDictReader::Run, 4> StateDictReader::RunsOf(
    NodeId container) const {
  switch (graph_.kind(container)) {
    case ValueKind::kDict:
      return {{Naming::kKeys, graph_.entries(container)}};
    case ValueKind::kList:
    case ValueKind::kTuple:
      return {{Naming::kIndexes, graph_.items(container)}};
    default:
      break;
  }
  const ObjectRecord object = graph_.object(container);
  const bool has_attributes =
      object.state != kNoNode && graph_.kind(object.state) == ValueKind::kDict;
  if (IsModule(container)) {
    // In the order of `Module.state_dict`.
    absl::InlinedVector<Run, 4> runs;
    const auto add = [&](Naming naming, absl::string_view name) {
      const NodeId dict = DictAttribute(container, name);
      if (dict != kNoNode) runs.push_back({naming, graph_.entries(dict)});
    };
    add(Naming::kParts, "_parameters");
    add(Naming::kBuffers, "_buffers");
    if (has_attributes) {
      runs.push_back({Naming::kAttributes, graph_.entries(object.state)});
    }
    add(Naming::kParts, "_modules");
    return runs;
  }
  const absl::Span<const NodeId> behind = Behind(container);
  if (!behind.empty()) return {{Naming::kWhole, behind}};
  return {{Naming::kIndexes, graph_.items(object.args)},
          {Naming::kIndexes, graph_.items(container)},
          {Naming::kKeys, graph_.entries(container)},
          has_attributes ? Run{Naming::kKeys, graph_.entries(object.state)}
                         : Run{Naming::kWhole, graph_.state_run(container)}};
}

// Whether a container has a tensor in it, through lists, tuples and packed
// weights. If `deep`, also through dicts and objects, and whether it is or has
// a module. Looks at each container once, however often this is called: one
// call finds the answers for all that the container leads to, through cycles
// too.
absl::StatusOr<bool> StateDictReader::HoldsState(NodeId container, bool deep) {
  HashMap<NodeId, bool>& answers = holds_state_[deep ? 1 : 0];
  const auto [known, is_new] = answers.try_emplace(container, false);
  if (!is_new) return known->second;
  std::vector<NodeId> reached = {container};
  std::vector<NodeId> holding;
  HashMap<NodeId, absl::InlinedVector<NodeId, 2>> holders;
  for (size_t next = 0; next < reached.size(); ++next) {
    const NodeId node = reached[next];
    // Objects may share their arguments and their state, which are containers
    // of their own here.
    absl::InlinedVector<Run, 4> runs;
    NodeId args = kNoNode;
    if (graph_.kind(node) != ValueKind::kObject) {
      runs = RunsOf(node);
    } else if (!Behind(node).empty()) {
      runs = {{Naming::kWhole, Behind(node)}};
    } else {
      args = graph_.object(node).args;
      runs = {{Naming::kWhole, {&args, 1}},
              {Naming::kWhole, graph_.state_run(node)},
              {Naming::kIndexes, graph_.items(node)},
              {Naming::kKeys, graph_.entries(node)}};
    }
    bool holds = deep && IsModule(node);
    for (const Run& run : runs) {
      if (holds) break;
      FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(run.children.size() + 1));
      const size_t width = HasKeys(run.naming) ? 2 : 1;
      for (size_t i = width - 1; i < run.children.size() && !holds;
           i += width) {
        const NodeId child = run.children[i];
        holds = graph_.kind(child) == ValueKind::kTensor;
        if (!IsContainer(child) || !(deep || IsTransparent(child))) continue;
        const auto [answer, is_unknown] = answers.try_emplace(child, false);
        holds = answer->second;
        if (is_unknown) reached.push_back(child);
        if (!holds) holders[child].push_back(node);
      }
    }
    if (!holds) continue;
    answers[node] = true;
    holding.push_back(node);
  }
  while (!holding.empty()) {
    const auto found = holders.find(holding.back());
    holding.pop_back();
    if (found == holders.end()) continue;
    for (NodeId holder : found->second) {
      bool& answer = answers[holder];
      if (!answer) holding.push_back(holder);
      answer = true;
    }
  }
  return answers[container];
}

// Whether the node is what `StateDict` takes: a module, an object of a
// TorchScript program, or a dict with tensors in it or in its lists, tuples and
// packed weights.
absl::StatusOr<bool> StateDictReader::IsState(NodeId node) {
  if (graph_.kind(node) == ValueKind::kDict) {
    return HoldsState(node, /*deep=*/false);
  }
  return IsModule(node) || IsOfProgram(node);
}

// Whether a dict with the node in it would be what `StateDict` takes.
absl::StatusOr<bool> StateDictReader::IsPartOfState(NodeId node) {
  if (graph_.kind(node) == ValueKind::kTensor) return true;
  return IsTransparent(node) ? HoldsState(node, /*deep=*/false) : false;
}

std::string StateDictReader::TypeName(NodeId node) const {
  const GlobalRecord* const made_by = ClassOf(node);
  return made_by == nullptr ? std::string(Name(graph_.kind(node)))
                            : absl::StrCat(made_by->module, ".", made_by->name);
}

absl::Status StateDictReader::NothingFound(
    NodeId root, absl::Span<const std::string> candidates) const {
  if (candidates.size() > 1) {
    return absl::NotFoundError(absl::StrCat(
        "several entries could be the model's state: ", ListNames(candidates),
        "; say which: StateDict(*value.At(\"/...\"))"));
  }
  std::string what = WithArticle(EscapeForMessage(TypeName(root)));
  if (graph_.kind(root) == ValueKind::kDict) {
    const absl::Span<const NodeId> entries = graph_.entries(root);
    absl::StrAppend(
        &what, entries.empty() ? " without entries" : " with ",
        ListForMessage(entries.size() / 2, kMaxListed, [&](size_t i) {
          return QuoteForMessage(KeyText(graph_, entries[2 * i]));
        }));
  }
  return absl::NotFoundError(absl::StrCat(
      "there is no state_dict and no module in ", what,
      "; if it is deeper inside, say where: StateDict(*value.At(\"/...\"))"));
}

// Goes from `*node`, where the state was sought so far, to its child.
absl::Status StateDictReader::Descend(NodeId child, NodeId* node) {
  FERRY_ASSIGN_OR_RETURN(const std::string step,
                         StepTo(graph_, *node, child, &budget_));
  result_.pointer += step;
  *node = child;
  return absl::OkStatus();
}

// Finds the node of the state, and notes where it is and what is beside it.
absl::StatusOr<NodeId> StateDictReader::Find(NodeId root) {
  // A longer chain of them is none that PyTorch writes.
  constexpr int kMaxHelpers = 4;
  for (int i = 0; i < kMaxHelpers && !Behind(root).empty(); ++i) {
    const NodeId behind = Behind(root)[0];
    if (IsScriptObject(root)) {
      FERRY_RETURN_IF_ERROR(Descend(graph_.object(root).state, &root));
    }
    FERRY_RETURN_IF_ERROR(Descend(behind, &root));
  }
  if (graph_.kind(root) != ValueKind::kDict) {
    if (IsModule(root) || IsOfProgram(root)) return root;
    return NothingFound(root, {});
  }
  // Before the dict's own tensors: a checkpoint may keep others beside its
  // model, and no state_dict has an entry that is one itself. Each key is
  // looked at once, which costs less than to index them all.
  constexpr size_t kNoEntry = static_cast<size_t>(-1);
  size_t held[std::size(kHolders)];
  std::fill(std::begin(held), std::end(held), kNoEntry);
  const absl::Span<const NodeId> entries = graph_.entries(root);
  for (size_t i = 0; i < entries.size(); i += 2) {
    if (graph_.kind(entries[i]) != ValueKind::kStr) continue;
    const auto* const holder = std::find(
        std::begin(kHolders), std::end(kHolders), graph_.text(entries[i]));
    if (holder != std::end(kHolders)) held[holder - std::begin(kHolders)] = i;
  }
  size_t found = kNoEntry;
  bool is_certain = true;
  for (size_t i = 0; i < std::size(held) && found == kNoEntry; ++i) {
    if (held[i] == kNoEntry) continue;
    FERRY_ASSIGN_OR_RETURN(const bool is_state, IsState(entries[held[i] + 1]));
    if (!is_state) continue;
    found = held[i];
    is_certain = i < kNumCertainHolders;
  }
  if (found == kNoEntry) {
    FERRY_ASSIGN_OR_RETURN(const bool is_state, IsState(root));
    if (is_state) return root;
    std::vector<std::string> candidates;
    for (size_t i = 0; i < entries.size(); i += 2) {
      FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(kVisitSteps));
      FERRY_ASSIGN_OR_RETURN(const bool is_state, IsState(entries[i + 1]));
      if (!is_state) continue;
      found = i;
      candidates.push_back(KeyText(graph_, entries[i]));
      FERRY_RETURN_IF_ERROR(ChargeName(candidates.back()));
    }
    if (candidates.size() != 1) return NothingFound(root, candidates);
  }
  std::string state_pointer;
  size_t next = 0;  // of `entries`; the other children come after them
  const auto note = [&](absl::string_view step, NodeId child) -> absl::Status {
    const size_t entry = std::exchange(next, next + 2);
    if (entry >= entries.size()) return absl::OkStatus();
    std::string pointer = absl::StrCat(result_.pointer, step);
    FERRY_RETURN_IF_ERROR(ChargeName(pointer));
    if (entry == found) {
      state_pointer = std::move(pointer);
      return absl::OkStatus();
    }
    if (!is_certain) {
      FERRY_ASSIGN_OR_RETURN(const bool is_part, IsPartOfState(child));
      if (is_part) result_.ambiguous.push_back(pointer);
    }
    result_.outside.push_back(std::move(pointer));
    return absl::OkStatus();
  };
  FERRY_RETURN_IF_ERROR(ForEachChild(graph_, root, &budget_, note));
  result_.pointer = std::move(state_pointer);
  return entries[found + 1];
}

// Charges a name in the result.
absl::Status StateDictReader::ChargeName(const std::string& name) {
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(name.size()));
  return budget_.ChargeMemory(sizeof(NamedTensor) + name.size());
}

absl::Status StateDictReader::LeaveOut(std::string name, std::string type) {
  FERRY_RETURN_IF_ERROR(ChargeName(name));
  FERRY_RETURN_IF_ERROR(ChargeName(type));
  result_.left_out.push_back({std::move(name), std::move(type)});
  return absl::OkStatus();
}

// Begins with a container, whose name is in `prefix_` already.
absl::Status StateDictReader::Enter(NodeId container, size_t prefix_bytes,
                                    bool in_program) {
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(kVisitSteps + prefix_.size()));
  const bool is_module = IsModule(container);
  if (!open_.insert(container).second) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the module at \"", EscapeForMessage(prefix_), "\" contains itself"));
  }
  has_modules_ |= is_module;
  has_nesting_ |= is_module || !levels_.empty();
  levels_.push_back({container, RunsOf(container), 0, 0, prefix_bytes,
                     in_program || IsOfProgram(container)});
  return absl::OkStatus();
}

// Goes on by one child, depth first.
absl::Status StateDictReader::Step() {
  Level& level = levels_.back();
  if (level.run == level.runs.size()) {
    prefix_.resize(level.prefix_bytes);
    open_.erase(level.container);
    levels_.pop_back();
    return absl::OkStatus();
  }
  const Run& run = level.runs[level.run];
  if (level.next == run.children.size()) {
    ++level.run;
    level.next = 0;
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(kVisitSteps));
  const size_t index = level.next;
  const NodeId key = HasKeys(run.naming) ? run.children[index] : kNoNode;
  const NodeId child = run.children[key == kNoNode ? index : index + 1];
  level.next += key == kNoNode ? 1 : 2;
  const bool has_name = key == kNoNode || graph_.kind(key) == ValueKind::kStr;
  const std::string key_text =
      key == kNoNode || has_name ? std::string() : KeyText(graph_, key);
  FERRY_RETURN_IF_ERROR(budget_.ChargeSteps(key_text.size()));
  const absl::AlphaNum number(index);
  const absl::string_view own_name = key == kNoNode ? number.Piece()
                                     : has_name     ? graph_.text(key)
                                                    : key_text;
  switch (run.naming) {
    case Naming::kBuffers: {
      FERRY_ASSIGN_OR_RETURN(const bool is_transient,
                             IsTransient(level.container, own_name));
      if (is_transient) return absl::OkStatus();
      [[fallthrough]];
    }
    case Naming::kParts:
      if (child == ObjectGraph::kNone) return absl::OkStatus();
      break;
    case Naming::kAttributes:
      if (!IsScriptObject(child) &&
          !IsQuantisedState(level.container, own_name)) {
        return absl::OkStatus();
      }
      break;
    default:
      break;
  }
  const auto full_name = [&] {
    return run.naming == Naming::kWhole
               ? prefix_.substr(0, prefix_.empty() ? 0 : prefix_.size() - 1)
               : absl::StrCat(prefix_, own_name);
  };
  const bool is_tensor = graph_.kind(child) == ValueKind::kTensor;
  const bool is_module = IsModule(child);
  bool holds_state = is_tensor || is_module;
  if (!holds_state && IsContainer(child)) {
    FERRY_ASSIGN_OR_RETURN(holds_state, HoldsState(child, /*deep=*/true));
  }
  if (!holds_state) {
    return level.in_program ? absl::OkStatus()
                            : LeaveOut(full_name(), TypeName(child));
  }
  if (!has_name) {
    return LeaveOut(full_name(),
                    absl::StrCat(TypeName(child), " under a key of type ",
                                 Name(graph_.kind(key))));
  }
  if (is_tensor) {
    std::string name = full_name();
    FERRY_RETURN_IF_ERROR(ChargeName(name));
    result_.tensors.push_back({std::move(name), graph_.tensor(child)});
    listed_.push_back(child);
    return absl::OkStatus();
  }
  if (!is_module && open_.contains(child)) {
    return LeaveOut(full_name(),
                    absl::StrCat(TypeName(child), " that contains itself"));
  }
  const size_t prefix_bytes = prefix_.size();
  if (run.naming != Naming::kWhole) absl::StrAppend(&prefix_, own_name, ".");
  return Enter(child, prefix_bytes, level.in_program);
}

// Notes the tensors of modules that are not part of their state.
absl::Status StateDictReader::AddOutside(NodeId state) {
  class Visitor final : public GraphVisitor {
   public:
    explicit Visitor(StateDictReader* reader)
        : reader_(*reader),
          listed_(reader->listed_.begin(), reader->listed_.end()) {}
    absl::Status OnTensor(absl::string_view pointer, NodeId tensor) override {
      if (listed_.contains(tensor)) return absl::OkStatus();
      reader_.result_.outside.emplace_back(pointer);
      return reader_.ChargeName(reader_.result_.outside.back());
    }

   private:
    StateDictReader& reader_;
    const HashSet<NodeId> listed_;
  };
  Visitor visitor(this);
  return WalkGraph(graph_, state, &budget_, &visitor, result_.pointer);
}

absl::Status StateDictReader::CheckNames() const {
  HashSet<absl::string_view> names;
  names.reserve(result_.tensors.size());
  for (const NamedTensor& entry : result_.tensors) {
    if (!names.insert(entry.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two tensors of the model's state have the name \"",
                       EscapeForMessage(entry.name), "\""));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<StateDictResult> StateDictReader::Read(NodeId root) {
  FERRY_ASSIGN_OR_RETURN(const NodeId state, Find(root));
  const size_t num_beside = result_.outside.size();
  if (graph_.kind(state) == ValueKind::kDict) {
    // Of a state_dict, which is one dict; the dicts of modules are many and
    // small.
    const size_t num_entries = graph_.entries(state).size() / 2;
    result_.tensors.reserve(num_entries);
    listed_.reserve(num_entries);
  }
  FERRY_RETURN_IF_ERROR(Enter(state, 0, /*in_program=*/false));
  while (!levels_.empty()) FERRY_RETURN_IF_ERROR(Step());
  if (has_modules_) FERRY_RETURN_IF_ERROR(AddOutside(state));
  if (has_nesting_) FERRY_RETURN_IF_ERROR(CheckNames());
  if (!result_.tensors.empty()) return std::move(result_);
  // A module without tensors, such as an activation, is one all the same.
  std::vector<std::string> lost(result_.outside.begin() + num_beside,
                                result_.outside.end());
  if (!IsModule(state)) {
    for (const LeftOut& entry : result_.left_out) lost.push_back(entry.name);
  }
  if (lost.empty()) return std::move(result_);
  return absl::InvalidArgumentError(
      absl::StrCat("the model's state has no tensor with a name; it has only ",
                   ListNames(lost)));
}

}  // namespace

absl::StatusOr<StateDictResult> StateDict(
    const Value& value, const BudgetOptions& budget,
    const std::function<bool()>& is_cancelled) {
  return CatchOutOfMemory([&] {
    return StateDictReader(*value.graph(), budget, is_cancelled)
        .Read(value.node());
  });
}

}  // namespace v1
}  // namespace ferry
