// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/reducing.h"

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/shape.h"

namespace ferry {
inline namespace v1 {
namespace reducing {
namespace {

// Which dimensions are reduced, from a list that may be empty or negative.
absl::StatusOr<absl::InlinedVector<bool, 4>> ReducedDims(
    int rank, absl::Span<const int64_t> dims) {
  absl::InlinedVector<bool, 4> reduced(static_cast<size_t>(rank), dims.empty());
  for (int64_t dim : dims) {
    FERRY_ASSIGN_OR_RETURN(const int64_t from_start, WrapDim(dim, rank));
    if (rank == 0) continue;
    if (reduced[static_cast<size_t>(from_start)]) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", dim, " appears twice"));
    }
    reduced[static_cast<size_t>(from_start)] = true;
  }
  return reduced;
}

}  // namespace

absl::Status ReduceShape(absl::Span<const int64_t> shape,
                         const Attributes& attributes, ReducedShape& after) {
  FERRY_ASSIGN_OR_RETURN(
      const auto reduced,
      ReducedDims(static_cast<int>(shape.size()), attributes.ints));
  for (size_t i = 0; i < reduced.size(); ++i) {
    after.kept.push_back(reduced[i] ? 1 : shape[i]);
    if (reduced[i]) after.count *= shape[i];
    if (!reduced[i] || attributes.flag) {
      after.result.push_back(after.kept.back());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ViewAs(const Tensor& contiguous,
                              absl::Span<const int64_t> shape) {
  if (contiguous.shape() == shape) return contiguous;
  return Tensor::Create(contiguous.storage(), contiguous.dtype(), shape,
                        ContiguousStrides(shape), contiguous.storage_offset());
}

absl::StatusOr<Tensor> Shaped(const Operand& x,
                              absl::Span<const int64_t> shape) {
  if (x.status().ok() && x.tensor().shape() == shape) return x.tensor();
  return Reshape(x, shape);
}

absl::Status BeginDerivative(const Derivative& d, ReductionGradient& g) {
  FERRY_RETURN_IF_ERROR(ReduceShape(d.input_shape(0), d.attributes(), g.shape));
  g.gradient = Shaped(pointwise::Wide(d.gradient()), g.shape.kept);
  return absl::OkStatus();
}

Attributes WithDims(absl::Span<const int64_t> dims, bool keep_dims,
                    double number) {
  Attributes attributes = IntsOf(dims);
  attributes.flag = keep_dims;
  attributes.numbers[0] = number;
  return attributes;
}

absl::StatusOr<Tensor> ShareOfTies(const Operand& x, const Operand& extreme,
                                   absl::Span<const int64_t> dims) {
  const absl::StatusOr<Tensor> mask = pointwise::EqualMask(x, extreme);
  return mask / Sum(mask, dims, true);
}

}  // namespace reducing
}  // namespace v1
}  // namespace ferry
