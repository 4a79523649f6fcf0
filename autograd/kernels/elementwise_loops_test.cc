// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/kernels/elementwise_loops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ferry/core/element_types.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

using testing::ElementsAre;
using testing::IsNull;
using K = ElementwiseKernel;

template <typename T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();
template <typename T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

ElementwiseLoop FindLoop(K kernel, DType dtype) {
  if (ElementwiseLoop loop = ArithmeticLoop(kernel, dtype)) return loop;
  if (ElementwiseLoop loop = PlainLoop(kernel, dtype)) return loop;
  return FunctionLoop(kernel, dtype);
}

// Numbers of both signs and of all exponents, and special ones.
template <typename T>
std::vector<T> MakeArguments() {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  std::vector<T> arguments = {
      T{0},   -T{0},   kInfinity<T>, T{1}, -T{1},         -kInfinity<T>,
      T{0.5}, -T{0.5}, kNan<T>,      T{2}, T{88.7228317}, T{88.7228394}};
  constexpr int kShift = 8 * sizeof(T) - 16;
  uint64_t noise = 1;
  for (uint64_t high = 0; high < 1 << 16; ++high) {
    noise = noise * 6364136223846793005 + 1442695040888963407;
    const Bits bits = static_cast<Bits>(high << kShift) |
                      (static_cast<Bits>(noise >> (64 - 8 * sizeof(T))) >> 16);
    T argument;
    std::memcpy(&argument, &bits, sizeof(bits));
    arguments.push_back(argument);
  }
  // Most functions do something for numbers of this size.
  for (int i = -4000; i < 4000; ++i) {
    arguments.push_back(static_cast<T>(i) / T{300});
  }
  return arguments;
}

// Returns the difference in units of the last place of a T.
template <typename T>
double UlpsBetween(T result, long double expected) {
  const T rounded = static_cast<T>(expected);
  if (std::isnan(rounded) || std::isnan(result)) {
    return std::isnan(rounded) == std::isnan(result) ? 0 : kInfinity<double>;
  }
  if (rounded == result) return 0;
  if (std::isinf(rounded) && std::isinf(result)) return kInfinity<double>;
  // Let the largest number and infinity be neighbours.
  const auto clamp = [](long double value) {
    const auto largest =
        static_cast<long double>(std::numeric_limits<T>::max());
    return std::clamp(value, -largest, largest);
  };
  int exponent;
  std::frexp(rounded == 0 ? expected : static_cast<long double>(rounded),
             &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double ulp =
      std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(
      std::fabs(clamp(static_cast<long double>(result)) - clamp(expected)) /
      ulp);
}

struct Function {
  std::string name;
  K kernel;
  long double (*expected)(long double);
  double max_ulps;
  // Arguments beyond this are not checked.
  double range = kInfinity<double>;
};

template <typename T>
void CheckFunction(const Function& function) {
  const ElementwiseLoop loop = FindLoop(function.kernel, DTypeOf<T>::value);
  ASSERT_NE(loop, nullptr);
  const std::vector<T> arguments = MakeArguments<T>();
  std::vector<T> results(arguments.size());
  const LoopInput input = {arguments.data(), false};
  loop(&input, results.data(), static_cast<int64_t>(arguments.size()));
  double most = 0;
  T worst = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (std::fabs(arguments[i]) > function.range) continue;
    const double ulps = UlpsBetween<T>(
        results[i], function.expected(static_cast<long double>(arguments[i])));
    if (ulps > most) {
      most = ulps;
      worst = arguments[i];
    }
  }
  EXPECT_LE(most, function.max_ulps) << function.name << " of " << worst;
}

long double Sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
long double Sign(long double x) {
  return static_cast<long double>((x > 0 ? 1 : 0) - (x < 0 ? 1 : 0));
}

const std::vector<Function>& Functions() {
  static const auto* const functions = new std::vector<Function>{
      {"neg", K::kNeg, [](long double x) { return -x; }, 0},
      {"abs", K::kAbs, [](long double x) { return std::fabs(x); }, 0},
      {"sign", K::kSign, &Sign, 0},
      {"floor", K::kFloor, [](long double x) { return std::floor(x); }, 0},
      {"ceil", K::kCeil, [](long double x) { return std::ceil(x); }, 0},
      {"round", K::kRound, [](long double x) { return std::nearbyint(x); }, 0},
      {"trunc", K::kTrunc, [](long double x) { return std::trunc(x); }, 0},
      {"square", K::kSquare, [](long double x) { return x * x; }, 0.51},
      {"cube", K::kCube, [](long double x) { return x * x * x; }, 1.51},
      {"sqrt", K::kSqrt, [](long double x) { return std::sqrt(x); }, 0.51},
      {"rsqrt", K::kRsqrt, [](long double x) { return 1 / std::sqrt(x); }, 2},
      {"reciprocal", K::kReciprocal, [](long double x) { return 1 / x; }, 0.51},
      {"exp", K::kExp, [](long double x) { return std::exp(x); }, 2},
      {"expm1", K::kExpm1, [](long double x) { return std::expm1(x); }, 4},
      {"log", K::kLog, [](long double x) { return std::log(x); }, 4},
      {"log2", K::kLog2, [](long double x) { return std::log2(x); }, 4},
      {"log10", K::kLog10, [](long double x) { return std::log10(x); }, 4},
      {"log1p", K::kLog1p, [](long double x) { return std::log1p(x); }, 4},
      {"sin", K::kSin, [](long double x) { return std::sin(x); }, 4},
      {"cos", K::kCos, [](long double x) { return std::cos(x); }, 4},
      {"tan", K::kTan, [](long double x) { return std::tan(x); }, 8},
      {"asin", K::kAsin, [](long double x) { return std::asin(x); }, 4},
      {"acos", K::kAcos, [](long double x) { return std::acos(x); }, 4},
      {"atan", K::kAtan, [](long double x) { return std::atan(x); }, 4},
      {"sinh", K::kSinh, [](long double x) { return std::sinh(x); }, 6},
      {"cosh", K::kCosh, [](long double x) { return std::cosh(x); }, 6},
      {"tanh", K::kTanh, [](long double x) { return std::tanh(x); }, 5},
      {"erf", K::kErf, [](long double x) { return std::erf(x); }, 6},
      // exp(-x) is infinite where the results would be subnormal.
      {"sigmoid", K::kSigmoid, &Sigmoid, 4, 80},
      {"relu", K::kRelu, [](long double x) { return x < 0 ? 0 : x; }, 0},
      {"silu", K::kSilu, [](long double x) { return x * Sigmoid(x); }, 4, 80},
  };
  return *functions;
}

TEST(ElementwiseLoopsTest, FunctionsOfFloat32AreWithinFewUlps) {
  for (const Function& function : Functions()) CheckFunction<float>(function);
}

TEST(ElementwiseLoopsTest, FunctionsOfFloat64AreWithinFewUlps) {
  for (const Function& function : Functions()) CheckFunction<double>(function);
}

template <typename T>
std::vector<T> Compute(K kernel, std::vector<std::vector<T>> inputs) {
  std::vector<LoopInput> loop_inputs;
  size_t count = 1;
  for (std::vector<T>& input : inputs) count = std::max(count, input.size());
  for (std::vector<T>& input : inputs) {
    const bool is_number = input.size() == 1;
    if (is_number) input.resize(kNumberBytes / sizeof(T), input[0]);
    loop_inputs.push_back({input.data(), is_number});
  }
  std::vector<T> out(count);
  FindLoop(kernel, DTypeOf<T>::value)(loop_inputs.data(), out.data(),
                                      static_cast<int64_t>(count));
  return out;
}

template <typename T>
std::vector<int> TestPairs(K kernel, const std::vector<T>& a,
                           const std::vector<T>& b = {}) {
  const LoopInput inputs[] = {{a.data(), false}, {b.data(), false}};
  std::vector<uint8_t> out(a.size());
  FindLoop(kernel, DTypeOf<T>::value)(inputs, out.data(),
                                      static_cast<int64_t>(a.size()));
  return std::vector<int>(out.begin(), out.end());
}

// Formulas of other kernels, for which a comparison of double is enough.
struct Formula {
  std::string name;
  K kernel;
  std::vector<std::vector<double>> inputs;
  double (*expected)(const double* in);
};

double Phi(double x) { return 0.5 * (1 + std::erf(x * std::sqrt(0.5))); }

double Density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1));
}

double TanhGelu(double x) {
  return 0.5 * x *
         (1 +
          std::tanh(std::sqrt(2 / std::acos(-1)) * (x + 0.044715 * x * x * x)));
}

const std::vector<Formula>& Formulas() {
  static const std::vector<double> a = {-3, -1.25, -0.5, 0, 0.25, 1, 1.5, 20};
  static const std::vector<double> b = {2, -1.25, 0.75, 1, -0.25, 3, -8, 0.5};
  static const std::vector<double> g = {1, -2, 0.5, 3, 0.25, -1, 4, 2};
  static const auto* const formulas = new std::vector<Formula>{
      {"frac",
       K::kFrac,
       {a},
       [](const double* in) { return in[0] - std::trunc(in[0]); }},
      {"inverse square",
       K::kInverseSquare,
       {b},
       [](const double* in) { return 1 / (in[0] * in[0]); }},
      {"add", K::kAdd, {a, b}, [](const double* in) { return in[0] + in[1]; }},
      {"sub", K::kSub, {a, b}, [](const double* in) { return in[0] - in[1]; }},
      {"mul", K::kMul, {a, b}, [](const double* in) { return in[0] * in[1]; }},
      {"div", K::kDiv, {a, b}, [](const double* in) { return in[0] / in[1]; }},
      {"pow",
       K::kPow,
       {{0.5, 2, 3, 4, 1, 0, 10, 2}, b},
       [](const double* in) { return std::pow(in[0], in[1]); }},
      {"fmod",
       K::kFmod,
       {a, b},
       [](const double* in) { return std::fmod(in[0], in[1]); }},
      {"remainder",
       K::kRemainder,
       {a, b},
       [](const double* in) {
         return in[0] - in[1] * std::floor(in[0] / in[1]);
       }},
      {"atan2",
       K::kAtan2,
       {a, b},
       [](const double* in) { return std::atan2(in[0], in[1]); }},
      {"hypot",
       K::kHypot,
       {a, b},
       [](const double* in) { return std::hypot(in[0], in[1]); }},
      {"gelu",
       K::kGelu,
       {a},
       [](const double* in) { return in[0] * Phi(in[0]); }},
      {"gelu tanh",
       K::kGeluTanh,
       {a},
       [](const double* in) { return TanhGelu(in[0]); }},
      {"leaky relu",
       K::kLeakyRelu,
       {a, {0.1}},
       [](const double* in) { return in[0] > 0 ? in[0] : in[0] * in[1]; }},
      {"elu",
       K::kElu,
       {a, {1.5}},
       [](const double* in) {
         return in[0] > 0 ? in[0] : in[1] * std::expm1(in[0]);
       }},
      {"tanh backward",
       K::kTanhBackward,
       {g, b},
       [](const double* in) { return in[0] * (1 - in[1] * in[1]); }},
      {"sigmoid backward",
       K::kSigmoidBackward,
       {g, b},
       [](const double* in) { return in[0] * in[1] * (1 - in[1]); }},
      {"relu backward",
       K::kReluBackward,
       {g, a},
       [](const double* in) { return in[1] > 0 ? in[0] : 0; }},
      {"silu backward",
       K::kSiluBackward,
       {g, a},
       [](const double* in) {
         const double s = 1 / (1 + std::exp(-in[1]));
         return in[0] * s * (1 + in[1] * (1 - s));
       }},
      {"gelu backward",
       K::kGeluBackward,
       {g, a},
       [](const double* in) {
         return in[0] * (Phi(in[1]) + in[1] * Density(in[1]));
       }},
      {"gelu tanh backward",
       K::kGeluTanhBackward,
       {g, a},
       [](const double* in) {
         const double step = 1e-5;
         return in[0] * (TanhGelu(in[1] + step) - TanhGelu(in[1] - step)) /
                (2 * step);
       }},
      {"abs backward",
       K::kAbsBackward,
       {g, a},
       [](const double* in) {
         return in[1] == 0 ? 0 : std::copysign(1, in[1]) * in[0];
       }},
      {"sqrt backward",
       K::kSqrtBackward,
       {g, b},
       [](const double* in) { return in[0] / (2 * in[1]); }},
      {"rsqrt backward",
       K::kRsqrtBackward,
       {g, {0.5, 1, 2, 3, 4, 5, 6, 7}},
       [](const double* in) { return -0.5 * in[0] * std::pow(in[1], -1.5); }},
      {"reciprocal backward",
       K::kReciprocalBackward,
       {g, b},
       [](const double* in) { return -in[0] * in[1] * in[1]; }},
      {"square backward",
       K::kSquareBackward,
       {g, a},
       [](const double* in) { return 2 * in[0] * in[1]; }},
      {"expm1 backward",
       K::kExpm1Backward,
       {g, b},
       [](const double* in) { return in[0] * (in[1] + 1); }},
      {"sin backward",
       K::kSinBackward,
       {g, a},
       [](const double* in) { return in[0] * std::cos(in[1]); }},
      {"cos backward",
       K::kCosBackward,
       {g, a},
       [](const double* in) { return -in[0] * std::sin(in[1]); }},
      {"tan backward",
       K::kTanBackward,
       {g, b},
       [](const double* in) { return in[0] * (1 + in[1] * in[1]); }},
      {"asin backward",
       K::kAsinBackward,
       {g, {-0.9, -0.5, -0.1, 0, 0.1, 0.3, 0.6, 0.95}},
       [](const double* in) { return in[0] / std::sqrt(1 - in[1] * in[1]); }},
      {"acos backward",
       K::kAcosBackward,
       {g, {-0.9, -0.5, -0.1, 0, 0.1, 0.3, 0.6, 0.95}},
       [](const double* in) { return -in[0] / std::sqrt(1 - in[1] * in[1]); }},
      {"atan backward",
       K::kAtanBackward,
       {g, a},
       [](const double* in) { return in[0] / (1 + in[1] * in[1]); }},
      {"erf backward",
       K::kErfBackward,
       {g, a},
       [](const double* in) {
         return in[0] * 2 / std::sqrt(std::acos(-1)) * std::exp(-in[1] * in[1]);
       }},
      {"add scaled",
       K::kAddScaled,
       {a, b, {2.5}},
       [](const double* in) { return in[0] + in[2] * in[1]; }},
      {"lerp",
       K::kLerp,
       {a, g, b},
       [](const double* in) { return in[0] + in[2] * (in[1] - in[0]); }},
      {"clamp",
       K::kClamp,
       {a, {-1}, {1.25}},
       [](const double* in) {
         return in[0] < in[1] ? in[1] : in[0] > in[2] ? in[2] : in[0];
       }},
      {"softplus",
       K::kSoftplus,
       {a, {2}, {20}},
       [](const double* in) {
         const double scaled = in[0] * in[1];
         return scaled > in[2] ? in[0] : std::log1p(std::exp(scaled)) / in[1];
       }},
      {"leaky relu backward",
       K::kLeakyReluBackward,
       {g, a, {0.1}},
       [](const double* in) { return in[1] > 0 ? in[0] : in[0] * in[2]; }},
      {"elu backward",
       K::kEluBackward,
       {g, a, {1.5}},
       [](const double* in) {
         return in[1] > 0 ? in[0] : in[0] * in[2] * std::exp(in[1]);
       }},
      {"maximum backward",
       K::kMaximumBackward,
       {g, a, b},
       [](const double* in) {
         return in[1] > in[2] ? in[0] : in[1] == in[2] ? in[0] / 2 : 0;
       }},
      {"atan2 backward",
       K::kAtan2Backward,
       {g, a, b},
       [](const double* in) {
         return in[0] * in[2] / (in[1] * in[1] + in[2] * in[2]);
       }},
      {"hypot backward",
       K::kHypotBackward,
       {g, a, b},
       [](const double* in) { return in[0] * in[1] / in[2]; }},
      {"pow backward",
       K::kPowBackward,
       {g, {1, 2, 0.5, 3, 0.25, 4, 2, 0}, {2, -1, 0.5, 3, 1.5, -2, 0, 2}},
       [](const double* in) {
         return in[0] * in[2] * std::pow(in[1], in[2] - 1);
       }},
      {"pow exponent backward",
       K::kPowExponentBackward,
       {g, {1, 2, 0.5, 3, 0.25, 4, 0, 0}, {2, -1, 0.5, 3, 1.5, -2, 0, 2}, b},
       [](const double* in) {
         return in[1] == 0 ? 0 : in[0] * in[3] * std::log(in[1]);
       }},
      {"addcmul",
       K::kAddcmul,
       {a, b, g, {0.5}},
       [](const double* in) { return in[0] + in[3] * in[1] * in[2]; }},
      {"addcdiv",
       K::kAddcdiv,
       {a, b, g, {0.5}},
       [](const double* in) { return in[0] + in[3] * in[1] / in[2]; }},
      {"softplus backward",
       K::kSoftplusBackward,
       {g, a, {2}, {20}},
       [](const double* in) {
         const double scaled = in[1] * in[2];
         return scaled > in[3] ? in[0] : in[0] / (1 + std::exp(-scaled));
       }},
      {"clamp backward",
       K::kClampBackward,
       {g, a, {-1.25}, {1}},
       [](const double* in) {
         return in[2] <= in[1] && in[1] <= in[3] ? in[0] : 0;
       }},
  };
  return *formulas;
}

template <typename T>
void CheckFormula(const Formula& formula, double tolerance) {
  std::vector<std::vector<T>> inputs;
  for (const std::vector<double>& input : formula.inputs) {
    inputs.emplace_back(input.begin(), input.end());
  }
  const std::vector<T> results = Compute<T>(formula.kernel, inputs);
  ASSERT_EQ(results.size(), 8);
  for (size_t i = 0; i < results.size(); ++i) {
    std::vector<double> in;
    for (const std::vector<double>& input : formula.inputs) {
      in.push_back(input[input.size() == 1 ? 0 : i]);
    }
    const double expected = formula.expected(in.data());
    EXPECT_NEAR(results[i], expected,
                tolerance * std::max(1.0, std::fabs(expected)))
        << formula.name << " " << i;
  }
}

TEST(ElementwiseLoopsTest, FormulasAreRight) {
  for (const Formula& formula : Formulas()) {
    CheckFormula<float>(formula, 1e-6);
    CheckFormula<double>(formula, 1e-9);
  }
}

// Otherwise the results would depend on how threads share the work.
TEST(ElementwiseLoopsTest, ElementsDoNotDependOnTheirPlaceAndNeighbours) {
  std::vector<float> all = MakeArguments<float>();
  for (int kernel = 0; kernel <= static_cast<int>(K::kGeluTanh); ++kernel) {
    const ElementwiseLoop loop =
        FindLoop(static_cast<K>(kernel), DType::kFloat32);
    ASSERT_NE(loop, nullptr) << kernel;
    std::vector<float> whole(all.size());
    const LoopInput input = {all.data(), false};
    loop(&input, whole.data(), static_cast<int64_t>(all.size()));
    std::vector<float> parts(all.size());
    size_t size = 1;
    for (size_t i = 0; i < all.size(); i += size) {
      size = std::min(i % 37 + 1, all.size() - i);
      const LoopInput part = {all.data() + i, false};
      loop(&part, parts.data() + i, static_cast<int64_t>(size));
    }
    EXPECT_EQ(
        std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(float)),
        0)
        << kernel;
  }
}

TEST(ElementwiseLoopsTest, LoopsMayWriteToAnInput) {
  std::vector<float> a = MakeArguments<float>();
  const std::vector<float> expected = Compute<float>(K::kMul, {a, a});
  const LoopInput inputs[] = {{a.data(), false}, {a.data(), false}};
  ArithmeticLoop(K::kMul, DType::kFloat32)(inputs, a.data(),
                                           static_cast<int64_t>(a.size()));
  EXPECT_EQ(std::memcmp(a.data(), expected.data(), a.size() * sizeof(float)),
            0);
}

TEST(ElementwiseLoopsTest, NanComparesAsIeee754Says) {
  const float nan = kNan<float>;
  const std::vector<float> a = {nan, 1, nan, 1, 2};
  const std::vector<float> b = {nan, nan, 1, 1, 1};
  EXPECT_THAT(TestPairs<float>(K::kEq, a, b), ElementsAre(0, 0, 0, 1, 0));
  EXPECT_THAT(TestPairs<float>(K::kNe, a, b), ElementsAre(1, 1, 1, 0, 1));
  EXPECT_THAT(TestPairs<float>(K::kLt, b, a), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_THAT(TestPairs<float>(K::kLe, a, b), ElementsAre(0, 0, 0, 1, 0));
  EXPECT_THAT(TestPairs<float>(K::kGt, a, b), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_THAT(TestPairs<float>(K::kGe, a, b), ElementsAre(0, 0, 0, 1, 1));
}

TEST(ElementwiseLoopsTest, PredicatesKnowSpecialNumbers) {
  const std::vector<double> a = {0, -1, kInfinity<double>, -kInfinity<double>,
                                 kNan<double>};
  EXPECT_THAT(TestPairs<double>(K::kIsNan, a), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_THAT(TestPairs<double>(K::kIsInf, a), ElementsAre(0, 0, 1, 1, 0));
  EXPECT_THAT(TestPairs<double>(K::kIsFinite, a), ElementsAre(1, 1, 0, 0, 0));
  const std::vector<int16_t> integers = {0, -1, 7};
  EXPECT_THAT(TestPairs<int16_t>(K::kIsNan, integers), ElementsAre(0, 0, 0));
  EXPECT_THAT(TestPairs<int16_t>(K::kIsInf, integers), ElementsAre(0, 0, 0));
  EXPECT_THAT(TestPairs<int16_t>(K::kIsFinite, integers), ElementsAre(1, 1, 1));
}

TEST(ElementwiseLoopsTest, MaximumMinimumAndClampKeepNan) {
  for (const auto& [a, b] : {std::pair<float, float>{kNan<float>, 1},
                             {1, kNan<float>},
                             {kNan<float>, kInfinity<float>}}) {
    EXPECT_TRUE(std::isnan(Compute<float>(K::kMaximum, {{a}, {b}})[0]));
    EXPECT_TRUE(std::isnan(Compute<float>(K::kMinimum, {{a}, {b}})[0]));
  }
  EXPECT_TRUE(
      std::isnan(Compute<float>(K::kClamp, {{kNan<float>}, {0}, {1}})[0]));
  EXPECT_TRUE(std::isnan(Compute<float>(K::kRelu, {{kNan<float>}})[0]));
  EXPECT_EQ(Compute<float>(K::kClamp, {{5}, {3}, {1}})[0], 1);
}

TEST(ElementwiseLoopsTest, LerpReachesBothEnds) {
  const std::vector<float> a = {0.1F, 1e8F, -3};
  const std::vector<float> b = {0.7F, 1, 1e-8F};
  EXPECT_EQ(Compute<float>(K::kLerp, {a, b, {0}}), a);
  EXPECT_EQ(Compute<float>(K::kLerp, {a, b, {1}}), b);
}

TEST(ElementwiseLoopsTest, IntegersWrap) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  EXPECT_THAT(Compute<int32_t>(K::kNeg, {{kMin, kMax, 0}}),
              ElementsAre(kMin, -kMax, 0));
  EXPECT_THAT(Compute<int32_t>(K::kAbs, {{kMin, -5, 5}}),
              ElementsAre(kMin, 5, 5));
  EXPECT_THAT(Compute<int32_t>(K::kAdd, {{kMax, 1}, {1, 2}}),
              ElementsAre(kMin, 3));
  EXPECT_THAT(Compute<int32_t>(K::kSub, {{kMin, 1}, {1, 2}}),
              ElementsAre(kMax, -1));
  EXPECT_THAT(Compute<int32_t>(K::kMul, {{65536, 3}, {65536, -4}}),
              ElementsAre(0, -12));
  EXPECT_THAT(Compute<uint16_t>(K::kMul, {{65535, 3}, {65535, 4}}),
              ElementsAre(1, 12));
  EXPECT_THAT(Compute<uint8_t>(K::kSub, {{0, 200}, {1, 100}}),
              ElementsAre(255, 100));
  EXPECT_THAT(Compute<int8_t>(K::kSquare, {{16, -3}}), ElementsAre(0, 9));
  EXPECT_THAT(Compute<int8_t>(K::kCube, {{-3, 7}}), ElementsAre(-27, 87));
  EXPECT_THAT(Compute<int64_t>(K::kAddScaled, {{1, 2}, {10, 20}, {-3}}),
              ElementsAre(-29, -58));
  EXPECT_THAT(Compute<int64_t>(K::kAddcmul, {{1, 2}, {2, 3}, {5, 7}, {2}}),
              ElementsAre(21, 44));
}

TEST(ElementwiseLoopsTest, IntegersHaveTheKernelsOfPyTorch) {
  EXPECT_THAT(Compute<int16_t>(K::kSign, {{-7, 0, 9}}), ElementsAre(-1, 0, 1));
  EXPECT_THAT(Compute<uint8_t>(K::kSign, {{200, 0}}), ElementsAre(1, 0));
  EXPECT_THAT(Compute<int16_t>(K::kRound, {{-7, 0, 9}}), ElementsAre(-7, 0, 9));
  EXPECT_THAT(Compute<int16_t>(K::kRelu, {{-7, 0, 9}}), ElementsAre(0, 0, 9));
  EXPECT_THAT(Compute<int64_t>(K::kMaximum, {{1, -2}, {-3, 4}}),
              ElementsAre(1, 4));
  EXPECT_THAT(Compute<uint64_t>(K::kMinimum, {{UINT64_MAX, 2}, {3, 4}}),
              ElementsAre(3, 2));
  EXPECT_THAT(Compute<int32_t>(K::kClamp, {{-7, 0, 9}, {-1}, {5}}),
              ElementsAre(-1, 0, 5));
  EXPECT_THAT(Compute<int64_t>(K::kPow, {{2, -3, 0, 1, -1, -1, 5, 3},
                                         {10, 3, 0, -4, -3, -4, -1, 41}}),
              ElementsAre(1024, -27, 1, 1, -1, 1, 0, -420491770248316829));
  EXPECT_THAT(TestPairs<int8_t>(K::kLt, {-1, 1, 1}, {1, -1, 1}),
              ElementsAre(1, 0, 0));
  EXPECT_THAT(TestPairs<uint8_t>(K::kGe, {255, 1, 1}, {1, 255, 1}),
              ElementsAre(1, 0, 1));
}

TEST(ElementwiseLoopsTest, FmodTakesTheSignOfADividendAndRemainderOfADivisor) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  const std::vector<int64_t> a = {7, -7, 7, -7, -6, kMin, 5, kMin};
  const std::vector<int64_t> b = {3, 3, -3, -3, 3, -1, 0, 10};
  EXPECT_THAT(Compute<int64_t>(K::kFmod, {a, b}),
              ElementsAre(1, -1, 1, -1, 0, 0, 0, -8));
  EXPECT_THAT(Compute<int64_t>(K::kRemainder, {a, b}),
              ElementsAre(1, 2, -2, -1, 0, 0, 0, 2));
  EXPECT_THAT(Compute<double>(K::kFmod, {{7, -7, 7, -7}, {3, 3, -3, -3}}),
              ElementsAre(1, -1, 1, -1));
  EXPECT_THAT(Compute<double>(K::kRemainder, {{7, -7, 7, -7}, {3, 3, -3, -3}}),
              ElementsAre(1, 2, -2, -1));
  EXPECT_TRUE(std::isnan(Compute<double>(K::kRemainder, {{1}, {0}})[0]));
}

// A file may hold any byte.
TEST(ElementwiseLoopsTest, EveryByteButZeroIsTrue) {
  const std::vector<uint8_t> a = {0, 1, 2, 255, 0};
  const std::vector<uint8_t> b = {0, 2, 1, 0, 7};
  const auto compute = [&](K kernel) {
    const LoopInput inputs[] = {{a.data(), false}, {b.data(), false}};
    std::vector<uint8_t> out(a.size());
    PlainLoop(kernel, DType::kBool)(inputs, out.data(),
                                    static_cast<int64_t>(a.size()));
    return std::vector<int>(out.begin(), out.end());
  };
  EXPECT_THAT(compute(K::kLogicalNot), ElementsAre(1, 0, 0, 0, 1));
  EXPECT_THAT(compute(K::kLogicalAnd), ElementsAre(0, 1, 1, 0, 0));
  EXPECT_THAT(compute(K::kLogicalOr), ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(compute(K::kLogicalXor), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(compute(K::kEq), ElementsAre(1, 1, 1, 0, 0));
  EXPECT_THAT(compute(K::kLt), ElementsAre(0, 0, 0, 0, 1));
  EXPECT_THAT(compute(K::kAdd), ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(compute(K::kMul), ElementsAre(0, 1, 1, 0, 0));
}

template <typename T>
void CheckWhere() {
  const std::vector<uint8_t> condition = {1, 0, 2};
  const std::vector<T> a = {1, 2, 3};
  const std::vector<T> b(kNumberBytes / sizeof(T), 9);
  const LoopInput inputs[] = {
      {condition.data(), false}, {a.data(), false}, {b.data(), true}};
  std::vector<T> out(3);
  PlainLoop(K::kWhere, DTypeOf<T>::value)(inputs, out.data(), 3);
  EXPECT_THAT(out, ElementsAre(1, 9, 3));
}

TEST(ElementwiseLoopsTest, WhereSelectsElementsOfAnySize) {
  CheckWhere<uint8_t>();
  CheckWhere<int16_t>();
  CheckWhere<float>();
  CheckWhere<double>();
}

TEST(ElementwiseLoopsTest, ThereIsNoLoopForOtherDtypes) {
  EXPECT_THAT(FindLoop(K::kExp, DType::kInt32), IsNull());
  EXPECT_THAT(FindLoop(K::kAdd, DType::kComplex64), IsNull());
  EXPECT_THAT(FindLoop(K::kSub, DType::kBool), IsNull());
}

}  // namespace
}  // namespace kernels
}  // namespace v1
}  // namespace ferry
