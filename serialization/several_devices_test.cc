// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads to and saves from two devices, whose copies take effect late: both are
// busy from the beginning, each with two buffers, and the first error stops
// both.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/dtype.h"
#include "ferry/core/parallel.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/host_storage.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// On each device. All bytes together are moved in parallel.
constexpr int kCopies = 24;

class SeveralDevicesTest : public testing::TestWithParam<int> {
 protected:
  SeveralDevicesTest() {
    EXPECT_THAT(SetNumThreads(GetParam()), IsOk());
    FakeBackend::Options options;
    options.stream_buffer_bytes = kMiB;
    options.delays_transfers = true;
    options.before_copy = [this](int device) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (device == -1) return absl::OkStatus();
      log_.push_back(device);
      // A device that is gone stays so: a thread that has met it may be held up
      // while another goes on.
      if (++copies_[device] >= fails_at_ && fails_at_ != 0 && device == 1) {
        return absl::UnavailableError("device 1 is gone");
      }
      return absl::OkStatus();
    };
    backend_ = std::make_shared<FakeBackend>(options);
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(100, backend_));
    load_.registry = &registry_;
    save_.registry = &registry_;
    save_.durability = Durability::kNone;
    // In the file, all of one device comes before all of the other.
    Value list = Value::List();
    for (int device = 0; device < 2; ++device) {
      const Storage storage = HostStorage(PseudorandomBytes(kCopies * kMiB));
      storage.set_recorded_location(absl::StrCat("fake:", device));
      EXPECT_THAT(list.Append(Value(*Tensor::Create(storage, DType::kUInt8,
                                                    {kCopies * kMiB}, {1}, 0))),
                  IsOk());
    }
    EXPECT_THAT(Save(list, path_, save_), IsOk());
  }
  ~SeveralDevicesTest() override { std::remove(path_.c_str()); }

  void Clear(int fails_at = 0) {
    log_.clear();
    copies_[0] = copies_[1] = 0;
    fails_at_ = fails_at;
  }

  // Checks that both devices have worked from beginning to end.
  void ExpectSideBySide() {
    ASSERT_EQ(log_.size(), 2u * kCopies);
    for (int device = 0; device < 2; ++device) {
      const auto first = std::find(log_.begin(), log_.end(), device);
      const auto last = std::find(log_.rbegin(), log_.rend(), device);
      // A piece of work is 8 copies, and at most one piece is ahead.
      EXPECT_LE(first - log_.begin(), 8 * GetParam()) << device;
      EXPECT_LE(last - log_.rbegin(), 8 * GetParam() + 2) << device;
    }
    EXPECT_EQ(backend_->most_transfers_under_way(), kStagingBuffers);
    EXPECT_EQ(backend_->stream_count(), 0);
  }

  // Checks that the rest was not started after `fails_at_` copies.
  void ExpectStopped(const absl::Status& status, int allocations) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr("device 1 is gone"));
    EXPECT_LT(log_.size(), 1u * kCopies);
    EXPECT_EQ(backend_->allocation_count(), allocations);
    EXPECT_EQ(backend_->stream_count(), 0);
    EXPECT_EQ(LiveStagingBytes(), 0u);
  }

  std::mutex mutex_;
  std::vector<int> log_;  // the devices of all copies; guarded by mutex_
  int copies_[2] = {};    // guarded by mutex_
  int fails_at_ = 0;
  std::shared_ptr<FakeBackend> backend_;
  DeviceRegistry registry_;
  LoadOptions load_;
  SaveOptions save_;
  const std::string path_ = absl::StrCat(NewFolder(), "/two_devices.pt");
};

TEST_P(SeveralDevicesTest, AreFilledSideBySide) {
  Clear();
  ASSERT_THAT(Load(path_, load_), IsOk());
  ExpectSideBySide();
}

TEST_P(SeveralDevicesTest, AreSavedSideBySide) {
  const absl::StatusOr<Value> value = Load(path_, load_);
  ASSERT_THAT(value, IsOk());
  const std::string file = ReadFile(path_);
  Clear();
  ASSERT_THAT(Save(*value, path_, save_), IsOk());
  ExpectSideBySide();
  EXPECT_TRUE(ReadFile(path_) == file);
}

TEST_P(SeveralDevicesTest, AnErrorOfOneStopsBoth) {
  Clear(2);
  ExpectStopped(Load(path_, load_).status(), 0);
  Clear();
  const absl::StatusOr<Value> value = Load(path_, load_);
  ASSERT_THAT(value, IsOk());
  Clear(2);
  ExpectStopped(Save(*value, path_, save_), 2);
}

INSTANTIATE_TEST_SUITE_P(Threads, SeveralDevicesTest, testing::Values(1, 2));

}  // namespace
}  // namespace v1
}  // namespace ferry
