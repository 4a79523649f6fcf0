// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/conj_neg.h"

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
namespace {

template <typename T>
void NegateIntegers(char* bytes, size_t size) {
  for (size_t i = 0; i < size; i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes + i, sizeof(T));
    value = static_cast<T>(T{0} - value);
    std::memcpy(bytes + i, &value, sizeof(T));
  }
}

// Flips the sign bit of the last byte of every `step_bytes` bytes.
void FlipSigns(char* bytes, size_t size, uint64_t step_bytes) {
  for (size_t i = step_bytes - 1; i < size; i += step_bytes) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x80);
  }
}

}  // namespace

absl::Status CheckConjNeg(DType dtype, bool /*conj*/, bool neg) {
  if (!neg) return absl::OkStatus();
  switch (dtype) {
    case DType::kFloat64:
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kComplex128:
    case DType::kComplex64:
    case DType::kComplex32:
    case DType::kBComplex32:
    case DType::kInt64:
    case DType::kInt32:
    case DType::kInt16:
    case DType::kInt8:
    case DType::kUInt64:
    case DType::kUInt32:
    case DType::kUInt16:
    case DType::kUInt8:
      return absl::OkStatus();
    default:
      return absl::UnimplementedError(
          absl::StrCat(Name(dtype), " elements cannot be negated"));
  }
}

void ApplyConjNeg(DType dtype, bool conj, bool neg, void* elements,
                  int64_t count) {
  auto* const bytes = static_cast<char*>(elements);
  const size_t size = static_cast<size_t>(count) * ElementSizeBytes(dtype);
  const uint64_t unit_bytes = ByteOrderUnitBytes(dtype);
  if (conj) FlipSigns(bytes, size, 2 * unit_bytes);
  if (!neg) return;
  if (!IsInteger(dtype)) {
    FlipSigns(bytes, size, unit_bytes);
    return;
  }
  switch (unit_bytes) {
    case 1:
      return NegateIntegers<uint8_t>(bytes, size);
    case 2:
      return NegateIntegers<uint16_t>(bytes, size);
    case 4:
      return NegateIntegers<uint32_t>(bytes, size);
    default:
      return NegateIntegers<uint64_t>(bytes, size);
  }
}

}  // namespace v1
}  // namespace ferry
