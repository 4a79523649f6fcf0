// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/normalization.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/kernels/normalization.h"
#include "ferry/autograd/kernels/softmax.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

using pointwise::Wide;

// ------------------------------------------------------------------ Softmax

using SoftmaxKernel = absl::Status (*)(const Tensor&, int, const Tensor&);
using SoftmaxBackwardKernel = absl::Status (*)(const Tensor&, const Tensor&,
                                               int, const Tensor&);

absl::StatusOr<Outputs> SoftmaxForward(const Call& call, SoftmaxKernel kernel) {
  const Tensor& x = call[0].tensor();
  FERRY_ASSIGN_OR_RETURN(const int dim,
                         WrapDim(call.attributes().ints[0], x.rank()));
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
  FERRY_RETURN_IF_ERROR(kernel(x, dim, out));
  return out;
}

// The gradient in one step, which is not recorded.
absl::Status SoftmaxBackward(Derivative& d, SoftmaxBackwardKernel kernel) {
  const Operand y = d.output();
  FERRY_RETURN_IF_ERROR(y.status());
  const Tensor& result = y.tensor();
  FERRY_ASSIGN_OR_RETURN(const int dim,
                         WrapDim(d.attributes().ints[0], result.rank()));
  FERRY_ASSIGN_OR_RETURN(
      Tensor gradient,
      Empty(result.shape(), TensorOptions().dtype(result.dtype())));
  FERRY_RETURN_IF_ERROR(kernel(d.gradient(), result, dim, gradient));
  d.Set(0, std::move(gradient));
  return absl::OkStatus();
}

constexpr char kSoftmaxSamples[] =
    "f[2,3] i=1 | f[2,3] i=0 | f[2,3,4] i=-2 | f[3,2]t i=0 | f[] i=0 | f[0] "
    "i=0 | f[0,3] i=1 | f[3,0] i=1 | f[7]s i=0 | f[3,5]x i=1 | f[5,50] i=0 | "
    "f[4,50] i=-1 | e[] i=0";

constexpr Op kSoftmax = {
    "Softmax",
    [](const Call& call) { return SoftmaxForward(call, kernels::Softmax); },
    {UsesOutput()},
    [](Derivative& d) -> absl::Status {
      if (!GradEnabled()) return SoftmaxBackward(d, kernels::SoftmaxBackward);
      const absl::StatusOr<Tensor> y = Wide(d.output());
      const absl::StatusOr<Tensor> g = Wide(d.gradient());
      d.Set(0, y * (g - Sum(g * y, d.attributes().ints, true)));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(Softmax(x[0], attributes.ints[0]));
    },
    "torch.softmax(a, i[0])",
    kSoftmaxSamples};

constexpr Op kLogSoftmax = {
    "LogSoftmax",
    [](const Call& call) { return SoftmaxForward(call, kernels::LogSoftmax); },
    {UsesOutput()},
    [](Derivative& d) -> absl::Status {
      if (!GradEnabled()) {
        return SoftmaxBackward(d, kernels::LogSoftmaxBackward);
      }
      const absl::StatusOr<Tensor> g = Wide(d.gradient());
      const absl::StatusOr<Tensor> softmax =
          pointwise::ExpOfDifference(Wide(d.output()), 0.0);
      d.Set(0, g - softmax * Sum(g, d.attributes().ints, true));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(LogSoftmax(x[0], attributes.ints[0]));
    },
    "torch.log_softmax(a, i[0])",
    kSoftmaxSamples};

// ------------------------------------------------- Layer and RMS normalisation

// Of both, `ints` is the shape of a row, and the first number eps.

// Checks the shapes of the operands: x, and perhaps weight and bias. Returns
// the number of elements of a row.
absl::StatusOr<int64_t> CheckRows(const Call& call) {
  const absl::Span<const int64_t> row = call.attributes().ints;
  const absl::Span<const int64_t> shape = call[0].shape();
  if (row.empty() || row.size() > shape.size() ||
      shape.subspan(shape.size() - row.size()) != row) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the normalized shape is ", ShapeToString(row),
        ", which must be that of one or more last dimensions of the input"));
  }
  for (size_t i = 1; i < call.size(); ++i) {
    if (call[i].shape() != row) {
      return absl::InvalidArgumentError(
          absl::StrCat(i == 1 ? "the weight" : "the bias", " has the shape ",
                       ShapeToString(call[i].shape()),
                       ", not the normalized shape ", ShapeToString(row)));
    }
  }
  return NumElements(row);
}

DType StatisticsDType(DType dtype) {
  return dtype == DType::kFloat64 ? dtype : DType::kFloat32;
}

// A tensor with one number for each row.
absl::StatusOr<Tensor> MakeStatistics(const Tensor& x, int64_t row_size) {
  return Empty({row_size == 0 ? 0 : x.num_elements() / row_size},
               TensorOptions().dtype(StatisticsDType(x.dtype())));
}

// The results are y, rstd and, for layer normalisation, mean.
absl::StatusOr<Outputs> NormalizeForward(const Call& call, bool is_rms) {
  FERRY_ASSIGN_OR_RETURN(const int64_t row_size, CheckRows(call));
  const Tensor& x = call[0].tensor();
  const Tensor weight = call.size() > 1 ? call[1].tensor() : Tensor();
  const Tensor bias = call.size() > 2 ? call[2].tensor() : Tensor();
  const double eps = call.attributes().numbers[0];
  FERRY_ASSIGN_OR_RETURN(Tensor out, call.MakeOutput(x.shape(), x.dtype()));
  FERRY_ASSIGN_OR_RETURN(Tensor rstd, MakeStatistics(x, row_size));
  Outputs outputs(out);
  outputs.Add(rstd);
  if (is_rms) {
    FERRY_RETURN_IF_ERROR(
        kernels::RmsNorm(x, row_size, weight, eps, out, rstd));
    return outputs;
  }
  FERRY_ASSIGN_OR_RETURN(Tensor mean, MakeStatistics(x, row_size));
  outputs.Add(mean);
  FERRY_RETURN_IF_ERROR(
      kernels::LayerNorm(x, row_size, weight, bias, eps, out, mean, rstd));
  return outputs;
}

absl::StatusOr<Tensor> MakeGradient(const Derivative& d, size_t i) {
  if (i >= d.size() || !d.Needs(i)) return Tensor();
  return Empty(d.input_shape(i), TensorOptions().dtype(d.input_dtype(i)));
}

// The gradients in one step, which is not recorded.
absl::Status NormalizeBackward(Derivative& d, bool is_rms) {
  const Operand x = d.input(0);
  FERRY_RETURN_IF_ERROR(x.status());
  Tensor weight;
  if (d.size() > 1 && d.Needs(0)) {
    const Operand operand = d.input(1);
    FERRY_RETURN_IF_ERROR(operand.status());
    weight = operand.tensor();
  }
  const Operand rstd = d.output(1);
  FERRY_RETURN_IF_ERROR(rstd.status());
  FERRY_ASSIGN_OR_RETURN(const int64_t row_size,
                         NumElements(d.attributes().ints));
  FERRY_ASSIGN_OR_RETURN(const Tensor x_grad, MakeGradient(d, 0));
  FERRY_ASSIGN_OR_RETURN(const Tensor weight_grad, MakeGradient(d, 1));
  FERRY_ASSIGN_OR_RETURN(const Tensor bias_grad, MakeGradient(d, 2));
  if (is_rms) {
    FERRY_RETURN_IF_ERROR(
        kernels::RmsNormBackward(d.gradient(), x.tensor(), row_size,
                                 rstd.tensor(), weight, x_grad, weight_grad));
  } else {
    const Operand mean = d.output(2);
    FERRY_RETURN_IF_ERROR(mean.status());
    FERRY_RETURN_IF_ERROR(kernels::LayerNormBackward(
        d.gradient(), x.tensor(), row_size, mean.tensor(), rstd.tensor(),
        weight, x_grad, weight_grad, bias_grad));
  }
  if (d.Needs(0)) d.Set(0, x_grad);
  if (d.size() > 1 && d.Needs(1)) d.Set(1, weight_grad);
  if (d.size() > 2 && d.Needs(2)) d.Set(2, bias_grad);
  return absl::OkStatus();
}

// The same in recorded steps. The statistics are computed again, so that their
// gradients are part of the graph.
absl::Status RecordedBackward(Derivative& d, bool is_rms) {
  Dimensions dims;
  for (size_t i = 0; i < d.attributes().ints.size(); ++i) {
    dims.push_back(-1 - static_cast<int64_t>(i));
  }
  const absl::StatusOr<Tensor> g = Wide(d.gradient());
  const absl::StatusOr<Tensor> x = Wide(d.input(0));
  const absl::StatusOr<Tensor> centered = is_rms ? x : x - Mean(x, dims, true);
  const absl::StatusOr<Tensor> variance = Mean(centered * centered, dims, true);
  const absl::StatusOr<Tensor> rstd =
      pointwise::AbsPow(variance + d.attributes().numbers[0], -0.5);
  const absl::StatusOr<Tensor> normalized = centered * rstd;
  if (d.Needs(0)) {
    const absl::StatusOr<Tensor> h = d.size() > 1 ? g * Wide(d.input(1)) : g;
    const absl::StatusOr<Tensor> along =
        normalized * Mean(h * normalized, dims, true);
    d.Set(0, rstd * ((is_rms ? h : h - Mean(h, dims, true)) - along));
  }
  if (d.size() > 1 && d.Needs(1)) d.Set(1, g * normalized);
  if (d.size() > 2 && d.Needs(2)) d.Set(2, g);
  return absl::OkStatus();
}

absl::Status NormalizeDerivative(Derivative& d, bool is_rms) {
  // Nothing depends on the normalised tensor.
  if (d.gradient().is_null()) return absl::OkStatus();
  if (!d.Needs(0) && (d.size() < 2 || !d.Needs(1))) {
    // Nothing has been saved for the bias.
    d.Set(2, d.gradient());
    return absl::OkStatus();
  }
  return GradEnabled() ? RecordedBackward(d, is_rms)
                       : NormalizeBackward(d, is_rms);
}

constexpr Op kLayerNorm = {
    "LayerNorm",
    [](const Call& call) { return NormalizeForward(call, /*is_rms=*/false); },
    {UsesInput(0) | UsesInput(1) | UsesOutput(1) | UsesOutput(2),
     UsesInput(0) | UsesOutput(1) | UsesOutput(2)},
    [](Derivative& d) { return NormalizeDerivative(d, /*is_rms=*/false); },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      const double eps = attributes.numbers[0];
      switch (x.size()) {
        case 1:
          return AsOutputs(LayerNorm(x[0], attributes.ints, eps));
        case 2:
          return AsOutputs(LayerNorm(x[0], attributes.ints, x[1], eps));
        default:
          return AsOutputs(LayerNorm(x[0], attributes.ints, x[1], x[2], eps));
      }
    },
    "F.layer_norm(a, i, *tensors[1:], eps=p)",
    "f[2,3] i=3 p=1e-5 | f[2,3,4] f[3,4] f[3,4] i=3,4 p=1e-5 | f[2,5] f[5] i=5 "
    "p=0.1 | f[4,3]t f[4]s f[4] i=4 p=1e-5 | f[0,3] f[3] f[3] i=3 p=1e-5 | "
    "f[40,50] f[50] f[50] i=50 p=1e-5 | f[3] i=3 p=1e-5"};

constexpr Op kRmsNorm = {
    "RmsNorm",
    [](const Call& call) { return NormalizeForward(call, /*is_rms=*/true); },
    {UsesInput(0) | UsesInput(1) | UsesOutput(1), UsesInput(0) | UsesOutput(1)},
    [](Derivative& d) { return NormalizeDerivative(d, /*is_rms=*/true); },
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      const double eps = attributes.numbers[0];
      return AsOutputs(x.size() == 1
                           ? RmsNorm(x[0], attributes.ints, eps)
                           : RmsNorm(x[0], attributes.ints, x[1], eps));
    },
    // PyTorch has it from 2.4 on.
    "a * torch.rsqrt(a.square().mean(tuple(range(-len(i), 0)), keepdim=True) + "
    "p) * (b if len(tensors) > 1 else 1)",
    "f[2,3] i=3 p=1e-5 | f[2,3,4] f[3,4] i=3,4 p=1e-5 | f[2,5] f[5] i=5 p=0.1 "
    "| f[4,3]t f[4]s i=4 p=1e-5 | f[0,3] f[3] i=3 p=1e-5 | f[40,50] f[50] i=50 "
    "p=1e-5 | f[3] i=3 p=1e-5"};

Attributes WithRow(absl::Span<const int64_t> shape, double eps) {
  Attributes attributes = IntsOf(shape);
  attributes.numbers[0] = eps;
  return attributes;
}

// The distance from 1 to the next number of the dtype that is computed in.
double DefaultEps(const Operand& x) {
  const bool is_double = x.status().ok() && !x.is_number() &&
                         !x.tensor().is_null() &&
                         x.tensor().dtype() == DType::kFloat64;
  return is_double ? std::numeric_limits<double>::epsilon()
                   : std::numeric_limits<float>::epsilon();
}

constexpr const Op* kOps[] = {&kSoftmax, &kLogSoftmax, &kLayerNorm, &kRmsNorm};

}  // namespace

absl::StatusOr<Tensor> Softmax(const Operand& x, int64_t dim) {
  return Apply(kSoftmax, {&x}, IntsOf({dim}));
}

absl::StatusOr<Tensor> LogSoftmax(const Operand& x, int64_t dim) {
  return Apply(kLogSoftmax, {&x}, IntsOf({dim}));
}

absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape, double eps) {
  return Apply(kLayerNorm, {&x}, WithRow(shape, eps));
}

absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 const Operand& weight, double eps) {
  return Apply(kLayerNorm, {&x, &weight}, WithRow(shape, eps));
}

absl::StatusOr<Tensor> LayerNorm(const Operand& x,
                                 absl::Span<const int64_t> shape,
                                 const Operand& weight, const Operand& bias,
                                 double eps) {
  return Apply(kLayerNorm, {&x, &weight, &bias}, WithRow(shape, eps));
}

absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape) {
  return RmsNorm(x, shape, DefaultEps(x));
}

absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape, double eps) {
  return Apply(kRmsNorm, {&x}, WithRow(shape, eps));
}

absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape,
                               const Operand& weight) {
  return RmsNorm(x, shape, weight, DefaultEps(x));
}

absl::StatusOr<Tensor> RmsNorm(const Operand& x,
                               absl::Span<const int64_t> shape,
                               const Operand& weight, double eps) {
  return Apply(kRmsNorm, {&x, &weight}, WithRow(shape, eps));
}

absl::Span<const Op* const> NormalizationOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
