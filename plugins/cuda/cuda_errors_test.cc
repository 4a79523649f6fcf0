// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The CUDA plugin on a driver whose functions fail, one call at a time.

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cuda_driver.h"
#include "ferry/plugin.h"
#include "ferry/plugins/cuda/testing/fake_process.h"
#include "ferry/plugins/cuda/testing/scenario.h"
#include "gtest/gtest.h"

namespace fake_driver {
namespace {

// Whether something may be left after a call of the function has failed.
bool MayLeave(absl::string_view function) {
  for (absl::string_view name :
       {// What could not be given back is left.
        "cuEventDestroy_v2", "cuMemFree_v2", "cuMemFreeAsync", "cuMemFreeHost",
        "cuStreamDestroy_v2",
        // Nothing can be given back without the context.
        "cuCtxPushCurrent_v2",
        // Work that could not be awaited may go on, so what it uses stays.
        "cuEventSynchronize", "cuStreamSynchronize"}) {
    if (name == function) return true;
  }
  return false;
}

// Whether the log has a call of the function with that result.
bool HasCall(absl::string_view log, absl::string_view function, int code) {
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StartsWith(line, absl::StrCat(function, "(")) &&
        absl::EndsWith(line, absl::StrCat(") = ", code))) {
      return true;
    }
  }
  return false;
}

// Returns the setting without which the function is not called, if any.
std::string SettingFor(absl::string_view function) {
  if (absl::StartsWith(function, "cuGetError")) {
    return ",fail=cuEventCreate:1:400";
  }
  if (function == "cuMemGetInfo_v2") return ",fail=cuMemAllocAsync:1:2";
  if (function == "cuMemAlloc_v2" || function == "cuMemFree_v2") {
    return ",pools=0";
  }
  return "";
}

// The N-th call of each function fails, at each N that is reached.
TEST(CudaErrorsTest, EveryErrorOfEveryFunctionIsSurvived) {
  std::map<std::string, int> runs;
  const auto run = [&](const std::string& function) {
    // What a thread has pushed it can pop. The errors of this function are
    // about wrong contexts, and about a driver that is not initialised.
    if (function == "cuCtxPopCurrent_v2") return;
    runs[function] = 0;
    // An error that leaves the device usable, no memory, and a lost device.
    for (int code : {ferry_cuda::kUnknown, ferry_cuda::kOutOfMemory,
                     ferry_cuda::kIllegalAddress}) {
      for (int call = 1; call <= 64; ++call) {
        const std::string settings =
            absl::StrCat("timing=late,fail=", function, ":", call, ":", code,
                         SettingFor(function));
        const ChildResult result = RunInChild(settings, [&] {
          const ferry_backend& plugin = LinkedPlugin();
          UseInSpiteOfErrors(plugin);
          if (!MayLeave(function)) RequireCleanReport();
          if (!HasCall(FakeLog(), function, code)) {
            printf("not reached");
            fflush(stdout);
          }
        });
        EXPECT_TRUE(result.passed) << settings << ": " << result.output;
        if (absl::StrContains(result.output, "not reached")) break;
        ++runs[function];
      }
    }
  };
#define FERRY_RUN(member, name, parameters) run(#name);
  FERRY_CUDA_FUNCTIONS(FERRY_RUN)
#undef FERRY_RUN
  for (const auto& [function, count] : runs) EXPECT_GT(count, 0) << function;
}

TEST(CudaErrorsTest, AnErrorThatNeedsANewProcessLosesTheDevice) {
  for (int code :
       {ferry_cuda::kContained, ferry_cuda::kTensorMemoryLeak,
        ferry_cuda::kMpsClientTerminated, ferry_cuda::kExternalDevice}) {
    const ChildResult result =
        RunInChild(absl::StrCat("fail=cuMemAllocAsync:1:", code), [] {
          const ferry_backend& plugin = LinkedPlugin();
          for (int call = 0; call < 2; ++call) {
            uint64_t handle = 0;
            ferry_status status = HostStruct<ferry_status>();
            Require(plugin.allocate(plugin.context, 0, 1, &handle, &status) ==
                            FERRY_UNAVAILABLE &&
                        status.flags == FERRY_STATUS_DEVICE_LOST,
                    "the device is lost");
          }
        });
    EXPECT_TRUE(result.passed) << code << ": " << result.output;
  }
}

}  // namespace
}  // namespace fake_driver
