// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/meta/meta_backend.h"

#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/conformance.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(MetaBackendTest, PassesTheConformanceSuite) {
  MetaBackend backend;
  ConformanceOptions options;
  options.expected_devices = 1;
  std::set<std::string> passed;
  for (const CheckResult& result : RunConformance(backend, options)) {
    EXPECT_NE(result.outcome, CheckResult::kFail) << result.ToString();
    if (result.outcome == CheckResult::kPass) passed.insert(result.id);
  }
  EXPECT_EQ(passed, (std::set<std::string>{
                        "D-01", "D-02", "D-03", "D-04", "D-05", "M-01", "M-02",
                        "C-08", "S-01", "S-10", "L-01", "L-02", "H-01"}));
}

TEST(MetaBackendTest, IsOneDeviceWithoutBytes) {
  const MetaBackend backend;
  EXPECT_EQ(backend.type(), "meta");
  EXPECT_FALSE(backend.is_indexed());
  EXPECT_FALSE(backend.is_host_memory());
  EXPECT_FALSE(backend.has_bytes());
  EXPECT_EQ(*backend.DeviceCount(), 1);
  EXPECT_EQ(backend.Properties(0)->memory_bytes, 0u);
  EXPECT_EQ(backend.Properties(1).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST(MetaBackendTest, NoSizeIsTooLarge) {
  MetaBackend backend;
  Memory memory[3];
  const absl::Status status = backend.Allocate(
      0, {0, std::numeric_limits<uint64_t>::max(), 5}, absl::MakeSpan(memory));
  EXPECT_THAT(status, IsOk());
  for (const Memory& run : memory) EXPECT_EQ(run.data, nullptr);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
