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

TEST(RegisterMetaTest, LinkingRegisters) {
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  const auto entries = devices.entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].priority, 22);
  ASSERT_NE(entries[0].backend, nullptr);
  EXPECT_EQ(entries[0].backend->type(), "meta");
}

TEST(RegisterMetaTest, RestoresAndTags) {
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  const absl::StatusOr<Storage> storage = Storage::Allocate(16);
  ASSERT_THAT(storage, IsOk());
  const absl::StatusOr<Storage> restored =
      devices.RestoreLocation(*storage, "meta");
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->size_bytes(), 16u);
  const absl::StatusOr<std::string> tag = devices.LocationTag(*restored);
  ASSERT_THAT(tag, IsOk());
  EXPECT_EQ(*tag, "meta");
}

}  // namespace
}  // namespace v1
}  // namespace ferry
