// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/object_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/huge_page_resource.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/page_pool.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/value/object_graph_keys.h"

namespace ferry {
inline namespace v1 {
namespace {

// Dicts of at most this many entries are searched without an index.
constexpr size_t kSmallDictEntries = 8;

}  // namespace

// The entries of a dict by the classes of their keys.
struct ObjectGraph::Index {
  HashMap<uint32_t, uint32_t> entries;
  uint32_t num_children = 0;  // of the dict, keys and values, that are indexed
  bool has_plain_keys = true;
};

// The indexes of large dicts that were searched, and of any dict that was
// searched for a key that is not a scalar.
struct ObjectGraph::Indexes {
  explicit Indexes(const ObjectGraph& graph) : classes(graph) {}
  std::mutex mutex;
  KeyClasses classes;
  HashMap<NodeId, std::unique_ptr<Index>> by_dict;
};

ObjectGraph::ObjectGraph(std::shared_ptr<PagePool> page_pool)
    : memory_(std::make_unique<HugePageResource>(std::move(page_pool))),
      nodes_(memory_.get()),
      children_(memory_.get()),
      calls_(memory_.get()),
      tensors_(memory_.get()),
      storages_(memory_.get()),
      storage_nodes_(0, StorageHash{this}, StorageEqual{this}),
      text_(memory_.get()),
      indexes_(std::make_unique<Indexes>(*this)) {
  AddNode(ValueKind::kNone);
  nodes_[AddNode(ValueKind::kBool)].i = 0;
  nodes_[AddNode(ValueKind::kBool)].i = 1;
  AddNode(ValueKind::kTuple);
}

ObjectGraph::~ObjectGraph() = default;

void ObjectGraph::Reserve(uint64_t num_nodes, uint64_t num_tensors,
                          uint64_t text_bytes) {
  // No graph needs more at first, whatever the estimates.
  constexpr uint64_t kMost = uint64_t{1} << 28;
  num_nodes = std::min(num_nodes, kMost);
  num_tensors = std::min(num_tensors, kMost);
  // The call that makes a tensor, and that of its empty dict of hooks.
  const uint64_t num_calls = 2 * num_tensors;
  // Every node is a child of about two others, with the room that dicts leave.
  const uint64_t num_children = 2 * num_nodes;
  memory_->Reserve(num_nodes * sizeof(Node) + num_children * sizeof(NodeId) +
                   num_calls * sizeof(Call) +
                   num_tensors * (sizeof(Tensor) + sizeof(StorageRecord)) +
                   text_bytes);
  nodes_.reserve(num_nodes);
  children_.reserve(num_children);
  calls_.reserve(num_calls);
  tensors_.reserve(num_tensors);
  storages_.reserve(num_tensors);
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

uint64_t ObjectGraph::memory_bytes() const {
  // A tensor and a storage have a record of their own behind the handle.
  constexpr uint64_t kRecordBytes = 128;
  // The table of globals has a name and a node for each.
  constexpr uint64_t kGlobalBytes = 2 * sizeof(GlobalRecord);
  return nodes_.size() * sizeof(Node) + children_.size() * sizeof(NodeId) +
         calls_.size() * sizeof(Call) + made_.size() * sizeof(Made) +
         globals_.size() * kGlobalBytes +
         tensors_.size() * (sizeof(Tensor) + kRecordBytes) +
         storages_.size() * (sizeof(StorageRecord) + kRecordBytes) +
         devices_.size() * sizeof(Device) +
         complexes_.size() * sizeof(std::complex<double>) + text_bytes_;
}

const char* ObjectGraph::CopyText(absl::string_view text) {
  auto* const copy = static_cast<char*>(text_.allocate(text.size(), 1));
  text_bytes_ += text.size();
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
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
NodeId ObjectGraph::AddByteArrayOf(NodeId bytes) {
  const NodeId node = AddNode(ValueKind::kByteArray, nodes_[bytes].a);
  nodes_[node].text = nodes_[bytes].text;
  return node;
}

NodeId ObjectGraph::AddRun(ValueKind kind, absl::Span<const NodeId> items) {
  const NodeId node = AddNode(kind, static_cast<uint32_t>(children_.size()));
  nodes_[node].run.count = static_cast<uint32_t>(items.size());
  nodes_[node].run.capacity = static_cast<uint32_t>(items.size());
  if (items.size() <= 8) {  // mostly; cheaper one by one
    for (NodeId item : items) children_.push_back(item);
  } else {
    children_.insert(children_.end(), items.begin(), items.end());
  }
  return node;
}

absl::Status ObjectGraph::CheckIsCallable(NodeId node) const {
  if (kind(node) == ValueKind::kGlobal || is_object(node)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      WithArticle(Name(kind(node))), " is used as a class or function"));
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
  const NodeId node =
      AddNode(ValueKind::kGlobal, static_cast<uint32_t>(globals_.size() - 1));
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
  Call& call = calls_.emplace_back();
  call.form = form;
  call.callable = callable;
  call.args = args;
  const NodeId node =
      AddNode(ValueKind::kObject, static_cast<uint32_t>(calls_.size() - 1));
  nodes_[node].flags |= kObject;
  if (kwargs != kNoNode) mutable_made(node).kwargs = kwargs;
  return node;
}

ObjectGraph::Made& ObjectGraph::mutable_made(NodeId object) {
  Call& call = this->call(object);
  if (call.made == 0) {
    call.made = static_cast<uint32_t>(made_.size());
    made_.emplace_back();
  }
  return made_[call.made];
}

size_t ObjectGraph::StorageHash::operator()(NodeId node) const {
  const StorageRecord& record = graph->storage(node);
  return absl::HashOf(record.storage.identity(), record.dtype, record.untyped);
}

bool ObjectGraph::StorageEqual::operator()(NodeId a, NodeId b) const {
  const StorageRecord& one = graph->storage(a);
  const StorageRecord& other = graph->storage(b);
  return one.storage == other.storage && one.dtype == other.dtype &&
         one.untyped == other.untyped;
}

NodeId ObjectGraph::AddStorage(StorageRecord record) {
  for (; storages_indexed_ < size(); ++storages_indexed_) {
    if (kind(storages_indexed_) != ValueKind::kStorage) continue;
    storage_nodes_.insert(storages_indexed_);
  }
  // Compared as the node that it would become.
  const NodeId node = AddNewStorage(std::move(record));
  const auto [found, is_new] = storage_nodes_.insert(node);
  if (is_new) {
    storages_indexed_ = size();
    return node;
  }
  nodes_.pop_back();
  storages_.pop_back();
  return *found;
}

NodeId ObjectGraph::AddNewStorage(StorageRecord record) {
  storages_.push_back(std::move(record));
  return AddNode(ValueKind::kStorage,
                 static_cast<uint32_t>(storages_.size() - 1));
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
  return AddSizeOf(items);
}

NodeId ObjectGraph::AddSizeOf(absl::Span<const NodeId> ints) {
  return AddRun(ValueKind::kSize, ints);
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
    Append(mutable_made(node).items, items);
  } else {
    AppendToNode(node, items);
  }
}

void ObjectGraph::AppendEntries(NodeId node,
                                absl::Span<const NodeId> keys_and_values) {
  if (is_object(node)) {
    Append(mutable_made(node).entries, keys_and_values);
  } else {
    AppendToNode(node, keys_and_values);
  }
}

void ObjectGraph::SetState(NodeId object, NodeId state, NodeId state_setter) {
  Made& made = mutable_made(object);
  made.state = state;
  made.state_setter = state_setter;
}

void ObjectGraph::AddDroppedCall(NodeId object, NodeId dropped) {
  const NodeId further_in = made(object).dropped;
  mutable_made(dropped).dropped = further_in;
  mutable_made(object).dropped = dropped;
}

void ObjectGraph::Become(NodeId object, ValueKind kind, uint32_t meaning) {
  nodes_[object].kind = kind;
  call(object).meaning = meaning;
}

void ObjectGraph::BecomeTensor(NodeId object, Tensor tensor,
                               bool is_parameter) {
  nodes_[object].b = TensorFlags(tensor);
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
    const ChildRange& range = made(node).items;
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
    const ChildRange& range = made(node).entries;
    return {children_.data() + range.start, range.count};
  }
  if (kind(node) != ValueKind::kDict) return {};
  return {children_.data() + nodes_[node].a, nodes_[node].run.count};
}

absl::Span<const NodeId> ObjectGraph::size_items(NodeId node) const {
  if (is_object(node)) return items(meaning(node));
  return {children_.data() + nodes_[node].a, nodes_[node].run.count};
}

void ObjectGraph::ReplaceStorages(
    const HashMap<Storage, Storage>& replacements) {
  for (StorageRecord& record : storages_) {
    const auto found = replacements.find(record.storage);
    if (found != replacements.end()) record.storage = found->second;
  }
  for (const Tensor& tensor : tensors_) {
    const auto found = replacements.find(tensor.storage());
    if (found == replacements.end()) continue;
    tensor.ReplaceStorage(found->second, tensor.dtype(), InternalKey());
  }
  storage_nodes_.clear();
  storages_indexed_ = 0;
}

void ObjectGraph::CastStorages(const HashMap<Storage, Storage>& replacements,
                               DType dtype, bool untyped) {
  // Storages whose type in the file gave tensors their dtype, and will.
  HashSet<Storage> typed;
  for (StorageRecord& record : storages_) {
    if (!replacements.contains(record.storage)) continue;
    if (!record.untyped && !untyped) typed.insert(record.storage);
    if (untyped) {
      record.untyped = true;
      record.dtype = DType::kUInt8;
    } else if (!record.untyped) {
      record.dtype = dtype;
    }
  }
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (kind(node) != ValueKind::kTensor || !is_object(node)) continue;
    const Storage& storage = tensor(node).storage();
    if (replacements.contains(storage) && !typed.contains(storage)) {
      nodes_[node].b |= kIsCast;
    }
  }
  for (const Tensor& tensor : tensors_) {
    const auto found = replacements.find(tensor.storage());
    if (found == replacements.end()) continue;
    tensor.ReplaceStorage(found->second, dtype, InternalKey());
  }
  ReplaceStorages(replacements);
}

bool ObjectGraph::KeysEqual(NodeId a, NodeId b) const {
  if (a == b) return true;
  KeyClasses classes(*this);
  const uint32_t class_of_a = classes.ClassOf(a);
  return class_of_a != KeyClasses::kUnhashable &&
         class_of_a == classes.ClassOf(b);
}

absl::Status ObjectGraph::RemoveDuplicates(absl::Span<const NodeId> children,
                                           int width, KeyClasses* classes,
                                           uint32_t* kept) {
  const auto start = static_cast<uint32_t>(children.data() - children_.data());
  const auto count = static_cast<uint32_t>(children.size());
  HashMap<uint32_t, uint32_t> seen;
  const bool is_single = count == static_cast<uint32_t>(width);
  if (!is_single) seen.reserve(count / width);
  *kept = 0;
  for (uint32_t i = 0; i < count; i += width) {
    const NodeId key = children_[start + i];
    const uint32_t key_class = classes->ClassOf(key);
    if (key_class == KeyClasses::kUnhashable) {
      return absl::DataLossError(absl::StrCat(
          width == 2 ? "a dict has a key" : "a set has an item", " of type ",
          Name(kind(key)), ", which Python cannot hash"));
    }
    if (is_single) {
      *kept = count;
      return absl::OkStatus();
    }
    const auto [found, is_new] = seen.try_emplace(key_class, *kept);
    if (is_new) {
      children_[start + *kept] = key;
      if (width == 2) children_[start + *kept + 1] = children_[start + i + 1];
      *kept += width;
    } else if (width == 2) {
      children_[start + found->second + 1] = children_[start + i + 1];
    }
  }
  return absl::OkStatus();
}

absl::Status ObjectGraph::RemoveDuplicateKeys(NodeId first) {
  // Whether the keys, each the first of `width` children, are direct and
  // different, which they mostly are. That takes less than to number them.
  HashSet<NodeId, DirectKeyHash, DirectKeyEqual> keys(0, DirectKeyHash{this},
                                                      DirectKeyEqual{this});
  const auto are_different = [&](absl::Span<const NodeId> children,
                                 size_t width) {
    const bool is_small = children.size() <= width * kSmallDictEntries;
    if (!is_small) {
      keys.clear();
      keys.reserve(children.size() / width);
    }
    for (size_t i = 0; i < children.size(); i += width) {
      if (!IsDirectKey(*this, children[i])) return false;
      if (is_small) {
        for (size_t j = 0; j < i; j += width) {
          if (keys.key_eq()(children[i], children[j])) return false;
        }
      } else if (!keys.insert(children[i]).second) {
        return false;
      }
    }
    return true;
  };
  KeyClasses classes(*this);
  bool any_removed = false;
  const uint32_t num_nodes = size();
  for (NodeId node = first; node < num_nodes; ++node) {
    const ValueKind kind_of_node = kind(node);
    if (kind_of_node != ValueKind::kDict && kind_of_node != ValueKind::kSet &&
        kind_of_node != ValueKind::kFrozenSet) {
      continue;
    }
    uint32_t kept;
    if (kind_of_node == ValueKind::kDict) {
      const absl::Span<const NodeId> all = entries(node);
      if (are_different(all, 2)) continue;
      FERRY_RETURN_IF_ERROR(RemoveDuplicates(all, 2, &classes, &kept));
      if (kept == all.size()) continue;
      (is_object(node) ? mutable_made(node).entries.count
                       : nodes_[node].run.count) = kept;
    } else {
      const absl::Span<const NodeId> all = items(node);
      if (are_different(all, 1)) continue;
      FERRY_RETURN_IF_ERROR(RemoveDuplicates(all, 1, &classes, &kept));
      if (kept == all.size()) continue;
      nodes_[node].run.count = kept;
    }
    any_removed = true;
  }
  if (any_removed) {
    const std::lock_guard<std::mutex> lock(indexes_->mutex);
    indexes_->by_dict.clear();
  }
  return absl::OkStatus();
}

// The caller holds the mutex.
const ObjectGraph::Index& ObjectGraph::IndexOf(NodeId dict) const {
  std::unique_ptr<Index>& index = indexes_->by_dict[dict];
  const absl::Span<const NodeId> all = entries(dict);
  if (index == nullptr) {
    index = std::make_unique<Index>();
    index->entries.reserve(all.size() / 2);
  }
  // A pickle may look up a key after every entry.
  for (uint32_t& i = index->num_children; i < all.size(); i += 2) {
    index->entries.emplace(indexes_->classes.ClassOf(all[i]), i / 2);
    index->has_plain_keys &= IsPlainKey(all[i]);
  }
  return *index;
}

uint32_t ObjectGraph::FindEntry(NodeId dict, const ScalarKey& key) const {
  const absl::Span<const NodeId> all = entries(dict);
  if (all.size() <= 2 * kSmallDictEntries) {
    for (uint32_t i = 0; i < all.size(); i += 2) {
      if (key.Equals(*this, all[i])) return i / 2;
    }
    return kNoEntry;
  }
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  const Index& index = IndexOf(dict);
  const auto found = index.entries.find(indexes_->classes.Find(key));
  return found == index.entries.end() ? kNoEntry : found->second;
}

NodeId ObjectGraph::FindStr(NodeId dict, absl::string_view key) const {
  const uint32_t entry = FindEntry(dict, ScalarKey::OfStr(key));
  return entry == kNoEntry ? kNoNode : entries(dict)[size_t{entry} * 2 + 1];
}

NodeId ObjectGraph::FindInt(NodeId dict, int64_t key) const {
  const absl::Span<const NodeId> all = entries(dict);
  if (all.size() <= 2 * kSmallDictEntries) {
    for (size_t i = 0; i < all.size(); i += 2) {
      if (is_int64(all[i]) && int_value(all[i]) == key) {
        return all[i + 1];
      }
    }
    return kNoNode;
  }
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  const Index& index = IndexOf(dict);
  const auto found =
      index.entries.find(indexes_->classes.Find(ScalarKey::OfInt(key)));
  if (found == index.entries.end()) return kNoNode;
  const size_t entry = found->second;
  return kind(all[2 * entry]) == ValueKind::kInt ? all[2 * entry + 1] : kNoNode;
}

bool ObjectGraph::HasPlainKeys(NodeId dict) const {
  const absl::Span<const NodeId> all = entries(dict);
  if (all.size() <= 2 * kSmallDictEntries) {
    for (size_t i = 0; i < all.size(); i += 2) {
      if (!IsPlainKey(all[i])) return false;
    }
    return true;
  }
  const std::lock_guard<std::mutex> lock(indexes_->mutex);
  return IndexOf(dict).has_plain_keys;
}

void ObjectGraph::SetValue(NodeId dict, uint32_t entry, NodeId value) {
  const size_t start = entries(dict).data() - children_.data();
  children_[start + size_t{entry} * 2 + 1] = value;
}

void ObjectGraph::SetEntry(NodeId dict, absl::string_view key, NodeId value) {
  const uint32_t entry = FindEntry(dict, ScalarKey::OfStr(key));
  if (entry == kNoEntry) {
    const NodeId appended[] = {AddStr(key), value};
    AppendEntries(dict, appended);
  } else {
    SetValue(dict, entry, value);
  }
}

absl::Status ObjectGraph::SetEntry(NodeId dict, const ObjectGraph& from,
                                   NodeId key, NodeId value) {
  bool is_own = &from == this;
  uint32_t entry;
  if (const std::optional<ScalarKey> scalar = ScalarKey::Of(from, key)) {
    entry = FindEntry(dict, *scalar);
  } else {
    const std::lock_guard<std::mutex> lock(indexes_->mutex);
    const Index& index = IndexOf(dict);
    const auto find = [&index](uint32_t key_class) {
      const auto found = index.entries.find(key_class);
      return found == index.entries.end() ? kNoEntry : found->second;
    };
    KeyClasses& classes = indexes_->classes;
    const uint32_t key_class =
        is_own ? classes.ClassOf(key) : classes.FindForeign(from, key);
    if (key_class == KeyClasses::kUnhashable) {
      return absl::InvalidArgumentError(
          absl::StrCat(WithArticle(Name(from.kind(key))),
                       " cannot be the key of a dict in Python"));
    }
    entry = find(key_class);
    if (entry == kNoEntry && !is_own) {
      // A storage of the other graph may be one that this one has.
      key = Import(from, key);
      is_own = true;
      entry = find(classes.ClassOf(key));
    }
  }
  if (entry == kNoEntry) {
    const NodeId appended[] = {is_own ? key : Import(from, key), value};
    AppendEntries(dict, appended);
  } else {
    SetValue(dict, entry, value);
  }
  return absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
