// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/elementwise.h
// -----------------------------------------------------------------------------
//
// Computes tensors element by element, with broadcasting and with casts of
// inputs and results, all in one pass over the memory and without temporary
// tensors.
//
// Example: out = x + 2 * y, where `y` may have fewer dimensions and another
// dtype than `x`.
//
//   Elementwise(ElementwiseKernel::kAddScaled, DType::kFloat32,
//               {ViewOf(x), ViewOf(y), ViewOf(Scalar(2))}, out);
#ifndef FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_H_
#define FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "ferry/autograd/kernels/elementwise_loops.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// ConstView
//
// Elements in host memory to read. Shape and strides are as in core/strided.h.
// Does not own anything that it points to.
struct ConstView {
  const void* data;
  DType dtype;
  absl::Span<const int64_t> shape;
  absl::Span<const int64_t> strides;
};

// Returns a view of the elements of a tensor, which must be strided and in host
// memory, with conj and neg resolved. Valid as long as the tensor.
inline ConstView ViewOf(const Tensor& tensor) {
  return {tensor.data(), tensor.dtype(), tensor.shape(), tensor.strides()};
}

// Returns a view of one number, of rank 0. Valid as long as `scalar`: in an
// argument of a call, until the call returns.
inline ConstView ViewOf(const Scalar& scalar) {
  return {scalar.data(), scalar.dtype(), {}, {}};
}

// Computes every element of `out` by `kernel`.
//
//   compute  the dtype to compute in, which the kernel must have. Inputs are
//            cast to it (core/cast_elements.h), except for the condition of
//            kWhere, which is cast to bool. Results are cast from it to the
//            dtype of `out`. Floats of 8 and 16 bits are computed in float32
//            and rounded at the end.
//   inputs   as many as the kernel has. Each is broadcast to the shape of
//            `out`, as PyTorch does: it must have at most as many dimensions,
//            and the trailing ones must be equal or 1.
//   out      in host memory. Its elements must not share memory with each
//            other. It may be an input, if dtype, shape and strides are the
//            same. Otherwise it must not overlap any input.
//
// A kernel that writes bools computes bools from inputs in `compute`.
//
// Uses several threads for large tensors (core/parallel.h). The bits of the
// results do not depend on their number, nor on strides. Allocates nothing for
// up to four dimensions. A call for one element takes some tens of nanoseconds.
//
// Thread-safe.
void Elementwise(ElementwiseKernel kernel, DType compute,
                 absl::Span<const ConstView> inputs, const Tensor& out);

// Returns the kernel with one input that raises it to the power of `exponent`
// better than kPow does: kSquare for 2, kSqrt for 0.5, and so on. Returns
// nullopt if there is none. PyTorch has the same special cases. `compute` is as
// above; integers have no roots and reciprocals.
std::optional<ElementwiseKernel> PowKernel(double exponent, DType compute);

// Returns whether any element is 0, so that integers must not be divided by
// them. O(elements), on the calling thread.
bool HasZero(const ConstView& view);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_ELEMENTWISE_H_
