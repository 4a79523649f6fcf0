// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/factories.h
// -----------------------------------------------------------------------------
//
// Makes tensors in host memory: zeros, ones, one number throughout, or a range.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(Tensor bias, Zeros({128}));
//   FERRY_ASSIGN_OR_RETURN(
//       Tensor mask, Full({2, 2}, true));           // of bool
//   FERRY_ASSIGN_OR_RETURN(
//       Tensor scale, Ones({1}, TensorOptions()
//                                   .dtype(DType::kBFloat16)
//                                   .requires_grad(true)));
//
// Results are contiguous and have a storage of their own. To make one on
// another device, pass the result to `To` (devices/to_device.h).
//
// All functions are thread-safe. Their errors:
//
//   kInvalidArgument   - the shape is invalid (`NumElements`); `requires_grad`
//                        is set for a dtype that has no gradients; or the dtype
//                        packs several elements into a byte.
//   kUnimplemented     - the dtype holds no numbers (`CheckCast`).
//   kResourceExhausted - not enough memory.
#ifndef FERRY_CORE_FACTORIES_H_
#define FERRY_CORE_FACTORIES_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// TensorOptions
//
// The properties of a new tensor other than its shape. Setters return the
// options, so they can be chained.
class TensorOptions {
 public:
  // The dtype of the elements. If it is not set, the factory chooses as
  // PyTorch does.
  TensorOptions& dtype(DType dtype) {
    dtype_ = dtype;
    return *this;
  }
  std::optional<DType> dtype() const { return dtype_; }

  // Whether autograd computes a gradient for the tensor. The default is false.
  TensorOptions& requires_grad(bool requires_grad) {
    requires_grad_ = requires_grad;
    return *this;
  }
  bool requires_grad() const { return requires_grad_; }

 private:
  std::optional<DType> dtype_;
  bool requires_grad_ = false;
};

// Returns a tensor whose elements have not been initialised. The default dtype
// is float32.
absl::StatusOr<Tensor> Empty(absl::Span<const int64_t> shape,
                             const TensorOptions& options = {});

// Return a tensor of zeros or ones. The default dtype is float32.
absl::StatusOr<Tensor> Zeros(absl::Span<const int64_t> shape,
                             const TensorOptions& options = {});
absl::StatusOr<Tensor> Ones(absl::Span<const int64_t> shape,
                            const TensorOptions& options = {});

// Returns a tensor that has `value` throughout. The default dtype is that of
// the value: bool, int64, float32 or complex64.
//
// Further errors: kOutOfRange - the dtype cannot represent the value
// (`Scalar::To`).
absl::StatusOr<Tensor> Full(absl::Span<const int64_t> shape, Scalar value,
                            const TensorOptions& options = {});

// Returns the numbers start, start + step, start + 2 * step, ... that are
// before `end`, in one dimension. The default dtype is int64 if all three
// numbers are integers, and float32 otherwise. Numbers are calculated in int64
// if all three are integers and so is the dtype, else in float64, and cast to
// the dtype.
//
// Further errors: kInvalidArgument - `step` is 0, not finite or points away
// from `end`; or a number is complex or a bool. kOutOfRange - all three are
// integers, and one is 2^63 or more.
absl::StatusOr<Tensor> Arange(Scalar start, Scalar end, Scalar step = 1,
                              const TensorOptions& options = {});

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_FACTORIES_H_
