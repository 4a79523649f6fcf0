// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Backends that say what is not so.

#include <fenv.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/conformance/mutants.h"
#include "ferry/devices/testing/fake_backend.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

FakeBackend::Options With(void (*change)(FakeBackend::Options&)) {
  FakeBackend::Options options;
  change(options);
  return options;
}

TEST(DeviceMutantsTest, TypeIsNoName) {
  FakeBackend mutant(With([](auto& options) { options.type = "1st"; }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-01", "L-01", "L-02", "L-03"}));
}

TEST(DeviceMutantsTest, TypeChanges) {
  struct Mutant : FakeBackend {
    absl::string_view type() const override {
      return calls++ % 2 == 0 ? "fake" : "fakes";
    }
    mutable std::atomic<int> calls{0};
  } mutant;
  EXPECT_TRUE(IsCaughtBy("D-01", mutant));
}

TEST(DeviceMutantsTest, IndexingChanges) {
  struct Mutant : FakeBackend {
    bool is_indexed() const override { return calls++ % 3 != 0; }
    mutable std::atomic<int> calls{0};
  } mutant;
  EXPECT_TRUE(IsCaughtBy("D-02", mutant));
}

TEST(DeviceMutantsTest, HostMemoryWithoutBytes) {
  struct Mutant : FakeBackend {
    using FakeBackend::FakeBackend;
    bool is_host_memory() const override { return true; }
  } mutant(With([](auto& options) { options.has_bytes = false; }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-02", "M-03", "M-04"}));
}

TEST(DeviceMutantsTest, TwoDevicesWithoutAnIndex) {
  FakeBackend mutant(With([](auto& options) { options.is_indexed = false; }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-02", "L-03"}));
}

TEST(DeviceMutantsTest, CountChanges) {
  struct Mutant : FakeBackend {
    absl::StatusOr<int> DeviceCount() const override {
      return calls++ % 2 == 0 ? 1 : 2;
    }
    mutable std::atomic<int> calls{0};
  } mutant;
  EXPECT_TRUE(IsCaughtBy("D-03", mutant));
}

TEST(DeviceMutantsTest, NoDeviceIsACount) {
  FakeBackend mutant(With([](auto& options) { options.device_count = 0; }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-03"}));
}

TEST(DeviceMutantsTest, NoDeviceIsAnotherError) {
  FakeBackend mutant(With(
      [](auto& options) { options.absence = absl::InternalError("oops"); }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-03"}));
}

TEST(DeviceMutantsTest, NobodySaysWhyThereIsNoDevice) {
  FakeBackend mutant(With(
      [](auto& options) { options.absence = absl::UnavailableError(""); }));
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-03"}));
}

TEST(DeviceMutantsTest, PropertiesFail) {
  struct Mutant : FakeBackend {
    absl::StatusOr<DeviceProperties> Properties(int index) const override {
      if (index == 1) return absl::UnimplementedError("not yet");
      return FakeBackend::Properties(index);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-04"}));
}

TEST(DeviceMutantsTest, DeviceHasNoName) {
  struct Mutant : FakeBackend {
    absl::StatusOr<DeviceProperties> Properties(int index) const override {
      absl::StatusOr<DeviceProperties> properties =
          FakeBackend::Properties(index);
      if (properties.ok()) properties->name.clear();
      return properties;
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-04"}));
}

TEST(DeviceMutantsTest, EveryIndexHasProperties) {
  struct Mutant : FakeBackend {
    absl::StatusOr<DeviceProperties> Properties(int) const override {
      return DeviceProperties{"any", 0};
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-05"}));
}

TEST(DeviceMutantsTest, IndexIsClamped) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                          absl::Span<Memory> out) override {
      return FakeBackend::Allocate(std::min(std::max(index, 0), 1), sizes_bytes,
                                   out);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-05"}));
}

TEST(DeviceMutantsTest, WrongIndexIsAnotherError) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                          absl::Span<Memory> out) override {
      if (index < 0) return absl::InvalidArgumentError("negative");
      return FakeBackend::Allocate(index, sizes_bytes, out);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-05"}));
}

TEST(DeviceMutantsTest, NothingIsHadOnAnyIndex) {
  struct Mutant : FakeBackend {
    absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                          absl::Span<Memory> out) override {
      if (sizes_bytes.size() == 1 && sizes_bytes[0] == 0) {
        return absl::OkStatus();
      }
      return FakeBackend::Allocate(index, sizes_bytes, out);
    }
  } mutant;
  EXPECT_EQ(FailedChecks(mutant), Ids({"D-05"}));
}

// --- What is left alone ------------------------------------------------------

// Does something to the process when memory is asked for.
class Meddler : public FakeBackend {
 public:
  explicit Meddler(void (*meddle)()) : meddle_(meddle) {}
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override {
    meddle_();
    return FakeBackend::Allocate(index, sizes_bytes, out);
  }

 private:
  void (*const meddle_)();
};

TEST(DeviceMutantsTest, SignalHandlerIsReplaced) {
  Meddler mutant([] { std::signal(SIGUSR2, [](int) {}); });
  EXPECT_EQ(FailedChecks(mutant), Ids({"H-01"}));
  std::signal(SIGUSR2, SIG_DFL);
}

TEST(DeviceMutantsTest, SignalHandlerIsReplacedAndPutBack) {
  Meddler backend([] {
    // One thread at a time, or one would put back the handler of another.
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    struct sigaction before;
    ASSERT_EQ(sigaction(SIGUSR1, nullptr, &before), 0);
    std::signal(SIGUSR1, [](int) {});
    ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
  });
  EXPECT_EQ(FailedChecks(backend), Ids({}));
}

TEST(DeviceMutantsTest, SignalIsBlocked) {
  sigset_t mask;
  sigemptyset(&mask);
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  Meddler mutant([] {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  });
  EXPECT_EQ(FailedChecks(mutant), Ids({"H-01"}));
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

TEST(DeviceMutantsTest, DirectoryChanges) {
  char directory[4096];
  ASSERT_NE(getcwd(directory, sizeof(directory)), nullptr);
  Meddler mutant([] { EXPECT_EQ(chdir("/"), 0); });
  EXPECT_EQ(FailedChecks(mutant), Ids({"H-01"}));
  ASSERT_EQ(chdir(directory), 0);
}

TEST(DeviceMutantsTest, RoundingChanges) {
  const int rounding = fegetround();
  Meddler mutant([] { fesetround(FE_UPWARD); });
  EXPECT_EQ(FailedChecks(mutant), Ids({"H-01"}));
  fesetround(rounding);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
