// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/simd_targets.h"

#include "ferry/core/simd_dispatch.h"

namespace ferry {
inline namespace v1 {
namespace simd {

void ForEachTarget(absl::FunctionRef<void(int64_t)> test) {
  const int64_t targets = SupportedTargets();
  for (int64_t rest = targets & HWY_TARGETS; rest != 0; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    ChosenTarget().Update(target);
    test(target);
  }
  ChosenTarget().Update(targets);
}

}  // namespace simd
}  // namespace v1
}  // namespace ferry
