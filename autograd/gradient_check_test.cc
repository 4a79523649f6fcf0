// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/gradient_check.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/graph/operand.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/reductions.h"
#include "ferry/autograd/ops/views.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Inputs = absl::Span<const Tensor>;

Tensor Leaf(const std::vector<double>& elements) {
  const Tensor leaf =
      *Tensor::FromData(elements, {static_cast<int64_t>(elements.size())});
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

// An op of float64 [n] whose forward and derivative a test chooses.
template <typename Function>
absl::StatusOr<Outputs> ForEach(const Call& call, Function function) {
  FERRY_ASSIGN_OR_RETURN(const Tensor out,
                         call.MakeOutput(call[0].shape(), DType::kFloat64));
  FERRY_ASSIGN_OR_RETURN(const absl::Span<double> from,
                         call[0].tensor().Data<double>());
  FERRY_ASSIGN_OR_RETURN(const absl::Span<double> to, out.Data<double>());
  for (size_t i = 0; i < to.size(); ++i) to[i] = function(from[i]);
  return Outputs(out);
}

absl::StatusOr<Outputs> SquareForward(const Call& call) {
  return ForEach(call, [](double x) { return x * x; });
}

constexpr Op MakeOp(Op::ForwardFunction forward,
                    Op::DerivativeFunction derivative) {
  return {"Planted",
          forward,
          {UsesInput(0)},
          derivative,
          OpKind::kOrdinary,
          kFloats,
          nullptr,
          "",
          ""};
}

// x^2, with a derivative of 2.01 x.
constexpr Op kWrongSquare = MakeOp(SquareForward, [](Derivative& d) {
  d.Set(0, d.gradient() * d.input(0) * 2.01);
  return absl::OkStatus();
});

// x^2, whose derivative is right, but detached from x.
constexpr Op kOnceSquare = MakeOp(SquareForward, [](Derivative& d) {
  d.Set(0, d.gradient() * d.input(0).tensor().Detach() * 2);
  return absl::OkStatus();
});

constexpr Op kRelu = MakeOp(
    [](const Call& call) {
      return ForEach(call, [](double x) { return x > 0 ? x : 0; });
    },
    [](Derivative& d) -> absl::Status {
      FERRY_ASSIGN_OR_RETURN(
          const Outputs mask,
          ForEach(Call({Input(d.input(0).tensor())}, d.attributes(), nullptr),
                  [](double x) { return x > 0 ? 1 : 0; }));
      d.Set(0, d.gradient() * mask[0]);
      return absl::OkStatus();
    });

// Gives another gradient each time.
constexpr Op kUnsteady = MakeOp(SquareForward, [](Derivative& d) {
  static double factor = 2;
  factor += 1e-12;
  d.Set(0, d.gradient() * d.input(0) * factor);
  return absl::OkStatus();
});

constexpr Op kNoDerivative = MakeOp(SquareForward, nullptr);

// (x^2, x^2), of which the first has no influence if the second is there.
constexpr Op kDependsOnOthers = MakeOp(
    [](const Call& call) -> absl::StatusOr<Outputs> {
      FERRY_ASSIGN_OR_RETURN(Outputs outputs, SquareForward(call));
      FERRY_ASSIGN_OR_RETURN(const Outputs second, SquareForward(call));
      outputs.Add(second[0]);
      return outputs;
    },
    [](Derivative& d) {
      const int which = d.gradient(1).is_null() ? 0 : 1;
      d.Set(0, d.gradient(which) * d.input(0) * 2);
      return absl::OkStatus();
    });

template <const Op* kOp>
absl::StatusOr<Outputs> CallOp(Inputs x) {
  const Operand operand(x[0]);
  const Operand* const operands[] = {&operand};
  return ApplyForAll(*kOp, operands);
}

TEST(GradientCheckTest, AcceptsRightGradients) {
  const Tensor x = Leaf({1, 2, -3});
  const Tensor y = Leaf({0.5});
  const auto function = [](Inputs in) {
    return in[0] * in[0] * in[1] + in[0] / in[1];
  };
  EXPECT_THAT(CheckGradients(function, {x, y}), IsOk());
  EXPECT_THAT(CheckSecondGradients(function, {x, y}), IsOk());
  EXPECT_THAT(CheckGradients(CallOp<&kRelu>, {x}), IsOk());
  // Also when recording is off around it.
  const NoGradGuard guard;
  EXPECT_THAT(CheckGradients(function, {x, y}), IsOk());
}

TEST(GradientCheckTest, FindsAFactorThatIsSlightlyWrong) {
  const Tensor x = Leaf({0.25, 3});
  EXPECT_THAT(
      CheckGradients(CallOp<&kWrongSquare>, {x}),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("element [0] of result 0 with respect to "
                               "element [0] of input 0, 0.25, is numerically "
                               "0.5, but analytically 0.5025"))));
  GradientCheckOptions options;
  options.relative_tolerance = 0.01;
  EXPECT_THAT(CheckGradients(CallOp<&kWrongSquare>, {x}, options), IsOk());
}

TEST(GradientCheckTest, FailsAtAKink) {
  EXPECT_THAT(CheckGradients(CallOp<&kRelu>, {Leaf({1, 0})}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is numerically 0.5, but analytically 0")));
}

TEST(GradientCheckTest, FindsAWrongSecondDerivative) {
  const Tensor x = Leaf({0.25, 3});
  EXPECT_THAT(CheckGradients(CallOp<&kOnceSquare>, {x}), IsOk());
  EXPECT_THAT(CheckSecondGradients(CallOp<&kOnceSquare>, {x}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("but analytically 0")));
}

TEST(GradientCheckTest, FindsGradientsThatChange) {
  EXPECT_THAT(CheckGradients(CallOp<&kUnsteady>, {Leaf({1})}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("different gradients")));
}

TEST(GradientCheckTest, FindsAMissingDerivative) {
  EXPECT_THAT(CheckGradients(CallOp<&kNoDerivative>, {Leaf({1})}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("does not require a gradient")));
}

TEST(GradientCheckTest, FindsGradientsThatDependOnOtherResults) {
  EXPECT_THAT(CheckGradients(CallOp<&kDependsOnOthers>, {Leaf({1})}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("gradients of zero")));
}

TEST(GradientCheckTest, ChecksTensorsThatAreNotContiguous) {
  const Tensor table = *Tensor::FromData<double>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor column = *strided::Narrow(table, 1, 1, 1);
  ASSERT_THAT(column.SetRequiresGrad(true), IsOk());
  std::vector<int64_t> strides;
  EXPECT_THAT(CheckGradients(
                  [&strides](Inputs x) {
                    strides.assign(x[0].strides().begin(),
                                   x[0].strides().end());
                    return Sum(x[0] * x[0]);
                  },
                  {column}),
              IsOk());
  EXPECT_THAT(strides, ::testing::ElementsAre(3, 1));
  // The inputs are as before.
  EXPECT_EQ(static_cast<double*>(table.data())[4], 5);
}

TEST(GradientCheckTest, LeavesOtherInputsAlone) {
  const Tensor x = Leaf({1, 2});
  const Tensor indices = *Full({2}, 3);
  const Tensor scale = *Full({2}, 0.5);
  EXPECT_THAT(CheckGradients([](Inputs in) { return in[0] * in[1] * in[2]; },
                             {x, indices, scale}),
              IsOk());
}

TEST(GradientCheckTest, RefusesWhatItCannotCheck) {
  const auto function = [](Inputs in) { return in[0] * 2; };
  const auto refuses = [&](const Tensor& x, const std::string& why) {
    EXPECT_THAT(CheckGradients(function, {x}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
    EXPECT_THAT(CheckSecondGradients(function, {x}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
  };
  refuses(*Full({2}, 1.0, TensorOptions().dtype(DType::kFloat64)),
          "no input requires a gradient");
  refuses(*Full({2}, 1.0, TensorOptions().requires_grad(true)),
          "input 0 is float32");
  const Tensor repeated = *strided::Expand(Leaf({1}), {3});
  ASSERT_THAT(repeated.SetRequiresGrad(true), IsOk());
  refuses(repeated, "share memory");
  const Tensor negated = Leaf({1});
  negated.set_neg(true, InternalKey());
  refuses(negated, "input 0 is negated");
  EXPECT_THAT(CheckGradients(function, {Tensor()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      CheckGradients(
          [](Inputs in) -> absl::StatusOr<Tensor> {
            static int64_t size = 0;
            return Expand(Sum(in[0]), {++size});
          },
          {Leaf({1})}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another shape")));
}

TEST(GradientCheckTest, NeedsAFloat64Result) {
  const auto function = [](Inputs in) { return Cast(in[0], DType::kFloat32); };
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("no float64 result"));
  EXPECT_THAT(CheckGradients(function, {Leaf({1})}), refused);
  EXPECT_THAT(CheckSecondGradients(function, {Leaf({1})}), refused);
}

TEST(GradientCheckTest, SecondGradientsNoticeAResultWithoutAGradient) {
  EXPECT_THAT(CheckSecondGradients(
                  [](Inputs in) { return in[0].Detach() * in[0].Detach(); },
                  {Leaf({1})}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the result does not require a gradient")));
  EXPECT_THAT(CheckSecondGradients([](Inputs) { return Leaf({2}).Detach(); },
                                   {Leaf({1})}),
              IsOk());
}

TEST(GradientCheckTest, SecondGradientsMayDependOnOtherTensorsOnly) {
  const Tensor other = Leaf({2});
  EXPECT_THAT(
      CheckSecondGradients([&](Inputs) { return other * other; }, {Leaf({1})}),
      IsOk());
}

TEST(GradientCheckTest, PassesErrorsOn) {
  EXPECT_THAT(CheckGradients([](Inputs in) { return in[0] * *Ones({7}); },
                             {Leaf({1, 2})}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cannot be broadcast")));
}

TEST(GradientCheckTest, TakesTensorsWithoutElements) {
  EXPECT_THAT(
      CheckGradients([](Inputs in) { return in[0] * in[0]; }, {Leaf({})}),
      IsOk());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
