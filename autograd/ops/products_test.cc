// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/products.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/testing/samples.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Numbers of one dimension as a tensor of the given shape.
Tensor Make(std::vector<double> elements, absl::Span<const int64_t> shape) {
  return *Tensor::FromData(elements, shape);
}

Tensor Leaf(std::vector<double> elements, absl::Span<const int64_t> shape) {
  Tensor leaf = Make(std::move(elements), shape);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

std::vector<double> Elements(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok()) return {};
  std::vector<double> elements;
  EXPECT_THAT(
      ForEachElement<double>(
          *tensor, [&](double element) { elements.push_back(element); }),
      IsOk());
  return elements;
}

// Returns one number, computed from tensors that may change between calls.
using Function = std::function<absl::StatusOr<Tensor>()>;

// Returns the sum of the elements of `tensor`, each with a weight of its own.
absl::StatusOr<Tensor> Weighted(const absl::StatusOr<Tensor>& tensor,
                                uint64_t seed) {
  FERRY_RETURN_IF_ERROR(tensor.status());
  return Sum(tensor * RandomTensor(tensor->shape(), DType::kFloat64, seed));
}

// Compares the gradients of `function` with central differences.
void CheckGradients(const Function& function,
                    const std::vector<Tensor>& inputs) {
  GradOptions options;
  options.allow_unused = true;
  const absl::StatusOr<std::vector<Tensor>> gradients =
      Grad(function(), inputs, options);
  ASSERT_THAT(gradients, IsOk());
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<double> gradient((*gradients)[i].is_null()
                                     ? std::vector<double>()
                                     : Elements((*gradients)[i]));
    gradient.resize(static_cast<size_t>(inputs[i].num_elements()), 0.0);
    for (int64_t j = 0; j < inputs[i].num_elements(); ++j) {
      // The element in memory.
      int64_t rest = j;
      int64_t place = 0;
      for (size_t dim = inputs[i].shape().size(); dim-- > 0;) {
        place += rest % inputs[i].shape()[dim] * inputs[i].strides()[dim];
        rest /= inputs[i].shape()[dim];
      }
      double& element = static_cast<double*>(inputs[i].data())[place];
      const double former = element;
      constexpr double kStep = 1e-3;  // the functions are linear in it
      element = former + kStep;
      const double above = *function()->Item<double>();
      element = former - kStep;
      const double below = *function()->Item<double>();
      element = former;
      EXPECT_NEAR(gradient[static_cast<size_t>(j)],
                  (above - below) / (2 * kStep), 1e-6)
          << "input " << i << ", element " << j;
    }
  }
}

// Calls `check` with every sample of every op that the op accepts in float64,
// and in which no elements share memory.
void ForEachSample(const std::function<void(const Op&, const Sample&)>& check) {
  for (const Op* op : ProductOps()) {
    int64_t checked = 0;
    for (const absl::string_view text : SplitSamples(op->samples)) {
      SCOPED_TRACE(std::string(op->name) + ": " + std::string(text));
      const absl::StatusOr<Sample> sample = MakeSample(text, DType::kFloat64);
      ASSERT_THAT(sample, IsOk());
      bool is_checked = !sample->has_edge_values;
      int64_t elements = 0;
      for (const Sample::Argument& argument : sample->arguments) {
        is_checked = is_checked && argument.layout != 'x';
        elements += argument.tensor.num_elements();
      }
      // Larger ones take too long.
      if (!is_checked || elements > 200) continue;
      if (!op->call(sample->Operands(), sample->attributes).ok()) continue;
      ASSERT_THAT(sample->RequireGradients(), IsOk());
      check(*op, *sample);
      ++checked;
    }
    EXPECT_GE(checked, 4) << op->name;
  }
}

absl::StatusOr<Tensor> CallOp(const Op& op, const Sample& sample) {
  absl::StatusOr<Outputs> outputs =
      op.call(sample.Operands(), sample.attributes);
  if (!outputs.ok()) return outputs.status();
  return (*outputs)[0];
}

TEST(ProductGradientsTest, EqualCentralDifferences) {
  ForEachSample([](const Op& op, const Sample& sample) {
    CheckGradients([&] { return Weighted(CallOp(op, sample), 1); },
                   sample.DifferentiableTensors());
  });
}

TEST(ProductGradientsTest, SecondOnesEqualCentralDifferences) {
  ForEachSample([](const Op& op, const Sample& sample) {
    const std::vector<Tensor> inputs = sample.DifferentiableTensors();
    CheckGradients(
        [&]() -> absl::StatusOr<Tensor> {
          GradOptions options;
          options.create_graph = true;
          FERRY_ASSIGN_OR_RETURN(
              const std::vector<Tensor> gradients,
              Grad(Weighted(CallOp(op, sample), 1), inputs, options));
          // Something for inputs without a second gradient to depend on.
          absl::StatusOr<Tensor> sum = Sum(inputs[0]);
          for (size_t i = 0; i < gradients.size(); ++i) {
            sum = sum + Weighted(gradients[i], i + 2);
          }
          return sum;
        },
        inputs);
  });
}

TEST(ProductsTest, MatMulChoosesAProductByTheRanks) {
  const Tensor vector = Make({1, 2}, {2});
  const Tensor matrix = Make({1, 2, 3, 4}, {2, 2});
  const Tensor batch = Make({1, 0, 0, 1, 0, 1, 1, 0}, {2, 2, 2});
  EXPECT_THAT(Elements(MatMul(vector, vector)), ElementsAre(5));
  EXPECT_EQ(MatMul(vector, vector)->rank(), 0);
  EXPECT_THAT(Elements(MatMul(vector, matrix)), ElementsAre(7, 10));
  EXPECT_THAT(Elements(MatMul(matrix, vector)), ElementsAre(5, 11));
  EXPECT_THAT(Elements(MatMul(matrix, batch)),
              ElementsAre(1, 2, 3, 4, 2, 1, 4, 3));
  EXPECT_THAT(Elements(MatMul(batch, matrix)),
              ElementsAre(1, 2, 3, 4, 3, 4, 1, 2));
  EXPECT_THAT(Elements(MatMul(batch, vector)), ElementsAre(1, 2, 2, 1));
  EXPECT_THAT(Elements(MatMul(vector, batch)), ElementsAre(1, 2, 2, 1));
}

TEST(ProductsTest, GradientsOfALinearLayer) {
  const Tensor x = Leaf({1, 2, 3, 4}, {2, 2});
  const Tensor weight = Leaf({1, 0, 2, 1, -1, 1}, {3, 2});
  const Tensor bias = Leaf({10, 20, 30}, {3});
  const auto y = Linear(x, weight, bias);
  EXPECT_THAT(Elements(y), ElementsAre(11, 24, 31, 13, 30, 31));
  ASSERT_THAT(Backward(Sum(y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(Elements(Gradient(weight)), ElementsAre(4, 6, 4, 6, 4, 6));
  EXPECT_THAT(Elements(Gradient(bias)), ElementsAre(2, 2, 2));
}

TEST(ProductsTest, BetaZeroIgnoresTheInput) {
  const Tensor nan = Make({std::numeric_limits<double>::quiet_NaN()}, {1});
  const Tensor a = Make({2}, {1, 1});
  EXPECT_THAT(Elements(Addmm(nan, a, a, 0, 3)), ElementsAre(12));
  EXPECT_TRUE(std::isnan(Elements(Addmm(nan, a, a))[0]));
  const Tensor b = Make({2}, {1, 1, 1});
  EXPECT_THAT(Elements(Baddbmm(nan, b, b, 0)), ElementsAre(4));
}

TEST(ProductsTest, SumsOfNothingAreZero) {
  const Tensor a = Leaf({}, {2, 0});
  const Tensor b = Leaf({}, {0, 2});
  const auto out = Mm(a, b);
  EXPECT_THAT(Elements(out), ElementsAre(0, 0, 0, 0));
  ASSERT_THAT(Backward(Sum(out)), IsOk());
  EXPECT_THAT(Gradient(a).shape(), ElementsAre(2, 0));
  EXPECT_THAT(Elements(Dot(Make({}, {0}), Make({}, {0}))), ElementsAre(0));
}

// What a product saves is what the gradient of the other operand needs.
TEST(ProductsTest, SaveOnlyTheOtherOperand) {
  const Tensor a = Leaf({1, 2, 3, 4}, {2, 2});
  const Tensor b = Make({1, 2, 3, 4}, {2, 2});
  const auto out = Sum(Mm(a, b));
  ASSERT_THAT(AddInPlace(a.Detach(), 1), IsOk());
  EXPECT_THAT(Backward(out), IsOk());
  const auto spoilt = Sum(Mm(a, b));
  ASSERT_THAT(AddInPlace(b, 1), IsOk());
  EXPECT_THAT(Backward(spoilt),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ProductsTest, ErrorsNameTheOpTheShapesAndTheDTypes) {
  const Tensor a = *Zeros({2, 3});
  const Tensor b = *Zeros({4, 5});
  const Tensor c = *Zeros({3, 3}, TensorOptions().dtype(DType::kFloat64));
  const auto invalid = [](auto... texts) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    AllOf(HasSubstr(texts)...));
  };
  EXPECT_THAT(Mm(a, b), invalid("Mm(float32 [2, 3], float32 [4, 5])",
                                "cannot be multiplied (2x3 and 4x5)"));
  EXPECT_THAT(MatMul(a, b), invalid("MatMul(float32 [2, 3], float32 [4, 5])",
                                    "cannot be multiplied (2x3 and 4x5)"));
  EXPECT_THAT(MatMul(a, c), invalid("float32 and float64"));
  EXPECT_THAT(MatMul(a, 2), invalid("MatMul(float32 [2, 3], 2)", "Full"));
  EXPECT_THAT(MatMul(a, *Zeros({})), invalid("use Mul for numbers"));
  EXPECT_THAT(Mv(a, *Zeros({2})), invalid("Mv(", "(2x3 and 2)"));
  EXPECT_THAT(Dot(*Zeros({2}), *Zeros({3})), invalid("Dot(", "2 and 3"));
  EXPECT_THAT(Bmm(a, b), invalid("Bmm(", "rank 3", "[2, 3]"));
  EXPECT_THAT(Addmm(*Zeros({7}), a, *Zeros({3, 4})), invalid("Addmm(", "7"));
  EXPECT_THAT(Linear(a, b), invalid("Linear(float32 [2, 3], float32 [4, 5])"));
  EXPECT_THAT(Linear(a, b, *Zeros({4})), invalid("Linear("));
  const Tensor integers = *Zeros({2, 2}, TensorOptions().dtype(DType::kInt64));
  EXPECT_THAT(Addmm(integers, integers, integers, 0.5),
              invalid("beta is 0.5", "int64"));
  EXPECT_THAT(Mm(Tensor(), a), StatusIs(absl::StatusCode::kInvalidArgument));
  const Tensor bools = *Zeros({2, 2}, TensorOptions().dtype(DType::kBool));
  EXPECT_THAT(Mm(bools, bools), StatusIs(absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
