// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/state_dict.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/object_path.h"
#include "ferry/core/status_macros.h"

namespace ferry {
namespace {

// Where training programs keep the state of the model, the clearest name first.
constexpr absl::string_view kHolders[] = {
    "state_dict", "model_state_dict", "model",   "module",
    "net",        "network",          "weights", "params"};

// What the names, and the visits that yield none, may take together.
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;
constexpr uint64_t kVisitBytes = 64;

// Keys that an error lists.
constexpr size_t kMaxListedKeys = 10;

class StateDictReader {
 public:
  explicit StateDictReader(const ObjectGraph& graph) : graph_(graph) {}

  absl::StatusOr<std::vector<NamedTensor>> Read(NodeId root);

 private:
  // A module whose submodules are being listed.
  struct Level {
    NodeId module;
    absl::Span<const NodeId> modules;  // names and modules in turn
    size_t next = 0;
    size_t prefix_bytes;  // of `prefix_`, before this module's name
  };

  NodeId DictAttribute(NodeId object, absl::string_view name) const;
  bool IsModule(NodeId node) const;
  bool HoldsTensors(NodeId dict) const;
  // Whether the node is a module or a dict with tensors.
  bool IsState(NodeId node) const {
    return node != kNoNode && (IsModule(node) || HoldsTensors(node));
  }
  absl::StatusOr<NodeId> Find(NodeId root) const;
  absl::Status NothingFound(NodeId root) const;

  absl::Status Charge(uint64_t bytes);
  absl::Status AddTensors(NodeId dict, NodeId left_out);
  absl::Status Enter(NodeId module, size_t prefix_bytes);
  absl::Status AddModule(NodeId module);

  const ObjectGraph& graph_;
  std::vector<NamedTensor> tensors_;
  std::string prefix_;
  std::vector<Level> levels_;
  absl::flat_hash_set<NodeId> open_;  // the modules of `levels_`
  uint64_t text_bytes_ = 0;
};

NodeId StateDictReader::DictAttribute(NodeId object,
                                      absl::string_view name) const {
  const NodeId node = FindAttribute(graph_, object, name);
  return node != kNoNode && graph_.kind(node) == ValueKind::kDict ? node
                                                                  : kNoNode;
}

bool StateDictReader::IsModule(NodeId node) const {
  return graph_.kind(node) == ValueKind::kObject &&
         DictAttribute(node, "_parameters") != kNoNode &&
         DictAttribute(node, "_modules") != kNoNode;
}

bool StateDictReader::HoldsTensors(NodeId dict) const {
  if (graph_.kind(dict) != ValueKind::kDict) return false;
  const absl::Span<const NodeId> entries = graph_.entries(dict);
  for (size_t i = 1; i < entries.size(); i += 2) {
    if (graph_.kind(entries[i]) == ValueKind::kTensor) return true;
  }
  return false;
}

absl::Status StateDictReader::NothingFound(NodeId root) const {
  std::string what(Name(graph_.kind(root)));
  if (graph_.kind(root) == ValueKind::kDict) {
    const absl::Span<const NodeId> entries = graph_.entries(root);
    absl::StrAppend(&what, entries.empty() ? " without entries" : " with ");
    for (size_t i = 0; i < entries.size(); i += 2) {
      if (i / 2 == kMaxListedKeys) {
        absl::StrAppend(&what, " and ", entries.size() / 2 - kMaxListedKeys,
                        " more");
        break;
      }
      absl::StrAppend(&what, i == 0 ? "" : ", ", "\"",
                      absl::Utf8SafeCHexEscape(KeyText(graph_, entries[i])),
                      "\"");
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "there is no state_dict and no module in a ", what,
      "; if it is deeper inside, say where: StateDict(*value.At(\"/...\"))"));
}

absl::StatusOr<NodeId> StateDictReader::Find(NodeId root) const {
  if (graph_.kind(root) == ValueKind::kDict) {
    // Before the dict's own tensors: a checkpoint may keep others beside its
    // model, and no state_dict has an entry that is one itself. Each key is
    // looked at once, which costs less than to index them all.
    NodeId held[std::size(kHolders)];
    std::fill(std::begin(held), std::end(held), kNoNode);
    const absl::Span<const NodeId> entries = graph_.entries(root);
    for (size_t i = 0; i < entries.size(); i += 2) {
      if (graph_.kind(entries[i]) != ValueKind::kStr) continue;
      const auto* const holder = std::find(
          std::begin(kHolders), std::end(kHolders), graph_.text(entries[i]));
      if (holder != std::end(kHolders)) {
        held[holder - std::begin(kHolders)] = entries[i + 1];
      }
    }
    for (NodeId node : held) {
      if (IsState(node)) return node;
    }
  }
  if (IsState(root)) return root;
  return NothingFound(root);
}

absl::Status StateDictReader::Charge(uint64_t bytes) {
  text_bytes_ += bytes + kVisitBytes;
  if (text_bytes_ <= kMaxTextBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the names of the module's tensors take more than ", kMaxTextBytes,
      " bytes, as of a module that hangs in very many places"));
}

// Appends the tensors of a dict, without those whose key is in the set
// `left_out`.
absl::Status StateDictReader::AddTensors(NodeId dict, NodeId left_out) {
  if (dict == kNoNode) return absl::OkStatus();
  absl::flat_hash_set<absl::string_view> names_left_out;
  if (left_out != kNoNode && graph_.kind(left_out) == ValueKind::kSet) {
    for (NodeId item : graph_.items(left_out)) {
      if (graph_.kind(item) == ValueKind::kStr) {
        names_left_out.insert(graph_.text(item));
      }
    }
  }
  const absl::Span<const NodeId> entries = graph_.entries(dict);
  // Of a state_dict, which is one dict; the dicts of modules are many and
  // small.
  if (tensors_.empty())
    tensors_.reserve(
        std::min<size_t>(entries.size() / 2, kMaxTextBytes / kVisitBytes));
  for (size_t i = 0; i < entries.size(); i += 2) {
    const NodeId key = entries[i];
    FERRY_RETURN_IF_ERROR(Charge(0));
    if (graph_.kind(entries[i + 1]) != ValueKind::kTensor) continue;
    if (graph_.kind(key) != ValueKind::kStr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a tensor has the key ",
          absl::Utf8SafeCHexEscape(KeyText(graph_, key)),
          ", which is no str: the dict is not the state of a model"));
    }
    const absl::string_view name = graph_.text(key);
    if (names_left_out.contains(name)) continue;
    FERRY_RETURN_IF_ERROR(Charge(prefix_.size() + name.size()));
    tensors_.push_back(
        {absl::StrCat(prefix_, name), graph_.tensor(entries[i + 1])});
  }
  return absl::OkStatus();
}

// Lists a module's own tensors and begins with its submodules. Its name is in
// `prefix_` already.
absl::Status StateDictReader::Enter(NodeId module, size_t prefix_bytes) {
  FERRY_RETURN_IF_ERROR(Charge(prefix_.size()));
  if (!open_.insert(module).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("the module at \"", absl::Utf8SafeCHexEscape(prefix_),
                     "\" contains itself"));
  }
  FERRY_RETURN_IF_ERROR(
      AddTensors(DictAttribute(module, "_parameters"), kNoNode));
  // The set is there since PyTorch 1.6.
  FERRY_RETURN_IF_ERROR(
      AddTensors(DictAttribute(module, "_buffers"),
                 FindAttribute(graph_, module, "_non_persistent_buffers_set")));
  levels_.push_back({module, graph_.entries(DictAttribute(module, "_modules")),
                     0, prefix_bytes});
  return absl::OkStatus();
}

// Depth first, as `Module.state_dict` goes.
absl::Status StateDictReader::AddModule(NodeId module) {
  FERRY_RETURN_IF_ERROR(Enter(module, 0));
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.modules.size()) {
      prefix_.resize(level.prefix_bytes);
      open_.erase(level.module);
      levels_.pop_back();
      continue;
    }
    const NodeId name = level.modules[level.next];
    const NodeId submodule = level.modules[level.next + 1];
    level.next += 2;
    FERRY_RETURN_IF_ERROR(Charge(0));
    // None stands for a submodule that was taken away.
    if (graph_.kind(name) != ValueKind::kStr || !IsModule(submodule)) continue;
    const size_t prefix_bytes = prefix_.size();
    absl::StrAppend(&prefix_, graph_.text(name), ".");
    FERRY_RETURN_IF_ERROR(Enter(submodule, prefix_bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NamedTensor>> StateDictReader::Read(NodeId root) {
  FERRY_ASSIGN_OR_RETURN(const NodeId state, Find(root));
  if (IsModule(state)) {
    FERRY_RETURN_IF_ERROR(AddModule(state));
  } else {
    FERRY_RETURN_IF_ERROR(AddTensors(state, kNoNode));
  }
  return std::move(tensors_);
}

}  // namespace

absl::StatusOr<std::vector<NamedTensor>> StateDict(const Value& value) {
  return StateDictReader(*value.graph()).Read(value.node());
}

}  // namespace ferry
