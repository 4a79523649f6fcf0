// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/losses.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/autograd/kernels/nll.h"
#include "ferry/autograd/ops/arguments.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/normalization.h"
#include "ferry/autograd/ops/pointwise.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"

namespace ferry {
inline namespace v1 {
namespace {

using pointwise::Wide;

absl::Status CheckFloats(absl::string_view op, const Operand& x,
                         const Operand& target) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor(op, x));
  FERRY_RETURN_IF_ERROR(CheckIsTensor(op, target));
  for (const Operand* operand : {&x, &target}) {
    const DType dtype = operand->tensor().dtype();
    if (IsComputable(dtype) && Category(dtype) == DTypeCategory::kFloat) {
      continue;
    }
    return absl::UnimplementedError(
        absl::StrCat(op, " takes tensors of floats, and this one is ",
                     Name(dtype), "; cast the tensor first"));
  }
  return absl::OkStatus();
}

// Adds up losses, and gives the result the dtype of the operands.
absl::StatusOr<Tensor> Finish(const Operand& losses, LossReduction reduction,
                              DType dtype) {
  switch (reduction) {
    case LossReduction::kNone:
      return Cast(losses, dtype);
    case LossReduction::kMean:
      return Cast(Mean(losses), dtype);
    case LossReduction::kSum:
      return Cast(Sum(losses), dtype);
  }
  return absl::InvalidArgumentError("the reduction of a loss is unknown");
}

// ------------------------------------------------- Negative log-likelihood

// A tensor and its targets with a dimension for items, which a single item does
// not have.
struct Items {
  Tensor x;
  Tensor target;
};

absl::StatusOr<Tensor> WithItems(const Tensor& x) {
  Dimensions shape(x.shape().begin(), x.shape().end());
  Dimensions strides(x.strides().begin(), x.strides().end());
  shape.insert(shape.begin(), 1);
  strides.insert(strides.begin(), 1);
  return Tensor::Create(x.storage(), x.dtype(), shape, strides,
                        x.storage_offset());
}

absl::StatusOr<Items> ItemsOf(const Tensor& x, const Tensor& target) {
  if (x.rank() != 1) return Items{x, target};
  Items items;
  FERRY_ASSIGN_OR_RETURN(items.x, WithItems(x));
  FERRY_ASSIGN_OR_RETURN(items.target, WithItems(target));
  return items;
}

Dimensions TargetShape(absl::Span<const int64_t> shape) {
  Dimensions without(shape.begin(), shape.end());
  if (!without.empty()) without.erase(without.begin() + (shape.size() > 1));
  return without;
}

absl::Status CheckWeight(const Tensor& weight, int64_t num_classes) {
  if (weight.rank() == 1 && weight.shape()[0] == num_classes &&
      Category(weight.dtype()) == DTypeCategory::kFloat) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the weight must be a tensor of floats of shape [",
                   num_classes, "], one for each class"));
}

// The shapes and dtypes of the operands of kNllLoss.
absl::Status CheckNll(const Call& call) {
  const absl::Span<const int64_t> shape = call[0].shape();
  if (Category(call[0].dtype()) != DTypeCategory::kFloat ||
      call[1].dtype() != DType::kInt64) {
    return absl::InvalidArgumentError(
        "the first tensor must be of floats, and the targets of int64");
  }
  if (shape.empty() || call[1].shape() != TargetShape(shape)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the targets of a tensor of shape ", ShapeToString(shape),
                     " must have the shape ", ShapeToString(TargetShape(shape)),
                     ": classes are dimension 1, or 0 if there is only one"));
  }
  const int64_t num_classes = shape[shape.size() > 1 ? 1 : 0];
  if (call.size() > 2) {
    FERRY_RETURN_IF_ERROR(CheckWeight(call[2].tensor(), num_classes));
  }
  return kernels::CheckTargets(call[1].tensor(), num_classes,
                               call.attributes().ints[0]);
}

Tensor WeightOf(const Call& call) {
  return call.size() > 2 ? call[2].tensor() : Tensor();
}

absl::StatusOr<Tensor> NllGradient(const Operand& gradient,
                                   const Operand& target, const Operand* weight,
                                   int64_t ignore_index,
                                   absl::Span<const int64_t> shape);

// The losses of all items. Operands: x, target, and perhaps weight. `ints` has
// the index that is ignored.
constexpr Op kNllLosses = {
    "NllLoss",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_RETURN_IF_ERROR(CheckNll(call));
      const Tensor& x = call[0].tensor();
      const Tensor& target = call[1].tensor();
      FERRY_ASSIGN_OR_RETURN(Tensor out,
                             call.MakeOutput(target.shape(), x.dtype()));
      FERRY_ASSIGN_OR_RETURN(const Items items, ItemsOf(x, target));
      FERRY_RETURN_IF_ERROR(
          kernels::NllForward(items.x, items.target, WeightOf(call),
                              call.attributes().ints[0], out));
      return out;
    },
    {UsesInput(1) | UsesInput(2)},
    [](Derivative& d) {
      if (!d.Needs(0)) return absl::OkStatus();
      if (d.size() > 2) {
        const Operand weight = d.input(2);
        d.Set(0, NllGradient(d.gradient(), d.input(1), &weight,
                             d.attributes().ints[0], d.input_shape(0)));
      } else {
        d.Set(0, NllGradient(d.gradient(), d.input(1), nullptr,
                             d.attributes().ints[0], d.input_shape(0)));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    nullptr,
    "",
    ""};

// The gradient of x. Operands: the gradients of the losses, target, and perhaps
// weight. `more_ints` is the shape of x. It is linear in the gradients, so its
// own derivative is the loss again.
constexpr Op kNllGradient = {
    "NllGradient",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& gradient = call[0].tensor();
      const Attributes& attributes = call.attributes();
      FERRY_ASSIGN_OR_RETURN(
          Tensor out, call.MakeOutput(attributes.more_ints, gradient.dtype()));
      // A saved-tensor hook may have returned other targets.
      FERRY_RETURN_IF_ERROR(kernels::CheckTargets(
          call[1].tensor(), out.shape()[out.rank() > 1 ? 1 : 0],
          attributes.ints[0]));
      FERRY_ASSIGN_OR_RETURN(const Items items, ItemsOf(out, call[1].tensor()));
      FERRY_RETURN_IF_ERROR(kernels::NllBackward(
          gradient, items.target, WeightOf(call), attributes.ints[0], items.x));
      return out;
    },
    {UsesInput(1) | UsesInput(2)},
    [](Derivative& d) {
      const Operand gradient(d.gradient());
      const Operand target = d.input(1);
      if (d.size() > 2) {
        const Operand weight = d.input(2);
        d.Set(0,
              Apply(kNllLosses, {&gradient, &target, &weight}, d.attributes()));
      } else {
        d.Set(0, Apply(kNllLosses, {&gradient, &target}, d.attributes()));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kFloats | kIntegers,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> NllGradient(const Operand& gradient,
                                   const Operand& target, const Operand* weight,
                                   int64_t ignore_index,
                                   absl::Span<const int64_t> shape) {
  Attributes attributes;
  attributes.ints.push_back(ignore_index);
  attributes.more_ints.assign(shape.begin(), shape.end());
  return weight == nullptr
             ? Apply(kNllGradient, {&gradient, &target}, attributes)
             : Apply(kNllGradient, {&gradient, &target, weight}, attributes);
}

// The weights of all items: 0 for those that are ignored. Operands: target, and
// perhaps weight. `ints` has the index that is ignored.
constexpr Op kNllWeights = {
    "NllWeights",
    [](const Call& call) -> absl::StatusOr<Outputs> {
      const Tensor& target = call[0].tensor();
      const Tensor weight = call.size() > 1 ? call[1].tensor() : Tensor();
      FERRY_ASSIGN_OR_RETURN(
          Tensor out,
          call.MakeOutput(target.shape(),
                          weight.is_null() ? DType::kFloat32 : weight.dtype()));
      FERRY_RETURN_IF_ERROR(
          kernels::NllWeights(target, weight, call.attributes().ints[0], out));
      return out;
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats | kIntegers,
    nullptr,
    "",
    ""};

absl::StatusOr<Tensor> NllLosses(const Operand& x, const Operand& target,
                                 const Tensor& weight, int64_t ignore_index) {
  const Attributes attributes = IntsOf({ignore_index});
  if (weight.is_null()) return Apply(kNllLosses, {&x, &target}, attributes);
  const Operand weights(weight);
  return Apply(kNllLosses, {&x, &target, &weights}, attributes);
}

absl::StatusOr<Tensor> NllWeights(const Operand& target, const Tensor& weight,
                                  int64_t ignore_index) {
  const Attributes attributes = IntsOf({ignore_index});
  if (weight.is_null()) return Apply(kNllWeights, {&target}, attributes);
  const Operand weights(weight);
  return Apply(kNllWeights, {&target, &weights}, attributes);
}

// Adds up losses of items, and divides them by their weights.
absl::StatusOr<Tensor> ReduceItems(const Operand& losses, const Operand& target,
                                   const Tensor& weight, int64_t ignore_index,
                                   LossReduction reduction, DType dtype) {
  // NllWeights relies on the checks of NllLosses.
  FERRY_RETURN_IF_ERROR(losses.status());
  if (reduction != LossReduction::kMean) {
    return Finish(losses, reduction, dtype);
  }
  return Cast(Sum(losses) / Sum(NllWeights(target, weight, ignore_index)),
              dtype);
}

// For tests: the first of `ints` is the reduction, the first of `more_ints` the
// index that is ignored, the first number the smoothing, and the third operand
// the weight.
template <typename Options>
Options OptionsOf(absl::Span<const Operand> x, const Attributes& attributes) {
  Options options;
  if (x.size() > 2) options.weight = x[2].tensor();
  if (!attributes.more_ints.empty()) {
    options.ignore_index = attributes.more_ints[0];
  }
  options.reduction = static_cast<LossReduction>(attributes.ints[0]);
  return options;
}

constexpr char kNllSamples[] =
    "f[4,5] i5[4] i=1 | f[4,5] i5[4] i=0 | f[4,5] i5[4] i=2 | f[4,5] i5[4] "
    "p[5] i=1 | f[4,5] i5[4] p[5] i=0 j=2 | f[4,5] i5[4] i=1 j=1 | f[2,5,3] "
    "i5[2,3] i=1 | f[2,5,3] i5[2,3] p[5] i=0 | f[5] i5[] i=1 | f[5,4]t i5[4] "
    "i=0 j=4 | f[0,5] i5[0] i=0 | f[0,5] i5[0] i=2 | f[30,50] i5[30] i=1";

constexpr Op kNllLoss = {
    "NllLoss",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(
          NllLoss(x[0], x[1], OptionsOf<NllLossOptions>(x, attributes)));
    },
    "F.nll_loss(a, b, c.detach() if len(tensors) > 2 else None, "
    "ignore_index=j[0] if j else -100, reduction=['none', 'mean', "
    "'sum'][i[0]])",
    kNllSamples};

constexpr Op kCrossEntropy = {
    "CrossEntropy",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      auto options = OptionsOf<CrossEntropyOptions>(x, attributes);
      options.label_smoothing = attributes.numbers[0];
      return AsOutputs(CrossEntropy(x[0], x[1], options));
    },
    "F.cross_entropy(a, b, c.detach() if len(tensors) > 2 else None, "
    "ignore_index=j[0] if j else -100, reduction=['none', 'mean', "
    "'sum'][i[0]], label_smoothing=p)",
    "f[4,5] i5[4] i=1 | f[4,5] i5[4] i=0 | f[4,5] i5[4] i=2 | f[4,5] i5[4] "
    "p[5] i=1 | f[4,5] i5[4] p[5] i=0 j=2 | f[4,5] i5[4] i=1 j=1 | f[2,5,3] "
    "i5[2,3] i=1 | f[2,5,3] i5[2,3] p[5] i=0 | f[5] i5[] i=1 | f[5,4]t i5[4] "
    "i=0 j=4 | f[0,5] i5[0] i=0 | f[30,50] i5[30] i=1 | f[4,5] i5[4] i=1 p=0.1 "
    "| f[4,5] i5[4] p[5] i=1 j=1 p=0.3 | f[2,5,3] i5[2,3] p[5] i=0 j=2 p=0.3"};

// ----------------------------------------------- Differences from a target

LossReduction ReductionOf(const Attributes& attributes) {
  return static_cast<LossReduction>(attributes.ints[0]);
}

// The dtype of a loss of two tensors of floats.
DType LossDType(const Operand& x, const Operand& target) {
  return PromoteTypes(x.tensor().dtype(), target.tensor().dtype());
}

constexpr char kDifferenceSamples[] =
    "f[2,3] f[2,3] i=1 | f[2,3] f[2,3] i=0 | f[2,3] f[2,3] i=2 | f[2,3] f[3] "
    "i=0 | f[3,2]t f[2,3] i=1 | f[] f[] i=1 | f[0] f[0] i=0 | f[0] f[0] i=1 | "
    "f[7]s f[7] i=2 | f[40,50] f[40,50] i=1";

constexpr Op kMseLoss = {
    "MseLoss",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(MseLoss(x[0], x[1], ReductionOf(attributes)));
    },
    "F.mse_loss(a, b, reduction=['none', 'mean', 'sum'][i[0]])",
    kDifferenceSamples};

constexpr Op kL1Loss = {
    "L1Loss",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(L1Loss(x[0], x[1], ReductionOf(attributes)));
    },
    "F.l1_loss(a, b, reduction=['none', 'mean', 'sum'][i[0]])",
    kDifferenceSamples};

constexpr Op kSmoothL1Loss = {
    "SmoothL1Loss",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      return AsOutputs(SmoothL1Loss(x[0], x[1], attributes.numbers[0],
                                    ReductionOf(attributes)));
    },
    "F.smooth_l1_loss(a, b, beta=p, reduction=['none', 'mean', 'sum'][i[0]])",
    "f[2,3] f[2,3] i=1 p=1 | f[2,3] f[2,3] i=0 p=0.5 | f[2,3] f[2,3] i=2 p=0 | "
    "f[2,3] f[3] i=0 p=2 | f[3,2]t f[2,3] i=1 p=1 | f[] f[] i=1 p=1 | f[0] "
    "f[0] i=0 p=1 | f[7]s f[7] i=2 p=1 | f[40,50] f[40,50] i=1 p=0.3"};

// For tests, the third operand is the weight, and the fourth pos_weight; with
// the flag, the third is pos_weight.
constexpr Op kBinaryCrossEntropyWithLogits = {
    "BinaryCrossEntropyWithLogits",
    nullptr,
    {},
    nullptr,
    OpKind::kOrdinary,
    kFloats,
    [](absl::Span<const Operand> x, const Attributes& attributes) {
      BinaryCrossEntropyOptions options;
      options.reduction = ReductionOf(attributes);
      if (attributes.flag) {
        options.pos_weight = x[2].tensor();
      } else {
        if (x.size() > 2) options.weight = x[2].tensor();
        if (x.size() > 3) options.pos_weight = x[3].tensor();
      }
      return AsOutputs(BinaryCrossEntropyWithLogits(x[0], x[1], options));
    },
    "F.binary_cross_entropy_with_logits(a, b, weight=c.detach() if "
    "len(tensors) > 2 and "
    "not flag else None, pos_weight=(c.detach() if flag else d.detach() if "
    "len(tensors) > 3 else "
    "None), reduction=['none', 'mean', 'sum'][i[0]])",
    "f[2,3] p[2,3] i=1 | f[2,3] p[2,3] i=0 | f[2,3] p[2,3] p[3] i=1 | f[2,3] "
    "p[2,3] p[3] i=0 flag | f[2,3] p[2,3] p[2,3] p[3] i=2 | f[3,2]t p[2,3] i=1 "
    "| f[] p[] i=1 | f[0,3] p[0,3] i=0 | f[7]s p[7] i=0 | f[40,50] p[40,50] "
    "i=1"};

constexpr const Op* kOps[] = {&kNllLoss,      &kCrossEntropy,
                              &kMseLoss,      &kL1Loss,
                              &kSmoothL1Loss, &kBinaryCrossEntropyWithLogits};

}  // namespace

absl::StatusOr<Tensor> NllLoss(const Operand& x, const Operand& target,
                               const NllLossOptions& options) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("NllLoss", x));
  FERRY_RETURN_IF_ERROR(CheckIsTensor("NllLoss", target));
  const absl::StatusOr<Tensor> losses =
      NllLosses(Wide(x), target, options.weight, options.ignore_index);
  return ReduceItems(losses, target, options.weight, options.ignore_index,
                     options.reduction, x.tensor().dtype());
}

absl::StatusOr<Tensor> CrossEntropy(const Operand& x, const Operand& target,
                                    const CrossEntropyOptions& options) {
  FERRY_RETURN_IF_ERROR(CheckIsTensor("CrossEntropy", x));
  FERRY_RETURN_IF_ERROR(CheckIsTensor("CrossEntropy", target));
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "CrossEntropy: label_smoothing is ", smoothing, ", not from 0 to 1"));
  }
  const int64_t class_dim = x.tensor().rank() > 1 ? 1 : 0;
  const absl::StatusOr<Tensor> logs = LogSoftmax(Wide(x), class_dim);
  absl::StatusOr<Tensor> losses =
      NllLosses(logs, target, options.weight, options.ignore_index);
  if (smoothing > 0 && losses.ok()) {
    absl::StatusOr<Tensor> all = logs;
    if (!options.weight.is_null()) {
      Dimensions shape(logs->shape().size(), 1);
      shape[static_cast<size_t>(class_dim)] = -1;
      all = all * Reshape(options.weight.Detach(), shape);
    }
    const auto num_classes =
        static_cast<double>(logs->shape()[static_cast<size_t>(class_dim)]);
    // Items that are ignored have the weight 0, and others 1.
    const absl::StatusOr<Tensor> counts =
        NllWeights(target, Tensor(), options.ignore_index);
    losses = losses * (1 - smoothing) -
             Sum(all, {class_dim}) * counts * (smoothing / num_classes);
  }
  return ReduceItems(losses, target, options.weight, options.ignore_index,
                     options.reduction, x.tensor().dtype());
}

absl::StatusOr<Tensor> MseLoss(const Operand& x, const Operand& target,
                               LossReduction reduction) {
  FERRY_RETURN_IF_ERROR(CheckFloats("MseLoss", x, target));
  const absl::StatusOr<Tensor> difference = Wide(x) - Wide(target);
  return Finish(difference * difference, reduction, LossDType(x, target));
}

absl::StatusOr<Tensor> L1Loss(const Operand& x, const Operand& target,
                              LossReduction reduction) {
  FERRY_RETURN_IF_ERROR(CheckFloats("L1Loss", x, target));
  return Finish(pointwise::AbsPow(Wide(x) - Wide(target), 1), reduction,
                LossDType(x, target));
}

absl::StatusOr<Tensor> SmoothL1Loss(const Operand& x, const Operand& target,
                                    double beta, LossReduction reduction) {
  FERRY_RETURN_IF_ERROR(CheckFloats("SmoothL1Loss", x, target));
  if (!(beta >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("SmoothL1Loss: beta is ", beta, ", not 0 or more"));
  }
  return Finish(pointwise::SmoothAbs(Wide(x) - Wide(target), beta), reduction,
                LossDType(x, target));
}

absl::StatusOr<Tensor> BinaryCrossEntropyWithLogits(
    const Operand& x, const Operand& target,
    const BinaryCrossEntropyOptions& options) {
  FERRY_RETURN_IF_ERROR(CheckFloats("BinaryCrossEntropyWithLogits", x, target));
  if (x.tensor().shape() != target.tensor().shape()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "BinaryCrossEntropyWithLogits: the target has the shape ",
        ShapeToString(target.tensor().shape()), ", and the input ",
        ShapeToString(x.tensor().shape()), "; they must be the same"));
  }
  const absl::StatusOr<Tensor> logits = Wide(x);
  const absl::StatusOr<Tensor> t = Wide(target);
  absl::StatusOr<Tensor> log_sigmoid = pointwise::LogOfSigmoid(logits);
  if (!options.pos_weight.is_null()) {
    log_sigmoid =
        log_sigmoid * (1 + (Wide(options.pos_weight.Detach()) - 1) * t);
  }
  absl::StatusOr<Tensor> losses = (1 - t) * logits - log_sigmoid;
  if (!options.weight.is_null())
    losses = losses * Wide(options.weight.Detach());
  // As in PyTorch, which computes in the memory of 1 - target.
  return Finish(losses, options.reduction, target.tensor().dtype());
}

absl::Span<const Op* const> LossOps() { return kOps; }

}  // namespace v1
}  // namespace ferry
