// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/torch_unpickler.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/device.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/tensor_rules.h"
#include "ferry/serialization/pickle/python_calls.h"
#include "ferry/serialization/torch/rebuild_tensor.h"
#include "ferry/value/global_name.h"
#include "ferry/value/object_path.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

absl::Status MalformedId(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("a reference to a storage is malformed: ", what));
}

// What torch.device(*args) is, or nothing if that is an error.
std::optional<Device> DeviceOf(absl::Span<const NodeId> args,
                               const ObjectGraph& graph) {
  if (args.empty() || args.size() > 2 ||
      graph.kind(args[0]) != ValueKind::kStr) {
    return std::nullopt;
  }
  std::string text(graph.text(args[0]));
  if (args.size() == 2) {
    if (!graph.is_int64(args[1])) return std::nullopt;
    absl::StrAppend(&text, ":", graph.int_value(args[1]));
  }
  const absl::StatusOr<Device> device = Device::Parse(text);
  // Of higher indexes PyTorch keeps the last eight bits.
  if (!device.ok() || device->index() > kMaxDeviceIndex) return std::nullopt;
  return *device;
}

// What torch.serialization._get_layout(*args) is, or nothing.
std::optional<Layout> LayoutOf(absl::Span<const NodeId> args,
                               const ObjectGraph& graph) {
  if (args.size() != 1 || graph.kind(args[0]) != ValueKind::kStr) {
    return std::nullopt;
  }
  absl::string_view name = graph.text(args[0]);
  absl::ConsumePrefix(&name, "torch.");
  return LayoutFromName(name);
}

// On the meta device there is nothing to share, and each call makes another.
bool IsSameStorage(const Storage& a, const Storage& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return a == b ||
         (a.device().type() == b.device().type() &&
          a.device().type() == "meta" && a.size_bytes() == b.size_bytes());
}

// Whether two tensors are the same view, with the same flags.
bool IsSameView(const Tensor& a, const Tensor& b) {
  if (a.is_null() || b.is_null()) return false;
  if (a.dtype() != b.dtype() || a.layout() != b.layout() ||
      a.shape() != b.shape() || a.strides() != b.strides() ||
      a.storage_offset() != b.storage_offset() ||
      !IsSameStorage(a.storage(), b.storage()) ||
      a.requires_grad() != b.requires_grad() || a.is_conj() != b.is_conj() ||
      a.is_neg() != b.is_neg() ||
      a.components().size() != b.components().size()) {
    return false;
  }
  // Components have none of their own.
  for (size_t i = 0; i < a.components().size(); ++i) {
    if (!IsSameView(a.components()[i], b.components()[i])) return false;
  }
  return true;
}

bool IsTupleOf(absl::Span<const int64_t> numbers, NodeId node,
               const ObjectGraph& graph) {
  if (graph.kind(node) != ValueKind::kTuple) return false;
  const absl::Span<const NodeId> items = graph.items(node);
  return items.size() == numbers.size() &&
         std::equal(items.begin(), items.end(), numbers.begin(),
                    [&graph](NodeId item, int64_t number) {
                      return graph.is_int64(item) &&
                             graph.int_value(item) == number;
                    });
}

// Whether _rebuild_tensor_v2(*args) gives `tensor`, if that is plain, as most
// are. Making another to compare takes 11 % more instructions to open a file of
// 20 000 tensors.
bool GivesPlainTensor(absl::Span<const NodeId> args, const Tensor& tensor,
                      const ObjectGraph& graph) {
  return args.size() == 6 && graph.kind(args[0]) == ValueKind::kStorage &&
         Category(tensor.dtype()) != DTypeCategory::kQuantized &&
         graph.storage(args[0]).storage == tensor.storage() &&
         !graph.storage(args[0]).untyped &&
         graph.storage(args[0]).dtype == tensor.dtype() &&
         graph.is_int64(args[1]) &&
         graph.int_value(args[1]) == tensor.storage_offset() &&
         IsTupleOf(tensor.shape(), args[2], graph) &&
         IsTupleOf(tensor.strides(), args[3], graph) &&
         args[4] == (tensor.requires_grad() ? ObjectGraph::kTrue
                                            : ObjectGraph::kFalse) &&
         tensor.components().empty() && !tensor.is_conj() && !tensor.is_neg();
}

}  // namespace

absl::StatusOr<NodeId> TorchUnpickler::PersistentLoad(NodeId id,
                                                      ObjectGraph* graph) {
  const ValueKind kind = graph->kind(id);
  if (ids_ == PersistentIds::kNumbers && kind != ValueKind::kTuple) {
    return LoadNumber(id, graph);
  }
  if (kind == ValueKind::kStr) {
    // Protocol 0 writes the tuple as text.
    std::vector<TextIdPart> parts;
    if (!ParseTextId(graph->text(id), &parts)) {
      return MalformedId("it is a str that does not describe a tuple");
    }
    FERRY_ASSIGN_OR_RETURN(id, AddTextId(parts, graph));
  } else if (kind != ValueKind::kTuple) {
    return MalformedId(
        absl::StrCat("it is ", WithArticle(Name(kind)), ", not a tuple"));
  }
  const absl::Span<const NodeId> parts = graph->items(id);
  if (ids_ == PersistentIds::kNumbers) {
    if (parts.size() != 3) {
      return MalformedId(
          absl::StrCat("it has ", parts.size(), " parts, not 3"));
    }
    const NodeId named[] = {graph->AddStr("module"), parts[0], parts[1],
                            parts[2]};
    return LoadClass(graph->AddTuple(named), graph);
  }
  if (ids_ == PersistentIds::kStream && parts.size() == 4 &&
      graph->kind(parts[0]) == ValueKind::kStr &&
      graph->text(parts[0]) == "module") {
    return LoadClass(id, graph);
  }
  return LoadStorage(id, graph);
}

absl::StatusOr<NodeId> TorchUnpickler::AddTextId(
    absl::Span<const TextIdPart> parts, ObjectGraph* graph) {
  std::vector<NodeId> nodes;
  for (const TextIdPart& part : parts) {
    NodeId node = ObjectGraph::kNone;
    switch (part.kind) {
      case TextIdPart::kNone:
        break;
      case TextIdPart::kInt:
        node = graph->AddInt(part.number);
        break;
      case TextIdPart::kStr:
        node = graph->AddStr(part.text);
        break;
      case TextIdPart::kClass: {
        const absl::string_view name = part.text;
        const size_t dot = name.rfind('.');
        const std::string fault =
            dot == absl::string_view::npos
                ? "it has no module"
                : DescribeBadGlobal(name.substr(0, dot), name.substr(dot + 1));
        if (!fault.empty()) {
          return MalformedId(
              absl::StrCat("the name of a class is not valid: ", fault));
        }
        const size_t globals_before = graph->globals().size();
        node = graph->AddGlobal(name.substr(0, dot), name.substr(dot + 1));
        if (graph->globals().size() > globals_before) {
          FERRY_RETURN_IF_ERROR(OnGlobal(node, graph));
        }
        break;
      }
      case TextIdPart::kTuple: {
        // Its parts are no tuples, so this is one step.
        FERRY_ASSIGN_OR_RETURN(node, AddTextId(part.parts, graph));
        break;
      }
    }
    nodes.push_back(node);
  }
  return graph->AddTuple(nodes);
}

// The class of a module, and the source text that it had.
absl::StatusOr<NodeId> TorchUnpickler::LoadClass(NodeId id,
                                                 ObjectGraph* graph) {
  const absl::Span<const NodeId> parts = graph->items(id);
  const NodeId type = parts[1];
  for (NodeId text : parts.subspan(2)) {
    if (graph->kind(text) != ValueKind::kStr &&
        graph->kind(text) != ValueKind::kNone) {
      return MalformedId("the source of a class is not text");
    }
  }
  if (graph->is_global(type) && graph->global(type).source == kNoNode) {
    graph->mutable_global(type).source = id;
    pickle::PickleNotes::In(graph).NoteSharedWord("module", parts[0]);
  }
  return type;
}

absl::StatusOr<NodeId> TorchUnpickler::LoadNumber(NodeId id,
                                                  ObjectGraph* graph) {
  int64_t number = 0;
  if (graph->is_int64(id)) {
    number = graph->int_value(id);
  } else if (graph->kind(id) != ValueKind::kStr ||
             !absl::SimpleAtoi(graph->text(id), &number)) {
    return MalformedId("it is not a number");
  }
  return object_of_number_(number, graph);
}

absl::StatusOr<uint32_t> TorchUnpickler::DescribeView(
    const StorageDescription& whole, uint32_t root, NodeId view,
    const ObjectGraph& graph) {
  absl::Span<const NodeId> parts;
  if (graph.kind(view) == ValueKind::kTuple) parts = graph.items(view);
  if (parts.size() != 3 || graph.kind(parts[0]) != ValueKind::kStr ||
      !graph.is_int64(parts[1]) || !graph.is_int64(parts[2])) {
    return MalformedId("the description of a part of a storage is malformed");
  }
  const int64_t offset = graph.int_value(parts[1]);
  const int64_t count = graph.int_value(parts[2]);
  const uint64_t element_bytes = ElementSizeBytes(whole.dtype);
  const auto num_elements =
      static_cast<int64_t>(whole.size_bytes / element_bytes);
  if (offset < 0 || count < 0 || offset > num_elements ||
      count > num_elements - offset) {
    return MalformedId("a part of a storage reaches beyond it");
  }
  StorageDescription part = whole;
  part.key = graph.text(parts[0]);
  part.size_bytes = static_cast<uint64_t>(count) * element_bytes;
  return table_->DescribeView(part, root,
                              static_cast<uint64_t>(offset) * element_bytes);
}

absl::StatusOr<NodeId> TorchUnpickler::LoadStorage(NodeId id,
                                                   ObjectGraph* graph) {
  const absl::Span<const NodeId> parts = graph->items(id);
  size_t num_parts = ids_ == PersistentIds::kStream ? 6 : 5;
  if (ids_ == PersistentIds::kProgram && parts.size() == 6 &&
      graph->kind(parts[5]) == ValueKind::kNone) {
    num_parts = 6;
  }
  if (parts.size() != num_parts) {
    return MalformedId(
        absl::StrCat("it has ", parts.size(), " parts, not ", num_parts));
  }
  if (parts[0] != storage_word_ && (graph->kind(parts[0]) != ValueKind::kStr ||
                                    graph->text(parts[0]) != "storage")) {
    return MalformedId("it does not begin with \"storage\"");
  }
  StorageDescription description;
  std::optional<StorageType> type;
  if (graph->is_global(parts[1])) {
    type = known_[graph->global_index(parts[1])].storage_type;
  }
  if (!type) return MalformedId("its type is not a storage class");
  description.dtype = type->dtype;
  description.untyped = type->untyped;
  if (graph->kind(parts[2]) != ValueKind::kStr ||
      graph->kind(parts[3]) != ValueKind::kStr) {
    return MalformedId("its key or its location is not text");
  }
  description.key = graph->text(parts[2]);
  description.location = graph->text(parts[3]);
  if (!graph->is_int64(parts[4]) || graph->int_value(parts[4]) < 0) {
    return MalformedId("its size is not a non-negative integer");
  }
  const auto num_elements = static_cast<uint64_t>(graph->int_value(parts[4]));
  if (__builtin_mul_overflow(num_elements, ElementSizeBytes(type->dtype),
                             &description.size_bytes) ||
      description.size_bytes >
          static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return MalformedId(absl::StrCat("its size of ", num_elements,
                                    " elements takes more than 2^63 bytes"));
  }
  if (storage_word_ == kNoNode) {
    storage_word_ = parts[0];
    notes_ = &pickle::PickleNotes::In(graph);
    notes_->NoteSharedWord("storage", storage_word_);
  }
  FERRY_ASSIGN_OR_RETURN(uint32_t index, table_->Describe(description));
  NodeId key = parts[2];
  if (num_parts == 6 && graph->kind(parts[5]) != ValueKind::kNone) {
    FERRY_ASSIGN_OR_RETURN(index,
                           DescribeView(description, index, parts[5], *graph));
    key = graph->items(parts[5])[0];
  }
  const StorageEntry& entry = table_->entries()[index];
  // PyTorch remembers the first type of each key. C++, which reads programs,
  // goes by the type of each reference.
  if (entry.dtype != type->dtype && ids_ != PersistentIds::kProgram) {
    // PyTorch writes empty ones.
    if (entry.storage.size_bytes() != 0) {
      table_->NoteOtherDType(index, type->dtype);
    }
    type = {entry.dtype, entry.untyped};
  }
  while (nodes_.size() < table_->entries().size()) nodes_.push_back(kNoNode);
  NodeId node = kNoNode;
  if (entry.dtype != type->dtype || entry.untyped != type->untyped) {
    node = graph->AddStorage({entry.storage, type->dtype, type->untyped});
  } else {
    if (nodes_[index] == kNoNode) {
      nodes_[index] =
          graph->AddNewStorage({entry.storage, type->dtype, type->untyped});
    }
    node = nodes_[index];
  }
  notes_->NoteStorage(graph->storage_index(node), key, parts[3]);
  return node;
}

TorchUnpickler::Known TorchUnpickler::Recognise(const GlobalRecord& global) {
  struct Row {
    const char* module;
    const char* name;
    Known known;
  };
  static constexpr Row kRows[] = {
      {"torch._utils", "_rebuild_tensor", Known::kRebuildTensor},
      {"torch._utils", "_rebuild_tensor_v2", Known::kRebuildTensorV2},
      {"torch._utils", "_rebuild_tensor_v3", Known::kRebuildTensorV3},
      {"torch._utils", "_rebuild_parameter", Known::kRebuildParameter},
      {"torch._utils", "_rebuild_parameter_with_state",
       Known::kRebuildParameter},
      {"torch._utils", "_rebuild_meta_tensor_no_storage",
       Known::kRebuildMetaTensor},
      {"torch._utils", "_rebuild_sparse_tensor", Known::kRebuildSparseTensor},
      {"torch._utils", "_rebuild_sparse_csr_tensor",
       Known::kRebuildSparseTensor},
      {"torch._utils", "_rebuild_qtensor", Known::kRebuildQTensor},
      {"torch._tensor", "_rebuild_from_type_v2", Known::kRebuildFromType},
      {"torch._tensor", "_rebuild_from_type", Known::kRebuildFromType},
      // The module's name in 1.7 and 1.8.
      {"torch.tensor", "_rebuild_from_type", Known::kRebuildFromType},
      {"torch", "Size", Known::kSize},
      {"torch", "device", Known::kDevice},
      {"torch.serialization", "_get_layout", Known::kGetLayout},
      {"torch.storage", "_load_from_bytes", Known::kLoadFromBytes},
  };
  for (const Row& row : kRows) {
    if (global.module == row.module && global.name == row.name) {
      return row.known;
    }
  }
  if ((global.module == "torch" || global.module == "torch.cuda") &&
      absl::EndsWith(global.name, "Tensor")) {
    return Known::kTensorClass;
  }
  return Known::kNothing;
}

bool TorchUnpickler::IsRebuilt(const GlobalRecord& global) {
  return Recognise(global) != Known::kNothing ||
         pickle::FindPythonCall(global) != pickle::PythonCall::kNone ||
         (global.module == "torch" && DTypeFromName(global.name).has_value());
}

absl::Status TorchUnpickler::OnGlobal(NodeId global, ObjectGraph* graph) {
  const GlobalRecord& record = graph->global(global);
  known_.resize(graph->globals().size());
  known_[graph->global_index(global)] = {Recognise(record),
                                         StorageTypeFromClass(record.name)};
  if (record.module == "torch") {
    if (const std::optional<DType> dtype = DTypeFromName(record.name)) {
      graph->BecomeDType(global, *dtype);
    }
  }
  return absl::OkStatus();
}

TorchUnpickler::Known TorchUnpickler::known(NodeId node,
                                            const ObjectGraph& graph) const {
  if (!graph.is_global(node)) return Known::kNothing;
  const uint32_t index = graph.global_index(node);
  return index < known_.size() ? known_[index].known : Known::kNothing;
}

absl::StatusOr<Tensor> TorchUnpickler::Rebuild(Known function,
                                               absl::Span<const NodeId> args,
                                               const ObjectGraph& graph) {
  switch (function) {
    case Known::kRebuildTensor:
      FERRY_RETURN_IF_ERROR(NeedArgs(args, 4, 4));
      return RebuildStrided(graph, args, pool());
    case Known::kRebuildTensorV2:
      FERRY_RETURN_IF_ERROR(NeedArgs(args, 6, 7));
      return RebuildStrided(graph, args, pool());
    case Known::kRebuildTensorV3:
      return RebuildStridedWithDType(graph, args, pool());
    case Known::kRebuildParameter:
      return RebuildParameter(graph, args);
    case Known::kRebuildMetaTensor:
      return RebuildMeta(graph, args);
    case Known::kRebuildSparseTensor:
      return RebuildSparse(graph, args);
    case Known::kRebuildQTensor:
      return RebuildQuantized(graph, args, pool());
    case Known::kRebuildFromType: {
      // (function, class, its arguments, attributes)
      FERRY_RETURN_IF_ERROR(NeedArgs(args, 3, 4));
      const Known inner = known(args[0], graph);
      if (inner == Known::kRebuildFromType ||
          graph.kind(args[2]) != ValueKind::kTuple) {
        return Tensor();
      }
      return Rebuild(inner, graph.items(args[2]), graph);
    }
    default:
      return Tensor();
  }
}

absl::StatusOr<NodeId> TorchUnpickler::OnCall(NodeId global, NodeId args,
                                              ObjectGraph* graph) {
  if (!storage_from_bytes_ || known(global, *graph) != Known::kLoadFromBytes ||
      graph->items(args).size() != 1) {
    return kNoNode;
  }
  return storage_from_bytes_(graph->items(args)[0], graph);
}

absl::Status TorchUnpickler::OnObject(NodeId object, ObjectGraph* graph) {
  const ObjectRecord record = graph->object(object);
  if (record.form != ObjectForm::kCall) return absl::OkStatus();
  const Known function = known(record.callable, *graph);
  const absl::Span<const NodeId> args = graph->items(record.args);
  switch (function) {
    case Known::kNothing:
    case Known::kTensorClass:
    case Known::kLoadFromBytes:
      return absl::OkStatus();
    case Known::kSize: {
      if (args.size() != 1 || graph->kind(args[0]) != ValueKind::kTuple) {
        return absl::OkStatus();
      }
      const auto [is_of_ints, is_new] = is_of_ints_.try_emplace(args[0]);
      if (is_new) {
        // Many may share one tuple, and each is compared by all of its sizes.
        // No tensor has more; what is longer stays an object.
        is_of_ints->second =
            graph->items(args[0]).size() <= kMaxRank &&
            absl::c_all_of(graph->items(args[0]), [graph](NodeId item) {
              return graph->is_int64(item);
            });
      }
      if (is_of_ints->second) graph->BecomeSize(object, args[0]);
      return absl::OkStatus();
    }
    case Known::kDevice:
      if (const std::optional<Device> device = DeviceOf(args, *graph)) {
        graph->BecomeDevice(object, *device);
      }
      return absl::OkStatus();
    case Known::kGetLayout:
      if (const std::optional<Layout> layout = LayoutOf(args, *graph)) {
        graph->BecomeLayout(object, *layout);
      }
      return absl::OkStatus();
    default: {
      FERRY_ASSIGN_OR_RETURN(Tensor tensor, Rebuild(function, args, *graph));
      if (!tensor.is_null()) {
        graph->BecomeTensor(object, std::move(tensor),
                            IsParameter(function, args, *graph));
      }
      return absl::OkStatus();
    }
  }
}

// Whether a rebuild function makes a `torch.nn.Parameter`.
bool TorchUnpickler::IsParameter(Known function, absl::Span<const NodeId> args,
                                 const ObjectGraph& graph) {
  if (function != Known::kRebuildFromType) {
    return function == Known::kRebuildParameter;
  }
  // (function, class, its arguments, attributes)
  if (!graph.is_global(args[1])) return false;
  const GlobalRecord& type = graph.global(args[1]);
  return type.module == "torch.nn.parameter" && type.name == "Parameter";
}

// Until 0.1.12 a tensor was an empty one that was given its view as state:
// `torch.FloatTensor()` and (storage, offset, size, stride).
bool TorchUnpickler::IsOldTensor(Known function, const ObjectRecord& record,
                                 const ObjectGraph& graph) {
  if (function != Known::kTensorClass || record.state == kNoNode ||
      graph.kind(record.state) != ValueKind::kTuple) {
    return false;
  }
  const absl::Span<const NodeId> state = graph.items(record.state);
  return state.size() == 4 && graph.kind(state[0]) == ValueKind::kStorage;
}

absl::Status TorchUnpickler::OnState(NodeId object, ObjectGraph* graph) {
  if (graph->kind(object) == ValueKind::kTensor) {
    return absl::UnimplementedError(
        "a complete tensor is given state, with which PyTorch would replace "
        "its view, its requires_grad or its hooks");
  }
  const ObjectRecord record = graph->object(object);
  const Known function = known(record.callable, *graph);
  if (record.form != ObjectForm::kCall || function != Known::kTensorClass) {
    return absl::OkStatus();
  }
  if (graph->kind(record.state) != ValueKind::kTuple ||
      graph->items(record.state).size() != 4) {
    return absl::UnimplementedError(
        "a tensor is given state that is not a tuple of a storage, an offset, "
        "a shape and strides");
  }
  if (!IsOldTensor(function, record, *graph)) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(
      Tensor tensor,
      RebuildStrided(*graph, graph->items(record.state), pool()));
  graph->BecomeTensor(object, std::move(tensor), /*is_parameter=*/false);
  return absl::OkStatus();
}

bool TorchUnpickler::GivesNode(NodeId node, const ObjectGraph& graph) {
  const ObjectRecord record = graph.object(node);
  const Known function = record.form == ObjectForm::kCall
                             ? known(record.callable, graph)
                             : Known::kNothing;
  const absl::Span<const NodeId> args =
      record.args != kNoNode && graph.kind(record.args) == ValueKind::kTuple
          ? graph.items(record.args)
          : absl::Span<const NodeId>();
  switch (graph.kind(node)) {
    case ValueKind::kDevice:
      return function == Known::kDevice &&
             DeviceOf(args, graph) == graph.device(node);
    case ValueKind::kLayout:
      return function == Known::kGetLayout &&
             LayoutOf(args, graph) == graph.layout(node);
    case ValueKind::kTensor:
      if (record.state != kNoNode && record.state_setter == kNoNode &&
          !IsOldTensor(function, record, graph)) {
        return false;
      }
      break;
    default:
      return true;
  }
  // The writer of pickles then goes by the tensor, not by the call.
  if (!graph.has_flags_of_call(node)) return true;
  const Tensor& tensor = graph.tensor(node);
  if (graph.is_parameter(node) !=
      (args.size() > 1 && IsParameter(function, args, graph))) {
    return false;
  }
  if (function == Known::kRebuildTensorV2 &&
      GivesPlainTensor(args, tensor, graph)) {
    return true;
  }
  const absl::StatusOr<Tensor> given =
      IsOldTensor(function, record, graph)
          ? RebuildStrided(graph, graph.items(record.state), pool())
          : Rebuild(function, args, graph);
  return given.ok() && IsSameView(*given, tensor);
}

absl::Status TorchUnpickler::CheckCalls(const ObjectGraph& graph, NodeId root) {
  TorchUnpickler hooks((ObjectOfNumber()));
  hooks.known_.reserve(graph.globals().size());
  for (const GlobalRecord& global : graph.globals()) {
    hooks.known_.push_back({Recognise(global), std::nullopt});
  }
  for (NodeId node = 0; node < graph.size(); ++node) {
    if (!graph.is_object(node) || hooks.GivesNode(node, graph)) continue;
    return AnnotatePath(absl::DataLossError(absl::StrCat(
                            WithArticle(Name(graph.kind(node))),
                            " does not match the call that is stored with it")),
                        graph, root, node);
  }
  return absl::OkStatus();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
