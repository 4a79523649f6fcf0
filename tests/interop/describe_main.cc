// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Prints what Ferry reads from checkpoints, for tests that compare it with what
// PyTorch reads.
//
//   describe FILE...
//
// One line of JSON a file: {"error": "..."} or {"root": NODE, "storages":
// [[bytes, tag], ...]} with the storages in the order of first reference. A
// NODE is {KIND: what it holds}, with "id" where it may be shared; met again it
// is
// {"ref": id}. Text and bytes are hexadecimal, floats their 64 bits; a tensor
// has its elements in row-major order, conj and neg resolved.
//
// The files are the tests' own, so their nesting is shallow and the walk
// recurses.

#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/runtime/runtime.h"
#include "ferry/value/object_graph.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace {

using Json = nlohmann::ordered_json;

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

std::string FloatBits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return absl::StrCat(absl::Hex(bits, absl::kZeroPad16));
}

// Turns the signs of the numbers in one element that conj and neg turn.
void ResolveSigns(const Tensor& tensor, char* element) {
  const uint64_t size = ElementSizeBytes(tensor.dtype());
  const bool is_complex = Category(tensor.dtype()) == DTypeCategory::kComplex;
  // The sign is the highest bit of a number's last byte.
  const auto turn = [element](uint64_t end) { element[end - 1] ^= '\x80'; };
  if (tensor.is_neg()) {
    turn(size);
    if (is_complex) turn(size / 2);
  }
  if (tensor.is_conj()) turn(size);
}

// The elements in row-major order. Of dtypes that pack several elements into a
// byte, the bytes of the storage.
std::string Elements(const Tensor& tensor) {
  const auto* const data = static_cast<const char*>(tensor.storage().data());
  if (ElementsPerUnit(tensor.dtype()) != 1) {
    return std::string(data, tensor.storage().size_bytes());
  }
  const uint64_t size = ElementSizeBytes(tensor.dtype());
  std::string out;
  std::vector<int64_t> index(tensor.rank(), 0);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    int64_t at = tensor.storage_offset();
    for (int d = 0; d < tensor.rank(); ++d) {
      at += index[d] * tensor.strides()[d];
    }
    std::string element(data + at * static_cast<int64_t>(size), size);
    ResolveSigns(tensor, &element[0]);
    out += element;
    for (int d = tensor.rank() - 1; d >= 0; --d) {
      if (++index[d] < tensor.shape()[d]) break;
      index[d] = 0;
    }
  }
  return out;
}

class Describer {
 public:
  Json Describe(const Value& value) {
    const NodeId node = value.node();
    Json json;
    switch (value.kind()) {
      case ValueKind::kNone:
        return {{"none", true}};
      case ValueKind::kBool:
        return {{"bool", *value.AsBool()}};
      case ValueKind::kInt: {
        const absl::StatusOr<int64_t> number = value.AsInt();
        if (number.ok()) return {{"int", absl::StrCat(*number)}};
        return {{"big", Hex(value.graph()->text(node))}};
      }
      case ValueKind::kFloat:
        return {{"float", FloatBits(*value.AsFloat())}};
      case ValueKind::kComplex:
        return {{"complex",
                 {FloatBits(value.AsComplex()->real()),
                  FloatBits(value.AsComplex()->imag())}}};
      case ValueKind::kStr:
        return {{"str", Hex(*value.AsStr())}};
      case ValueKind::kBytes:
        return {{"bytes", Hex(*value.AsBytes())}};
      case ValueKind::kDType:
        return {{"dtype", std::string(Name(*value.AsDType()))}};
      case ValueKind::kDevice:
        return {{"device", value.AsDevice()->ToString()}};
      case ValueKind::kSize:
        return {{"size", *value.AsSize()}};
      case ValueKind::kLayout:
        return {{"layout", std::string(Name(*value.AsLayout()))}};
      case ValueKind::kGlobal:
        return {{"global", value.GlobalName()}};
      case ValueKind::kStorage:
        return {{"storage", StorageIndex(*value.AsStorage())}};
      default:
        break;
    }
    if (node == ObjectGraph::kEmptyTuple) return {{"tuple", Json::array()}};
    const auto [seen, is_new] = ids_.try_emplace(node, ids_.size());
    if (!is_new) return {{"ref", seen->second}};
    json["id"] = seen->second;
    switch (value.kind()) {
      case ValueKind::kByteArray:
        json["bytearray"] = Hex(*value.AsBytes());
        break;
      case ValueKind::kList:
        json["list"] = Items(value);
        break;
      case ValueKind::kTuple:
        json["tuple"] = Items(value);
        break;
      case ValueKind::kSet:
        json["set"] = Items(value);
        break;
      case ValueKind::kFrozenSet:
        json["frozenset"] = Items(value);
        break;
      case ValueKind::kDict:
        json["dict"] = Entries(value);
        AddState(value, &json);
        break;
      case ValueKind::kTensor:
        json["tensor"] = DescribeTensor(*value.AsTensor());
        json["tensor"]["is_parameter"] = value.is_parameter();
        break;
      default:
        json["object"] = value.GlobalName();
        if (const absl::StatusOr<Value> arguments = value.Arguments();
            arguments.ok() && arguments->size() != 0) {
          json["args"] = Items(*arguments);
        }
        AddState(value, &json);
        break;
    }
    return json;
  }

  Json Storages() const {
    Json json = Json::array();
    for (const Storage& storage : storages_) {
      json.push_back({storage.size_bytes(), storage.recorded_location()});
    }
    return json;
  }

 private:
  Json Items(const Value& value) {
    Json json = Json::array();
    for (size_t i = 0; i < value.size(); ++i) {
      json.push_back(Describe(*value.Item(i)));
    }
    return json;
  }

  Json Entries(const Value& value) {
    Json json = Json::array();
    for (size_t i = 0; i < value.size(); ++i) {
      const std::pair<Value, Value> entry = *value.Entry(i);
      Json key = Describe(entry.first);
      json.push_back({std::move(key), Describe(entry.second)});
    }
    return json;
  }

  // The attributes of an object, where they are a dict, as of most classes.
  void AddState(const Value& value, Json* json) {
    const ObjectGraph& graph = *value.graph();
    if (!graph.is_object(value.node())) return;
    const NodeId state = graph.object(value.node()).state;
    if (state == kNoNode || graph.kind(state) != ValueKind::kDict) return;
    (*json)["state"] = Entries(Value(value.graph(), state));
  }

  size_t StorageIndex(const Storage& storage) {
    const auto [found, is_new] =
        storage_indexes_.try_emplace(storage.identity(), storages_.size());
    if (is_new) storages_.push_back(storage);
    return found->second;
  }

  Json DescribeTensor(const Tensor& tensor) {
    Json json = {{"dtype", std::string(Name(tensor.dtype()))},
                 {"shape", tensor.shape()},
                 {"layout", std::string(Name(tensor.layout()))},
                 {"requires_grad", tensor.requires_grad()}};
    if (tensor.layout() != Layout::kStrided) {
      json["components"] = Json::array();
      for (const Tensor& component : tensor.components()) {
        json["components"].push_back(DescribeTensor(component));
      }
      return json;
    }
    json["stride"] = tensor.strides();
    json["storage_offset"] = tensor.storage_offset();
    if (tensor.device().type() == "meta") {
      json["device"] = "meta";
      return json;
    }
    json["storage"] = StorageIndex(tensor.storage());
    json["storage_bytes"] = tensor.storage().size_bytes();
    json["location"] = tensor.storage().recorded_location();
    json["elements"] = Hex(Elements(tensor));
    return json;
  }

  std::map<NodeId, size_t> ids_;
  std::map<const void*, size_t> storage_indexes_;
  std::vector<Storage> storages_;
};

Json DescribeFile(absl::string_view path) {
  LoadOptions options;
  options.placement = Placement::kHost;
  const absl::StatusOr<Value> value = Load(path, options);
  if (!value.ok()) return {{"error", value.status().ToString()}};
  Describer describer;
  Json root = describer.Describe(*value);
  return {{"root", std::move(root)}, {"storages", describer.Storages()}};
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::cout << ferry::DescribeFile(argv[i]).dump() << "\n";
  }
  return 0;
}
