// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/storage_type.h"

#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

struct Row {
  const char* name;
  DType dtype;
};

constexpr Row kRows[] = {
    {"DoubleStorage", DType::kFloat64},
    {"FloatStorage", DType::kFloat32},
    {"HalfStorage", DType::kFloat16},
    {"BFloat16Storage", DType::kBFloat16},
    {"LongStorage", DType::kInt64},
    {"IntStorage", DType::kInt32},
    {"ShortStorage", DType::kInt16},
    {"CharStorage", DType::kInt8},
    {"ByteStorage", DType::kUInt8},
    {"BoolStorage", DType::kBool},
    {"ComplexDoubleStorage", DType::kComplex128},
    {"ComplexFloatStorage", DType::kComplex64},
    {"QInt8Storage", DType::kQInt8},
    {"QUInt8Storage", DType::kQUInt8},
    {"QInt32Storage", DType::kQInt32},
    {"QUInt4x2Storage", DType::kQUInt4x2},
    {"QUInt2x4Storage", DType::kQUInt2x4},
};

// What C++ calls the storages of dtypes that Python keeps in an UntypedStorage
// (c10/core/ScalarType.h, `toString`, and "Storage").
constexpr Row kLibtorchRows[] = {
    {"ComplexHalfStorage", DType::kComplex32},
    {"UInt16Storage", DType::kUInt16},
    {"UInt32Storage", DType::kUInt32},
    {"UInt64Storage", DType::kUInt64},
    {"Float8_e5m2Storage", DType::kFloat8E5M2},
    {"Float8_e4m3fnStorage", DType::kFloat8E4M3FN},
    {"Float8_e5m2fnuzStorage", DType::kFloat8E5M2FNUZ},
    {"Float8_e4m3fnuzStorage", DType::kFloat8E4M3FNUZ},
    {"Float8_e8m0fnuStorage", DType::kFloat8E8M0FNU},
    {"Float4_e2m1fn_x2Storage", DType::kFloat4E2M1FNx2},
    {"Bits1x8Storage", DType::kBits1x8},
    {"Bits2x4Storage", DType::kBits2x4},
    {"Bits4x2Storage", DType::kBits4x2},
    {"Bits8Storage", DType::kBits8},
    {"Bits16Storage", DType::kBits16},
};

absl::string_view NameIn(absl::Span<const Row> rows, DType dtype) {
  for (const Row& row : rows) {
    if (dtype == row.dtype) return row.name;
  }
  return absl::string_view();
}

}  // namespace

std::optional<StorageType> StorageTypeFromClass(absl::string_view class_name) {
  // 1.11 and 1.12 wrote the name with an underscore.
  if (class_name == "UntypedStorage" || class_name == "_UntypedStorage") {
    return StorageType{DType::kUInt8, true};
  }
  for (const absl::Span<const Row> rows :
       {absl::MakeConstSpan(kRows), absl::MakeConstSpan(kLibtorchRows)}) {
    for (const Row& row : rows) {
      if (class_name == row.name) return StorageType{row.dtype, false};
    }
  }
  return std::nullopt;
}

std::optional<absl::string_view> StorageClassOf(DType dtype) {
  const absl::string_view name = NameIn(kRows, dtype);
  if (name.empty()) return std::nullopt;
  return name;
}

absl::string_view LibtorchStorageClassOf(DType dtype) {
  return NameIn(kLibtorchRows, dtype);
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
