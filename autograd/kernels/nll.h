// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/nll.h
// -----------------------------------------------------------------------------
//
// The negative log-likelihood of classes, and its gradient.
//
// Example: the losses of 8 rows of 10 log-probabilities.
//
//   FERRY_RETURN_IF_ERROR(kernels::CheckTargets(target, 10, -100));
//   FERRY_RETURN_IF_ERROR(
//       kernels::NllForward(logs, target, Tensor(), -100, losses));
//
// `x` is a float tensor of any strides and of shape {N, C, d1, d2, ...}, with C
// classes. `target` is int64, of any strides and of shape {N, d1, d2, ...}: the
// class of each item, or `ignore_index`. `weight` is null or a float tensor of
// C weights. Outputs are contiguous floats.
//
// Thread-safe. The bits of the results do not depend on the number of threads.
#ifndef FERRY_AUTOGRAD_KERNELS_NLL_H_
#define FERRY_AUTOGRAD_KERNELS_NLL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {
namespace kernels {

// Returns OK if every target is `ignore_index` or from 0 to num_classes - 1.
//
// Errors: kOutOfRange - a target is neither. The message names it.
absl::Status CheckTargets(const Tensor& target, int64_t num_classes,
                          int64_t ignore_index);

// Writes -x[n, target[n]] * weight[target[n]] for each item, and 0 for items
// that are ignored. `out` has the shape of `target`, which `CheckTargets` has
// accepted.
//
// Errors: kResourceExhausted - memory for a copy could not be allocated.
absl::Status NllForward(const Tensor& x, const Tensor& target,
                        const Tensor& weight, int64_t ignore_index,
                        const Tensor& out);

// Writes the weight of the class of each item, and 0 for items that are
// ignored. `CheckTargets` must have accepted `target`, and `weight` is null or
// of rank 1. Errors: as `NllForward`.
absl::Status NllWeights(const Tensor& target, const Tensor& weight,
                        int64_t ignore_index, const Tensor& out);

// Writes the gradient of `x`: -grad[n] * weight[target[n]] at the target of
// each item, and 0 elsewhere. `grad` holds the gradients of the losses that
// `NllForward` wrote, with any strides. `out` has the shape of `x`. Errors:
// those of `NllForward`.
absl::Status NllBackward(const Tensor& grad, const Tensor& target,
                         const Tensor& weight, int64_t ignore_index,
                         const Tensor& out);

}  // namespace kernels
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_NLL_H_
