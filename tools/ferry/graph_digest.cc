// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/graph_digest.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/status_macros.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Changed with the form of what is hashed, so that digests of two versions are
// never equal by accident.
constexpr absl::string_view kForm = "ferry graph 1";

// Hashed together.
constexpr size_t kPendingBytes = size_t{64} << 10;

uint64_t BitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

absl::string_view FormName(ObjectForm form) {
  switch (form) {
    case ObjectForm::kCall:
      return "call";
    case ObjectForm::kNew:
      return "new";
    case ObjectForm::kNewEx:
      return "new_ex";
    case ObjectForm::kInstance:
      break;
  }
  return "instance";
}

// Whether Python keeps no identity of such a node: it has one object per value,
// or a pickle copies it wherever it is used.
bool IsByValue(ValueKind kind) {
  switch (kind) {
    case ValueKind::kNone:
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kFloat:
    case ValueKind::kDType:
    case ValueKind::kLayout:
      return true;
    default:
      return false;
  }
}

// Orders the items of sets: numbers and texts, then tuples by their items, then
// the rest, which stays in the order of the file. Looks at a bounded part of
// each, so a comparison takes bounded time; items that it does not tell apart
// keep their order, too.
class ItemOrder {
 public:
  explicit ItemOrder(const ObjectGraph& graph) : graph_(graph) {}

  bool operator()(NodeId a, NodeId b) const {
    const int order = ComparePlain(a, b);
    if (order != 0 || graph_.kind(a) != ValueKind::kTuple) return order < 0;
    const absl::Span<const NodeId> in_a = graph_.items(a);
    const absl::Span<const NodeId> in_b = graph_.items(b);
    if (in_a.size() != in_b.size()) return in_a.size() < in_b.size();
    for (size_t i = 0; i < std::min(in_a.size(), kMaxItems); ++i) {
      const int order_of_items = ComparePlain(in_a[i], in_b[i]);
      if (order_of_items != 0) return order_of_items < 0;
    }
    return false;
  }

 private:
  static constexpr size_t kMaxItems = 8;
  static constexpr size_t kMaxBytes = 256;

  template <typename T>
  static int Compare(T a, T b) {
    return a < b ? -1 : b < a ? 1 : 0;
  }

  // Below, above or 0, without the parts of either.
  int ComparePlain(NodeId a, NodeId b) const {
    if (a == b) return 0;
    const ValueKind kind = graph_.kind(a);
    if (kind != graph_.kind(b)) return Compare(kind, graph_.kind(b));
    switch (kind) {
      case ValueKind::kBool:
        return Compare(graph_.int_value(a), graph_.int_value(b));
      case ValueKind::kInt:
        if (graph_.is_big_int(a) != graph_.is_big_int(b)) {
          return Compare(graph_.is_big_int(a), graph_.is_big_int(b));
        }
        if (graph_.is_big_int(a)) return CompareText(a, b);
        return Compare(graph_.int_value(a), graph_.int_value(b));
      case ValueKind::kFloat:
        return Compare(BitsOf(graph_.float_value(a)),
                       BitsOf(graph_.float_value(b)));
      case ValueKind::kStr:
      case ValueKind::kBytes:
        return CompareText(a, b);
      default:
        return 0;
    }
  }

  int CompareText(NodeId a, NodeId b) const {
    const absl::string_view text_a = graph_.text(a);
    const absl::string_view text_b = graph_.text(b);
    const int order =
        text_a.substr(0, kMaxBytes).compare(text_b.substr(0, kMaxBytes));
    return order != 0 ? order : Compare(text_a.size(), text_b.size());
  }

  const ObjectGraph& graph_;
};

}  // namespace

std::vector<NodeId> OrderedItems(const ObjectGraph& graph, NodeId set) {
  const absl::Span<const NodeId> items = graph.items(set);
  std::vector<NodeId> ordered(items.begin(), items.end());
  std::stable_sort(ordered.begin(), ordered.end(), ItemOrder(graph));
  return ordered;
}

GraphDigest::GraphDigest(const ObjectGraph& graph, NodeId root, Budget* budget)
    : graph_(graph), budget_(*budget), numbers_(graph.size(), kUnseen) {
  AddText(kForm);
  AddReference(root);
  // Grows as it is walked.
  for (size_t i = 0; i < order_.size() && status_.ok(); ++i) {
    AddNode(order_[i]);
  }
}

void GraphDigest::AddNumber(uint64_t number) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  pending_.append(bytes, sizeof(bytes));
}

void GraphDigest::AddText(absl::string_view text) {
  AddNumber(text.size());
  if (pending_.size() + text.size() > kPendingBytes) {
    hash_.Update(pending_);
    pending_.clear();
  }
  if (text.size() > kPendingBytes) {
    hash_.Update(text);
  } else {
    pending_.append(text.data(), text.size());
  }
}

void GraphDigest::AddSharedText(absl::string_view text) {
  if (status_.ok()) status_ = budget_.ChargeSteps(text.size());
  if (status_.ok()) AddText(text);
}

void GraphDigest::AddNumbers(absl::Span<const int64_t> numbers) {
  AddNumber(numbers.size());
  for (int64_t number : numbers) AddNumber(static_cast<uint64_t>(number));
}

void GraphDigest::AddReference(NodeId node) {
  if (node == kNoNode) return AddText("nothing");
  const ValueKind kind = graph_.kind(node);
  if (!IsByValue(kind)) {
    uint32_t& number = numbers_[node];
    if (number == kUnseen) {
      number = static_cast<uint32_t>(order_.size());
      order_.push_back(node);
    }
    AddText("node");
    return AddNumber(number);
  }
  AddText(Name(kind));
  switch (kind) {
    case ValueKind::kBool:
      return AddNumber(static_cast<uint64_t>(graph_.int_value(node)));
    case ValueKind::kInt:
      AddNumber(graph_.is_big_int(node));
      if (graph_.is_big_int(node)) return AddSharedText(graph_.text(node));
      return AddNumber(static_cast<uint64_t>(graph_.int_value(node)));
    case ValueKind::kFloat:
      return AddNumber(BitsOf(graph_.float_value(node)));
    case ValueKind::kDType:
      return AddText(Name(graph_.dtype(node)));
    case ValueKind::kLayout:
      return AddText(Name(graph_.layout(node)));
    default:
      return;
  }
}

void GraphDigest::AddReferences(absl::Span<const NodeId> nodes) {
  AddNumber(nodes.size());
  for (NodeId node : nodes) AddReference(node);
}

void GraphDigest::AddTensorArguments(absl::Span<const NodeId> args,
                                     bool is_nested) {
  AddNumber(args.size());
  for (NodeId arg : args) {
    if (graph_.kind(arg) == ValueKind::kStorage) {
      AddStorage(graph_.storage(arg).storage);
    } else if (!is_nested && graph_.kind(arg) == ValueKind::kTuple &&
               !graph_.items(arg).empty() &&
               graph_.kind(graph_.items(arg)[0]) == ValueKind::kStorage) {
      // _rebuild_from_type_v2(function, class, arguments, state)
      AddTensorArguments(graph_.items(arg), /*is_nested=*/true);
    } else {
      AddReference(arg);
    }
  }
}

void GraphDigest::AddCall(NodeId object) {
  const ObjectRecord record = graph_.object(object);
  AddText(FormName(record.form));
  if (graph_.kind(object) == ValueKind::kTensor) {
    AddTensorArguments(graph_.items(record.args), /*is_nested=*/false);
  } else {
    AddReference(record.args);
  }
  for (NodeId part : {record.callable, record.kwargs, record.state,
                      record.state_setter, record.dropped}) {
    AddReference(part);
  }
  AddReferences(graph_.items(object));
  AddReferences(graph_.entries(object));
}

void GraphDigest::AddStorage(const Storage& storage) {
  if (storage.is_null()) return AddText("nothing");
  const auto [found, is_new] = storage_numbers_.try_emplace(
      storage, static_cast<uint32_t>(storages_.size()));
  AddText("storage");
  AddNumber(found->second);
  if (!is_new) return;
  storages_.push_back(storage);
  AddNumber(storage.size_bytes());
  AddSharedText(LocationOf(storage));
}

void GraphDigest::AddTensor(const Tensor& tensor) {
  AddText(Name(tensor.dtype()));
  AddText(Name(tensor.layout()));
  AddNumbers(tensor.shape());
  AddNumbers(tensor.strides());
  AddNumber(static_cast<uint64_t>(tensor.storage_offset()));
  AddNumber((tensor.requires_grad() ? 1 : 0) | (tensor.is_conj() ? 2 : 0) |
            (tensor.is_neg() ? 4 : 0));
  AddStorage(tensor.storage());
}

void GraphDigest::AddNode(NodeId node) {
  const ValueKind kind = graph_.kind(node);
  AddText(Name(kind));
  switch (kind) {
    case ValueKind::kDevice:
      return AddText(graph_.device(node).ToString());
    case ValueKind::kSize:
      return AddReferences(graph_.size_items(node));
    case ValueKind::kComplex:
      AddNumber(BitsOf(graph_.complex_value(node).real()));
      return AddNumber(BitsOf(graph_.complex_value(node).imag()));
    case ValueKind::kStr:
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
      return AddText(graph_.text(node));
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
      return AddReferences(OrderedItems(graph_, node));
    case ValueKind::kStorage: {
      const StorageRecord& record = graph_.storage(node);
      AddText(record.untyped ? "bytes" : Name(record.dtype));
      return AddStorage(record.storage);
    }
    case ValueKind::kGlobal:
      AddText(graph_.global(node).module);
      return AddText(graph_.global(node).name);
    case ValueKind::kTensor: {
      const Tensor& tensor = graph_.tensor(node);
      AddNumber(graph_.is_parameter(node));
      AddTensor(tensor);
      AddNumber(tensor.components().size());
      // Components have none of their own.
      for (const Tensor& part : tensor.components()) AddTensor(part);
      break;
    }
    default:
      break;
  }
  if (graph_.is_object(node)) return AddCall(node);
  AddReferences(graph_.items(node));
  AddReferences(graph_.entries(node));
}

absl::StatusOr<std::string> GraphDigest::Finish(
    absl::Span<const std::string> contents) {
  FERRY_RETURN_IF_ERROR(status_);
  for (const std::string& of_storage : contents) AddText(of_storage);
  hash_.Update(pending_);
  return hash_.Finish();
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
