// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/graph_reader.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/utf8.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/column_reader.h"
#include "ferry/serialization/proto/graph_format.h"
#include "ferry/serialization/proto/node_order.h"
#include "ferry/value/global_name.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

constexpr uint64_t kMaxStorageBytes = std::numeric_limits<int64_t>::max();

void SetFlags(uint64_t bits, const Tensor& tensor) {
  tensor.set_requires_grad((bits & kRequiresGrad) != 0, InternalKey());
  tensor.set_conj((bits & kConj) != 0, InternalKey());
  tensor.set_neg((bits & kNeg) != 0, InternalKey());
}

// GraphReader
//
// Makes the nodes of one record. A method that takes a value of the row returns
// 0, or what stands for nothing, if it finds an error. `columns_` has the first
// error, and `ReadRows` stops after the row.
//
// Thread-safety: none.
class GraphReader {
 public:
  GraphReader(absl::string_view bytes, Budget* budget, StorageTable* storages,
              ObjectGraph* graph)
      : columns_(bytes, budget), table_(storages), graph_(graph) {}

  absl::StatusOr<Codec::GraphRead> Read();

 private:
  struct UsedStorage {
    Storage storage;
    bool is_used = false;   // by a row
    bool has_node = false;  // in the graph
  };

  absl::Status ReadStorages();
  absl::Status ReadRows();
  absl::Status SetSources();
  absl::Status CheckSetters();
  void ReadRow(int kind);

  // Takes the index of a storage. Returns null if there is none.
  UsedStorage* TakeStorage();
  // Take a node that the row's node is made of, or is given.
  NodeId TakePart() { return TakeNode(/*may_be_later=*/false); }
  NodeId TakeGiven() { return TakeNode(/*may_be_later=*/true); }
  ABSL_ATTRIBUTE_ALWAYS_INLINE inline NodeId TakeNode(bool may_be_later);
  // Takes `count` nodes, which are valid until the next run is taken.
  absl::Span<const NodeId> TakeRun(size_t count, bool may_be_later);
  absl::Span<const NodeId> TakeParts() {
    return TakeRun(columns_.TakeCount(1), /*may_be_later=*/false);
  }
  absl::Span<const NodeId> TakeItems() {
    return TakeRun(columns_.TakeCount(1), /*may_be_later=*/true);
  }
  absl::Span<const NodeId> TakeEntries() {
    return TakeRun(2 * columns_.TakeCount(2), /*may_be_later=*/true);
  }

  void AddBigInt();
  NodeId AddGlobal();
  void AddDTypeGlobal();
  void AddStorage(bool untyped);
  void AddSize();
  NodeId AddObject();
  void AddDroppedCalls(NodeId object, absl::Span<const NodeId> dropped);
  void BecomeTensor(NodeId object, bool is_parameter);
  void BecomeSize(NodeId object);
  // Takes a tensor and its bits, which must be among `known`. Returns a null
  // tensor after an error.
  Tensor TakeTensor(uint64_t known, uint64_t* bits);
  Tensor TakeView(uint64_t bits);
  Tensor TakeComposite(uint64_t bits);
  absl::Span<const int64_t> TakeDimensions(size_t rank, int64_t* out);

  ColumnReader columns_;
  StorageTable* const table_;
  ObjectGraph* const graph_;

  std::vector<UsedStorage> storages_;
  uint32_t shift_ = 0;  // from the number of a row to its node
  std::vector<NodeId> run_;
  struct Source {
    uint32_t row;
    NodeId global;
    NodeId source;
  };
  std::vector<Source> sources_;
  // Functions that set the states of objects, which may be later rows.
  struct Setter {
    uint32_t row;
    NodeId node;
  };
  std::vector<Setter> setters_;
  HashSet<NodeId> dropped_;
  // Tuples that hold only ints: many rows may share one.
  HashSet<NodeId> int_tuples_;
};

// --- Storages ----------------------------------------------------------------

absl::Status GraphReader::ReadStorages() {
  const absl::Span<const uint64_t> sizes = columns_.storage_sizes();
  const absl::Span<const uint32_t> locations = columns_.storage_locations();
  // A key must live as long as the graph, so the graph has all in one text.
  std::string keys;
  uint32_t num_records = 0;
  for (uint32_t location : locations) {
    if (location == 0) continue;
    absl::StrAppend(&keys, num_records++);
  }
  absl::string_view keys_left;
  if (num_records > 0) {
    keys_left = graph_->text(graph_->AddStr(keys));
    shift_ = 1;
  }
  num_records = 0;
  storages_.reserve(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    const uint64_t size_bytes = sizes[i];
    const uint32_t location = locations[i];
    if (size_bytes > kMaxStorageBytes || location > columns_.num_words()) {
      return absl::DataLossError(absl::StrCat(
          "the graph is damaged: storage ", i, " has ", size_bytes,
          " bytes and the location ", location, " of ", columns_.num_words()));
    }
    if (location == 0) {
      storages_.push_back(
          {Storage::FromMemory(Device("meta"), Memory{}, size_bytes)});
      continue;
    }
    const size_t key_bytes = absl::StrCat(num_records++).size();
    StorageDescription description;
    description.key = keys_left.substr(0, key_bytes);
    description.location = columns_.UseWord(location - 1);
    description.untyped = true;
    description.size_bytes = size_bytes;
    keys_left.remove_prefix(key_bytes);
    FERRY_ASSIGN_OR_RETURN(const uint32_t index, table_->Describe(description));
    storages_.push_back({table_->entries()[index].storage});
  }
  return absl::OkStatus();
}

GraphReader::UsedStorage* GraphReader::TakeStorage() {
  const uint64_t index = columns_.TakeNumber();
  if (ABSL_PREDICT_FALSE(index >= storages_.size())) {
    columns_.FailDamaged(absl::StrCat("there is no storage ", index));
    return nullptr;
  }
  storages_[index].is_used = true;
  return &storages_[index];
}

// --- References --------------------------------------------------------------

NodeId GraphReader::TakeNode(bool may_be_later) {
  const uint32_t reference = columns_.TakeReference();
  if (reference < kFirstNumber) return reference;
  const uint32_t row = columns_.row();
  const uint32_t distance = (reference - kFirstNumber) / 2;
  if ((reference - kFirstNumber) % 2 == 0) {
    if (ABSL_PREDICT_FALSE(distance >= row - kFirstNumber)) {
      columns_.FailDamaged("it refers to a node before the first");
      return ObjectGraph::kNone;
    }
    return row - 1 - distance + shift_;
  }
  const uint32_t rows_left = columns_.num_rows() + kFirstNumber - row;
  if (ABSL_PREDICT_FALSE(!may_be_later || distance >= rows_left)) {
    columns_.FailDamaged(may_be_later
                             ? "it refers to a node after the last"
                             : "it is made of a node that comes after it");
    return ObjectGraph::kNone;
  }
  return row + distance + shift_;
}

absl::Span<const NodeId> GraphReader::TakeRun(size_t count, bool may_be_later) {
  run_.resize(count);
  for (NodeId& node : run_) node = TakeNode(may_be_later);
  return run_;
}

// --- Tensors -----------------------------------------------------------------

absl::Span<const int64_t> GraphReader::TakeDimensions(size_t rank,
                                                      int64_t* out) {
  // What is 2^63 or more becomes negative, and is refused as such.
  for (size_t i = 0; i < rank; ++i) {
    out[i] = static_cast<int64_t>(columns_.TakeNumber());
  }
  return {out, rank};
}

Tensor GraphReader::TakeView(uint64_t bits) {
  const DType dtype = columns_.TakeDType();
  const UsedStorage* const storage = TakeStorage();
  const auto offset = static_cast<int64_t>(columns_.TakeNumber());
  const uint64_t rank = columns_.TakeNumber();
  if (rank > kMaxRank) {
    columns_.FailDamaged(absl::StrCat("a tensor has the rank ", rank));
  }
  if (storage == nullptr || rank > kMaxRank) return Tensor();
  int64_t sizes[kMaxRank];
  int64_t stride_values[kMaxRank];
  const absl::Span<const int64_t> shape = TakeDimensions(rank, sizes);
  const absl::Status counted = NumElements(shape).status();
  if (!counted.ok()) {
    columns_.FailRule(counted);
    return Tensor();
  }
  const Dimensions row_major = ContiguousStrides(shape);
  absl::Span<const int64_t> strides = row_major;
  if ((bits & kRowMajor) == 0) {
    strides = TakeDimensions(rank, stride_values);
    if (strides == absl::MakeConstSpan(row_major)) {
      columns_.FailDamaged("a tensor stores strides although it is row-major");
    }
  }
  absl::StatusOr<Tensor> tensor = Tensor::Create(
      storage->storage, dtype, shape, strides, offset, table_->pool());
  if (!tensor.ok()) {
    columns_.FailRule(tensor.status());
    return Tensor();
  }
  SetFlags(bits, *tensor);
  columns_.FailRule(CheckFlags(*tensor));
  return *std::move(tensor);
}

Tensor GraphReader::TakeComposite(uint64_t bits) {
  constexpr size_t kMaxComponents = 3;
  const DType dtype = columns_.TakeDType();
  const Layout layout = columns_.TakeLayout();
  const uint64_t rank = columns_.TakeNumber();
  if (rank > kMaxRank) {
    columns_.FailDamaged(absl::StrCat("a tensor has the rank ", rank));
    return Tensor();
  }
  int64_t sizes[kMaxRank];
  const absl::Span<const int64_t> shape = TakeDimensions(rank, sizes);
  const uint64_t num_components = columns_.TakeNumber();
  if (layout == Layout::kStrided || num_components > kMaxComponents) {
    columns_.FailDamaged(absl::StrCat("a ", Name(layout), " tensor has ",
                                      num_components, " components"));
    return Tensor();
  }
  std::vector<Tensor> components;
  for (uint64_t i = 0; i < num_components && columns_.status().ok(); ++i) {
    components.push_back(
        TakeView(columns_.TakeBits(kRequiresGrad | kConj | kNeg | kRowMajor)));
  }
  if (!columns_.status().ok()) return Tensor();
  Tensor tensor =
      Tensor::CreateComposite(layout, dtype, shape, std::move(components));
  SetFlags(bits, tensor);
  columns_.FailRule(CheckComponents(tensor));
  columns_.FailRule(CheckFlags(tensor));
  return tensor;
}

Tensor GraphReader::TakeTensor(uint64_t known, uint64_t* bits) {
  *bits = columns_.TakeBits(known);
  if ((*bits & kComposite) == 0) return TakeView(*bits);
  if ((*bits & kRowMajor) != 0) {
    columns_.FailDamaged("a tensor made of components has strides");
  }
  return TakeComposite(*bits);
}

// --- Rows --------------------------------------------------------------------

void GraphReader::AddBigInt() {
  const absl::string_view text = columns_.TakeText();
  const NodeId node = graph_->AddBigInt(text);
  if (!graph_->is_big_int(node) || graph_->text(node).size() != text.size()) {
    columns_.FailDamaged("an integer is longer than it need be");
  }
}

NodeId GraphReader::AddGlobal() {
  const std::string module(columns_.TakeText());
  const absl::string_view name = columns_.TakeText();
  const std::string fault = DescribeBadGlobal(module, name);
  if (!fault.empty()) {
    columns_.FailDamaged(
        absl::StrCat("the name of a class or function is not valid: ", fault));
    return ObjectGraph::kNone;
  }
  return graph_->AddGlobal(module, name);
}

void GraphReader::AddDTypeGlobal() {
  const NodeId global = AddGlobal();
  const DType dtype = columns_.TakeDType();
  if (!columns_.status().ok()) return;
  const GlobalRecord& record = graph_->global(global);
  if (record.module != "torch" || DTypeFromName(record.name) != dtype) {
    return columns_.FailDamaged("a dtype has the name of something else");
  }
  graph_->BecomeDType(global, dtype);
}

void GraphReader::AddStorage(bool untyped) {
  UsedStorage* const used = TakeStorage();
  StorageRecord record;
  record.untyped = untyped;
  if (!untyped) record.dtype = columns_.TakeDType();
  if (used == nullptr) return;
  // Those on the meta device are there for tensors alone.
  if (used->storage.has_data()) {
    return columns_.FailDamaged("a storage has no record in the archive");
  }
  record.storage = used->storage;
  if (used->has_node) {
    graph_->AddStorage(std::move(record));
  } else {
    graph_->AddNewStorage(std::move(record));
    used->has_node = true;
  }
}

void GraphReader::AddSize() {
  const absl::Span<const NodeId> ints = TakeParts();
  for (NodeId node : ints) {
    if (!graph_->is_int64(node)) {
      return columns_.FailDamaged("a size is not an integer");
    }
  }
  graph_->AddSizeOf(ints);
}

NodeId GraphReader::AddObject() {
  const uint64_t bits = columns_.TakeBits(kAllCallBits);
  const uint64_t form = bits & kFormMask;
  static_assert(kFormMask == static_cast<int>(ObjectForm::kInstance));
  const NodeId callable = TakePart();
  const NodeId args = TakePart();
  if (!columns_.status().ok()) return ObjectGraph::kNone;
  if (graph_->kind(args) != ValueKind::kTuple) {
    columns_.FailDamaged("the arguments of a call are not a tuple");
  }
  if (form == static_cast<uint64_t>(ObjectForm::kInstance) &&
      !graph_->items(args).empty()) {
    columns_.FailDamaged("an instance of an old-style class has arguments");
  }
  NodeId keywords = kNoNode;
  if (form == static_cast<uint64_t>(ObjectForm::kNewEx)) {
    keywords = TakePart();
    if (graph_->kind(keywords) != ValueKind::kDict) {
      columns_.FailDamaged("the keyword arguments of a call are not a dict");
    }
  }
  const NodeId object = graph_->AddObject(static_cast<ObjectForm>(form),
                                          callable, args, keywords);
  const auto take_some = [this](absl::Span<const NodeId> run) {
    if (run.empty()) {
      columns_.FailDamaged(
          "an object has an empty list of items, entries or dropped calls");
    }
    return run;
  };
  if ((bits & kHasDropped) != 0) {
    AddDroppedCalls(object, take_some(TakeParts()));
  }
  if ((bits & kHasItems) != 0) {
    graph_->AppendItems(object, take_some(TakeItems()));
  }
  if ((bits & kHasEntries) != 0) {
    graph_->AppendEntries(object, take_some(TakeEntries()));
  }
  if ((bits & kHasState) != 0) {
    const NodeId setter = (bits & kHasStateSetter) != 0 ? TakeGiven() : kNoNode;
    graph_->SetState(object, TakeGiven(), setter);
    if (setter != kNoNode) setters_.push_back({columns_.row(), setter});
  } else if ((bits & kHasStateSetter) != 0) {
    columns_.FailDamaged(
        "an object has a function that sets its state, but no state");
  }
  if (const absl::Status status = graph_->CheckIsCallable(callable);
      !status.ok()) {
    columns_.FailDamaged(status.message());
  }
  return columns_.status().ok() ? object : ObjectGraph::kNone;
}

void GraphReader::AddDroppedCalls(NodeId object,
                                  absl::Span<const NodeId> dropped) {
  // The graph wants the innermost first.
  for (size_t i = dropped.size(); i-- > 0;) {
    const NodeId call = dropped[i];
    // Each counts as made of the next, which is further in.
    if (!graph_->is_object(call) || (i > 0 && dropped[i - 1] <= call) ||
        graph_->object(call).dropped != kNoNode ||
        !dropped_.insert(call).second) {
      return columns_.FailDamaged(
          "a dropped call is listed twice or in the wrong order");
    }
    graph_->AddDroppedCall(object, call);
  }
}

void GraphReader::BecomeTensor(NodeId object, bool is_parameter) {
  uint64_t bits;
  Tensor tensor = TakeTensor(kAllTensorBits, &bits);
  if (!columns_.status().ok()) return;
  const bool requires_grad = tensor.requires_grad();
  // The graph keeps the flags that the tensor has now as those of its call.
  if ((bits & kChangedFlags) != 0) {
    tensor.set_requires_grad(!requires_grad, InternalKey());
  }
  graph_->BecomeTensor(object, tensor, is_parameter);
  tensor.set_requires_grad(requires_grad, InternalKey());
}

void GraphReader::BecomeSize(NodeId object) {
  const absl::Span<const NodeId> args =
      graph_->items(graph_->object(object).args);
  bool are_ints =
      args.size() == 1 && graph_->kind(args[0]) == ValueKind::kTuple;
  if (are_ints && graph_->items(args[0]).size() > kMaxRank) {
    return;  // as in a pickle, it stays an object
  }
  if (are_ints && int_tuples_.insert(args[0]).second) {
    for (NodeId node : graph_->items(args[0])) {
      are_ints = are_ints && graph_->is_int64(node);
    }
  }
  if (!are_ints) {
    return columns_.FailDamaged(
        "a torch.Size is made of something other than integers");
  }
  graph_->BecomeSize(object, args[0]);
}

void GraphReader::ReadRow(int kind) {
  switch (kind) {
    case wire::NODE_KIND_INT:
      graph_->AddInt(columns_.TakeInt());
      return;
    case wire::NODE_KIND_BIG_INT:
      return AddBigInt();
    case wire::NODE_KIND_FLOAT:
      graph_->AddFloat(columns_.TakeFloat());
      return;
    case wire::NODE_KIND_COMPLEX: {
      const double real = columns_.TakeFloat();
      graph_->AddComplex(real, columns_.TakeFloat());
      return;
    }
    case wire::NODE_KIND_STR: {
      const absl::string_view text = columns_.TakeText();
      if (!IsValidUtf8(text)) {
        return columns_.FailDamaged("text is not valid UTF-8");
      }
      graph_->AddStr(text);
      return;
    }
    case wire::NODE_KIND_BYTES:
      graph_->AddBytes(columns_.TakeText());
      return;
    case wire::NODE_KIND_BYTE_ARRAY:
      graph_->AddByteArray(columns_.TakeText());
      return;
    case wire::NODE_KIND_LIST:
      graph_->AddList(TakeItems());
      return;
    case wire::NODE_KIND_TUPLE:
      graph_->AddTuple(TakeParts());
      return;
    case wire::NODE_KIND_DICT:
      graph_->AppendEntries(graph_->AddDict(), TakeEntries());
      return;
    case wire::NODE_KIND_SET:
      graph_->AddSet(TakeItems());
      return;
    case wire::NODE_KIND_FROZEN_SET:
      graph_->AddFrozenSet(TakeParts());
      return;
    case wire::NODE_KIND_GLOBAL:
      AddGlobal();
      return;
    case wire::NODE_KIND_GLOBAL_WITH_SOURCE: {
      const NodeId global = AddGlobal();
      sources_.push_back({columns_.row(), global, TakeGiven()});
      return;
    }
    case wire::NODE_KIND_GLOBAL_DTYPE:
      return AddDTypeGlobal();
    case wire::NODE_KIND_STORAGE:
    case wire::NODE_KIND_UNTYPED_STORAGE:
      return AddStorage(kind == wire::NODE_KIND_UNTYPED_STORAGE);
    case wire::NODE_KIND_TENSOR:
    case wire::NODE_KIND_PARAMETER: {
      uint64_t bits;
      // No call made it, so there are no flags of a call.
      Tensor tensor = TakeTensor(kAllTensorBits & ~kChangedFlags, &bits);
      if (kind == wire::NODE_KIND_PARAMETER) {
        graph_->AddParameter(std::move(tensor));
      } else {
        graph_->AddTensor(std::move(tensor));
      }
      return;
    }
    case wire::NODE_KIND_DTYPE:
      graph_->AddDType(columns_.TakeDType());
      return;
    case wire::NODE_KIND_DEVICE:
      graph_->AddDevice(columns_.TakeDevice());
      return;
    case wire::NODE_KIND_SIZE:
      return AddSize();
    case wire::NODE_KIND_LAYOUT:
      graph_->AddLayout(columns_.TakeLayout());
      return;
    case wire::NODE_KIND_OBJECT:
      AddObject();
      return;
    case wire::NODE_KIND_OBJECT_TENSOR:
    case wire::NODE_KIND_OBJECT_PARAMETER: {
      const NodeId object = AddObject();
      return BecomeTensor(object, kind == wire::NODE_KIND_OBJECT_PARAMETER);
    }
    case wire::NODE_KIND_OBJECT_DICT: {
      const NodeId object = AddObject();
      if (columns_.status().ok()) graph_->BecomeDict(object);
      return;
    }
    case wire::NODE_KIND_OBJECT_DEVICE: {
      const NodeId object = AddObject();
      const Device device = columns_.TakeDevice();
      if (columns_.status().ok()) graph_->BecomeDevice(object, device);
      return;
    }
    case wire::NODE_KIND_OBJECT_SIZE: {
      const NodeId object = AddObject();
      if (columns_.status().ok()) BecomeSize(object);
      return;
    }
    case wire::NODE_KIND_OBJECT_LAYOUT: {
      const NodeId object = AddObject();
      const Layout layout = columns_.TakeLayout();
      if (columns_.status().ok()) graph_->BecomeLayout(object, layout);
      return;
    }
    case wire::NODE_KIND_UNSPECIFIED:
      return columns_.FailDamaged("it has no kind");
    default:
      return columns_.FailUnknown(absl::StrCat("nodes of the kind ", kind));
  }
}

absl::Status GraphReader::ReadRows() {
  const uint32_t end = kFirstNumber + columns_.num_rows();
  for (uint32_t row = kFirstNumber; row < end; ++row) {
    columns_.set_row(row);
    ReadRow(columns_.TakeKind());
    // The empty tuple, and globals and storages that there are already, make no
    // node.
    if (ABSL_PREDICT_FALSE(graph_->size() != row + shift_ + 1)) {
      columns_.FailDamaged(
          "it repeats a class, function or storage of another row, or is the "
          "empty tuple");
    }
    if (ABSL_PREDICT_FALSE(!columns_.status().ok())) return columns_.status();
  }
  return absl::OkStatus();
}

absl::Status GraphReader::CheckSetters() {
  for (const auto& [row, setter] : setters_) {
    const absl::Status status = graph_->CheckIsCallable(setter);
    if (status.ok()) continue;
    columns_.set_row(row);
    columns_.FailDamaged(status.message());
    return columns_.status();
  }
  return absl::OkStatus();
}

absl::Status GraphReader::SetSources() {
  for (const auto& [row, global, source] : sources_) {
    absl::Span<const NodeId> parts;
    if (graph_->kind(source) == ValueKind::kTuple) {
      parts = graph_->items(source);
    }
    const auto is_text = [this](NodeId node) {
      return graph_->kind(node) == ValueKind::kStr ||
             graph_->kind(node) == ValueKind::kNone;
    };
    if (parts.size() != 4 || parts[1] != global || !is_text(parts[0]) ||
        !is_text(parts[2]) || !is_text(parts[3])) {
      columns_.set_row(row);
      columns_.FailDamaged(
          "the source of a class is not a tuple of the class and three texts");
      return columns_.status();
    }
    graph_->mutable_global(global).source = source;
  }
  return absl::OkStatus();
}

absl::StatusOr<Codec::GraphRead> GraphReader::Read() {
  FERRY_RETURN_IF_ERROR(columns_.Read());
  FERRY_RETURN_IF_ERROR(ReadStorages());
  graph_->Reserve(graph_->size() + columns_.num_rows(), storages_.size(),
                  columns_.text_left());
  FERRY_RETURN_IF_ERROR(ReadRows());
  const auto is_unused = [](const UsedStorage& used) { return !used.is_used; };
  FERRY_RETURN_IF_ERROR(
      columns_.CheckEnd(absl::c_count_if(storages_, is_unused)));
  FERRY_RETURN_IF_ERROR(SetSources());
  FERRY_RETURN_IF_ERROR(CheckSetters());
  const absl::Status hashable = graph_->RemoveDuplicateKeys();
  if (!hashable.ok()) {
    return absl::DataLossError(
        absl::StrCat("the graph is damaged: ", hashable.message()));
  }
  Codec::GraphRead read;
  const uint32_t root = columns_.root();
  read.root = root < kFirstNumber ? root : root + shift_;
  read.version = static_cast<int>(columns_.format_version());
  read.size_bytes = columns_.size_bytes();
  return read;
}

}  // namespace

absl::StatusOr<Codec::GraphRead> ReadGraph(absl::string_view bytes,
                                           Budget* budget,
                                           StorageTable* storages,
                                           ObjectGraph* graph) {
  return GraphReader(bytes, budget, storages, graph).Read();
}

}  // namespace proto
}  // namespace v1
}  // namespace ferry
