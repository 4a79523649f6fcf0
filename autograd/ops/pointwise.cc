// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/autograd/ops/pointwise.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/autograd/ops/copies.h"
#include "ferry/autograd/ops/elementwise.h"
#include "ferry/autograd/ops/functions.h"
#include "ferry/autograd/ops/op.h"
#include "ferry/autograd/ops/promotion.h"
#include "ferry/core/dtype.h"
#include "ferry/core/factories.h"
#include "ferry/core/parallel.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/strided.h"
#include "ferry/core/strided_copies.h"
#include "ferry/core/strided_views.h"

namespace ferry {
inline namespace v1 {
namespace pointwise {
namespace {

// The dtype to compute in: float64 for itself, else float32.
DType ComputeIn(DType dtype) {
  return dtype == DType::kFloat64 ? dtype : DType::kFloat32;
}

// Calls `body(i)` for each element, on several threads.
template <typename Body>
void ForEachElement(int64_t count, Body body) {
  ParallelFor(0, count, kElementsPerThread / 4,
              [&body](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) body(i);
              });
}

// The input as a contiguous tensor of this shape and dtype.
absl::StatusOr<Tensor> Spread(const Input& input,
                              absl::Span<const int64_t> shape, DType dtype) {
  if (input.is_number()) {
    return Full(shape, input.number(), TensorOptions().dtype(dtype));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor expanded,
                         strided::Expand(input.tensor(), shape));
  FERRY_ASSIGN_OR_RETURN(const Tensor cast, strided::Cast(expanded, dtype));
  return strided::Contiguous(cast);
}

// Computes function(x, p), or function(a, b, p), where p is the first number
// among the attributes. The function takes numbers of one type, float or
// double.
template <typename Function>
absl::StatusOr<Outputs> Compute(const Call& call, Function function) {
  FERRY_ASSIGN_OR_RETURN(const Dimensions shape, BroadcastShape(call.inputs()));
  const DType dtype = PromotedFloatDType(call.inputs());
  const DType compute = ComputeIn(dtype);
  FERRY_ASSIGN_OR_RETURN(const Tensor a, Spread(call[0], shape, compute));
  Tensor b;
  if (call.size() > 1) {
    FERRY_ASSIGN_OR_RETURN(b, Spread(call[1], shape, compute));
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor result,
                         Empty(shape, TensorOptions().dtype(compute)));
  const auto run = [&](auto number) {
    using T = decltype(number);
    const T* const x = static_cast<const T*>(a.data());
    const T* const y = b.is_null() ? x : static_cast<const T*>(b.data());
    T* const to = static_cast<T*>(result.data());
    const T p = static_cast<T>(call.attributes().numbers[0]);
    ForEachElement(result.num_elements(),
                   [=](int64_t i) { to[i] = function(x[i], y[i], p); });
  };
  if (compute == DType::kFloat64) {
    run(double{0});
  } else {
    run(float{0});
  }
  return AsOutputs(strided::Cast(result, dtype));
}

constexpr uint32_t kDTypes = kFloats | kNumbers;

constexpr Op kDivideOrZero = {
    "DivideOrZero",
    [](const Call& call) {
      return Compute(call, [](auto a, auto b, auto) {
        using T = decltype(a);
        return b == T{0} ? T{0} : a / b;
      });
    },
    {UsesInput(1), UsesInput(1) | UsesOutput()},
    [](Derivative& d) {
      if (d.Needs(0)) d.Set(0, DivideOrZero(d.gradient(), d.input(1)));
      if (d.Needs(1)) {
        d.Set(1, -DivideOrZero(d.gradient() * d.output(), d.input(1)));
      }
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kDTypes,
    nullptr,
    "",
    ""};

// |x|^p, or sign(x) * |x|^p if the flag is set. The derivative of either is p
// times the other one of p - 1.
constexpr Op kPow = {
    "AbsPow",
    [](const Call& call) {
      if (!call.attributes().flag) {
        return Compute(call, [](auto x, auto, auto p) {
          return std::pow(std::abs(x), p);
        });
      }
      return Compute(call, [](auto x, auto, auto p) {
        using T = decltype(x);
        if (x == 0) return T{0};
        const T power = std::pow(std::abs(x), p);
        return x < 0 ? -power : power;
      });
    },
    {UsesInput(0)},
    [](Derivative& d) {
      const double p = d.attributes().numbers[0];
      if (p == 0) {
        // Not a product with 0, which is NaN for infinities and NaN.
        const Tensor& gradient = d.gradient();
        d.Set(0,
              Zeros(gradient.shape(), TensorOptions().dtype(gradient.dtype())));
        return absl::OkStatus();
      }
      const absl::StatusOr<Tensor> slope = d.attributes().flag
                                               ? AbsPow(d.input(0), p - 1)
                                               : SignedPow(d.input(0), p - 1);
      d.Set(0, d.gradient() * slope * p);
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kDTypes,
    nullptr,
    "",
    ""};

// The second derivative of SmoothAbs.
constexpr Op kSmoothCurvature = {
    "SmoothCurvature",
    [](const Call& call) {
      return Compute(call, [](auto x, auto, auto beta) {
        using T = decltype(x);
        return std::abs(x) < beta ? 1 / beta : T{0};
      });
    },
    {},
    nullptr,
    OpKind::kOrdinary,
    kDTypes,
    nullptr,
    "",
    ""};

// The first derivative of SmoothAbs.
constexpr Op kSmoothSlope = {
    "SmoothSlope",
    [](const Call& call) {
      return Compute(call, [](auto x, auto, auto beta) {
        using T = decltype(x);
        if (std::abs(x) < beta) return x / beta;
        return x > 0 ? T{1} : x < 0 ? T{-1} : x;
      });
    },
    {UsesInput(0)},
    [](Derivative& d) {
      const Operand x = d.input(0);
      d.Set(0, d.gradient() * Apply(kSmoothCurvature, {&x}, d.attributes()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kDTypes,
    nullptr,
    "",
    ""};

constexpr Op kSmoothAbs = {
    "SmoothAbs",
    [](const Call& call) {
      return Compute(call, [](auto x, auto, auto beta) {
        using T = decltype(x);
        const T size = std::abs(x);
        return size < beta ? T{0.5} * x * x / beta : size - T{0.5} * beta;
      });
    },
    {UsesInput(0)},
    [](Derivative& d) {
      const Operand x = d.input(0);
      d.Set(0, d.gradient() * Apply(kSmoothSlope, {&x}, d.attributes()));
      return absl::OkStatus();
    },
    OpKind::kOrdinary,
    kDTypes,
    nullptr,
    "",
    ""};

Attributes WithNumber(double number, bool flag = false) {
  Attributes attributes;
  attributes.numbers[0] = number;
  attributes.flag = flag;
  return attributes;
}

}  // namespace

absl::StatusOr<Tensor> Wide(const Operand& x) {
  FERRY_RETURN_IF_ERROR(x.status());
  if (x.is_number()) {
    return absl::InvalidArgumentError("the op takes tensors only");
  }
  const Tensor& tensor = x.tensor();
  if (tensor.is_null() || (tensor.dtype() != DType::kFloat16 &&
                           tensor.dtype() != DType::kBFloat16)) {
    return tensor;
  }
  return Cast(x, DType::kFloat32);
}

absl::StatusOr<Tensor> DivideOrZero(const Operand& a, const Operand& b) {
  return Apply(kDivideOrZero, {&a, &b});
}

absl::StatusOr<Tensor> EqualMask(const Operand& a, const Operand& b) {
  FERRY_RETURN_IF_ERROR(a.status());
  return Cast(Eq(a, b), a.tensor().dtype());
}

absl::StatusOr<Tensor> ExpOfDifference(const Operand& a, const Operand& b) {
  return Exp(a - b);
}

// Powers that have functions of their own are faster.
absl::StatusOr<Tensor> AbsPow(const Operand& x, double p) {
  if (p == 1) return Abs(x);
  if (p == 2) return Square(x);
  return Apply(kPow, {&x}, WithNumber(p));
}

absl::StatusOr<Tensor> SignedPow(const Operand& x, double p) {
  if (p == 0) return Sign(x);
  if (p == 1) return x * 1.0;
  return Apply(kPow, {&x}, WithNumber(p, /*flag=*/true));
}

absl::StatusOr<Tensor> LogOfSigmoid(const Operand& x) {
  // From 40 on, log(1 + exp(x)) is x in float64.
  return -Softplus(-x, 1, 40);
}

absl::StatusOr<Tensor> SmoothAbs(const Operand& x, double beta) {
  return Apply(kSmoothAbs, {&x}, WithNumber(beta));
}

}  // namespace pointwise
}  // namespace v1
}  // namespace ferry
