// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/describe.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"
#include "ferry/core/text.h"
#include "ferry/serialization/numpy_array.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Of a text, or of another value.
constexpr size_t kMaxTextBytes = 60;

std::string Brief(absl::string_view text) {
  return EscapeForTerminal(Shorten(text, kMaxTextBytes));
}

// The name of a global, cut before it is copied: many objects may share a name
// of a megabyte.
std::string BriefGlobal(const GlobalRecord& global) {
  return Brief(absl::StrCat(global.module.substr(0, kMaxTextBytes + 1), ".",
                            global.name.substr(0, kMaxTextBytes + 1)));
}

// Likewise of what made an object; empty if that is no global.
std::string BriefMaker(const ObjectGraph& graph, NodeId object) {
  const NodeId callable = graph.object(object).callable;
  return callable != kNoNode && graph.is_global(callable)
             ? BriefGlobal(graph.global(callable))
             : "";
}

std::string Entries(size_t count) {
  return absl::StrCat(count, count == 1 ? " entry" : " entries");
}

std::string DescribeStorage(const StorageRecord& record) {
  return absl::StrCat(
      "storage of ",
      record.untyped ? absl::string_view("bytes") : Name(record.dtype), ", ",
      HumanBytes(record.storage.size_bytes()), ", ",
      Brief(record.storage.recorded_location()));
}

std::string DescribeSize(const ObjectGraph& graph, NodeId node) {
  constexpr size_t kMaxSizes = 8;
  std::string text = "torch.Size([";
  size_t count = 0;
  for (NodeId item : graph.size_items(node)) {
    if (count == kMaxSizes) {
      absl::StrAppend(&text, ", ...");
      break;
    }
    absl::StrAppend(&text, count++ == 0 ? "" : ", ", graph.int_value(item));
  }
  return absl::StrCat(text, "])");
}

// What C++ wraps in `torch.jit._pickle.restore_type_tag(value, "its type")`;
// else the node itself.
NodeId WithoutTypeTag(const ObjectGraph& graph, NodeId node) {
  if (MakerName(graph, node) != "torch.jit._pickle.restore_type_tag") {
    return node;
  }
  const absl::Span<const NodeId> args = graph.items(graph.object(node).args);
  return args.empty() ? node : args[0];
}

absl::Span<const absl::string_view> ComponentNames(Layout layout) {
  static constexpr absl::string_view kCoo[] = {"indices", "values"};
  static constexpr absl::string_view kRows[] = {"crow_indices", "col_indices",
                                                "values"};
  static constexpr absl::string_view kColumns[] = {"ccol_indices",
                                                   "row_indices", "values"};
  switch (layout) {
    case Layout::kSparseCoo:
      return kCoo;
    case Layout::kSparseCsr:
    case Layout::kSparseBsr:
      return kRows;
    case Layout::kSparseCsc:
    case Layout::kSparseBsc:
      return kColumns;
    default:
      return {};
  }
}

}  // namespace

std::string GlobalName(const GlobalRecord& global) {
  return absl::StrCat(global.module, ".", global.name);
}

std::string MakerName(const ObjectGraph& graph, NodeId node) {
  if (!graph.is_object(node)) return "";
  const NodeId callable = graph.object(node).callable;
  if (callable == kNoNode || !graph.is_global(callable)) return "";
  return GlobalName(graph.global(callable));
}

std::string DescribeContainer(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kDict: {
      std::string name = "dict";
      if (graph.is_object(node)) {
        name = BriefMaker(graph, node);
        if (name == "collections.OrderedDict") name = "OrderedDict";
      }
      return absl::StrCat(name, ", ", Entries(graph.entries(node).size() / 2));
    }
    case ValueKind::kList:
    case ValueKind::kTuple:
      return absl::StrCat(Name(graph.kind(node)), ", ",
                          Count(graph.items(node).size(), "item"));
    default: {
      const std::string maker = BriefMaker(graph, node);
      if (maker.empty()) return "object";
      std::string text = absl::StrCat("object of ", maker);
      const absl::StatusOr<NumpyArray> array = ReadNumpyArray(graph, node);
      if (array.ok()) {
        absl::StrAppend(&text, ", ", Name(array->dtype), " ",
                        ShapeToString(array->shape));
      }
      return text;
    }
  }
}

std::string DescribeLeaf(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kStr:
      return absl::StrCat("\"", Brief(graph.text(node)), "\"");
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
      return absl::StrCat(Name(graph.kind(node)), ", ",
                          HumanBytes(graph.text(node).size()));
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
      return absl::StrCat(Name(graph.kind(node)), ", ",
                          Count(graph.items(node).size(), "item"));
    case ValueKind::kStorage:
      return DescribeStorage(graph.storage(node));
    case ValueKind::kSize:
      return DescribeSize(graph, node);
    case ValueKind::kLayout:
      return absl::StrCat("torch.", Name(graph.layout(node)));
    case ValueKind::kGlobal:
      return BriefGlobal(graph.global(node));
    default:
      return Brief(KeyText(graph, node));
  }
}

std::string LocationOf(const Storage& storage) {
  if (storage.is_null()) return "";
  return storage.recorded_location().empty() ? storage.device().ToString()
                                             : storage.recorded_location();
}

std::string LocationOf(const Tensor& tensor) {
  // Components are strided, so this is one step.
  return LocationOf(tensor.components().empty()
                        ? tensor.storage()
                        : tensor.components().back().storage());
}

bool IsCode(const RecordInfo& record) {
  return absl::StartsWith(record.name, "code/");
}
bool IsExtraFile(const RecordInfo& record) {
  return absl::StartsWith(record.name, "extra/");
}

std::optional<Quantizer> QuantizerOf(const ObjectGraph& graph, NodeId tensor) {
  if (Category(graph.tensor(tensor).dtype()) != DTypeCategory::kQuantized) {
    return std::nullopt;
  }
  // A parameter, or a tensor with state, is made from a tensor that a quantiser
  // made.
  constexpr int kMaxSteps = 4;
  for (int i = 0; i < kMaxSteps && graph.is_object(tensor); ++i) {
    std::string maker = MakerName(graph, tensor);
    absl::Span<const NodeId> args = graph.items(graph.object(tensor).args);
    // _rebuild_from_type_v2(function, class, arguments, state)
    if (absl::StrContains(maker, "._rebuild_from_type") && args.size() > 2 &&
        graph.is_global(args[0])) {
      maker = GlobalName(graph.global(args[0]));
      args = graph.items(args[2]);
    }
    if (maker == "torch._utils._rebuild_qtensor" && args.size() > 4) {
      const absl::Span<const NodeId> parts =
          graph.items(WithoutTypeTag(graph, args[4]));
      if (parts.size() < 3 || !graph.is_global(parts[0])) return std::nullopt;
      Quantizer quantizer;
      quantizer.scheme = std::string(graph.global(parts[0]).name);
      quantizer.scale = WithoutTypeTag(graph, parts[1]);
      quantizer.zero_point = WithoutTypeTag(graph, parts[2]);
      if (parts.size() > 3) quantizer.axis = WithoutTypeTag(graph, parts[3]);
      return quantizer;
    }
    const auto inner = std::find_if(
        args.begin(), args.end(),
        [&graph](NodeId arg) { return graph.kind(arg) == ValueKind::kTensor; });
    if (inner == args.end()) return std::nullopt;
    tensor = *inner;
  }
  return std::nullopt;
}

std::vector<TensorPart> PartsOf(const ObjectGraph& graph, NodeId tensor) {
  std::vector<TensorPart> parts;
  const absl::Span<const Tensor> components = graph.tensor(tensor).components();
  const absl::Span<const absl::string_view> names =
      ComponentNames(graph.tensor(tensor).layout());
  parts.reserve(components.size());
  for (size_t i = 0; i < components.size(); ++i) {
    parts.push_back({i < names.size() ? names[i] : "component", components[i]});
  }
  if (const auto quantizer = QuantizerOf(graph, tensor)) {
    for (const auto& [name, node] :
         {std::make_pair("scales", quantizer->scale),
          std::make_pair("zero_points", quantizer->zero_point)}) {
      if (graph.kind(node) == ValueKind::kTensor) {
        parts.push_back({name, graph.tensor(node)});
      }
    }
  }
  return parts;
}

uint64_t ElementBytesOf(const Tensor& tensor) {
  if (tensor.components().empty()) return RowMajorSizeBytes(tensor);
  uint64_t bytes = 0;
  for (const Tensor& component : tensor.components()) {
    if (__builtin_add_overflow(bytes, ElementBytesOf(component), &bytes)) {
      return std::numeric_limits<uint64_t>::max();
    }
  }
  return bytes;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
