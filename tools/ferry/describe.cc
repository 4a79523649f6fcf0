// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/describe.h"

#include <cstddef>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/object_path.h"
#include "ferry/core/shape.h"
#include "ferry/core/storage.h"
#include "ferry/core/text.h"
#include "ferry/core/value_kind.h"
#include "ferry/serialization/numpy_array.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
namespace {

// Of a text, or of another value.
constexpr size_t kMaxTextBytes = 60;

std::string Brief(absl::string_view text) {
  return EscapeForTerminal(Shorten(text, kMaxTextBytes));
}

// "module.name" of what made an object; empty if that is not a global.
std::string MakerName(const ObjectGraph& graph, NodeId node) {
  const NodeId callable = graph.object(node).callable;
  if (callable == kNoNode || !graph.is_global(callable)) return "";
  const GlobalRecord& global = graph.global(callable);
  return absl::StrCat(global.module, ".", global.name);
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

}  // namespace

std::string DescribeContainer(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kDict: {
      std::string name = "dict";
      if (graph.is_object(node)) {
        const std::string maker = MakerName(graph, node);
        name =
            maker == "collections.OrderedDict" ? "OrderedDict" : Brief(maker);
      }
      return absl::StrCat(name, ", ", Entries(graph.entries(node).size() / 2));
    }
    case ValueKind::kList:
    case ValueKind::kTuple:
      return absl::StrCat(Name(graph.kind(node)), ", ",
                          Count(graph.items(node).size(), "item"));
    default: {
      const std::string maker = MakerName(graph, node);
      if (maker.empty()) return "object";
      std::string text = absl::StrCat("object of ", Brief(maker));
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
    default:
      return Brief(KeyText(graph, node));
  }
}

std::string LocationOf(const Tensor& tensor) {
  // Components are strided, so this is one step.
  const Tensor& part =
      tensor.components().empty() ? tensor : tensor.components().back();
  const Storage& storage = part.storage();
  if (storage.is_null()) return "";
  return storage.recorded_location().empty() ? storage.device().ToString()
                                             : storage.recorded_location();
}

uint64_t ElementBytesOf(const Tensor& tensor) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  uint64_t bytes = 0;
  if (tensor.components().empty()) {
    const uint64_t per_unit = ElementsPerUnit(tensor.dtype());
    const auto elements = static_cast<uint64_t>(tensor.num_elements());
    const uint64_t units = elements / per_unit + (elements % per_unit != 0);
    return __builtin_mul_overflow(units, ElementSizeBytes(tensor.dtype()),
                                  &bytes)
               ? kMost
               : bytes;
  }
  for (const Tensor& component : tensor.components()) {
    if (__builtin_add_overflow(bytes, ElementBytesOf(component), &bytes)) {
      return kMost;
    }
  }
  return bytes;
}

}  // namespace ferry
