// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/value/value.h"
#include "ferry/value/value_kind.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    options_.registry = &registry_;
  }

  DeviceRegistry registry_;
  LoadOptions options_;
};

void ExpectSmallCheckpoint(const absl::StatusOr<Value>& value) {
  ASSERT_THAT(value, IsOk());
  const absl::StatusOr<Value> w = value->Get("w");
  ASSERT_THAT(w, IsOk());
  const absl::StatusOr<Tensor> tensor = w->AsTensor();
  ASSERT_THAT(tensor, IsOk());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(static_cast<float*>(tensor->data())[i], static_cast<float>(i));
  }
}

TEST_F(LoadTest, FromAPath) {
  const std::string path = absl::StrCat(testing::TempDir(), "/small.pt");
  WriteFile(path, SmallCheckpoint().Build());
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
  WriteFile(path, zip.Build());
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

// --- One storage of two dtypes -----------------------------------------------

std::string ShortText(absl::string_view text) {
  return absl::StrCat("X", std::string(1, static_cast<char>(text.size())),
                      std::string(3, '\0'), text);
}

// A reference to the storage "0", which has `count` elements and is of the
// class `type`. `rest` follows in it.
std::string StorageRef(absl::string_view type, char count,
                       absl::string_view rest) {
  return absl::StrCat("(", ShortText("storage"), "ctorch\n", type, "\n",
                      ShortText("0"), ShortText("cpu"), "K",
                      std::string(1, count), rest, "tQ");
}

// The pickle of a list of two tensors over references to the storage "0": one
// to a FloatStorage of 16 bytes, and one of class `type`.
std::string TwoTensors(absl::string_view type, char count,
                       absl::string_view rest) {
  const auto tensor = [](absl::string_view storage) {
    return absl::StrCat("ctorch._utils\n_rebuild_tensor_v2\n(", storage, "K",
                        std::string(1, '\0'), "K\x01\x85K\x01\x85\x89",
                        "ccollections\nOrderedDict\n)RtR");
  };
  return absl::StrCat("\x80\x02](", tensor(StorageRef("FloatStorage", 4, rest)),
                      tensor(StorageRef(type, count, rest)), "e.");
}

std::string Archive(absl::string_view type, char count) {
  return CheckpointOf(TwoTensors(type, count, "")).Build();
}

// A legacy stream of a pickle that refers to the storage "0".
std::string StreamOf(absl::string_view pickle) {
  return absl::StrCat(
      absl::string_view("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."
                        "\x80\x02M\xe9\x03."
                        "\x80\x02}."),
      pickle, "\x80\x02](", ShortText("0"), "e.", std::string(1, '\x04'),
      std::string(7, '\0'), SmallStorage());
}

std::string Stream(absl::string_view type, char count) {
  return StreamOf(TwoTensors(type, count, "N"));
}

TEST_F(LoadTest, OneStorageOfTwoDTypes) {
  for (const auto& make : {Archive, Stream}) {
    const std::string bytes = make("IntStorage", 4);
    absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(bytes, options_);
    ASSERT_THAT(checkpoint, IsOk());
    for (const size_t i : {0, 1}) {
      EXPECT_EQ(checkpoint->root().Item(i)->AsTensor()->dtype(),
                DType::kFloat32);
    }
    const std::string warning =
        "storage \"0\" is float32 at its first reference and int32 elsewhere";
    EXPECT_THAT(checkpoint->warnings(), ElementsAre(HasSubstr(warning)));
    const std::string path = absl::StrCat(testing::TempDir(), "/two.pt");
    WriteFile(path, bytes);
    const absl::StatusOr<Checkpoint::FileVerdict> verdict =
        Checkpoint::VerifyFile(path, options_);
    ASSERT_THAT(verdict, IsOk());
    EXPECT_THAT(verdict->opens, IsOk());
    EXPECT_THAT(verdict->warnings, ElementsAre(HasSubstr(warning)));

    LoadOptions strict = options_;
    strict.globals = Globals::kStrict;
    const absl::Status refused = LoadMemory(bytes, strict).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("two dtypes"));
    EXPECT_THAT(LoadMemory(make("FloatStorage", 4), strict), IsOk());

    LoadOptions cast = options_;
    cast.dtype = DType::kFloat16;
    EXPECT_THAT(LoadMemory(bytes, cast),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("one storage as two dtypes")));
    EXPECT_THAT(LoadMemory(make("FloatStorage", 4), cast), IsOk());

    // Where even the sizes differ, the file contradicts itself.
    const absl::Status damage =
        LoadMemory(make("LongStorage", 4), options_).status();
    EXPECT_EQ(damage.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(damage.message()),
                HasSubstr("32 bytes here and 16 bytes elsewhere"));
  }
}

TEST_F(LoadTest, OneStorageOfTwoDTypesInABarePickle) {
  // The first reference is dropped.
  const std::string stream =
      StreamOf(absl::StrCat("\x80\x02", StorageRef("FloatStorage", 4, "N"), "0",
                            StorageRef("IntStorage", 4, "N"), "."));
  const std::string bytes =
      absl::StrCat("\x80\x03", "ctorch.storage\n_load_from_bytes\nB",
                   std::string(1, static_cast<char>(stream.size() & 0xFF)),
                   std::string(1, static_cast<char>(stream.size() >> 8)),
                   std::string(2, '\0'), stream, "\x85R.");
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->root().kind(), ValueKind::kStorage);
  EXPECT_THAT(checkpoint->warnings(), ElementsAre(HasSubstr("is float32")));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
