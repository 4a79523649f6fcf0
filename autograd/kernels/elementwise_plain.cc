// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "ferry/autograd/kernels/elementwise_loops.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {
namespace kernels {
namespace {

// The loop that calls `Op::Apply` with one element of type T per input, and
// writes elements of type Out.
template <class Op, typename T, typename Out, size_t... kInput>
void RunInputs(const LoopInput* inputs, void* out, int64_t count,
               std::index_sequence<kInput...>) {
  const T* const in[] = {static_cast<const T*>(inputs[kInput].data)...};
  auto* const to = static_cast<Out*>(out);
  if ((!inputs[kInput].is_number && ...)) {
    for (int64_t i = 0; i < count; ++i) to[i] = Op::Apply(in[kInput][i]...);
    return;
  }
  if constexpr (sizeof...(kInput) == 2) {
    if (!inputs[0].is_number) {
      const T number = *in[1];
      for (int64_t i = 0; i < count; ++i) to[i] = Op::Apply(in[0][i], number);
      return;
    }
  }
  const int64_t steps[] = {inputs[kInput].is_number ? 0 : 1 ...};
  for (int64_t i = 0; i < count; ++i) {
    to[i] = Op::Apply(in[kInput][i * steps[kInput]]...);
  }
}

template <class Op, typename T, typename Out, size_t kInputs>
void Run(const LoopInput* inputs, void* out, int64_t count) {
  RunInputs<Op, T, Out>(inputs, out, count,
                        std::make_index_sequence<kInputs>());
}

// Does the same for bools, which are bytes: any but 0 is true.
template <class Op, size_t... kInput>
void RunBoolInputs(const LoopInput* inputs, void* out, int64_t count,
                   std::index_sequence<kInput...>) {
  const uint8_t* const in[] = {
      static_cast<const uint8_t*>(inputs[kInput].data)...};
  const int64_t steps[] = {inputs[kInput].is_number ? 0 : 1 ...};
  auto* const to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < count; ++i) {
    const bool result = Op::Apply((in[kInput][i * steps[kInput]] != 0)...);
    to[i] = result ? 1 : 0;
  }
}

template <class Op, size_t kInputs>
void RunBools(const LoopInput* inputs, void* out, int64_t count) {
  RunBoolInputs<Op>(inputs, out, count, std::make_index_sequence<kInputs>());
}

// ------------------------------------------------------------------- Integers

// The unsigned type whose arithmetic wraps as that of T should, and which is
// not promoted to int.
template <typename T>
using Wrapping =
    std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;

template <typename T>
T Negative(T x) {
  return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
}

template <typename T>
T Product(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) *
                        static_cast<Wrapping<T>>(b));
}

template <typename T>
T Sum(T a, T b) {
  return static_cast<T>(static_cast<Wrapping<T>>(a) +
                        static_cast<Wrapping<T>>(b));
}

template <typename T>
bool IsNegative(T x) {
  return std::is_signed_v<T> && x < T{0};
}

template <typename T>
bool IsMinusOne(T x) {
  return std::is_signed_v<T> && x == static_cast<T>(-1);
}

struct Neg {
  template <typename T>
  static T Apply(T x) {
    return Negative(x);
  }
};

struct Abs {
  template <typename T>
  static T Apply(T x) {
    return IsNegative(x) ? Negative(x) : x;
  }
};

struct Sign {
  template <typename T>
  static T Apply(T x) {
    return static_cast<T>((x > T{0} ? 1 : 0) - (IsNegative(x) ? 1 : 0));
  }
};

struct Identity {
  template <typename T>
  static T Apply(T x) {
    return x;
  }
};

struct Square {
  template <typename T>
  static T Apply(T x) {
    return Product(x, x);
  }
};

struct Cube {
  template <typename T>
  static T Apply(T x) {
    return Product(Product(x, x), x);
  }
};

struct Relu {
  template <typename T>
  static T Apply(T x) {
    return IsNegative(x) ? T{0} : x;
  }
};

struct False {
  template <typename T>
  static bool Apply(T x) {
    return false;
  }
};

struct True {
  template <typename T>
  static bool Apply(T x) {
    return true;
  }
};

struct Add {
  template <typename T>
  static T Apply(T a, T b) {
    return Sum(a, b);
  }
};

struct Sub {
  template <typename T>
  static T Apply(T a, T b) {
    return Sum(a, Negative(b));
  }
};

struct Mul {
  template <typename T>
  static T Apply(T a, T b) {
    return Product(a, b);
  }
};

struct Maximum {
  template <typename T>
  static T Apply(T a, T b) {
    return std::max(a, b);
  }
};

struct Minimum {
  template <typename T>
  static T Apply(T a, T b) {
    return std::min(a, b);
  }
};

// Multiplies squares of the base. A negative exponent leaves 1 and -1, and
// turns the rest into 0.
struct PowInteger {
  template <typename T>
  static T Apply(T base, T exponent) {
    if (IsNegative(exponent)) {
      if (base == T{1}) return 1;
      if (!IsMinusOne(base)) return 0;
      return exponent % T{2} == T{0} ? T{1} : base;
    }
    T result = 1;
    for (T rest = exponent; rest != T{0}; rest = static_cast<T>(rest / T{2})) {
      if (rest % T{2} != T{0}) result = Product(result, base);
      base = Product(base, base);
    }
    return result;
  }
};

struct FmodInteger {
  template <typename T>
  static T Apply(T a, T b) {
    if (b == T{0} || IsMinusOne(b)) return 0;
    return static_cast<T>(a % b);
  }
};

struct RemainderInteger {
  template <typename T>
  static T Apply(T a, T b) {
    const T rest = FmodInteger::Apply(a, b);
    if (rest == T{0} || IsNegative(rest) == IsNegative(b)) return rest;
    return static_cast<T>(rest + b);
  }
};

struct Eq {
  template <typename T>
  static bool Apply(T a, T b) {
    return a == b;
  }
};

struct Ne {
  template <typename T>
  static bool Apply(T a, T b) {
    return a != b;
  }
};

struct Lt {
  template <typename T>
  static bool Apply(T a, T b) {
    return a < b;
  }
};

struct Le {
  template <typename T>
  static bool Apply(T a, T b) {
    return a <= b;
  }
};

struct Gt {
  template <typename T>
  static bool Apply(T a, T b) {
    return a > b;
  }
};

struct Ge {
  template <typename T>
  static bool Apply(T a, T b) {
    return a >= b;
  }
};

struct AddScaled {
  template <typename T>
  static T Apply(T a, T b, T s) {
    return Sum(a, Product(s, b));
  }
};

struct Clamp {
  template <typename T>
  static T Apply(T x, T low, T high) {
    return std::min(std::max(x, low), high);
  }
};

struct Addcmul {
  template <typename T>
  static T Apply(T a, T b, T c, T s) {
    return Sum(a, Product(Product(s, b), c));
  }
};

template <typename T>
ElementwiseLoop IntegerLoop(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  switch (kernel) {
    case K::kNeg:
      return &Run<Neg, T, T, 1>;
    case K::kAbs:
      return &Run<Abs, T, T, 1>;
    case K::kSign:
      return &Run<Sign, T, T, 1>;
    case K::kFloor:
    case K::kCeil:
    case K::kRound:
    case K::kTrunc:
      return &Run<Identity, T, T, 1>;
    case K::kSquare:
      return &Run<Square, T, T, 1>;
    case K::kCube:
      return &Run<Cube, T, T, 1>;
    case K::kRelu:
      return &Run<Relu, T, T, 1>;
    case K::kIsNan:
    case K::kIsInf:
      return &Run<False, T, bool, 1>;
    case K::kIsFinite:
      return &Run<True, T, bool, 1>;
    case K::kAdd:
      return &Run<Add, T, T, 2>;
    case K::kSub:
      return &Run<Sub, T, T, 2>;
    case K::kMul:
      return &Run<Mul, T, T, 2>;
    case K::kMaximum:
      return &Run<Maximum, T, T, 2>;
    case K::kMinimum:
      return &Run<Minimum, T, T, 2>;
    case K::kPow:
      return &Run<PowInteger, T, T, 2>;
    case K::kFmod:
      return &Run<FmodInteger, T, T, 2>;
    case K::kRemainder:
      return &Run<RemainderInteger, T, T, 2>;
    case K::kEq:
      return &Run<Eq, T, bool, 2>;
    case K::kNe:
      return &Run<Ne, T, bool, 2>;
    case K::kLt:
      return &Run<Lt, T, bool, 2>;
    case K::kLe:
      return &Run<Le, T, bool, 2>;
    case K::kGt:
      return &Run<Gt, T, bool, 2>;
    case K::kGe:
      return &Run<Ge, T, bool, 2>;
    case K::kAddScaled:
      return &Run<AddScaled, T, T, 3>;
    case K::kClamp:
      return &Run<Clamp, T, T, 3>;
    case K::kAddcmul:
      return &Run<Addcmul, T, T, 4>;
    default:
      return nullptr;
  }
}

// ---------------------------------------------------------------------- Bools

struct LogicalNot {
  static bool Apply(bool x) { return !x; }
};

struct LogicalAnd {
  static bool Apply(bool a, bool b) { return a && b; }
};

struct LogicalOr {
  static bool Apply(bool a, bool b) { return a || b; }
};

struct LogicalXor {
  static bool Apply(bool a, bool b) { return a != b; }
};

// a || s && b
struct AddScaledBool {
  static bool Apply(bool a, bool b, bool s) { return a || (s && b); }
};

ElementwiseLoop BoolLoop(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  switch (kernel) {
    case K::kLogicalNot:
      return &RunBools<LogicalNot, 1>;
    case K::kAbs:
    case K::kSign:
    case K::kSquare:
    case K::kCube:
      return &RunBools<Identity, 1>;
    case K::kIsNan:
    case K::kIsInf:
      return &RunBools<False, 1>;
    case K::kIsFinite:
      return &RunBools<True, 1>;
    case K::kAdd:
    case K::kMaximum:
    case K::kLogicalOr:
      return &RunBools<LogicalOr, 2>;
    case K::kMul:
    case K::kMinimum:
    case K::kLogicalAnd:
      return &RunBools<LogicalAnd, 2>;
    case K::kNe:
    case K::kLogicalXor:
      return &RunBools<LogicalXor, 2>;
    case K::kEq:
      return &RunBools<Eq, 2>;
    case K::kLt:
      return &RunBools<Lt, 2>;
    case K::kLe:
      return &RunBools<Le, 2>;
    case K::kGt:
      return &RunBools<Gt, 2>;
    case K::kGe:
      return &RunBools<Ge, 2>;
    case K::kAddScaled:
      return &RunBools<AddScaledBool, 3>;
    default:
      return nullptr;
  }
}

// --------------------------------------------------------------------- Floats

struct Pow {
  template <typename T>
  static T Apply(T base, T exponent) {
    return std::pow(base, exponent);
  }
};

struct PowBackward {
  template <typename T>
  static T Apply(T g, T base, T exponent) {
    if (exponent == T{0}) return 0;
    return g * (exponent * std::pow(base, exponent - 1));
  }
};

struct PowExponentBackward {
  template <typename T>
  static T Apply(T g, T base, T exponent, T power) {
    if (base == T{0} && exponent >= T{0}) return 0;
    return g * (power * std::log(base));
  }
};

struct Fmod {
  template <typename T>
  static T Apply(T a, T b) {
    return std::fmod(a, b);
  }
};

struct Remainder {
  template <typename T>
  static T Apply(T a, T b) {
    const T rest = std::fmod(a, b);
    if (rest == T{0} || (rest < T{0}) == (b < T{0})) return rest;
    return rest + b;
  }
};

struct Atan2 {
  template <typename T>
  static T Apply(T a, T b) {
    return std::atan2(a, b);
  }
};

struct Hypot {
  template <typename T>
  static T Apply(T a, T b) {
    return std::hypot(a, b);
  }
};

template <typename T>
ElementwiseLoop FloatLoop(ElementwiseKernel kernel) {
  using K = ElementwiseKernel;
  switch (kernel) {
    case K::kPow:
      return &Run<Pow, T, T, 2>;
    case K::kPowBackward:
      return &Run<PowBackward, T, T, 3>;
    case K::kPowExponentBackward:
      return &Run<PowExponentBackward, T, T, 4>;
    case K::kFmod:
      return &Run<Fmod, T, T, 2>;
    case K::kRemainder:
      return &Run<Remainder, T, T, 2>;
    case K::kAtan2:
      return &Run<Atan2, T, T, 2>;
    case K::kHypot:
      return &Run<Hypot, T, T, 2>;
    default:
      return nullptr;
  }
}

// ---------------------------------------------------------------------- Where

// Selects elements of the size of T, whatever they mean. kNumberA and kNumberB
// say which inputs are numbers.
template <typename T, bool kNumberA, bool kNumberB>
void Select(const uint8_t* condition, const T* a, const T* b, T* out,
            int64_t count) {
  const T first_a = *a;
  const T first_b = *b;
  for (int64_t i = 0; i < count; ++i) {
    const T from_a = kNumberA ? first_a : a[i];
    const T from_b = kNumberB ? first_b : b[i];
    out[i] = condition[i] != 0 ? from_a : from_b;
  }
}

template <typename T>
void Where(const LoopInput* inputs, void* out, int64_t count) {
  const auto* const condition = static_cast<const uint8_t*>(inputs[0].data);
  const auto* const a = static_cast<const T*>(inputs[1].data);
  const auto* const b = static_cast<const T*>(inputs[2].data);
  auto* const to = static_cast<T*>(out);
  if (count == 0) return;
  if (inputs[0].is_number) {
    const LoopInput& chosen = inputs[*condition != 0 ? 1 : 2];
    const auto* const from = static_cast<const T*>(chosen.data);
    if (chosen.is_number) {
      std::fill_n(to, count, *from);
    } else {
      std::memmove(to, from, static_cast<size_t>(count) * sizeof(T));
    }
    return;
  }
  if (inputs[1].is_number && inputs[2].is_number) {
    return Select<T, true, true>(condition, a, b, to, count);
  }
  if (inputs[1].is_number) {
    return Select<T, true, false>(condition, a, b, to, count);
  }
  if (inputs[2].is_number) {
    return Select<T, false, true>(condition, a, b, to, count);
  }
  Select<T, false, false>(condition, a, b, to, count);
}

ElementwiseLoop WhereLoop(uint64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return &Where<uint8_t>;
    case 2:
      return &Where<uint16_t>;
    case 4:
      return &Where<uint32_t>;
    case 8:
      return &Where<uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace

ElementwiseLoop PlainLoop(ElementwiseKernel kernel, DType dtype) {
  if (kernel == ElementwiseKernel::kWhere) {
    return WhereLoop(ElementSizeBytes(dtype));
  }
  switch (dtype) {
    case DType::kFloat32:
      return FloatLoop<float>(kernel);
    case DType::kFloat64:
      return FloatLoop<double>(kernel);
    case DType::kInt64:
      return IntegerLoop<int64_t>(kernel);
    case DType::kInt32:
      return IntegerLoop<int32_t>(kernel);
    case DType::kInt16:
      return IntegerLoop<int16_t>(kernel);
    case DType::kInt8:
      return IntegerLoop<int8_t>(kernel);
    case DType::kUInt64:
      return IntegerLoop<uint64_t>(kernel);
    case DType::kUInt32:
      return IntegerLoop<uint32_t>(kernel);
    case DType::kUInt16:
      return IntegerLoop<uint16_t>(kernel);
    case DType::kUInt8:
      return IntegerLoop<uint8_t>(kernel);
    case DType::kBool:
      return BoolLoop(kernel);
    default:
      return nullptr;
  }
}

}  // namespace kernels
}  // namespace v1
}  // namespace ferry
