// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/cast_elements.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/cast_kernels.h"

namespace ferry {
inline namespace v1 {
namespace {

// How many elements go through all kernels at a time. The values between two
// kernels are in a buffer, which is so small that it stays in the first cache.
constexpr int64_t kBlockElements = 512;
constexpr int64_t kMaxElementBytes = 16;

struct Stage {
  CastKernel kernel;
  // 2 if the kernel runs over both parts of complex numbers, or else 1.
  int64_t values_per_element;
};

using Stages = absl::InlinedVector<Stage, 6>;

// A complex128 is two values of 8 bytes. The narrower complex types can be seen
// as integers with the real part in the low half, for which there are kernels.

void Complex128ToReal(const void* from, void* to, int64_t count) {
  const auto* in = static_cast<const char*>(from);
  auto* out = static_cast<char*>(to);
  for (int64_t i = 0; i < count; ++i) std::memcpy(out + 8 * i, in + 16 * i, 8);
}

void RealToComplex128(const void* from, void* to, int64_t count) {
  const auto* in = static_cast<const char*>(from);
  auto* out = static_cast<char*>(to);
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out + 16 * i, in + 8 * i, 8);
    std::memset(out + 16 * i + 8, 0, 8);
  }
}

CastKernel ComplexToRealKernel(DType part) {
  switch (ElementSizeBytes(part)) {
    case 2:
      return NarrowKernel(DType::kUInt16);
    case 4:
      return ConvertKernel(WideType::kInt64, WideType::kInt32);
    default:
      return &Complex128ToReal;
  }
}

CastKernel RealToComplexKernel(DType part) {
  switch (ElementSizeBytes(part)) {
    case 2:
      return WidenKernel(DType::kUInt16);
    case 4:
      return WidenKernel(DType::kUInt32);
    default:
      return &RealToComplex128;
  }
}

bool IsComplex(DType dtype) {
  return Category(dtype) == DTypeCategory::kComplex;
}

// Returns the dtype of the parts of a complex dtype, or else the dtype itself.
DType PartOf(DType dtype) {
  switch (dtype) {
    case DType::kComplex128:
      return DType::kFloat64;
    case DType::kComplex64:
      return DType::kFloat32;
    case DType::kComplex32:
      return DType::kFloat16;
    case DType::kBComplex32:
      return DType::kBFloat16;
    default:
      return dtype;
  }
}

// Returns the type that WidenKernel leads to.
WideType WideTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return WideType::kFloat64;
    case DType::kInt64:
    case DType::kUInt32:
      return WideType::kInt64;
    case DType::kUInt64:
      return WideType::kUInt64;
    default:
      return Category(dtype) == DTypeCategory::kFloat ? WideType::kFloat32
                                                      : WideType::kInt32;
  }
}

// Appends the kernels of a cast between dtypes that are not complex.
class StageBuilder {
 public:
  StageBuilder(DType from, DType to, int64_t values_per_element, Stages* stages)
      : from_(from),
        to_(to),
        values_per_element_(values_per_element),
        wide_(WideTypeOf(from)),
        stages_(stages) {}

  void Build() {
    if (from_ == to_) return;
    if (IsInteger(from_) && IsInteger(to_) &&
        ElementSizeBytes(from_) == ElementSizeBytes(to_)) {
      return;
    }
    if (const CastKernel direct = DirectKernel(from_, to_)) {
      Add(direct);
      return;
    }
    const bool is_float = Category(from_) == DTypeCategory::kFloat;
    Add(WidenKernel(from_));
    if (to_ == DType::kBool) {
      Add(BoolKernel(wide_));
      return;
    }
    if (to_ == DType::kFloat64) {
      Convert(WideType::kFloat64);
    } else if (Category(to_) == DTypeCategory::kFloat) {
      Convert(WideType::kFloat32);
    } else if (is_float) {
      FloatToInteger();
    } else if (ElementSizeBytes(to_) == 8) {
      Convert(WideType::kInt64);
    } else {
      if (wide_ == WideType::kUInt64) wide_ = WideType::kInt64;
      Convert(WideType::kInt32);
    }
    Add(NarrowKernel(to_));
  }

 private:
  void FloatToInteger() {
    switch (to_) {
      case DType::kInt64:
        Convert(WideType::kFloat64);
        Convert(WideType::kInt64);
        return;
      case DType::kUInt64:
        Convert(WideType::kFloat64);
        Convert(WideType::kUInt64);
        return;
      case DType::kUInt32:
      case DType::kUInt8:
        Convert(WideType::kFloat64);
        Convert(WideType::kInt64);
        Convert(WideType::kInt32);
        return;
      default:
        Convert(WideType::kInt32);
    }
  }

  void Convert(WideType to) {
    Add(ConvertKernel(wide_, to));
    wide_ = to;
  }

  void Add(CastKernel kernel) {
    if (kernel != nullptr) stages_->push_back({kernel, values_per_element_});
  }

  const DType from_;
  const DType to_;
  const int64_t values_per_element_;
  WideType wide_;
  Stages* const stages_;
};

Stages StagesOf(DType from, DType to) {
  Stages stages;
  const DType from_part = PartOf(from);
  const DType to_part = PartOf(to);
  if (IsComplex(from) && IsComplex(to)) {
    StageBuilder(from_part, to_part, 2, &stages).Build();
  } else if (IsComplex(from) && to == DType::kBool) {
    StageBuilder(from_part, DType::kBool, 2, &stages).Build();
    stages.push_back({EitherKernel(), 1});
  } else {
    if (IsComplex(from)) stages.push_back({ComplexToRealKernel(from_part), 1});
    StageBuilder(from_part, to_part, 1, &stages).Build();
    if (IsComplex(to)) stages.push_back({RealToComplexKernel(to_part), 1});
  }
  return stages;
}

bool HasCasts(DType dtype) {
  switch (Category(dtype)) {
    case DTypeCategory::kFloat:
      return dtype != DType::kFloat4E2M1FNx2;
    case DTypeCategory::kComplex:
    case DTypeCategory::kBool:
      return true;
    case DTypeCategory::kSignedInt:
    case DTypeCategory::kUnsignedInt:
      return dtype <= DType::kUInt8;
    default:
      return false;
  }
}

}  // namespace

absl::Status CheckCast(DType from, DType to) {
  if (HasCasts(from) && HasCasts(to)) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "cannot cast from ", Name(from), " to ", Name(to), ": ",
      Name(HasCasts(from) ? to : from), " has no casts in PyTorch either"));
}

void CastElements(const void* from, DType from_dtype, void* to, DType to_dtype,
                  int64_t count) {
  const auto* in = static_cast<const char*>(from);
  auto* out = static_cast<char*>(to);
  const auto from_bytes = static_cast<int64_t>(ElementSizeBytes(from_dtype));
  const auto to_bytes = static_cast<int64_t>(ElementSizeBytes(to_dtype));
  const Stages stages = StagesOf(from_dtype, to_dtype);
  if (stages.empty()) {
    if (count > 0) std::memcpy(out, in, static_cast<size_t>(count * to_bytes));
    return;
  }
  if (stages.size() == 1) {
    stages[0].kernel(in, out, count * stages[0].values_per_element);
    return;
  }
  alignas(64) char buffers[2][kBlockElements * kMaxElementBytes];
  for (int64_t i = 0; i < count; i += kBlockElements) {
    const int64_t block = std::min(kBlockElements, count - i);
    const char* values = in + i * from_bytes;
    for (size_t s = 0; s < stages.size(); ++s) {
      const bool is_last = s + 1 == stages.size();
      char* const next = is_last ? out + i * to_bytes : buffers[s % 2];
      stages[s].kernel(values, next, block * stages[s].values_per_element);
      values = next;
    }
  }
}

}  // namespace v1
}  // namespace ferry
