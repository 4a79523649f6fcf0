// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/dtype_code.h
// -----------------------------------------------------------------------------
//
// The names of element types in a safetensors file: "F32", "BF16", ... (`Dtype`
// in version 0.8 of the format's library).
#ifndef FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_
#define FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {

// An element type of the format.
struct DTypeCode {
  absl::string_view code;  // "F32"
  // Nullopt if PyTorch has no such dtype, as for the six-bit floats.
  std::optional<DType> dtype;
  // The sort order of the code: files have tensors of higher order first.
  int order = 0;
};

// Returns the type with this code, or nullopt if the format has none.
std::optional<DTypeCode> FindCode(absl::string_view code);

// Returns the type for a dtype, or nullopt if the format has none.
std::optional<DTypeCode> CodeOf(DType dtype);

}  // namespace safetensors
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_
