// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/custom_function.h"

#include <any>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/tensor_state.h"
#include "ferry/autograd/ops/as_strided.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/autograd/saved_tensor_hooks.h"
#include "ferry/autograd/testing/test_tensors.h"
#include "ferry/core/factories.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Tensors = absl::StatusOr<std::vector<Tensor>>;

BackwardOptions WithOnes(const Tensor& output) {
  BackwardOptions options;
  options.gradients = {
      *Ones(output.shape(), TensorOptions().dtype(output.dtype()))};
  return options;
}

// The first test of PyTorch's C++ suite: x + n y + x y.
CustomFunction Mixture(int n) {
  CustomFunction mixture;
  mixture.name = "Mixture";
  mixture.forward = [n](ForwardContext& context,
                        absl::Span<const Tensor> in) -> Tensors {
    context.data() = n;
    context.SaveForBackward(in);
    EXPECT_FALSE(GradEnabled());
    FERRY_ASSIGN_OR_RETURN(Tensor out, in[0] + in[1] * n + in[0] * in[1]);
    return std::vector<Tensor>{out};
  };
  mixture.backward = [](const BackwardContext& context,
                        absl::Span<const Tensor> gradients) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> saved,
                           context.SavedTensors());
    const int factor = std::any_cast<int>(context.data());
    const Tensor& g = gradients[0];
    FERRY_ASSIGN_OR_RETURN(Tensor of_x, g + g * saved[1]);
    FERRY_ASSIGN_OR_RETURN(Tensor of_y, g * factor + g * saved[0]);
    return std::vector<Tensor>{of_x, of_y};
  };
  return mixture;
}

// Returns its inputs, or what `pick` makes of them, and passes gradients on.
CustomFunction Identity() {
  CustomFunction identity;
  identity.name = "Identity";
  identity.forward = [](ForwardContext&, absl::Span<const Tensor> in) {
    return Tensors(std::vector<Tensor>(in.begin(), in.end()));
  };
  identity.backward = [](const BackwardContext&,
                         absl::Span<const Tensor> gradients) {
    return Tensors(std::vector<Tensor>(gradients.begin(), gradients.end()));
  };
  return identity;
}

TEST(CustomFunctionTest, TwoTensorsAndANumber) {
  const Tensor x = Leaf({1, 2});
  const Tensor y = Leaf({3, 4});
  const auto out = CallCustom(Mixture(2), {x, y});
  ASSERT_THAT(out, IsOk());
  const Tensor z = (*out)[0];
  EXPECT_THAT(Elements(z), ElementsAre(1 + 6 + 3, 2 + 8 + 8));
  ASSERT_THAT(Backward(z, WithOnes(z)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 5));
  EXPECT_THAT(Elements(Gradient(y)), ElementsAre(3, 4));
  EXPECT_THAT(Backward(z, WithOnes(z)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("retain_graph=true")));
}

// The example of the header.
absl::StatusOr<Tensor> ScaledSquare(const Tensor& x, double factor) {
  CustomFunction square;
  square.name = "ScaledSquare";
  square.forward = [factor](ForwardContext& context,
                            absl::Span<const Tensor> inputs)
      -> absl::StatusOr<std::vector<Tensor>> {
    context.SaveForBackward(inputs);
    FERRY_ASSIGN_OR_RETURN(Tensor y, inputs[0] * inputs[0] * factor);
    return std::vector<Tensor>{y};
  };
  square.backward = [factor](const BackwardContext& context,
                             absl::Span<const Tensor> gradients)
      -> absl::StatusOr<std::vector<Tensor>> {
    FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> saved, context.SavedTensors());
    FERRY_ASSIGN_OR_RETURN(Tensor gradient,
                           gradients[0] * saved[0] * (2 * factor));
    return std::vector<Tensor>{gradient};
  };
  FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> y, CallCustom(square, {x}));
  return y[0];
}

TEST(CustomFunctionTest, NeedsInputGradFollowsThePass) {
  const Tensor x = Leaf({1, 2});
  const auto inner = x * 2;
  const Tensor y = Leaf({3, 4});
  std::vector<bool> needs;
  CustomFunction mixture = Mixture(2);
  mixture.backward = [&needs, all = mixture.backward](
                         const BackwardContext& context,
                         absl::Span<const Tensor> gradients) -> Tensors {
    needs = {context.NeedsInputGrad(0), context.NeedsInputGrad(1),
             context.NeedsInputGrad(2)};
    return all(context, gradients);
  };
  const auto out = CallCustom(mixture, {*inner, y});
  ASSERT_THAT(out, IsOk());
  const auto sum = Sum((*out)[0]);
  GradOptions options;
  options.retain_graph = true;
  const auto of_x = Grad(sum, {x}, options);
  ASSERT_THAT(of_x, IsOk());
  EXPECT_THAT(Elements((*of_x)[0]), ElementsAre(8, 10));
  EXPECT_THAT(needs, ElementsAre(true, false, false));
  ASSERT_THAT(Grad(sum, {*inner}, options), IsOk());
  EXPECT_THAT(needs, ElementsAre(true, false, false));
  const auto of_y = Grad(sum, {y}, options);
  ASSERT_THAT(of_y, IsOk());
  EXPECT_THAT(Elements((*of_y)[0]), ElementsAre(4, 6));
  EXPECT_THAT(needs, ElementsAre(false, true, false));
  ASSERT_THAT(Backward(sum), IsOk());
  EXPECT_THAT(needs, ElementsAre(true, true, false));
}

TEST(CustomFunctionTest, ExampleOfTheHeader) {
  const Tensor x = Leaf({3});
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad(ScaledSquare(x, 0.5), {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(3));
  const auto second = Grad((*first)[0], {x});
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(Elements((*second)[0]), ElementsAre(1));
}

TEST(CustomFunctionTest, IsDifferentiableAgain) {
  const Tensor x = Leaf({3});
  const Tensor y = Leaf({5});
  const auto z = CallCustom(Mixture(2), {x, y});
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad((*z)[0], {x, y}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(Elements((*first)[0]), ElementsAre(6));
  // d/dy of 1 + y, and d/dx of 2 + x.
  EXPECT_THAT(Elements((*Grad((*first)[0], {y}))[0]), ElementsAre(1));
  EXPECT_THAT(Elements((*Grad((*first)[1], {x}))[0]), ElementsAre(1));
}

TEST(CustomFunctionTest, BackwardSeesTheModeOfThePass) {
  std::vector<bool> modes;
  for (bool once : {false, true}) {
    CustomFunction function = Identity();
    function.once_differentiable = once;
    function.backward = [&](const BackwardContext&,
                            absl::Span<const Tensor> gradients) {
      modes.push_back(GradEnabled());
      return Tensors(std::vector<Tensor>{gradients[0]});
    };
    const Tensor x = Leaf({3});
    const auto y = CallCustom(function, {x});
    GradOptions options;
    options.retain_graph = true;
    ASSERT_THAT(Grad((*y)[0], {x}, options), IsOk());
    options.create_graph = true;
    ASSERT_THAT(Grad((*y)[0], {x}, options), IsOk());
  }
  EXPECT_THAT(modes, ElementsAre(false, true, false, false));
}

TEST(CustomFunctionTest, OnceDifferentiableFailsTheSecondTime) {
  CustomFunction square = Mixture(1);
  square.once_differentiable = true;
  const Tensor x = Leaf({3});
  const Tensor y = Leaf({3});
  const auto z = CallCustom(square, {x, y});
  GradOptions options;
  options.create_graph = true;
  const auto first = Grad((*z)[0], {x}, options);
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE((*first)[0].requires_grad());
  EXPECT_THAT(Grad((*first)[0], {x}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("once_differentiable")));
}

TEST(CustomFunctionTest, MayReturnItsInput) {
  const Tensor x = Leaf({2, 3});
  const auto out = CallCustom(Identity(), {x});
  ASSERT_THAT(out, IsOk());
  const Tensor y = (*out)[0];
  EXPECT_FALSE(y.IsSame(x));
  EXPECT_EQ(y.data(), x.data());
  EXPECT_FALSE(IsLeaf(y));
  EXPECT_TRUE(IsLeaf(x));
  EXPECT_THAT(AddInPlace(y, 1), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("custom function")));
  ASSERT_THAT(Backward(y * y, WithOnes(y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4, 6));
}

TEST(CustomFunctionTest, MarkDirtyMakesItAWrite) {
  CustomFunction twice = Identity();
  twice.forward = [](ForwardContext& context,
                     absl::Span<const Tensor> in) -> Tensors {
    double* const data = in[0].Data<double>()->data();
    for (int64_t i = 0; i < in[0].num_elements(); ++i) data[i] *= 2;
    context.MarkDirty(in[0]);
    return std::vector<Tensor>{in[0]};
  };
  twice.backward = [](const BackwardContext&,
                      absl::Span<const Tensor> gradients) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor doubled, gradients[0] * 2);
    return std::vector<Tensor>{doubled};
  };
  const Tensor x = Leaf({1, 2});
  const auto y = x * 3;
  const auto square = Sum(*y * *y);
  const uint32_t version = y->storage().version();
  const auto z = CallCustom(twice, {*y});
  ASSERT_THAT(z, IsOk());
  EXPECT_TRUE((*z)[0].IsSame(*y));
  EXPECT_GT(y->storage().version(), version);
  EXPECT_THAT(Elements(*y), ElementsAre(6, 12));
  ASSERT_THAT(Backward(Sum(*y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(6, 6));
  EXPECT_THAT(Backward(square),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
  // A leaf, but not while recording is off.
  EXPECT_THAT(CallCustom(twice, {x}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a leaf Variable that requires grad")));
  const NoGradGuard no_grad;
  const uint32_t of_leaf = x.storage().version();
  EXPECT_THAT(CallCustom(twice, {x}), IsOk());
  EXPECT_GT(x.storage().version(), of_leaf);
  EXPECT_TRUE(IsLeaf(x));
}

TEST(CustomFunctionTest, MarkDirtyWritesThroughAView) {
  CustomFunction twice = Identity();
  twice.forward = [](ForwardContext& context,
                     absl::Span<const Tensor> in) -> Tensors {
    FERRY_RETURN_IF_ERROR(MulInPlace(in[0], 2).status());
    context.MarkDirty(in[0]);
    return std::vector<Tensor>{in[0]};
  };
  twice.backward = [](const BackwardContext&,
                      absl::Span<const Tensor> gradients) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor doubled, gradients[0] * 2);
    return std::vector<Tensor>{doubled};
  };
  const Tensor x = Leaf({1, 2, 3});
  const auto base = x * 1;
  const auto part = AsStrided(base, {2}, {1}, 1);
  ASSERT_THAT(CallCustom(twice, {*part}), IsOk());
  EXPECT_THAT(Elements(*base), ElementsAre(1, 4, 6));
  ASSERT_THAT(Backward(Sum(base)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1, 2, 2));
}

TEST(CustomFunctionTest, DirtyTensorsAreInputsAndResults) {
  CustomFunction wrong = Identity();
  wrong.forward = [](ForwardContext& context,
                     absl::Span<const Tensor> in) -> Tensors {
    context.MarkDirty(in[0]);
    FERRY_ASSIGN_OR_RETURN(Tensor other, in[0] + 1);
    return std::vector<Tensor>{other};
  };
  const auto y = Leaf({1}) * 2;
  EXPECT_THAT(
      CallCustom(wrong, {*y}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("marked dirty")));
}

// x + 1 and x - 1; the backward function notes what it gets.
CustomFunction TwoResults(bool first_is_differentiable,
                          std::vector<std::vector<double>>& given) {
  CustomFunction function;
  function.name = "TwoResults";
  function.forward = [=](ForwardContext& context,
                         absl::Span<const Tensor> in) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor a, in[0] + 1);
    FERRY_ASSIGN_OR_RETURN(Tensor b, in[0] - 1);
    if (!first_is_differentiable) context.MarkNonDifferentiable(a);
    return std::vector<Tensor>{a, b};
  };
  function.backward = [&given](const BackwardContext&,
                               absl::Span<const Tensor> gradients) -> Tensors {
    for (const Tensor& gradient : gradients) {
      given.push_back(gradient.is_null() ? std::vector<double>{-1}
                                         : Elements(gradient));
    }
    return std::vector<Tensor>{gradients[1]};
  };
  return function;
}

TEST(CustomFunctionTest, NonDifferentiableResultsGetZeros) {
  std::vector<std::vector<double>> given;
  const Tensor x = Leaf({2});
  const auto y = CallCustom(TwoResults(false, given), {x});
  EXPECT_FALSE((*y)[0].requires_grad());
  EXPECT_TRUE((*y)[1].requires_grad());
  // What depends on the first alone has no gradient.
  const auto constant = (*y)[0] * (*y)[0];
  EXPECT_FALSE(constant->requires_grad());
  ASSERT_THAT(Backward((*y)[0] * (*y)[1]), IsOk());
  EXPECT_THAT(given, ElementsAre(ElementsAre(0), ElementsAre(3)));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3));
}

TEST(CustomFunctionTest, UnusedResultsGetZerosUnlessTheFunctionWantsNull) {
  for (bool materialize : {true, false}) {
    std::vector<std::vector<double>> given;
    CustomFunction function = TwoResults(true, given);
    function.materialize_gradients = materialize;
    const Tensor x = Leaf({2});
    const auto y = CallCustom(function, {x});
    ASSERT_THAT(Backward((*y)[1]), IsOk());
    EXPECT_THAT(given,
                ElementsAre(ElementsAre(materialize ? 0 : -1), ElementsAre(1)));
  }
}

TEST(CustomFunctionTest, IntegerResultsAreNotDifferentiable) {
  CustomFunction function = Identity();
  function.forward = [](ForwardContext&,
                        absl::Span<const Tensor> in) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor integers, Cast(in[0], DType::kInt64));
    return std::vector<Tensor>{integers};
  };
  const auto y = CallCustom(function, {Leaf({2})});
  ASSERT_THAT(y, IsOk());
  EXPECT_FALSE((*y)[0].requires_grad());
}

TEST(CustomFunctionTest, MayReturnATensorTwice) {
  CustomFunction function;
  function.forward = [](ForwardContext&,
                        absl::Span<const Tensor> in) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor doubled, in[0] * 2);
    return std::vector<Tensor>{doubled, doubled};
  };
  function.backward = [](const BackwardContext&,
                         absl::Span<const Tensor> gradients) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor sum, gradients[0] * 2 + gradients[1] * 2);
    return std::vector<Tensor>{sum};
  };
  const Tensor x = Leaf({1});
  const auto y = CallCustom(function, {x});
  ASSERT_THAT(Backward((*y)[0] + (*y)[1] * 10), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(22));
}

TEST(CustomFunctionTest, SavesResultsNullTensorsAndOthersWithoutALeak) {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = alive;
  const Tensor x = Leaf({3});
  {
    CustomFunction square;
    square.forward = [](ForwardContext& context,
                        absl::Span<const Tensor> in) -> Tensors {
      FERRY_ASSIGN_OR_RETURN(Tensor out, in[0] * in[0]);
      FERRY_ASSIGN_OR_RETURN(Tensor other, in[0] + 100);
      context.SaveForBackward({out, Tensor(), other});
      return std::vector<Tensor>{out};
    };
    square.backward = [alive](const BackwardContext& context,
                              absl::Span<const Tensor> gradients) -> Tensors {
      FERRY_ASSIGN_OR_RETURN(std::vector<Tensor> saved, context.SavedTensors());
      EXPECT_TRUE(saved[1].is_null());
      EXPECT_THAT(Elements(saved[2]), ElementsAre(103));
      EXPECT_FALSE(IsLeaf(saved[0]));
      FERRY_ASSIGN_OR_RETURN(Tensor gradient, gradients[0] * saved[0]);
      return std::vector<Tensor>{gradient};
    };
    const auto y = CallCustom(square, {x});
    alive = nullptr;
    ASSERT_THAT(Backward((*y)[0]), IsOk());
  }
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(9));
  EXPECT_TRUE(watched.expired());
}

TEST(CustomFunctionTest, MaySaveAViewOfItsResultWithoutALeak) {
  std::weak_ptr<int> watched;
  {
    const auto alive = std::make_shared<int>(1);
    watched = alive;
    CustomFunction function = Identity();
    function.forward = [](ForwardContext& context,
                          absl::Span<const Tensor> in) -> Tensors {
      FERRY_ASSIGN_OR_RETURN(Tensor out, in[0] * 2);
      FERRY_ASSIGN_OR_RETURN(const Tensor view, Reshape(out, {1, 1}));
      context.SaveForBackward({view});
      return std::vector<Tensor>{out};
    };
    const auto pass_on = function.backward;
    function.backward = [alive, pass_on](const BackwardContext& context,
                                         absl::Span<const Tensor> gradients) {
      return pass_on(context, gradients);
    };
    const auto y = CallCustom(function, {Leaf({3})});
    EXPECT_THAT(y, IsOk());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(CustomFunctionTest, NoticesThatASavedTensorWasWritten) {
  const Tensor x = Leaf({1, 2});
  const auto y = x * 2;
  const auto z = CallCustom(Mixture(2), {*y, x});
  ASSERT_THAT(AddInPlace(*y, 1), IsOk());
  EXPECT_THAT(Backward(Sum((*z)[0])),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("modified by an inplace operation")));
}

TEST(CustomFunctionTest, WrongGradientsAreErrors) {
  struct Case {
    std::vector<Tensor> returned;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{Constant({1, 2, 3}), Tensor()}, "expected shape [2]"},
      {{Constant({1, 1})}, "incorrect number of gradients (expected 2, got 1)"},
      {{Constant({1, 1}), Constant({1, 1}), Constant({1})},
       "incorrect number of gradients (expected 2, got 3)"},
  };
  for (const Case& wrong : cases) {
    CustomFunction function = Mixture(2);
    function.backward = [&](const BackwardContext&, absl::Span<const Tensor>) {
      return Tensors(wrong.returned);
    };
    const auto z = CallCustom(function, {Leaf({1, 2}), Leaf({1, 2})});
    EXPECT_THAT(
        Backward(Sum((*z)[0])),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.message)));
  }
}

TEST(CustomFunctionTest, TrailingNullGradientsAreIgnored) {
  CustomFunction function = Mixture(2);
  function.backward = [&](const BackwardContext& context,
                          absl::Span<const Tensor> gradients) {
    EXPECT_TRUE(context.NeedsInputGrad(0));
    EXPECT_FALSE(context.NeedsInputGrad(1));
    EXPECT_FALSE(context.NeedsInputGrad(7));
    return Tensors({gradients[0], Tensor(), Tensor(), Tensor()});
  };
  const Tensor x = Leaf({1});
  const auto z = CallCustom(function, {x, Constant({2})});
  ASSERT_THAT(Backward((*z)[0]), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1));
}

TEST(CustomFunctionTest, GradientsOfBroadcastInputsAreSummed) {
  CustomFunction function = Mixture(2);
  const Tensor x = Leaf({1});
  const Tensor y = Leaf({3, 4});
  const auto z = CallCustom(function, {x, y});
  ASSERT_THAT(Backward(Sum((*z)[0])), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4 + 5));
}

TEST(CustomFunctionTest, IsNotRecordedWithoutAGradientOrARecording) {
  std::optional<bool> needed;
  CustomFunction function = Mixture(2);
  const auto mixture = function.forward;
  function.forward = [&](ForwardContext& context, absl::Span<const Tensor> in) {
    needed = context.NeedsInputGrad(0);
    return mixture(context, in);
  };
  const auto constant = CallCustom(function, {Constant({1}), Constant({2})});
  EXPECT_EQ(needed, false);
  EXPECT_FALSE((*constant)[0].requires_grad());
  const Tensor x = Leaf({1});
  {
    const NoGradGuard no_grad;
    const auto y = CallCustom(Identity(), {x});
    EXPECT_FALSE((*y)[0].requires_grad());
    EXPECT_TRUE(IsLeaf((*y)[0]));
    EXPECT_TRUE(x.requires_grad());
    EXPECT_THAT(Backward((*y)[0]),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("does not have a grad_fn")));
  }
  ASSERT_THAT(CallCustom(function, {x, x}), IsOk());
  EXPECT_EQ(needed, true);
}

TEST(CustomFunctionTest, InputsAndResultsMayBeNull) {
  CustomFunction function;
  function.forward = [](ForwardContext&,
                        absl::Span<const Tensor> in) -> Tensors {
    EXPECT_TRUE(in[0].is_null());
    FERRY_ASSIGN_OR_RETURN(Tensor out, in[1] * 2);
    return std::vector<Tensor>{Tensor(), out};
  };
  function.backward = [](const BackwardContext&,
                         absl::Span<const Tensor> gradients) -> Tensors {
    EXPECT_TRUE(gradients[0].is_null());
    FERRY_ASSIGN_OR_RETURN(Tensor gradient, gradients[1] * 2);
    return std::vector<Tensor>{Tensor(), gradient};
  };
  const Tensor x = Leaf({1});
  const auto y = CallCustom(function, {Tensor(), x});
  ASSERT_THAT(y, IsOk());
  EXPECT_TRUE((*y)[0].is_null());
  ASSERT_THAT(Backward((*y)[1]), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2));
}

TEST(CustomFunctionTest, MayReturnATensorThatHasAHistory) {
  const Tensor x = Leaf({1});
  const Tensor captured = Leaf({5});
  CustomFunction function = Identity();
  function.forward = [&](ForwardContext&, absl::Span<const Tensor>) {
    return Tensors(std::vector<Tensor>{captured});
  };
  const auto y = CallCustom(function, {x});
  ASSERT_THAT(Backward((*y)[0]), IsOk());
  EXPECT_TRUE(IsLeaf(captured));
  EXPECT_TRUE(Gradient(captured).is_null());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(1));
}

TEST(CustomFunctionTest, MayReturnAViewOfItsInput) {
  CustomFunction function = Identity();
  function.forward = [](ForwardContext&,
                        absl::Span<const Tensor> in) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor view, Reshape(in[0], {2, 1}));
    return std::vector<Tensor>{view};
  };
  function.backward = [](const BackwardContext&,
                         absl::Span<const Tensor> gradients) -> Tensors {
    FERRY_ASSIGN_OR_RETURN(Tensor gradient, Reshape(gradients[0], {2}));
    return std::vector<Tensor>{gradient};
  };
  const Tensor x = Leaf({1, 2});
  const auto y = CallCustom(function, {x});
  EXPECT_THAT(MulInPlace((*y)[0], 2),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(Backward(Sum((*y)[0] * 3)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(3, 3));
}

TEST(CustomFunctionTest, ErrorsAndExceptionsReachTheCaller) {
  CustomFunction function = Identity();
  function.backward = [](const BackwardContext&,
                         absl::Span<const Tensor>) -> Tensors {
    return absl::AbortedError("backward");
  };
  const Tensor x = Leaf({1});
  const auto y = CallCustom(function, {x});
  EXPECT_THAT(Backward((*y)[0]), StatusIs(absl::StatusCode::kAborted));
  function.backward = [](const BackwardContext&,
                         absl::Span<const Tensor>) -> Tensors {
    throw std::range_error("backward");
  };
  const auto z = CallCustom(function, {x});
  EXPECT_THROW((void)Backward((*z)[0]), std::range_error);
  function.forward = [](ForwardContext&, absl::Span<const Tensor>) -> Tensors {
    return absl::AbortedError("forward");
  };
  EXPECT_THAT(CallCustom(function, {x}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("forward")));
  EXPECT_TRUE(GradEnabled());
}

TEST(CustomFunctionTest, BothFunctionsMustBeSet) {
  const Tensor x = Leaf({1});
  const auto refused =
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("Identity: forward and backward must be set"));
  CustomFunction function = Identity();
  function.backward = nullptr;
  EXPECT_THAT(CallCustom(function, {x}), refused);
  EXPECT_THAT(CallCustom(function, {Constant({1})}), IsOk());
  function = Identity();
  function.forward = nullptr;
  EXPECT_THAT(CallCustom(function, {x}), refused);
  EXPECT_THAT(CallCustom(function, {Constant({1})}), refused);
}

TEST(CustomFunctionTest, DestructorsOfSavedTensorsMayRunAPass) {
  const Tensor x = Leaf({2});
  const Tensor y = Leaf({3});
  std::vector<Tensor> results;
  absl::Status status;
  {
    const SavedTensorHooksGuard guard(
        [&](const Tensor& tensor) -> absl::StatusOr<std::any> {
          return std::any(std::shared_ptr<Tensor>(
              new Tensor(tensor), [&](const Tensor* saved) {
                delete saved;
                if (!results.empty()) {
                  status = Grad(std::exchange(results, {}), {x}).status();
                }
              }));
        },
        [](const std::any& packed) -> absl::StatusOr<Tensor> {
          return *std::any_cast<const std::shared_ptr<Tensor>&>(packed);
        });
    const auto called = CallCustom(Mixture(2), {x, y});
    ASSERT_THAT(called, IsOk());
    results = *called;
  }
  const std::vector<Tensor> outputs = results;
  ASSERT_THAT(Backward(outputs), IsOk());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("a second time")));
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(4));
}

// Backward runs a pass, which runs a backward, and so on.
absl::StatusOr<Tensor> Deep(const Tensor& x, int depth) {
  CustomFunction function = Identity();
  function.backward = [&x, depth](
                          const BackwardContext&,
                          absl::Span<const Tensor> gradients) -> Tensors {
    if (depth > 0) {
      const EnableGradGuard enable_grad;
      FERRY_ASSIGN_OR_RETURN(const Tensor deeper, Deep(x, depth - 1));
      FERRY_RETURN_IF_ERROR(Backward(Sum(deeper)));
    }
    return std::vector<Tensor>{gradients[0]};
  };
  FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                         CallCustom(function, {x}));
  return results[0];
}

TEST(CustomFunctionTest, BackwardMayRunAPass) {
  const Tensor x = Leaf({2, 2});
  const auto y = Deep(x, 1);
  ASSERT_THAT(Backward(Sum(y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(2, 2));
}

TEST(CustomFunctionTest, PassesInsidePassesTakeNoMoreStackThanThereIs) {
  const Tensor x = Leaf({1});
  constexpr int kDepth = 8193;
  const auto y = Deep(x, kDepth);
  ASSERT_THAT(Backward(Sum(y)), IsOk());
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(kDepth + 1));
}

TEST(CustomFunctionTest, ErrorOfAPassInsideAPassReachesTheCaller) {
  CustomFunction fails = Identity();
  fails.backward = [](const BackwardContext&,
                      absl::Span<const Tensor>) -> Tensors {
    throw std::range_error("inner");
  };
  const Tensor x = Leaf({1});
  CustomFunction outer = Identity();
  outer.backward = [&](const BackwardContext&,
                       absl::Span<const Tensor> gradients) -> Tensors {
    const EnableGradGuard enable_grad;
    FERRY_ASSIGN_OR_RETURN(const std::vector<Tensor> inner,
                           CallCustom(fails, {x}));
    FERRY_RETURN_IF_ERROR(Backward(inner[0]));
    return std::vector<Tensor>{gradients[0]};
  };
  const auto y = CallCustom(outer, {x});
  EXPECT_THROW((void)Backward((*y)[0]), std::range_error);
}

TEST(CustomFunctionTest, ThreadsMayRunTheSameCall) {
  const Tensor x = Leaf({1});
  const auto y = CallCustom(Mixture(2), {x, Constant({3})});
  BackwardOptions options;
  options.retain_graph = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&] { EXPECT_THAT(Backward((*y)[0] * 2, options), IsOk()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Elements(Gradient(x)), ElementsAre(8 * 2 * 4));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
