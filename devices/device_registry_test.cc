// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The list itself: its order, who is on it, snapshots. What tags mean is in
// location_test.cc.

#include "ferry/devices/device_registry.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

Tagger Tags(std::string tag) {
  return [tag](const Storage&) { return std::optional<std::string>(tag); };
}

std::shared_ptr<Backend> Fake(std::string type) {
  FakeBackend::Options options;
  options.type = std::move(type);
  return std::make_shared<FakeBackend>(options);
}

Storage HostStorage() {
  absl::StatusOr<Storage> storage = Storage::Allocate(8);
  EXPECT_THAT(storage, IsOk());
  return *storage;
}

// The tag of a host storage; "none" if nobody gives one.
std::string TagOf(const DeviceSnapshot& devices) {
  const absl::StatusOr<std::string> tag = devices.LocationTag(HostStorage());
  return tag.ok() ? *tag : "none";
}

std::vector<int> Priorities(const DeviceRegistry& registry) {
  std::vector<int> priorities;
  for (const auto& entry : registry.Snapshot().entries()) {
    priorities.push_back(entry.priority);
  }
  return priorities;
}

TEST(DeviceRegistryTest, LowerPriorityIsAskedFirst) {
  DeviceRegistry registry;
  const Registration second = registry.RegisterPackage(10, Tags("b"), {});
  const Registration first = registry.RegisterPackage(-5, Tags("a"), {});
  const Registration third = registry.RegisterPackage(20, Tags("c"), {});
  EXPECT_EQ(Priorities(registry), (std::vector<int>{-5, 10, 20}));
  EXPECT_EQ(TagOf(registry.Snapshot()), "a");
}

TEST(DeviceRegistryTest, EqualPrioritiesAreAskedInOrderOfRegistration) {
  DeviceRegistry registry;
  std::string asked;
  std::vector<Registration> registrations;
  for (char name : {'a', 'b', 'c', 'd'}) {
    registrations.push_back(registry.RegisterPackage(
        7,
        [&asked, name](const Storage&) -> std::optional<std::string> {
          asked += name;
          return std::nullopt;
        },
        {}));
  }
  EXPECT_EQ(TagOf(registry.Snapshot()), "none");
  EXPECT_EQ(asked, "abcd");
}

TEST(DeviceRegistryTest, EmptyTagIsNone) {
  DeviceRegistry registry;
  const Registration first = registry.RegisterPackage(1, Tags(""), {});
  const Registration empty = registry.RegisterPackage(2, {}, {});
  EXPECT_EQ(TagOf(registry.Snapshot()), "none");
  const Registration second = registry.RegisterPackage(3, Tags("b"), {});
  EXPECT_EQ(TagOf(registry.Snapshot()), "b");
}

TEST(DeviceRegistryTest, PackageGoesWithItsRegistration) {
  DeviceRegistry registry;
  {
    const Registration registration =
        registry.RegisterPackage(1, Tags("a"), {});
    EXPECT_EQ(TagOf(registry.Snapshot()), "a");
  }
  EXPECT_EQ(TagOf(registry.Snapshot()), "none");
  EXPECT_TRUE(registry.Snapshot().entries().empty());
}

TEST(DeviceRegistryTest, ReleasedPackageStays) {
  DeviceRegistry registry;
  {
    Registration registration = registry.RegisterPackage(1, Tags("a"), {});
    registration.Release();
  }
  EXPECT_EQ(TagOf(registry.Snapshot()), "a");
}

TEST(DeviceRegistryTest, MovedRegistrationHoldsThePackage) {
  DeviceRegistry registry;
  Registration outer;
  {
    Registration inner = registry.RegisterPackage(1, Tags("a"), {});
    outer = std::move(inner);
  }
  EXPECT_EQ(TagOf(registry.Snapshot()), "a");
  Registration moved(std::move(outer));
  EXPECT_EQ(TagOf(registry.Snapshot()), "a");

  // Assigning lets go of what was held, and only of that.
  moved = registry.RegisterPackage(2, Tags("b"), {});
  EXPECT_EQ(TagOf(registry.Snapshot()), "b");
  moved = Registration();
  EXPECT_EQ(TagOf(registry.Snapshot()), "none");
}

TEST(DeviceRegistryTest, RegistrationSurvivesBeingMovedToItself) {
  DeviceRegistry registry;
  Registration registration = registry.RegisterPackage(1, Tags("a"), {});
  Registration& same = registration;
  registration = std::move(same);
  EXPECT_EQ(TagOf(registry.Snapshot()), "a");
}

TEST(DeviceRegistryTest, SnapshotDoesNotSeeLaterChanges) {
  DeviceRegistry registry;
  Registration first = registry.RegisterPackage(10, Tags("a"), {});
  const DeviceSnapshot snapshot = registry.Snapshot();
  const Registration second = registry.RegisterPackage(5, Tags("b"), {});
  EXPECT_EQ(TagOf(snapshot), "a");
  first = Registration();
  EXPECT_EQ(TagOf(snapshot), "a");
  EXPECT_EQ(TagOf(registry.Snapshot()), "b");
}

TEST(DeviceRegistryTest, SnapshotOutlivesTheRegistry) {
  auto registry = std::make_unique<DeviceRegistry>();
  Registration registration = registry->RegisterPackage(1, Tags("a"), {});
  registration.Release();
  const DeviceSnapshot snapshot = registry->Snapshot();
  registry.reset();
  EXPECT_EQ(TagOf(snapshot), "a");
}

TEST(DeviceRegistryTest, PackagesMayUseTheRegistryWhileTheyRunAndGo) {
  DeviceRegistry registry;
  // Held by the tagger below, so that unregistering it unregisters this one.
  auto inner = std::make_shared<Registration>(
      registry.RegisterPackage(2, Tags("inner"), {}));
  Registration outer = registry.RegisterPackage(
      1,
      [inner, &registry](const Storage&) -> std::optional<std::string> {
        const Registration another =
            registry.RegisterPackage(0, Tags("another"), {});
        return TagOf(registry.Snapshot());
      },
      {});
  inner.reset();
  EXPECT_EQ(TagOf(registry.Snapshot()), "another");
  outer = Registration();
  EXPECT_EQ(TagOf(registry.Snapshot()), "none");
}

TEST(DeviceRegistryTest, RefusesWhatIsNoBackend) {
  DeviceRegistry registry;
  EXPECT_EQ(registry.RegisterBackend(1, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const char* type : {"", "1x", "a:b", "a b", "caf\xc3\xa9"}) {
    EXPECT_EQ(registry.RegisterBackend(1, Fake(type)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << type;
  }
  EXPECT_TRUE(registry.Snapshot().entries().empty());
}

TEST(DeviceRegistryTest, SameTypeAndPriorityIsRegisteredOnce) {
  DeviceRegistry registry;
  absl::StatusOr<Registration> first =
      registry.RegisterBackend(10, Fake("acme"));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(registry.RegisterBackend(10, Fake("acme")).status().code(),
            absl::StatusCode::kAlreadyExists);
  const std::shared_ptr<Backend> override = Fake("acme");
  const auto second = registry.RegisterBackend(9, override);
  EXPECT_THAT(second, IsOk());
  EXPECT_THAT(registry.RegisterBackend(10, Fake("acme2")), IsOk());
  EXPECT_EQ(registry.Snapshot().FindBackend("acme"), override);
  // A place that was left is free.
  *first = Registration();
  EXPECT_THAT(registry.RegisterBackend(10, Fake("acme")), IsOk());
}

TEST(DeviceRegistryTest, FindsBackendsByTheirExactType) {
  DeviceRegistry registry;
  const std::shared_ptr<Backend> cuda = Fake("cuda");
  const std::shared_ptr<Backend> cudax = Fake("cudax");
  const auto first = registry.RegisterBackend(20, cuda);
  const auto second = registry.RegisterBackend(100, cudax);
  const DeviceSnapshot devices = registry.Snapshot();
  EXPECT_EQ(devices.FindBackend("cuda"), cuda);
  EXPECT_EQ(devices.FindBackend("cudax"), cudax);
  for (const char* type : {"", "cud", "cuda_", "CUDA", "cuda:0"}) {
    EXPECT_EQ(devices.FindBackend(type), nullptr) << type;
  }
}

TEST(DeviceRegistryTest, EntriesSayWhoIsABackend) {
  DeviceRegistry registry;
  const std::shared_ptr<Backend> backend = Fake("acme");
  const auto first = registry.RegisterBackend(100, backend);
  const Registration second = registry.RegisterPackage(5, {}, {});
  const auto entries = registry.Snapshot().entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].priority, 5);
  EXPECT_EQ(entries[0].backend, nullptr);
  EXPECT_EQ(entries[1].priority, 100);
  EXPECT_EQ(entries[1].backend, backend);
}

// A backend that must not be touched.
class UntouchableBackend : public FakeBackend {
 public:
  absl::StatusOr<int> DeviceCount() const override {
    ADD_FAILURE() << "registering touched the hardware";
    return 1;
  }
};

TEST(DeviceRegistryTest, RegisteringTouchesNoHardware) {
  DeviceRegistry registry;
  EXPECT_THAT(
      registry.RegisterBackend(1, std::make_shared<UntouchableBackend>()),
      IsOk());
}

TEST(DeviceRegistryTest, DefaultIsOne) {
  EXPECT_EQ(&DeviceRegistry::Default(), &DeviceRegistry::Default());
}

TEST(DeviceRegistryTest, ThreadsMayChangeTheListWhileOthersUseIt) {
  DeviceRegistry registry;
  const auto host =
      registry.RegisterBackend(10, std::make_shared<FakeHostBackend>());
  ASSERT_THAT(host, IsOk());
  constexpr int kRounds = 500;
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&registry, i] {
      for (int round = 0; round < kRounds; ++round) {
        const auto backend = registry.RegisterBackend(100 + i, Fake("acme"));
        EXPECT_THAT(backend, IsOk());
        const Registration package =
            registry.RegisterPackage(5, Tags("mine"), {});
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&registry, &answered] {
      for (int round = 0; round < kRounds; ++round) {
        const DeviceSnapshot devices = registry.Snapshot();
        const std::string tag = TagOf(devices);
        EXPECT_TRUE(tag == "cpu" || tag == "mine") << tag;
        EXPECT_EQ(TagOf(devices), tag);
        const bool there = devices.FindBackend("acme") != nullptr;
        EXPECT_EQ(devices.Resolve("acme:1").ok(), there);
        EXPECT_THAT(devices.Resolve("cpu"), IsOk());
        ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 2 * kRounds);
  EXPECT_EQ(Priorities(registry), std::vector<int>{10});
}

}  // namespace
}  // namespace v1
}  // namespace ferry
