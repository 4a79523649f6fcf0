// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/elementwise.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "ferry/autograd/backward.h"
#include "ferry/autograd/grad_mode.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/core/device.h"
#include "ferry/core/elements.h"
#include "ferry/core/factories.h"
#include "ferry/core/storage.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;
using testing::NanSensitiveDoubleEq;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Returns a vector, or a tensor of rank 0 of one number.
Tensor Make(const std::vector<double>& elements) {
  return Tensor::FromData(elements, {static_cast<int64_t>(elements.size())})
      .value();
}

Tensor MakeLeaf(const std::vector<double>& elements) {
  const Tensor leaf = Make(elements);
  EXPECT_THAT(leaf.SetRequiresGrad(true), IsOk());
  return leaf;
}

Tensor MakeInt8(std::initializer_list<int8_t> elements) {
  return Tensor::FromData<int8_t>(elements,
                                  {static_cast<int64_t>(elements.size())})
      .value();
}

// Returns the elements as double. An error has none.
std::vector<double> ElementsOf(const absl::StatusOr<Tensor>& tensor) {
  std::vector<double> elements;
  EXPECT_THAT(tensor, IsOk());
  if (!tensor.ok()) return elements;
  const Tensor cast = strided::Cast(*tensor, DType::kFloat64).value();
  EXPECT_THAT(ForEachElement<double>(
                  cast, [&](double element) { elements.push_back(element); }),
              IsOk());
  return elements;
}

DType DTypeOfResult(const absl::StatusOr<Tensor>& tensor) {
  EXPECT_THAT(tensor, IsOk());
  return tensor.ok() ? tensor->dtype() : DType::kComplex32;
}

// Returns the gradient of the sum of `y` by `x`. It is computed in both ways:
// as a tensor, and as the result of further ops.
std::vector<double> GradientOf(const absl::StatusOr<Tensor>& y,
                               const Tensor& x) {
  EXPECT_THAT(y, IsOk());
  if (!y.ok()) return {};
  GradOptions options;
  options.gradients = {
      Ones(y->shape(), TensorOptions().dtype(y->dtype())).value()};
  options.retain_graph = true;
  const auto gradients = Grad(y, {x}, options);
  EXPECT_THAT(gradients, IsOk());
  if (!gradients.ok()) return {};
  options.create_graph = true;
  const auto recorded = Grad(y, {x}, options);
  EXPECT_THAT(recorded, IsOk());
  if (!recorded.ok()) return {};
  const std::vector<double> elements = ElementsOf((*gradients)[0]);
  EXPECT_THAT(ElementsOf((*recorded)[0]),
              testing::Pointwise(NanSensitiveDoubleEq(), elements));
  return elements;
}

// --- Gradients where functions have edges, as in PyTorch -------------------

TEST(ElementwiseTest, PowHasTheGradientsOfPyTorchAtZero) {
  const Tensor zero = MakeLeaf({0});
  EXPECT_THAT(GradientOf(Pow(zero, 0.5), zero), ElementsAre(kInfinity));
  const Tensor x = MakeLeaf({-2, 0, 3});
  EXPECT_THAT(GradientOf(Pow(x, 0), x), ElementsAre(0, 0, 0));
  EXPECT_THAT(GradientOf(Pow(x, Make({0, 0, 0})), x), ElementsAre(0, 0, 0));
  const Tensor exponents = MakeLeaf({0, 3, -1});
  EXPECT_THAT(GradientOf(Pow(Make({0, 0, 0}), exponents), exponents),
              ElementsAre(0, 0, -kInfinity));
  EXPECT_THAT(GradientOf(Pow(0, exponents), exponents),
              ElementsAre(0, 0, -kInfinity));
}

TEST(ElementwiseTest, TiesOfMaximumAndMinimumShareTheGradient) {
  const Tensor a = MakeLeaf({1, 2, 3});
  const Tensor b = MakeLeaf({2, 2, 2});
  EXPECT_THAT(GradientOf(Maximum(a, b), a), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(GradientOf(Maximum(a, b), b), ElementsAre(1, 0.5, 0));
  EXPECT_THAT(GradientOf(Minimum(a, b), a), ElementsAre(1, 0.5, 0));
  EXPECT_THAT(GradientOf(Minimum(a, b), b), ElementsAre(0, 0.5, 1));
}

TEST(ElementwiseTest, ClampPassesTheGradientAtItsBounds) {
  const Tensor x = MakeLeaf({-2, -1, 0, 1, 2, kNan});
  EXPECT_THAT(GradientOf(Clamp(x, -1, 1), x), ElementsAre(0, 1, 1, 1, 0, 0));
  EXPECT_THAT(GradientOf(ClampMin(x, -1), x), ElementsAre(0, 1, 1, 1, 1, 0));
  EXPECT_THAT(GradientOf(ClampMax(x, 1), x), ElementsAre(1, 1, 1, 1, 0, 0));
  EXPECT_THAT(ElementsOf(Clamp(x, -1, 1)),
              ElementsAre(-1, -1, 0, 1, 1, IsNan()));
}

TEST(ElementwiseTest, GradientsOfBoundsAreThoseOfChosenOnes) {
  const Tensor x = Make({-2, 0, 2, 0});
  const Tensor low = MakeLeaf({-1, -1, -1, 3});
  const Tensor high = MakeLeaf({1, 1, 1, 2});
  EXPECT_THAT(ElementsOf(Clamp(x, low, high)), ElementsAre(-1, 0, 1, 2));
  EXPECT_THAT(GradientOf(Clamp(x, low, high), low), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(GradientOf(Clamp(x, low, high), high), ElementsAre(0, 0, 1, 1));
}

TEST(ElementwiseTest, GradientsOfAtan2AreNanAtTheOrigin) {
  const Tensor a = MakeLeaf({0, 1});
  const Tensor b = MakeLeaf({0, 0});
  EXPECT_THAT(GradientOf(Atan2(a, b), a), ElementsAre(IsNan(), 0));
  EXPECT_THAT(GradientOf(Atan2(a, b), b), ElementsAre(IsNan(), -1));
}

// Documented, as in PyTorch: zero times infinity.
TEST(ElementwiseTest, NanLeaksThroughWhere) {
  const Tensor x = MakeLeaf({0, 4});
  const Tensor is_positive = Gt(x, 0).value();
  EXPECT_THAT(GradientOf(Where(is_positive, Sqrt(x), 0), x),
              ElementsAre(IsNan(), 0.25));
}

TEST(ElementwiseTest, NumbersAreNotRoundedToFloat32) {
  const Tensor a = MakeLeaf({1});
  const Tensor b = MakeLeaf({2});
  EXPECT_THAT(GradientOf(Lerp(a, b, 0.3), a), ElementsAre(1 - 0.3));
  EXPECT_THAT(GradientOf(Lerp(a, b, 0.3), b), ElementsAre(0.3));
  EXPECT_THAT(GradientOf(Addcdiv(a, b, 0.1, 0.7), b), ElementsAre(0.7 / 0.1));
  EXPECT_THAT(GradientOf(Sub(a, b, 0.1), b), ElementsAre(-0.1));
  EXPECT_THAT(ElementsOf(a * 0.1), ElementsAre(0.1));
}

// --- Dtypes -----------------------------------------------------------------

Tensor MakeOf(DType dtype, const std::vector<double>& elements) {
  return strided::Cast(Make(elements), dtype).value();
}

TEST(ElementwiseTest, PromotesAsPyTorchDoes) {
  const Tensor bytes = MakeOf(DType::kUInt8, {1, 200});
  const Tensor halves = MakeOf(DType::kBFloat16, {1, 3});
  const Tensor bools = MakeOf(DType::kBool, {1, 0});
  const Tensor single = Full({}, 0.5).value();
  EXPECT_EQ(DTypeOfResult(bytes + 300), DType::kUInt8);
  EXPECT_THAT(ElementsOf(bytes + 300), ElementsAre(45, 244));
  EXPECT_EQ(DTypeOfResult(bytes + 0.5), DType::kFloat32);
  EXPECT_EQ(DTypeOfResult(bytes / 2), DType::kFloat32);
  EXPECT_EQ(DTypeOfResult(halves + single), DType::kBFloat16);
  EXPECT_EQ(DTypeOfResult(halves + MakeOf(DType::kFloat16, {1, 2})),
            DType::kFloat32);
  EXPECT_EQ(DTypeOfResult(bools + bools), DType::kBool);
  EXPECT_THAT(ElementsOf(bools + true), ElementsAre(1, 1));
  EXPECT_EQ(DTypeOfResult(bools + 1), DType::kInt64);
  EXPECT_EQ(DTypeOfResult(Lt(bytes, 2)), DType::kBool);
  EXPECT_EQ(DTypeOfResult(Where(bools, bytes, 1.5)), DType::kFloat32);
  EXPECT_EQ(DTypeOfResult(Clamp(bytes, 0.5, 3)), DType::kFloat32);
  EXPECT_EQ(DTypeOfResult(Pow(2, bytes)), DType::kUInt8);
  EXPECT_EQ(DTypeOfResult(Pow(bytes, 0.5)), DType::kFloat32);
}

TEST(ElementwiseTest, NumbersAreRoundedForComparisonsOnly) {
  const Tensor x = MakeOf(DType::kBFloat16, {0.1});
  EXPECT_THAT(ElementsOf(Eq(x, 0.1)), ElementsAre(1));
  const Tensor y = MakeOf(DType::kBFloat16, {1000});
  EXPECT_THAT(ElementsOf(y * 0.001), ElementsAre(1));
}

// --- Errors -----------------------------------------------------------------

TEST(ElementwiseTest, ErrorsNameTheOpAndItsOperands) {
  const Tensor a = Full({2, 3}, 1.0).value();
  const Tensor b = Full({4}, 1).value();
  EXPECT_THAT((a + b).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("Add(float32 [2, 3], int64 [4])"),
                             HasSubstr("broadcast"))));
  EXPECT_THAT((a + b) * 2,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Add(")));
}

TEST(ElementwiseTest, IntegersCannotBeDividedByZero) {
  const Tensor x = Full({2}, 5).value();
  const Tensor divisors = MakeOf(DType::kInt64, {1, 0});
  for (const auto& result : {Fmod(x, 0), Remainder(x, 0), Fmod(x, divisors),
                             Remainder(x, divisors), Remainder(5, divisors)}) {
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("ZeroDivisionError")));
  }
  EXPECT_THAT(ElementsOf(Remainder(Full({1}, 5.0).value(), 0)),
              ElementsAre(IsNan()));
}

TEST(ElementwiseTest, RejectsWhatPyTorchRejects) {
  const Tensor x = Full({2}, 5).value();
  const Tensor bools = Full({2}, true).value();
  EXPECT_THAT(Pow(x, -1), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("negative integer powers")));
  EXPECT_THAT(Add(x, x, 0.5),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("alpha")));
  EXPECT_THAT(Where(x, x, x),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("boolean tensor, but got a tensor with dtype "
                                 "int64")));
  EXPECT_THAT(bools - bools, StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(-bools, StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(Pow(bools, bools), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(Lerp(x, x, 0.5), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(Clamp(MakeOf(DType::kUInt8, {1}), 0, 300),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("300 does not fit into uint8")));
}

// --- In place ----------------------------------------------------------------

TEST(ElementwiseTest, WritesInPlaceAndRecords) {
  const Tensor x = MakeLeaf({1, 2, 3});
  const auto in_place =
      [&x](const std::function<absl::StatusOr<Tensor>(const Tensor&)>& op) {
        const Tensor y = (x * 1).value();
        const auto result = op(y);
        EXPECT_THAT(result, IsOk());
        EXPECT_TRUE(result->IsSame(y));
        return y;
      };
  Tensor y = in_place([](const Tensor& t) { return MulInPlace(t, t); });
  EXPECT_THAT(ElementsOf(y), ElementsAre(1, 4, 9));
  y = in_place([&x](const Tensor& t) { return AddInPlace(t, x, 2); });
  EXPECT_THAT(ElementsOf(y), ElementsAre(3, 6, 9));
  EXPECT_THAT(GradientOf(y, x), ElementsAre(3, 3, 3));
  y = in_place([&x](const Tensor& t) { return DivInPlace(t, x); });
  EXPECT_THAT(GradientOf(y, x), ElementsAre(0, 0, 0));
  y = in_place([](const Tensor& t) { return PowInPlace(t, 2); });
  EXPECT_THAT(GradientOf(y, x), ElementsAre(2, 4, 6));
  y = in_place([](const Tensor& t) { return ClampInPlace(t, 2, 2.5); });
  EXPECT_THAT(ElementsOf(y), ElementsAre(2, 2, 2.5));
  EXPECT_THAT(GradientOf(y, x), ElementsAre(0, 1, 0));
  y = in_place([&x](const Tensor& t) { return LerpInPlace(t, x * 3, 0.5); });
  EXPECT_THAT(GradientOf(y, x), ElementsAre(2, 2, 2));
  y = in_place([&x](const Tensor& t) { return AddcmulInPlace(t, x, x, 0.5); });
  EXPECT_THAT(GradientOf(y, x), ElementsAre(2, 3, 4));
  y = in_place([&x](const Tensor& t) { return AddcdivInPlace(t, 6, x, 0.5); });
  EXPECT_THAT(ElementsOf(y), ElementsAre(4, 3.5, 4));
  y = in_place([](const Tensor& t) { return NegInPlace(t); });
  EXPECT_THAT(GradientOf(y, x), ElementsAre(-1, -1, -1));
}

TEST(ElementwiseTest, FillsAndLosesTheGradient) {
  const Tensor x = MakeLeaf({1, 2, 3});
  const Tensor y = (x * 2).value();
  ASSERT_THAT(FillInPlace(y, 7), IsOk());
  EXPECT_THAT(ElementsOf(y), ElementsAre(7, 7, 7));
  EXPECT_THAT(GradientOf(y, x), ElementsAre(0, 0, 0));
  const Tensor value =
      Full({}, 1.0, TensorOptions().requires_grad(true).dtype(DType::kFloat64))
          .value();
  ASSERT_THAT(FillInPlace(y, value), IsOk());
  EXPECT_THAT(GradientOf(y, value), ElementsAre(3));
  const Tensor integers = Full({2}, 5).value();
  ASSERT_THAT(FillInPlace(integers, value), IsOk());
  EXPECT_THAT(ElementsOf(integers), ElementsAre(1, 1));
  EXPECT_FALSE(integers.requires_grad());
  ASSERT_THAT(ZeroInPlace(y), IsOk());
  EXPECT_THAT(ElementsOf(y), ElementsAre(0, 0, 0));
  EXPECT_THAT(FillInPlace(y, x), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("rank 0")));
}

TEST(ElementwiseTest, WritesInPlaceToAnyStridesAndDTypes) {
  const Tensor matrix = Full({2, 3}, 1).value();
  const Tensor column = strided::Select(matrix, 1, 1).value();
  ASSERT_THAT(AddInPlace(column, Full({}, 4).value()), IsOk());
  EXPECT_THAT(ElementsOf(matrix), ElementsAre(1, 5, 1, 1, 5, 1));
  const Tensor transposed = strided::Transpose(matrix, 0, 1).value();
  ASSERT_THAT(MulInPlace(transposed, MakeOf(DType::kInt8, {2, 3})), IsOk());
  EXPECT_THAT(ElementsOf(matrix), ElementsAre(2, 10, 2, 3, 15, 3));
  // Written to a narrower dtype of the same category.
  const Tensor halves = MakeOf(DType::kBFloat16, {1, 2});
  ASSERT_THAT(AddInPlace(halves, Make({0.5, 0.25})), IsOk());
  EXPECT_EQ(halves.dtype(), DType::kBFloat16);
  EXPECT_THAT(ElementsOf(halves), ElementsAre(1.5, 2.25));
  EXPECT_THAT(DivInPlace(matrix, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("result type float32 can't be cast to the "
                                 "desired output type int64")));
  EXPECT_THAT(AddInPlace(column, matrix),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// A tensor that overlaps the one that is written is read before.
TEST(ElementwiseTest, ReadsOverlappingOperandsFirst) {
  const Tensor x = Make({1, 2, 3, 4});
  const Tensor tail = strided::Narrow(x, 0, 1, 3).value();
  const Tensor head = strided::Narrow(x, 0, 0, 3).value();
  ASSERT_THAT(AddInPlace(tail, head), IsOk());
  EXPECT_THAT(ElementsOf(x), ElementsAre(1, 3, 5, 7));
}

TEST(ElementwiseTest, LeavesAreWrittenOnlyWithoutRecording) {
  const Tensor x = MakeLeaf({1, 2});
  EXPECT_THAT(AddInPlace(x, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a leaf Variable that requires grad")));
  const NoGradGuard no_grad;
  EXPECT_THAT(AddInPlace(x, 1), IsOk());
  EXPECT_THAT(ElementsOf(x), ElementsAre(2, 3));
}

// A cast to int8 would make 0 of 256.
TEST(ElementwiseTest, RemaindersCheckTheDivisorAsTheKernelReadsIt) {
  const Tensor x = MakeInt8({5, 7});
  const Tensor wraps = Full({}, int64_t{256}).value();
  const Tensor empty = MakeInt8({});
  for (auto* const op : {&Fmod, &Remainder}) {
    EXPECT_THAT(op(x, 256), StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_THAT(op(x, wraps), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("ZeroDivisionError")));
    EXPECT_THAT(ElementsOf(op(x, 4)), ElementsAre(1, 3));
    EXPECT_THAT(ElementsOf(op(empty, 0)), ElementsAre());
  }
}

TEST(ElementwiseTest, FillRefusesNumbersThatDoNotFit) {
  const Tensor x = MakeInt8({5, 7});
  EXPECT_THAT(FillInPlace(x, 300), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(ElementsOf(x), ElementsAre(5, 7));
  EXPECT_THAT(ElementsOf(FillInPlace(x, -128)), ElementsAre(-128, -128));
}

// Tensors in a mapped file may lie at any address.
TEST(ElementwiseTest, TakesTensorsThatAreNotAligned) {
  const auto memory = std::make_shared<std::vector<double>>(4);
  const Storage storage = Storage::FromMemory(
      Device(), {reinterpret_cast<char*>(memory->data()) + 1, memory},
      3 * sizeof(double));
  const Tensor x = Tensor::Create(storage, DType::kFloat64, {3}).value();
  ASSERT_THAT(FillInPlace(x, 2), IsOk());
  EXPECT_THAT(ElementsOf(x + x), ElementsAre(4, 4, 4));
  ASSERT_THAT(MulInPlace(x, x), IsOk());
  EXPECT_THAT(ElementsOf(Sqrt(x)), ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
