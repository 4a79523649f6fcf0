// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/reductions.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/cumulative.h"
#include "ferry/autograd/kernels/reductions.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/reducing.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

using pointwise::Wide;
using reducing::BeginDerivative;
using reducing::IsFloat;
using reducing::Reduce;
using reducing::ReductionGradient;
using reducing::Shaped;
using reducing::ShareOfTies;
using reducing::WithDims;

// The dtype of sums and products.
DType SumDType(DType dtype) { return IsFloat(dtype) ? dtype : DType::kInt64; }

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

// ------------------------------------------------------------------- Counts

// Returns the dtype of the result of All and Any. As in PyTorch, it is uint8
// for uint8, which was PyTorch's dtype for booleans before it had bool.
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
    &kSum,       &kNanSum, &kMean, &kProd,         &kVar,    &kStd,    &kNorm,
    &kLogSumExp, &kAll,    &kAny,  &kCountNonzero, &kCumSum, &kCumProd};

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

}  // namespace v1
}  // namespace ferry
