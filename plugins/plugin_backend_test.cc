// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The adaptor over the toy of plugins/example, which is linked in: once with
// its blocking copy alone, once with queues.

#include "ferry/plugins/plugin_backend.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_description.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

PluginDescription::BackendTable Toy() {
  const absl::StatusOr<PluginDescription> plugin =
      QueryPlugin(ferry_plugin_query_v0, "");
  EXPECT_TRUE(plugin.ok()) << plugin.status();
  return plugin->backends.at(0);
}

// A toy with one function replaced, whose context is of the test's.
PluginBackend Replaced(void (*replace)(ferry_backend*)) {
  PluginDescription::BackendTable table = Toy();
  replace(&table.table);
  return PluginBackend(table);
}

Memory AllocateOn(PluginBackend& backend, int index, uint64_t size_bytes) {
  Memory memory;
  const absl::Status status =
      backend.Allocate(index, {size_bytes}, {&memory, 1});
  EXPECT_TRUE(status.ok()) << status;
  return memory;
}

TEST(PluginBackendTest, ToyPassesTheConformanceSuite) {
  PluginBackend backend(Toy());
  ConformanceOptions options;
  options.expected_devices = 2;
  options.large_bytes = uint64_t{16} << 20;
  int passed = 0;
  for (const CheckResult& result : RunConformance(backend, options)) {
    EXPECT_NE(result.outcome, CheckResult::kFail) << result.ToString();
    passed += result.outcome == CheckResult::kPass;
  }
  EXPECT_GE(passed, 24);
}

TEST(PluginBackendTest, SaysWhatThePluginSays) {
  PluginBackend backend(Toy());
  EXPECT_EQ(backend.type(), "toy");
  EXPECT_TRUE(backend.is_indexed());
  EXPECT_FALSE(backend.is_host_memory());
  EXPECT_EQ(*backend.DeviceCount(), 2);
  const absl::StatusOr<DeviceProperties> properties = backend.Properties(1);
  ASSERT_TRUE(properties.ok()) << properties.status();
  EXPECT_EQ(properties->name, "Toy accelerator");
  EXPECT_EQ(properties->memory_bytes, uint64_t{1} << 30);
}

TEST(PluginBackendTest, LargeCopiesOfAllSizesComeBack) {
  PluginBackend backend(Toy());
  // The toy's pieces have 1 MiB.
  for (uint64_t size : {(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5000001}) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = uint8_t(i * 7 + i / 251);
    const Memory memory = AllocateOn(backend, 1, size + 5);
    ASSERT_TRUE(backend.CopyFromHost(bytes.data(), memory, 5, size).ok());
    std::vector<uint8_t> found(size);
    ASSERT_TRUE(backend.CopyToHost(memory, 5, found.data(), size).ok());
    EXPECT_TRUE(found == bytes) << size;
  }
}

TEST(PluginBackendTest, CopyOutsideTheMemoryIsRefused) {
  PluginBackend backend(Toy());
  const Memory memory = AllocateOn(backend, 0, 100);
  std::vector<uint8_t> bytes(3 << 20);
  EXPECT_EQ(backend.CopyFromHost(bytes.data(), memory, 50, 51).code(),
            absl::StatusCode::kOutOfRange);
  // In pieces: all have ended when the error is there.
  EXPECT_EQ(backend.CopyToHost(memory, 0, bytes.data(), bytes.size()).code(),
            absl::StatusCode::kOutOfRange);
  // And the device goes on.
  EXPECT_TRUE(backend.CopyFromHost(bytes.data(), memory, 0, 100).ok());
}

TEST(PluginBackendTest, MemoryOutlivesTheBackend) {
  Memory memory;
  {
    PluginBackend backend(Toy());
    memory = AllocateOn(backend, 0, 4);
  }
  PluginBackend backend(Toy());
  EXPECT_TRUE(backend.CopyFromHost("abc", memory, 0, 4).ok());
}

TEST(PluginBackendTest, MemoryOfOthersIsRefused) {
  PluginBackend backend(Toy());
  char bytes[4] = {};
  const Memory own{bytes, nullptr};
  EXPECT_EQ(backend.CopyFromHost("abc", own, 0, 4).code(),
            absl::StatusCode::kInvalidArgument);
  const Memory shared{bytes, std::make_shared<std::string>("not a block")};
  EXPECT_EQ(backend.CopyToHost(shared, 0, bytes, 4).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PluginBackendTest, NoDeviceIsUnavailableAndSaysWhy) {
  const PluginBackend backend = Replaced([](ferry_backend* table) {
    table->device_count = [](void*, ferry_devices* out, ferry_status*) {
      out->absence = FERRY_ABSENCE_NO_DRIVER;
      // Not terminated: the array is full.
      for (char& c : out->why) c = 'w';
      return FERRY_OK;
    };
  });
  const absl::Status status = backend.DeviceCount().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()),
            "its driver is not installed: " + std::string(256, 'w'));
}

TEST(PluginBackendTest, CountsThatCannotBeAreInternal) {
  const PluginBackend many = Replaced([](ferry_backend* table) {
    table->device_count = [](void*, ferry_devices* out, ferry_status*) {
      out->count = UINT32_MAX;
      return FERRY_OK;
    };
  });
  EXPECT_EQ(many.DeviceCount().status().code(), absl::StatusCode::kInternal);
  const PluginBackend two = Replaced(
      [](ferry_backend* table) { table->flags |= FERRY_BACKEND_UNINDEXED; });
  EXPECT_FALSE(two.is_indexed());
  EXPECT_EQ(two.DeviceCount().status().code(), absl::StatusCode::kInternal);
}

TEST(PluginBackendTest, CodesThatNobodyMayReturnAreInternal) {
  const PluginBackend unknown = Replaced([](ferry_backend* table) {
    table->device_count = [](void*, ferry_devices*, ferry_status* status) {
      return ferry_fail(status, 4711, "what is this");
    };
  });
  EXPECT_EQ(unknown.DeviceCount().status().code(), absl::StatusCode::kInternal);
  const PluginBackend two_minds = Replaced([](ferry_backend* table) {
    table->device_count = [](void*, ferry_devices* out, ferry_status* status) {
      out->count = 1;
      ferry_fail(status, FERRY_UNAVAILABLE, "no");
      return FERRY_OK;
    };
  });
  EXPECT_EQ(two_minds.DeviceCount().status().code(),
            absl::StatusCode::kInternal);
}

TEST(PluginBackendTest, ErrorsCarryThePluginsWords) {
  const PluginBackend backend = Replaced([](ferry_backend* table) {
    table->device_properties = [](void*, uint32_t, ferry_device_properties*,
                                  ferry_status* status) {
      status->vendor_code = 77;
      status->flags = FERRY_STATUS_DEVICE_LOST;
      return ferry_fail(status, FERRY_UNAVAILABLE, "fell\x1b[2J off the bus");
    };
  });
  const absl::Status status = backend.Properties(0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(),
            "fell\\x1b[2J off the bus (driver code 77); the device is lost");
}

}  // namespace
}  // namespace ferry
