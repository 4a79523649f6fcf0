// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/dtype.h
// -----------------------------------------------------------------------------
//
// Element types: all those of PyTorch 2.14, with their names, sizes and
// categories.
//
// Example:
//
//   std::optional<DType> dtype = DTypeFromName("bfloat16");
//   ElementSizeBytes(*dtype);  // 2
//   Category(*dtype);          // DTypeCategory::kFloat
#ifndef FERRY_CORE_DTYPE_H_
#define FERRY_CORE_DTYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {

// DType
//
// The numeric values are Ferry's own and are not written to any file.
enum class DType : uint8_t {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kComplex128,
  kComplex64,
  kComplex32,
  kBComplex32,  // two bfloat16
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUInt64,
  kUInt32,
  kUInt16,
  kUInt8,
  kBool,
  kFloat8E5M2,
  kFloat8E4M3FN,
  kFloat8E5M2FNUZ,
  kFloat8E4M3FNUZ,
  kFloat8E8M0FNU,
  kFloat4E2M1FNx2,
  kQInt8,
  kQUInt8,
  kQInt32,
  kQUInt4x2,
  kQUInt2x4,
  kBits1x8,
  kBits2x4,
  kBits4x2,
  kBits8,
  kBits16,
  kInt1,
  kInt2,
  kInt3,
  kInt4,
  kInt5,
  kInt6,
  kInt7,
  kUInt1,
  kUInt2,
  kUInt3,
  kUInt4,
  kUInt5,
  kUInt6,
  kUInt7,
};

enum class DTypeCategory : uint8_t {
  kFloat,
  kComplex,
  kSignedInt,
  kUnsignedInt,
  kBool,
  kQuantized,  // integers that stand for reals by a scale and a zero point
  kBits,       // bytes without arithmetic
};

// Returns the canonical name, as in `torch.<name>`: "float32", never "float".
absl::string_view Name(DType dtype);

// Returns the dtype with a canonical name or one of PyTorch's aliases ("float",
// "double", "half", "long", "int", "short", "cfloat", "cdouble", "chalf").
// Returns nullopt if there is none.
std::optional<DType> DTypeFromName(absl::string_view name);

// Returns the size of one storage unit in bytes: 1 to 16. A unit is one element
// unless `ElementsPerUnit` is more than 1.
uint64_t ElementSizeBytes(DType dtype);

// Returns the number of elements in one storage unit: 2 for quint4x2, 4 for
// quint2x4, else 1. Shapes and strides of those two dtypes count single
// elements, while their storages count bytes. (float4_e2m1fn_x2 counts pairs
// everywhere, so it has 1.)
uint64_t ElementsPerUnit(DType dtype);

DTypeCategory Category(DType dtype);

// Returns whether the dtype is an integer, signed or unsigned. False for bool.
inline bool IsInteger(DType dtype) {
  return Category(dtype) == DTypeCategory::kSignedInt ||
         Category(dtype) == DTypeCategory::kUnsignedInt;
}

// Returns whether PyTorch supports gradients for tensors of the dtype, which it
// does for the categories kFloat and kComplex.
inline bool HasGradients(DType dtype) {
  return Category(dtype) == DTypeCategory::kFloat ||
         Category(dtype) == DTypeCategory::kComplex;
}

// Returns the number of bytes to reverse as one unit when the byte order
// changes: the element size, or half of it for complex types.
uint64_t ByteOrderUnitBytes(DType dtype);

// Returns every dtype, in the order of the enumeration.
absl::Span<const DType> AllDTypes();

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_DTYPE_H_
