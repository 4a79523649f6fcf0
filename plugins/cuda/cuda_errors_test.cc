// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The CUDA plugin on a driver whose functions fail, one call at a time.

#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cuda_driver.h"
#include "ferry/plugin.h"
#include "ferry/plugins/cuda/testing/scenario.h"
#include "gtest/gtest.h"

namespace fake_driver {
namespace {

// The N-th call of each function fails, at each N that is reached.
TEST(CudaErrorsTest, EveryErrorOfEveryFunctionIsSurvived) {
  int runs = 0;
  const auto run = [&](absl::string_view function) {
    // Cannot fail in a thread that has pushed a context.
    if (function == "cuCtxPopCurrent_v2") return;
    // An error that leaves the device usable, no memory, and a lost device.
    for (int code : {ferry_cuda::kUnknown, ferry_cuda::kOutOfMemory,
                     ferry_cuda::kIllegalAddress}) {
      for (int call = 1; call <= 64; ++call) {
        bool is_reached = false;
        const std::string settings =
            absl::StrCat("timing=late,fail=", function, ":", call, ":", code);
        const ChildResult result = RunInChild(settings, [&] {
          const ferry_backend& plugin = OpenPlugin("");
          UseInSpiteOfErrors(plugin);
          const std::string log = FakeLog();
          // A function that gives something back and fails has not done so.
          // After a wait that fails, nothing may be given back.
          const bool is_giving = absl::StrContains(function, "Free") ||
                                 absl::StrContains(function, "Destroy") ||
                                 absl::StrContains(function, "Ctx") ||
                                 absl::StrContains(function, "Synchronize") ||
                                 absl::StrContains(function, "Query");
          if (!is_giving) RequireCleanReport();
          if (log.find(absl::StrCat(") = ", code)) == std::string::npos) {
            printf("not reached");
            fflush(stdout);
          }
        });
        EXPECT_TRUE(result.passed) << settings << ": " << result.output;
        is_reached = result.output.find("not reached") == std::string::npos;
        ++runs;
        if (!is_reached) break;
      }
    }
  };
#define FERRY_RUN(member, name, parameters) run(#name);
  FERRY_CUDA_FUNCTIONS(FERRY_RUN)
#undef FERRY_RUN
  EXPECT_GT(runs, 150);
}

}  // namespace
}  // namespace fake_driver
