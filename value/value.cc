// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/value.h"

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/value/graph_children.h"
#include "ferry/value/object_path.h"

namespace ferry {
inline namespace v1 {
namespace {

std::shared_ptr<ObjectGraph> NewGraph() {
  return std::make_shared<ObjectGraph>();
}

}  // namespace

Value::Value() : graph_(NewGraph()), node_(ObjectGraph::kNone) {}
Value::Value(bool value) : graph_(NewGraph()), node_(graph_->AddBool(value)) {}
Value::Value(double value)
    : graph_(NewGraph()), node_(graph_->AddFloat(value)) {}
Value::Value(std::complex<double> value)
    : graph_(NewGraph()),
      node_(graph_->AddComplex(value.real(), value.imag())) {}
Value::Value(absl::string_view text)
    : graph_(NewGraph()), node_(graph_->AddStr(text)) {}
Value::Value(const char* text) : Value(absl::string_view(text)) {}
Value::Value(const std::string& text) : Value(absl::string_view(text)) {}
Value::Value(const Tensor& tensor)
    : graph_(NewGraph()), node_(graph_->AddTensor(tensor)) {}

Value Value::FromSigned(int64_t value) {
  auto graph = NewGraph();
  const NodeId node = graph->AddInt(value);
  return Value(std::move(graph), node);
}

Value Value::FromUnsigned(uint64_t value) {
  // Two's complement, with room for the sign.
  char bytes[9] = {};
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
  }
  auto graph = NewGraph();
  const NodeId node = graph->AddBigInt({bytes, sizeof(bytes)});
  return Value(std::move(graph), node);
}

Value Value::Parameter(const Tensor& tensor) {
  auto graph = NewGraph();
  const NodeId node = graph->AddParameter(tensor);
  return Value(std::move(graph), node);
}

Value Value::Bytes(absl::string_view bytes) {
  auto graph = NewGraph();
  const NodeId node = graph->AddBytes(bytes);
  return Value(std::move(graph), node);
}

Value Value::ByteArray(absl::string_view bytes) {
  auto graph = NewGraph();
  const NodeId node = graph->AddByteArray(bytes);
  return Value(std::move(graph), node);
}

Value Value::List(absl::Span<const Value> items) {
  auto graph = NewGraph();
  Value list(graph, graph->AddList());
  for (const Value& item : items) {
    const NodeId copy = list.Import(item);
    graph->AppendItems(list.node_, {&copy, 1});
  }
  return list;
}

Value Value::Tuple(absl::Span<const Value> items) {
  const Value owner;
  std::vector<NodeId> copies;
  copies.reserve(items.size());
  for (const Value& item : items) copies.push_back(owner.Import(item));
  return owner.Wrap(owner.graph_->AddTuple(copies));
}

Value Value::Dict() {
  auto graph = NewGraph();
  const NodeId node = graph->AddDict();
  return Value(std::move(graph), node);
}

Value Value::OrderedDict() {
  auto graph = NewGraph();
  const NodeId node = graph->AddObject(
      ObjectForm::kCall, graph->AddGlobal("collections", "OrderedDict"),
      ObjectGraph::kEmptyTuple);
  graph->BecomeDict(node);
  return Value(std::move(graph), node);
}

Value Value::MakeObject(ObjectForm form, absl::string_view global,
                        absl::Span<const Value> arguments) {
  const size_t dot = global.rfind('.');
  const absl::string_view module =
      dot == absl::string_view::npos ? "builtins" : global.substr(0, dot);
  const absl::string_view name =
      dot == absl::string_view::npos ? global : global.substr(dot + 1);
  const Value args = Tuple(arguments);
  const std::shared_ptr<ObjectGraph>& graph = args.graph_;
  return args.Wrap(
      graph->AddObject(form, graph->AddGlobal(module, name), args.node_));
}

Value Value::Object(absl::string_view global,
                    absl::Span<const Value> arguments) {
  return MakeObject(ObjectForm::kNew, global, arguments);
}

Value Value::Call(absl::string_view global, absl::Span<const Value> arguments) {
  return MakeObject(ObjectForm::kCall, global, arguments);
}

Value Value::FromDType(DType dtype) {
  auto graph = NewGraph();
  const NodeId node = graph->AddDType(dtype);
  return Value(std::move(graph), node);
}

Value Value::FromDevice(const Device& device) {
  auto graph = NewGraph();
  const NodeId node = graph->AddDevice(device);
  return Value(std::move(graph), node);
}

Value Value::Size(absl::Span<const int64_t> sizes) {
  auto graph = NewGraph();
  const NodeId node = graph->AddSize(sizes);
  return Value(std::move(graph), node);
}

absl::Status Value::WrongKind(absl::string_view wanted) const {
  return absl::InvalidArgumentError(
      absl::StrCat("the value is ", WithArticle(Name(kind())), ", not ",
                   WithArticle(wanted)));
}

absl::StatusOr<bool> Value::AsBool() const {
  if (kind() != ValueKind::kBool) return WrongKind("bool");
  return graph_->int_value(node_) != 0;
}

absl::StatusOr<int64_t> Value::AsInt() const {
  if (kind() != ValueKind::kInt) return WrongKind("int");
  if (graph_->is_big_int(node_)) {
    return absl::OutOfRangeError("the integer does not fit in 64 bits");
  }
  return graph_->int_value(node_);
}

absl::StatusOr<double> Value::AsFloat() const {
  if (kind() == ValueKind::kFloat) return graph_->float_value(node_);
  if (kind() != ValueKind::kInt) return WrongKind("float");
  FERRY_ASSIGN_OR_RETURN(const int64_t value, AsInt());
  return static_cast<double>(value);
}

absl::StatusOr<std::complex<double>> Value::AsComplex() const {
  if (kind() != ValueKind::kComplex) return WrongKind("complex");
  return graph_->complex_value(node_);
}

absl::StatusOr<absl::string_view> Value::AsStr() const {
  if (kind() != ValueKind::kStr) return WrongKind("str");
  return graph_->text(node_);
}

absl::StatusOr<absl::string_view> Value::AsBytes() const {
  if (kind() != ValueKind::kBytes && kind() != ValueKind::kByteArray) {
    return WrongKind("bytes");
  }
  return graph_->text(node_);
}

absl::StatusOr<Tensor> Value::AsTensor() const {
  if (kind() != ValueKind::kTensor) return WrongKind("tensor");
  return graph_->tensor(node_);
}

absl::StatusOr<Storage> Value::AsStorage() const {
  if (kind() != ValueKind::kStorage) return WrongKind("storage");
  return graph_->storage(node_).storage;
}

absl::StatusOr<DType> Value::AsDType() const {
  if (kind() != ValueKind::kDType) return WrongKind("dtype");
  return graph_->dtype(node_);
}

absl::StatusOr<Device> Value::AsDevice() const {
  if (kind() != ValueKind::kDevice) return WrongKind("device");
  return graph_->device(node_);
}

absl::StatusOr<std::vector<int64_t>> Value::AsSize() const {
  if (kind() != ValueKind::kSize) return WrongKind("size");
  std::vector<int64_t> sizes;
  for (NodeId item : graph_->size_items(node_)) {
    sizes.push_back(graph_->int_value(item));
  }
  return sizes;
}

absl::StatusOr<Layout> Value::AsLayout() const {
  if (kind() != ValueKind::kLayout) return WrongKind("layout");
  return graph_->layout(node_);
}

bool Value::is_parameter() const {
  return is_tensor() && graph_->is_parameter(node_);
}

size_t Value::size() const {
  if (kind() == ValueKind::kSize) return graph_->size_items(node_).size();
  return graph_->items(node_).size() + graph_->entries(node_).size() / 2;
}

absl::StatusOr<Value> Value::Item(size_t index) const {
  const absl::Span<const NodeId> items = kind() == ValueKind::kSize
                                             ? graph_->size_items(node_)
                                             : graph_->items(node_);
  if (index >= items.size()) {
    return absl::OutOfRangeError(absl::StrCat("there is no item ", index,
                                              ": the ", Name(kind()), " has ",
                                              items.size()));
  }
  return Wrap(items[index]);
}

absl::StatusOr<std::pair<Value, Value>> Value::Entry(size_t index) const {
  const absl::Span<const NodeId> entries = graph_->entries(node_);
  if (index >= entries.size() / 2) {
    return absl::OutOfRangeError(absl::StrCat("there is no entry ", index,
                                              ": the ", Name(kind()), " has ",
                                              entries.size() / 2));
  }
  return std::make_pair(Wrap(entries[2 * index]), Wrap(entries[2 * index + 1]));
}

absl::StatusOr<Value> Value::Get(absl::string_view key) const {
  if (!is_dict()) return WrongKind("dict");
  const NodeId value = graph_->FindStr(node_, key);
  if (value == kNoNode) {
    return absl::NotFoundError(
        absl::StrCat("the dict has no key ", QuoteForMessage(key), "; ",
                     DescribeNames(*graph_, node_, key)));
  }
  return Wrap(value);
}

bool Value::Contains(absl::string_view key) const {
  return is_dict() && graph_->FindStr(node_, key) != kNoNode;
}

absl::StatusOr<Value> Value::At(absl::string_view pointer) const {
  FERRY_ASSIGN_OR_RETURN(const NodeId node,
                         ResolvePointer(*graph_, node_, pointer));
  return Wrap(node);
}

absl::StatusOr<Value> Value::Attribute(absl::string_view name) const {
  const NodeId value = FindAttribute(*graph_, node_, name);
  if (value == kNoNode) {
    return absl::NotFoundError(absl::StrCat(
        "the ", Name(kind()), " has no attribute ", QuoteForMessage(name), "; ",
        DescribeNames(*graph_, node_, name)));
  }
  return Wrap(value);
}

std::string Value::GlobalName() const {
  NodeId global = node_;
  if (graph_->is_object(node_)) global = graph_->object(node_).callable;
  if (!graph_->is_global(global)) return "";
  return absl::StrCat(graph_->global(global).module, ".",
                      graph_->global(global).name);
}

absl::StatusOr<Value> Value::Arguments() const {
  if (!graph_->is_object(node_)) return WrongKind("object made by a call");
  return Wrap(graph_->object(node_).args);
}

NodeId Value::Import(const Value& value) const {
  if (value.graph_ == graph_) return value.node_;
  return graph_->Import(*value.graph_, value.node_);
}

absl::Status Value::Append(const Value& item) const {
  if (kind() != ValueKind::kList) return WrongKind("list");
  const NodeId copy = Import(item);
  graph_->AppendItems(node_, {&copy, 1});
  return absl::OkStatus();
}

absl::Status Value::Set(absl::string_view key, const Value& value) const {
  if (!is_dict()) return WrongKind("dict");
  graph_->SetEntry(node_, key, Import(value));
  return absl::OkStatus();
}

absl::Status Value::Set(const Value& key, const Value& value) const {
  if (!is_dict()) return WrongKind("dict");
  return graph_->SetEntry(node_, *key.graph_, key.node_, Import(value));
}

absl::Status Value::SetAttribute(absl::string_view name,
                                 const Value& value) const {
  if (!graph_->is_object(node_) ||
      (!is_dict() && kind() != ValueKind::kObject)) {
    return WrongKind("object or OrderedDict");
  }
  if (graph_->object(node_).state == kNoNode) {
    graph_->SetState(node_, graph_->AddDict());
  }
  return Wrap(graph_->object(node_).state).Set(name, value);
}

}  // namespace v1
}  // namespace ferry
