// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/masking.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/masking.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/index_arguments.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

// The operand, a mask, expanded to a shape.
absl::StatusOr<Tensor> MaskTensor(const Input& mask,
                                  absl::Span<const int64_t> shape) {
  if (!IsMask(mask.tensor())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the mask must be a tensor of bool; it is ", Name(mask.dtype())));
  }
  return strided::Expand(mask.tensor(), shape);
}

constexpr Op kMaskedFill = {
    "MaskedFill",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_RETURN_IF_ERROR(CheckAreTensors(call, {0, 1}));
      const Tensor& self = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(self.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(self, shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor value,
                             OneElement(call[2], self.dtype()));
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, self.dtype()));
      kernels::MaskedFill(from, mask, value.data(), out);
      return out;
    },
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) {
      const Operand mask = d.input(1);
      if (d.Needs(0)) d.Set(0, MaskedFill(d.gradient(), mask, 0.0));
      if (d.Needs(2)) d.Set(2, Sum(MaskedSelect(d.gradient(), mask)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything | kNumbers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedFill(x[0], x[1], x[2]));
    },
    "torch.masked_fill(a, b, c)",
    "f[2,3] b[2,3] n=0 | f[2,3] b[3] n=2 | f[3] b[2,3] n=1 | f[2,3]t b[3,2] "
    "f[] | f[5]s b[5] n=1 | f[0,3] b[3] n=1 | f[] b[] n=7 | f[2,3] b[2,1] "
    "f[]"};

absl::StatusOr<Tensor> MaskedSelectBackward(const Operand& gradient,
                                            const Operand& mask,
                                            absl::Span<const int64_t> shape);

constexpr Op kMaskedSelect = {
    "MaskedSelect",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(x.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(x, shape));
      return AsOutputs(kernels::MaskedSelect(from, mask));
    },
    {UsesInput(1)},
    [](Derivative& d) -> absl::Status {
      const Operand mask = d.input(1);
      FERRY_RETURN_IF_ERROR(mask.status());
      FERRY_ASSIGN_OR_RETURN(
          const Dimensions shape,
          BroadcastShape(d.input_shape(0), mask.tensor().shape()));
      d.Set(0, MaskedSelectBackward(d.gradient(), mask, shape));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedSelect(x[0], x[1]));
    },
    "torch.masked_select(a, b)",
    "f[2,3] b[2,3] | f[2,3] b[3] | f[3] b[2,3] | f[2,3]t b[3,2] | f[5]s b[5] "
    "| f[0,3] b[3] | f[] b[] | f[2,3,4] b[3,1]"};

constexpr Op kMaskedSelectBackward = {
    "MaskedSelectBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Dimensions& shape = call.attributes().more_ints;
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor zero, ZerosOf({}, call[0].dtype()));
      FERRY_ASSIGN_OR_RETURN(const Tensor zeros, strided::Expand(zero, shape));
      return AsOutputs(kernels::MaskedScatter(zeros, mask, call[0].tensor()));
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, MaskedSelect(d.gradient(), d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> MaskedSelectBackward(const Operand& gradient,
                                            const Operand& mask,
                                            absl::Span<const int64_t> shape) {
  return Apply(kMaskedSelectBackward, {&gradient, &mask}, IntsOf({}, shape));
}

constexpr Op kMaskedScatter = {
    "MaskedScatter",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& self = call[0].tensor();
      FERRY_RETURN_IF_ERROR(CheckSameDType(self, call[2].tensor()));
      FERRY_ASSIGN_OR_RETURN(const Dimensions shape,
                             BroadcastShape(self.shape(), call[1].shape()));
      FERRY_ASSIGN_OR_RETURN(const Tensor mask, MaskTensor(call[1], shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, strided::Expand(self, shape));
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape, self.dtype()));
      FERRY_ASSIGN_OR_RETURN(
          Tensor result, kernels::MaskedScatter(from, mask, call[2].tensor()));
      if (!out.IsSame(self)) return result;
      CopyStrided(result.data(), result.strides(), out.data(), out.strides(),
                  shape, ElementSizeBytes(self.dtype()));
      return out;
    },
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) -> absl::Status {
      const Operand mask = d.input(1);
      if (d.Needs(0)) d.Set(0, MaskedFill(d.gradient(), mask, 0.0));
      if (!d.Needs(2)) return absl::OkStatus();
      const absl::Span<const int64_t> shape = d.input_shape(2);
      FERRY_ASSIGN_OR_RETURN(const int64_t count, NumElements(shape));
      FERRY_ASSIGN_OR_RETURN(const Tensor chosen,
                             MaskedSelect(d.gradient(), mask));
      d.Set(2, Reshape(Pad(chosen, {0, count - chosen.num_elements()}), shape));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(MaskedScatter(x[0], x[1], x[2]));
    },
    "torch.masked_scatter(a, b, c)",
    "f[2,3] b[2,3] f[6] | f[2,3] b[3] f[2,3] | f[2,3]t b[3,2] f[2,3]t | "
    "f[5]s b[5] f[7] | f[0,3] b[3] f[0] | f[] b[] f[1] | f[3] b[2,3] f[6]"};

constexpr Op kNonZero = {"NonZero",
                         [](const Call& call) -> absl::StatusOr<Outputs> {
                           FERRY_ASSIGN_OR_RETURN(
                               const Tensor mask,
                               strided::Cast(call[0].tensor(), DType::kBool));
                           return AsOutputs(kernels::NonZero(mask));
                         },
                         {},
                         nullptr,
                         OpKind::kOrdinary,
                         kFloats | kIntegers | kBools,
                         [](absl::Span<const Operand> x, const Attributes&) {
                           return AsOutputs(NonZero(x[0]));
                         },
                         "torch.nonzero(a)",
                         "f[2,3] | f[2,3]t | f[5]s | f[0,2] | f[] | e[]"};

constexpr const Op* kOps[] = {&kMaskedFill, &kMaskedSelect, &kMaskedScatter,
                              &kNonZero};

}  // namespace

absl::StatusOr<Tensor> MaskedFill(const Operand& self, const Operand& mask,
                                  const Operand& value) {
  return Apply(kMaskedFill, {&self, &mask, &value});
}
absl::StatusOr<Tensor> MaskedFillInPlace(const Operand& self,
                                         const Operand& mask,
                                         const Operand& value) {
  return ApplyInPlace(kMaskedFill, {&self, &mask, &value});
}

absl::StatusOr<Tensor> MaskedSelect(const Operand& x, const Operand& mask) {
  return Apply(kMaskedSelect, {&x, &mask});
}

absl::StatusOr<Tensor> MaskedScatter(const Operand& self, const Operand& mask,
                                     const Operand& source) {
  return Apply(kMaskedScatter, {&self, &mask, &source});
}
absl::StatusOr<Tensor> MaskedScatterInPlace(const Operand& self,
                                            const Operand& mask,
                                            const Operand& source) {
  return ApplyInPlace(kMaskedScatter, {&self, &mask, &source});
}

absl::StatusOr<Tensor> NonZero(const Operand& x) {
  return Apply(kNonZero, {&x});
}

absl::Span<const Op* const> MaskingOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
