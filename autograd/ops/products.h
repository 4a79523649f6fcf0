// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/products.h
// -----------------------------------------------------------------------------
//
// Products of vectors and matrices.
//
// Example: a layer of a network, and the similarities of all pairs of rows.
//
//   auto hidden = Linear(x, weight, bias);  // [batch, in] to [batch, out]
//   auto similar = MatMul(queries, keys);   // [8, 32, 16] and [8, 16, 32]
//
// All operands of an op have the same dtype, which is also the dtype of the
// result: float64, float32, float16, bfloat16, or an integer. float16 and
// bfloat16 are multiplied and added up in float32. Integers wrap around.
//
// The ops and their derivatives read transposed and expanded operands in place,
// without a copy. Results are contiguous. Their bits do not depend on the
// number of threads.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large. A product of matrices
// [m, k] and [k, n] takes O(m * n * k) time, and a batch of products takes that
// time for each.
//
// Shapes below are given in brackets. Any size may be 0; a sum of no products
// is 0.
//
// Errors of all functions:
//
//   kInvalidArgument   - the shapes do not fit, or the dtypes differ.
//   kUnimplemented     - the dtype is none of those above.
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_PRODUCTS_H_
#define FERRY_AUTOGRAD_OPS_PRODUCTS_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Returns the sum of the products of elements: [k], [k] to [].
absl::StatusOr<Tensor> Dot(const Operand& a, const Operand& b);

// Returns the products of all pairs of elements: [m], [n] to [m, n]. The dtypes
// may differ and may be bool. They are promoted as in `Mul`.
absl::StatusOr<Tensor> Outer(const Operand& a, const Operand& b);

// Returns the product of a matrix and a vector: [m, k], [k] to [m].
absl::StatusOr<Tensor> Mv(const Operand& a, const Operand& x);

// Returns the product of two matrices: [m, k], [k, n] to [m, n].
absl::StatusOr<Tensor> Mm(const Operand& a, const Operand& b);

// Returns the products of pairs of matrices: [b, m, k], [b, k, n] to [b, m, n].
absl::StatusOr<Tensor> Bmm(const Operand& a, const Operand& b);

// Addmm returns beta * input + alpha * Mm(a, b), and Baddbmm returns
// beta * input + alpha * Bmm(a, b). `input` is broadcast to the shape of the
// product. If `beta` is 0, `input` is not read, so its NaNs do not propagate.
// For integers, `alpha` and `beta` must be integers (PyTorch drops their
// fractions).
//
// Errors: kInvalidArgument - the dtype is an integer, and `alpha` or `beta` is
//         not an integer that fits in 64 bits.
absl::StatusOr<Tensor> Addmm(const Operand& input, const Operand& a,
                             const Operand& b, double beta = 1,
                             double alpha = 1);
absl::StatusOr<Tensor> Baddbmm(const Operand& input, const Operand& a,
                               const Operand& b, double beta = 1,
                               double alpha = 1);

// Returns the product of operands of any rank but 0, as `torch.matmul` does:
//
//   [k], [k]                  the dot product, []
//   [..., m, k], [..., k, n]  products of matrices, [..., m, n]. The dimensions
//                             before the last two are broadcast.
//   [k], [..., k, n]          vectors times matrices, [..., n]
//   [..., m, k], [k]          matrices times a vector, [..., m]
//
// If `b` has rank 2, all matrices of `a` are multiplied in one product, also
// for gradients.
absl::StatusOr<Tensor> MatMul(const Operand& a, const Operand& b);

// Returns the product of `x` and the transposed `weight`, plus `bias` if it is
// given: [..., in], [out, in], [out] to [..., out].
absl::StatusOr<Tensor> Linear(const Operand& x, const Operand& weight);
absl::StatusOr<Tensor> Linear(const Operand& x, const Operand& weight,
                              const Operand& bias);

// The entries of these ops.
absl::Span<const Op* const> ProductOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_PRODUCTS_H_
