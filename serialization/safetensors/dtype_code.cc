// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/dtype_code.h"

#include <iterator>

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

struct Row {
  absl::string_view code;
  std::optional<DType> dtype;
};

// In the library's order.
constexpr Row kRows[] = {
    {"BOOL", DType::kBool},
    {"F4", DType::kFloat4E2M1FNx2},
    {"F6_E2M3", std::nullopt},
    {"F6_E3M2", std::nullopt},
    {"U8", DType::kUInt8},
    {"I8", DType::kInt8},
    {"F8_E5M2", DType::kFloat8E5M2},
    {"F8_E4M3", DType::kFloat8E4M3FN},
    {"F8_E8M0", DType::kFloat8E8M0FNU},
    {"F8_E4M3FNUZ", DType::kFloat8E4M3FNUZ},
    {"F8_E5M2FNUZ", DType::kFloat8E5M2FNUZ},
    {"I16", DType::kInt16},
    {"U16", DType::kUInt16},
    {"F16", DType::kFloat16},
    {"BF16", DType::kBFloat16},
    {"I32", DType::kInt32},
    {"U32", DType::kUInt32},
    {"F32", DType::kFloat32},
    {"C64", DType::kComplex64},
    {"F64", DType::kFloat64},
    {"I64", DType::kInt64},
    {"U64", DType::kUInt64},
};

DTypeCode CodeAt(size_t row) {
  return {kRows[row].code, kRows[row].dtype, static_cast<int>(row)};
}

}  // namespace

std::optional<DTypeCode> FindCode(absl::string_view code) {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].code == code) return CodeAt(i);
  }
  return std::nullopt;
}

std::optional<DTypeCode> CodeOf(DType dtype) {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].dtype == dtype) return CodeAt(i);
  }
  return std::nullopt;
}

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
