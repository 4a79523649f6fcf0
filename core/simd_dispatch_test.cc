// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

// foreach_target.h compiles this file once for each other instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/simd_dispatch_test.cc"
#include "ferry/core/simd_dispatch.h"

#include <cstdint>

#include "ferry/core/testing/simd_targets.h"
#include "gtest/gtest.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ferry {
inline namespace v1 {
namespace HWY_NAMESPACE {
namespace {

int64_t CompiledFor() { return HWY_TARGET; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace v1
}  // namespace ferry
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ferry {
inline namespace v1 {
namespace {

FERRY_SIMD_EXPORT(CompiledFor);

// The target that runs if the processor supports `targets`.
int64_t Best(int64_t targets) {
  const int64_t compiled = targets & HWY_TARGETS;
  return compiled & -compiled;
}

TEST(SimdDispatchTest, FindsTheTargetsThatHighwayFinds) {
#if HWY_ARCH_X86
  constexpr int64_t kKnown = HWY_SSSE3 | HWY_SSE4 | HWY_AVX2 | HWY_AVX3;
  EXPECT_EQ(simd::SupportedTargets() & kKnown,
            hwy::SupportedTargets() & kKnown);
#else
  GTEST_SKIP() << "the targets are those of Highway's library";
#endif
}

TEST(SimdDispatchTest, ChoosesTheBestTarget) {
  EXPECT_EQ(FERRY_SIMD_DISPATCH(CompiledFor)(), Best(simd::SupportedTargets()));
}

TEST(SimdDispatchTest, RunsEachTargetOnce) {
  int64_t ran = 0;
  simd::ForEachTarget([&ran](int64_t target) {
    EXPECT_EQ(FERRY_SIMD_DISPATCH(CompiledFor)(), target)
        << hwy::TargetName(target);
    EXPECT_EQ(ran & target, 0) << hwy::TargetName(target);
    ran |= target;
  });
  EXPECT_EQ(ran, simd::SupportedTargets() & HWY_TARGETS);
  EXPECT_EQ(FERRY_SIMD_DISPATCH(CompiledFor)(), Best(simd::SupportedTargets()));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
#endif  // HWY_ONCE
