// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/ops/losses.h
// -----------------------------------------------------------------------------
//
// Losses, which say how far predictions are from their targets.
//
// Example: train a classifier with 10 classes. `target` holds the class of each
// row.
//
//   auto loss = CrossEntropy(logits, target);
//   FERRY_RETURN_IF_ERROR(Backward(loss));
//
// Predictions are float tensors. Unless a comment says otherwise, results have
// the dtype of the predictions. float16 and bfloat16 are computed in float32.
//
// All functions are thread-safe as long as nothing else writes to the tensors.
// They run on several threads if the tensors are large, and take O(elements)
// time.
//
// Errors of all functions, besides those below:
//
//   kResourceExhausted - not enough memory.
//   and those of `Apply` (autograd/ops/op.h).
#ifndef FERRY_AUTOGRAD_OPS_LOSSES_H_
#define FERRY_AUTOGRAD_OPS_LOSSES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// How the losses of all items are combined.
enum class LossReduction : uint8_t {
  kNone,  // not at all: the result has one loss per item
  kMean,  // their mean
  kSum,   // their sum
};

struct NllLossOptions {
  // The weight of each class: a tensor of floats with one element per class, or
  // null for equal weights. No gradient is computed for it.
  Tensor weight;

  // Items with this target do not count.
  int64_t ignore_index = -100;

  // kMean divides the sum of the losses by the sum of their weights. It is NaN
  // if all items are ignored.
  LossReduction reduction = LossReduction::kMean;
};

// Returns -x[n, target[n]] * weight[target[n]] for each item n, combined by
// `options.reduction`. This is the negative log-likelihood if `x` holds
// log-probabilities.
//
//   x       shape [N, C] with C classes, [N, C, d1, d2, ...], or [C]
//   target  int64, from 0 to C - 1, of shape [N], [N, d1, d2, ...], or []
//
// Errors: kInvalidArgument - the shapes do not fit, or a dtype is wrong.
//         kOutOfRange      - a target is not a class. The message names it.
absl::StatusOr<Tensor> NllLoss(const Operand& x, const Operand& target,
                               const NllLossOptions& options = {});

struct CrossEntropyOptions {
  // The same as in NllLossOptions.
  Tensor weight;
  int64_t ignore_index = -100;
  LossReduction reduction = LossReduction::kMean;

  // The part of each item's probability that is spread over all classes, from 0
  // to 1.
  double label_smoothing = 0;
};

// Returns the negative log-likelihood of classes whose probabilities are the
// softmax of `x` over the classes. Takes the same shapes as `NllLoss`.
//
// Errors: those of `NllLoss`, and
//         kInvalidArgument - `label_smoothing` is not from 0 to 1.
absl::StatusOr<Tensor> CrossEntropy(const Operand& x, const Operand& target,
                                    const CrossEntropyOptions& options = {});

// MseLoss returns (x - target)^2, and L1Loss returns |x - target|. SmoothL1Loss
// returns (x - target)^2 / (2 * beta) where |x - target| < beta, and
// |x - target| - beta / 2 elsewhere. `reduction` says how the losses are
// combined. The operands are broadcast. The derivative of |x| at 0 is 0.
//
// Errors: kInvalidArgument - the shapes cannot be broadcast, or `beta` is
//         negative or NaN.
absl::StatusOr<Tensor> MseLoss(const Operand& x, const Operand& target,
                               LossReduction reduction = LossReduction::kMean);
absl::StatusOr<Tensor> L1Loss(const Operand& x, const Operand& target,
                              LossReduction reduction = LossReduction::kMean);
absl::StatusOr<Tensor> SmoothL1Loss(
    const Operand& x, const Operand& target, double beta = 1,
    LossReduction reduction = LossReduction::kMean);

struct BinaryCrossEntropyOptions {
  // `weight` multiplies each loss, and `pos_weight` the term of positive
  // targets. Both are broadcast; null stands for ones. No gradient is computed
  // for them.
  Tensor weight;
  Tensor pos_weight;

  LossReduction reduction = LossReduction::kMean;
};

// Returns -(pos_weight * t * log(s) + (1 - t) * log(1 - s)) * weight, combined
// by `options.reduction`. Here s is the sigmoid of `x`, and t is the target, a
// float from 0 to 1. Does not overflow. The result has the dtype of the target.
//
// Errors: kInvalidArgument - `x` and `target` have different shapes, or a
//         weight cannot be broadcast.
absl::StatusOr<Tensor> BinaryCrossEntropyWithLogits(
    const Operand& x, const Operand& target,
    const BinaryCrossEntropyOptions& options = {});

// The entries of these ops.
absl::Span<const Op* const> LossOps();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_OPS_LOSSES_H_
