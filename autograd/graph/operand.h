// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/graph/operand.h
// -----------------------------------------------------------------------------
//
// What ops take: a tensor, the result of another op, or a number. Since a
// result may be an error, expressions can be written without checks in between;
// the first error arrives at the end.
//
// Example: the distance of two points. Either may also be a number.
//
//   absl::StatusOr<Tensor> Distance(const Operand& a, const Operand& b) {
//     return Sqrt(Sum(Square(a - b)));
//   }
#ifndef FERRY_AUTOGRAD_GRAPH_OPERAND_H_
#define FERRY_AUTOGRAD_GRAPH_OPERAND_H_

#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Operand
//
// A parameter of an op. Points to the argument and copies no tensor, so it is
// valid only until the end of the call that it is passed to. Declare parameters
// as `const Operand&`, and never keep one.
//
// A number keeps its kind (bool, integer or real) for PyTorch's rules of type
// promotion: `x * 2` has the dtype of x, and `x * 0.5` is float32 if x has
// integers.
class Operand {
 public:
  // From a tensor. A null tensor is an error of the op.
  Operand(const Tensor& tensor)  // NOLINT(google-explicit-constructor)
      : tensor_(&tensor), number_(false) {}

  // From the result of an op. If that is an error, it is the result of the op
  // that takes the operand, too.
  Operand(const absl::StatusOr<Tensor>& result)  // NOLINT: as above
      : tensor_(result.ok() ? &*result : nullptr),
        result_(&result),
        number_(false) {}

  // From any arithmetic type except `char`, other character types, and long
  // double, and from a Scalar.
  template <typename T,
            typename = std::enable_if_t<
                (std::is_arithmetic_v<T> ||
                 std::is_same_v<T, Scalar>)&&std::is_convertible_v<T, Scalar>>>
  Operand(T number)  // NOLINT(google-explicit-constructor): numbers convert
      : number_(number) {}

  // Returns the error of the argument, if it has one.
  absl::Status status() const {
    return result_ == nullptr ? absl::OkStatus() : result_->status();
  }

  bool is_number() const { return tensor_ == nullptr && result_ == nullptr; }

  // The tensor. Requires `status().ok()` and `!is_number()`. May be null.
  const Tensor& tensor() const { return *tensor_; }

  // The number. Requires `is_number()`.
  const Scalar& number() const { return number_; }

 private:
  const Tensor* tensor_ = nullptr;
  const absl::StatusOr<Tensor>* result_ = nullptr;
  Scalar number_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_GRAPH_OPERAND_H_
