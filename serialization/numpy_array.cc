// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/numpy_array.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/text.h"
#include "ferry/serialization/transfer/byte_order.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a NumPy array ", what));
}

// The name of the NumPy function or class that made an object by a call, as of
// NumPy 1: "numpy.core.multiarray.scalar". Empty of anything else.
std::string MakerOf(const ObjectGraph& graph, NodeId node) {
  if (graph.kind(node) != ValueKind::kObject) return "";
  const ObjectRecord object = graph.object(node);
  if (object.form != ObjectForm::kCall || !graph.is_global(object.callable)) {
    return "";
  }
  const GlobalRecord& global = graph.global(object.callable);
  absl::string_view module = global.module;
  const bool is_new = absl::ConsumePrefix(&module, "numpy._core");
  return absl::StrCat(is_new ? "numpy.core" : "", module, ".", global.name);
}

// Python 2's strings may be either.
std::optional<absl::string_view> TextOf(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kStr:
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
      return graph.text(node);
    default:
      return std::nullopt;
  }
}

// What follows the byte order in the name of a NumPy dtype.
std::optional<DType> DTypeOfCode(absl::string_view code) {
  static constexpr struct {
    absl::string_view code;
    DType dtype;
  } kRows[] = {
      {"b1", DType::kBool},      {"i1", DType::kInt8},
      {"i2", DType::kInt16},     {"i4", DType::kInt32},
      {"i8", DType::kInt64},     {"u1", DType::kUInt8},
      {"u2", DType::kUInt16},    {"u4", DType::kUInt32},
      {"u8", DType::kUInt64},    {"f2", DType::kFloat16},
      {"f4", DType::kFloat32},   {"f8", DType::kFloat64},
      {"c8", DType::kComplex64}, {"c16", DType::kComplex128},
  };
  for (const auto& row : kRows) {
    if (row.code == code) return row.dtype;
  }
  return std::nullopt;
}

struct NumpyDType {
  DType dtype;
  bool is_big_endian;
};

// `numpy.dtype("f4", False, True)` with the state (version, byte order, ...).
absl::StatusOr<NumpyDType> ReadDType(const ObjectGraph& graph, NodeId node) {
  if (MakerOf(graph, node) != "numpy.dtype") {
    return absl::InvalidArgumentError("the value is not a NumPy dtype");
  }
  const ObjectRecord object = graph.object(node);
  const absl::Span<const NodeId> args = graph.items(object.args);
  const std::optional<absl::string_view> name =
      args.empty() ? std::nullopt : TextOf(graph, args[0]);
  if (!name) return Damaged("has a dtype without a name");
  absl::string_view order = "<";
  if (object.state != kNoNode &&
      graph.kind(object.state) == ValueKind::kTuple &&
      graph.items(object.state).size() > 1) {
    order = TextOf(graph, graph.items(object.state)[1]).value_or("");
  }
  const std::optional<DType> dtype = DTypeOfCode(*name);
  if (!dtype) {
    return absl::UnimplementedError(absl::StrCat(
        "a tensor cannot have NumPy's dtype ", EscapeForMessage(*name)));
  }
  if (order != "<" && order != ">" && order != "=" && order != "|") {
    return Damaged(absl::StrCat("has the byte order ", QuoteForMessage(order)));
  }
  return NumpyDType{*dtype, order == ">"};
}

absl::Status ReadShape(const ObjectGraph& graph, NodeId node,
                       Dimensions* shape) {
  if (graph.kind(node) != ValueKind::kTuple ||
      graph.items(node).size() > static_cast<size_t>(kMaxRank)) {
    return Damaged("has no shape");
  }
  for (NodeId item : graph.items(node)) {
    if (!graph.is_int64(item)) {
      return Damaged("has a size in its shape that is not an integer");
    }
    shape->push_back(graph.int_value(item));
  }
  return absl::OkStatus();
}

// The parts of an array, wherever the form has them.
struct Parts {
  NodeId dtype = kNoNode;
  NodeId shape = ObjectGraph::kEmptyTuple;
  NodeId bytes = kNoNode;
  bool is_column_major = false;
};

absl::StatusOr<Parts> FindParts(const ObjectGraph& graph, NodeId node) {
  const std::string maker = MakerOf(graph, node);
  Parts parts;
  if (maker == "numpy.core.multiarray.scalar") {
    const absl::Span<const NodeId> args = graph.items(graph.object(node).args);
    if (args.size() != 2) {
      return Damaged("has malformed state or arguments");
    }
    parts.dtype = args[0];
    parts.bytes = args[1];
    return parts;
  }
  if (maker == "numpy.core.multiarray._reconstruct") {
    // State: version, shape, dtype, whether it is column-major, elements.
    const NodeId state = graph.object(node).state;
    if (state == kNoNode || graph.kind(state) != ValueKind::kTuple ||
        graph.items(state).size() != 5) {
      return Damaged("has malformed state or arguments");
    }
    const absl::Span<const NodeId> items = graph.items(state);
    parts.shape = items[1];
    parts.dtype = items[2];
    parts.is_column_major = graph.kind(items[3]) == ValueKind::kBool &&
                            graph.int_value(items[3]) != 0;
    parts.bytes = items[4];
    return parts;
  }
  if (maker == "numpy.core.numeric._frombuffer") {
    // Elements, dtype, shape, "C" or "F".
    const absl::Span<const NodeId> args = graph.items(graph.object(node).args);
    if (args.size() < 4) return Damaged("has malformed state or arguments");
    parts.bytes = args[0];
    parts.dtype = args[1];
    parts.shape = args[2];
    const absl::string_view order = TextOf(graph, args[3]).value_or("");
    if (order != "C" && order != "F") {
      return absl::UnimplementedError(
          absl::StrCat("a NumPy array has the order ", QuoteForMessage(order),
                       "; only \"C\" and \"F\" are supported"));
    }
    parts.is_column_major = order == "F";
    return parts;
  }
  return absl::InvalidArgumentError("the value is not a NumPy array or scalar");
}

}  // namespace

absl::StatusOr<NumpyArray> ReadNumpyArray(const ObjectGraph& graph,
                                          NodeId node) {
  FERRY_ASSIGN_OR_RETURN(const Parts parts, FindParts(graph, node));
  absl::StatusOr<NumpyDType> dtype = ReadDType(graph, parts.dtype);
  if (absl::IsInvalidArgument(dtype.status())) return Damaged("has no dtype");
  if (!dtype.ok()) return dtype.status();
  const std::optional<absl::string_view> bytes = TextOf(graph, parts.bytes);
  if (!bytes) return Damaged("has no elements");
  NumpyArray array;
  array.dtype = dtype->dtype;
  array.is_big_endian = dtype->is_big_endian;
  array.bytes = *bytes;
  FERRY_RETURN_IF_ERROR(ReadShape(graph, parts.shape, &array.shape));
  const absl::StatusOr<int64_t> num_elements = NumElements(array.shape);
  uint64_t size_bytes;
  if (!num_elements.ok() ||
      __builtin_mul_overflow(static_cast<uint64_t>(*num_elements),
                             ElementSizeBytes(array.dtype), &size_bytes) ||
      size_bytes != array.bytes.size()) {
    return Damaged(absl::StrCat(
        "of ", Name(array.dtype), " and shape ", ShapeToString(array.shape),
        " has ", array.bytes.size(), " bytes, which do not match its shape"));
  }
  array.strides = ContiguousStrides(array.shape);
  if (parts.is_column_major) {
    int64_t stride = 1;
    for (size_t i = 0; i < array.shape.size(); ++i) {
      array.strides[i] = stride;
      if (array.shape[i] > 1) stride *= array.shape[i];
    }
  }
  return array;
}

absl::StatusOr<Tensor> TensorFromNumpy(const Value& value) {
  FERRY_ASSIGN_OR_RETURN(const NumpyArray array,
                         ReadNumpyArray(*value.graph(), value.node()));
  FERRY_ASSIGN_OR_RETURN(const Storage storage,
                         Storage::Allocate(array.bytes.size()));
  char* const bytes = static_cast<char*>(storage.data());
  if (!array.bytes.empty()) {
    std::memcpy(bytes, array.bytes.data(), array.bytes.size());
  }
  if (array.is_big_endian) {
    SwapByteOrder(bytes, array.bytes.size(), ByteOrderUnitBytes(array.dtype));
  }
  return Tensor::Create(storage, array.dtype, array.shape, array.strides, 0);
}

absl::StatusOr<DType> DTypeFromNumpy(const Value& value) {
  FERRY_ASSIGN_OR_RETURN(const NumpyDType dtype,
                         ReadDType(*value.graph(), value.node()));
  return dtype.dtype;
}

}  // namespace v1
}  // namespace ferry
