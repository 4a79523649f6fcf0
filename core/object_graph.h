// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/object_graph.h
// -----------------------------------------------------------------------------
//
// The memory behind `Value`: the object graph of a checkpoint in flat arrays.
// Codecs (serialization/) and `Value` use it; programs use `Value`.
//
// A node is 16 bytes. Text lies in an arena, children in one array, how objects
// were made in a table. Nodes are never removed: the graph is freed as a whole,
// so cycles cost nothing and nothing here recurses.
//
// Every node keeps its own identity: two nodes may hold equal text and yet be
// two Python objects. The exceptions are None, True, False and the empty tuple,
// of which Python itself has one each.
//
// Example: the dict {"n": 3}.
//
//   ObjectGraph graph;
//   NodeId dict = graph.AddDict();
//   NodeId entry[] = {graph.AddStr("n"), graph.AddInt(3)};
//   graph.AppendEntries(dict, entry);
#ifndef FERRY_CORE_OBJECT_GRAPH_H_
#define FERRY_CORE_OBJECT_GRAPH_H_

#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value_kind.h"

namespace ferry {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

// How Python was to make an object.
enum class ObjectForm : uint8_t {
  kCall,   // callable(*args)
  kNew,    // callable.__new__(callable, *args)
  kNewEx,  // callable.__new__(callable, *args, **kwargs)
};

// A run of children in the graph's array of children.
struct ChildRange {
  uint32_t start = 0;
  uint32_t count = 0;
  uint32_t capacity = 0;
};

// What is known of a node that a call made.
struct ObjectRecord {
  ObjectForm form = ObjectForm::kCall;
  NodeId callable = kNoNode;
  NodeId args = kNoNode;    // a tuple
  NodeId kwargs = kNoNode;  // kNewEx only
  NodeId state = kNoNode;   // what __setstate__ or __dict__ is given
  ChildRange items;         // appended one by one
  ChildRange entries;       // set one by one: key, value, key, value, ...
  // What the object turned out to be; its meaning depends on the node's kind:
  // an index of tensors_, dtypes, devices_ and so on.
  uint32_t meaning = 0;
};

// A `module.name` that the graph refers to.
struct GlobalRecord {
  absl::string_view module;
  absl::string_view name;
  // The str nodes that spelt them (pickle protocol 4 and later), or kNoNode.
  NodeId module_node = kNoNode;
  NodeId name_node = kNoNode;
};

// A storage as the graph refers to it.
struct StorageRecord {
  Storage storage;
  DType dtype = DType::kUInt8;  // what it counts its elements in
  bool untyped = false;         // counts bytes: torch.UntypedStorage
  // The str nodes of the key and the location that the file had, or kNoNode.
  NodeId key_node = kNoNode;
  NodeId location_node = kNoNode;
  // Whether the file had another str for the location at each reference.
  bool location_is_fresh = false;
};

// ObjectGraph
//
// Thread-safety: const methods may be called from any number of threads, as
// long as none calls another.
class ObjectGraph {
 public:
  ObjectGraph();
  ObjectGraph(const ObjectGraph&) = delete;
  ObjectGraph& operator=(const ObjectGraph&) = delete;

  static constexpr NodeId kNone = 0;
  static constexpr NodeId kFalse = 1;
  static constexpr NodeId kTrue = 2;
  static constexpr NodeId kEmptyTuple = 3;

  // Nodes so far; valid ids are smaller.
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }

  // Makes room, for a graph whose size can be guessed.
  void Reserve(uint32_t num_nodes);

  // --- Making nodes --------------------------------------------------------

  NodeId AddBool(bool value) { return value ? kTrue : kFalse; }
  NodeId AddInt(int64_t value);
  // An integer of any size: two's complement, little-endian. One that fits 64
  // bits becomes an ordinary integer.
  NodeId AddBigInt(absl::string_view twos_complement);
  NodeId AddFloat(double value);
  NodeId AddComplex(double real, double imag);
  // Text is UTF-8 as Python's "surrogatepass" writes it. Bytes are copied.
  // Runs of 4 GiB or more do not fit a node: the caller checks.
  NodeId AddStr(absl::string_view text);
  NodeId AddBytes(absl::string_view bytes);
  NodeId AddByteArray(absl::string_view bytes);
  NodeId AddList(absl::Span<const NodeId> items = {});
  NodeId AddTuple(absl::Span<const NodeId> items);
  NodeId AddDict();
  NodeId AddSet(absl::Span<const NodeId> items = {});
  NodeId AddFrozenSet(absl::Span<const NodeId> items);
  // The node of `module.name`: the same for the same names.
  NodeId AddGlobal(absl::string_view module, absl::string_view name);
  // That node if there is one, else kNoNode.
  NodeId FindGlobal(absl::string_view module, absl::string_view name) const;
  NodeId AddObject(ObjectForm form, NodeId callable, NodeId args,
                   NodeId kwargs = kNoNode);
  // `storage` as elements of `dtype`; the same node for the same pair.
  NodeId AddStorage(StorageRecord record);
  NodeId AddTensor(Tensor tensor);
  NodeId AddParameter(Tensor tensor);
  NodeId AddDType(DType dtype);
  NodeId AddDevice(const Device& device);
  NodeId AddSize(absl::Span<const int64_t> sizes);
  NodeId AddLayout(Layout layout);

  // Appends to a list, a set, or an object's items.
  void AppendItems(NodeId node, absl::Span<const NodeId> items);
  // Appends key, value, key, value, ... to a dict or an object's entries.
  // Equal keys are not looked for: see `RemoveDuplicateKeys` and `SetEntry`.
  void AppendEntries(NodeId node, absl::Span<const NodeId> keys_and_values);
  void SetState(NodeId object, NodeId state);

  // Says what an object or a global turned out to be. It keeps how it was made.
  void BecomeTensor(NodeId object, Tensor tensor, bool is_parameter);
  void BecomeDict(NodeId object);  // its entries are a dict's
  void BecomeDType(NodeId global, DType dtype);
  void BecomeDevice(NodeId object, const Device& device);
  void BecomeSize(NodeId object, NodeId tuple);
  void BecomeLayout(NodeId object, Layout layout);

  // --- Reading nodes -------------------------------------------------------

  ValueKind kind(NodeId node) const { return nodes_[node].kind; }

  int64_t int_value(NodeId node) const { return nodes_[node].i; }
  // Whether an integer does not fit 64 bits.
  bool is_big_int(NodeId node) const { return nodes_[node].flags & kBig; }
  double float_value(NodeId node) const { return nodes_[node].d; }
  std::complex<double> complex_value(NodeId node) const {
    return complexes_[nodes_[node].a];
  }
  // The text of a str, the bytes of bytes or bytearray, the two's complement
  // of a big integer. Valid as long as the graph.
  absl::string_view text(NodeId node) const {
    return {nodes_[node].text, nodes_[node].a};
  }
  // Children of a list, tuple, set or frozenset; an object's items. Valid
  // until the graph changes.
  absl::Span<const NodeId> items(NodeId node) const;
  // Keys and values in turn, of a dict or of an object's entries.
  absl::Span<const NodeId> entries(NodeId node) const;

  // Whether a call made the node, so that it has an object record.
  bool is_object(NodeId node) const { return nodes_[node].flags & kObject; }
  const ObjectRecord& object(NodeId node) const {
    return objects_[nodes_[node].a];
  }
  // Whether the node is spelt `module.name`: a global, or a dtype from a file.
  bool is_global(NodeId node) const { return nodes_[node].flags & kGlobal; }
  const GlobalRecord& global(NodeId node) const {
    return globals_[nodes_[node].a];
  }
  // The global's index in `globals()`.
  uint32_t global_index(NodeId node) const { return nodes_[node].a; }
  GlobalRecord& mutable_global(NodeId node) { return globals_[nodes_[node].a]; }

  const Tensor& tensor(NodeId node) const {
    return tensors_[meaning(node)];
  }
  bool is_parameter(NodeId node) const {
    return nodes_[node].flags & kParameter;
  }
  const StorageRecord& storage(NodeId node) const {
    return storages_[nodes_[node].a];
  }
  DType dtype(NodeId node) const { return static_cast<DType>(nodes_[node].b); }
  const Device& device(NodeId node) const { return devices_[meaning(node)]; }
  Layout layout(NodeId node) const {
    return static_cast<Layout>(meaning(node));
  }
  // The integers of a torch.Size.
  absl::Span<const NodeId> size_items(NodeId node) const;

  StorageRecord& mutable_storage(NodeId node) {
    return storages_[nodes_[node].a];
  }

  // Every storage that the graph refers to, in the order of first reference.
  absl::Span<const StorageRecord> storages() const { return storages_; }
  absl::Span<const GlobalRecord> globals() const { return globals_; }

  // The str node of a word that Python keeps once for everybody ("storage",
  // "cpu", "latin1"): the one that the file had, where a codec has noted it,
  // else kNoNode.
  NodeId shared_word(absl::string_view word) const;
  void NoteSharedWord(absl::string_view word, NodeId node);

  // Puts `storage` in the place of another of the same size, in the storages
  // and in every tensor. For a load whose map function returns a new one.
  void ReplaceStorage(const Storage& from, const Storage& to);

  // Whether two nodes are equal as dict keys: Python's ==, for the types that
  // a key usually has; identity for tensors and objects. False where that
  // cannot be decided within a fixed number of steps.
  bool KeysEqual(NodeId a, NodeId b) const;
  // Equal keys have equal hashes.
  uint64_t KeyHash(NodeId node) const;
  // Whether Python could use the node as a key: not for list, dict, set and
  // bytearray.
  bool IsHashable(NodeId node) const;

  // Leaves of equal keys of each dict the first key with the last value, as
  // Python would. Complexity: O(number of entries).
  //
  // Errors: kDataLoss - a key that Python cannot hash.
  absl::Status RemoveDuplicateKeys();

  // The value node of the entry of `dict` whose key is the str `key`, or
  // kNoNode. The first look-up in a dict of more than a few entries costs
  // O(entries), later ones O(1).
  NodeId FindStr(NodeId dict, absl::string_view key) const;

  // Copies `node` of `from`, and all that it refers to, into this graph, and
  // returns the copy. What was shared or cyclic stays so; storages and tensors
  // become shared by both graphs. O(size of `from`).
  NodeId Import(const ObjectGraph& from, NodeId node);

  // Sets the entry of `dict` whose key equals `key`, or appends one. Amortised
  // O(1), once a dict of more than a few entries has been indexed.
  void SetEntry(NodeId dict, NodeId key, NodeId value);

 private:
  enum Flags : uint8_t {
    kObject = 1,
    kGlobal = 2,
    kParameter = 4,
    kBig = 8,
  };

  struct Node {
    ValueKind kind;
    uint8_t flags;
    uint16_t b;
    uint32_t a;
    union {
      int64_t i;
      double d;
      const char* text;
      struct {
        uint32_t count;
        uint32_t capacity;
      } run;
    };
  };
  static_assert(sizeof(Node) == 16, "a node is 16 bytes");

  NodeId AddNode(ValueKind kind, uint32_t a = 0);
  NodeId AddText(ValueKind kind, absl::string_view text);
  NodeId AddRun(ValueKind kind, absl::Span<const NodeId> items);
  const char* CopyText(absl::string_view text);
  void Append(ChildRange& range, absl::Span<const NodeId> items);
  void AppendToNode(NodeId node, absl::Span<const NodeId> items);
  uint32_t meaning(NodeId node) const {
    return is_object(node) ? objects_[nodes_[node].a].meaning : nodes_[node].a;
  }
  void Become(NodeId object, ValueKind kind, uint32_t meaning);
  void DropIndex(NodeId dict);
  void AppendEntriesKeepingIndex(NodeId node,
                                 absl::Span<const NodeId> keys_and_values);
  // The entry of `dict` with this str key, or kNoEntry.
  uint32_t FindStrEntry(NodeId dict, absl::string_view key) const;

  std::vector<Node> nodes_;
  std::vector<NodeId> children_;
  std::vector<ObjectRecord> objects_;
  std::vector<GlobalRecord> globals_;
  std::vector<Tensor> tensors_;
  std::vector<StorageRecord> storages_;
  std::vector<Device> devices_;
  std::vector<std::complex<double>> complexes_;
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, NodeId>
      global_nodes_;
  absl::flat_hash_map<std::pair<const void*, uint32_t>, NodeId> storage_nodes_;
  absl::flat_hash_map<absl::string_view, NodeId> shared_words_;

  std::vector<std::unique_ptr<char[]>> arena_;
  char* arena_next_ = nullptr;
  size_t arena_left_ = 0;

  struct Indexes;
  std::shared_ptr<Indexes> indexes_;
};

}  // namespace ferry

#endif  // FERRY_CORE_OBJECT_GRAPH_H_
