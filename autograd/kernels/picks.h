// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/kernels/picks.h
// -----------------------------------------------------------------------------
//
// Reads, or writes, one element of each line along a dimension.
//
// Example: the elements that `MaxAlong` has found.
//
//   FERRY_RETURN_IF_ERROR(kernels::PickAlong(x, 1, indices, out));
//
// `indices` are int64, from 0 to the size of the dimension less one. They, and
// `picked`, have size 1 in `dim` and otherwise the shape of `whole`. Inputs may
// have any strides; one that is not contiguous is copied. Outputs are
// contiguous and do not overlap inputs. The dtypes of both are the same.
//
// Thread-safe. Errors: kResourceExhausted - memory for a copy could not be
// allocated.
#ifndef FERRY_AUTOGRAD_KERNELS_PICKS_H_
#define FERRY_AUTOGRAD_KERNELS_PICKS_H_

#include "absl/status/status.h"
#include "ferry/core/tensor.h"

namespace ferry {
namespace kernels {

// Writes the element of each line of `whole` that its index names to `picked`.
absl::Status PickAlong(const Tensor& whole, int dim, const Tensor& indices,
                       const Tensor& picked);

// Writes each element of `picked` to the place in `whole` that its index names,
// and zeros elsewhere.
absl::Status PlaceAlong(const Tensor& picked, int dim, const Tensor& indices,
                        const Tensor& whole);

}  // namespace kernels
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_KERNELS_PICKS_H_
