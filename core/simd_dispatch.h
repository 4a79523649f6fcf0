// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/simd_dispatch.h
// -----------------------------------------------------------------------------
//
// Chooses, at run time, among the instruction sets ("targets") that Highway
// compiled a kernel for. The macros are used like HWY_EXPORT and
// HWY_DYNAMIC_DISPATCH, but on x86 a program does not need Highway's library
// for them. Debian's library (1.0.3) measures the resolution of the clock when
// a program starts (`hwy::platform::TimerResolution`), which took 4.5 of the 14
// milliseconds of `ferry --version`.
//
// The macros need hwy/highway.h, which a kernel includes itself, since it is
// included anew for each target.
//
// Example: AddFloats is a function in ferry::HWY_NAMESPACE.
//
//   #if HWY_ONCE
//   namespace ferry {
//   FERRY_SIMD_EXPORT(AddFloats);
//
//   void Add(const float* a, const float* b, float* sum, size_t count) {
//     FERRY_SIMD_DISPATCH(AddFloats)(a, b, sum, count);
//   }
//   }  // namespace ferry
//   #endif
#ifndef FERRY_CORE_SIMD_DISPATCH_H_
#define FERRY_CORE_SIMD_DISPATCH_H_

#include <cstdint>

#include "hwy/targets.h"

#if HWY_ARCH_X86

// Defines the table of a function's versions. Use it in the namespace that
// contains HWY_NAMESPACE.
#define FERRY_SIMD_EXPORT(function)                                         \
  static decltype(&HWY_STATIC_DISPATCH(function)) const HWY_DISPATCH_TABLE( \
      function)[HWY_MAX_DYNAMIC_TARGETS + 2] = {                            \
      nullptr, HWY_CHOOSE_TARGET_LIST(function),                            \
      HWY_CHOOSE_FALLBACK(function)}

// The version for the best target of this processor.
#define FERRY_SIMD_DISPATCH(function) \
  (*HWY_DISPATCH_TABLE(function)[::ferry::simd::ChosenTarget().GetIndex()])

#else

#define FERRY_SIMD_EXPORT(function) HWY_EXPORT(function)
#define FERRY_SIMD_DISPATCH(function) HWY_DYNAMIC_DISPATCH(function)

#endif

namespace ferry {
inline namespace v1 {
namespace simd {

// Returns the targets that this processor supports, as bits (HWY_AVX2 and the
// like). On x86, none beyond HWY_AVX3.
int64_t SupportedTargets();

// Returns the target that the macros choose; initially the best. Thread-safe.
// O(1). Do not call `DeInit` on it: the first entry of the tables is null.
hwy::ChosenTarget& ChosenTarget();

}  // namespace simd
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_SIMD_DISPATCH_H_
