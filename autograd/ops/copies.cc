// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/copies.h"

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/factories.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr Op kClone = {"Clone",
                       [](const Call& call) {
                         return AsOutputs(strided::Clone(call[0].tensor()));
                       },
                       {},
                       [](Derivative& d) {
                         d.Set(0, d.gradient());
                         return absl::OkStatus();
                       },
                       OpKind::kOrdinary,
                       kAnything,
                       [](absl::Span<const Operand> x, const Attributes&) {
                         return AsOutputs(Clone(x[0]));
                       },
                       "a.clone()",
                       "f[2,3] | f[2,3]t | f[5]s | f[] | f[0,2]"};

constexpr Op kCast = {
    "Cast",
    [](const Call& call) {
      return AsOutputs(strided::Cast(
          call[0].tensor(), static_cast<DType>(call.attributes().ints[0])));
    },
    {},
    [](Derivative& d) {
      d.Set(0, Cast(d.gradient(), d.input_dtype(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Cast(x[0], DType::kFloat32));
    },
    "a.to(torch.float32)",
    "f[2,3] | f[2,3]t | f[5]s | f[] | f[0,2]"};

constexpr Op kContiguous = {
    "Contiguous",
    [](const Call& call) {
      return AsOutputs(strided::Contiguous(call[0].tensor()));
    },
    {},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Contiguous(x[0]));
    },
    "a.contiguous()",
    "f[2,3] | f[2,3]t | f[5]s | f[] | f[0,2] | f[3,4]x"};

// Applied in place only.
constexpr Op kCopyInPlace = {
    "CopyInPlace",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& self = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(self.shape(), self.dtype()));
      if (call[1].is_number()) {
        FERRY_ASSIGN_OR_RETURN(
            const Tensor number,
            Full({}, call[1].number(), TensorOptions().dtype(self.dtype())));
        FERRY_RETURN_IF_ERROR(strided::CopyInto(number, out));
      } else {
        FERRY_RETURN_IF_ERROR(strided::CopyInto(call[1].tensor(), out));
      }
      return out;
    },
    {},
    [](Derivative& d) {
      // Nothing of the former elements is left.
      if (d.Needs(1)) d.Set(1, Cast(d.gradient(), d.input_dtype(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything | kNumbers,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(CopyInPlace(Clone(x[0]), x[1]));
    },
    "a.clone().copy_(b)",
    "f[2,3] f[2,3] | f[2,3] f[3] | f[2,3]t f[3,2] | f[5]s f[5]s | f[] f[] | "
    "f[0,2] f[2] | f[2,3] n=2 | f[2,3] f[]"};

constexpr const Op* kOps[] = {&kClone, &kCast, &kContiguous, &kCopyInPlace};

}  // namespace

absl::StatusOr<Tensor> Clone(const Operand& x) { return Apply(kClone, {&x}); }

absl::StatusOr<Tensor> Cast(const Operand& x, DType dtype) {
  if (x.status().ok() && !x.is_number() && !x.tensor().is_null() &&
      x.tensor().dtype() == dtype) {
    return x.tensor();
  }
  Attributes attributes;
  attributes.ints.assign(1, static_cast<int64_t>(dtype));
  return Apply(kCast, {&x}, attributes);
}

absl::StatusOr<Tensor> Contiguous(const Operand& x) {
  if (x.status().ok() && !x.is_number() && !x.tensor().is_null() &&
      x.tensor().is_contiguous() && !x.tensor().is_conj() &&
      !x.tensor().is_neg()) {
    return x.tensor();
  }
  return Apply(kContiguous, {&x});
}

absl::StatusOr<Tensor> CopyInPlace(const Operand& self, const Operand& source) {
  return ApplyInPlace(kCopyInPlace, {&self, &source});
}

absl::Span<const Op* const> CopyOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
