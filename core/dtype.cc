// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/dtype.h"

#include <cstddef>

namespace ferry {
inline namespace v1 {
namespace {

struct DTypeRow {
  DType dtype;
  const char* name;
  const char* alias;  // PyTorch's other name for it, or null
  uint8_t size_bytes;
  uint8_t elements_per_unit;
  DTypeCategory category;
};

constexpr DTypeCategory kF = DTypeCategory::kFloat;
constexpr DTypeCategory kC = DTypeCategory::kComplex;
constexpr DTypeCategory kS = DTypeCategory::kSignedInt;
constexpr DTypeCategory kU = DTypeCategory::kUnsignedInt;
constexpr DTypeCategory kQ = DTypeCategory::kQuantized;
constexpr DTypeCategory kB = DTypeCategory::kBits;

// One row per enumerator, in its order (a static_assert below holds it so).
constexpr DTypeRow kRows[] = {
    {DType::kFloat64, "float64", "double", 8, 1, kF},
    {DType::kFloat32, "float32", "float", 4, 1, kF},
    {DType::kFloat16, "float16", "half", 2, 1, kF},
    {DType::kBFloat16, "bfloat16", nullptr, 2, 1, kF},
    {DType::kComplex128, "complex128", "cdouble", 16, 1, kC},
    {DType::kComplex64, "complex64", "cfloat", 8, 1, kC},
    {DType::kComplex32, "complex32", "chalf", 4, 1, kC},
    {DType::kBComplex32, "bcomplex32", nullptr, 4, 1, kC},
    {DType::kInt64, "int64", "long", 8, 1, kS},
    {DType::kInt32, "int32", "int", 4, 1, kS},
    {DType::kInt16, "int16", "short", 2, 1, kS},
    {DType::kInt8, "int8", nullptr, 1, 1, kS},
    {DType::kUInt64, "uint64", nullptr, 8, 1, kU},
    {DType::kUInt32, "uint32", nullptr, 4, 1, kU},
    {DType::kUInt16, "uint16", nullptr, 2, 1, kU},
    {DType::kUInt8, "uint8", nullptr, 1, 1, kU},
    {DType::kBool, "bool", nullptr, 1, 1, DTypeCategory::kBool},
    {DType::kFloat8E5M2, "float8_e5m2", nullptr, 1, 1, kF},
    {DType::kFloat8E4M3FN, "float8_e4m3fn", nullptr, 1, 1, kF},
    {DType::kFloat8E5M2FNUZ, "float8_e5m2fnuz", nullptr, 1, 1, kF},
    {DType::kFloat8E4M3FNUZ, "float8_e4m3fnuz", nullptr, 1, 1, kF},
    {DType::kFloat8E8M0FNU, "float8_e8m0fnu", nullptr, 1, 1, kF},
    {DType::kFloat4E2M1FNx2, "float4_e2m1fn_x2", nullptr, 1, 1, kF},
    {DType::kQInt8, "qint8", nullptr, 1, 1, kQ},
    {DType::kQUInt8, "quint8", nullptr, 1, 1, kQ},
    {DType::kQInt32, "qint32", nullptr, 4, 1, kQ},
    {DType::kQUInt4x2, "quint4x2", nullptr, 1, 2, kQ},
    {DType::kQUInt2x4, "quint2x4", nullptr, 1, 4, kQ},
    {DType::kBits1x8, "bits1x8", nullptr, 1, 1, kB},
    {DType::kBits2x4, "bits2x4", nullptr, 1, 1, kB},
    {DType::kBits4x2, "bits4x2", nullptr, 1, 1, kB},
    {DType::kBits8, "bits8", nullptr, 1, 1, kB},
    {DType::kBits16, "bits16", nullptr, 2, 1, kB},
    {DType::kInt1, "int1", nullptr, 1, 1, kS},
    {DType::kInt2, "int2", nullptr, 1, 1, kS},
    {DType::kInt3, "int3", nullptr, 1, 1, kS},
    {DType::kInt4, "int4", nullptr, 1, 1, kS},
    {DType::kInt5, "int5", nullptr, 1, 1, kS},
    {DType::kInt6, "int6", nullptr, 1, 1, kS},
    {DType::kInt7, "int7", nullptr, 1, 1, kS},
    {DType::kUInt1, "uint1", nullptr, 1, 1, kU},
    {DType::kUInt2, "uint2", nullptr, 1, 1, kU},
    {DType::kUInt3, "uint3", nullptr, 1, 1, kU},
    {DType::kUInt4, "uint4", nullptr, 1, 1, kU},
    {DType::kUInt5, "uint5", nullptr, 1, 1, kU},
    {DType::kUInt6, "uint6", nullptr, 1, 1, kU},
    {DType::kUInt7, "uint7", nullptr, 1, 1, kU},
};

constexpr size_t kCount = sizeof(kRows) / sizeof(kRows[0]);

constexpr bool RowsAreInOrder() {
  for (size_t i = 0; i < kCount; ++i) {
    if (static_cast<size_t>(kRows[i].dtype) != i) return false;
  }
  return true;
}
static_assert(RowsAreInOrder(), "kRows must follow the order of DType");
static_assert(kCount == static_cast<size_t>(DType::kUInt7) + 1,
              "kRows must have a row for every DType");

const DTypeRow& Row(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }

struct DTypeList {
  DType dtypes[kCount];
};

constexpr DTypeList MakeDTypeList() {
  DTypeList list{};
  for (size_t i = 0; i < kCount; ++i) list.dtypes[i] = kRows[i].dtype;
  return list;
}

constexpr DTypeList kAll = MakeDTypeList();

}  // namespace

absl::string_view Name(DType dtype) { return Row(dtype).name; }

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (const DTypeRow& row : kRows) {
    if (name == row.name || (row.alias != nullptr && name == row.alias)) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

uint64_t ElementSizeBytes(DType dtype) { return Row(dtype).size_bytes; }

uint64_t ElementsPerUnit(DType dtype) { return Row(dtype).elements_per_unit; }

DTypeCategory Category(DType dtype) { return Row(dtype).category; }

uint64_t ByteOrderUnitBytes(DType dtype) {
  const uint64_t size = ElementSizeBytes(dtype);
  return Category(dtype) == DTypeCategory::kComplex ? size / 2 : size;
}

absl::Span<const DType> AllDTypes() { return kAll.dtypes; }

}  // namespace v1
}  // namespace ferry
