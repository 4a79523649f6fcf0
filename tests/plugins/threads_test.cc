// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// 32 threads that load a plugin and checkpoints to its device, and register and
// unregister packages and backends, all at once. Worth most with
// --config=tsan.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/runtime/plugins.h"
#include "ferry/runtime/runtime.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int kThreads = 32;
constexpr int kRounds = 10;
constexpr char kCheckpoint[] = "tests/data/training_checkpoint.pt";

PluginOptions Toy() {
  PluginOptions options;
  options.paths = {"plugins/testing/toy_async.so", "/no/such.so"};
  options.allow_reserved_types = true;
  return options;
}

absl::Status LoadThePlugin() {
  const std::vector<PluginVerdict> verdicts =
      PluginLoader::Default().Load(Toy());
  if (verdicts.size() != 2) return absl::InternalError("two verdicts");
  if (!absl::IsNotFound(verdicts[1].status)) return verdicts[1].status;
  return verdicts[0].status;
}

absl::Status LoadToDevice(int thread) {
  const absl::Status loaded = LoadThePlugin();
  if (!loaded.ok()) return loaded;
  LoadOptions options;
  // Some of the loads ask the plugin which device is meant.
  options.map_location = MapLocation::To(
      absl::StrCat(thread % 4 < 2 ? "toy:" : "privateuseone:", thread % 2));
  const absl::StatusOr<Value> value = Load(kCheckpoint, options);
  if (!value.ok()) return value.status();
  const absl::StatusOr<Value> weight = value->At("/model/hidden.weight");
  if (!weight.ok()) return weight.status();
  const absl::StatusOr<Tensor> tensor = weight->AsTensor();
  if (!tensor.ok()) return tensor.status();
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  return CopyStorage(devices, tensor->storage(), Device("cpu")).status();
}

absl::Status RegisterAndUnregister(int thread) {
  const std::string own = absl::StrCat("own", thread);
  const Registration registration = DeviceRegistry::Default().RegisterPackage(
      thread, nullptr,
      [own](const Storage& storage,
            absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
        if (tag != own) return std::nullopt;
        return storage;
      });
  FakeBackend::Options options;
  options.type = absl::StrCat("fake", thread);
  const absl::StatusOr<Registration> backend =
      DeviceRegistry::Default().RegisterBackend(
          200 + thread, std::make_shared<FakeBackend>(options));
  if (!backend.ok()) return backend.status();
  const DeviceSnapshot devices = DeviceRegistry::Default().Snapshot();
  const absl::StatusOr<Storage> host = Storage::Allocate(8);
  if (!host.ok()) return host.status();
  absl::Status status = devices.RestoreLocation(*host, own).status();
  status.Update(devices.RestoreLocation(*host, options.type).status());
  return status;
}

TEST(ThreadsTest, LoadRegisterAndUnregisterAtOnce) {
  std::vector<absl::Status> statuses(kThreads);
  std::atomic<bool> started{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      while (!started) std::this_thread::yield();
      for (int round = 0; round < kRounds; ++round) {
        absl::Status status = thread % 4 == 0 ? RegisterAndUnregister(thread)
                                              : LoadToDevice(thread);
        statuses[thread].Update(status);
      }
    });
  }
  started = true;
  for (std::thread& thread : threads) thread.join();
  for (int thread = 0; thread < kThreads; ++thread) {
    EXPECT_THAT(statuses[thread], IsOk()) << thread << ": " << statuses[thread];
  }
  // cpu, cuda, meta and toy are left.
  EXPECT_EQ(DeviceRegistry::Default().Snapshot().entries().size(), 4u);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
