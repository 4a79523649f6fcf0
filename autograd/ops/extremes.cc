// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/extremes.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/extremes.h"
#include "ferry/autograd/kernels/reductions.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/gathering.h"
#include "ferry/autograd/ops/reducing.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
inline namespace v1 {
namespace {

using reducing::BeginDerivative;
using reducing::IsFloat;
using reducing::Reduce;
using reducing::ReducedShape;
using reducing::ReduceShape;
using reducing::ReductionGradient;
using reducing::Shaped;
using reducing::ShareOfTies;
using reducing::ViewAs;
using reducing::WithDims;

absl::Status CheckComparable(const Tensor& x) {
  if (x.dtype() != DType::kUInt64) return absl::OkStatus();
  return absl::UnimplementedError(
      "elements of uint64 cannot be compared; cast the tensor to int64 first");
}

template <typename Kernel>
absl::StatusOr<Outputs> ReduceToExtreme(const Call& call, Kernel kernel) {
  return Reduce(
      call, call[0].dtype(),
      [kernel](const Tensor& x, const Tensor& out) -> absl::Status {
        FERRY_RETURN_IF_ERROR(CheckComparable(x));
        if (x.num_elements() == 0 && out.num_elements() > 0) {
          return absl::InvalidArgumentError(
              "there is no extreme of no elements: a reduced dimension has "
              "size 0");
        }
        return kernel(x, out);
      });
}

absl::Status ExtremeDerivative(Derivative& d) {
  ReductionGradient g;
  FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
  d.Set(0, ShareOfTies(d.input(0), Shaped(d.output(), g.shape.kept),
                       d.attributes().ints) *
               g.gradient);
  return absl::OkStatus();
}

constexpr char kExtremeSamples[] =
    "d[2,3] | d[2,3] i=1 | d[2,3,4] i=0,2 flag | d[2,3] i=-1 flag | d[3,2]t "
    "i=0 | d[] | d[0,3] i=1 | d[7]s | d[40,50] i=0 | e[]";
constexpr char kWholeExtremeSamples[] =
    "d[2,3] | d[2,3,4] | d[3,2]t | d[] | d[7]s | d[40,50] | ! d[0] | e[]";

constexpr Op kAMax = {
    "AMax",
    [](const Call& call) { return ReduceToExtreme(call, kernels::AMax); },
    {UsesInput(0) | UsesOutput()},
    ExtremeDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(AMax(x[0], attributes.ints, attributes.flag));
    },
    "torch.amax(a, i, flag)",
    kExtremeSamples};

constexpr Op kAMin = {
    "AMin",
    [](const Call& call) { return ReduceToExtreme(call, kernels::AMin); },
    {UsesInput(0) | UsesOutput()},
    ExtremeDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(AMin(x[0], attributes.ints, attributes.flag));
    },
    "torch.amin(a, i, flag)",
    kExtremeSamples};

constexpr Op kMax = {
    "Max",
    [](const Call& call) { return ReduceToExtreme(call, kernels::AMax); },
    {UsesInput(0) | UsesOutput()},
    ExtremeDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Max(x[0]));
    },
    "torch.max(a)",
    kWholeExtremeSamples};

constexpr Op kMin = {
    "Min",
    [](const Call& call) { return ReduceToExtreme(call, kernels::AMin); },
    {UsesInput(0) | UsesOutput()},
    ExtremeDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes&) {
      return AsOutputs(Min(x[0]));
    },
    "torch.min(a)",
    kWholeExtremeSamples};

// ---------------------------------------------------- Selections along a line

// Returns OK if the elements can be compared, and lines of `size` elements have
// some to choose from.
absl::Status CheckLines(const Tensor& x, int64_t dim, int64_t size) {
  FERRY_RETURN_IF_ERROR(CheckComparable(x));
  if (size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "nothing can be chosen along dimension ", dim, ", which has size 0"));
  }
  return absl::OkStatus();
}

// The size of a dimension. A tensor of rank 0 is a line of one element.
int64_t SizeOf(const Tensor& x, int64_t dim) {
  return x.rank() == 0 ? 1 : x.shape()[static_cast<size_t>(dim)];
}

// Kernels write values, which may be null, and indices.
using SelectionKernel = absl::Status (*)(const Tensor&, int, const Tensor&,
                                         const Tensor&);

absl::StatusOr<Outputs> SelectAlong(const Call& call, SelectionKernel kernel) {
  const Tensor& x = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(const int64_t dim,
                         WrapDim(call.attributes().ints[0], x.rank()));
  ReducedShape shape;
  FERRY_RETURN_IF_ERROR(ReduceShape(x.shape(), call.attributes(), shape));
  FERRY_ASSIGN_OR_RETURN(Tensor values,
                         call.MakeOutput(shape.result, x.dtype()));
  FERRY_ASSIGN_OR_RETURN(
      Tensor indices,
      Empty(shape.result, TensorOptions().dtype(DType::kInt64)));
  FERRY_RETURN_IF_ERROR(CheckLines(x, dim, SizeOf(x, dim)));
  if (x.rank() == 0) {
    // A line of one element.
    FERRY_ASSIGN_OR_RETURN(
        const Tensor line,
        Tensor::Create(x.storage(), x.dtype(), {1}, {1}, x.storage_offset()));
    FERRY_ASSIGN_OR_RETURN(const Tensor value, ViewAs(values, {1}));
    FERRY_ASSIGN_OR_RETURN(const Tensor index, ViewAs(indices, {1}));
    FERRY_RETURN_IF_ERROR(kernel(line, 0, value, index));
  } else {
    FERRY_ASSIGN_OR_RETURN(const Tensor kept_values,
                           ViewAs(values, shape.kept));
    FERRY_ASSIGN_OR_RETURN(const Tensor kept_indices,
                           ViewAs(indices, shape.kept));
    FERRY_RETURN_IF_ERROR(
        kernel(x, static_cast<int>(dim), kept_values, kept_indices));
  }
  Outputs outputs(std::move(values));
  outputs.Add(std::move(indices));
  return outputs;
}

absl::Status SelectionDerivative(Derivative& d) {
  // Nothing depends on the values.
  if (d.gradient().is_null()) return absl::OkStatus();
  ReductionGradient g;
  FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
  const absl::Span<const int64_t> shape = d.input_shape(0);
  if (shape.empty()) {
    d.Set(0, g.gradient);
    return absl::OkStatus();
  }
  d.Set(0, GatherBackward(g.gradient, Shaped(d.output(1), g.shape.kept),
                          d.attributes().ints[0], shape));
  return absl::OkStatus();
}

constexpr char kSelectionSamples[] =
    "d[2,3] i=1 | d[2,3] i=0 flag | d[2,3,4] i=-2 | d[3,2]t i=1 | d[] i=0 | "
    "d[0,3] i=1 | ! d[0,0] i=1 | d[7]s i=0 | d[40,50] i=0 | e[] i=0";

constexpr Op kMaxAlong = {
    "Max.dim",
    [](const Call& call) { return SelectAlong(call, kernels::MaxAlong); },
    {UsesOutput(1)},
    SelectionDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Max(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.max(a, i[0], flag)",
    kSelectionSamples};

constexpr Op kMinAlong = {
    "Min.dim",
    [](const Call& call) { return SelectAlong(call, kernels::MinAlong); },
    {UsesOutput(1)},
    SelectionDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Min(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.min(a, i[0], flag)",
    kSelectionSamples};

constexpr Op kMedianAlong = {
    "Median.dim",
    [](const Call& call) { return SelectAlong(call, kernels::MedianAlong); },
    {UsesOutput(1)},
    SelectionDerivative,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Median(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.median(a, i[0], flag)",
    // Elements are distinct, since PyTorch does not say which of several equal
    // ones it finds.
    "d[2,3] i=1 | d[2,4] i=1 flag | d[2,3,4] i=-2 | d[3,2]t i=1 | d[] i=0 | "
    "d[0,3] i=1 | ! d[0,0] i=1 | d[7]s i=0 | d[40,50] i=0"};

// Indices alone. Without a dimension, the tensor is one line.
absl::StatusOr<Outputs> IndexAlong(const Call& call, SelectionKernel kernel) {
  const Tensor& x = call[0].tensor();
  const Attributes& attributes = call.attributes();
  ReducedShape shape;
  FERRY_RETURN_IF_ERROR(ReduceShape(x.shape(), attributes, shape));
  FERRY_ASSIGN_OR_RETURN(Tensor out,
                         call.MakeOutput(shape.result, DType::kInt64));
  if (x.rank() == 0 || attributes.ints.empty()) {
    FERRY_RETURN_IF_ERROR(CheckLines(x, 0, x.num_elements()));
    FERRY_ASSIGN_OR_RETURN(const Tensor contiguous, strided::Contiguous(x));
    FERRY_ASSIGN_OR_RETURN(
        const Tensor line,
        Tensor::Create(contiguous.storage(), x.dtype(), {x.num_elements()}, {1},
                       contiguous.storage_offset()));
    FERRY_ASSIGN_OR_RETURN(const Tensor index, ViewAs(out, {1}));
    FERRY_RETURN_IF_ERROR(kernel(line, 0, Tensor(), index));
    return out;
  }
  FERRY_ASSIGN_OR_RETURN(const int64_t dim,
                         WrapDim(attributes.ints[0], x.rank()));
  FERRY_RETURN_IF_ERROR(CheckLines(x, dim, SizeOf(x, dim)));
  FERRY_ASSIGN_OR_RETURN(const Tensor kept, ViewAs(out, shape.kept));
  FERRY_RETURN_IF_ERROR(kernel(x, static_cast<int>(dim), Tensor(), kept));
  return out;
}

constexpr char kIndexSamples[] =
    "d[2,3] | d[2,3] i=1 | d[2,3] i=0 flag | d[2,3,4] i=-2 | d[3,2]t i=1 | "
    "d[3,2]t | d[] | d[] i=0 | d[0,3] i=1 | ! d[0,0] i=1 | d[7]s i=0 | "
    "d[40,50] i=0 | e[] i=0";

constexpr Op kArgMax = {
    "ArgMax",
    [](const Call& call) { return IndexAlong(call, kernels::MaxAlong); },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(attributes.ints.empty()
                           ? ArgMax(x[0])
                           : ArgMax(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.argmax(a, i[0], flag) if i else torch.argmax(a)",
    kIndexSamples};

constexpr Op kArgMin = {
    "ArgMin",
    [](const Call& call) { return IndexAlong(call, kernels::MinAlong); },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(attributes.ints.empty()
                           ? ArgMin(x[0])
                           : ArgMin(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.argmin(a, i[0], flag) if i else torch.argmin(a)",
    kIndexSamples};

constexpr const Op* kOps[] = {&kAMax,        &kAMin,     &kMax,
                              &kMin,         &kMaxAlong, &kMinAlong,
                              &kMedianAlong, &kArgMax,   &kArgMin};

}  // namespace

absl::StatusOr<Tensor> AMax(const Operand& x, absl::Span<const int64_t> dims,
                            bool keep_dims) {
  return Apply(kAMax, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> AMin(const Operand& x, absl::Span<const int64_t> dims,
                            bool keep_dims) {
  return Apply(kAMin, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> Max(const Operand& x) { return Apply(kMax, {&x}); }

absl::StatusOr<Tensor> Min(const Operand& x) { return Apply(kMin, {&x}); }

absl::StatusOr<ValuesAndIndices> Max(const Operand& x, int64_t dim,
                                     bool keep_dim) {
  return ApplyForBoth(kMaxAlong, x, WithDims({dim}, keep_dim));
}

absl::StatusOr<ValuesAndIndices> Min(const Operand& x, int64_t dim,
                                     bool keep_dim) {
  return ApplyForBoth(kMinAlong, x, WithDims({dim}, keep_dim));
}

absl::StatusOr<ValuesAndIndices> Median(const Operand& x, int64_t dim,
                                        bool keep_dim) {
  return ApplyForBoth(kMedianAlong, x, WithDims({dim}, keep_dim));
}

absl::StatusOr<Tensor> Median(const Operand& x) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("Median", x));
  if (x.tensor().num_elements() == 0 && IsFloat(x.tensor().dtype())) {
    // NaN with a record.
    return Sum(x) * std::numeric_limits<double>::quiet_NaN();
  }
  FERRY_ASSIGN_OR_RETURN(ValuesAndIndices selection,
                         ApplyForBoth(kMedianAlong, Reshape(x, {-1}),
                                      WithDims({0}, /*keep_dims=*/false)));
  return std::move(selection.values);
}

absl::StatusOr<Tensor> ArgMax(const Operand& x) { return Apply(kArgMax, {&x}); }

absl::StatusOr<Tensor> ArgMax(const Operand& x, int64_t dim, bool keep_dim) {
  return Apply(kArgMax, {&x}, WithDims({dim}, keep_dim));
}

absl::StatusOr<Tensor> ArgMin(const Operand& x) { return Apply(kArgMin, {&x}); }

absl::StatusOr<Tensor> ArgMin(const Operand& x, int64_t dim, bool keep_dim) {
  return Apply(kArgMin, {&x}, WithDims({dim}, keep_dim));
}

absl::Span<const Op* const> ExtremeOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
