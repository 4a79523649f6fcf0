// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: value/value.h
// -----------------------------------------------------------------------------
//
// `Value` represents a Python value: the contents of a checkpoint, from a plain
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
inline namespace v1 {

// Value
//
// A handle to one node of an object graph. Copies are cheap and refer to the
// same Python object: an item appended to a list through one handle is visible
// through the others. Putting a value of another graph into a container copies
// the value's nodes, preserves the sharing among them, and shares its storages.
// The handle that was put in still refers to the original.
//
// A handle keeps its whole graph alive, and with it every storage of the
// checkpoint. A `Tensor` keeps only its own storage.
//
// Thread-safety: any number of threads may call const methods on values of one
// graph, except that `Append`, `Set`, `SetAttribute` and putting a value into a
// container must not overlap with any other use of the graph.
class Value {
 public:
  // None.
  Value();

  // A bool. An argument that would have to be converted to bool does not
  // compile.
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
  // A str. The text must be UTF-8 and may contain lone surrogates, as in
  // Python's "surrogatepass"; `Save` refuses any other text.
  Value(absl::string_view text);   // NOLINT
  Value(const char* text);         // NOLINT
  Value(const std::string& text);  // NOLINT
  Value(const Tensor& tensor);     // NOLINT
  template <typename T>
  Value(T*) = delete;  // not a bool

  // Makes a `torch.nn.Parameter` over the tensor's elements. It requires a
  // gradient if the tensor does.
  static Value Parameter(const Tensor& tensor);

  static Value Bytes(absl::string_view bytes);
  static Value ByteArray(absl::string_view bytes);
  static Value List(absl::Span<const Value> items = {});
  static Value Tuple(absl::Span<const Value> items);
  static Value Dict();
  // Makes a `collections.OrderedDict`, the type of a `state_dict`.
  static Value OrderedDict();
  // `Object` makes an object of a Python class, as `global.__new__(global,
  // *arguments)` would; set its attributes with `SetAttribute`. `Call` makes
  // the object that `global(*arguments)` returns. The class or function need
  // only exist in the Python that reads the file. `global` is "module.name"; a
  // name without a module is one of `builtins`. `Save` refuses any other text.
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

  // Returns whether both handles are the same Python object (`is`). Within a
  // graph, None, True, False and the empty tuple are one object each.
  bool IsSame(const Value& other) const {
    return graph_ == other.graph_ && node_ == other.node_;
  }

  // Return the contents of the value. Each returns kInvalidArgument if the
  // value is of another kind; the message names that kind.
  absl::StatusOr<bool> AsBool() const;
  // Returns the value of an int. Returns kOutOfRange if it does not fit in 64
  // bits.
  absl::StatusOr<int64_t> AsInt() const;
  // Returns the value of a float or an int.
  absl::StatusOr<double> AsFloat() const;
  absl::StatusOr<std::complex<double>> AsComplex() const;
  // Returns the text of a str, as UTF-8. Valid as long as any handle to the
  // graph.
  absl::StatusOr<absl::string_view> AsStr() const;
  // Returns the contents of a bytes or a bytearray. Valid as long as any handle
  // to the graph.
  absl::StatusOr<absl::string_view> AsBytes() const;
  absl::StatusOr<Tensor> AsTensor() const;
  absl::StatusOr<Storage> AsStorage() const;
  absl::StatusOr<DType> AsDType() const;
  absl::StatusOr<Device> AsDevice() const;
  // Returns the dimensions of a torch.Size.
  absl::StatusOr<std::vector<int64_t>> AsSize() const;
  absl::StatusOr<Layout> AsLayout() const;

  // Returns whether the value is a tensor that is a `torch.nn.Parameter`.
  bool is_parameter() const;

  // Returns the number of items of a list, tuple, set, frozenset or torch.Size,
  // of entries of a dict, or of items and entries of an object. Returns 0 for
  // anything else.
  size_t size() const;

  // Returns the item at `index` of a list, tuple, set, frozenset or torch.Size,
  // or of an object that has items. The items of a set are in the order of the
  // file.
  //
  // Errors: kOutOfRange - `index` is not below the number of items.
  absl::StatusOr<Value> Item(size_t index) const;

  // Returns the key and the value of entry `index`, in insertion order, of a
  // dict or of an object that has entries.
  //
  // Errors: kOutOfRange - `index` is not below the number of entries.
  absl::StatusOr<std::pair<Value, Value>> Entry(size_t index) const;

  // Returns the value of the dict's entry with this str key.
  //
  // Errors:
  //   kNotFound        - there is no such entry; the message lists existing
  //                      keys and suggests some that are spelt alike. Making it
  //                      compares `key` with the first 4096 keys: to test
  //                      whether a key exists, use `Contains`.
  //   kInvalidArgument - not a dict.
  absl::StatusOr<Value> Get(absl::string_view key) const;

  // Returns whether the value is a dict that has an entry with this str key.
  // O(1) once the dict has been indexed. Makes no error message.
  bool Contains(absl::string_view key) const;

  // Returns the value at a JSON Pointer (RFC 6901). A step is a dict's key (as
  // Python's `str(key)`), the index of an item of a list or tuple, an attribute
  // of an object, or the index of an argument that the object was made with. ""
  // is the value itself; "/model/fc.weight" has two steps. In a key, write "~1"
  // for "/" and "~0" for "~". If the keys 1 and "1" are in one dict, "1~20"
  // selects the first of them and "1~21" the second.
  //
  // Errors:
  //   kInvalidArgument - not a JSON Pointer, or a step matches two keys of one
  //                      dict (1 and "1"), which the message names.
  //   kNotFound        - a step does not exist; the message names it, lists
  //                      what exists instead, and suggests pointers that are
  //                      spelt alike. Making it visits thousands of nodes: to
  //                      test whether a key exists, use `Contains`.
  absl::StatusOr<Value> At(absl::string_view pointer) const;

  // Returns the attribute `name` of an object, or of a dict that has
  // attributes, such as `_metadata` of a state_dict.
  //
  // Errors: kNotFound - there is no such attribute. The message costs as much
  //         as the one of `Get`.
  absl::StatusOr<Value> Attribute(absl::string_view name) const;

  // Returns the name of a global, or of the class or function that made an
  // object: "torch.nn.modules.linear.Linear". Returns an empty string for
  // anything else, and for objects that were not made by a global.
  std::string GlobalName() const;

  // Returns the arguments that an object was made with, as a tuple.
  //
  // Errors: kInvalidArgument - the value was not made by a call.
  absl::StatusOr<Value> Arguments() const;

  // Appends to a list.
  //
  // Errors: kInvalidArgument - not a list.
  absl::Status Append(const Value& item) const;

  // Sets the value of the entry whose key equals `key`. That entry keeps its
  // own key object. If there is no such entry, appends one.
  //
  // Errors: kInvalidArgument - not a dict, or Python cannot hash the key. The
  //         dict is unchanged.
  absl::Status Set(absl::string_view key, const Value& value) const;
  absl::Status Set(const Value& key, const Value& value) const;
  // For string literals, which would otherwise match both of the above.
  absl::Status Set(const char* key, const Value& value) const {
    return Set(absl::string_view(key), value);
  }
  absl::Status Set(const std::string& key, const Value& value) const {
    return Set(absl::string_view(key), value);
  }

  // Sets an attribute of an object, or of an OrderedDict, such as `_metadata`.
  //
  // Errors: kInvalidArgument - the value cannot have attributes, or its state
  //                            does not consist of attributes.
  absl::Status SetAttribute(absl::string_view name, const Value& value) const;

  // --- For codecs and tools --------------------------------------------------

  // Makes a handle to the node `node` of `graph`.
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
  // Returns the node in this graph for `value`, which may be of another graph.
  NodeId Import(const Value& value) const;

  std::shared_ptr<ObjectGraph> graph_;
  NodeId node_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_VALUE_VALUE_H_
