// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/proto/graph_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/proto/checkpoint_graph.pb.h"
#include "ferry/serialization/proto/graph_format.h"
#include "ferry/serialization/proto/node_order.h"
#include "ferry/value/global_name.h"
#include "ferry/value/object_path.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace proto {
namespace {

template <typename Message>
void AppendBlock(const Message& message, LargeString* out) {
  const size_t size = message.ByteSizeLong();
  Append32(size, out);
  const size_t start = out->size();
  out->resize(start + size);
  message.SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(&(*out)[start]));
}

bool IsRowMajor(const Tensor& tensor) {
  const Dimensions strides = ContiguousStrides(tensor.shape());
  return absl::MakeConstSpan(strides) == tensor.strides();
}

uint64_t FlagBits(const Tensor& tensor) {
  uint64_t bits = 0;
  if (tensor.requires_grad()) bits |= kRequiresGrad;
  if (tensor.is_conj()) bits |= kConj;
  if (tensor.is_neg()) bits |= kNeg;
  return bits;
}

// GraphWriter
//
// Writes one graph. Thread-safety: none.
class GraphWriter {
 public:
  GraphWriter(const ObjectGraph& graph, StorageTable* storages)
      : graph_(graph), table_(storages), order_(graph) {}

  // Called once.
  absl::StatusOr<LargeString> Write(NodeId root);

 private:
  absl::Status WriteRow(NodeId node);
  absl::Status WriteCall(NodeId object);
  absl::Status WriteObjectKind(NodeId object);
  absl::Status WriteGlobal(NodeId global);
  absl::Status WriteDevice(const Device& device);
  absl::Status WriteTensor(const Tensor& tensor, bool has_changed_flags);
  void WriteView(const Tensor& tensor, uint64_t bits);
  absl::Status WriteStorages();
  // Returns `error` with the place of `node`.
  absl::Status ErrorAt(NodeId node, const absl::Status& error) const {
    return AnnotatePath(error, graph_, root_, node);
  }
  void PutText(absl::string_view text);
  void PutWord(absl::string_view word) { PutNumber(WordIndex(word)); }
  // Returns the index of a storage, or of a word, among those of the record.
  uint32_t StorageIndex(const Storage& storage, bool needs_record);
  uint32_t WordIndex(absl::string_view word);

  void PutKind(wire::NodeKind kind) {
    columns_.add_kinds(kind);
    Grow(1);
  }
  void PutNumber(uint64_t number) {
    columns_.add_numbers(number);
    Grow(kMaxVarintBytes);
  }
  void PutReference(NodeId node);
  void PutReferences(absl::Span<const NodeId> nodes) {
    for (NodeId node : nodes) PutReference(node);
  }
  // Counts bytes that the block may have grown by. Ends the block if it is
  // full.
  void Grow(size_t bytes) {
    block_bytes_ += bytes;
    if (block_bytes_ >= kFullBlockBytes) EndBlock();
  }
  void EndBlock();

  static constexpr size_t kMaxVarintBytes = 10;
  // Room for one value, and for the tags of all columns.
  static constexpr size_t kSpareBytes = 256;
  static constexpr size_t kFullBlockBytes = kMaxBlockBytes - kSpareBytes;

  // A storage that tensors or storage nodes refer to, and the first of them.
  struct UsedStorage {
    Storage storage;
    NodeId node;
    bool needs_record = false;
  };

  const ObjectGraph& graph_;
  StorageTable* const table_;
  NodeOrder order_;
  NodeId root_ = kNoNode;
  uint32_t row_ = kFirstNumber;  // the number of the row that is written
  NodeId node_ = kNoNode;        // and its node

  wire::Columns columns_;   // of the block that is written
  size_t block_bytes_ = 0;  // at most
  uint64_t text_bytes_ = 0;
  LargeString out_;

  std::vector<UsedStorage> storages_;
  HashMap<const void*, uint32_t> storage_indexes_;
  // The words so far, which are few.
  HashMap<std::string, uint32_t> word_indexes_;
  std::vector<std::optional<uint32_t>> dtype_words_;  // by dtype
};

void GraphWriter::EndBlock() {
  AppendBlock(columns_, &out_);
  columns_.Clear();
  block_bytes_ = 0;
}

void GraphWriter::PutReference(NodeId node) {
  const uint32_t number = order_.number(node);
  uint32_t reference = number;
  if (number >= kFirstNumber) {
    reference = kFirstNumber + (number < row_ ? 2 * (row_ - 1 - number)
                                              : 2 * (number - row_) + 1);
  }
  columns_.add_references(reference);
  Grow(kMaxVarintBytes / 2);
}

void GraphWriter::PutText(absl::string_view text) {
  // A text of 4 GiB or more does not fit a node.
  PutNumber(text.size());
  text_bytes_ += text.size();
  while (!text.empty()) {
    if (columns_.text_size() == 0) columns_.add_text();
    const size_t part = std::min(text.size(), kFullBlockBytes - block_bytes_);
    columns_.mutable_text(0)->append(text.data(), part);
    text.remove_prefix(part);
    Grow(part);
  }
}

uint32_t GraphWriter::WordIndex(absl::string_view word) {
  const auto found = word_indexes_.find(word);
  if (found != word_indexes_.end()) return found->second;
  // Words do not run on into the next block. None has more than a few hundred
  // bytes (`StorageTable::kMaxLocationBytes`).
  if (block_bytes_ + word.size() + kMaxVarintBytes >= kFullBlockBytes) {
    EndBlock();
  }
  const auto index = static_cast<uint32_t>(word_indexes_.size());
  word_indexes_.emplace(std::string(word), index);
  columns_.add_words(word.data(), word.size());
  Grow(word.size() + kMaxVarintBytes);
  return index;
}

uint32_t GraphWriter::StorageIndex(const Storage& storage, bool needs_record) {
  const auto [found, is_new] = storage_indexes_.try_emplace(
      storage.identity(), static_cast<uint32_t>(storages_.size()));
  if (is_new) storages_.push_back({storage, node_});
  storages_[found->second].needs_record |= needs_record;
  return found->second;
}

void GraphWriter::WriteView(const Tensor& tensor, uint64_t bits) {
  bits |= FlagBits(tensor);
  const bool is_row_major = IsRowMajor(tensor);
  if (is_row_major) bits |= kRowMajor;
  PutNumber(bits);
  const auto dtype = static_cast<size_t>(tensor.dtype());
  if (dtype >= dtype_words_.size()) dtype_words_.resize(dtype + 1);
  if (!dtype_words_[dtype]) {
    dtype_words_[dtype] = WordIndex(Name(tensor.dtype()));
  }
  PutNumber(*dtype_words_[dtype]);
  // A tensor on the meta device has nothing that a record could hold.
  const Storage& storage = tensor.storage();
  PutNumber(StorageIndex(storage, storage.device().type() != "meta"));
  PutNumber(static_cast<uint64_t>(tensor.storage_offset()));
  PutNumber(tensor.shape().size());
  for (int64_t size : tensor.shape()) PutNumber(static_cast<uint64_t>(size));
  if (is_row_major) return;
  for (int64_t stride : tensor.strides()) {
    PutNumber(static_cast<uint64_t>(stride));
  }
}

absl::Status GraphWriter::WriteTensor(const Tensor& tensor,
                                      bool has_changed_flags) {
  if (tensor.is_null()) {
    return absl::InvalidArgumentError("a tensor was never made (Tensor())");
  }
  FERRY_RETURN_IF_ERROR(CheckFlags(tensor));
  uint64_t bits = has_changed_flags ? uint64_t{kChangedFlags} : 0;
  if (tensor.layout() == Layout::kStrided) {
    WriteView(tensor, bits);
    return absl::OkStatus();
  }
  FERRY_RETURN_IF_ERROR(CheckComponents(tensor));
  FERRY_RETURN_IF_ERROR(CheckIndices(tensor));
  PutNumber(bits | kComposite | FlagBits(tensor));
  PutWord(Name(tensor.dtype()));
  PutWord(Name(tensor.layout()));
  PutNumber(tensor.shape().size());
  for (int64_t size : tensor.shape()) PutNumber(static_cast<uint64_t>(size));
  PutNumber(tensor.components().size());
  for (const Tensor& component : tensor.components()) {
    FERRY_RETURN_IF_ERROR(CheckFlags(component));
    WriteView(component, 0);
  }
  return absl::OkStatus();
}

absl::Status GraphWriter::WriteDevice(const Device& device) {
  if (!Device::IsValidType(device.type()) ||
      (device.has_index() && device.index() < 0) ||
      device.index() > kMaxDeviceIndex) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", absl::CHexEscape(device.ToString()),
        "\" is not a valid device; a device is a type, and perhaps an index "
        "from 0 to ",
        kMaxDeviceIndex));
  }
  PutWord(device.type());
  PutNumber(device.has_index() ? static_cast<uint64_t>(device.index()) + 1 : 0);
  return absl::OkStatus();
}

absl::Status GraphWriter::WriteGlobal(NodeId node) {
  const GlobalRecord& global = graph_.global(node);
  const bool is_dtype = graph_.kind(node) == ValueKind::kDType;
  const bool has_source = global.source != kNoNode;
  if (is_dtype && has_source) {
    return absl::UnimplementedError(
        absl::StrCat("the dtype \"", Name(graph_.dtype(node)),
                     "\" has the source text of a class, which only a pickle "
                     "can hold; save it with the codec pickle"));
  }
  const std::string fault = DescribeBadGlobal(global.module, global.name);
  if (!fault.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the class or function \"", EscapeForMessage(global.module), ".",
        EscapeForMessage(global.name), "\" is not a valid name: ", fault));
  }
  PutKind(is_dtype     ? wire::NODE_KIND_GLOBAL_DTYPE
          : has_source ? wire::NODE_KIND_GLOBAL_WITH_SOURCE
                       : wire::NODE_KIND_GLOBAL);
  PutText(global.module);
  PutText(global.name);
  if (is_dtype) PutWord(Name(graph_.dtype(node)));
  if (has_source) PutReference(global.source);
  return absl::OkStatus();
}

absl::Status GraphWriter::WriteCall(NodeId node) {
  const ObjectRecord object = graph_.object(node);
  const absl::Span<const NodeId> items = graph_.items(node);
  const absl::Span<const NodeId> entries = graph_.entries(node);
  FERRY_RETURN_IF_ERROR(graph_.CheckIsCallable(object.callable));
  if (object.state_setter != kNoNode) {
    FERRY_RETURN_IF_ERROR(graph_.CheckIsCallable(object.state_setter));
  }
  if (graph_.kind(object.args) != ValueKind::kTuple) {
    return absl::InvalidArgumentError(
        "the arguments of an object are not a tuple; pass a tuple");
  }
  if (object.form == ObjectForm::kInstance &&
      !graph_.items(object.args).empty()) {
    return absl::InvalidArgumentError(
        "an instance of an old-style class has arguments; use the form kCall");
  }
  const bool has_keywords = object.form == ObjectForm::kNewEx;
  if (has_keywords != (object.kwargs != kNoNode) ||
      (has_keywords && graph_.kind(object.kwargs) != ValueKind::kDict)) {
    return absl::InvalidArgumentError(
        "the keyword arguments of an object are not a dict; pass a dict if "
        "__new__ makes the object with keywords, and none otherwise");
  }
  auto bits = static_cast<uint64_t>(object.form);
  if (object.state != kNoNode) bits |= kHasState;
  if (object.state_setter != kNoNode) bits |= kHasStateSetter;
  if (!items.empty()) bits |= kHasItems;
  if (!entries.empty()) bits |= kHasEntries;
  const bool has_dropped =
      object.dropped != kNoNode && !order_.is_dropped(node);
  if (has_dropped) bits |= kHasDropped;
  PutNumber(bits);
  PutReference(object.callable);
  PutReference(object.args);
  if (has_keywords) PutReference(object.kwargs);
  if (has_dropped) {
    std::vector<NodeId> dropped;
    for (NodeId copy = object.dropped; copy != kNoNode;
         copy = graph_.object(copy).dropped) {
      dropped.push_back(copy);
    }
    PutNumber(dropped.size());
    PutReferences(dropped);
  }
  if (!items.empty()) {
    PutNumber(items.size());
    PutReferences(items);
  }
  if (!entries.empty()) {
    PutNumber(entries.size() / 2);
    PutReferences(entries);
  }
  if (object.state_setter != kNoNode) PutReference(object.state_setter);
  if (object.state != kNoNode) PutReference(object.state);
  return absl::OkStatus();
}

absl::Status GraphWriter::WriteObjectKind(NodeId node) {
  const auto put = [this, node](wire::NodeKind kind) {
    PutKind(kind);
    return WriteCall(node);
  };
  switch (graph_.kind(node)) {
    case ValueKind::kTensor:
      FERRY_RETURN_IF_ERROR(put(graph_.is_parameter(node)
                                    ? wire::NODE_KIND_OBJECT_PARAMETER
                                    : wire::NODE_KIND_OBJECT_TENSOR));
      return WriteTensor(graph_.tensor(node), !graph_.has_flags_of_call(node));
    case ValueKind::kDict:
      return put(wire::NODE_KIND_OBJECT_DICT);
    case ValueKind::kDevice:
      FERRY_RETURN_IF_ERROR(put(wire::NODE_KIND_OBJECT_DEVICE));
      return WriteDevice(graph_.device(node));
    case ValueKind::kSize:
      return put(wire::NODE_KIND_OBJECT_SIZE);
    case ValueKind::kLayout:
      FERRY_RETURN_IF_ERROR(put(wire::NODE_KIND_OBJECT_LAYOUT));
      PutWord(Name(graph_.layout(node)));
      return absl::OkStatus();
    default:
      return put(wire::NODE_KIND_OBJECT);
  }
}

absl::Status GraphWriter::WriteRow(NodeId node) {
  const auto put_run = [this](wire::NodeKind kind,
                              absl::Span<const NodeId> run) {
    PutKind(kind);
    PutNumber(run.size());
    PutReferences(run);
    return absl::OkStatus();
  };
  const auto put_text = [this, node](wire::NodeKind kind) {
    PutKind(kind);
    PutText(graph_.text(node));
    return absl::OkStatus();
  };
  const auto put_word = [this](wire::NodeKind kind, absl::string_view word) {
    PutKind(kind);
    PutWord(word);
    return absl::OkStatus();
  };
  if (graph_.is_object(node)) return WriteObjectKind(node);
  if (graph_.is_global(node)) return WriteGlobal(node);
  switch (graph_.kind(node)) {
    case ValueKind::kInt:
      if (graph_.is_big_int(node)) return put_text(wire::NODE_KIND_BIG_INT);
      PutKind(wire::NODE_KIND_INT);
      columns_.add_ints(graph_.int_value(node));
      Grow(kMaxVarintBytes);
      return absl::OkStatus();
    case ValueKind::kFloat:
      PutKind(wire::NODE_KIND_FLOAT);
      columns_.add_floats(graph_.float_value(node));
      Grow(sizeof(double));
      return absl::OkStatus();
    case ValueKind::kComplex:
      PutKind(wire::NODE_KIND_COMPLEX);
      columns_.add_floats(graph_.complex_value(node).real());
      columns_.add_floats(graph_.complex_value(node).imag());
      Grow(2 * sizeof(double));
      return absl::OkStatus();
    case ValueKind::kStr:
      if (!IsValidUtf8(graph_.text(node))) {
        return absl::InvalidArgumentError(
            absl::StrCat("the text \"", EscapeForMessage(graph_.text(node)),
                         "\" is not UTF-8; save it as bytes"));
      }
      return put_text(wire::NODE_KIND_STR);
    case ValueKind::kBytes:
      return put_text(wire::NODE_KIND_BYTES);
    case ValueKind::kByteArray:
      return put_text(wire::NODE_KIND_BYTE_ARRAY);
    case ValueKind::kList:
      return put_run(wire::NODE_KIND_LIST, graph_.items(node));
    case ValueKind::kTuple:
      return put_run(wire::NODE_KIND_TUPLE, graph_.items(node));
    case ValueKind::kSet:
      return put_run(wire::NODE_KIND_SET, graph_.items(node));
    case ValueKind::kFrozenSet:
      return put_run(wire::NODE_KIND_FROZEN_SET, graph_.items(node));
    case ValueKind::kSize:
      return put_run(wire::NODE_KIND_SIZE, graph_.size_items(node));
    case ValueKind::kDict:
      PutKind(wire::NODE_KIND_DICT);
      PutNumber(graph_.entries(node).size() / 2);
      PutReferences(graph_.entries(node));
      return absl::OkStatus();
    case ValueKind::kStorage: {
      const StorageRecord& record = graph_.storage(node);
      PutKind(record.untyped ? wire::NODE_KIND_UNTYPED_STORAGE
                             : wire::NODE_KIND_STORAGE);
      PutNumber(StorageIndex(record.storage, /*needs_record=*/true));
      if (!record.untyped) PutWord(Name(record.dtype));
      return absl::OkStatus();
    }
    case ValueKind::kTensor:
      PutKind(graph_.is_parameter(node) ? wire::NODE_KIND_PARAMETER
                                        : wire::NODE_KIND_TENSOR);
      return WriteTensor(graph_.tensor(node), /*has_changed_flags=*/false);
    case ValueKind::kDType:
      return put_word(wire::NODE_KIND_DTYPE, Name(graph_.dtype(node)));
    case ValueKind::kDevice:
      PutKind(wire::NODE_KIND_DEVICE);
      return WriteDevice(graph_.device(node));
    case ValueKind::kLayout:
      return put_word(wire::NODE_KIND_LAYOUT, Name(graph_.layout(node)));
    default:
      return absl::InternalError(
          absl::StrCat("a ", Name(graph_.kind(node)), " has no row"));
  }
}

absl::Status GraphWriter::WriteStorages() {
  for (const UsedStorage& used : storages_) {
    uint32_t location = 0;
    if (used.needs_record) {
      // As bytes: the rows say which dtypes its elements are counted in, and
      // there may be several.
      const auto added =
          table_->Add({used.storage, DType::kUInt8, /*untyped=*/true});
      if (!added.ok()) return ErrorAt(used.node, added.status());
      location = WordIndex(table_->location(added->first)) + 1;
    }
    columns_.add_storage_sizes(used.storage.size_bytes());
    columns_.add_storage_locations(location);
    Grow(2 * kMaxVarintBytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<LargeString> GraphWriter::Write(NodeId root) {
  root_ = root;
  FERRY_RETURN_IF_ERROR(order_.Visit(root));
  wire::Header header;
  header.set_format_version(kFormatVersion);
  header.set_release(kRelease);
  header.set_num_rows(static_cast<uint32_t>(order_.nodes().size()));
  header.set_root(order_.number(root));
  AppendBlock(header, &out_);
  for (NodeId node : order_.nodes()) {
    node_ = node;
    const absl::Status status = WriteRow(node);
    if (!status.ok()) return ErrorAt(node, status);
    ++row_;
  }
  FERRY_RETURN_IF_ERROR(WriteStorages());
  if (block_bytes_ > 0) EndBlock();
  if (out_.size() - text_bytes_ > kMaxValueBytes) {
    return absl::UnimplementedError(
        absl::StrCat("the graph takes ", out_.size() - text_bytes_,
                     " bytes besides its texts; at most ", kMaxValueBytes,
                     " can be read again, so split the value"));
  }
  out_.append(kLengthBytes, '\0');
  return std::move(out_);
}

}  // namespace

absl::StatusOr<LargeString> WriteGraph(const ObjectGraph& graph, NodeId root,
                                       StorageTable* storages) {
  return GraphWriter(graph, storages).Write(root);
}

}  // namespace proto
}  // namespace v1
}  // namespace ferry
