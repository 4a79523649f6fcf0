// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The adaptor over the toy of plugins/example, which is linked in: once with
// its blocking copy alone, once with queues too.

#include "ferry/plugins/plugin_backend.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/devices/copy.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/transfer_stream.h"
#include "ferry/plugin.h"
#include "ferry/plugins/plugin_description.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

PluginDescription::BackendTable Toy() {
  const absl::StatusOr<PluginDescription> plugin =
      QueryPlugin(ferry_plugin_query_v0, "");
  EXPECT_THAT(plugin, IsOk());
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
  EXPECT_THAT(status, IsOk());
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
  ASSERT_THAT(properties, IsOk());
  EXPECT_EQ(properties->name, "Toy accelerator");
  EXPECT_EQ(properties->memory_bytes, uint64_t{1} << 30);
}

TEST(PluginBackendTest, LargeCopiesOfAllSizesComeBack) {
  PluginBackend backend(Toy());
  for (uint64_t size : {(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5000001}) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = uint8_t(i * 7 + i / 251);
    const Memory memory = AllocateOn(backend, 1, size + 5);
    ASSERT_THAT(backend.CopyFromHost(bytes.data(), memory, 5, size), IsOk());
    std::vector<uint8_t> found(size);
    ASSERT_THAT(backend.CopyToHost(memory, 5, found.data(), size), IsOk());
    EXPECT_TRUE(found == bytes) << size;
  }
}

TEST(PluginBackendTest, CopyOutsideTheMemoryIsRefused) {
  PluginBackend backend(Toy());
  const Memory memory = AllocateOn(backend, 0, 100);
  std::vector<uint8_t> bytes(3 << 20);
  EXPECT_EQ(backend.CopyFromHost(bytes.data(), memory, 50, 51).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(backend.CopyToHost(memory, 0, bytes.data(), bytes.size()).code(),
            absl::StatusCode::kOutOfRange);
  // And the device goes on.
  EXPECT_THAT(backend.CopyFromHost(bytes.data(), memory, 0, 100), IsOk());
}

TEST(PluginBackendTest, MemoryOutlivesTheBackend) {
  Memory memory;
  {
    PluginBackend backend(Toy());
    memory = AllocateOn(backend, 0, 4);
  }
  PluginBackend backend(Toy());
  EXPECT_THAT(backend.CopyFromHost("abc", memory, 0, 4), IsOk());
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

// --- Copies between devices --------------------------------------------------

TEST(PluginBackendTest, CopiesBetweenDevicesAreThePlugins) {
  static ferry_device_copy last;
  PluginBackend backend = Replaced([](ferry_backend* table) {
    table->capabilities |= FERRY_CAPABILITY_DEVICE_COPY;
    table->copy_between = [](void*, const ferry_device_copy* copy,
                             ferry_status* status) {
      last = *copy;
      if (copy->size_bytes != 3) return FERRY_OK;
      return ferry_fail(status, FERRY_UNIMPLEMENTED, "no link");
    };
  });
  const Memory from = AllocateOn(backend, 1, 100);
  const Memory to = AllocateOn(backend, 0, 100);
  ASSERT_THAT(backend.CopyBetween(from, 5, to, 7, 11), IsOk());
  EXPECT_EQ(last.struct_size, sizeof(last));
  EXPECT_EQ(last.source_index, 1u);
  EXPECT_EQ(last.source_handle, reinterpret_cast<uintptr_t>(from.data));
  EXPECT_EQ(last.source_offset_bytes, 5u);
  EXPECT_EQ(last.destination_index, 0u);
  EXPECT_EQ(last.destination_handle, reinterpret_cast<uintptr_t>(to.data));
  EXPECT_EQ(last.destination_offset_bytes, 7u);
  EXPECT_EQ(last.size_bytes, 11u);
  EXPECT_EQ(backend.CopyBetween(from, 0, to, 0, 3),
            absl::UnimplementedError("no link"));
  // The plugin is not called for 0 bytes, nor for memory of others.
  last = {};
  EXPECT_THAT(backend.CopyBetween(Memory(), 0, Memory(), 0, 0), IsOk());
  char bytes[4] = {};
  const Memory own{bytes, nullptr};
  for (const auto& [source, destination] :
       {std::pair(own, to), std::pair(from, own)}) {
    EXPECT_EQ(backend.CopyBetween(source, 0, destination, 0, 4).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(last.struct_size, 0u);
}

TEST(PluginBackendTest, StoragesMoveBetweenToysWithoutAStagingBuffer) {
  DeviceRegistry registry;
  const absl::StatusOr<Registration> registration =
      registry.RegisterBackend(100, std::make_shared<PluginBackend>(Toy()));
  ASSERT_THAT(registration, IsOk());
  const DeviceSnapshot devices = registry.Snapshot();
  for (uint64_t size : {uint64_t{1}, (uint64_t{3} << 20) + 5}) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = uint8_t(i * 7 + i / 251);
    PluginBackend backend(Toy());
    const Memory memory = AllocateOn(backend, 0, size);
    ASSERT_THAT(backend.CopyFromHost(bytes.data(), memory, 0, size), IsOk());
    Storage storage = Storage::FromMemory(Device("toy", 0), memory, size);
    ResetPeakStagingBytes();
    for (int index : {1, 1, 0}) {
      const absl::StatusOr<Storage> copy =
          CopyStorage(devices, storage, Device("toy", index));
      ASSERT_THAT(copy, IsOk());
      EXPECT_EQ(copy->device(), Device("toy", index));
      storage = *copy;
    }
    EXPECT_EQ(PeakStagingBytes(), 0u);
    std::vector<uint8_t> found(size);
    ASSERT_THAT(CopyToHost(devices, storage, 0, found.data(), size), IsOk());
    EXPECT_TRUE(found == bytes) << size;
  }
}

TEST(PluginBackendTest, WithoutTheCapabilityThereAreNoCopiesBetweenDevices) {
  PluginBackend backend = Replaced([](ferry_backend* table) {
    table->capabilities &= ~FERRY_CAPABILITY_DEVICE_COPY;
    table->copy_between = nullptr;
  });
  const Memory from = AllocateOn(backend, 0, 4);
  const Memory to = AllocateOn(backend, 0, 4);
  for (uint64_t size_bytes : {0, 4}) {
    EXPECT_EQ(backend.CopyBetween(from, 0, to, 0, size_bytes).code(),
              absl::StatusCode::kUnimplemented);
  }
}

// --- Streams -----------------------------------------------------------------

TEST(PluginBackendTest, ErrorsOfAStreamNameTheStorage) {
  PluginBackend backend(Toy());
  const Memory memory = AllocateOn(backend, 1, 100);
  const absl::StatusOr<std::unique_ptr<TransferStream>> stream =
      backend.OpenStream(1);
  ASSERT_THAT(stream, IsOk());
  const absl::StatusOr<char*> buffer = (*stream)->NextBuffer();
  ASSERT_THAT(buffer, IsOk());
  // The toy with queues finds it only when it copies.
  absl::Status status =
      (*stream)->ToDevice(*buffer, {{&memory, 0, 0, 100, "whole"},
                                    {&memory, 50, 0, 51, "too long"},
                                    {&memory, 0, 0, 100, "after"}});
  status.Update((*stream)->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(absl::StartsWith(status.message(), "too long: ")) << status;
  EXPECT_EQ((*stream)->NextBuffer().status(), status);
}

// What was called of a plugin with queues. Set to zero by `Counting`.
struct Calls {
  std::atomic<int> queues_created, queues_destroyed;
  std::atomic<int> copies, waits, releases;
  std::atomic<int> buffers_allocated, buffers_freed;
};
Calls calls;
ferry_backend counted;

// A toy whose calls are counted. A toy without queues is returned unchanged.
PluginBackend Counting() {
  calls.queues_created = calls.queues_destroyed = 0;
  calls.copies = calls.waits = calls.releases = 0;
  calls.buffers_allocated = calls.buffers_freed = 0;
  return Replaced([](ferry_backend* table) {
    if ((table->capabilities & FERRY_CAPABILITY_ASYNC) == 0) return;
    counted = *table;
    table->queue_create = [](void* context, uint32_t index, uint64_t* queue,
                             ferry_status* status) {
      ++calls.queues_created;
      return counted.queue_create(context, index, queue, status);
    };
    table->queue_destroy = [](void* context, uint64_t queue,
                              ferry_status* status) {
      ++calls.queues_destroyed;
      return counted.queue_destroy(context, queue, status);
    };
    table->copy_async = [](void* context, uint64_t queue,
                           const ferry_copy* copy, uint64_t* event,
                           ferry_status* status) {
      ++calls.copies;
      return counted.copy_async(context, queue, copy, event, status);
    };
    table->event_wait = [](void* context, uint64_t event,
                           ferry_status* status) {
      ++calls.waits;
      return counted.event_wait(context, event, status);
    };
    table->event_release = [](void* context, uint64_t event,
                              ferry_status* status) {
      ++calls.releases;
      return counted.event_release(context, event, status);
    };
    table->host_allocate = [](void* context, uint32_t index, uint64_t size,
                              void** address, ferry_status* status) {
      ++calls.buffers_allocated;
      return counted.host_allocate(context, index, size, address, status);
    };
    table->host_free = [](void* context, uint32_t index, void* address,
                          ferry_status* status) {
      ++calls.buffers_freed;
      return counted.host_free(context, index, address, status);
    };
  });
}

bool HasQueues() {
  return (Toy().table.capabilities & FERRY_CAPABILITY_ASYNC) != 0;
}

TEST(PluginBackendTest, CopiesOfAStreamAreIssuedTogether) {
  if (!HasQueues()) GTEST_SKIP() << "this toy has no queues";
  PluginBackend backend = Counting();
  Memory memory[3];
  ASSERT_THAT(backend.Allocate(0, {100, 0, 100}, absl::MakeSpan(memory)),
              IsOk());
  {
    const auto stream = backend.OpenStream(0);
    ASSERT_THAT(stream, IsOk());
    for (int i = 0; i < 2; ++i) {
      const absl::StatusOr<char*> buffer = (*stream)->NextBuffer();
      ASSERT_THAT(buffer, IsOk());
      ASSERT_THAT(
          (*stream)->ToDevice(*buffer, {{&memory[0], 0, 0, 100, "first"},
                                        {&memory[1], 0, 100, 0, "empty"},
                                        {&memory[2], 0, 100, 100, "last"}}),
          IsOk());
    }
    EXPECT_EQ(calls.copies, 4);
    EXPECT_EQ(calls.waits, 0);
    EXPECT_EQ(calls.buffers_allocated, 2);
    // `NextBuffer` returns the first buffer again once its two copies have
    // ended.
    ASSERT_THAT((*stream)->NextBuffer(), IsOk());
    EXPECT_EQ(calls.waits, 2);
    EXPECT_EQ(calls.releases, 2);
  }
  EXPECT_EQ(calls.waits, 4);
  EXPECT_EQ(calls.releases, 4);
  EXPECT_EQ(calls.queues_created, 1);
  EXPECT_EQ(calls.queues_destroyed, 1);
  EXPECT_EQ(calls.buffers_allocated, 2);
  EXPECT_EQ(calls.buffers_freed, 2);
  EXPECT_EQ(LiveStagingBytes(), 0u);
}

TEST(PluginBackendTest, BlockingCopiesUseNoQueue) {
  if (!HasQueues()) GTEST_SKIP() << "this toy has no queues";
  PluginBackend backend = Counting();
  const Memory memory = AllocateOn(backend, 0, 3 << 20);
  const std::vector<char> bytes(3 << 20);
  ASSERT_THAT(backend.CopyFromHost(bytes.data(), memory, 0, bytes.size()),
              IsOk());
  EXPECT_EQ(calls.queues_created, 0);
  EXPECT_EQ(calls.buffers_allocated, 0);
}

TEST(PluginBackendTest, StreamsGoOnWithoutHostMemoryOfThePlugin) {
  if (!HasQueues()) GTEST_SKIP() << "this toy has no queues";
  PluginBackend backend = Replaced([](ferry_backend* table) {
    table->host_allocate = [](void*, uint32_t, uint64_t, void**,
                              ferry_status* status) {
      return ferry_fail(status, FERRY_RESOURCE_EXHAUSTED, "none left");
    };
    table->host_free = [](void*, uint32_t, void*, ferry_status*) {
      ADD_FAILURE() << "nothing was allocated";
      return FERRY_OK;
    };
  });
  const Memory memory = AllocateOn(backend, 0, 4);
  const auto stream = backend.OpenStream(0);
  ASSERT_THAT(stream, IsOk());
  const absl::StatusOr<char*> buffer = (*stream)->NextBuffer();
  ASSERT_THAT(buffer, IsOk());
  std::memcpy(*buffer, "abc", 4);
  ASSERT_THAT((*stream)->ToDevice(*buffer, {{&memory, 0, 0, 4, "abc"}}),
              IsOk());
  ASSERT_THAT((*stream)->Finish(), IsOk());
  char found[4] = "";
  ASSERT_THAT(backend.CopyToHost(memory, 0, found, 4), IsOk());
  EXPECT_STREQ(found, "abc");
}

// The size of the buffers where the plugin likes copies of `chunk_bytes`.
template <uint64_t chunk_bytes>
uint64_t BufferBytes() {
  counted = Toy().table;
  PluginBackend backend = Replaced([](ferry_backend* table) {
    table->device_properties = [](void* context, uint32_t index,
                                  ferry_device_properties* out,
                                  ferry_status* status) {
      const int32_t code =
          counted.device_properties(context, index, out, status);
      out->copy_chunk_bytes = chunk_bytes;
      return code;
    };
  });
  const auto stream = backend.OpenStream(0);
  return stream.ok() ? (*stream)->buffer_bytes() : 0;
}

TEST(PluginBackendTest, BuffersHaveTheSizeOfTheDevicesCopiesWithinBounds) {
  if (!HasQueues()) {
    EXPECT_EQ(BufferBytes<0>(), kBlockingBufferBytes);
    return;
  }
  EXPECT_EQ(BufferBytes<0>(), kDefaultBufferBytes);
  EXPECT_EQ(BufferBytes<1>(), kMinBufferBytes);
  EXPECT_EQ(BufferBytes<3 << 20>(), uint64_t{3} << 20);
  EXPECT_EQ(BufferBytes<UINT64_MAX>(), kMaxBufferBytes);
}

TEST(PluginBackendTest, ToyHasTags) {
  PluginBackend backend(Toy());
  EXPECT_TRUE(backend.has_own_tags());
  EXPECT_THAT(backend.DeviceTag(1), IsOkAndHolds("toy:1"));
  EXPECT_EQ(backend.DeviceTag(2).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(backend.DeviceTag(-1).status().code(),
            absl::StatusCode::kOutOfRange);
  struct Case {
    const char* tag;
    std::optional<int> device;
  };
  for (const Case& c :
       {Case{"privateuseone:0", 0}, Case{"privateuseone:1", 1},
        Case{"privateuseone:10", 10}, Case{"privateuseone", std::nullopt},
        Case{"privateuseone:", std::nullopt},
        Case{"privateuseone:01", std::nullopt},
        Case{"privateuseone:1x", std::nullopt},
        Case{"privateuseones:1", std::nullopt}, Case{"cuda:0", std::nullopt},
        Case{"p", std::nullopt}}) {
    const absl::StatusOr<std::optional<int>> device = backend.FindDevice(c.tag);
    ASSERT_THAT(device, IsOk()) << c.tag;
    EXPECT_EQ(*device, c.device) << c.tag;
  }
  // A number that no word holds is no small one.
  const absl::StatusOr<std::optional<int>> device =
      backend.FindDevice("privateuseone:" + std::string(1000, '9'));
  ASSERT_THAT(device, IsOk());
  EXPECT_GT(**device, 1000);
}

TEST(PluginBackendTest, WithoutTheCapabilityThereAreNoTags) {
  const PluginBackend backend = Replaced([](ferry_backend* table) {
    table->capabilities &= ~FERRY_CAPABILITY_TAGS;
    table->device_tag = nullptr;
    table->find_device = nullptr;
  });
  EXPECT_FALSE(backend.has_own_tags());
}

TEST(PluginBackendTest, WrongTagsAreErrors) {
  const PluginBackend endless = Replaced([](ferry_backend* table) {
    table->device_tag = [](void*, uint32_t, ferry_tag* out, ferry_status*) {
      std::memset(out->text, 'x', sizeof(out->text));
      return FERRY_OK;
    };
    table->find_device = [](void*, const ferry_string*, uint32_t* index,
                            ferry_status*) {
      *index = UINT32_MAX - 1;
      return FERRY_OK;
    };
  });
  const absl::Status status = endless.DeviceTag(0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  // An index is no error here, but never a negative one.
  const absl::StatusOr<std::optional<int>> device = endless.FindDevice("x");
  ASSERT_THAT(device, IsOk());
  EXPECT_GE(**device, 1 << 15);

  const PluginBackend failing = Replaced([](ferry_backend* table) {
    table->device_tag = [](void*, uint32_t, ferry_tag*, ferry_status* report) {
      return ferry_fail(report, FERRY_UNAVAILABLE, "the daemon is gone");
    };
    // The code is in the answer alone.
    table->find_device = [](void*, const ferry_string*, uint32_t*,
                            ferry_status*) { return FERRY_INTERNAL; };
  });
  EXPECT_EQ(failing.DeviceTag(0).status().code(),
            absl::StatusCode::kUnavailable);
  const absl::Status broken = failing.FindDevice("x").status();
  EXPECT_EQ(broken.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(absl::StrContains(broken.message(), "breaks its interface"));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
