// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/value.h
// -----------------------------------------------------------------------------
//
// `Value` is what Python would hold: the contents of a checkpoint, from a plain
// number to a whole training state.
//
// Example: read a weight out of a checkpoint.
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value weight, checkpoint.At("/model/fc.weight"));
//   FERRY_ASSIGN_OR_RETURN(Tensor tensor, weight.AsTensor());
//
// Example: build a state_dict and save it.
//
//   Value state = Value::OrderedDict();
//   FERRY_RETURN_IF_ERROR(state.Set("fc.weight", Value(weight)));
//   FERRY_RETURN_IF_ERROR(state.Set("steps", Value(1000)));
//   FERRY_RETURN_IF_ERROR(Save(state, "model.pt"));
#ifndef FERRY_VALUE_VALUE_H_
#define FERRY_VALUE_VALUE_H_

#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value_kind.h"

namespace ferry {

// Value
//
// A handle to one node of an object graph. Copies are cheap and are the same
// Python object: what is appended to a list through one handle is seen through
// the others. Putting a value of another graph into a container copies its
// nodes, with what is shared among them, and shares its storages; the handle
// that was put in still means the original.
//
// A handle keeps its whole graph alive, and with it every storage of the
// checkpoint. A `Tensor` keeps only its own storage.
//
// Thread-safety: const methods may be called from any number of threads on
// values of one graph; `Append`, `Set`, `SetAttribute` and putting a value into
// a container must not overlap with any other use of the graph.
class Value {
 public:
  // None.
  Value();

  // One per type; a conversion to bool of anything else does not compile.
  Value(bool value);  // NOLINT
  // An int, of any integer type but char.
  template <typename T, std::enable_if_t<std::is_integral_v<T> &&
                                             !std::is_same_v<T, bool> &&
                                             !std::is_same_v<T, char>,
                                         int> = 0>
  Value(T value)  // NOLINT
      : Value(std::is_signed_v<T> ? FromSigned(static_cast<int64_t>(value))
                                  : FromUnsigned(value)) {}
  Value(double value);                // NOLINT
  Value(std::complex<double> value);  // NOLINT
  // A str. The text must be UTF-8, in which lone surrogates may stand as in
  // Python; `Save` refuses any other.
  Value(absl::string_view text);   // NOLINT
  Value(const char* text);         // NOLINT
  Value(const std::string& text);  // NOLINT
  Value(const Tensor& tensor);     // NOLINT
  template <typename T>
  Value(T*) = delete;  // not a bool

  // A `torch.nn.Parameter` over the tensor's elements; it requires a gradient
  // if the tensor does.
  static Value Parameter(const Tensor& tensor);

  static Value Bytes(absl::string_view bytes);
  static Value ByteArray(absl::string_view bytes);
  static Value List(absl::Span<const Value> items = {});
  static Value Tuple(absl::Span<const Value> items);
  static Value Dict();
  // `collections.OrderedDict`, which a `state_dict` is.
  static Value OrderedDict();
  // An object of a Python class, as `global.__new__(global, *arguments)` makes
  // it and `SetAttribute` completes it, or what `global(*arguments)` returns:
  // for whoever will read it in Python. `global` is "module.name"; without a
  // module it is one of builtins. `Save` refuses any other text.
  static Value Object(absl::string_view global,
                      absl::Span<const Value> arguments = {});
  static Value Call(absl::string_view global,
                    absl::Span<const Value> arguments = {});
  static Value FromDType(DType dtype);
  static Value FromDevice(const Device& device);
  static Value Size(absl::Span<const int64_t> sizes);

  ValueKind kind() const { return graph_->kind(node_); }
  bool is_none() const { return kind() == ValueKind::kNone; }
  bool is_dict() const { return kind() == ValueKind::kDict; }
  bool is_tensor() const { return kind() == ValueKind::kTensor; }

  // Whether both handles are one Python object (`is`). None, True, False and
  // the empty tuple are one object each within a graph.
  bool IsSame(const Value& other) const {
    return graph_ == other.graph_ && node_ == other.node_;
  }

  // What the value holds. Each fails with kInvalidArgument, naming what the
  // value is, if it is something else.
  absl::StatusOr<bool> AsBool() const;
  // Of an int; kOutOfRange if it does not fit 64 bits.
  absl::StatusOr<int64_t> AsInt() const;
  // Of a float or an int.
  absl::StatusOr<double> AsFloat() const;
  absl::StatusOr<std::complex<double>> AsComplex() const;
  // UTF-8. Valid for as long as any handle to the graph lives.
  absl::StatusOr<absl::string_view> AsStr() const;
  // Of bytes or bytearray. Valid likewise.
  absl::StatusOr<absl::string_view> AsBytes() const;
  absl::StatusOr<Tensor> AsTensor() const;
  absl::StatusOr<Storage> AsStorage() const;
  absl::StatusOr<DType> AsDType() const;
  absl::StatusOr<Device> AsDevice() const;
  // Of a torch.Size.
  absl::StatusOr<std::vector<int64_t>> AsSize() const;
  absl::StatusOr<Layout> AsLayout() const;

  // Whether a tensor is a `torch.nn.Parameter`.
  bool is_parameter() const;

  // How many items a list, tuple, set, frozenset or torch.Size has, or entries
  // a dict, or items and entries an object; 0 of anything else.
  size_t size() const;

  // The item at `index` of a list, tuple, set (in the order of the file),
  // frozenset or torch.Size, or of an object that was given items.
  //
  // Errors: kOutOfRange - `index` is not below the number of items.
  absl::StatusOr<Value> Item(size_t index) const;

  // The key and the value of entry `index`, in the order of insertion, of a
  // dict or of an object that was given entries.
  //
  // Errors: kOutOfRange - `index` is not below the number of entries.
  absl::StatusOr<std::pair<Value, Value>> Entry(size_t index) const;

  // The value of a dict's entry with this str key.
  //
  // Errors:
  //   kNotFound        - there is none; the message lists keys that there are,
  //                      and proposes some that are spelt alike. Making it
  //                      compares `key` with the first 4096 keys: to ask
  //                      whether a key is there, use `Contains`.
  //   kInvalidArgument - not a dict.
  absl::StatusOr<Value> Get(absl::string_view key) const;

  // Whether the value is a dict that has an entry with this str key. O(1) once
  // the dict has been indexed; makes no message.
  bool Contains(absl::string_view key) const;

  // The value at a path: a JSON Pointer (RFC 6901). A step is a dict's key (as
  // Python's `str(key)`), the index of a list's or tuple's item, an attribute
  // of an object, or the index of an argument that the object was made with.
  // "" is the value itself; "/model/fc.weight" two steps; "~1" stands for "/"
  // and "~0" for "~" in a key. Where the keys 1 and "1" are in one dict, "1~20"
  // is the value of the first of them and "1~21" that of the second.
  //
  // Errors:
  //   kInvalidArgument - not a JSON Pointer, or two keys of one dict read alike
  //                      (1 and "1"), which the message names.
  //   kNotFound        - a step leads nowhere; the message says which, and what
  //                      there is, and proposes pointers that are spelt alike.
  //                      Making it looks at thousands of nodes: to ask whether
  //                      a key is there, use `Contains`.
  absl::StatusOr<Value> At(absl::string_view pointer) const;

  // The attribute `name` of an object, or of a dict that has attributes, such
  // as the `_metadata` of a state_dict.
  //
  // Errors: kNotFound - there is none; the message costs as much as that of
  //         `Get`.
  absl::StatusOr<Value> Attribute(absl::string_view name) const;

  // Of a global, and of the class or function that made an object:
  // "torch.nn.modules.linear.Linear". Empty of anything else, and of objects
  // that something else than a global made.
  std::string GlobalName() const;

  // The arguments that an object was made with, a tuple.
  //
  // Errors: kInvalidArgument - nothing that a call made.
  absl::StatusOr<Value> Arguments() const;

  // Appends to a list.
  //
  // Errors: kInvalidArgument - not a list.
  absl::Status Append(const Value& item) const;

  // Sets the value of the entry whose key equals `key`; that entry keeps its
  // own key. If there is none, appends an entry.
  //
  // Errors: kInvalidArgument - not a dict, or a key that Python cannot hash.
  //         The dict is unchanged.
  absl::Status Set(absl::string_view key, const Value& value) const;
  absl::Status Set(const Value& key, const Value& value) const;
  // A literal would fit both of these equally well.
  absl::Status Set(const char* key, const Value& value) const {
    return Set(absl::string_view(key), value);
  }
  absl::Status Set(const std::string& key, const Value& value) const {
    return Set(absl::string_view(key), value);
  }

  // Sets an attribute of an object, or of an OrderedDict, such as `_metadata`.
  //
  // Errors: kInvalidArgument - the value has no attributes, or a state that is
  //                            none of attributes.
  absl::Status SetAttribute(absl::string_view name, const Value& value) const;

  // --- For codecs and tools --------------------------------------------------

  // The node `node` of `graph`.
  Value(std::shared_ptr<ObjectGraph> graph, NodeId node)
      : graph_(std::move(graph)), node_(node) {}
  const std::shared_ptr<ObjectGraph>& graph() const { return graph_; }
  NodeId node() const { return node_; }

 private:
  static Value MakeObject(ObjectForm form, absl::string_view global,
                          absl::Span<const Value> arguments);
  static Value FromSigned(int64_t value);
  static Value FromUnsigned(uint64_t value);
  Value Wrap(NodeId node) const { return Value(graph_, node); }
  absl::Status WrongKind(absl::string_view wanted) const;
  // The node in this graph for `value`, which may be of another.
  NodeId Import(const Value& value) const;

  std::shared_ptr<ObjectGraph> graph_;
  NodeId node_;
};

}  // namespace ferry

#endif  // FERRY_VALUE_VALUE_H_
