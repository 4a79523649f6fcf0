// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/gathering.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/index_arguments.h"
#include "ferry/autograd/ops/shapes.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns OK if `index` is not larger than `of`, except perhaps in `dim`. An
// index without elements fits everything.
absl::Status CheckIndexShape(const Tensor& index, const Tensor& of,
                             absl::string_view what, int dim) {
  if (index.num_elements() == 0) return absl::OkStatus();
  bool fits = index.rank() == of.rank();
  for (int d = 0; fits && d < of.rank(); ++d) {
    fits = d == dim || index.shape()[d] <= of.shape()[d];
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the index has shape ", ShapeToString(index.shape()),
      ", which does not fit ", what, ", of shape ", ShapeToString(of.shape()),
      dim < 0 ? "" : absl::StrCat(", in dimensions other than ", dim)));
}

constexpr Op kGather = {
    "Gather",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(const int dim,
                             WrapDim(call.attributes().ints[0], x.rank()));
      FERRY_ASSIGN_OR_RETURN(Tensor index, IndexTensor(call[1]));
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(index.shape(), x.dtype()));
      FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(x));
      FERRY_ASSIGN_OR_RETURN(index, AtLeast1D(index));
      FERRY_ASSIGN_OR_RETURN(const Tensor to, AtLeast1D(out));
      FERRY_RETURN_IF_ERROR(CheckIndexShape(index, from, "the tensor", dim));
      if (index.num_elements() == 0) return out;
      FERRY_RETURN_IF_ERROR(kernels::Gather(from, dim, index, to));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, GatherBackward(d.gradient(), d.input(1), d.attributes().ints[0],
                              d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Gather(x[0], attributes.ints[0], x[1]));
    },
    "torch.gather(a, i[0], b)",
    "f[5,3] i5[4,3] i=0 | f[3,5] i5[2,4] i=1 | f[2,5]t i5[3,2] i=0 | f[5]s "
    "i5[7] i=-1 | f[] i1[] i=0 | f[2,5,3] i5[2,4,2] i=1 | f[5,3] i5[0,3] i=0 "
    "| f[5,3] i5[3,4]t i=0 | f[] i1[3] i=0 | f[5] i5[] i=0"};

enum class ScatterKind { kWrite, kAdd };

// Scatters `source` to `out`.
absl::Status ScatterInto(const Tensor& out, int64_t unwrapped,
                         const Input& index_input, const Tensor& source,
                         ScatterKind kind) {
  FERRY_ASSIGN_OR_RETURN(const int dim, WrapDim(unwrapped, out.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor index, IndexTensor(index_input));
  FERRY_ASSIGN_OR_RETURN(index, AtLeast1D(index));
  FERRY_ASSIGN_OR_RETURN(const Tensor from, AtLeast1D(source));
  FERRY_ASSIGN_OR_RETURN(const Tensor to, AtLeast1D(out));
  FERRY_RETURN_IF_ERROR(CheckIndexShape(index, to, "the tensor", dim));
  FERRY_RETURN_IF_ERROR(CheckIndexShape(index, from, "the source", -1));
  if (index.num_elements() == 0) return absl::OkStatus();
  return kind == ScatterKind::kAdd ? kernels::ScatterAdd(from, dim, index, to)
                                   : kernels::Scatter(from, dim, index, to);
}

template <ScatterKind kKind>
absl::StatusOr<Outputs> ScatterForward(const Call& call) {
  FERRY_RETURN_IF_ERROR(CheckAreTensors(call, {0, 1}));
  const Input& source = call[2];
  FERRY_ASSIGN_OR_RETURN(Tensor out, CopyOfFirst(call));
  Tensor from;
  if (source.is_number()) {
    FERRY_ASSIGN_OR_RETURN(from, OneElement(source, out.dtype()));
    FERRY_ASSIGN_OR_RETURN(from, strided::Expand(from, call[1].shape()));
  } else {
    FERRY_RETURN_IF_ERROR(CheckSameDType(out, source.tensor()));
    FERRY_ASSIGN_OR_RETURN(from, Unshared(source.tensor(), out));
  }
  FERRY_RETURN_IF_ERROR(
      ScatterInto(out, call.attributes().ints[0], call[1], from, kKind));
  return out;
}

constexpr Op kGatherBackward = {
    "GatherBackward",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             ZerosOf(attributes.more_ints, call[0].dtype()));
      FERRY_RETURN_IF_ERROR(ScatterInto(out, attributes.ints[0], call[1],
                                        call[0].tensor(), ScatterKind::kAdd));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      d.Set(0, Gather(d.gradient(), d.attributes().ints[0], d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything,
    nullptr,
    "",
    ""};

// Returns the gradient of the source of a scatter. It is zero for the elements
// of the source that lie outside the shape of the index, since a scatter does
// not use them.
absl::StatusOr<Tensor> SourceGradient(const Derivative& d,
                                      const Operand& index) {
  FERRY_RETURN_IF_ERROR(index.status());
  const absl::Span<const int64_t> shape = d.input_shape(2);
  const absl::Span<const int64_t> index_shape = index.tensor().shape();
  if (index.tensor().num_elements() == 0) {
    return ZerosOf(shape, d.input_dtype(2));
  }
  absl::StatusOr<Tensor> gradient =
      Gather(d.gradient(), d.attributes().ints[0], index);
  if (index_shape == shape) return gradient;
  // Either one may have rank 0, which counts as rank 1.
  if (shape.empty()) return Reshape(gradient, shape);
  if (index_shape.empty()) gradient = Reshape(gradient, {1});
  Dimensions pads;
  for (size_t i = shape.size(); i-- > 0;) {
    pads.push_back(0);
    pads.push_back(shape[i] - (index_shape.empty() ? 1 : index_shape[i]));
  }
  return Pad(gradient, pads);
}

constexpr Op kScatter = {
    "Scatter",
    ScatterForward<ScatterKind::kWrite>,
    {UsesInput(1), 0, UsesInput(1), 0},
    [](Derivative& d) {
      const Operand index = d.input(1);
      if (d.Needs(0)) {
        d.Set(0, Scatter(d.gradient(), d.attributes().ints[0], index, 0.0));
      }
      if (d.Needs(2)) d.Set(2, SourceGradient(d, index));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kAnything | kNumbers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Scatter(x[0], attributes.ints[0], x[1], x[2]));
    },
    "torch.scatter(a, i[0], b, c)",
    "f[5,3] i5[1,3] f[1,3] i=0 | f[3,5] i5[3,1] f[3,1] i=1 | f[5,3] i5[4,3] "
    "n=2 i=0 | f[2,5]t i5[1,2] f[1,2] i=0 | f[5]s i5[1] f[1] i=0 | f[] i1[] "
    "f[] i=0 | f[5,3] i5[0,3] f[0,3] i=0"};

constexpr Op kScatterAdd = {
    "ScatterAdd",
    ScatterForward<ScatterKind::kAdd>,
    {0, 0, UsesInput(1), 0},
    [](Derivative& d) {
      d.Set(0, d.gradient());
      if (d.Needs(2)) d.Set(2, SourceGradient(d, d.input(1)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(ScatterAdd(x[0], attributes.ints[0], x[1], x[2]));
    },
    "torch.scatter_add(a, i[0], b, c)",
    "f[5,3] i5[4,3] f[4,3] i=0 | f[3,5] i5[3,4] f[3,4] i=1 | f[2,5]t i5[3,2] "
    "f[3,2] i=0 | f[5]s i5[7] f[7] i=0 | f[] i1[] f[] i=0 | f[5,3] i5[0,3] "
    "f[0,3] i=0 | f[2,5,3] i5[2,4,3] f[2,4,3] i=-2"};

constexpr const Op* kOps[] = {&kGather, &kScatter, &kScatterAdd};

}  // namespace

absl::StatusOr<Tensor> Gather(const Operand& x, int64_t dim,
                              const Operand& index) {
  return Apply(kGather, {&x, &index}, IntsOf({dim}));
}

absl::StatusOr<Tensor> Scatter(const Operand& self, int64_t dim,
                               const Operand& index, const Operand& source) {
  return Apply(kScatter, {&self, &index, &source}, IntsOf({dim}));
}
absl::StatusOr<Tensor> ScatterInPlace(const Operand& self, int64_t dim,
                                      const Operand& index,
                                      const Operand& source) {
  return ApplyInPlace(kScatter, {&self, &index, &source}, IntsOf({dim}));
}

absl::StatusOr<Tensor> ScatterAdd(const Operand& self, int64_t dim,
                                  const Operand& index, const Operand& source) {
  return Apply(kScatterAdd, {&self, &index, &source}, IntsOf({dim}));
}
absl::StatusOr<Tensor> ScatterAddInPlace(const Operand& self, int64_t dim,
                                         const Operand& index,
                                         const Operand& source) {
  return ApplyInPlace(kScatterAdd, {&self, &index, &source}, IntsOf({dim}));
}

absl::StatusOr<Tensor> GatherBackward(const Operand& gradient,
                                      const Operand& index, int64_t dim,
                                      absl::Span<const int64_t> shape) {
  return Apply(kGatherBackward, {&gradient, &index}, IntsOf({dim}, shape));
}

absl::Span<const Op* const> GatheringOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
