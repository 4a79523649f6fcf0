// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/dtype.h
// -----------------------------------------------------------------------------
//
// Element types: every one that PyTorch 2.14 has, with its name, its size and
// what kind of number it is.
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

// DType
//
// The numeric values are Ferry's own and appear in no file.
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

// The canonical name, as in `torch.<name>`: "float32", never "float".
absl::string_view Name(DType dtype);

// The dtype of a canonical name or of one of PyTorch's aliases ("float",
// "double", "half", "long", "int", "short", "cfloat", "cdouble", "chalf");
// nothing if there is none.
std::optional<DType> DTypeFromName(absl::string_view name);

// Bytes that one storage unit takes: 1 to 16. A unit is one element, except
// where `ElementsPerUnit` says that it holds several.
uint64_t ElementSizeBytes(DType dtype);

// Elements that share one storage unit: 2 for quint4x2, 4 for quint2x4, which
// count shapes and strides in single elements but storages in bytes; else 1.
// (float4_e2m1fn_x2 counts pairs everywhere, so it has 1.)
uint64_t ElementsPerUnit(DType dtype);

DTypeCategory Category(DType dtype);

// Whether PyTorch has gradients of tensors of the dtype: those of the
// categories kFloat and kComplex.
inline bool HasGradients(DType dtype) {
  return Category(dtype) == DTypeCategory::kFloat ||
         Category(dtype) == DTypeCategory::kComplex;
}

// The size of the numbers whose bytes turn round when the byte order changes:
// the element's, or half of it for complex types.
uint64_t ByteOrderUnitBytes(DType dtype);

// Every dtype, in the order of the enumeration.
absl::Span<const DType> AllDTypes();

}  // namespace ferry

#endif  // FERRY_CORE_DTYPE_H_
