// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/as_strided.h
// -----------------------------------------------------------------------------
//
// Views by shape, strides and offset. Any view of a tensor is one of these, so
// this is how the history of a view is recorded after its base has been
// written in place.
//
// Example: the diagonal of a 3 x 3 matrix.
//
//   auto diagonal = AsStrided(matrix, {3}, {4}, 0);
#ifndef FERRY_AUTOGRAD_OPS_AS_STRIDED_H_
#define FERRY_AUTOGRAD_OPS_AS_STRIDED_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/node.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns the view of the storage of `x` with the given shape, strides and
// offset. Strides and offset are in elements, and the offset counts from the
// start of the storage. If the view repeats an element, its gradient is the sum
// of the gradients of all repetitions. Thread-safe. Takes O(rank) time.
//
// Errors: kInvalidArgument - the view does not lie inside the storage.
//         kUnimplemented   - elements of `x` share memory. The backward pass
//                            returns this error.
absl::StatusOr<Tensor> AsStrided(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 absl::Span<const int64_t> strides,
                                 int64_t offset);

// -----------------------------------------------------------------------------
// What follows is for the engine, which records views and writes through them.
// Programs do not need it.

// Geometry
//
// The layout of a view relative to its base.
struct Geometry {
  // The base.
  Dimensions base_shape;
  Dimensions base_strides;
  // The view. The offset counts from the first element of the base, and may be
  // negative.
  Dimensions shape;
  Dimensions strides;
  int64_t offset = 0;

  // The view must share the storage of the base.
  static absl::StatusOr<Geometry> Of(const Tensor& base, const Tensor& view);
};

// Returns a view of the storage of `x`, conjugated or negated if `x` is.
// Not recorded. The offset counts from the start of the storage.
absl::StatusOr<Tensor> MakeView(const Tensor& x,
                                absl::Span<const int64_t> shape,
                                absl::Span<const int64_t> strides,
                                int64_t offset);

// Returns the elements of `whole`, laid out as the base, that the view covers.
absl::StatusOr<Tensor> TakePart(const Operand& whole, const Geometry& part);

// Returns a copy of `whole` in which the elements that the view covers are
// replaced by `part`, which is broadcast.
absl::StatusOr<Tensor> ReplacePart(const Operand& whole, const Operand& part,
                                   const Geometry& geometry);

// A `ViewInfo::Record`.
absl::StatusOr<std::shared_ptr<Node>> RecordAsStrided(const Tensor& base,
                                                      const Tensor& view);

// The entry of AsStrided.
const Op& AsStridedOp();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_AS_STRIDED_H_
