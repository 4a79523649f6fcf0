// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/crc32.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_layout.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A registry with the host as "cpu" and two devices "fake:0" and "fake:1".
class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(registry_.RegisterBackend(100, fake_));
    options_.registry = &registry_;
  }

  // A checkpoint of tensors "0", "1", ... of these many float32 and tags.
  std::string MakeFile(
      const std::vector<std::pair<int64_t, std::string>>& tensors) {
    Value all = Value::Dict();
    for (size_t i = 0; i < tensors.size(); ++i) {
      const std::vector<float> elements(tensors[i].first,
                                        static_cast<float>(i + 1));
      const absl::StatusOr<Tensor> tensor =
          Tensor::FromData(absl::MakeConstSpan(elements), {tensors[i].first});
      EXPECT_THAT(tensor, IsOk());
      tensor->storage().set_recorded_location(tensors[i].second);
      EXPECT_THAT(all.Set(absl::StrCat(i), Value(*tensor)), IsOk());
    }
    SaveOptions options;
    options.registry = &registry_;
    return *SaveToString(all, options);
  }

  static Tensor TensorOf(const Checkpoint& checkpoint, absl::string_view key) {
    const absl::StatusOr<Value> value = checkpoint.root().Get(key);
    EXPECT_THAT(value, IsOk());
    const absl::StatusOr<Tensor> tensor = value->AsTensor();
    EXPECT_THAT(tensor, IsOk());
    return *tensor;
  }

  DeviceRegistry registry_;
  std::shared_ptr<FakeBackend> fake_ = std::make_shared<FakeBackend>();
  LoadOptions options_;
};

// Notes what is read of a file.
class Recorder final : public RandomAccessFile {
 public:
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  Recorder(absl::string_view bytes, Ranges* ranges)
      : memory_(MakeMemoryFile(bytes, "recorded.pt")), ranges_(ranges) {}
  absl::string_view name() const override { return memory_->name(); }
  uint64_t size_bytes() const override { return memory_->size_bytes(); }
  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    {
      // Several threads read.
      const std::lock_guard<std::mutex> lock(mutex_);
      ranges_->emplace_back(offset_bytes, out.size());
    }
    return memory_->ReadAt(offset_bytes, out);
  }

 private:
  const std::unique_ptr<RandomAccessFile> memory_;
  mutable std::mutex mutex_;
  Ranges* const ranges_;  // guarded by mutex_ while it is read
};

uint64_t TotalBytes(const Recorder::Ranges& ranges) {
  uint64_t total = 0;
  for (const auto& range : ranges) total += range.second;
  return total;
}

TEST_F(CheckpointTest, OpeningReadsNoTensorData) {
  const std::string bytes =
      MakeFile({{8 << 20, "cpu"}, {16, "cpu"}, {1 << 20, "cpu"}});
  Recorder::Ranges ranges;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(std::make_unique<Recorder>(bytes, &ranges), options_);
  ASSERT_THAT(checkpoint, IsOk());
  // The end of the file, where the directory is, and a few small records.
  EXPECT_LT(TotalBytes(ranges), 80000);
  EXPECT_LT(ranges.size(), 20);
  EXPECT_THAT(TensorOf(*checkpoint, "0").shape(), ElementsAre(8 << 20));
  EXPECT_FALSE(TensorOf(*checkpoint, "0").storage().has_data());

  // One tensor's bytes and no others.
  ranges.clear();
  ASSERT_THAT(checkpoint->Load({TensorOf(*checkpoint, "1").storage()}), IsOk());
  EXPECT_LT(TotalBytes(ranges), 1000);
  EXPECT_TRUE(TensorOf(*checkpoint, "1").storage().has_data());
  EXPECT_EQ(static_cast<float*>(TensorOf(*checkpoint, "1").data())[15], 2.0f);
  EXPECT_FALSE(TensorOf(*checkpoint, "0").storage().has_data());

  // A loaded storage is not read again.
  ranges.clear();
  ASSERT_THAT(checkpoint->Load({TensorOf(*checkpoint, "1").storage()}), IsOk());
  EXPECT_TRUE(ranges.empty());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_LT(TotalBytes(ranges), 40 << 20);
  EXPECT_EQ(static_cast<float*>(TensorOf(*checkpoint, "2").data())[0], 3.0f);
  EXPECT_EQ(checkpoint->storages().size(), 3);
}

TEST_F(CheckpointTest, OpeningManyTensorsReadsFewTimes) {
  std::vector<std::pair<int64_t, std::string>> tensors(5000, {64, "cpu"});
  const std::string bytes = MakeFile(tensors);
  Recorder::Ranges ranges;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(std::make_unique<Recorder>(bytes, &ranges), options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_LT(ranges.size(), 20);
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  EXPECT_LT(ranges.size(), 40);
  for (int i = 0; i < 5000; i += 499) {
    const Tensor tensor = TensorOf(*checkpoint, absl::StrCat(i));
    EXPECT_EQ(static_cast<float*>(tensor.data())[63],
              static_cast<float>(i + 1));
  }
}

TEST_F(CheckpointTest, KnowsWhatKindOfFileItIs) {
  const std::string bytes = SmallCheckpoint().Build();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().container, Container::kZip);
  EXPECT_EQ(checkpoint->info().kind, CheckpointKind::kCheckpoint);
  EXPECT_EQ(checkpoint->info().pickle_protocol, 2);
  EXPECT_EQ(checkpoint->info().archive_name, "my.model");
  EXPECT_FALSE(checkpoint->info().is_big_endian);
}

TEST_F(CheckpointTest, PutsStoragesOnTheirDevices) {
  const std::string bytes = MakeFile(
      {{100, "fake:1"}, {100, "cpu"}, {3 << 20, "fake:0"}, {7, "fake:1"}});
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  // A large one goes to the device piece by piece, not through a copy of it.
  EXPECT_LE(fake_->largest_copy_bytes(), 1 << 20);
  const char* const devices[] = {"fake:1", "cpu", "fake:0", "fake:1"};
  for (int i = 0; i < 4; ++i) {
    const Tensor tensor = TensorOf(*checkpoint, absl::StrCat(i));
    EXPECT_EQ(tensor.device().ToString(), devices[i]);
    EXPECT_EQ(tensor.storage().recorded_location(), "");
    std::vector<float> elements(tensor.num_elements());
    ASSERT_THAT(CopyToHost(registry_.Snapshot(), tensor.storage(), 0,
                           elements.data(), elements.size() * sizeof(float)),
                IsOk());
    EXPECT_THAT(elements, testing::Each(static_cast<float>(i + 1)));
  }
}

TEST_F(CheckpointTest, HostPlacementKeepsTags) {
  const std::string bytes =
      MakeFile({{4, "fake:1"}, {4, "nobody:7"}, {4, "cpu"}});
  options_.placement = Placement::kHost;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  const char* const tags[] = {"fake:1", "nobody:7", "cpu"};
  for (int i = 0; i < 3; ++i) {
    const Tensor tensor = TensorOf(*checkpoint, absl::StrCat(i));
    EXPECT_TRUE(tensor.device().is_cpu());
    EXPECT_EQ(tensor.storage().recorded_location(), tags[i]);
    EXPECT_EQ(static_cast<float*>(tensor.data())[3], static_cast<float>(i + 1));
  }
  EXPECT_EQ(fake_->copy_count(), 0);
}

TEST_F(CheckpointTest, UnknownTagsAreErrorsBeforeAnythingIsRead) {
  const std::string bytes = MakeFile({{4, "cpu"}, {4, "nobody:7"}});
  Recorder::Ranges ranges;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(std::make_unique<Recorder>(bytes, &ranges), options_);
  ASSERT_THAT(checkpoint, IsOk());
  ranges.clear();
  const absl::Status status = checkpoint->LoadAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("recorded.pt"), HasSubstr("nobody:7"),
                             HasSubstr("cpu")));
  // Nothing is half done.
  for (const Storage& storage : checkpoint->storages()) {
    EXPECT_FALSE(storage.has_data());
  }
  // Storages that can be loaded still load.
  EXPECT_THAT(checkpoint->Load({checkpoint->storages()[0]}), IsOk());
}

TEST_F(CheckpointTest, IndexPastTheLastDevice) {
  const std::string bytes = MakeFile({{4, "fake:2"}});
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->LoadAll().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(CheckpointTest, ProgramsPackageIsGivenCompleteStorages) {
  const std::string bytes =
      MakeFile({{4, "vault"}, {4, "cpu"}, {4, "vault"}, {0, "vault"}});
  std::vector<std::string> asked;
  const Registration registration = registry_.RegisterPackage(
      5, nullptr,
      [&](const Storage& storage,
          absl::string_view tag) -> absl::StatusOr<std::optional<Storage>> {
        if (tag != "vault") return std::nullopt;
        EXPECT_TRUE(storage.has_data());
        float first = -1;
        if (storage.size_bytes() != 0) {
          std::memcpy(&first, storage.data(), sizeof(first));
        }
        asked.push_back(absl::StrCat(tag, " ", first));
        // Another storage in its place.
        const absl::StatusOr<Storage> copy =
            Storage::Allocate(storage.size_bytes());
        if (storage.size_bytes() != 0) {
          std::memcpy(copy->data(), storage.data(), storage.size_bytes());
        }
        return *copy;
      });
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const Storage before = TensorOf(*checkpoint, "0").storage();
  const absl::Status status = checkpoint->LoadAll();
  ASSERT_THAT(status, IsOk());
  // In the order of first reference.
  EXPECT_THAT(asked, ElementsAre("vault 1", "vault 3", "vault -1"));
  const Tensor tensor = TensorOf(*checkpoint, "0");
  EXPECT_NE(tensor.storage(), before);
  EXPECT_EQ(tensor.storage(), checkpoint->storages()[0]);
  EXPECT_EQ(static_cast<float*>(tensor.data())[0], 1.0f);
  EXPECT_EQ(tensor.storage().recorded_location(), "");
  // It is known as the checkpoint's own.
  EXPECT_THAT(checkpoint->Load({tensor.storage()}), IsOk());
}

TEST_F(CheckpointTest, ProgramsPackageMayFail) {
  const std::string bytes = MakeFile({{4, "vault"}});
  const Registration registration = registry_.RegisterPackage(
      5, nullptr,
      [](const Storage&,
         absl::string_view) -> absl::StatusOr<std::optional<Storage>> {
        return absl::PermissionDeniedError("the vault is closed");
      });
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::Status status = checkpoint->LoadAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the vault is closed"));
}

TEST_F(CheckpointTest, LimitsBoundTheStorages) {
  const std::string bytes = MakeFile({{256, "cpu"}, {256, "cpu"}});
  options_.max_tensor_bytes = 2047;
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->LoadAll().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(checkpoint->Load({checkpoint->storages()[1]}), IsOk());
  options_.max_tensor_bytes = 2048;
  checkpoint = Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_THAT(checkpoint->LoadAll(), IsOk());
}

TEST_F(CheckpointTest, StoragesOfOthersAreRefused) {
  const std::string bytes = MakeFile({{4, "cpu"}});
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::StatusOr<Storage> other = Storage::Allocate(4);
  EXPECT_EQ(checkpoint->Load({*other}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->Load({Storage()}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(checkpoint->Load({}), IsOk());
}

TEST_F(CheckpointTest, AFailedPlaceLeavesNothingPlaced) {
  ZipBuilder zip = SmallCheckpoint();
  zip.record("my.model/data/0").crc32 ^= 1;
  const std::string bytes = zip.Build();
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->LoadAll().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(checkpoint->storages()[0].has_data());
}

TEST_F(CheckpointTest, FindsTheBytesOfAStorage) {
  for (const bool is_deflated : {false, true}) {
    ZipBuilder zip = SmallCheckpoint();
    if (is_deflated) {
      zip.Remove("my.model/data/0");
      zip.AddDeflated("my.model/data/0", SmallStorage());
    }
    zip.record("my.model/data/0").local_extra = std::string(7, 'x');
    const std::string bytes = zip.Build();
    const absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(bytes, options_);
    ASSERT_THAT(checkpoint, IsOk());
    const absl::StatusOr<std::vector<Checkpoint::StoredRun>> runs =
        checkpoint->FindRuns(checkpoint->storages()[0]);
    ASSERT_THAT(runs, IsOk());
    ASSERT_EQ(runs->size(), 1u);
    const Checkpoint::StoredRun& run = (*runs)[0];
    EXPECT_EQ(run.file, "<memory>");
    EXPECT_EQ(Name(run.encoding), is_deflated ? "deflated" : "stored");
    EXPECT_EQ(run.storage_offset_bytes, 0u);
    EXPECT_EQ(run.size_bytes, SmallStorage().size());
    EXPECT_EQ(bytes.substr(run.offset_bytes, run.encoded_bytes),
              is_deflated ? Deflate(SmallStorage()) : SmallStorage());
  }
}

TEST_F(CheckpointTest, BytesAreNotFoundBehindADamagedHeader) {
  ZipBuilder zip = SmallCheckpoint();
  zip.record("my.model/data/0").local_signature = 0;
  const std::string bytes = zip.Build();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->FindRuns(checkpoint->storages()[0]).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(checkpoint->FindRuns(*Storage::Allocate(4)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CheckpointTest, Verifies) {
  ZipBuilder zip = SmallCheckpoint();
  zip.record("my.model/data/0").stored[0] ^= 1;
  zip.record("my.model/version").crc32 = 0;
  const std::string bytes = zip.Build();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      checkpoint->Verify();
  ASSERT_THAT(verdicts, IsOk());
  ASSERT_EQ(verdicts->size(), 3);
  EXPECT_EQ((*verdicts)[0].outcome, RecordVerdict::kVerified);
  EXPECT_EQ((*verdicts)[1].outcome, RecordVerdict::kCorrupt);
  EXPECT_EQ((*verdicts)[1].record, "my.model/data/0");
  EXPECT_EQ((*verdicts)[2].outcome, RecordVerdict::kNotRecorded);
}

TEST_F(CheckpointTest, ValuesOutliveTheCheckpoint) {
  Tensor tensor;
  Value root;
  {
    const std::string bytes = SmallCheckpoint().Build();
    absl::StatusOr<Checkpoint> checkpoint =
        Checkpoint::OpenMemory(bytes, options_);
    ASSERT_THAT(checkpoint, IsOk());
    ASSERT_THAT(checkpoint->LoadAll(), IsOk());
    tensor = TensorOf(*checkpoint, "w");
    root = checkpoint->root();
  }
  EXPECT_EQ(static_cast<float*>(tensor.data())[3], 3.0f);
  EXPECT_TRUE(root.Contains("v"));
}

// A checkpoint whose second storage stands past 4 GiB, in a file with a hole.
TEST_F(CheckpointTest, StoragesPast4GiB) {
  const uint64_t big = (uint64_t{4} << 30) + 4096;
  std::string pickle = SmallPickle();
  const auto replace = [&pickle](absl::string_view from, absl::string_view to) {
    const size_t at = pickle.find(from.data(), 0, from.size());
    ASSERT_NE(at, std::string::npos);
    pickle.replace(at, from.size(), to.data(), to.size());
  };
  // The one tensor is over record "1"; record "0" belongs to nobody.
  replace(absl::string_view("X\x01\x00\x00\x00"
                            "0q\x05",
                            8),
          absl::string_view("X\x01\x00\x00\x00"
                            "1q\x05",
                            8));
  zip::ZipLayout layout(64);
  layout.Add("a/data.pkl", pickle.size());
  layout.Add("a/data/0", big);
  layout.Add("a/data/1", SmallStorage().size());
  layout.Add("a/version", 2);
  const std::string contents[] = {pickle, "", SmallStorage(), "3\n"};
  std::vector<uint32_t> crc32s;
  for (const std::string& text : contents) crc32s.push_back(Crc32(text));

  const std::string path = absl::StrCat(testing::TempDir(), "/sparse.pt");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  ASSERT_GE(fd, 0);
  const auto write = [fd](uint64_t offset, absl::string_view bytes) {
    ASSERT_EQ(pwrite(fd, bytes.data(), bytes.size(), offset), bytes.size());
  };
  for (size_t i = 0; i < 4; ++i) {
    const zip::ZipLayout::Record& record = layout.records()[i];
    write(record.header_offset, layout.HeaderBytes(i));
    write(record.contents_offset, contents[i]);
    write(record.contents_offset + record.size_bytes,
          layout.DescriptorBytes(i, crc32s[i]));
  }
  write(layout.directory_offset(), layout.DirectoryBytes(crc32s));
  close(fd);
  ASSERT_GT(layout.records()[2].header_offset, uint64_t{4} << 30);

  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const absl::Status status = checkpoint->LoadAll();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(static_cast<float*>(TensorOf(*checkpoint, "w").data())[3], 3.0f);
  unlink(path.c_str());
}

TEST_F(CheckpointTest, WhatTheFileHasNoBytesOfIsNotRead) {
  ZipBuilder zip;
  zip.Add("my.model/data.pkl",
          SmallPickleWith(absl::string_view("X\3\0\0\0cpu", 8),
                          absl::string_view("X\4\0\0\0meta", 9)));
  zip.Add("my.model/data/0", "");
  zip.Add("my.model/version", "3\n");
  const std::string bytes = zip.Build();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, options_);
  ASSERT_THAT(checkpoint, IsOk());
  const Tensor tensor = *checkpoint->root().At("/w")->AsTensor();
  std::string memory(tensor.storage().size_bytes(), ' ');
  const absl::Status status = checkpoint->ReadInto(
      {{tensor.storage(), absl::MakeSpan(&memory[0], memory.size())}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the file holds no bytes"));
  std::vector<float> elements(static_cast<size_t>(tensor.num_elements()));
  EXPECT_EQ(checkpoint
                ->ReadTensors({{tensor, *Tensor::FromData<float>(
                                            elements, tensor.shape())}})
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
