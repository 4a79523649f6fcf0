// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What converts to an operand, and what must not compile.

#include "ferry/autograd/graph/operand.h"

#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/scalar.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

template <typename T>
constexpr bool kConverts = std::is_convertible_v<T, Operand>;

static_assert(kConverts<Tensor>);
static_assert(kConverts<const Tensor&>);
static_assert(kConverts<Tensor&>);
static_assert(kConverts<absl::StatusOr<Tensor>>);
static_assert(kConverts<const absl::StatusOr<Tensor>&>);
static_assert(kConverts<bool>);
static_assert(kConverts<int>);
static_assert(kConverts<unsigned>);
static_assert(kConverts<int64_t>);
static_assert(kConverts<uint64_t>);
static_assert(kConverts<long long>);  // NOLINT(google-runtime-int)
static_assert(kConverts<size_t>);
static_assert(kConverts<int8_t>);
static_assert(kConverts<uint8_t>);
static_assert(kConverts<int16_t>);
static_assert(kConverts<float>);
static_assert(kConverts<double>);
static_assert(kConverts<Scalar>);
static_assert(kConverts<const Scalar&>);

enum Plain { kPlain };
enum class Scoped { kScoped };

static_assert(!kConverts<char>);
static_assert(!kConverts<wchar_t>);
static_assert(!kConverts<char16_t>);
static_assert(!kConverts<char32_t>);
static_assert(!kConverts<long double>);
static_assert(!kConverts<const char*>);
static_assert(!kConverts<const char (&)[4]>);
static_assert(!kConverts<std::string>);
static_assert(!kConverts<absl::string_view>);
static_assert(!kConverts<void*>);
static_assert(!kConverts<const Tensor*>);
static_assert(!kConverts<std::nullptr_t>);
static_assert(!kConverts<std::complex<double>>);
static_assert(!kConverts<Plain>);
static_assert(!kConverts<Scoped>);
static_assert(!kConverts<DType>);
static_assert(!kConverts<absl::Status>);
static_assert(!kConverts<absl::StatusOr<Scalar>>);

// Whether `Mul` and operator* take two types.
template <typename A, typename B, typename = void>
constexpr bool kMultiplies = false;
template <typename A, typename B>
constexpr bool kMultiplies<
    A, B, std::void_t<decltype(std::declval<A>() * std::declval<B>())>> = true;

static_assert(kMultiplies<Tensor, Tensor>);
static_assert(kMultiplies<Tensor, absl::StatusOr<Tensor>>);
static_assert(kMultiplies<absl::StatusOr<Tensor>, int>);
static_assert(kMultiplies<float, Tensor>);
static_assert(kMultiplies<Tensor, Scalar>);
static_assert(!kMultiplies<Tensor, char>);
static_assert(!kMultiplies<Tensor, const char*>);
static_assert(!kMultiplies<Tensor, std::nullptr_t>);
static_assert(!kMultiplies<Tensor, Scoped>);
static_assert(!kMultiplies<Tensor*, Tensor>);

TEST(OperandTest, KeepsTheKindOfANumber) {
  EXPECT_EQ(Operand(true).number().dtype(), DType::kBool);
  EXPECT_EQ(Operand(uint8_t{3}).number().dtype(), DType::kInt64);
  EXPECT_EQ(Operand(3.0F).number().dtype(), DType::kFloat64);
  EXPECT_EQ(Operand(std::numeric_limits<uint64_t>::max()).number().dtype(),
            DType::kUInt64);
  EXPECT_TRUE(Operand(0).is_number());
  EXPECT_THAT(Operand(0).status(), IsOk());
}

TEST(OperandTest, PointsToATensorOrToAResult) {
  const Tensor tensor = *Ones({2});
  const Operand operand = tensor;
  EXPECT_FALSE(operand.is_number());
  EXPECT_EQ(&operand.tensor(), &tensor);
  const absl::StatusOr<Tensor> result = tensor;
  EXPECT_TRUE(Operand(result).tensor().IsSame(tensor));
  const absl::StatusOr<Tensor> error = absl::NotFoundError("none");
  EXPECT_THAT(Operand(error).status(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(Operand(error).is_number());
}

}  // namespace
}  // namespace v1
}  // namespace ferry

// As a program writes expressions: outside of ferry, so that the operators are
// found through the types of their arguments.
namespace program {
namespace {

double Item(const absl::StatusOr<ferry::Tensor>& tensor) {
  EXPECT_THAT(tensor, ferry::IsOk());
  return tensor.ok() ? *tensor->Item<double>() : -1;
}

TEST(OperandTest, ComputesInOtherNamespaces) {
  const ferry::Tensor x = *ferry::Full({}, 3.0);
  const absl::StatusOr<ferry::Tensor> y = ferry::Full({}, 2.0);
  EXPECT_EQ(Item(2 * x), 6);
  EXPECT_EQ(Item(x - 1), 2);
  EXPECT_EQ(Item(-x), -3);
  EXPECT_EQ(Item(x / y), 1.5);
  EXPECT_EQ(Item(x + y * 0.5 - 1 / y), 3.5);
  EXPECT_EQ(Item((x * x + y) * uint8_t{2}), 22);
  EXPECT_EQ(Item(ferry::Scalar(4) * x), 12);
  EXPECT_EQ(Item(-(x + true)), -4);
}

TEST(OperandTest, PassesTheFirstErrorOn) {
  const ferry::Tensor x = *ferry::Ones({2});
  const absl::StatusOr<ferry::Tensor> error = absl::NotFoundError("none");
  EXPECT_THAT((x * 2 - error) / x,
              ferry::StatusIs(absl::StatusCode::kNotFound, "none"));
  EXPECT_THAT(error + absl::StatusOr<ferry::Tensor>(absl::DataLossError("b")),
              ferry::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace program
