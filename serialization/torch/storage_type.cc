// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/storage_type.h"

namespace ferry {
namespace torch_format {
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

}  // namespace

std::optional<StorageType> StorageTypeFromClass(absl::string_view class_name) {
  // 1.11 and 1.12 wrote the name with an underscore.
  if (class_name == "UntypedStorage" || class_name == "_UntypedStorage") {
    return StorageType{DType::kUInt8, true};
  }
  for (const Row& row : kRows) {
    if (class_name == row.name) return StorageType{row.dtype, false};
  }
  return std::nullopt;
}

std::optional<absl::string_view> StorageClassOf(DType dtype) {
  for (const Row& row : kRows) {
    if (dtype == row.dtype) return row.name;
  }
  return std::nullopt;
}

}  // namespace torch_format
}  // namespace ferry
