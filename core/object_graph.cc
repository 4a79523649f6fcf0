// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/object_graph.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <mutex>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace ferry {
namespace {

// Text goes into blocks of this size, so that views of it stay valid.
constexpr size_t kArenaBlockBytes = 64 * 1024;

// Dicts of at most this many entries are searched without an index.
constexpr size_t kSmallDictEntries = 8;

constexpr uint32_t kNoEntry = 0xFFFFFFFF;

// Steps after which two nested tuples count as different keys. Only a file
// made to that end has such keys.
constexpr int kMaxKeySteps = 100000;

bool IsNumber(ValueKind kind) {
  return kind == ValueKind::kBool || kind == ValueKind::kInt ||
         kind == ValueKind::kFloat || kind == ValueKind::kComplex;
}

}  // namespace

// For each dict that was searched by a str key: key to entry.
struct ObjectGraph::Indexes {
  using Index = absl::flat_hash_map<absl::string_view, uint32_t>;
  std::mutex mutex;
  absl::flat_hash_map<NodeId, std::unique_ptr<Index>> by_dict;
};

ObjectGraph::ObjectGraph() : indexes_(std::make_shared<Indexes>()) {
  AddNode(ValueKind::kNone);
  nodes_[AddNode(ValueKind::kBool)].i = 0;
  nodes_[AddNode(ValueKind::kBool)].i = 1;
  AddNode(ValueKind::kTuple);
}

void ObjectGraph::Reserve(uint32_t num_nodes) {
  nodes_.reserve(num_nodes);
  children_.reserve(num_nodes);
}

NodeId ObjectGraph::AddNode(ValueKind kind, uint32_t a) {
  Node node;
  std::memset(&node, 0, sizeof(node));
  node.kind = kind;
  node.a = a;
  nodes_.push_back(node);
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId ObjectGraph::AddInt(int64_t value) {
  const NodeId node = AddNode(ValueKind::kInt);
  nodes_[node].i = value;
  return node;
}

NodeId ObjectGraph::AddBigInt(absl::string_view twos_complement) {
  // Bytes that only repeat the sign say nothing.
  while (twos_complement.size() > 1) {
    const auto last = static_cast<unsigned char>(twos_complement.back());
    const auto next =
        static_cast<unsigned char>(twos_complement[twos_complement.size() - 2]);
    const bool only_sign = (last == 0x00 && (next & 0x80) == 0) ||
                           (last == 0xFF && (next & 0x80) != 0);
    if (!only_sign) break;
    twos_complement.remove_suffix(1);
  }
  if (twos_complement.size() > 8) {
    const NodeId node = AddText(ValueKind::kInt, twos_complement);
    nodes_[node].flags |= kBig;
    return node;
  }
  uint64_t value = 0;
  if (!twos_complement.empty() &&
      (static_cast<unsigned char>(twos_complement.back()) & 0x80) != 0) {
    value = ~uint64_t{0};
  }
  for (size_t i = twos_complement.size(); i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(twos_complement[i]);
  }
  return AddInt(static_cast<int64_t>(value));
}

NodeId ObjectGraph::AddFloat(double value) {
  const NodeId node = AddNode(ValueKind::kFloat);
  nodes_[node].d = value;
  return node;
}

NodeId ObjectGraph::AddComplex(double real, double imag) {
  complexes_.emplace_back(real, imag);
  return AddNode(ValueKind::kComplex,
                 static_cast<uint32_t>(complexes_.size() - 1));
}

const char* ObjectGraph::CopyText(absl::string_view text) {
  if (text.size() > arena_left_) {
    const size_t block = std::max(kArenaBlockBytes, text.size());
    arena_.push_back(std::make_unique<char[]>(block));
    if (block > kArenaBlockBytes) {
      std::memcpy(arena_.back().get(), text.data(), text.size());
      return arena_.back().get();
    }
    arena_next_ = arena_.back().get();
    arena_left_ = block;
  }
  char* copy = arena_next_;
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  arena_next_ += text.size();
  arena_left_ -= text.size();
  return copy;
}

NodeId ObjectGraph::AddText(ValueKind kind, absl::string_view text) {
  const char* copy = CopyText(text);
  const NodeId node = AddNode(kind, static_cast<uint32_t>(text.size()));
  nodes_[node].text = copy;
  return node;
}

NodeId ObjectGraph::AddStr(absl::string_view text) {
  return AddText(ValueKind::kStr, text);
}
NodeId ObjectGraph::AddBytes(absl::string_view bytes) {
  return AddText(ValueKind::kBytes, bytes);
}
NodeId ObjectGraph::AddByteArray(absl::string_view bytes) {
  return AddText(ValueKind::kByteArray, bytes);
}

NodeId ObjectGraph::AddRun(ValueKind kind, absl::Span<const NodeId> items) {
  const NodeId node = AddNode(kind, static_cast<uint32_t>(children_.size()));
  nodes_[node].run.count = static_cast<uint32_t>(items.size());
  nodes_[node].run.capacity = static_cast<uint32_t>(items.size());
  children_.insert(children_.end(), items.begin(), items.end());
  return node;
}

NodeId ObjectGraph::AddList(absl::Span<const NodeId> items) {
  return AddRun(ValueKind::kList, items);
}
NodeId ObjectGraph::AddTuple(absl::Span<const NodeId> items) {
  return items.empty() ? kEmptyTuple : AddRun(ValueKind::kTuple, items);
}
NodeId ObjectGraph::AddDict() { return AddRun(ValueKind::kDict, {}); }
NodeId ObjectGraph::AddSet(absl::Span<const NodeId> items) {
  return AddRun(ValueKind::kSet, items);
}
NodeId ObjectGraph::AddFrozenSet(absl::Span<const NodeId> items) {
  return AddRun(ValueKind::kFrozenSet, items);
}

NodeId ObjectGraph::AddGlobal(absl::string_view module,
                              absl::string_view name) {
  const auto found = global_nodes_.find({module, name});
  if (found != global_nodes_.end()) return found->second;
  GlobalRecord record;
  record.module = {CopyText(module), module.size()};
  record.name = {CopyText(name), name.size()};
  globals_.push_back(record);
  const NodeId node = AddNode(ValueKind::kGlobal,
                              static_cast<uint32_t>(globals_.size() - 1));
  nodes_[node].flags |= kGlobal;
  global_nodes_.emplace(std::make_pair(record.module, record.name), node);
  return node;
}

NodeId ObjectGraph::FindGlobal(absl::string_view module,
                               absl::string_view name) const {
  const auto found = global_nodes_.find({module, name});
  return found == global_nodes_.end() ? kNoNode : found->second;
}

NodeId ObjectGraph::AddObject(ObjectForm form, NodeId callable, NodeId args,
                              NodeId kwargs) {
  ObjectRecord record;
  record.form = form;
  record.callable = callable;
  record.args = args;
  record.kwargs = kwargs;
  objects_.push_back(record);
  const NodeId node = AddNode(ValueKind::kObject,
                              static_cast<uint32_t>(objects_.size() - 1));
  nodes_[node].flags |= kObject;
  return node;
}

NodeId ObjectGraph::AddStorage(StorageRecord record) {
  const uint32_t counted_in =
      record.untyped ? 0x100 : static_cast<uint32_t>(record.dtype);
  const auto [found, is_new] = storage_nodes_.try_emplace(
      {record.storage.identity(), counted_in}, kNoNode);
  if (!is_new) return found->second;
  storages_.push_back(std::move(record));
  found->second = AddNode(ValueKind::kStorage,
                          static_cast<uint32_t>(storages_.size() - 1));
  return found->second;
}

NodeId ObjectGraph::AddTensor(Tensor tensor) {
  tensors_.push_back(std::move(tensor));
  return AddNode(ValueKind::kTensor,
                 static_cast<uint32_t>(tensors_.size() - 1));
}

NodeId ObjectGraph::AddParameter(Tensor tensor) {
  const NodeId node = AddTensor(std::move(tensor));
  nodes_[node].flags |= kParameter;
  return node;
}

NodeId ObjectGraph::AddDType(DType dtype) {
  const NodeId node = AddNode(ValueKind::kDType);
  nodes_[node].b = static_cast<uint16_t>(dtype);
  return node;
}

NodeId ObjectGraph::AddDevice(const Device& device) {
  devices_.push_back(device);
  return AddNode(ValueKind::kDevice,
                 static_cast<uint32_t>(devices_.size() - 1));
}

NodeId ObjectGraph::AddSize(absl::Span<const int64_t> sizes) {
  std::vector<NodeId> items;
  items.reserve(sizes.size());
  for (int64_t size : sizes) items.push_back(AddInt(size));
  return AddRun(ValueKind::kSize, items);
}

NodeId ObjectGraph::AddLayout(Layout layout) {
  return AddNode(ValueKind::kLayout, static_cast<uint32_t>(layout));
}

void ObjectGraph::Append(ChildRange& range, absl::Span<const NodeId> items) {
  const size_t wanted = size_t{range.count} + items.size();
  if (wanted > range.capacity) {
    const bool is_last =
        size_t{range.start} + range.capacity == children_.size();
    if (!is_last) {
      const size_t start = children_.size();
      children_.resize(start + range.count);
      std::copy_n(children_.begin() + range.start, range.count,
                  children_.begin() + start);
      range.start = static_cast<uint32_t>(start);
      // Room to grow, so that runs that grow in turn do not copy each time.
      range.capacity = static_cast<uint32_t>(wanted + wanted / 2);
    } else {
      range.capacity = static_cast<uint32_t>(wanted);
    }
    children_.resize(size_t{range.start} + range.capacity);
  }
  std::copy(items.begin(), items.end(),
            children_.begin() + range.start + range.count);
  range.count = static_cast<uint32_t>(wanted);
}

void ObjectGraph::AppendToNode(NodeId node, absl::Span<const NodeId> items) {
  ChildRange range{nodes_[node].a, nodes_[node].run.count,
                   nodes_[node].run.capacity};
  Append(range, items);
  nodes_[node].a = range.start;
  nodes_[node].run.count = range.count;
  nodes_[node].run.capacity = range.capacity;
}

void ObjectGraph::AppendItems(NodeId node, absl::Span<const NodeId> items) {
  if (is_object(node)) {
    Append(objects_[nodes_[node].a].items, items);
  } else {
    AppendToNode(node, items);
  }
}

void ObjectGraph::AppendEntries(NodeId node,
                                absl::Span<const NodeId> keys_and_values) {
  DropIndex(node);
  AppendEntriesKeepingIndex(node, keys_and_values);
}

void ObjectGraph::AppendEntriesKeepingIndex(
    NodeId node, absl::Span<const NodeId> keys_and_values) {
  if (is_object(node)) {
    Append(objects_[nodes_[node].a].entries, keys_and_values);
  } else {
    AppendToNode(node, keys_and_values);
  }
}

void ObjectGraph::SetState(NodeId object, NodeId state) {
  objects_[nodes_[object].a].state = state;
}

void ObjectGraph::Become(NodeId object, ValueKind kind, uint32_t meaning) {
  nodes_[object].kind = kind;
  objects_[nodes_[object].a].meaning = meaning;
}

void ObjectGraph::BecomeTensor(NodeId object, Tensor tensor,
                               bool is_parameter) {
  tensors_.push_back(std::move(tensor));
  Become(object, ValueKind::kTensor,
         static_cast<uint32_t>(tensors_.size() - 1));
  if (is_parameter) nodes_[object].flags |= kParameter;
}

void ObjectGraph::BecomeDict(NodeId object) {
  Become(object, ValueKind::kDict, 0);
}

void ObjectGraph::BecomeDType(NodeId global, DType dtype) {
  nodes_[global].kind = ValueKind::kDType;
  nodes_[global].b = static_cast<uint16_t>(dtype);
}

void ObjectGraph::BecomeDevice(NodeId object, const Device& device) {
  devices_.push_back(device);
  Become(object, ValueKind::kDevice,
         static_cast<uint32_t>(devices_.size() - 1));
}

void ObjectGraph::BecomeSize(NodeId object, NodeId tuple) {
  Become(object, ValueKind::kSize, tuple);
}

void ObjectGraph::BecomeLayout(NodeId object, Layout layout) {
  Become(object, ValueKind::kLayout, static_cast<uint32_t>(layout));
}

absl::Span<const NodeId> ObjectGraph::items(NodeId node) const {
  if (is_object(node)) {
    const ChildRange& range = object(node).items;
    return {children_.data() + range.start, range.count};
  }
  switch (kind(node)) {
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
      return {children_.data() + nodes_[node].a, nodes_[node].run.count};
    default:
      return {};
  }
}

absl::Span<const NodeId> ObjectGraph::entries(NodeId node) const {
  if (is_object(node)) {
    const ChildRange& range = object(node).entries;
    return {children_.data() + range.start, range.count};
  }
  if (kind(node) != ValueKind::kDict) return {};
  return {children_.data() + nodes_[node].a, nodes_[node].run.count};
}

absl::Span<const NodeId> ObjectGraph::size_items(NodeId node) const {
  if (is_object(node)) return items(object(node).meaning);
  return {children_.data() + nodes_[node].a, nodes_[node].run.count};
}

NodeId ObjectGraph::shared_word(absl::string_view word) const {
  const auto found = shared_words_.find(word);
  return found == shared_words_.end() ? kNoNode : found->second;
}

void ObjectGraph::NoteSharedWord(absl::string_view word, NodeId node) {
  if (shared_words_.contains(word)) return;
  shared_words_.emplace(text(node), node);
}

void ObjectGraph::ReplaceStorage(const Storage& from, const Storage& to) {
  for (StorageRecord& record : storages_) {
    if (record.storage == from) record.storage = to;
  }
  for (Tensor& tensor : tensors_) {
    if (tensor.storage() != from) continue;
    const bool requires_grad = tensor.requires_grad();
    tensor = tensor.WithStorage(to);
    tensor.set_requires_grad(requires_grad);
  }
}

bool ObjectGraph::IsHashable(NodeId node) const {
  switch (kind(node)) {
    case ValueKind::kList:
    case ValueKind::kDict:
    case ValueKind::kSet:
    case ValueKind::kByteArray:
      return false;
    default:
      return true;
  }
}

uint64_t ObjectGraph::KeyHash(NodeId node) const {
  const ValueKind node_kind = kind(node);
  if (IsNumber(node_kind) && !is_big_int(node)) {
    if (node_kind == ValueKind::kFloat) {
      const double value = float_value(node);
      if (value >= -9.2e18 && value <= 9.2e18 && value == std::floor(value)) {
        return absl::HashOf(static_cast<int64_t>(value));
      }
      return absl::HashOf(value);
    }
    if (node_kind == ValueKind::kComplex) {
      return absl::HashOf(complex_value(node).real());
    }
    return absl::HashOf(int_value(node));
  }
  switch (node_kind) {
    case ValueKind::kInt:
    case ValueKind::kStr:
    case ValueKind::kBytes:
      return absl::HashOf(text(node));
    case ValueKind::kTuple:
    case ValueKind::kFrozenSet:
      // Not of the items: nested tuples that share parts can stand for more
      // items than there are atoms.
      return absl::HashOf(items(node).size());
    default:
      return absl::HashOf(node);
  }
}

bool ObjectGraph::KeysEqual(NodeId a, NodeId b) const {
  std::vector<std::pair<NodeId, NodeId>> pending = {{a, b}};
  for (int steps = 0; !pending.empty(); ++steps) {
    if (steps == kMaxKeySteps) return false;
    const auto [x, y] = pending.back();
    pending.pop_back();
    if (x == y) continue;
    const ValueKind kx = kind(x);
    const ValueKind ky = kind(y);
    if (IsNumber(kx) && IsNumber(ky)) {
      if (is_big_int(x) || is_big_int(y)) {
        if (!is_big_int(x) || !is_big_int(y) || text(x) != text(y)) {
          return false;
        }
        continue;
      }
      const bool x_whole = kx == ValueKind::kInt || kx == ValueKind::kBool;
      const bool y_whole = ky == ValueKind::kInt || ky == ValueKind::kBool;
      if (x_whole && y_whole) {
        if (int_value(x) != int_value(y)) return false;
        continue;
      }
      const auto as_complex = [this](NodeId node, bool whole, ValueKind k) {
        if (whole) {
          return std::complex<double>(static_cast<double>(int_value(node)), 0);
        }
        return k == ValueKind::kFloat
                   ? std::complex<double>(float_value(node), 0)
                   : complex_value(node);
      };
      if (as_complex(x, x_whole, kx) != as_complex(y, y_whole, ky)) {
        return false;
      }
      continue;
    }
    if (kx != ky || is_object(x) || is_object(y)) return false;
    if (kx == ValueKind::kStr || kx == ValueKind::kBytes) {
      if (text(x) != text(y)) return false;
    } else if (kx == ValueKind::kTuple) {
      if (items(x).size() != items(y).size()) return false;
      for (size_t i = 0; i < items(x).size(); ++i) {
        pending.emplace_back(items(x)[i], items(y)[i]);
      }
    } else {
      return false;
    }
  }
  return true;
}

absl::Status ObjectGraph::RemoveDuplicateKeys() {
  struct Hash {
    const ObjectGraph* graph;
    size_t operator()(NodeId node) const { return graph->KeyHash(node); }
  };
  struct Equal {
    const ObjectGraph* graph;
    bool operator()(NodeId a, NodeId b) const { return graph->KeysEqual(a, b); }
  };
  absl::flat_hash_map<NodeId, uint32_t, Hash, Equal> seen(0, Hash{this},
                                                          Equal{this});
  for (NodeId node = 0; node < size(); ++node) {
    if (!is_object(node) && kind(node) != ValueKind::kDict) continue;
    const absl::Span<const NodeId> all = entries(node);
    if (all.empty()) continue;
    const uint32_t start = static_cast<uint32_t>(all.data() - children_.data());
    uint32_t kept = 0;
    seen.clear();
    for (uint32_t i = 0; i < all.size(); i += 2) {
      const NodeId key = children_[start + i];
      const NodeId value = children_[start + i + 1];
      if (!IsHashable(key)) {
        return absl::DataLossError(
            absl::StrCat("a dict has a key of type ", Name(kind(key)),
                         ", which Python cannot hash"));
      }
      const auto [found, is_new] = seen.try_emplace(key, kept);
      if (is_new) {
        children_[start + kept] = key;
        children_[start + kept + 1] = value;
        kept += 2;
      } else {
        children_[start + found->second + 1] = value;
      }
    }
    if (kept == all.size()) continue;
    if (is_object(node)) {
      objects_[nodes_[node].a].entries.count = kept;
    } else {
      nodes_[node].run.count = kept;
    }
  }
  return absl::OkStatus();
}

uint32_t ObjectGraph::FindStrEntry(NodeId dict, absl::string_view key) const {
  const absl::Span<const NodeId> all = entries(dict);
  if (all.size() <= 2 * kSmallDictEntries) {
    for (uint32_t i = 0; i < all.size(); i += 2) {
      if (kind(all[i]) == ValueKind::kStr && text(all[i]) == key) return i / 2;
    }
    return kNoEntry;
  }
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  std::unique_ptr<Indexes::Index>& index = indexes_->by_dict[dict];
  if (index == nullptr) {
    index = std::make_unique<Indexes::Index>();
    index->reserve(all.size() / 2);
    for (uint32_t i = 0; i < all.size(); i += 2) {
      if (kind(all[i]) == ValueKind::kStr) index->emplace(text(all[i]), i / 2);
    }
  }
  const auto found = index->find(key);
  return found == index->end() ? kNoEntry : found->second;
}

NodeId ObjectGraph::FindStr(NodeId dict, absl::string_view key) const {
  const uint32_t entry = FindStrEntry(dict, key);
  return entry == kNoEntry ? kNoNode : entries(dict)[size_t{entry} * 2 + 1];
}

void ObjectGraph::SetEntry(NodeId dict, NodeId key, NodeId value) {
  const bool is_str = kind(key) == ValueKind::kStr;
  const absl::Span<const NodeId> all = entries(dict);
  uint32_t entry = kNoEntry;
  if (is_str) {
    entry = FindStrEntry(dict, text(key));
  } else {
    for (uint32_t i = 0; i < all.size() && entry == kNoEntry; i += 2) {
      if (KeysEqual(all[i], key)) entry = i / 2;
    }
  }
  if (entry != kNoEntry) {
    const size_t start = all.data() - children_.data();
    children_[start + size_t{entry} * 2 + 1] = value;
    return;
  }
  const NodeId appended[2] = {key, value};
  const auto next_entry = static_cast<uint32_t>(all.size() / 2);
  AppendEntriesKeepingIndex(dict, appended);
  if (!is_str) return;
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  const auto index = indexes_->by_dict.find(dict);
  if (index != indexes_->by_dict.end()) {
    index->second->emplace(text(key), next_entry);
  }
}

void ObjectGraph::DropIndex(NodeId dict) {
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  indexes_->by_dict.erase(dict);
}

}  // namespace ferry
