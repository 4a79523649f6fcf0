// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/reducing.h
// -----------------------------------------------------------------------------
//
// What ops that reduce dimensions share: the shapes of their results, and the
// beginning of their derivatives. `Attributes::ints` lists the dimensions, and
// the flag says whether to keep them with size 1. An empty list stands for all.
//
// Example: the shape of a matrix whose rows have been summed.
//
//   reducing::ReducedShape after;
//   FERRY_RETURN_IF_ERROR(reducing::ReduceShape(
//       {2, 3}, reducing::WithDims({-1}, /*keep_dims=*/true), after));
//   after.result;  // {2, 1}
//
// Thread-safe. Errors of functions that take dimensions: kOutOfRange - there is
// no such dimension; kInvalidArgument - one is in the list twice.
#ifndef FERRY_AUTOGRAD_OPS_REDUCING_H_
#define FERRY_AUTOGRAD_OPS_REDUCING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace reducing {

struct ReducedShape {
  Dimensions kept;    // reduced dimensions have size 1
  Dimensions result;  // the same, or without them
  int64_t count = 1;  // elements that are reduced to one
};

// Sets `after`, which is new, for the reduction of a tensor of `shape`.
absl::Status ReduceShape(absl::Span<const int64_t> shape,
                         const Attributes& attributes, ReducedShape& after);

// Returns the same elements with another shape, without a record.
absl::StatusOr<Tensor> ViewAs(const Tensor& contiguous,
                              absl::Span<const int64_t> shape);

// Does the same for a tensor with a record.
absl::StatusOr<Tensor> Shaped(const Operand& x,
                              absl::Span<const int64_t> shape);

inline bool IsFloat(DType dtype) {
  return Category(dtype) == DTypeCategory::kFloat;
}

// Computes one reduction with `kernel(x, out)`, where the reduced dimensions of
// `out` have size 1. Returns a result of `dtype`, or the error of the kernel.
template <typename Kernel>
absl::StatusOr<Outputs> Reduce(const Call& call, DType dtype, Kernel kernel) {
  const Tensor& x = call[0].tensor();
  ReducedShape shape;
  FERRY_RETURN_IF_ERROR(ReduceShape(x.shape(), call.attributes(), shape));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape.result, dtype));
  FERRY_ASSIGN_OR_RETURN(const Tensor kept, ViewAs(out, shape.kept));
  FERRY_RETURN_IF_ERROR(kernel(x, kept));
  return out;
}

// What derivatives of reductions begin with.
struct ReductionGradient {
  ReducedShape shape;
  // With reduced dimensions of size 1, and wide.
  absl::StatusOr<Tensor> gradient;
};

// Sets `g`, which is new.
absl::Status BeginDerivative(const Derivative& d, ReductionGradient& g);

// Returns attributes with these dimensions, flag, and number.
Attributes WithDims(absl::Span<const int64_t> dims, bool keep_dims,
                    double number = 0);

// Returns 1 at the elements of `x` that equal `extreme`, divided by their
// number, and 0 elsewhere.
absl::StatusOr<Tensor> ShareOfTies(const Operand& x, const Operand& extreme,
                                   absl::Span<const int64_t> dims);

}  // namespace reducing
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_REDUCING_H_
