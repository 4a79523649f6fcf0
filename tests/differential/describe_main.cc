// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Describes what Ferry reads from checkpoints, in the words in which
// pytorch_main.py describes what PyTorch reads from the same files. Also copies
// checkpoints, so that PyTorch can read the copies.
//
//   describe < REQUESTS
//
// Reads one request per line until standard input ends. Answers each with one
// line: "ok DESCRIPTION" for a description, "ok" for a copy, or "error
// MESSAGE". The words of a request are separated by tabs:
//
//   PATH                       describes a file
//   PATH COPY FORM PROTOCOL    loads PATH and saves it to COPY, with a pickle
//                              of PROTOCOL. FORM is "zip", "legacy" or "proto".
//                              The last saves with the codec "proto", loads
//                              that, and saves it as "zip"
//
// A DESCRIPTION is a list of words, the value graph in pre-order:
//
//   none true false int:5 float:BITS complex:BITS,BITS str:HEX bytes:HEX
//   dtype:NAME device:NAME layout:NAME size:2,3 global:MODULE.NAME
//   bytearray:HEX
//   list:N tuple:N set:N frozenset:N    followed by N items; those of a set are
//                                       sorted by `SetKey`
//   dict:N odict:N                      followed by N pairs; attributes, if it
//                                       has some, are `attributes:M`, M pairs
//   tensor:... parameter:...            see `View`
//   storage:DTYPE:...                   see `StorageWords`
//   object:call object:new              followed by the callable, `args:N` and
//                                       N items, and what else it was given. A
//                                       call of copyreg.__newobj__ is described
//                                       as `new`, because protocols 0 and 1
//                                       write `new` as that call
//   @K                                  the K-th list, dict, ... once more
//
// Text is hexadecimal UTF-8; floats are their 64 bits; in names, bytes that do
// not print are written as %XX.
//
// The files may be damaged in any way: the walk is iterative, and only members
// of an `ObjectGraph` that hold for every graph are used.

#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/io/crc32.h"
#include "ferry/runtime/runtime.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

// Longer runs of bytes are described by their checksum.
constexpr uint64_t kMaxBytesInFull = 64;

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

std::string FloatBits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return absl::StrCat(absl::Hex(bits, absl::kZeroPad16));
}

std::string Contents(absl::string_view bytes) {
  if (bytes.size() <= kMaxBytesInFull) return Hex(bytes);
  return absl::StrCat("crc", absl::Hex(Crc32(bytes), absl::kZeroPad8));
}

// Returns the shortest two's complement, little-endian, in hexadecimal.
std::string BigInt(absl::string_view bytes) {
  while (bytes.size() > 1) {
    const char last = bytes.back();
    const bool negative = (bytes[bytes.size() - 2] & 0x80) != 0;
    if (last != (negative ? '\xff' : '\0')) break;
    bytes.remove_suffix(1);
  }
  return absl::StrCat("0x", Hex(bytes));
}

// A name without blanks and ends of lines.
std::string Plain(absl::string_view name) {
  std::string plain;
  for (char c : name) {
    if (absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '%') {
      plain += c;
    } else {
      absl::StrAppend(&plain, "%", Hex({&c, 1}));
    }
  }
  return plain;
}

// PyTorch 1.13 looks for the classes of `torch.tensor` in `torch._tensor`, and
// for those of storages in no module at all.
std::string GlobalName(const GlobalRecord& global) {
  if (absl::StrContains(global.name, "Storage")) {
    return Plain(global.name);
  }
  return Plain(absl::StrCat(
      global.module == "torch.tensor" ? "torch._tensor" : global.module, ".",
      global.name));
}

// Describes the graph below one node.
class Description {
 public:
  explicit Description(const ObjectGraph& graph) : graph_(graph) {}

  std::string Of(NodeId root) && {
    pending_.push_back({root, ""});
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      if (!words_.empty()) words_.push_back(' ');
      if (next.node == kNoNode) {
        words_ += next.words;
      } else {
        children_.clear();
        words_ += Words(next.node);
        pending_.insert(pending_.end(), children_.rbegin(), children_.rend());
      }
    }
    return std::move(words_);
  }

 private:
  // A node, or words if it is kNoNode.
  struct Pending {
    NodeId node;
    std::string words;
  };

  // The part of a storage that the description has met.
  struct Place {
    size_t number;
    const char* data;
    uint64_t size_bytes;
  };

  void Add(NodeId node) { children_.push_back({node, ""}); }
  void AddWords(std::string words) {
    children_.push_back({kNoNode, std::move(words)});
  }
  void AddAll(absl::Span<const NodeId> nodes) {
    for (NodeId node : nodes) Add(node);
  }

  // Returns the words for a node that has no identity, or nothing.
  std::optional<std::string> Atom(NodeId node) const {
    switch (graph_.kind(node)) {
      case ValueKind::kNone:
        return "none";
      case ValueKind::kBool:
        return graph_.int_value(node) != 0 ? "true" : "false";
      case ValueKind::kInt:
        return graph_.is_big_int(node)
                   ? absl::StrCat("int:", BigInt(graph_.text(node)))
                   : absl::StrCat("int:", graph_.int_value(node));
      case ValueKind::kFloat:
        return absl::StrCat("float:", FloatBits(graph_.float_value(node)));
      case ValueKind::kComplex:
        return absl::StrCat(
            "complex:", FloatBits(graph_.complex_value(node).real()), ",",
            FloatBits(graph_.complex_value(node).imag()));
      case ValueKind::kStr:
        return absl::StrCat("str:", Hex(graph_.text(node)));
      case ValueKind::kBytes:
        return absl::StrCat("bytes:", Hex(graph_.text(node)));
      case ValueKind::kDType:
        return absl::StrCat("dtype:", Name(graph_.dtype(node)));
      case ValueKind::kDevice:
        return absl::StrCat("device:", graph_.device(node).ToString());
      case ValueKind::kLayout:
        return absl::StrCat("layout:", Name(graph_.layout(node)));
      case ValueKind::kSize:
        return absl::StrCat(
            "size:", absl::StrJoin(graph_.size_items(node), ",",
                                   [this](std::string* out, NodeId item) {
                                     absl::StrAppend(out,
                                                     graph_.int_value(item));
                                   }));
      case ValueKind::kGlobal:
        return absl::StrCat("global:", GlobalName(graph_.global(node)));
      case ValueKind::kTuple:
        if (graph_.items(node).empty()) return "tuple:0";
        return std::nullopt;
      case ValueKind::kFrozenSet:
        if (graph_.items(node).empty()) return "frozenset:0";
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  // Returns what items of a set are sorted by: the words of an atom, or those
  // of a tuple of atoms. Nothing for any other item.
  std::optional<std::string> SetKey(NodeId node) const {
    if (std::optional<std::string> atom = Atom(node)) return atom;
    if (graph_.kind(node) != ValueKind::kTuple) return std::nullopt;
    std::string key = "tuple";
    for (NodeId item : graph_.items(node)) {
      const std::optional<std::string> atom = Atom(item);
      if (!atom) return std::nullopt;
      absl::StrAppend(&key, " ", *atom);
    }
    return key;
  }

  // Adds the items of a set. Python has no order for them, so of items without
  // a key only their number is said, unless there is just one.
  void AddSet(absl::Span<const NodeId> items) {
    std::vector<std::pair<std::string, NodeId>> sorted;
    std::vector<NodeId> others;
    for (NodeId item : items) {
      if (std::optional<std::string> key = SetKey(item)) {
        sorted.emplace_back(std::move(*key), item);
      } else {
        others.push_back(item);
      }
    }
    absl::c_sort(sorted);
    for (const auto& [key, item] : sorted) Add(item);
    if (others.size() == 1) {
      Add(others[0]);
    } else if (!others.empty()) {
      AddWords(absl::StrCat("others:", others.size()));
    }
  }

  // Returns the words for `node`, and puts what follows them into `children_`.
  std::string Words(NodeId node) {
    if (std::optional<std::string> atom = Atom(node)) return *atom;
    const ValueKind kind = graph_.kind(node);
    if (kind == ValueKind::kStorage) {
      const StorageRecord& record = graph_.storage(node);
      return absl::StrCat("storage:", Name(record.dtype), ":",
                          StorageWords(record.storage));
    }
    const auto [number, is_new] = numbers_.try_emplace(node, numbers_.size());
    if (!is_new) return absl::StrCat("@", number->second);
    switch (kind) {
      case ValueKind::kByteArray:
        return absl::StrCat("bytearray:", Hex(graph_.text(node)));
      case ValueKind::kList:
      case ValueKind::kTuple:
        AddAll(graph_.items(node));
        return absl::StrCat(Name(kind), ":", graph_.items(node).size());
      case ValueKind::kSet:
      case ValueKind::kFrozenSet:
        AddSet(graph_.items(node));
        return absl::StrCat(Name(kind), ":", graph_.items(node).size());
      case ValueKind::kDict:
        AddAll(graph_.entries(node));
        if (graph_.is_object(node)) AddAttributes(graph_.object(node).state);
        return absl::StrCat(graph_.is_object(node) ? "odict:" : "dict:",
                            graph_.entries(node).size() / 2);
      case ValueKind::kTensor:
        return TensorWords(node);
      default:
        return ObjectWords(node);
    }
  }

  void AddAttributes(NodeId state) {
    if (state == kNoNode || state == ObjectGraph::kNone) return;
    if (graph_.kind(state) != ValueKind::kDict) {
      AddWords("state");
      Add(state);
    } else if (!graph_.entries(state).empty()) {
      AddWords(absl::StrCat("attributes:", graph_.entries(state).size() / 2));
      AddAll(graph_.entries(state));
    }
  }

  std::string ObjectWords(NodeId node) {
    if (!graph_.is_object(node))
      return absl::StrCat("?", Name(graph_.kind(node)));
    const ObjectRecord object = graph_.object(node);
    bool is_call = object.form == ObjectForm::kCall;
    NodeId callable = object.callable;
    absl::Span<const NodeId> args = graph_.items(object.args);
    if (is_call && IsGlobal(callable, "copyreg", "__newobj__") &&
        !args.empty()) {
      is_call = false;
      callable = args[0];
      args.remove_prefix(1);
    }
    Add(callable);
    AddWords(absl::StrCat("args:", args.size()));
    AddAll(args);
    if (object.kwargs != kNoNode && !graph_.entries(object.kwargs).empty()) {
      AddWords(
          absl::StrCat("kwargs:", graph_.entries(object.kwargs).size() / 2));
      AddAll(graph_.entries(object.kwargs));
    }
    if (!graph_.items(node).empty()) {
      AddWords(absl::StrCat("items:", graph_.items(node).size()));
      AddAll(graph_.items(node));
    }
    if (!graph_.entries(node).empty()) {
      AddWords(absl::StrCat("entries:", graph_.entries(node).size() / 2));
      AddAll(graph_.entries(node));
    }
    // A function that sets the state is called and its result dropped, which
    // leaves no trace in Python.
    if (object.state != kNoNode && object.state_setter == kNoNode) {
      AddWords("state");
      Add(object.state);
    }
    return is_call ? "object:call" : "object:new";
  }

  // The number of a storage, and where it is first met its size, location and
  // contents, and which storage met before it is a part of.
  std::string StorageWords(const Storage& storage) {
    const auto [number, is_new] =
        storages_.try_emplace(storage.identity(), storages_.size());
    if (!is_new) return absl::StrCat("s", number->second);
    std::string words =
        absl::StrCat("s", number->second, "=", storage.size_bytes(), ",",
                     Hex(storage.recorded_location()));
    if (storage.device().type() == "meta") return words + ",meta";
    if (storage.size_bytes() == 0) return words;
    if (storage.data() == nullptr) return words + ",nowhere";
    const auto* const data = static_cast<const char*>(storage.data());
    absl::StrAppend(&words, ",", Contents({data, storage.size_bytes()}));
    for (const Place& place : places_) {
      if (data < place.data + place.size_bytes &&
          place.data < data + storage.size_bytes()) {
        absl::StrAppend(&words, ",s", place.number, "+", data - place.data);
        break;
      }
    }
    places_.push_back({number->second, data, storage.size_bytes()});
    return words;
  }

  // layout:dtype:shape:conj and neg, then of strided tensors
  // :strides:offset:storage, and of others their components in brackets.
  std::string View(const Tensor& tensor) {
    std::string flags;
    if (tensor.is_conj()) flags += 'c';
    if (tensor.is_neg()) flags += 'n';
    std::string words =
        absl::StrCat(Name(tensor.layout()), ":", Name(tensor.dtype()), ":",
                     absl::StrJoin(tensor.shape(), ","), ":", flags);
    if (tensor.layout() != Layout::kStrided) {
      // They have no components in turn.
      for (const Tensor& component : tensor.components()) {
        absl::StrAppend(&words, ":[", View(component), "]");
      }
      return words;
    }
    absl::StrAppend(&words, ":", absl::StrJoin(tensor.strides(), ","), ":",
                    tensor.storage_offset(), ":");
    if (tensor.device().type() == "meta") return words + "meta";
    return words + StorageWords(tensor.storage());
  }

  std::string TensorWords(NodeId node) {
    AddCall(node);
    const Tensor& tensor = graph_.tensor(node);
    return absl::StrCat(graph_.is_parameter(node) ? "parameter:" : "tensor:",
                        tensor.requires_grad() ? "g:" : ":", View(tensor));
  }

  // Adds what a tensor has besides its view, all of it arguments of the call
  // that made it: its quantiser, its hooks, its class and its attributes.
  void AddCall(NodeId node) {
    if (!graph_.is_object(node)) return;
    const ObjectRecord object = graph_.object(node);
    absl::string_view function = FunctionName(object.callable);
    absl::Span<const NodeId> args = graph_.items(object.args);
    absl::Span<const NodeId> subclass;
    if (absl::StartsWith(function, "_rebuild_from_type")) {
      subclass = args;
      function = FunctionName(subclass[0]);
      args = graph_.items(subclass[2]);
    }
    if (function == "_rebuild_qtensor") {
      AddWords("quantizer");
      Add(args[4]);
    }
    const size_t hooks = function == "_rebuild_tensor_v2"   ? 5
                         : function == "_rebuild_qtensor"   ? 6
                         : function == "_rebuild_parameter" ? 2
                                                            : args.size();
    if (hooks < args.size() && args[hooks] != ObjectGraph::kNone) {
      AddWords("hooks");
      Add(args[hooks]);
    }
    if (subclass.empty() || IsGlobal(subclass[1], "torch", "Tensor")) return;
    AddWords("subclass");
    Add(subclass[1]);
    if (subclass.size() > 3) Add(subclass[3]);
  }

  bool IsGlobal(NodeId node, absl::string_view module,
                absl::string_view name) const {
    return graph_.is_global(node) && graph_.global(node).module == module &&
           graph_.global(node).name == name;
  }

  absl::string_view FunctionName(NodeId callable) const {
    return graph_.is_global(callable) ? graph_.global(callable).name : "";
  }

  const ObjectGraph& graph_;
  std::string words_;
  std::vector<Pending> pending_;   // the next word last
  std::vector<Pending> children_;  // of the node that is being described
  std::map<NodeId, size_t> numbers_;
  std::map<const void*, size_t> storages_;
  std::vector<Place> places_;
};

LoadOptions OnTheHost() {
  LoadOptions options;
  options.placement = Placement::kHost;
  return options;
}

absl::StatusOr<std::string> Describe(const std::string& path) {
  FERRY_ASSIGN_OR_RETURN(Value value, Load(path, OnTheHost()));
  return Description(*value.graph()).Of(value.node());
}

absl::Status Copy(const std::string& path, const std::string& copy,
                  absl::string_view form, int protocol) {
  FERRY_ASSIGN_OR_RETURN(Value value, Load(path, OnTheHost()));
  SaveOptions options;
  options.durability = Durability::kNone;
  options.pickle_protocol = protocol;
  if (form == "legacy") {
    options.container = Container::kLegacy;
  } else if (form == "proto") {
    options.codec = "proto";
    FERRY_RETURN_IF_ERROR(Save(value, copy, options));
    options.codec.clear();
    absl::StatusOr<Value> again = Load(copy, OnTheHost());
    if (!again.ok()) {
      return absl::InternalError(absl::StrCat(
          "Ferry cannot read what it wrote: ", again.status().ToString()));
    }
    value = *std::move(again);
  } else if (form != "zip") {
    return absl::InternalError("not a form");
  }
  return Save(value, copy, options);
}

// Returns the answer to one request.
std::string Answer(const std::string& request) {
  const std::vector<std::string> words = absl::StrSplit(request, '\t');
  absl::Status status;
  int protocol = 0;
  if (words.size() == 1) {
    const absl::StatusOr<std::string> description = Describe(words[0]);
    if (description.ok()) return absl::StrCat("ok ", *description);
    status = description.status();
  } else if (words.size() == 4 && absl::SimpleAtoi(words[3], &protocol)) {
    status = Copy(words[0], words[1], words[2], protocol);
    if (status.ok()) return "ok";
  } else {
    status = absl::InternalError("not a request");
  }
  std::string message = status.ToString();
  absl::c_replace(message, '\n', ' ');
  return absl::StrCat("error ", message);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main() {
  std::string request;
  while (std::getline(std::cin, request)) {
    std::cout << ferry::Answer(request) << std::endl;
  }
  return 0;
}
