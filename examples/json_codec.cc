// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// A codec that a program defines: it writes the object graph of a checkpoint as
// JSON instead of as a pickle. The program registers the codec, saves a
// checkpoint with it, loads the file, and compares.
//
// A graph may have cycles, and one object may be in several places, so the
// graph is a flat table of nodes that refer to each other by index:
//
//   {"root": 0,
//    "storages": [{"location": "cpu", "dtype": "float32", "size_bytes": 24}],
//    "nodes": [{"dict": [1, 2]}, "weight",
//              {"tensor": {"storage": 0, "dtype": "float32", "offset": 0,
//                          "shape": [2, 3], "strides": [3, 1],
//                          "requires_grad": false, "parameter": false}}]}
//
// The table holds None, bools, 64-bit integers, finite floats and text
// directly; lists, tuples and dicts (key, value, key, value, ...) hold indexes.
// A tuple comes after all of its items, because it cannot be changed once it is
// made; lists and dicts may refer to any node. The codec refuses to write
// anything else (kUnimplemented), so nothing is lost silently.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/runtime/runtime.h"
#include "nlohmann/json.hpp"

namespace {

using ferry::NodeId;
using ferry::ObjectGraph;
using ferry::StorageTable;
using ferry::Tensor;
using ferry::Value;
using ferry::ValueKind;
using Json = nlohmann::ordered_json;

class JsonCodec final : public ferry::Codec {
 public:
  absl::string_view name() const override { return "json"; }
  absl::string_view suffix() const override { return "json"; }
  absl::StatusOr<GraphRead> Read(absl::string_view bytes, ferry::Budget* budget,
                                 StorageTable* storages,
                                 ObjectGraph* graph) const override;
  absl::StatusOr<ferry::LargeString> Write(
      const ObjectGraph& graph, NodeId root,
      StorageTable* storages) const override;
};

// --- Writing -----------------------------------------------------------------

absl::Status CannotKeep(absl::string_view what) {
  return absl::UnimplementedError(
      absl::StrCat("the codec \"json\" cannot keep ", what));
}

absl::Span<const NodeId> Children(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kList:
    case ValueKind::kTuple:
      return graph.items(node);
    case ValueKind::kDict:
      return graph.entries(node);
    default:
      return {};
  }
}

// Returns the nodes reachable from `root` in table order, and the index of
// each. Does not recurse, because graphs may be deep.
struct Table {
  Table(const ObjectGraph& graph, NodeId root) {
    std::vector<NodeId> found = {root};
    absl::flat_hash_set<NodeId> seen = {root};
    for (size_t i = 0; i < found.size(); ++i) {
      for (const NodeId child : Children(graph, found[i])) {
        if (seen.insert(child).second) found.push_back(child);
      }
    }
    for (const NodeId node : found) {
      if (graph.kind(node) != ValueKind::kTuple) Append(node);
    }
    // Only tuples are left: each goes after the tuples that it contains.
    std::vector<NodeId> stack;
    for (const NodeId node : found) {
      stack.push_back(node);
      while (!stack.empty()) {
        const NodeId top = stack.back();
        const size_t depth = stack.size();
        if (!indexes.contains(top)) {
          for (const NodeId item : graph.items(top)) {
            if (!indexes.contains(item)) stack.push_back(item);
          }
          if (stack.size() == depth) Append(top);
        }
        if (stack.size() == depth) stack.pop_back();
      }
    }
  }

  void Append(NodeId node) {
    indexes.emplace(node, nodes.size());
    nodes.push_back(node);
  }

  std::vector<NodeId> nodes;
  absl::flat_hash_map<NodeId, size_t> indexes;
};

// Returns whether the table can represent the node completely. A node that was
// made by a call may be more than its kind says: an OrderedDict, for instance.
// Pickles also make tensors by calls; those are plain if they have no hooks and
// no metadata.
bool IsPlain(const ObjectGraph& graph, NodeId node) {
  if (!graph.is_object(node)) return true;
  const ferry::ObjectRecord object = graph.object(node);
  if (graph.kind(node) != ValueKind::kTensor ||
      object.state != ferry::kNoNode || !graph.is_global(object.callable)) {
    return false;
  }
  const absl::string_view callable = graph.global(object.callable).name;
  const absl::Span<const NodeId> args = graph.items(object.args);
  const auto has_entries = [&graph](NodeId hooks) {
    return graph.kind(hooks) == ValueKind::kDict &&
           !graph.entries(hooks).empty();
  };
  // (storage, offset, shape, strides, requires_grad, hooks[, metadata])
  if (callable == "_rebuild_tensor_v2") {
    return args.size() == 6 && !has_entries(args[5]);
  }
  // (tensor, requires_grad, hooks)
  return callable == "_rebuild_parameter" && args.size() == 3 &&
         IsPlain(graph, args[0]) && !has_entries(args[2]);
}

absl::StatusOr<Json> WriteTensor(const Tensor& tensor, bool is_parameter,
                                 StorageTable* storages) {
  if (tensor.storage().is_null() || !tensor.components().empty()) {
    return CannotKeep("a tensor that is not strided");
  }
  if (tensor.is_conj() || tensor.is_neg()) {
    return CannotKeep("a tensor with the conj or neg bit");
  }
  const auto added = storages->Add({tensor.storage(), tensor.dtype(), false});
  if (!added.ok()) return added.status();
  Json json;
  json["storage"] = added->first;
  json["dtype"] = std::string(Name(tensor.dtype()));
  json["offset"] = tensor.storage_offset();
  json["shape"] =
      std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end());
  json["strides"] =
      std::vector<int64_t>(tensor.strides().begin(), tensor.strides().end());
  json["requires_grad"] = tensor.requires_grad();
  json["parameter"] = is_parameter;
  return Json({{"tensor", std::move(json)}});
}

absl::StatusOr<Json> WriteNode(const ObjectGraph& graph, NodeId node,
                               const Table& table, StorageTable* storages) {
  if (!IsPlain(graph, node)) return CannotKeep("what a call made");
  Json children = Json::array();
  for (const NodeId child : Children(graph, node)) {
    children.push_back(table.indexes.at(child));
  }
  switch (graph.kind(node)) {
    case ValueKind::kNone:
      return Json();
    case ValueKind::kBool:
      return Json(node == ObjectGraph::kTrue);
    case ValueKind::kInt:
      if (graph.is_big_int(node)) return CannotKeep("an int of over 64 bits");
      return Json(graph.int_value(node));
    case ValueKind::kFloat:
      if (!std::isfinite(graph.float_value(node))) {
        return CannotKeep("a float that is not finite");
      }
      return Json(graph.float_value(node));
    case ValueKind::kStr:
      return Json(std::string(graph.text(node)));
    case ValueKind::kList:
      return Json({{"list", std::move(children)}});
    case ValueKind::kTuple:
      return Json({{"tuple", std::move(children)}});
    case ValueKind::kDict:
      return Json({{"dict", std::move(children)}});
    case ValueKind::kTensor:
      return WriteTensor(graph.tensor(node), graph.is_parameter(node),
                         storages);
    default:
      return CannotKeep(absl::StrCat("a ", Name(graph.kind(node))));
  }
}

absl::StatusOr<ferry::LargeString> JsonCodec::Write(
    const ObjectGraph& graph, NodeId root, StorageTable* storages) const {
  const Table table(graph, root);
  Json nodes = Json::array();
  for (const NodeId node : table.nodes) {
    absl::StatusOr<Json> json = WriteNode(graph, node, table, storages);
    if (!json.ok()) return json.status();
    nodes.push_back(*std::move(json));
  }
  Json document;
  document["root"] = table.indexes.at(root);
  document["storages"] = Json::array();
  for (size_t i = 0; i < storages->entries().size(); ++i) {
    const ferry::StorageEntry& entry = storages->entries()[i];
    Json storage;
    storage["location"] =
        std::string(storages->location(static_cast<uint32_t>(i)));
    storage["dtype"] = std::string(Name(entry.dtype));
    storage["size_bytes"] = entry.storage.size_bytes();
    document["storages"].push_back(std::move(storage));
  }
  document["nodes"] = std::move(nodes);
  try {
    const std::string text = document.dump();
    return ferry::LargeString(text.begin(), text.end());
  } catch (const Json::type_error&) {
    return CannotKeep("text that is not UTF-8");
  }
}

// --- Reading: nothing in the bytes is trusted --------------------------------

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the JSON is damaged: ", what));
}

absl::Status InNode(size_t index, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("node ", index, ": ", status.message()));
}

// Returns a member of an object, or null if there is none or `json` is not an
// object.
const Json& Member(const Json& json, const char* name) {
  static const Json* const null = new Json;
  const auto found = json.find(name);
  return found == json.end() ? *null : *found;
}

std::optional<int64_t> GetInt(const Json& json) {
  if (!json.is_number_integer() ||
      (json.is_number_unsigned() &&
       json.get<uint64_t>() > std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return json.get<int64_t>();
}

std::optional<std::vector<int64_t>> GetInts(const Json& json) {
  std::vector<int64_t> numbers;
  if (!json.is_array()) return std::nullopt;
  for (const Json& item : json) {
    const std::optional<int64_t> number = GetInt(item);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<ferry::DType> GetDType(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  return ferry::DTypeFromName(json.get_ref<const std::string&>());
}

// Returns whether `number` is an index below `size`. A negative number,
// converted to unsigned, is not.
bool IsIndex(std::optional<int64_t> number, size_t size) {
  return number && static_cast<uint64_t>(*number) < size;
}

// Returns the elements of `nodes` whose indexes `json` lists.
absl::StatusOr<std::vector<NodeId>> GetNodes(const Json& json,
                                             absl::Span<const NodeId> nodes) {
  const std::optional<std::vector<int64_t>> indexes = GetInts(json);
  if (!indexes) return Damaged("children are no list of indexes");
  std::vector<NodeId> found;
  for (const int64_t index : *indexes) {
    if (!IsIndex(index, nodes.size())) return Damaged("a child is no node");
    found.push_back(nodes[static_cast<size_t>(index)]);
  }
  return found;
}

absl::Status ReadStorages(const Json& json, StorageTable* storages,
                          ObjectGraph* graph) {
  if (!json.is_array()) return Damaged("there are no storages");
  for (size_t i = 0; i < json.size(); ++i) {
    const Json& location = Member(json[i], "location");
    const std::optional<ferry::DType> dtype =
        GetDType(Member(json[i], "dtype"));
    const std::optional<int64_t> size = GetInt(Member(json[i], "size_bytes"));
    if (!location.is_string() || !dtype || !size || *size < 0) {
      return Damaged("a storage is malformed");
    }
    ferry::StorageDescription description;
    // `storages` keeps the key as a view, so store the text in the graph.
    description.key = graph->text(graph->AddStr(absl::StrCat(i)));
    description.location = location.get_ref<const std::string&>();
    description.dtype = *dtype;
    description.size_bytes = static_cast<uint64_t>(*size);
    // Checks that the archive has the storage's bytes.
    const absl::StatusOr<uint32_t> index = storages->Describe(description);
    if (!index.ok()) return index.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<NodeId> ReadTensor(const Json& json,
                                  const StorageTable& storages,
                                  ObjectGraph* graph) {
  const std::optional<int64_t> storage = GetInt(Member(json, "storage"));
  const std::optional<ferry::DType> dtype = GetDType(Member(json, "dtype"));
  const std::optional<int64_t> offset = GetInt(Member(json, "offset"));
  const auto shape = GetInts(Member(json, "shape"));
  const auto strides = GetInts(Member(json, "strides"));
  const Json& requires_grad = Member(json, "requires_grad");
  const Json& parameter = Member(json, "parameter");
  if (!IsIndex(storage, storages.entries().size()) || !dtype || !offset ||
      !shape || !strides || !requires_grad.is_boolean() ||
      !parameter.is_boolean()) {
    return Damaged("a tensor is malformed");
  }
  // Checks that the tensor lies in its storage.
  const absl::StatusOr<Tensor> tensor =
      Tensor::Create(storages.entries()[static_cast<size_t>(*storage)].storage,
                     *dtype, *shape, *strides, *offset);
  if (!tensor.ok()) return Damaged(tensor.status().message());
  const absl::Status flag = tensor->SetRequiresGrad(requires_grad.get<bool>());
  if (!flag.ok()) return Damaged(flag.message());
  return parameter.get<bool>() ? graph->AddParameter(*tensor)
                               : graph->AddTensor(*tensor);
}

// Adds a node of the table. If it is a tuple, its items must be in `nodes`, the
// earlier nodes. Lists and dicts are left empty.
absl::StatusOr<NodeId> ReadNode(const Json& json,
                                absl::Span<const NodeId> nodes,
                                const StorageTable& storages,
                                ObjectGraph* graph) {
  if (json.is_null()) return ObjectGraph::kNone;
  if (json.is_boolean()) return graph->AddBool(json.get<bool>());
  if (json.is_number_float()) return graph->AddFloat(json.get<double>());
  if (json.is_string())
    return graph->AddStr(json.get_ref<const std::string&>());
  if (const std::optional<int64_t> number = GetInt(json)) {
    return graph->AddInt(*number);
  }
  if (json.contains("list")) return graph->AddList();
  if (json.contains("dict")) return graph->AddDict();
  if (json.contains("tensor")) {
    return ReadTensor(json["tensor"], storages, graph);
  }
  if (!json.contains("tuple")) return Damaged("a node of no known kind");
  const absl::StatusOr<std::vector<NodeId>> items =
      GetNodes(json["tuple"], nodes);
  if (!items.ok()) return items.status();
  return graph->AddTuple(*items);
}

absl::StatusOr<ferry::Codec::GraphRead> JsonCodec::Read(
    absl::string_view bytes, ferry::Budget* budget, StorageTable* storages,
    ObjectGraph* graph) const {
  // What the parser and the graph take for a byte of JSON, at most.
  constexpr uint64_t kMemoryPerByte = 64;
  const absl::Status fits = budget->ChargeMemory(kMemoryPerByte * bytes.size());
  if (!fits.ok()) return fits;
  const Json document = Json::parse(bytes.begin(), bytes.end(),
                                    /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return absl::DataLossError("the graph record is not JSON");
  }
  const Json& table = Member(document, "nodes");
  if (!table.is_array()) return Damaged("there are no nodes");
  const absl::Status described =
      ReadStorages(Member(document, "storages"), storages, graph);
  if (!described.ok()) return described;

  std::vector<NodeId> nodes;
  for (const Json& json : table) {
    const absl::StatusOr<NodeId> node = ReadNode(json, nodes, *storages, graph);
    if (!node.ok()) return InNode(nodes.size(), node.status());
    nodes.push_back(*node);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ValueKind kind = graph->kind(nodes[i]);
    if (kind != ValueKind::kList && kind != ValueKind::kDict) continue;
    const bool is_list = kind == ValueKind::kList;
    const absl::StatusOr<std::vector<NodeId>> children =
        GetNodes(Member(table[i], is_list ? "list" : "dict"), nodes);
    if (!children.ok()) return InNode(i, children.status());
    if (is_list) {
      graph->AppendItems(nodes[i], *children);
    } else if (children->size() % 2 == 0) {
      graph->AppendEntries(nodes[i], *children);
    } else {
      return InNode(i, Damaged("a dict has a key without a value"));
    }
  }
  const absl::Status keys = graph->RemoveDuplicateKeys();
  if (!keys.ok()) return keys;

  const std::optional<int64_t> root = GetInt(Member(document, "root"));
  if (!IsIndex(root, nodes.size())) return Damaged("the root is no node");
  return GraphRead{nodes[static_cast<size_t>(*root)], /*version=*/1,
                   bytes.size()};
}

// --- The program -------------------------------------------------------------

void Check(bool holds, absl::string_view what) {
  if (holds) return;
  std::cerr << "this does not hold: " << what << "\n";
  std::exit(1);
}

void Check(const absl::Status& status) {
  Check(status.ok(), status.ToString());
}

// {"weight": a tensor of 2 x 3, "row": its second row, "bias": a parameter,
//  "epoch": (3, (0.5,)), "history": [None, True, the list itself]}
Value Sample() {
  const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  const Tensor weight = *Tensor::FromData(numbers, {2, 3});
  const Tensor row =
      *Tensor::Create(weight.storage(), weight.dtype(), {3}, {1}, 3);
  const Tensor bias = *Tensor::FromData(numbers, {6});
  Check(bias.SetRequiresGrad(true));
  Value sample = Value::Dict();
  Check(sample.Set("weight", Value(weight)));
  Check(sample.Set("row", Value(row)));
  Check(sample.Set("bias", Value::Parameter(bias)));
  Check(sample.Set("epoch",
                   Value::Tuple({Value(3), Value::Tuple({Value(0.5)})})));
  Check(sample.Set("history", Value::List({Value(), Value(true)})));
  const Value history = *sample.Get("history");
  Check(history.Append(history));
  return sample;
}

absl::StatusOr<std::string> SaveToString(const Value& value,
                                         const std::string& codec) {
  ferry::SaveOptions options;
  options.codec = codec;
  std::string bytes;
  ferry::StringSink sink(&bytes);
  const absl::Status status = ferry::Save(value, sink, options);
  if (!status.ok()) return status;
  return bytes;
}

// A parameter with a hook, which only a pickle can make.
Value Hooked() {
  const std::vector<float> numbers = {1};
  const Tensor tensor = *Tensor::FromData(numbers, {1});
  Value hooks = Value::OrderedDict();
  Check(hooks.Set(Value(0), Value("a hook")));
  const absl::StatusOr<std::string> pickled =
      SaveToString(Value::Call("torch._utils._rebuild_parameter",
                               {Value(tensor), Value(true), hooks}),
                   "pickle");
  Check(pickled.status());
  const absl::StatusOr<Value> parameter = ferry::LoadMemory(*pickled);
  Check(parameter.status());
  Check(parameter->AsTensor().ok(), "it is a tensor");
  return *parameter;
}

void CheckIsSample(const Value& value) {
  const Tensor weight = *value.Get("weight")->AsTensor();
  const Tensor row = *value.Get("row")->AsTensor();
  Check(weight.shape() == absl::Span<const int64_t>({2, 3}), "2 x 3");
  Check(static_cast<const float*>(row.data())[2] == 6, "the row ends with 6");
  Check(row.storage() == weight.storage(), "the row is a part of the weight");
  Check(value.Get("bias")->AsTensor()->requires_grad(), "it has a gradient");
  Check(*value.At("/epoch/0")->AsInt() == 3, "an int");
  Check(*value.At("/epoch/1/0")->AsFloat() == 0.5, "a float");
  const Value history = *value.Get("history");
  Check(history.Item(0)->is_none() && *history.Item(1)->AsBool(), "a list");
  Check(history.Item(2)->node() == history.node(), "it contains itself");
}

}  // namespace

int main() {
  Check(
      ferry::CodecRegistry::Default().Register(std::make_shared<JsonCodec>()));

  const absl::StatusOr<std::string> saved = SaveToString(Sample(), "json");
  Check(saved.status());
  const absl::StatusOr<ferry::Checkpoint> checkpoint =
      ferry::Checkpoint::OpenMemory(*saved);
  Check(checkpoint.status());
  Check(checkpoint->info().codec == "json", "the file names its codec");
  std::cout << *checkpoint->ReadRecord("data.json") << "\n";

  // The file says which codec wrote it. No option is needed to load it.
  const absl::StatusOr<Value> loaded = ferry::LoadMemory(*saved);
  Check(loaded.status());
  CheckIsSample(*loaded);

  // Converting to pickle and back loses nothing.
  const absl::StatusOr<std::string> pickled = SaveToString(*loaded, "pickle");
  Check(pickled.status());
  const absl::StatusOr<Value> unpickled = ferry::LoadMemory(*pickled);
  Check(unpickled.status());
  CheckIsSample(*unpickled);
  const absl::StatusOr<std::string> again = SaveToString(*unpickled, "json");
  Check(again.status());
  Check(*again == *saved, "the same graph gives the same bytes");

  // What JSON cannot represent is refused, not lost.
  for (const Value& value :
       {Value::OrderedDict(), Value::Bytes("x"), Value("\xED\xA0\x80"),
        Value(std::numeric_limits<double>::infinity())}) {
    Check(absl::IsUnimplemented(SaveToString(value, "json").status()),
          "it is refused");
  }

  Check(absl::IsUnimplemented(SaveToString(Hooked(), "json").status()),
        "a hook is refused");

  // A damaged graph is refused, too.
  for (const char* damaged :
       {"", "[]", "{", R"({"root": 0, "storages": [], "nodes": []})",
        R"({"root": 0, "storages": [], "nodes": [{"tuple": [0]}]})",
        R"({"root": 0, "storages": [], "nodes": [{"list": [1]}]})",
        R"({"root": 0, "storages": [], "nodes": [{"dict": [1]}, 1]})",
        R"({"root": 0, "storages": [], "nodes": [{"dict": [0, 0]}]})",
        R"({"root": -1, "storages": [], "nodes": [1]})",
        R"({"root": 0, "storages": [], "nodes": [{"tensor": 1}]})",
        R"({"root": 0, "storages": [], "nodes": [{"other": []}]})",
        R"({"root": 0, "storages": [1], "nodes": [1]})",
        R"({"root": 0, "storages": [{"location": "cpu", "dtype": "float32",
            "size_bytes": -4}], "nodes": [1]})",
        R"({"root": 0, "storages": [{"location": "cpu", "dtype": "float32",
            "size_bytes": 4}], "nodes": [{"tensor": {"storage": 0,
            "dtype": "float32", "offset": 0, "shape": [2], "strides": [1],
            "requires_grad": false, "parameter": false}}]})",
        R"({"root": 0, "storages": [{"location": "cpu", "dtype": "float32",
            "size_bytes": 4}], "nodes": [{"tensor": {"storage": 1,
            "dtype": "float32", "offset": 0, "shape": [1], "strides": [1],
            "requires_grad": false, "parameter": false}}]})",
        R"({"root": 0, "storages": [], "nodes": [18446744073709551615]})"}) {
    ObjectGraph graph;
    StorageTable storages;  // destroyed first: it has views of the graph
    const absl::Status status =
        JsonCodec()
            .Read(damaged, ferry::Budget::Unlimited(), &storages, &graph)
            .status();
    Check(absl::IsDataLoss(status), damaged);
  }

  // A graph that exceeds the program's limits is refused, too.
  ferry::LoadOptions little;
  little.budget.max_memory_bytes = 1000;
  Check(absl::IsResourceExhausted(ferry::LoadMemory(*saved, little).status()),
        "the limit holds");
  return 0;
}
