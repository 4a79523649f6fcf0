// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/simd_dispatch.h"

#if HWY_ARCH_X86
#include <cpuid.h>
#endif

namespace ferry {
inline namespace v1 {
namespace simd {
namespace {

#if HWY_ARCH_X86

// clang 14's `__builtin_cpu_supports` does not know the names of these.
bool HasF16C() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool HasLzcnt() {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & bit_LZCNT) != 0;
}

// Requires every feature that Highway, from 1.0.3 to 1.2, compiles these
// targets with (HWY_TARGET_STR in hwy/ops/set_macros-inl.h). A later version
// that compiles one with more needs another check here. The compiler's function
// also asks whether the operating system saves the registers.
int64_t DetectTargets() {
  int64_t targets = HWY_EMU128 | HWY_SCALAR;
#ifdef HWY_SSE2
  targets |= HWY_SSE2;
#endif
  if (!__builtin_cpu_supports("ssse3")) return targets;
  targets |= HWY_SSSE3;
  if (!__builtin_cpu_supports("sse4.1") || !__builtin_cpu_supports("sse4.2") ||
      !__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul")) {
    return targets;
  }
  targets |= HWY_SSE4;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
      !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma") ||
      !HasF16C() || !HasLzcnt()) {
    return targets;
  }
  targets |= HWY_AVX2;
  if (!__builtin_cpu_supports("avx512f") ||
      !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") ||
      !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl")) {
    return targets;
  }
  return targets | HWY_AVX3;
}

#endif

}  // namespace

#if HWY_ARCH_X86

int64_t SupportedTargets() {
  static const int64_t targets = DetectTargets();
  return targets;
}

hwy::ChosenTarget& ChosenTarget() {
  struct Best : hwy::ChosenTarget {
    Best() { Update(SupportedTargets()); }
  };
  static Best best;
  return best;
}

#else

int64_t SupportedTargets() { return hwy::SupportedTargets(); }

hwy::ChosenTarget& ChosenTarget() { return hwy::GetChosenTarget(); }

#endif

}  // namespace simd
}  // namespace v1
}  // namespace ferry
