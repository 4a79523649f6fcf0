// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Second derivatives of reductions, normalisations and losses, compared with
// differences of first derivatives. The first derivatives themselves are
// compared with PyTorch's (tests/interop).

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/ops/extremes.h"
#include "ferry/autograd/ops/losses.h"
#include "ferry/autograd/ops/normalization.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/samples.h"
#include "ferry/core/elements.h"
#include "ferry/core/shape.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int64_t kMaxElements = 40;

std::vector<double> Elements(const Tensor& tensor) {
  std::vector<double> elements;
  EXPECT_THAT(ForEachElement<double>(
                  tensor, [&](double element) { elements.push_back(element); }),
              IsOk());
  return elements;
}

// The gradients of the operands for fixed gradients of the results. Without a
// gradient, zeros.
absl::StatusOr<std::vector<Tensor>> FirstGradients(const Op& op,
                                                   const Sample& sample,
                                                   bool create_graph) {
  const std::vector<Operand> operands = sample.Operands();
  absl::StatusOr<Outputs> outputs = op.call(operands, sample.attributes);
  if (!outputs.ok()) return outputs.status();
  std::vector<Tensor> results;
  GradOptions options;
  options.create_graph = create_graph;
  options.allow_unused = true;
  for (const Tensor& output : *outputs) {
    if (!output.requires_grad()) continue;
    results.push_back(output);
    options.gradients.push_back(
        RandomTensor(output.shape(), output.dtype(), 11 + results.size())
            .value());
  }
  return Grad(results, sample.DifferentiableTensors(), options);
}

// The sum of the products of the first gradients and fixed numbers.
double Product(const std::vector<Tensor>& gradients) {
  double sum = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].is_null()) continue;
    const std::vector<double> elements = Elements(gradients[i]);
    const std::vector<double> factors = Elements(
        RandomTensor(gradients[i].shape(), DType::kFloat64, 100 + i).value());
    for (size_t j = 0; j < elements.size(); ++j) {
      sum += elements[j] * factors[j];
    }
  }
  return sum;
}

void CheckSample(const Op& op, absl::string_view text) {
  const std::string what = absl::StrCat(op.name, "(", text, ")");
  absl::StatusOr<Sample> sample = MakeSample(text, DType::kFloat64);
  ASSERT_THAT(sample, IsOk()) << what;
  if (sample->has_edge_values) return;
  int64_t count = 0;
  for (const Sample::Argument& argument : sample->arguments) {
    if (argument.layout == 'x') return;  // elements share memory
    if (!argument.tensor.is_null()) count += argument.tensor.num_elements();
  }
  if (count > kMaxElements) return;
  // Some samples are there to be refused, as by PyTorch.
  if (!op.call(sample->Operands(), sample->attributes).ok()) return;
  ASSERT_THAT(sample->RequireGradients(), IsOk());
  const std::vector<Tensor> inputs = sample->DifferentiableTensors();
  const auto recorded = FirstGradients(op, *sample, /*create_graph=*/true);
  ASSERT_THAT(recorded, IsOk()) << what;
  const auto plain = FirstGradients(op, *sample, /*create_graph=*/false);
  ASSERT_THAT(plain, IsOk()) << what;
  std::vector<Tensor> differentiable;
  GradOptions options;
  options.allow_unused = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_EQ((*recorded)[i].is_null(), (*plain)[i].is_null()) << what;
    if ((*recorded)[i].is_null()) continue;
    const std::vector<double> a = Elements((*recorded)[i].Detach());
    const std::vector<double> b = Elements((*plain)[i]);
    ASSERT_EQ(a.size(), b.size()) << what;
    for (size_t j = 0; j < a.size(); ++j) {
      EXPECT_NEAR(a[j], b[j], 1e-9 * (1 + std::abs(b[j]))) << what;
    }
    if (!(*recorded)[i].requires_grad()) continue;
    differentiable.push_back((*recorded)[i]);
    options.gradients.push_back(
        RandomTensor(b.empty() ? inputs[i].shape() : (*plain)[i].shape(),
                     DType::kFloat64, 100 + i)
            .value());
  }
  std::vector<Tensor> second(inputs.size());
  if (!differentiable.empty()) {
    const auto result = Grad(differentiable, inputs, options);
    ASSERT_THAT(result, IsOk()) << what;
    second = *result;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    // The weights of classes have no gradient.
    if ((*plain)[i].is_null()) continue;
    const Tensor& x = inputs[i];
    const std::vector<double> analytic =
        second[i].is_null() ? std::vector<double>(x.num_elements())
                            : Elements(second[i]);
    const Dimensions index_strides = ContiguousStrides(x.shape());
    for (int64_t j = 0; j < x.num_elements(); ++j) {
      int64_t offset = 0;
      for (int d = 0; d < x.rank(); ++d) {
        offset += j / index_strides[d] % x.shape()[d] * x.strides()[d];
      }
      double* const element = static_cast<double*>(x.data()) + offset;
      const double former = *element;
      constexpr double kStep = 1e-5;
      *element = former + kStep;
      const double above = Product(*FirstGradients(op, *sample, false));
      *element = former - kStep;
      const double below = Product(*FirstGradients(op, *sample, false));
      *element = former;
      const double numeric = (above - below) / (2 * kStep);
      EXPECT_NEAR(analytic[j], numeric, 1e-4 * (1 + std::abs(numeric)))
          << what << ": operand " << i << ", element " << j;
    }
  }
}

void CheckGroup(absl::Span<const Op* const> ops) {
  for (const Op* op : ops) {
    if ((op->dtypes & kFloats) == 0) continue;
    // Ops without a derivative, and not composed of others.
    if (op->forward != nullptr && op->derivative == nullptr) continue;
    for (absl::string_view text : SplitSamples(op->samples)) {
      CheckSample(*op, text);
    }
  }
}

TEST(SecondGradientsTest, OfReductions) { CheckGroup(ReductionOps()); }
TEST(SecondGradientsTest, OfExtremes) { CheckGroup(ExtremeOps()); }
TEST(SecondGradientsTest, OfNormalizations) { CheckGroup(NormalizationOps()); }
TEST(SecondGradientsTest, OfLosses) { CheckGroup(LossOps()); }

}  // namespace
}  // namespace v1
}  // namespace ferry
