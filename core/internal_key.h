// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/internal_key.h
// -----------------------------------------------------------------------------
//
// The pass key of public classes. Only Ferry's own code may call the methods
// that take one, because only it may include this header (the Bazel target's
// visibility enforces that).
//
// Example:
//
//   tensor.set_conj(true, InternalKey());
#ifndef FERRY_CORE_INTERNAL_KEY_H_
#define FERRY_CORE_INTERNAL_KEY_H_

namespace ferry {
inline namespace v1 {

// Passed to methods that only Ferry's own code may call.
class InternalKey {};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_INTERNAL_KEY_H_
