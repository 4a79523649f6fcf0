// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Handles between Ferry and a vendor's own runtime, for which the table of the
// toy stands here.

#include "ferry/plugins/plugin_handle.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_loader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr char kText[] = "what the vendor sees";

class PluginHandleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const PluginVerdict verdict = loader_.LoadLinked(ferry_plugin_query_v0);
    ASSERT_THAT(verdict.status, IsOk());
    ferry_host_info host{};
    host.struct_size = sizeof(host);
    host.abi_minor = FERRY_PLUGIN_ABI_MINOR;
    const ferry_plugin* plugin = nullptr;
    ferry_status status{};
    status.struct_size = sizeof(status);
    ASSERT_EQ(ferry_plugin_query_v0(&host, &plugin, &status), FERRY_OK);
    vendor_ = plugin->backends[0];
  }

  DeviceSnapshot devices() const { return registry_.Snapshot(); }

  // Copies with the vendor's own function.
  int32_t Copy(uint32_t direction, uint32_t device, uint64_t handle,
               char* bytes) {
    ferry_copy copy{};
    copy.struct_size = sizeof(copy);
    copy.direction = direction;
    copy.device_index = device;
    copy.handle = handle;
    copy.size_bytes = sizeof(kText);
    copy.host_source = copy.host_destination = bytes;
    ferry_status status{};
    status.struct_size = sizeof(status);
    return vendor_->copy(vendor_->context, &copy, &status);
  }

  DeviceRegistry registry_;
  PluginLoader loader_{&registry_};
  const ferry_backend* vendor_ = nullptr;
};

TEST_F(PluginHandleTest, VendorReadsAndWritesAStorage) {
  Memory memory;
  ASSERT_THAT(
      devices().FindBackend("toy")->Allocate(1, {sizeof(kText)}, {&memory, 1}),
      IsOk());
  const Storage there =
      Storage::FromMemory(Device("toy", 1), memory, sizeof(kText));
  ASSERT_THAT(CopyFromHost(devices(), kText, there, 0, sizeof(kText)), IsOk());
  const absl::StatusOr<PluginHandle> handle = PluginHandleOf(there);
  ASSERT_THAT(handle, IsOk());
  EXPECT_EQ(handle->device_index, 1u);
  EXPECT_EQ(handle->size_bytes, sizeof(kText));
  char bytes[sizeof(kText)] = {};
  EXPECT_EQ(Copy(FERRY_COPY_TO_HOST, 1, handle->handle, bytes), FERRY_OK);
  EXPECT_STREQ(bytes, kText);
  bytes[0] = 'W';
  EXPECT_EQ(Copy(FERRY_COPY_TO_DEVICE, 1, handle->handle, bytes), FERRY_OK);
  char found[sizeof(kText)] = {};
  EXPECT_THAT(CopyToHost(devices(), there, 0, found, sizeof(kText)), IsOk());
  EXPECT_STREQ(found, bytes);
}

TEST_F(PluginHandleTest, MemoryOfTheVendorIsWrapped) {
  uint64_t handle = 0;
  ferry_status status{};
  status.struct_size = sizeof(status);
  ASSERT_EQ(
      vendor_->allocate(vendor_->context, 1, sizeof(kText), &handle, &status),
      FERRY_OK);
  char bytes[] = "what the vendor sees";
  ASSERT_EQ(Copy(FERRY_COPY_TO_DEVICE, 1, handle, bytes), FERRY_OK);
  int releases = 0;
  const std::shared_ptr<void> owner(&releases, [&](void*) { ++releases; });
  absl::StatusOr<Storage> storage = StorageFromPluginHandle(
      devices(), Device("toy", 1), handle, sizeof(kText), owner);
  ASSERT_THAT(storage, IsOk());
  const absl::StatusOr<std::string> tag = devices().LocationTag(*storage);
  ASSERT_THAT(tag, IsOk());
  EXPECT_EQ(*tag, "toy:1");
  char found[sizeof(kText)] = {};
  EXPECT_THAT(CopyToHost(devices(), *storage, 0, found, sizeof(kText)), IsOk());
  EXPECT_STREQ(found, kText);
  // The storage shares the owner, and leaves the memory to it.
  EXPECT_EQ(PluginHandleOf(*storage)->handle, handle);
  EXPECT_EQ(owner.use_count(), 2);
  *storage = Storage();
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(vendor_->free(vendor_->context, 1, handle, &status), FERRY_OK);
}

TEST_F(PluginHandleTest, DeviceIsTheOneThatALoadWouldName) {
  // Without an index it is the first device, whose name has an index.
  const absl::StatusOr<Storage> first =
      StorageFromPluginHandle(devices(), Device("toy"), 5, 8, nullptr);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->device(), Device("toy", 0));
  EXPECT_EQ(PluginHandleOf(*first)->device_index, 0u);
  EXPECT_EQ(devices().LocationTag(*first).value(), "toy:0");
  EXPECT_EQ(devices().LocationTag(*first).value(),
            devices().Resolve("toy")->device.ToString());
}

// A plugin whose only device has no index.
int32_t CountOne(void*, ferry_devices* out, ferry_status*) {
  out->count = 1;
  return FERRY_OK;
}

TEST_F(PluginHandleTest, DeviceOfAnUnindexedTypeHasNoIndex) {
  ferry_backend table = *vendor_;
  table.type = FERRY_STRING("single");
  table.flags = FERRY_BACKEND_UNINDEXED;
  table.device_count = CountOne;
  const absl::StatusOr<Registration> registration = registry_.RegisterBackend(
      200, std::make_shared<PluginBackend>(
               PluginDescription::BackendTable{"single", table}));
  ASSERT_THAT(registration, IsOk());
  for (const Device& device : {Device("single"), Device("single", 0)}) {
    const absl::StatusOr<Storage> storage =
        StorageFromPluginHandle(devices(), device, 5, 8, nullptr);
    ASSERT_THAT(storage, IsOk());
    EXPECT_EQ(storage->device(), Device("single"));
    EXPECT_EQ(PluginHandleOf(*storage)->device_index, 0u);
  }
  EXPECT_EQ(
      StorageFromPluginHandle(devices(), Device("single", 1), 5, 8, nullptr)
          .status()
          .code(),
      absl::StatusCode::kOutOfRange);
}

TEST_F(PluginHandleTest, EmptyMemoryIsWrapped) {
  const std::shared_ptr<int> owner = std::make_shared<int>();
  absl::StatusOr<Storage> storage =
      StorageFromPluginHandle(devices(), Device("toy", 1), 0, 0, owner);
  ASSERT_THAT(storage, IsOk());
  EXPECT_EQ(storage->size_bytes(), 0u);
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_THAT(CopyToHost(devices(), *storage, 0, nullptr, 0), IsOk());
  const absl::StatusOr<PluginHandle> handle = PluginHandleOf(*storage);
  ASSERT_THAT(handle, IsOk());
  EXPECT_EQ(handle->device_index, 1u);
  EXPECT_EQ(handle->handle, 0u);
  EXPECT_EQ(handle->size_bytes, 0u);
}

TEST_F(PluginHandleTest, OwnerIsKeptByTheLastTensor) {
  const std::shared_ptr<int> owner = std::make_shared<int>();
  absl::StatusOr<Storage> storage =
      StorageFromPluginHandle(devices(), Device("toy", 0), 5, 8, owner);
  ASSERT_THAT(storage, IsOk());
  absl::StatusOr<Tensor> tensor =
      Tensor::Create(*storage, DType::kFloat32, {2});
  ASSERT_THAT(tensor, IsOk());
  *storage = Storage();
  EXPECT_EQ(owner.use_count(), 2);
  *tensor = Tensor();
  EXPECT_EQ(owner.use_count(), 1);
}

TEST_F(PluginHandleTest, MistakesAreRefused) {
  const absl::StatusOr<Storage> host = Storage::Allocate(8);
  ASSERT_THAT(host, IsOk());
  EXPECT_EQ(PluginHandleOf(*host).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(StorageFromPluginHandle(devices(), Device("acme", 0), 1, 8, nullptr)
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
  const absl::Status wrong_index =
      StorageFromPluginHandle(devices(), Device("toy", 2), 1, 8, nullptr)
          .status();
  EXPECT_EQ(wrong_index.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(wrong_index.message(),
            "the device toy:2: there are 2 toy devices, counted from 0");
  const absl::StatusOr<Registration> cpu =
      registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>());
  ASSERT_THAT(cpu, IsOk());
  EXPECT_EQ(StorageFromPluginHandle(devices(), Device("cpu"), 1, 8, nullptr)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
