// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/cuda/testing/fake_bus.h"

#include <chrono>
#include <cstdint>

#include "gtest/gtest.h"

namespace fake_driver {
namespace {

using std::chrono::nanoseconds;

TEST(FakeBusTest, SettingsAreTwoNumbers) {
  BusSpeed speed;
  ASSERT_TRUE(ParseBusSpeed("6000000000:10000", &speed));
  EXPECT_EQ(speed.bytes_per_second, 6000000000u);
  EXPECT_EQ(speed.latency_ns, 10000u);
  for (const char* wrong : {"", "1", ":", "1:", ":1", "1:2:3", "-1:2", "1:x"}) {
    EXPECT_FALSE(ParseBusSpeed(wrong, &speed)) << wrong;
  }
}

TEST(FakeBusTest, CopiesOfOneDirectionShareTheBus) {
  FakeBus bus({1000000000, 50});  // 1 byte in 1 ns
  ASSERT_TRUE(bus.is_modelled());
  const FakeBus::Time now(nanoseconds(1000));
  EXPECT_EQ(bus.Reserve(true, 300, now), now + nanoseconds(350));
  // The latency of one copy overlaps with the bytes of the next.
  EXPECT_EQ(bus.Reserve(true, 100, now), now + nanoseconds(450));
  EXPECT_EQ(bus.Reserve(false, 100, now), now + nanoseconds(150));
  // The bus has been idle in between.
  const FakeBus::Time later = now + nanoseconds(1000);
  EXPECT_EQ(bus.Reserve(true, 100, later), later + nanoseconds(150));
}

TEST(FakeBusTest, WithoutASpeedThereIsNoBus) {
  EXPECT_FALSE(FakeBus(BusSpeed()).is_modelled());
}

}  // namespace
}  // namespace fake_driver
