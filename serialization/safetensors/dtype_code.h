// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/safetensors/dtype_code.h
// -----------------------------------------------------------------------------
//
// How a safetensors file names element types: "F32", "BF16", ... (the `Dtype`
// of the format's library, 0.8).
#ifndef FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_
#define FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"

namespace ferry {
namespace safetensors {

// A type of the format.
struct DTypeCode {
  absl::string_view code;  // "F32"
  // Nothing where PyTorch has no such dtype: the six-bit floats.
  std::optional<DType> dtype;
  // Its place among the codes: files have the tensors of higher ones first.
  int order = 0;
};

// The type of this code; nothing if the format has none.
std::optional<DTypeCode> FindCode(absl::string_view code);

// The type for a dtype; nothing if the format has none.
std::optional<DTypeCode> CodeOf(DType dtype);

}  // namespace safetensors
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_SAFETENSORS_DTYPE_CODE_H_
