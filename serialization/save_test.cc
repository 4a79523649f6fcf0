// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/save.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/file.h"
#include "ferry/core/memory.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/value.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SaveTest : public testing::Test {
 protected:
  SaveTest() {
    Register(10, std::make_shared<FakeHostBackend>());
    Register(100, fake_);
    options_.registry = &registry_;
    options_.durability = Durability::kNone;
    load_options_.registry = &registry_;
  }

  void Register(int priority, std::shared_ptr<Backend> backend) {
    absl::StatusOr<Registration> registration =
        registry_.RegisterBackend(priority, std::move(backend));
    ASSERT_TRUE(registration.ok());
    registration->Release();
  }

  absl::StatusOr<std::string> SaveToString(const Value& value) {
    std::string bytes;
    StringSink sink(&bytes);
    const absl::Status status = Save(value, sink, options_);
    if (!status.ok()) return status;
    return bytes;
  }

  // A dict of so many tensors of one element.
  static Value Tensors(int count) {
    Value all = Value::Dict();
    for (int i = 0; i < count; ++i) {
      const float element[] = {static_cast<float>(i)};
      EXPECT_TRUE(
          all.Set(absl::StrCat(i),
                  Value(*Tensor::FromData(absl::MakeConstSpan(element), {1})))
              .ok());
    }
    return all;
  }

  std::vector<std::string> Records(absl::string_view bytes) {
    std::vector<std::string> names;
    const absl::StatusOr<zip::ZipDirectory> directory = zip::ZipDirectory::Read(
        *ReadableMemory(bytes, "some.zip"), zip::ZipLimits());
    EXPECT_TRUE(directory.ok()) << directory.status();
    for (const zip::ZipEntry& entry : directory->entries()) {
      names.emplace_back(entry.name);
    }
    return names;
  }

  DeviceRegistry registry_;
  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  SaveOptions options_;
  LoadOptions load_options_;
};

TEST_F(SaveTest, WritesTheRecordsOfEachVersion) {
  const Value value = Tensors(12);
  options_.compatibility = Compatibility::kTorch1_6;
  EXPECT_THAT(
      Records(*SaveToString(value)),
      ElementsAre("archive/data.pkl", "archive/data/0", "archive/data/1",
                  "archive/data/10", "archive/data/11", "archive/data/2",
                  "archive/data/3", "archive/data/4", "archive/data/5",
                  "archive/data/6", "archive/data/7", "archive/data/8",
                  "archive/data/9", "archive/version"));
  options_.compatibility = Compatibility::kTorch2_1;
  EXPECT_THAT(Records(*SaveToString(value)),
              ElementsAre("archive/data.pkl", "archive/byteorder",
                          "archive/data/0", "archive/data/1", "archive/data/10",
                          "archive/data/11", "archive/data/2", "archive/data/3",
                          "archive/data/4", "archive/data/5", "archive/data/6",
                          "archive/data/7", "archive/data/8", "archive/data/9",
                          "archive/version", "archive/.data/serialization_id"));
  options_.compatibility = Compatibility::kTorch2_7;
  EXPECT_THAT(Records(*SaveToString(Tensors(11))),
              ElementsAre("archive/data.pkl", "archive/.format_version",
                          "archive/.storage_alignment", "archive/byteorder",
                          "archive/data/0", "archive/data/1", "archive/data/2",
                          "archive/data/3", "archive/data/4", "archive/data/5",
                          "archive/data/6", "archive/data/7", "archive/data/8",
                          "archive/data/9", "archive/data/10",
                          "archive/version", "archive/.data/serialization_id"));
}

TEST_F(SaveTest, GivesBackTheBytesOfPyTorch) {
  // As PyTorch 1.13 wrote them: test vectors of the layout's own test have the
  // whole archive; here the pickle and the storage go through a load.
  const absl::StatusOr<Value> value =
      LoadMemory(SmallCheckpoint().Build(), load_options_);
  ASSERT_TRUE(value.ok()) << value.status();
  options_.compatibility = Compatibility::kTorch1_6;
  options_.archive_name = "my.model";
  const absl::StatusOr<std::string> bytes = SaveToString(*value);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->size(), 750);
  EXPECT_EQ(bytes->substr(0x40, 172), SmallPickle());
  EXPECT_EQ(bytes->substr(0x140, 16), SmallStorage());
}

TEST_F(SaveTest, NamesTheArchiveAfterTheFile) {
  const struct {
    const char* file;
    const char* archive_1_6;
    const char* archive;
  } cases[] = {
      {"model.pt", "model", "model"},
      {"my.model.pt", "my.model", "my.model"},
      {"...pt", "archive", "archive"},
      {"archive.tar.gz", "archive.tar", "archive.tar"},
      {"plain", "plain", "plain"},
      {"a.", "a", "a"},
      {"with space.pt", "with space", "with space"},
      {"back\\slash.pt", "slash", "slash"},
      {".hidden", "archive", "archive"},
      {"mod\xC3\xA8le.pt", "mod\xC3\xA8le", "archive"},
  };
  for (const auto& c : cases) {
    for (Compatibility compatibility :
         {Compatibility::kTorch1_6, Compatibility::kTorch2_7}) {
      options_.compatibility = compatibility;
      const std::string path = absl::StrCat(testing::TempDir(), "/", c.file);
      const absl::Status status = Save(Value(1), path, options_);
      ASSERT_TRUE(status.ok()) << status;
      absl::StatusOr<std::unique_ptr<ReadableBytes>> file =
          OpenForReading(path);
      ASSERT_TRUE(file.ok());
      const absl::StatusOr<zip::ZipDirectory> directory =
          zip::ZipDirectory::Read(**file, zip::ZipLimits());
      ASSERT_TRUE(directory.ok());
      EXPECT_EQ(
          directory->entries()[0].name,
          absl::StrCat(compatibility == Compatibility::kTorch1_6 ? c.archive_1_6
                                                                 : c.archive,
                       "/data.pkl"));
    }
  }
  options_.archive_name = "chosen";
  EXPECT_THAT(Records(*SaveToString(Value(1)))[0], "chosen/data.pkl");
}

TEST_F(SaveTest, OptionsOutOfRangeAreRefused) {
  for (int protocol : {-1, 0, 1, 6}) {
    options_.pickle_protocol = protocol;
    const absl::Status status = SaveToString(Value(1)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("2 to 5"));
    // Nothing is created.
    const std::string path = absl::StrCat(testing::TempDir(), "/not_there.pt");
    EXPECT_FALSE(Save(Value(1), path, options_).ok());
    EXPECT_EQ(OpenForReading(path).status().code(),
              absl::StatusCode::kNotFound);
  }
  options_.pickle_protocol = 2;
  for (uint64_t alignment : {uint64_t{0}, uint64_t{32769}, UINT64_MAX}) {
    options_.storage_alignment = alignment;
    EXPECT_EQ(SaveToString(Value(1)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  options_.storage_alignment = 64;
  for (const char* name : {"..", ".", "../x", "/x", "a/b", "a\\b"}) {
    options_.archive_name = name;
    EXPECT_EQ(SaveToString(Value(1)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST_F(SaveTest, AlignsStorages) {
  for (uint64_t alignment : {1, 64, 100, 4096, 32768}) {
    options_.storage_alignment = alignment;
    const absl::StatusOr<std::string> bytes = SaveToString(Tensors(3));
    ASSERT_TRUE(bytes.ok());
    const auto file = ReadableMemory(*bytes, "some.zip");
    const absl::StatusOr<zip::ZipDirectory> directory =
        zip::ZipDirectory::Read(*file, zip::ZipLimits());
    ASSERT_TRUE(directory.ok());
    for (const zip::ZipEntry& entry : directory->entries()) {
      EXPECT_EQ(*zip::FindContents(*file, entry) % alignment, 0);
    }
    EXPECT_TRUE(LoadMemory(*bytes, load_options_).ok());
  }
}

TEST_F(SaveTest, StoragesAreTaggedByTheRegistry) {
  absl::StatusOr<MemoryRuns> memory = fake_->Allocate(1, {16});
  ASSERT_TRUE(memory.ok());
  ASSERT_TRUE(
      fake_->CopyFromHost(SmallStorage().data(), (*memory)[0], 0, 16).ok());
  const absl::StatusOr<Tensor> tensor =
      Tensor::Create(Storage::FromMemory(Device("fake", 1), (*memory)[0], 16),
                     DType::kFloat32, {4});
  ASSERT_TRUE(tensor.ok());
  const absl::StatusOr<std::string> bytes = SaveToString(Value(*tensor));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const absl::StatusOr<Value> value = LoadMemory(*bytes, load_options_);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->AsTensor()->device().ToString(), "fake:1");
  load_options_.placement = Placement::kHost;
  const absl::StatusOr<Value> on_host = LoadMemory(*bytes, load_options_);
  ASSERT_TRUE(on_host.ok());
  EXPECT_EQ(on_host->AsTensor()->storage().recorded_location(), "fake:1");
  // What was recorded goes before what the registry says.
  on_host->AsTensor()->storage().set_recorded_location("other:3");
  const absl::StatusOr<std::string> again = SaveToString(*on_host);
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(*again, HasSubstr("other:3"));
}

TEST_F(SaveTest, ATagIsWrittenOnce) {
  // Whoever made the storages, PyTorch has one object for "cpu".
  const absl::StatusOr<std::string> bytes = SaveToString(Tensors(3000));
  ASSERT_TRUE(bytes.ok());
  const absl::string_view tag("X\x03\0\0\0cpu", 8);
  const size_t first = bytes->find(tag.data(), 0, tag.size());
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(bytes->find(tag.data(), first + 1, tag.size()), std::string::npos);
}

TEST_F(SaveTest, WhatCannotBeSavedIsAnError) {
  // One storage as two dtypes.
  const absl::StatusOr<Storage> storage = Storage::Allocate(16);
  Value two = Value::List();
  ASSERT_TRUE(
      two.Append(Value(*Tensor::Create(*storage, DType::kFloat32, {4}))).ok());
  ASSERT_TRUE(
      two.Append(Value(*Tensor::Create(*storage, DType::kInt32, {4}))).ok());
  absl::Status status = SaveToString(two).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("different types"));
  // A storage on a device that nobody knows, and one that was never placed.
  const Storage unknown = Storage::FromMemory(Device("unknown"), Memory{}, 16);
  status = SaveToString(Value(*Tensor::Create(unknown, DType::kFloat32, {4})))
               .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const Storage described = Storage::Described(16, "cpu");
  status = SaveToString(Value(*Tensor::Create(described, DType::kFloat32, {4})))
               .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

TEST_F(SaveTest, ACancelledSaveKeepsTheOldFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/kept.pt");
  ASSERT_TRUE(Save(Value("old"), path, options_).ok());
  options_.is_cancelled = [] { return true; };
  EXPECT_EQ(Save(Value("new"), path, options_).code(),
            absl::StatusCode::kCancelled);
  const absl::StatusOr<Value> value = Load(path, load_options_);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value->AsStr(), "old");
}

TEST_F(SaveTest, ReportsProgress) {
  uint64_t done = 0, total = 0;
  options_.progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    EXPECT_GT(done_bytes, done);
    done = done_bytes;
    total = total_bytes;
  };
  ASSERT_TRUE(SaveToString(Tensors(10)).ok());
  EXPECT_GT(done, 0);
  EXPECT_LE(done, total);
}

TEST_F(SaveTest, FlushesTheSinkOnce) {
  class Counting final : public ByteSink {
   public:
    absl::Status Write(absl::string_view) override {
      EXPECT_EQ(flushes, 0);
      return absl::OkStatus();
    }
    absl::Status Flush() override {
      ++flushes;
      return absl::UnavailableError("the flush failed");
    }
    int flushes = 0;
  };
  Counting sink;
  EXPECT_EQ(Save(Value(1), sink, options_).message(), "the flush failed");
  EXPECT_EQ(sink.flushes, 1);
}

}  // namespace
}  // namespace ferry
