// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using testing::HasSubstr;

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    absl::StatusOr<Registration> registration =
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>());
    EXPECT_TRUE(registration.ok());
    registration->Release();
    options_.registry = &registry_;
  }

  DeviceRegistry registry_;
  LoadOptions options_;
};

void ExpectSmallCheckpoint(const absl::StatusOr<Value>& value) {
  ASSERT_TRUE(value.ok()) << value.status();
  const absl::StatusOr<Value> w = value->Get("w");
  ASSERT_TRUE(w.ok());
  const absl::StatusOr<Tensor> tensor = w->AsTensor();
  ASSERT_TRUE(tensor.ok());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(static_cast<float*>(tensor->data())[i], static_cast<float>(i));
  }
}

TEST_F(LoadTest, FromAPath) {
  const std::string path = absl::StrCat(testing::TempDir(), "/small.pt");
  std::ofstream(path, std::ios::binary) << SmallCheckpoint().Build();
  ExpectSmallCheckpoint(Load(path, options_));
}

TEST_F(LoadTest, FromMemoryThatIsNotNeededAfterwards) {
  absl::StatusOr<Value> value = absl::UnknownError("");
  {
    std::string bytes = SmallCheckpoint().Build();
    value = LoadMemory(bytes, options_);
    bytes.assign(bytes.size(), 'x');
  }
  ExpectSmallCheckpoint(value);
}

TEST_F(LoadTest, ErrorsNameTheFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/broken.pt");
  ZipBuilder zip = SmallCheckpoint();
  zip.record("my.model/data/0").crc32 ^= 1;
  std::ofstream(path, std::ios::binary) << zip.Build();
  const absl::Status status = Load(path, options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr(path), HasSubstr("my.model/data/0"),
                             HasSubstr("offset")));
}

TEST_F(LoadTest, WithoutADeviceTheErrorSaysWhatThereIs) {
  const DeviceRegistry empty;
  options_.registry = &empty;
  const absl::Status status =
      LoadMemory(SmallCheckpoint().Build(), options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cpu"));
}

TEST_F(LoadTest, ReportsProgressAndCanBeCancelled) {
  uint64_t done = 0;
  options_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    EXPECT_EQ(total_bytes, 16);
    done = done_bytes;
  };
  ExpectSmallCheckpoint(LoadMemory(SmallCheckpoint().Build(), options_));
  EXPECT_EQ(done, 16);
  options_.is_cancelled = [] { return true; };
  EXPECT_EQ(LoadMemory(SmallCheckpoint().Build(), options_).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(LoadTest, TheByteOrderOfAFileThatDoesNotSay) {
  ZipBuilder zip = SmallCheckpoint();
  std::string swapped = SmallStorage();
  for (size_t i = 0; i < swapped.size(); i += 4) {
    std::swap(swapped[i], swapped[i + 3]);
    std::swap(swapped[i + 1], swapped[i + 2]);
  }
  zip.Remove("my.model/data/0");
  zip.Add("my.model/data/0", swapped);
  options_.fallback_byte_order = ByteOrder::kBig;
  ExpectSmallCheckpoint(LoadMemory(zip.Build(), options_));
  // A file that says is believed.
  ZipBuilder little = SmallCheckpoint();
  little.Add("my.model/byteorder", "little");
  ExpectSmallCheckpoint(LoadMemory(little.Build(), options_));
}

TEST_F(LoadTest, StrictGlobals) {
  options_.globals = Globals::kStrict;
  ExpectSmallCheckpoint(LoadMemory(SmallCheckpoint().Build(), options_));
  const std::string bytes =
      CheckpointOf(SmallPickleWith("collections\nOrderedDict",
                                   "collections\nUserListXXX"))
          .Build();
  const absl::Status status = LoadMemory(bytes, options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("collections.UserListXXX"));
}

}  // namespace
}  // namespace ferry
