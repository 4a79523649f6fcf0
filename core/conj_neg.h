// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/conj_neg.h
// -----------------------------------------------------------------------------
//
// Conjugates and negates elements. Whoever reads a tensor whose flag `is_conj`
// or `is_neg` is set must do this.
//
// Example:
//
//   FERRY_RETURN_IF_ERROR(CheckConjNeg(DType::kComplex64, true, false));
//   ApplyConjNeg(DType::kComplex64, true, false, elements, count);
#ifndef FERRY_CORE_CONJ_NEG_H_
#define FERRY_CORE_CONJ_NEG_H_

#include <cstdint>

#include "absl/status/status.h"
#include "ferry/core/dtype.h"

namespace ferry {
inline namespace v1 {

// Returns OK if `ApplyConjNeg` accepts the dtype and the flags.
//
// Errors: kUnimplemented - `neg` is set, and the dtype has no negative numbers.
absl::Status CheckConjNeg(DType dtype, bool conj, bool neg);

// Conjugates `count` elements in place if `conj` is set, and negates them if
// `neg` is. Only complex elements may be conjugated. Integers wrap around. The
// address need not be aligned.
void ApplyConjNeg(DType dtype, bool conj, bool neg, void* elements,
                  int64_t count);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_CONJ_NEG_H_
