// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/object_graph.h
// -----------------------------------------------------------------------------
//
// The representation behind `Value`: the object graph of a checkpoint in flat
// arrays. Codecs (serialization/) and `Value` use it; programs use `Value`.
//
// A node takes 16 bytes. Text is in an arena, children are in one array, and a
// table records how objects were made. Nodes are never removed. The graph is
// freed as a whole, so cycles need no special treatment, and nothing here
// recurses.
//
// Every node has its own identity: two nodes with equal text are two Python
// objects. The exceptions are None, True, False and the empty tuple, which are
// unique in Python, too.
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

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

// How Python makes the object when it loads the file.
enum class ObjectForm : uint8_t {
  kCall,   // callable(*args)
  kNew,    // callable.__new__(callable, *args)
  kNewEx,  // callable.__new__(callable, *args, **kwargs)
  // Without arguments: callable.__new__(callable) if the callable is a class
  // that has no __getinitargs__, else callable(). Python 2 made instances of
  // old-style classes like that.
  kInstance,
};

// A range in the graph's array of children.
struct ChildRange {
  uint32_t start = 0;
  uint32_t count = 0;
  uint32_t capacity = 0;
};

// How an object was made by a call. Excludes the items and entries that were
// added to it afterwards.
struct ObjectRecord {
  ObjectForm form = ObjectForm::kCall;
  NodeId callable = kNoNode;
  NodeId args = kNoNode;    // a tuple
  NodeId kwargs = kNoNode;  // kNewEx only
  NodeId state = kNoNode;   // what __setstate__ or __dict__ is given
  // The function that is called with the object and its state, instead of
  // setting the state as above. Else kNoNode.
  NodeId state_setter = kNoNode;
  // If an object's arguments refer back to the object, Python also writes the
  // object inside its own arguments, and drops the outer copy when it loads the
  // file. This is the outer copy, or kNoNode; only its call matters. Its own
  // `dropped` is the next copy further in.
  NodeId dropped = kNoNode;
};

// A `module.name` that the graph refers to.
struct GlobalRecord {
  absl::string_view module;
  absl::string_view name;
  // For a class whose source code is in the file, the tuple ("module", class,
  // name of the source file or None, source code or None). Else kNoNode.
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
// Metadata that a codec attaches to a graph that it read, so that it can write
// the same bytes again: details of the encoding that the graph does not
// represent. Each codec derives its own class, recognises it by `dynamic_cast`,
// and ignores the notes of other codecs.
class CodecNotes {
 public:
  CodecNotes() = default;
  CodecNotes(const CodecNotes&) = delete;
  CodecNotes& operator=(const CodecNotes&) = delete;
  virtual ~CodecNotes() = default;
};

class HugePageResource;
class KeyClasses;
class PagePool;
class ScalarKey;

// ObjectGraph
//
// Thread-safety: any number of threads may call const methods, as long as no
// thread calls a non-const method.
class ObjectGraph {
 public:
  // Memory that is reserved comes from `page_pool`, if that is not null.
  explicit ObjectGraph(std::shared_ptr<PagePool> page_pool = nullptr);
  ~ObjectGraph();
  ObjectGraph(const ObjectGraph&) = delete;
  ObjectGraph& operator=(const ObjectGraph&) = delete;

  static constexpr NodeId kNone = 0;
  static constexpr NodeId kFalse = 1;
  static constexpr NodeId kTrue = 2;
  static constexpr NodeId kEmptyTuple = 3;

  // The most nodes that a reader may let a graph have, so that their number
  // fits in 32 bits. It may add a few thousand before it looks.
  static constexpr uint32_t kMaxNodes = uint32_t{1} << 31;

  // The number of nodes. Valid ids are smaller than this.
  uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }

  // The size of the array of children, including spare capacity. It must fit in
  // 32 bits; the caller checks that.
  uint64_t num_references() const { return children_.size(); }

  // About how much memory the graph takes, in bytes, without spare capacity and
  // without indexes. O(1).
  uint64_t memory_bytes() const;

  // The size of what the graph was made from, in bytes: of the file that it was
  // read from, plus the memory of what was added since. What work on the graph
  // may cost is in proportion to it (core/budget.h). O(1).
  uint64_t stored_bytes() const {
    return file_bytes_ + memory_bytes() - bytes_from_file_;
  }

  // Notes that all of the graph was read from a file of this size.
  void set_file_bytes(uint64_t file_bytes) {
    file_bytes_ = file_bytes;
    bytes_from_file_ = memory_bytes();
  }

  // Reserves memory in an empty graph, from estimates of the number of nodes,
  // of the number of storages (with one tensor each), and of the size of the
  // text.
  void Reserve(uint64_t num_nodes, uint64_t num_tensors, uint64_t text_bytes);

  // --- Making nodes ----------------------------------------------------------

  NodeId AddBool(bool value) { return value ? kTrue : kFalse; }
  NodeId AddInt(int64_t value);
  // Adds an integer of any size, given as little-endian two's complement. If it
  // fits in 64 bits, adds an ordinary integer.
  NodeId AddBigInt(absl::string_view twos_complement);
  NodeId AddFloat(double value);
  NodeId AddComplex(double real, double imag);
  // Text is UTF-8 and may contain lone surrogates, as in Python's
  // "surrogatepass". The bytes are copied. The caller checks that their size is
  // below 4 GiB, the limit of a node.
  NodeId AddStr(absl::string_view text);
  NodeId AddBytes(absl::string_view bytes);
  NodeId AddByteArray(absl::string_view bytes);
  // Adds a bytearray that shares the bytes of a bytes node.
  NodeId AddByteArrayOf(NodeId bytes);
  NodeId AddList(absl::Span<const NodeId> items = {});
  NodeId AddTuple(absl::Span<const NodeId> items);
  NodeId AddDict();
  NodeId AddSet(absl::Span<const NodeId> items = {});
  NodeId AddFrozenSet(absl::Span<const NodeId> items);
  // Returns the node of `module.name`, and adds it if there is none yet.
  NodeId AddGlobal(absl::string_view module, absl::string_view name);
  // Returns the node of `module.name`, or kNoNode if there is none.
  NodeId FindGlobal(absl::string_view module, absl::string_view name) const;
  NodeId AddObject(ObjectForm form, NodeId callable, NodeId args,
                   NodeId kwargs = kNoNode);
  // Returns the node of the record's storage and dtype, and adds it if there is
  // none yet.
  NodeId AddStorage(StorageRecord record);
  // Adds a node for the record without checking whether there is one for its
  // storage and dtype already. There must be none.
  NodeId AddNewStorage(StorageRecord record);
  NodeId AddTensor(Tensor tensor);
  NodeId AddParameter(Tensor tensor);
  NodeId AddDType(DType dtype);
  NodeId AddDevice(const Device& device);
  NodeId AddSize(absl::Span<const int64_t> sizes);
  // As AddSize, but takes the sizes from nodes that hold 64-bit integers.
  NodeId AddSizeOf(absl::Span<const NodeId> ints);
  NodeId AddLayout(Layout layout);

  // Appends to a list, a set, or an object's items.
  void AppendItems(NodeId node, absl::Span<const NodeId> items);
  // Appends key, value, key, value, ... to a dict or an object's entries. Does
  // not check for equal keys: see `RemoveDuplicateKeys` and `SetEntry`.
  void AppendEntries(NodeId node, absl::Span<const NodeId> keys_and_values);
  void SetState(NodeId object, NodeId state, NodeId state_setter = kNoNode);

  // Records a call that was dropped in favour of `object` and that is further
  // out than all calls recorded before.
  void AddDroppedCall(NodeId object, NodeId dropped);

  // Turn an object or a global into a node of another kind. The node keeps the
  // record of how it was made.
  void BecomeTensor(NodeId object, Tensor tensor, bool is_parameter);
  void BecomeDict(NodeId object);  // its entries are a dict's
  void BecomeDType(NodeId global, DType dtype);
  void BecomeDevice(NodeId object, const Device& device);
  void BecomeSize(NodeId object, NodeId tuple);
  void BecomeLayout(NodeId object, Layout layout);

  // --- Reading nodes ---------------------------------------------------------

  ValueKind kind(NodeId node) const { return nodes_[node].kind; }

  int64_t int_value(NodeId node) const { return nodes_[node].i; }
  // Whether an integer does not fit in 64 bits.
  bool is_big_int(NodeId node) const { return nodes_[node].flags & kBig; }
  // Whether the node is an int that fits in 64 bits.
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
  // The children of a list, tuple, set or frozenset, or the items of an object.
  // Valid until the graph changes.
  absl::Span<const NodeId> items(NodeId node) const;
  // The keys and values of a dict, or of an object's entries, alternating.
  absl::Span<const NodeId> entries(NodeId node) const;

  // Whether the node was made by a call and therefore has an object record.
  bool is_object(NodeId node) const { return nodes_[node].flags & kObject; }
  // Returns a copy of the object record.
  ObjectRecord object(NodeId node) const {
    const Call& call = calls_[nodes_[node].a];
    const Made& made = made_[call.made];
    return {call.form,  call.callable,     call.args,   made.kwargs,
            made.state, made.state_setter, made.dropped};
  }
  // The object's state as a span of one node, or an empty span. Valid until the
  // graph changes.
  absl::Span<const NodeId> state_run(NodeId object) const {
    const Made& made = this->made(object);
    return {&made.state, made.state == kNoNode ? size_t{0} : size_t{1}};
  }
  // Whether the file spells the node as `module.name`: a global, or a dtype.
  bool is_global(NodeId node) const { return nodes_[node].flags & kGlobal; }
  // Returns an error unless Python may be able to call `node`: a class, a
  // function, or what a call made. kInvalidArgument: "an int is used as a class
  // or function".
  absl::Status CheckIsCallable(NodeId node) const;
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
  // conj, neg) and the dtype that the call gave it. If not, the call no longer
  // describes the tensor.
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

  // Appends every node that `node` refers to, in no particular order: its
  // children, what an object was made from and was given, and the source of a
  // global.
  void AppendReferences(NodeId node, std::vector<NodeId>* references) const;

  // Every storage that the graph refers to, in the order of first reference.
  absl::Span<const StorageRecord> storages() const { return storages_; }
  absl::Span<const GlobalRecord> globals() const { return globals_; }
  // The tensors of all tensor nodes, in no particular order.
  absl::Span<const Tensor> tensors() const { return tensors_; }

  // The notes of the codec that read the graph, or null. They stay valid as the
  // graph grows, because nodes and indexes keep their meaning. `Import` copies
  // no notes.
  const CodecNotes* codec_notes() const { return codec_notes_.get(); }
  CodecNotes* codec_notes() { return codec_notes_.get(); }
  void set_codec_notes(std::unique_ptr<CodecNotes> notes) {
    codec_notes_ = std::move(notes);
  }

  // Replaces each storage that is a key of `replacements` by its value, which
  // must have the same size, in the graph and in its tensors. Needed when a
  // program's own code returns new storages during a load. O(storages +
  // tensors).
  void ReplaceStorages(const HashMap<Storage, Storage>& replacements);

  // Does the same with storages that have as many elements of `dtype`, which
  // becomes the dtype of the tensors. If `untyped` is true, storages in the
  // file have no dtype of their own (torch.UntypedStorage) from now on. A call
  // that gave a tensor its dtype no longer describes it: `has_flags_of_call` is
  // false then. O(storages + nodes).
  void CastStorages(const HashMap<Storage, Storage>& replacements, DType dtype,
                    bool untyped);

  // Returns whether two nodes are equal as dict keys. Compares the usual types
  // of keys by Python's ==, and tensors and objects by identity. Unhashable
  // nodes are equal only to themselves. O(size of the nodes).
  bool KeysEqual(NodeId a, NodeId b) const;

  // Removes duplicates from the dicts and sets among the nodes from `first` on,
  // as Python does. Of equal keys of a dict, keeps the first key with the last
  // value; of equal items of a set, keeps the first. Leaves the entries of
  // other objects alone, because their meaning is up to their class. O(nodes +
  // entries + items).
  //
  // Errors: kDataLoss - a key or an item that Python cannot hash.
  absl::Status RemoveDuplicateKeys(NodeId first = 0);

  // Returns the value of the entry of `dict` whose key is the str `key`, or
  // kNoNode. The first look-up in a dict of more than a few entries takes
  // O(entries), later ones O(1).
  NodeId FindStr(NodeId dict, absl::string_view key) const;
  // Does the same for the int `key`. Does not find an equal bool or float.
  NodeId FindInt(NodeId dict, int64_t key) const;
  // Whether a key is a str or a 64-bit int, which FindStr and FindInt can find.
  bool IsPlainKey(NodeId key) const {
    return kind(key) == ValueKind::kStr || is_int64(key);
  }
  // Whether every key is plain. Costs as much as `FindStr`.
  bool HasPlainKeys(NodeId dict) const;

  // Copies `node` of `from`, and everything that it refers to, into this graph,
  // and returns the copy. Preserves sharing and cycles. Both graphs then share
  // the storages and tensors. O(nodes copied).
  NodeId Import(const ObjectGraph& from, NodeId node);

  // Sets the entry of `dict` whose key is the str `key`, or appends one. Adds a
  // node for the key only if it appends. Amortised O(1), once a dict of more
  // than a few entries has been indexed.
  void SetEntry(NodeId dict, absl::string_view key, NodeId value);
  // Does the same for the key `key`, a node of `from`. If `from` is another
  // graph, imports the key when it appends an entry; a key that contains a
  // storage is imported by every call.
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

  // How many children a node has, and how many it has room for.
  struct Run {
    uint32_t count;
    uint32_t capacity;
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
      Run run;
    };
  };
  static_assert(sizeof(Node) == 16, "a node is 16 bytes");

  // The call that made an object. Most objects have nothing else.
  struct Call {
    NodeId callable = kNoNode;
    NodeId args = kNoNode;
    // What the object represents, as an index whose meaning depends on the kind
    // of the node: into tensors_, dtypes, devices_ and so on.
    uint32_t meaning = 0;
    uint32_t made = 0;  // index of made_
    ObjectForm form = ObjectForm::kCall;
  };
  // What else an object was made from.
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

  // In the flags that a node stores, if its tensor was cast.
  static constexpr uint16_t kIsCast = 8;
  // Returns the flags of a tensor as a node stores them.
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
  // Returns the object's own `Made`, for writing.
  Made& mutable_made(NodeId object);
  void Become(NodeId object, ValueKind kind, uint32_t meaning);
  // Copies a node of `from` that refers to no other node and is not a global.
  NodeId ImportLeaf(const ObjectGraph& from, NodeId leaf);
  const Index& IndexOf(NodeId dict) const;
  // Returns the index of the entry of `dict` with a key, or kNoEntry.
  static constexpr uint32_t kNoEntry = 0xFFFFFFFF;
  uint32_t FindEntry(NodeId dict, const ScalarKey& key) const;
  void SetValue(NodeId dict, uint32_t entry, NodeId value);
  // Keeps one of several equal keys or items. `children` are those of the node,
  // and `width` is 2 for entries, else 1. Sets `kept` to the number of children
  // left.
  absl::Status RemoveDuplicates(absl::Span<const NodeId> children, int width,
                                KeyClasses* classes, uint32_t* kept);

  // Hash and compare storage nodes by their storage and their unit.
  struct StorageHash {
    size_t operator()(NodeId node) const;
    const ObjectGraph* graph;
  };
  struct StorageEqual {
    bool operator()(NodeId a, NodeId b) const;
    const ObjectGraph* graph;
  };

  // On huge pages, because a graph of many tensors takes tens of MiB.
  const std::unique_ptr<HugePageResource> memory_;
  std::pmr::vector<Node> nodes_;
  std::pmr::vector<NodeId> children_;
  std::pmr::vector<Call> calls_;
  std::vector<Made> made_{1};  // the first is that of all that have no more
  std::vector<GlobalRecord> globals_;
  std::pmr::vector<Tensor> tensors_;
  std::pmr::vector<StorageRecord> storages_;
  std::vector<Device> devices_;
  std::vector<std::complex<double>> complexes_;
  HashMap<std::pair<absl::string_view, absl::string_view>, NodeId>
      global_nodes_;
  // The storage nodes below `storages_indexed_`.
  HashSet<NodeId, StorageHash, StorageEqual> storage_nodes_;
  NodeId storages_indexed_ = 0;

  // Never moves text, so that views of it stay valid.
  std::pmr::monotonic_buffer_resource text_;
  uint64_t text_bytes_ = 0;

  // The size of the file, and of the graph that was read from it. Both are 0
  // for a graph that a program made.
  uint64_t file_bytes_ = 0;
  uint64_t bytes_from_file_ = 0;

  std::unique_ptr<Indexes> indexes_;
  std::unique_ptr<CodecNotes> codec_notes_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_OBJECT_GRAPH_H_
