// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/shapes.h
// -----------------------------------------------------------------------------
//
// Ops that copy the elements of tensors to other places. They join, mirror,
// rotate, repeat, cut and pad tensors.
//
// Example: two matrices side by side, with a frame of zeros around them.
//
//   auto both = Cat({left, right}, 1);
//   auto framed = Pad(both, {1, 1, 1, 1});
//
// Negative dimensions count from the end. Results are new tensors. Ops in place
// return the tensor that they have written. All functions are thread-safe as
// long as nothing else writes to the tensors. They run on several threads if
// the tensors are large, and take O(elements) time. Their errors:
//
//   kInvalidArgument   - the operand is no tensor, or an argument does not fit
//                        its shape.
//   kOutOfRange        - there is no such dimension.
//   kResourceExhausted - not enough memory.
//   and those of the operand, and of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_SHAPES_H_
#define FERRY_AUTOGRAD_OPS_SHAPES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns the tensors joined one after the other along dimension `dim`, cast to
// one dtype (`PromotedDType`). The tensors must have the same sizes in all
// other dimensions. As in PyTorch, a tensor of shape [0] fits any others.
absl::StatusOr<Tensor> Cat(absl::Span<const Tensor> tensors, int64_t dim = 0);

// Returns tensors of one shape, joined one after the other along a new
// dimension `dim`.
absl::StatusOr<Tensor> Stack(absl::Span<const Tensor> tensors, int64_t dim = 0);

// Returns the tensor with the order of its elements reversed in each of `dims`.
absl::StatusOr<Tensor> Flip(const Operand& x, absl::Span<const int64_t> dims);

// Returns the tensor with its elements moved up by `shifts[i]` in dimension
// `dims[i]`. Elements that leave the end come in at the start. If `dims` is
// empty, `shifts` has one number, and the elements move in row-major order by
// that.
absl::StatusOr<Tensor> Roll(const Operand& x, absl::Span<const int64_t> shifts,
                            absl::Span<const int64_t> dims = {});

// Returns `repeats[d]` copies of the tensor side by side in each dimension d.
// `repeats` has at least one number for each dimension of `x`; further numbers
// come first and add new dimensions in front.
absl::StatusOr<Tensor> Repeat(const Operand& x,
                              absl::Span<const int64_t> repeats);

// Return each matrix in the last two dimensions with zeros above (Tril) or
// below (Triu) a diagonal. Diagonal 0 is the main one, and positive diagonals
// are to its right. The functions in place write to `self`; their errors are
// also those of `ApplyInPlace` (autograd/ops/op.h).
absl::StatusOr<Tensor> Tril(const Operand& x, int64_t diagonal = 0);
absl::StatusOr<Tensor> Triu(const Operand& x, int64_t diagonal = 0);
absl::StatusOr<Tensor> TrilInPlace(const Operand& self, int64_t diagonal = 0);
absl::StatusOr<Tensor> TriuInPlace(const Operand& self, int64_t diagonal = 0);

// Returns the tensor with slices of `value` added before and after it. `pads`
// has two numbers for the last dimension, before and after, then two for the
// dimension before it, and so on. A negative number removes slices. This is
// `torch.nn.functional.pad` with the mode "constant".
//
// Errors: kOutOfRange - the dtype cannot represent `value`.
absl::StatusOr<Tensor> Pad(const Operand& x, absl::Span<const int64_t> pads,
                           double value = 0);

// The entries of these ops.
absl::Span<const Op* const> ShapeOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_SHAPES_H_
