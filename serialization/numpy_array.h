// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/numpy_array.h
// -----------------------------------------------------------------------------
//
// NumPy's arrays, scalars and dtypes in a checkpoint. They are objects there,
// and are saved again as such; these functions see the numbers in them.
//
// Example: an array of a training checkpoint as a tensor.
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

// An array or a scalar, as the pickle has it.
struct NumpyArray {
  DType dtype = DType::kFloat32;
  Dimensions shape;    // empty of a scalar
  Dimensions strides;  // in elements: row-major or column-major
  // Of all elements. Text of the graph.
  absl::string_view bytes;
  bool is_big_endian = false;
};

// What the node says, if it is an `ndarray` (also of a subclass, such as
// `matrix`) or a NumPy scalar, in the forms of NumPy 1 and 2 for any pickle
// protocol. O(rank).
//
// Errors:
//   kInvalidArgument - neither.
//   kUnimplemented   - of objects, text, dates, or of fields: no tensor's
//                      elements.
//   kDataLoss        - it contradicts itself.
absl::StatusOr<NumpyArray> ReadNumpyArray(const ObjectGraph& graph,
                                          NodeId node);

// The array or scalar as a tensor on the CPU, with a copy of its elements in
// the host's byte order. Errors: as `ReadNumpyArray`; kResourceExhausted -
// there is no memory.
absl::StatusOr<Tensor> TensorFromNumpy(const Value& value);

// The dtype that a `numpy.dtype` object is. Errors: as `ReadNumpyArray`.
absl::StatusOr<DType> DTypeFromNumpy(const Value& value);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_NUMPY_ARRAY_H_
