// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/numpy_array.h
// -----------------------------------------------------------------------------
//
// Reads NumPy arrays, scalars and dtypes in a checkpoint. Ferry loads and saves
// them as objects; these functions decode the numbers in them.
//
// Example: read an array in a training checkpoint as a tensor.
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value array, checkpoint.At("/history/losses"));
//   FERRY_ASSIGN_OR_RETURN(Tensor losses, TensorFromNumpy(array));
#ifndef FERRY_SERIALIZATION_NUMPY_ARRAY_H_
#define FERRY_SERIALIZATION_NUMPY_ARRAY_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// An array or a scalar, as stored in the pickle.
struct NumpyArray {
  DType dtype = DType::kFloat32;
  Dimensions shape;    // empty for a scalar
  Dimensions strides;  // in elements: row-major or column-major
  // The bytes of all elements. A view into the graph.
  absl::string_view bytes;
  bool is_big_endian = false;
};

// Decodes a node that is an `ndarray` (or of a subclass, such as `matrix`) or a
// NumPy scalar, as NumPy 1 and 2 write them with any pickle protocol. O(rank).
//
// Errors:
//   kInvalidArgument - the node is neither.
//   kUnimplemented   - the elements are objects, text, dates or structures with
//                      fields, which tensors cannot have.
//   kDataLoss        - the array contradicts itself.
absl::StatusOr<NumpyArray> ReadNumpyArray(const ObjectGraph& graph,
                                          NodeId node);

// Returns the array or scalar as a tensor on the CPU, with a copy of its
// elements in the host's byte order. Errors: as `ReadNumpyArray`;
// kResourceExhausted - not enough memory.
absl::StatusOr<Tensor> TensorFromNumpy(const Value& value);

// Returns the dtype of a `numpy.dtype` object. Errors: as `ReadNumpyArray`.
absl::StatusOr<DType> DTypeFromNumpy(const Value& value);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_NUMPY_ARRAY_H_
