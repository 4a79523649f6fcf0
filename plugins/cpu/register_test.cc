// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "absl/status/statusor.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/device_registry.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

TEST(RegisterCpuTest, LinkingRegisters) {
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  const auto entries = devices.entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].priority, 10);
  ASSERT_NE(entries[0].backend, nullptr);
  EXPECT_EQ(entries[0].backend->type(), "cpu");
}

TEST(RegisterCpuTest, TagsAndRestores) {
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  const absl::StatusOr<Storage> storage = Storage::Allocate(16);
  ASSERT_THAT(storage, IsOk());
  const absl::StatusOr<std::string> tag = devices.LocationTag(*storage);
  ASSERT_THAT(tag, IsOk());
  EXPECT_EQ(*tag, "cpu");
  const absl::StatusOr<Storage> restored =
      devices.RestoreLocation(*storage, *tag);
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(*restored, *storage);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
