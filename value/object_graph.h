// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_graph.h
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
#ifndef FERRY_VALUE_OBJECT_GRAPH_H_
#define FERRY_VALUE_OBJECT_GRAPH_H_

#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/huge_pages.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/value_kind.h"

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

// What is known of a node that a call made, but for the items and the entries
// that it was given.
struct ObjectRecord {
  ObjectForm form = ObjectForm::kCall;
  NodeId callable = kNoNode;
  NodeId args = kNoNode;    // a tuple
  NodeId kwargs = kNoNode;  // kNewEx only
  NodeId state = kNoNode;   // what __setstate__ or __dict__ is given
  // What is called with the object and its state instead of those, or kNoNode.
  NodeId state_setter = kNoNode;
  // Where an object's arguments lead to itself, Python writes it inside its own
  // arguments as well, and drops the outer copy: that copy (of which only the
  // call counts), or kNoNode. Its own `dropped` is the copy next further in.
  NodeId dropped = kNoNode;
};

// A `module.name` that the graph refers to.
struct GlobalRecord {
  absl::string_view module;
  absl::string_view name;
  // Of a class whose source text the file has: the tuple ("module", class, name
  // of the source file or None, source text or None). Else kNoNode.
  NodeId source = kNoNode;
};

// A storage as the graph refers to it.
struct StorageRecord {
  Storage storage;
  DType dtype = DType::kUInt8;  // what it counts its elements in
  bool untyped = false;         // counts bytes: torch.UntypedStorage
};

// CodecNotes
//
// What a codec remembers about the bytes that it read a graph from, beyond what
// the graph says, so that it can write the same bytes again. Each codec derives
// its own notes, tells them from those of another by `dynamic_cast`, and
// ignores the others.
class CodecNotes {
 public:
  CodecNotes() = default;
  CodecNotes(const CodecNotes&) = delete;
  CodecNotes& operator=(const CodecNotes&) = delete;
  virtual ~CodecNotes() = default;
};

class KeyClasses;
class ScalarKey;

// ObjectGraph
//
// Thread-safety: const methods may be called from any number of threads, as
// long as none calls another.
class ObjectGraph {
 public:
  ObjectGraph();
  ~ObjectGraph();
  ObjectGraph(const ObjectGraph&) = delete;
  ObjectGraph& operator=(const ObjectGraph&) = delete;

  static constexpr NodeId kNone = 0;
  static constexpr NodeId kFalse = 1;
  static constexpr NodeId kTrue = 2;
  static constexpr NodeId kEmptyTuple = 3;

  // Nodes so far; valid ids are smaller.
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }

  // References to children so far, room to grow included. They are counted in
  // 32 bits: the caller checks.
  uint64_t num_references() const { return children_.size(); }

  // Makes room in a graph that is still empty and whose size can be guessed:
  // for nodes, for storages with a tensor over each, and for text.
  void Reserve(uint32_t num_nodes, uint32_t num_tensors, uint64_t text_bytes);

  // --- Making nodes ----------------------------------------------------------

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
  // A bytearray with the bytes of a bytes node, which are not copied.
  NodeId AddByteArrayOf(NodeId bytes);
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
  // The same where the graph has no node for that pair. Does not look.
  NodeId AddNewStorage(StorageRecord record);
  NodeId AddTensor(Tensor tensor);
  NodeId AddParameter(Tensor tensor);
  NodeId AddDType(DType dtype);
  NodeId AddDevice(const Device& device);
  NodeId AddSize(absl::Span<const int64_t> sizes);
  // The same of nodes that hold integers of 64 bits.
  NodeId AddSizeOf(absl::Span<const NodeId> ints);
  NodeId AddLayout(Layout layout);

  // Appends to a list, a set, or an object's items.
  void AppendItems(NodeId node, absl::Span<const NodeId> items);
  // Appends key, value, key, value, ... to a dict or an object's entries.
  // Equal keys are not looked for: see `RemoveDuplicateKeys` and `SetEntry`.
  void AppendEntries(NodeId node, absl::Span<const NodeId> keys_and_values);
  void SetState(NodeId object, NodeId state, NodeId state_setter = kNoNode);

  // Notes a call that was dropped in favour of `object`, further out than any
  // that has been noted.
  void AddDroppedCall(NodeId object, NodeId dropped);

  // Says what an object or a global turned out to be. It keeps how it was made.
  void BecomeTensor(NodeId object, Tensor tensor, bool is_parameter);
  void BecomeDict(NodeId object);  // its entries are a dict's
  void BecomeDType(NodeId global, DType dtype);
  void BecomeDevice(NodeId object, const Device& device);
  void BecomeSize(NodeId object, NodeId tuple);
  void BecomeLayout(NodeId object, Layout layout);

  // --- Reading nodes ---------------------------------------------------------

  ValueKind kind(NodeId node) const { return nodes_[node].kind; }

  int64_t int_value(NodeId node) const { return nodes_[node].i; }
  // Whether an integer does not fit 64 bits.
  bool is_big_int(NodeId node) const { return nodes_[node].flags & kBig; }
  // Whether it is an int, and one that does.
  bool is_int64(NodeId node) const {
    return kind(node) == ValueKind::kInt && !is_big_int(node);
  }
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
  // A copy.
  ObjectRecord object(NodeId node) const {
    const Call& call = calls_[nodes_[node].a];
    const Made& made = made_[call.made];
    return {call.form,  call.callable,     call.args,   made.kwargs,
            made.state, made.state_setter, made.dropped};
  }
  // The object's state as a run of one node, or of none. Valid until the graph
  // changes.
  absl::Span<const NodeId> state_run(NodeId object) const {
    const Made& made = this->made(object);
    return {&made.state, made.state == kNoNode ? size_t{0} : size_t{1}};
  }
  // Whether the node is spelt `module.name`: a global, or a dtype from a file.
  bool is_global(NodeId node) const { return nodes_[node].flags & kGlobal; }
  const GlobalRecord& global(NodeId node) const {
    return globals_[nodes_[node].a];
  }
  // The global's index in `globals()`.
  uint32_t global_index(NodeId node) const { return nodes_[node].a; }
  GlobalRecord& mutable_global(NodeId node) { return globals_[nodes_[node].a]; }

  const Tensor& tensor(NodeId node) const { return tensors_[meaning(node)]; }
  bool is_parameter(NodeId node) const {
    return nodes_[node].flags & kParameter;
  }
  // Whether a tensor that a call made still has the flags (`requires_grad`,
  // conj, neg) that the call gave it. If not, the call no longer describes the
  // tensor.
  bool has_flags_of_call(NodeId node) const {
    return nodes_[node].b == TensorFlags(tensor(node));
  }
  const StorageRecord& storage(NodeId node) const {
    return storages_[nodes_[node].a];
  }
  // The storage's index in `storages()`.
  uint32_t storage_index(NodeId node) const { return nodes_[node].a; }
  DType dtype(NodeId node) const { return static_cast<DType>(nodes_[node].b); }
  const Device& device(NodeId node) const { return devices_[meaning(node)]; }
  Layout layout(NodeId node) const {
    return static_cast<Layout>(meaning(node));
  }
  // The integers of a torch.Size.
  absl::Span<const NodeId> size_items(NodeId node) const;

  // Appends every node that `node` refers to, in no particular order: children,
  // what an object was made with and given, the source of a global.
  void AppendReferences(NodeId node, std::vector<NodeId>* references) const;

  // Every storage that the graph refers to, in the order of first reference.
  absl::Span<const StorageRecord> storages() const { return storages_; }
  absl::Span<const GlobalRecord> globals() const { return globals_; }
  // Every tensor that a node is, in no particular order.
  absl::Span<const Tensor> tensors() const { return tensors_; }

  // The notes of the codec that read the graph, or null. They stay valid as the
  // graph grows, because nodes and indexes keep their meaning. `Import` copies
  // no notes.
  const CodecNotes* codec_notes() const { return codec_notes_.get(); }
  CodecNotes* codec_notes() { return codec_notes_.get(); }
  void set_codec_notes(std::unique_ptr<CodecNotes> notes) {
    codec_notes_ = std::move(notes);
  }

  // Puts other storages of the same sizes in the place of those that are keys
  // of `replacements`, in the graph and in its tensors. For a load in which a
  // program's own code returns new ones. O(storages and tensors).
  void ReplaceStorages(
      const absl::flat_hash_map<Storage, Storage>& replacements);

  // Whether two nodes are equal as dict keys: Python's ==, for the types that
  // a key usually has; identity for tensors and objects. Of what cannot be
  // hashed false, unless it is the same node. O(the nodes' parts).
  bool KeysEqual(NodeId a, NodeId b) const;

  // In the nodes from `first` on: leaves of equal keys of each dict the first
  // key with the last value, and of equal items of each set the first, as
  // Python would. The entries of other objects are left alone: what these do
  // with them is their own affair. O(nodes, entries and items). `scratch` is
  // for what is needed meanwhile.
  //
  // Errors: kDataLoss - a key or an item that Python cannot hash.
  absl::Status RemoveDuplicateKeys(
      NodeId first = 0,
      std::pmr::memory_resource* scratch = std::pmr::get_default_resource());

  // The value node of the entry of `dict` whose key is the str `key`, or
  // kNoNode. The first look-up in a dict of more than a few entries costs
  // O(entries), later ones O(1).
  NodeId FindStr(NodeId dict, absl::string_view key) const;
  // Likewise of the entry whose key is the int `key`, and no bool or float.
  NodeId FindInt(NodeId dict, int64_t key) const;
  // Whether a key is a str, or an int of 64 bits: what FindStr and FindInt
  // find.
  bool IsPlainKey(NodeId key) const {
    return kind(key) == ValueKind::kStr || is_int64(key);
  }
  // Whether every key is plain. Costs as much as `FindStr`.
  bool HasPlainKeys(NodeId dict) const;

  // Copies `node` of `from`, and all that it refers to, into this graph, and
  // returns the copy. What was shared or cyclic stays so; storages and tensors
  // become shared by both graphs. O(the nodes that are copied).
  NodeId Import(const ObjectGraph& from, NodeId node);

  // Sets the entry of `dict` whose key is the str `key`, or appends one. Adds a
  // node for the key only if it appends. Amortised O(1), once a dict of more
  // than a few entries has been indexed.
  void SetEntry(NodeId dict, absl::string_view key, NodeId value);
  // Likewise the entry whose key equals `key`, a node of `from`, which may be
  // another graph: then the key is imported if the entry is appended. A key of
  // another graph that contains a storage is imported by every call.
  //
  // Errors: kInvalidArgument - Python cannot hash the key: it is a list, dict,
  //         set or bytearray, or a tuple or frozenset that contains one.
  //         The dict is unchanged.
  absl::Status SetEntry(NodeId dict, const ObjectGraph& from, NodeId key,
                        NodeId value);

 private:
  enum Flags : uint8_t {
    kObject = 1,
    kGlobal = 2,
    kParameter = 4,
    kBig = 8,
  };

  struct Node {
    ValueKind kind = ValueKind::kNone;
    uint8_t flags = 0;
    uint16_t b = 0;
    uint32_t a = 0;
    union {
      int64_t i = 0;
      double d;
      const char* text;
      struct {
        uint32_t count;
        uint32_t capacity;
      } run;
    };
  };
  static_assert(sizeof(Node) == 16, "a node is 16 bytes");

  // The call that made an object. Of most objects it is all that there is.
  struct Call {
    NodeId callable = kNoNode;
    NodeId args = kNoNode;
    // What the object turned out to be; its meaning depends on the node's kind:
    // an index of tensors_, dtypes, devices_ and so on.
    uint32_t meaning = 0;
    uint32_t made = 0;  // index of made_
    ObjectForm form = ObjectForm::kCall;
  };
  // What else an object has been made of.
  struct Made {
    NodeId kwargs = kNoNode;
    NodeId state = kNoNode;
    NodeId state_setter = kNoNode;
    NodeId dropped = kNoNode;
    ChildRange items;    // appended one by one
    ChildRange entries;  // set one by one: key, value, key, value, ...
  };

  struct Index;
  struct Indexes;

  // The flags of a tensor as a node keeps them.
  static uint16_t TensorFlags(const Tensor& tensor) {
    return static_cast<uint16_t>((tensor.requires_grad() ? 1 : 0) |
                                 (tensor.is_conj() ? 2 : 0) |
                                 (tensor.is_neg() ? 4 : 0));
  }

  NodeId AddNode(ValueKind kind, uint32_t a = 0) {
    Node& node = nodes_.emplace_back();
    node.kind = kind;
    node.a = a;
    return static_cast<NodeId>(nodes_.size() - 1);
  }
  NodeId AddText(ValueKind kind, absl::string_view text);
  NodeId AddRun(ValueKind kind, absl::Span<const NodeId> items);
  const char* CopyText(absl::string_view text);
  void Append(ChildRange& range, absl::Span<const NodeId> items);
  void AppendToNode(NodeId node, absl::Span<const NodeId> items);
  uint32_t meaning(NodeId node) const {
    return is_object(node) ? calls_[nodes_[node].a].meaning : nodes_[node].a;
  }
  Call& call(NodeId object) { return calls_[nodes_[object].a]; }
  const Made& made(NodeId object) const {
    return made_[calls_[nodes_[object].a].made];
  }
  // The object's own, to be written to.
  Made& mutable_made(NodeId object);
  void Become(NodeId object, ValueKind kind, uint32_t meaning);
  // Copies a node of `from` that refers to no other, and is no global.
  NodeId ImportLeaf(const ObjectGraph& from, NodeId leaf);
  void DropIndex(NodeId dict);
  const Index& IndexOf(NodeId dict) const;
  void AppendEntriesKeepingIndex(NodeId node,
                                 absl::Span<const NodeId> keys_and_values);
  // The index of the entry of `dict` with a key, or kNoEntry.
  static constexpr uint32_t kNoEntry = 0xFFFFFFFF;
  uint32_t FindEntry(NodeId dict, const ScalarKey& key) const;
  void SetValue(NodeId dict, uint32_t entry, NodeId value);
  // Appends an entry whose key the dict does not have.
  void AppendNewEntry(NodeId dict, NodeId key, NodeId value);
  // Leaves of equal keys or items one; `children` are the node's, and `width`
  // is 2 for entries. Sets the number of children that are left.
  absl::Status RemoveDuplicates(absl::Span<const NodeId> children, int width,
                                KeyClasses* classes, uint32_t* kept);

  // The bytes of a storage, and what it counts in: what tells the nodes of
  // storages apart.
  struct StorageHash {
    size_t operator()(NodeId node) const;
    const ObjectGraph* graph;
  };
  struct StorageEqual {
    bool operator()(NodeId a, NodeId b) const;
    const ObjectGraph* graph;
  };

  // A graph of many tensors takes tens of MiB.
  HugePageResource memory_;
  std::pmr::vector<Node> nodes_{&memory_};
  std::pmr::vector<NodeId> children_{&memory_};
  std::pmr::vector<Call> calls_{&memory_};
  std::vector<Made> made_{1};  // the first is that of all that have no more
  std::vector<GlobalRecord> globals_;
  std::pmr::vector<Tensor> tensors_{&memory_};
  std::pmr::vector<StorageRecord> storages_{&memory_};
  std::vector<Device> devices_;
  std::vector<std::complex<double>> complexes_;
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, NodeId>
      global_nodes_;
  // Of the nodes below `storages_indexed_`.
  absl::flat_hash_set<NodeId, StorageHash, StorageEqual> storage_nodes_;
  NodeId storages_indexed_ = 0;

  // Where views of text stay valid.
  std::pmr::monotonic_buffer_resource text_{&memory_};

  std::unique_ptr<Indexes> indexes_;
  std::unique_ptr<CodecNotes> codec_notes_;
};

}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_GRAPH_H_
