// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/factories.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/cast_elements.h"
#include "ferry/core/parallel.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

// A thread fills at least so many bytes.
constexpr int64_t kParallelBytes = int64_t{256} << 10;

constexpr int64_t kBlockElements = 1024;

// The dtype of PyTorch's result where none is asked for.
DType DefaultDType(const Scalar& value) {
  switch (value.dtype()) {
    case DType::kFloat64:
      return DType::kFloat32;
    case DType::kComplex128:
      return DType::kComplex64;
    default:
      return value.dtype();
  }
}

// Repeats the first `element_bytes` of `data` until `size` bytes are filled.
void Repeat(char* data, size_t element_bytes, size_t size) {
  size_t filled = std::min(size, element_bytes);
  while (filled < size) {
    const size_t piece = std::min({filled, size - filled, size_t{64} << 10});
    std::memcpy(data + filled, data, piece);
    filled += piece;
  }
}

absl::Status CheckHoldsNumbers(DType dtype) {
  return CheckCast(DType::kFloat64, dtype);
}

}  // namespace

absl::StatusOr<Tensor> Empty(absl::Span<const int64_t> shape,
                             const TensorOptions& options) {
  const DType dtype = options.dtype().value_or(DType::kFloat32);
  if (ElementsPerUnit(dtype) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot make ", WithArticle(Name(dtype)),
        " tensor, since the dtype packs several elements into a byte"));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, shape));
  if (options.requires_grad()) {
    FERRY_RETURN_IF_ERROR(tensor.SetRequiresGrad(true));
  }
  return tensor;
}

absl::StatusOr<Tensor> Zeros(absl::Span<const int64_t> shape,
                             const TensorOptions& options) {
  return Full(shape, 0.0, options);
}

absl::StatusOr<Tensor> Ones(absl::Span<const int64_t> shape,
                            const TensorOptions& options) {
  return Full(shape, 1.0, options);
}

absl::StatusOr<Tensor> Full(absl::Span<const int64_t> shape, Scalar value,
                            const TensorOptions& options) {
  TensorOptions all = options;
  if (!all.dtype().has_value()) all.dtype(DefaultDType(value));
  const DType dtype = *all.dtype();
  FERRY_RETURN_IF_ERROR(CheckHoldsNumbers(dtype));
  const size_t element_bytes = ElementSizeBytes(dtype);
  char element[16];
  FERRY_RETURN_IF_ERROR(value.Convert(dtype, element));
  const bool is_zero = std::all_of(element, element + element_bytes,
                                   [](char byte) { return byte == 0; });
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, Empty(shape, all));
  auto* const data = static_cast<char*>(tensor.data());
  ParallelFor(
      0, tensor.num_elements(),
      kParallelBytes / static_cast<int64_t>(element_bytes),
      [&](int64_t begin, int64_t end) {
        char* const first = data + static_cast<size_t>(begin) * element_bytes;
        const size_t bytes = static_cast<size_t>(end - begin) * element_bytes;
        // Takes half the time, since it reads nothing.
        if (is_zero) {
          std::memset(first, 0, bytes);
          return;
        }
        std::memcpy(first, element, element_bytes);
        Repeat(first, element_bytes, bytes);
      });
  return tensor;
}

absl::StatusOr<Tensor> Arange(Scalar start, Scalar end, Scalar step,
                              const TensorOptions& options) {
  double first = 0;
  double last = 0;
  double distance = 0;
  for (const auto& [scalar, number] :
       {std::pair(&start, &first), {&end, &last}, {&step, &distance}}) {
    if (!IsInteger(scalar->dtype()) && scalar->dtype() != DType::kFloat64) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a range consists of real numbers, not of ", scalar->ToString()));
    }
    FERRY_ASSIGN_OR_RETURN(*number, scalar->To<double>());
  }
  const auto invalid = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no range from ", start.ToString(), " to ",
                     end.ToString(), " in steps of ", step.ToString()));
  };
  const bool has_integers = IsInteger(start.dtype()) &&
                            IsInteger(end.dtype()) && IsInteger(step.dtype());
  TensorOptions all = options;
  if (!all.dtype().has_value()) {
    all.dtype(has_integers ? DType::kInt64 : DType::kFloat32);
  }
  const DType dtype = *all.dtype();
  FERRY_RETURN_IF_ERROR(CheckHoldsNumbers(dtype));
  if (!std::isfinite(first) || !std::isfinite(last) ||
      !std::isfinite(distance) || distance == 0 ||
      (distance > 0 ? last < first : last > first)) {
    return invalid();
  }
  const double steps = std::ceil((last - first) / distance);
  if (!(steps < std::ldexp(1.0, 62))) return invalid();
  int64_t count = static_cast<int64_t>(steps);
  const bool in_integers = has_integers && IsInteger(dtype);
  int64_t whole_first = 0;
  int64_t whole_step = 0;
  if (in_integers) {
    FERRY_ASSIGN_OR_RETURN(whole_first, start.To<int64_t>());
    FERRY_ASSIGN_OR_RETURN(const int64_t whole_last, end.To<int64_t>());
    FERRY_ASSIGN_OR_RETURN(whole_step, step.To<int64_t>());
    if (whole_step > 0 ? whole_last < whole_first : whole_last > whole_first) {
      return invalid();
    }
    // Exact, also where a double is not: unsigned, since the distance may
    // exceed an int64_t.
    const uint64_t length = whole_step > 0
                                ? static_cast<uint64_t>(whole_last) -
                                      static_cast<uint64_t>(whole_first)
                                : static_cast<uint64_t>(whole_first) -
                                      static_cast<uint64_t>(whole_last);
    const uint64_t size = whole_step > 0
                              ? static_cast<uint64_t>(whole_step)
                              : uint64_t{0} - static_cast<uint64_t>(whole_step);
    count = static_cast<int64_t>(length / size + (length % size != 0 ? 1 : 0));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor tensor, Empty({count}, all));
  const size_t element_bytes = ElementSizeBytes(dtype);
  auto* const data = static_cast<char*>(tensor.data());
  ParallelFor(0, count, 32 * kBlockElements, [&](int64_t begin, int64_t stop) {
    int64_t whole[kBlockElements];
    double real[kBlockElements];
    for (int64_t i = begin; i < stop; i += kBlockElements) {
      const int64_t size = std::min(kBlockElements, stop - i);
      char* const to = data + static_cast<size_t>(i) * element_bytes;
      if (in_integers) {
        for (int64_t j = 0; j < size; ++j) {
          // Unsigned, since the product may exceed an int64_t.
          whole[j] = static_cast<int64_t>(
              static_cast<uint64_t>(whole_first) +
              static_cast<uint64_t>(i + j) * static_cast<uint64_t>(whole_step));
        }
        CastElements(whole, DType::kInt64, to, dtype, size);
      } else {
        for (int64_t j = 0; j < size; ++j) {
          real[j] = first + static_cast<double>(i + j) * distance;
        }
        CastElements(real, DType::kFloat64, to, dtype, size);
      }
    }
  });
  return tensor;
}

}  // namespace v1
}  // namespace ferry
