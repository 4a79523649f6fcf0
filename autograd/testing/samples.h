// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: autograd/testing/samples.h
// -----------------------------------------------------------------------------
//
// Makes the arguments that tests call an op with, from the samples in its entry
// (`Op::samples` in autograd/ops/op.h explains the notation).
//
// Example: call an op with each of its samples, as float32.
//
//   for (absl::string_view text : SplitSamples(op.samples)) {
//     FERRY_ASSIGN_OR_RETURN(Sample sample,
//                            MakeSample(text, DType::kFloat32));
//     FERRY_ASSIGN_OR_RETURN(
//         Outputs outputs, op.call(sample.Operands(), sample.attributes));
//   }
#ifndef FERRY_AUTOGRAD_TESTING_SAMPLES_H_
#define FERRY_AUTOGRAD_TESTING_SAMPLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/core/dtype.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"

namespace ferry {
inline namespace v1 {

// Sample
//
// The arguments of one call.
struct Sample {
  struct Argument {
    Tensor tensor;  // null for a number
    Scalar number = false;

    // How the elements are chosen: the letter of the notation.
    char kind = 'f';
    // How the elements lie in memory: the letter of the notation, or ' '.
    char layout = ' ';

    // Whether tests may ask for the gradient: the elements are of the dtype
    // that is tested, and it has gradients.
    bool is_differentiable = false;
  };

  std::string text;
  std::vector<Argument> arguments;
  Attributes attributes;

  // Whether an operand has the edge values, where gradients are not tested.
  bool has_edge_values = false;

  // Whether the op must refuse the sample.
  bool is_refused = false;

  // Returns the operands. They point into this object.
  std::vector<Operand> Operands() const;

  // Makes every differentiable tensor require a gradient.
  absl::Status RequireGradients() const;

  // Returns the differentiable tensors in order.
  std::vector<Tensor> DifferentiableTensors() const;
};

// Splits `Op::samples` into single samples, without spaces around them.
std::vector<absl::string_view> SplitSamples(absl::string_view samples);

// Makes the arguments of one sample. Tensors whose dtype the notation leaves
// open have `dtype`. The same text and dtype always give the same elements.
//
// In integer dtypes f gives numbers from -5 to 5, or from 0 to 10 if the dtype
// has no sign; p from 1 to 9; u from -1 to 1; d consecutive numbers in random
// order; and e the smallest and largest numbers and some between them. In bool,
// all give random values, but e gives both and p gives true.
//
// `scale` multiplies every size above 1, and 1 is added, so that shapes that
// can be combined still can. Sizes in attributes stay as they are.
//
// Errors: kInvalidArgument - the text is not a sample; the message quotes the
//         part that is wrong.
absl::StatusOr<Sample> MakeSample(absl::string_view text, DType dtype,
                                  int64_t scale = 1);

// Returns a tensor of normally distributed elements, which depend on `seed`
// alone: an incoming gradient for tests.
//
// Errors: kInvalidArgument - the shape is invalid, or the dtype is none of
//         those that samples have.
absl::StatusOr<Tensor> RandomTensor(absl::Span<const int64_t> shape,
                                    DType dtype, uint64_t seed);

// Returns the dtypes in which tests call an op.
std::vector<DType> TestedDTypes(const Op& op);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_AUTOGRAD_TESTING_SAMPLES_H_
