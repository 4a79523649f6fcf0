// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/torch_pickler.h"

#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/device.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/torch/torch_unpickler.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using pickle::Pickler;

// backward_hooks, which are never saved.
void WriteEmptyOrderedDict(Pickler* pickler) {
  pickler->WriteGlobal("collections", "OrderedDict");
  pickler->WriteEmptyTuple();
  pickler->WriteReduce();
  pickler->Memoise();
}

// Whether what is called looks at the elements of a tensor among its arguments
// or in its state.
bool NeedsElements(const GlobalRecord& global) {
  if (global.module == "torch._C") return global.name == "Generator";
  return global.module == "torch._utils" &&
         (global.name == "_rebuild_nested_tensor" ||
          global.name == "_rebuild_device_tensor_from_cpu_tensor");
}

// Whether `WriteNode` writes all that there is to a tensor that a call of this
// function made.
bool IsPlainRebuild(const GlobalRecord& global) {
  return global.module == "torch._utils" &&
         (global.name == "_rebuild_tensor" ||
          global.name == "_rebuild_tensor_v2" ||
          global.name == "_rebuild_tensor_v3" ||
          global.name == "_rebuild_meta_tensor_no_storage" ||
          global.name == "_rebuild_parameter");
}

void WriteSize(absl::Span<const int64_t> sizes, Pickler* pickler) {
  pickler->WriteGlobal("torch", "Size");
  pickler->BeginTuple(1);
  pickler->WriteIntTuple(sizes);
  pickler->EndTuple(1);
  pickler->WriteReduce();
}

void WriteLayout(Layout layout, Pickler* pickler) {
  pickler->WriteGlobal("torch.serialization", "_get_layout");
  pickler->BeginTuple(1);
  pickler->WriteStr(absl::StrCat("torch.", Name(layout)));
  pickler->EndTuple(1);
  pickler->WriteReduce();
}

// Tags that PyTorch spells by a literal, of which Python has one object; the
// others are put together anew at each reference. The literal, or nothing.
absl::string_view LiteralTag(absl::string_view tag) {
  for (absl::string_view literal : {"cpu", "mps", "meta"}) {
    if (tag == literal) return literal;
  }
  return absl::string_view();
}

}  // namespace

// Of a stream.
void TorchPickler::AddKey(NodeId key_node, const ObjectGraph& graph) {
  std::string& key = keys_.emplace_back();
  if (key_node != kNoNode) {
    key = std::string(graph.text(key_node));
    if (used_keys_.insert(key).second) return;
  }
  do {
    key = absl::StrCat(next_key_++);
  } while (!used_keys_.insert(key).second);
}

absl::StatusOr<bool> TorchPickler::WriteObject(NodeId object,
                                               const ObjectGraph& graph,
                                               Pickler* pickler) {
  const ValueKind kind = graph.kind(object);
  if (kind == ValueKind::kTensor && !graph.has_flags_of_call(object)) {
    const ObjectRecord record = graph.object(object);
    if (!graph.is_global(record.callable) || record.state != kNoNode ||
        !IsPlainRebuild(graph.global(record.callable))) {
      return absl::UnimplementedError(
          "requires_grad, the dtype, or the conj or neg bit of a tensor was "
          "changed after it was read, but the tensor has attributes or is of a "
          "kind that can only be written as it was read; replace it with "
          "Value(tensor)");
    }
    FERRY_RETURN_IF_ERROR(WriteNode(object, graph, pickler));
    return true;
  }
  // A program's own call, perhaps of what readers rebuild.
  const ObjectRecord record = graph.object(object);
  if (kind == ValueKind::kObject) NoteCall(record.callable, graph);
  NoteCall(record.state_setter, graph);
  for (NodeId dropped = record.dropped; dropped != kNoNode;
       dropped = graph.object(dropped).dropped) {
    NoteCall(graph.object(dropped).callable, graph);
  }
  return false;
}

void TorchPickler::NoteCall(NodeId callable, const ObjectGraph& graph) {
  if (has_rebuilt_calls_ || callable == kNoNode || !graph.is_global(callable)) {
    return;
  }
  is_rebuilt_.resize(graph.globals().size());
  std::optional<bool>& is_rebuilt = is_rebuilt_[graph.global_index(callable)];
  if (!is_rebuilt) {
    is_rebuilt = TorchUnpickler::IsRebuilt(graph.global(callable));
  }
  has_rebuilt_calls_ = *is_rebuilt;
}

absl::Status TorchPickler::CheckReadsBack(absl::string_view pickle) const {
  if (!has_rebuilt_calls_) return absl::OkStatus();
  StorageTable storages;
  TorchUnpickler hooks(&storages, ids_);
  ObjectGraph graph;
  const absl::Status status =
      pickle::Unpickle(pickle, Budget::Unlimited(), &hooks, &graph).status();
  if (!absl::IsDataLoss(status)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("the pickle that would be written cannot be read back: ",
                   status.message()));
}

absl::StatusOr<bool> TorchPickler::WriteGlobal(NodeId global,
                                               const ObjectGraph& graph,
                                               Pickler* pickler) {
  if (ids_ == PersistentIds::kArchive) return false;
  const GlobalRecord& record = graph.global(global);
  if (NeedsElements(record)) {
    return absl::UnimplementedError(absl::StrCat(
        "PyTorch calls ", EscapeForMessage(record.module), ".",
        EscapeForMessage(record.name),
        " before it reads the elements of tensors in a legacy stream, and gets "
        "garbage; save it as a zip archive"));
  }
  const NodeId source = record.source;
  if (source == kNoNode || !classes_.insert(global).second) return false;
  const absl::Span<const NodeId> texts = graph.items(source).subspan(2);
  pickler->BeginTuple(2 + texts.size());
  pickler->WriteSharedWord("module");
  pickler->WriteGlobal(record.module, record.name);
  for (NodeId text : texts) {
    if (graph.kind(text) == ValueKind::kStr) {
      pickler->WriteStrNode(text);
    } else {
      pickler->WriteNone();
    }
  }
  pickler->EndTuple(2 + texts.size());
  pickler->WritePersistentId();
  return true;
}

absl::Status TorchPickler::WriteStorage(
    const StorageRecord& record, const pickle::PickleNotes::Storage& strs,
    const ObjectGraph& graph, Pickler* pickler) {
  FERRY_ASSIGN_OR_RETURN(const auto added, table_->Add(record));
  const auto [index, is_new] = added;
  if (is_new) {
    key_memos_.push_back(Pickler::kNotMemoised);
    if (ids_ == PersistentIds::kStream) AddKey(strs.key, graph);
  }
  const absl::string_view location = table_->location(index);
  const uint64_t size_bytes = record.storage.size_bytes();
  // Parts of storages are written as storages of their own, as PyTorch does, so
  // the sixth part, which would say what they are part of, is None.
  const size_t num_parts = ids_ == PersistentIds::kStream ? 6 : 5;
  pickler->BeginTuple(num_parts);
  pickler->WriteSharedWord("storage");
  if (record.untyped && ids_ == PersistentIds::kStream) {
    // PyTorch writes an UntypedStorage here, and then cannot read it. What it
    // would make of it, here as in an archive, is a storage of bytes.
    pickler->WriteGlobal("torch", "ByteStorage");
  } else if (record.untyped) {
    pickler->WriteGlobal("torch.storage", "UntypedStorage");
  } else {
    // A file of C++'s may have storages that Python has no class for.
    const std::optional<absl::string_view> name = StorageClassOf(record.dtype);
    pickler->WriteGlobal("torch",
                         name ? *name : LibtorchStorageClassOf(record.dtype));
  }
  const std::string number = absl::StrCat(index);
  if (ids_ == PersistentIds::kStream) {
    // PyTorch makes it anew each time.
    pickler->WriteStr(keys_[index]);
  } else if (strs.key != kNoNode && graph.text(strs.key) == number) {
    pickler->WriteStrNode(strs.key);
  } else {
    pickler->WriteStr(number, &key_memos_[index]);
  }
  if (strs.location != kNoNode && graph.text(strs.location) == location) {
    pickler->WriteStrNode(strs.location);
  } else if (!LiteralTag(location).empty()) {
    // The pickler keeps the word.
    pickler->WriteSharedWord(LiteralTag(location));
  } else {
    pickler->WriteStr(location);
  }
  pickler->WriteInt(static_cast<int64_t>(
      record.untyped ? size_bytes
                     : size_bytes / ElementSizeBytes(record.dtype)));
  if (ids_ == PersistentIds::kStream) pickler->WriteNone();
  pickler->EndTuple(num_parts);
  pickler->WritePersistentId();
  return absl::OkStatus();
}

// In the form that every version reads: from 2.1 on PyTorch also says whether a
// COO tensor is coalesced, which Ferry does not know of tensors that a program
// has made.
absl::Status TorchPickler::WriteSparse(const Tensor& tensor,
                                       const ObjectGraph& graph,
                                       Pickler* pickler) {
  FERRY_RETURN_IF_ERROR(CheckComponents(tensor));
  FERRY_RETURN_IF_ERROR(CheckIndices(tensor));
  if (tensor.is_conj() || tensor.is_neg()) {
    return absl::UnimplementedError(
        "no file can hold the conj or neg bit of a sparse tensor; set it on "
        "the values");
  }
  const size_t num_components = tensor.components().size();
  pickler->WriteGlobal("torch._utils", "_rebuild_sparse_tensor");
  pickler->BeginTuple(2);
  WriteLayout(tensor.layout(), pickler);
  pickler->Memoise();
  pickler->BeginTuple(num_components + 1);
  for (const Tensor& component : tensor.components()) {
    FERRY_RETURN_IF_ERROR(
        WriteTensor(component, component.requires_grad(), graph, pickler));
    pickler->Memoise();
  }
  WriteSize(tensor.shape(), pickler);
  pickler->Memoise();
  pickler->EndTuple(num_components + 1);
  pickler->EndTuple(2);
  pickler->WriteReduce();
  return absl::OkStatus();
}

absl::Status TorchPickler::WriteTensor(const Tensor& tensor, bool requires_grad,
                                       const ObjectGraph& graph,
                                       Pickler* pickler) {
  FERRY_RETURN_IF_ERROR(CheckFlags(tensor));
  const DType dtype = tensor.dtype();
  if (tensor.layout() != Layout::kStrided) {
    if (requires_grad) {
      return absl::UnimplementedError(
          "no file can say that a sparse tensor requires a gradient, unless it "
          "is a parameter; save it as Value::Parameter");
    }
    return WriteSparse(tensor, graph, pickler);
  }
  if (Category(dtype) == DTypeCategory::kQuantized) {
    return absl::UnimplementedError(
        "a quantised tensor that was not read from a file cannot be saved");
  }
  if (tensor.device().type() == "meta" && !tensor.storage().has_data()) {
    return absl::InternalError("a meta storage that is not loaded");
  }
  // Like PyTorch, without the storage and so without an offset into it.
  if (tensor.device().type() == "meta") {
    if (tensor.is_conj() || tensor.is_neg()) {
      return absl::UnimplementedError(
          "no file can hold the conj or neg bit of a meta tensor");
    }
    pickler->WriteGlobal("torch._utils", "_rebuild_meta_tensor_no_storage");
    pickler->BeginTuple(4);
    pickler->WriteGlobal("torch", Name(dtype));
    pickler->WriteIntTuple(tensor.shape());
    pickler->WriteIntTuple(tensor.strides());
    pickler->WriteBool(requires_grad);
    pickler->EndTuple(4);
    pickler->WriteReduce();
    return absl::OkStatus();
  }
  StorageRecord record;
  record.storage = tensor.storage();
  record.untyped = !StorageClassOf(dtype).has_value();
  record.dtype = record.untyped ? DType::kUInt8 : dtype;
  if (record.untyped && requires_grad) {
    // torch/_utils.py, _rebuild_tensor_v3, up to 2.14: it asks for the gradient
    // before it sets the storage, which PyTorch then forbids.
    return absl::UnimplementedError(
        absl::StrCat("PyTorch cannot load ", WithArticle(Name(dtype)),
                     " tensor that requires a gradient, unless it is a "
                     "parameter; save it as Value::Parameter"));
  }
  pickler->WriteGlobal("torch._utils", record.untyped ? "_rebuild_tensor_v3"
                                                      : "_rebuild_tensor_v2");
  absl::InlinedVector<absl::string_view, 2> bits;
  if (tensor.is_conj()) bits.push_back("conj");
  if (tensor.is_neg()) bits.push_back("neg");
  const size_t num_args = 6 + (record.untyped ? 1 : 0) + (bits.empty() ? 0 : 1);
  pickler->BeginTuple(num_args);
  FERRY_RETURN_IF_ERROR(
      WriteStorage(record, pickle::PickleNotes::Storage(), graph, pickler));
  pickler->WriteInt(tensor.storage_offset());
  pickler->WriteIntTuple(tensor.shape());
  pickler->WriteIntTuple(tensor.strides());
  pickler->WriteBool(requires_grad);
  WriteEmptyOrderedDict(pickler);
  if (record.untyped) pickler->WriteGlobal("torch", Name(dtype));
  if (!bits.empty()) pickler->WriteDictOfTrue(bits);
  pickler->EndTuple(num_args);
  pickler->WriteReduce();
  return absl::OkStatus();
}

absl::Status TorchPickler::WriteParameter(const Tensor& tensor,
                                          const ObjectGraph& graph,
                                          Pickler* pickler) {
  pickler->WriteGlobal("torch._utils", "_rebuild_parameter");
  pickler->BeginTuple(3);
  FERRY_RETURN_IF_ERROR(
      WriteTensor(tensor, /*requires_grad=*/false, graph, pickler));
  pickler->Memoise();
  pickler->WriteBool(tensor.requires_grad());
  WriteEmptyOrderedDict(pickler);
  pickler->EndTuple(3);
  pickler->WriteReduce();
  return absl::OkStatus();
}

absl::Status TorchPickler::WriteNode(NodeId node, const ObjectGraph& graph,
                                     Pickler* pickler) {
  switch (graph.kind(node)) {
    case ValueKind::kStorage:
      return WriteStorage(graph.storage(node),
                          pickler->notes().storage(graph.storage_index(node)),
                          graph, pickler);
    case ValueKind::kTensor: {
      const Tensor& tensor = graph.tensor(node);
      if (tensor.is_null()) {
        return absl::InvalidArgumentError("a tensor was never made (Tensor())");
      }
      if (graph.is_parameter(node)) {
        return WriteParameter(tensor, graph, pickler);
      }
      return WriteTensor(tensor, tensor.requires_grad(), graph, pickler);
    }
    case ValueKind::kDType:
      pickler->WriteGlobal("torch", Name(graph.dtype(node)));
      return absl::OkStatus();
    case ValueKind::kDevice: {
      const Device& device = graph.device(node);
      if (!Device::IsValidType(device.type()) ||
          (device.has_index() && device.index() < 0) ||
          device.index() > kMaxDeviceIndex) {
        return absl::InvalidArgumentError(absl::StrCat(
            QuoteForMessage(device.ToString()),
            " is not a valid device; a device is a type, and perhaps an "
            "index from 0 to ",
            kMaxDeviceIndex));
      }
      const size_t num_args = device.has_index() ? 2 : 1;
      pickler->WriteGlobal("torch", "device");
      pickler->BeginTuple(num_args);
      pickler->WriteStr(device.type());
      if (device.has_index()) pickler->WriteInt(device.index());
      pickler->EndTuple(num_args);
      pickler->WriteReduce();
      return absl::OkStatus();
    }
    case ValueKind::kSize: {
      Dimensions sizes;
      for (NodeId item : graph.size_items(node)) {
        sizes.push_back(graph.int_value(item));
      }
      WriteSize(sizes, pickler);
      return absl::OkStatus();
    }
    case ValueKind::kLayout:
      WriteLayout(graph.layout(node), pickler);
      return absl::OkStatus();
    default:
      return absl::InternalError(
          absl::StrCat(WithArticle(Name(graph.kind(node))),
                       " was handed to the tensor writer"));
  }
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
