// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/index_arguments.h"

#include "absl/strings/str_cat.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {

absl::Status CheckAreTensors(const Call& call,
                             std::initializer_list<size_t> which) {
  for (const size_t i : which) {
    if (call[i].is_number()) {
      return absl::InvalidArgumentError(
          absl::StrCat("operand ", i, " must be a tensor, not a number"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSameDType(const Tensor& self, const Tensor& source) {
  if (self.dtype() == source.dtype()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the tensor and the source must have one dtype; they have ",
                   Name(self.dtype()), " and ", Name(source.dtype())));
}

absl::StatusOr<Tensor> IndexTensor(const Input& index) {
  if (index.is_number()) {
    return absl::InvalidArgumentError("the index must be a tensor");
  }
  switch (index.dtype()) {
    case DType::kInt64:
      return index.tensor();
    case DType::kInt32:
      return strided::Cast(index.tensor(), DType::kInt64);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("the index must be a tensor of int64 or int32; it is ",
                       Name(index.dtype())));
  }
}

bool IsMask(const Tensor& tensor) {
  return tensor.dtype() == DType::kBool || tensor.dtype() == DType::kUInt8;
}

absl::StatusOr<Tensor> OneElement(const Input& value, DType dtype) {
  if (value.is_number()) {
    return Full({}, value.number(), TensorOptions().dtype(dtype));
  }
  if (value.tensor().rank() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the value must be a number or a tensor of rank 0; it has shape ",
        ShapeToString(value.shape())));
  }
  return strided::Cast(value.tensor(), dtype);
}

absl::StatusOr<Tensor> AtLeast1D(const Tensor& tensor) {
  if (tensor.rank() > 0) return tensor;
  return strided::Reshape(tensor, {1});
}

absl::StatusOr<Tensor> CopyOfFirst(const Call& call) {
  const Tensor& self = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(Tensor out,
                         call.MakeOutput(self.shape(), self.dtype()));
  if (!out.IsSame(self)) {
    CopyStrided(self.data(), self.strides(), out.data(), out.strides(),
                self.shape(), ElementSizeBytes(self.dtype()));
  }
  return out;
}

absl::StatusOr<Tensor> Unshared(const Tensor& source, const Tensor& out) {
  if (source.storage() == out.storage()) return strided::Clone(source);
  return source;
}

absl::StatusOr<Tensor> ZerosOf(absl::Span<const int64_t> shape, DType dtype) {
  return Zeros(shape, TensorOptions().dtype(dtype));
}

}  // namespace v1
}  // namespace ferry
