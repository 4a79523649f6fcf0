// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/simd_targets.h
// -----------------------------------------------------------------------------
//
// Tests the kernels of each instruction set that the processor supports.
//
// Example:
//
//   simd::ForEachTarget([](int64_t target) {
//     SCOPED_TRACE(hwy::TargetName(target));
//     EXPECT_EQ(Sum({1, 2, 3}), 6);
//   });
#ifndef FERRY_CORE_TESTING_SIMD_TARGETS_H_
#define FERRY_CORE_TESTING_SIMD_TARGETS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace ferry {
inline namespace v1 {
namespace simd {

// Calls `test` with the bit of each target that the processor supports and that
// Highway compiles for by default, while the macros of core/simd_dispatch.h
// choose that target. A function that was not compiled for it runs its portable
// version. No thread outside `test` may run kernels meanwhile, and calls must
// not nest.
void ForEachTarget(absl::FunctionRef<void(int64_t)> test);

}  // namespace simd
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_SIMD_TARGETS_H_
