// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/cpu/cpu_backend.h"

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/conformance.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(CpuBackendTest, PassesTheConformanceSuite) {
  CpuBackend backend;
  ConformanceOptions options;
  options.expected_devices = 1;
  int passed = 0;
  std::set<std::string> unsupported;
  for (const CheckResult& result : RunConformance(backend, options)) {
    EXPECT_NE(result.outcome, CheckResult::kFail) << result.ToString();
    if (result.outcome == CheckResult::kUnsupported) {
      unsupported.insert(result.id);
    }
    passed += result.outcome == CheckResult::kPass;
  }
  // Those for devices without bytes, and for memory that the host does not
  // reach.
  EXPECT_EQ(unsupported, (std::set<std::string>{"C-08", "C-09", "C-10", "C-11",
                                                "S-06", "S-10", "T-04"}));
  EXPECT_GE(passed, 33);
}

TEST(CpuBackendTest, IsOneDeviceOfTheHost) {
  const CpuBackend backend;
  EXPECT_EQ(backend.type(), "cpu");
  EXPECT_FALSE(backend.is_indexed());
  EXPECT_TRUE(backend.is_host_memory());
  EXPECT_TRUE(backend.uses_host_allocator());
  EXPECT_TRUE(backend.has_bytes());
  EXPECT_EQ(*backend.DeviceCount(), 1);
}

TEST(CpuBackendTest, PropertiesAreThoseOfTheMachine) {
  const absl::StatusOr<DeviceProperties> properties =
      CpuBackend().Properties(0);
  ASSERT_THAT(properties, IsOk());
  std::ifstream file("/proc/cpuinfo");
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().find("model name") == std::string::npos) {
    EXPECT_EQ(properties->name, "CPU");
  } else {
    EXPECT_NE(text.str().find(": " + properties->name + "\n"),
              std::string::npos)
        << properties->name;
  }
  // No machine that runs this has less.
  EXPECT_GT(properties->memory_bytes, uint64_t{64} << 20);
  EXPECT_EQ(CpuBackend().Properties(1).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(CpuBackendTest, MemoryOutlivesTheBackend) {
  Memory memory;
  {
    CpuBackend backend;
    ASSERT_THAT(backend.Allocate(0, {4}, {&memory, 1}), IsOk());
  }
  std::memcpy(memory.data, "abc", 4);
  EXPECT_STREQ(static_cast<char*>(memory.data), "abc");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
