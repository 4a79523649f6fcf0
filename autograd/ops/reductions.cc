// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/reductions.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/cumulative.h"
#include "ferry/autograd/kernels/extremes.h"
#include "ferry/autograd/kernels/indexing.h"
#include "ferry/autograd/kernels/picks.h"
#include "ferry/autograd/kernels/reductions.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_copies.h"

namespace ferry {
namespace {

// ------------------------------------------------------------------- Shapes

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

struct ReducedShape {
  Dimensions kept;    // reduced dimensions have size 1
  Dimensions result;  // the same, or without them
  int64_t count = 1;  // elements that are reduced to one
};

// Sets `after`. The list of dimensions is `attributes.ints`, and the flag keeps
// them.
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

// The same elements with another shape, without a record.
absl::StatusOr<Tensor> ViewAs(const Tensor& contiguous,
                              absl::Span<const int64_t> shape) {
  if (contiguous.shape() == shape) return contiguous;
  return Tensor::Create(contiguous.storage(), contiguous.dtype(), shape);
}

// The same for a tensor with a record.
absl::StatusOr<Tensor> Shaped(const Operand& x,
                              absl::Span<const int64_t> shape) {
  if (x.status().ok() && x.tensor().shape() == shape) return x.tensor();
  return Reshape(x, shape);
}

using pointwise::Wide;

bool IsFloat(DType dtype) { return Category(dtype) == DTypeCategory::kFloat; }

// The dtype of sums and products.
DType SumDType(DType dtype) { return IsFloat(dtype) ? dtype : DType::kInt64; }

// Computes one reduction with `kernel(x, out)`.
template <typename Kernel>
absl::StatusOr<Outputs> Reduce(const Call& call, DType dtype, Kernel kernel) {
  const Tensor& x = call[0].tensor();
  ReducedShape shape;
  FERRY_RETURN_IF_ERROR(ReduceShape(x.shape(), call.attributes(), shape));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(shape.result, dtype));
  FERRY_ASSIGN_OR_RETURN(const Tensor kept, ViewAs(out, shape.kept));
  FERRY_RETURN_IF_ERROR(kernel(x, kept));
  return out;
}

// What derivatives of reductions begin with.
struct ReductionGradient {
  ReducedShape shape;
  // With reduced dimensions of size 1, and wide.
  absl::StatusOr<Tensor> gradient;
};

absl::Status BeginDerivative(const Derivative& d, ReductionGradient& g) {
  FERRY_RETURN_IF_ERROR(ReduceShape(d.input_shape(0), d.attributes(), g.shape));
  g.gradient = Shaped(Wide(d.gradient()), g.shape.kept);
  return absl::OkStatus();
}

Attributes WithDims(absl::Span<const int64_t> dims, bool keep_dims,
                    double number = 0) {
  Attributes attributes = IntsOf(dims);
  attributes.flag = keep_dims;
  attributes.numbers[0] = number;
  return attributes;
}

// -------------------------------------------------------- Sums and products

constexpr char kReductionSamples[] =
    "f[2,3] | f[2,3] i=1 | f[2,3,4] i=0,2 flag | f[2,3] i=-1 flag | f[3,2]t "
    "i=0 | f[] | f[0] | f[0,3] i=0 | f[2,0] i=0 | f[7]s | f[40,50] i=0 | "
    "f[3,5]x i=0 | f[3,70] i=1 | e[]";

constexpr Op kSum = {
    "Sum",
    [](const Call& call) {
      return Reduce(call, SumDType(call[0].dtype()), kernels::Sum);
    },
    {},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      d.Set(0, Expand(g.gradient, d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Sum(x[0], attributes.ints, attributes.flag));
    },
    "torch.sum(a, i, flag) if i else torch.sum(a)",
    kReductionSamples};

constexpr Op kNanSum = {
    "NanSum",
    [](const Call& call) {
      return Reduce(call, SumDType(call[0].dtype()), kernels::NanSum);
    },
    {UsesInput(0)},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      // NaN is not equal to itself.
      d.Set(0, pointwise::EqualMask(d.input(0), d.input(0)) * g.gradient);
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(NanSum(x[0], attributes.ints, attributes.flag));
    },
    "torch.nansum(a, i, flag) if i else torch.nansum(a)",
    kReductionSamples};

constexpr Op kMean = {
    "Mean",
    [](const Call& call) {
      return Reduce(call, call[0].dtype(), kernels::Mean);
    },
    {},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      const auto count = static_cast<double>(g.shape.count);
      d.Set(0, Expand(g.gradient / count, d.input_shape(0)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Mean(x[0], attributes.ints, attributes.flag));
    },
    "torch.mean(a, i, flag) if i else torch.mean(a)",
    kReductionSamples};

// The product of the elements before each one along `ints[0]`, or, with the
// flag, of those after it.
absl::StatusOr<Tensor> ExclusiveCumProd(const Operand& x, int64_t dim,
                                        bool is_reverse);

// The linear recurrence of kernels::LinearScan.
absl::StatusOr<Tensor> LinearScan(const Operand& a, const Operand& x,
                                  int64_t dim, bool is_reverse);

kernels::Direction DirectionOf(bool is_reverse) {
  return is_reverse ? kernels::Direction::kReverse
                    : kernels::Direction::kForward;
}

// With a[k] = dL/dy[k], and y[k] the product of all x[i] with i < k,
//
//   dL/dx[j] = sum of a[k] * product of x[i], i < k, i != j, over k > j
//            = y[j] * sum of a[k] * product of x[i], j < i < k, over k > j
//
// and the sum is a linear recurrence from the end. It has no division, so zeros
// do no harm.
constexpr Op kExclusiveCumProd = {
    "ExclusiveCumProd",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[0].tensor();
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
      FERRY_RETURN_IF_ERROR(kernels::ExclusiveCumProd(
          x, static_cast<int>(call.attributes().ints[0]),
          DirectionOf(call.attributes().flag), out));
      return out;
    },
    {UsesInput(0) | UsesOutput()},
    [](Derivative& d) {
      const Attributes& attributes = d.attributes();
      d.Set(0, d.output() * LinearScan(d.gradient(), d.input(0),
                                       attributes.ints[0], !attributes.flag));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    nullptr,
    "",
    ""};

// With y the result and h its gradient, the gradient of a is the scan of h in
// the other direction, and that of x is the product of that and y.
constexpr Op kLinearScan = {
    "LinearScan",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& x = call[1].tensor();
      FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
      FERRY_RETURN_IF_ERROR(kernels::LinearScan(
          call[0].tensor(), x, static_cast<int>(call.attributes().ints[0]),
          DirectionOf(call.attributes().flag), out));
      return out;
    },
    {UsesInput(1), UsesInput(1) | UsesOutput()},
    [](Derivative& d) {
      const Attributes& attributes = d.attributes();
      const absl::StatusOr<Tensor> scan = LinearScan(
          d.gradient(), d.input(1), attributes.ints[0], !attributes.flag);
      d.Set(0, scan);
      if (d.Needs(1)) d.Set(1, scan * d.output());
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> ExclusiveCumProd(const Operand& x, int64_t dim,
                                        bool is_reverse) {
  return Apply(kExclusiveCumProd, {&x}, WithDims({dim}, is_reverse));
}

absl::StatusOr<Tensor> LinearScan(const Operand& a, const Operand& x,
                                  int64_t dim, bool is_reverse) {
  return Apply(kLinearScan, {&a, &x}, WithDims({dim}, is_reverse));
}

constexpr int64_t kWholeShape[] = {-1};
constexpr absl::Span<const int64_t> kWhole(kWholeShape);

constexpr Op kProd = {
    "Prod",
    [](const Call& call) {
      return Reduce(call, SumDType(call[0].dtype()), kernels::Prod);
    },
    {UsesInput(0)},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      const absl::Span<const int64_t> shape = d.input_shape(0);
      const int rank = static_cast<int>(shape.size());
      // One line, if there is no dimension.
      const bool is_whole = d.attributes().ints.empty();
      int64_t dim = 0;
      if (!is_whole) {
        FERRY_ASSIGN_OR_RETURN(dim, WrapDim(d.attributes().ints[0], rank));
      }
      const absl::StatusOr<Tensor> x =
          Shaped(Wide(d.input(0)), is_whole ? kWhole : shape);
      const absl::StatusOr<Tensor> others =
          ExclusiveCumProd(x, dim, false) * ExclusiveCumProd(x, dim, true);
      d.Set(0, Shaped(others, shape) * g.gradient);
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(attributes.ints.empty()
                           ? Prod(x[0])
                           : Prod(x[0], attributes.ints[0], attributes.flag));
    },
    "torch.prod(a, i[0], flag) if i else torch.prod(a)",
    "f[2,3] | f[2,3] i=1 | f[2,3,4] i=1 flag | f[2,3] i=-1 | f[3,2]t i=0 | "
    "f[] | f[0,3] i=1 | f[2,0] i=1 | f[7]s | p[5,40] i=0"};

// ---------------------------------------------------------- Spread and size

// 2 (x - mean) / (n - correction), times the gradient of the variance.
absl::StatusOr<Tensor> VarGradient(Derivative& d,
                                   const absl::StatusOr<Tensor>& gradient) {
  const absl::StatusOr<Tensor> x = Wide(d.input(0));
  return (x - Mean(x, d.attributes().ints, true)) * gradient;
}

constexpr Op kVar = {
    "Var",
    [](const Call& call) {
      const double correction = call.attributes().numbers[0];
      return Reduce(call, call[0].dtype(),
                    [correction](const Tensor& x, const Tensor& out) {
                      return kernels::Var(x, correction, out);
                    });
    },
    {UsesInput(0)},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      const double divisor =
          static_cast<double>(g.shape.count) - d.attributes().numbers[0];
      d.Set(0, VarGradient(d, g.gradient * (2 / divisor)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(
          Var(x[0], attributes.ints, attributes.numbers[0], attributes.flag));
    },
    "torch.var(a, i or None, correction=int(p), keepdim=flag)",
    "f[2,3] p=1 | f[2,3] i=1 p=0 | f[2,3,4] i=0,2 p=1 flag | f[4,3] i=-1 p=2 "
    "flag | f[3,2]t i=0 p=1 | f[] p=0 | f[7]s p=1 | f[5,0] i=0 p=1 | "
    "f[40,50] i=0 p=1"};

constexpr Op kStd = {
    "Std",
    [](const Call& call) {
      const double correction = call.attributes().numbers[0];
      return Reduce(call, call[0].dtype(),
                    [correction](const Tensor& x, const Tensor& out) {
                      return kernels::Std(x, correction, out);
                    });
    },
    {UsesInput(0) | UsesOutput()},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      const double divisor =
          static_cast<double>(g.shape.count) - d.attributes().numbers[0];
      const absl::StatusOr<Tensor> std = Shaped(Wide(d.output()), g.shape.kept);
      d.Set(0,
            VarGradient(d, pointwise::DivideOrZero(g.gradient, std * divisor)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(
          Std(x[0], attributes.ints, attributes.numbers[0], attributes.flag));
    },
    "torch.std(a, i or None, correction=int(p), keepdim=flag)",
    "f[2,3] p=1 | f[2,3] i=1 p=0 | f[2,3,4] i=0,2 p=1 flag | f[4,3] i=-1 p=2 "
    "flag | f[3,2]t i=0 p=1 | f[7]s p=1 | f[5,0] i=0 p=1 | f[40,50] i=0 p=1"};

// 1 at the elements for which |x| is `extreme`, divided by their number.
absl::StatusOr<Tensor> ShareOfTies(const Operand& x, const Operand& extreme,
                                   absl::Span<const int64_t> dims) {
  const absl::StatusOr<Tensor> mask = pointwise::EqualMask(x, extreme);
  return mask / Sum(mask, dims, true);
}

absl::StatusOr<Tensor> NormGradient(Derivative& d, const ReductionGradient& g) {
  const double p = d.attributes().numbers[0];
  if (p == 0) {
    // Not a product with 0, which is NaN for infinities and NaN.
    return Zeros(d.input_shape(0), TensorOptions().dtype(d.input_dtype(0)));
  }
  const absl::StatusOr<Tensor> x = Wide(d.input(0));
  if (p == 1) return pointwise::SignedPow(x, 0) * g.gradient;
  const absl::StatusOr<Tensor> norm = Shaped(Wide(d.output()), g.shape.kept);
  if (p == 2) return x * pointwise::DivideOrZero(g.gradient, norm);
  if (std::isinf(p)) {
    return ShareOfTies(pointwise::AbsPow(x, 1), norm, d.attributes().ints) *
           pointwise::SignedPow(x, 0) * g.gradient;
  }
  return pointwise::SignedPow(x, p - 1) *
         pointwise::DivideOrZero(g.gradient, pointwise::AbsPow(norm, p - 1));
}

constexpr Op kNorm = {
    "Norm",
    [](const Call& call) {
      const double p = call.attributes().numbers[0];
      return Reduce(call, call[0].dtype(),
                    [p](const Tensor& x, const Tensor& out) -> absl::Status {
                      if ((std::isinf(p) || p < 0) && x.num_elements() == 0 &&
                          out.num_elements() > 0) {
                        return absl::InvalidArgumentError(absl::StrCat(
                            "there is no norm of order ", p,
                            " of no elements: a reduced dimension has size "
                            "0"));
                      }
                      return kernels::Norm(x, p, out);
                    });
    },
    {UsesInput(0) | UsesOutput()},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      d.Set(0, NormGradient(d, g));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      // The tests cannot write infinity.
      const double p = attributes.numbers[0];
      const double order =
          p == 99 ? std::numeric_limits<double>::infinity() : p;
      return AsOutputs(Norm(x[0], order, attributes.ints, attributes.flag));
    },
    "torch.linalg.vector_norm(a, float('inf') if p == 99 else p, i or None, "
    "flag)",
    "f[2,3] p=2 | d[2,3] p=1 i=1 | p[2,3,4] p=99 i=0,2 flag | d[2,3] p=3 "
    "i=-1 | d[3,2]t p=2 i=0 | f[] p=2 | f[0] p=2 | d[7]s p=0.5 | d[6] p=0 | "
    "f[40,50] p=2 i=0 | d[5] p=1.5"};

constexpr Op kLogSumExp = {
    "LogSumExp",
    [](const Call& call) {
      return Reduce(call, call[0].dtype(), kernels::LogSumExp);
    },
    {UsesInput(0) | UsesOutput()},
    [](Derivative& d) -> absl::Status {
      ReductionGradient g;
      FERRY_RETURN_IF_ERROR(BeginDerivative(d, g));
      const absl::StatusOr<Tensor> x = Wide(d.input(0));
      FERRY_RETURN_IF_ERROR(x.status());
      // A result that was rounded to 16 bits is not precise enough.
      const absl::StatusOr<Tensor> y =
          x->dtype() == d.output_dtype()
              ? Shaped(d.output(), g.shape.kept)
              : LogSumExp(x, d.attributes().ints, true);
      d.Set(0, pointwise::ExpOfDifference(x, y) * g.gradient);
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(LogSumExp(x[0], attributes.ints, attributes.flag));
    },
    "torch.logsumexp(a, i, flag)",
    "f[2,3] i=1 | f[2,3,4] i=0,2 flag | f[2,3] i=-1 flag | f[3,2]t i=0 | "
    "f[] i=0 | f[7]s i=0 | f[0,3] i=1 | f[40,50] i=0"};

// ----------------------------------------------------------------- Extremes

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

absl::StatusOr<Tensor> PlaceAlong(const Operand& picked, const Operand& indices,
                                  int64_t dim, int64_t size);

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
  FERRY_ASSIGN_OR_RETURN(
      const int64_t dim,
      WrapDim(d.attributes().ints[0], static_cast<int>(shape.size())));
  d.Set(0, PlaceAlong(g.gradient, Shaped(d.output(1), g.shape.kept), dim,
                      shape[static_cast<size_t>(dim)]));
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

// Returns OK if the indices are within the dimension. They are those of a
// selection, but a saved-tensor hook may have returned others. `ints` are the
// dimension and its size.
absl::Status CheckSelection(const Tensor& indices,
                            const Attributes& attributes) {
  return kernels::CheckIndices(indices, attributes.ints[0], attributes.ints[1],
                               kernels::NegativeIndices::kAreErrors);
}

constexpr Op kPickAlong = {
    "PickAlong",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& whole = call[0].tensor();
      const Tensor& indices = call[1].tensor();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(indices.shape(), whole.dtype()));
      const Attributes& attributes = call.attributes();
      FERRY_RETURN_IF_ERROR(CheckSelection(indices, attributes));
      FERRY_RETURN_IF_ERROR(kernels::PickAlong(
          whole, static_cast<int>(attributes.ints[0]), indices, out));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      const Attributes& attributes = d.attributes();
      d.Set(0, PlaceAlong(d.gradient(), d.input(1), attributes.ints[0],
                          attributes.ints[1]));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    nullptr,
    "",
    ""};

constexpr Op kPlaceAlong = {
    "PlaceAlong",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& picked = call[0].tensor();
      const Attributes& attributes = call.attributes();
      Dimensions shape(picked.shape().begin(), picked.shape().end());
      shape[static_cast<size_t>(attributes.ints[0])] = attributes.ints[1];
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(shape, picked.dtype()));
      FERRY_RETURN_IF_ERROR(CheckSelection(call[1].tensor(), attributes));
      FERRY_RETURN_IF_ERROR(kernels::PlaceAlong(
          picked, static_cast<int>(attributes.ints[0]), call[1].tensor(), out));
      return out;
    },
    {UsesInput(1)},
    [](Derivative& d) {
      const Operand indices = d.input(1);
      const Operand gradient(d.gradient());
      d.Set(0, Apply(kPickAlong, {&gradient, &indices}, d.attributes()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> PlaceAlong(const Operand& picked, const Operand& indices,
                                  int64_t dim, int64_t size) {
  return Apply(kPlaceAlong, {&picked, &indices},
               WithDims({dim, size}, /*keep_dims=*/false));
}

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

// ------------------------------------------------------------------- Counts

// As in PyTorch, which once had no bool.
DType BoolDType(DType dtype) {
  return dtype == DType::kUInt8 ? dtype : DType::kBool;
}

constexpr char kBoolSamples[] =
    "b[2,3] | b[2,3] i=1 | b[2,3,4] i=-2 flag | b[3,2]t i=0 | b[] | b[0] | "
    "b[0,3] i=0 | f[2,3] | b[7]s | b[40,50] i=0 | e[]";

constexpr Op kAll = {
    "All",
    [](const Call& call) {
      return Reduce(call, BoolDType(call[0].dtype()), kernels::All);
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(All(x[0], attributes.ints, attributes.flag));
    },
    "torch.all(a, i[0], flag) if i else torch.all(a)",
    kBoolSamples};

constexpr Op kAny = {
    "Any",
    [](const Call& call) {
      return Reduce(call, BoolDType(call[0].dtype()), kernels::Any);
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Any(x[0], attributes.ints, attributes.flag));
    },
    "torch.any(a, i[0], flag) if i else torch.any(a)",
    kBoolSamples};

constexpr Op kCountNonzero = {
    "CountNonzero",
    [](const Call& call) {
      return Reduce(call, DType::kInt64, kernels::CountNonzero);
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(CountNonzero(x[0], attributes.ints));
    },
    "torch.count_nonzero(a, i) if i else torch.count_nonzero(a)",
    "b[2,3] | b[2,3] i=1 | b[2,3,4] i=0,2 | b[3,2]t i=0 | b[] | b[0] | f[2,3] "
    "| e[]"};

// ------------------------------------------------- Running sums and products

using CumulativeKernel = absl::Status (*)(const Tensor&, int,
                                          kernels::Direction, const Tensor&);

// Accumulates along `ints[0]`, from the end with the flag.
absl::StatusOr<Outputs> Cumulate(const Call& call, CumulativeKernel kernel) {
  const Tensor& x = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(const int64_t dim,
                         WrapDim(call.attributes().ints[0], x.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor out,
                         call.MakeOutput(x.shape(), SumDType(x.dtype())));
  FERRY_RETURN_IF_ERROR(kernel(x, static_cast<int>(dim),
                               DirectionOf(call.attributes().flag), out));
  return out;
}

constexpr char kCumulativeSamples[] =
    "f[5] i=0 | f[2,3] i=0 | f[2,3] i=-1 | f[2,3,4] i=1 | f[3,2]t i=0 | f[] "
    "i=0 | f[0,3] i=0 | f[2,0] i=0 | f[7]s i=0 | f[4,50] i=0";

constexpr Op kCumSum = {
    "CumSum",
    [](const Call& call) { return Cumulate(call, kernels::CumSum); },
    {},
    [](Derivative& d) {
      Attributes attributes = d.attributes();
      attributes.flag = !attributes.flag;
      const Operand gradient(d.gradient());
      d.Set(0, Apply(kCumSum, {&gradient}, attributes));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(CumSum(x[0], attributes.ints[0]));
    },
    "torch.cumsum(a, i[0])",
    kCumulativeSamples};

// With y[k] the product of x[i] for i <= k, and g[k] its gradient,
//
//   dL/dx[j] = product of x[i], i < j,
//              * (g[j] + sum of g[k] * product of x[i], j < i <= k, over k > j)
//
// where the sum is a linear recurrence of g * x.
constexpr Op kCumProd = {
    "CumProd",
    [](const Call& call) { return Cumulate(call, kernels::CumProd); },
    {UsesInput(0)},
    [](Derivative& d) -> absl::Status {
      const absl::StatusOr<Tensor> x = Wide(d.input(0));
      const absl::StatusOr<Tensor> g = Wide(d.gradient());
      FERRY_ASSIGN_OR_RETURN(
          const int64_t dim,
          WrapDim(d.attributes().ints[0],
                  static_cast<int>(d.input_shape(0).size())));
      d.Set(0, ExclusiveCumProd(x, dim, false) *
                   (g + LinearScan(g * x, x, dim, true)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers | kBools,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(CumProd(x[0], attributes.ints[0]));
    },
    "torch.cumprod(a, i[0])",
    kCumulativeSamples};

constexpr const Op* kOps[] = {
    &kSum,      &kNanSum,       &kMean,        &kProd,   &kVar,    &kStd,
    &kNorm,     &kLogSumExp,    &kAMax,        &kAMin,   &kMax,    &kMin,
    &kMaxAlong, &kMinAlong,     &kMedianAlong, &kArgMax, &kArgMin, &kAll,
    &kAny,      &kCountNonzero, &kCumSum,      &kCumProd};

}  // namespace

absl::StatusOr<Tensor> Sum(const Operand& x, absl::Span<const int64_t> dims,
                           bool keep_dims) {
  return Apply(kSum, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> NanSum(const Operand& x, absl::Span<const int64_t> dims,
                              bool keep_dims) {
  return Apply(kNanSum, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> Mean(const Operand& x, absl::Span<const int64_t> dims,
                            bool keep_dims) {
  return Apply(kMean, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> Prod(const Operand& x) {
  return Apply(kProd, {&x}, WithDims({}, /*keep_dims=*/false));
}

absl::StatusOr<Tensor> Prod(const Operand& x, int64_t dim, bool keep_dim) {
  return Apply(kProd, {&x}, WithDims({dim}, keep_dim));
}

absl::StatusOr<Tensor> SumToShape(const Operand& x,
                                  absl::Span<const int64_t> shape) {
  FERRY_RETURN_IF_ERROR(x.status());
  if (x.is_number() || x.tensor().is_null()) {
    return absl::InvalidArgumentError("SumToShape takes a tensor");
  }
  const Tensor& tensor = x.tensor();
  const absl::Span<const int64_t> from = tensor.shape();
  if (from == shape) return tensor;
  FERRY_ASSIGN_OR_RETURN(const Dimensions broadcast,
                         BroadcastShape(from, shape));
  if (absl::MakeConstSpan(broadcast) != from) {
    return absl::InvalidArgumentError(
        absl::StrCat("SumToShape: a tensor of shape ", ShapeToString(shape),
                     " cannot be broadcast to ", ShapeToString(from)));
  }
  const size_t skipped = from.size() - shape.size();
  Dimensions dims;
  for (size_t i = 0; i < from.size(); ++i) {
    if (i < skipped || (shape[i - skipped] == 1 && from[i] != 1)) {
      dims.push_back(static_cast<int64_t>(i));
    }
  }
  if (dims.empty()) return Reshape(x, shape);
  return Reshape(Sum(x, dims, true), shape);
}

absl::StatusOr<Tensor> Var(const Operand& x, absl::Span<const int64_t> dims,
                           double correction, bool keep_dims) {
  return Apply(kVar, {&x}, WithDims(dims, keep_dims, correction));
}

absl::StatusOr<Tensor> Std(const Operand& x, absl::Span<const int64_t> dims,
                           double correction, bool keep_dims) {
  return Apply(kStd, {&x}, WithDims(dims, keep_dims, correction));
}

absl::StatusOr<Tensor> Norm(const Operand& x, double p,
                            absl::Span<const int64_t> dims, bool keep_dims) {
  return Apply(kNorm, {&x}, WithDims(dims, keep_dims, p));
}

absl::StatusOr<Tensor> LogSumExp(const Operand& x,
                                 absl::Span<const int64_t> dims,
                                 bool keep_dims) {
  return Apply(kLogSumExp, {&x}, WithDims(dims, keep_dims));
}

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

absl::StatusOr<Tensor> All(const Operand& x, absl::Span<const int64_t> dims,
                           bool keep_dims) {
  return Apply(kAll, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> Any(const Operand& x, absl::Span<const int64_t> dims,
                           bool keep_dims) {
  return Apply(kAny, {&x}, WithDims(dims, keep_dims));
}

absl::StatusOr<Tensor> CountNonzero(const Operand& x,
                                    absl::Span<const int64_t> dims) {
  return Apply(kCountNonzero, {&x}, WithDims(dims, /*keep_dims=*/false));
}

absl::StatusOr<Tensor> CumSum(const Operand& x, int64_t dim) {
  return Apply(kCumSum, {&x}, WithDims({dim}, /*keep_dims=*/false));
}

absl::StatusOr<Tensor> CumProd(const Operand& x, int64_t dim) {
  return Apply(kCumProd, {&x}, WithDims({dim}, /*keep_dims=*/false));
}

absl::Span<const Op* const> ReductionOps() { return kOps; }

}  // namespace ferry
