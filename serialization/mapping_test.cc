// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// `LoadOptions::mapping`: storages that stay in their file.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/testing/fake_backend.h"
#include "ferry/devices/testing/fake_host_backend.h"
#include "ferry/devices/testing/keep_registered.h"
#include "ferry/io/file.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/save.h"
#include "ferry/serialization/testing/small_checkpoint.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;

class MappingTest : public testing::Test {
 protected:
  MappingTest()
      : path_(absl::StrCat(
            testing::TempDir(), "/",
            testing::UnitTest::GetInstance()->current_test_info()->name(),
            ".pt")) {
    KeepRegistered(
        registry_.RegisterBackend(10, std::make_shared<FakeHostBackend>()));
    KeepRegistered(
        registry_.RegisterBackend(100, std::make_shared<FakeBackend>()));
    options_.registry = &registry_;
    options_.mapping = FileMapping::kCopyOnWrite;
  }

  // The tensor "w" of `SmallCheckpoint`.
  absl::StatusOr<Tensor> LoadW() {
    const absl::StatusOr<Value> value = Load(path_, options_);
    if (!value.ok()) return value.status();
    return value->Get("w")->AsTensor();
  }

  static std::vector<float> Elements(const Tensor& tensor) {
    std::vector<float> elements(4);
    std::memcpy(elements.data(), tensor.data(), sizeof(float) * 4);
    return elements;
  }

  // A record that begins at `remainder` past a multiple of 64.
  static std::string CheckpointAt(uint64_t remainder) {
    ZipBuilder zip = SmallCheckpoint();
    ZipBuilderRecord& record = zip.record("my.model/data/0");
    for (;;) {
      const std::string bytes = zip.Build();
      if (bytes.find(SmallStorage()) % 64 == remainder) return bytes;
      record.local_extra.push_back('x');
    }
  }

  const std::string path_;
  DeviceRegistry registry_;
  LoadOptions options_;
};

// Whether the storage is the file's pages: a change of the file is seen.
bool IsMapped(const std::string& path, const Tensor& tensor) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const size_t at = bytes.find(SmallStorage());
  if (at == std::string::npos) return false;
  file.clear();
  file.seekp(static_cast<std::streamoff>(at));
  const float changed = 42;
  file.write(reinterpret_cast<const char*>(&changed), sizeof(changed));
  file.close();
  return static_cast<const float*>(tensor.data())[0] == 42;
}

TEST_F(MappingTest, SharesTheFilesPagesAndOutlivesTheCheckpoint) {
  for (FileMapping mapping :
       {FileMapping::kReadOnly, FileMapping::kCopyOnWrite}) {
    WriteFile(path_, CheckpointAt(0));
    options_.mapping = mapping;
    const absl::StatusOr<Tensor> w = LoadW();
    ASSERT_THAT(w, IsOk());
    EXPECT_TRUE(w->device().is_cpu());
    EXPECT_THAT(Elements(*w), ElementsAre(0, 1, 2, 3));
    EXPECT_TRUE(IsMapped(path_, *w));
  }
}

TEST_F(MappingTest, MapsWhatIsAlignedForItsDType) {
  for (uint64_t remainder : {4, 8, 12, 60}) {
    WriteFile(path_, CheckpointAt(remainder));
    const absl::StatusOr<Tensor> w = LoadW();
    ASSERT_THAT(w, IsOk());
    EXPECT_THAT(Elements(*w), ElementsAre(0, 1, 2, 3));
    EXPECT_TRUE(IsMapped(path_, *w)) << remainder;
  }
}

// A safetensors file whose tensors begin at `remainder` past a multiple of 16.
// The library sorts tensors by the size of their elements, leaves no gaps, and
// ends its header at a multiple of 8 bytes.
std::string SafetensorsAt(size_t remainder) {
  std::string header =
      R"({"wide":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
      R"("single":{"dtype":"F32","shape":[3],"data_offsets":[8,20]},)"
      R"("complex":{"dtype":"C64","shape":[1],"data_offsets":[20,28]},)"
      R"("half":{"dtype":"F16","shape":[1],"data_offsets":[28,30]},)"
      R"("byte":{"dtype":"U8","shape":[1],"data_offsets":[30,31]},)"
      R"("bytes":{"dtype":"U8","shape":[3],"data_offsets":[31,34]}})";
  while ((8 + header.size()) % 16 != remainder) header += ' ';
  std::string size(8, '\0');
  const uint64_t header_bytes = header.size();
  std::memcpy(&size[0], &header_bytes, sizeof(header_bytes));
  return absl::StrCat(size, header, std::string(34, 1));
}

TEST_F(MappingTest, MapsSafetensorsAsTheirLibraryWritesThem) {
  const std::map<std::string, int> offsets = {{"wide", 0},     {"single", 8},
                                              {"complex", 20}, {"half", 28},
                                              {"byte", 30},    {"bytes", 31}};
  for (size_t remainder : {0, 8}) {
    WriteFile(path_, SafetensorsAt(remainder));
    const absl::StatusOr<Value> value = Load(path_, options_);
    ASSERT_THAT(value, IsOk());
    const Tensor first = *value->Get("wide")->AsTensor();
    for (const auto& [name, offset] : offsets) {
      const Tensor tensor = *value->Get(name)->AsTensor();
      EXPECT_EQ(static_cast<const char*>(tensor.data()),
                static_cast<const char*>(first.data()) + offset)
          << name << " at " << remainder;
    }
  }
}

TEST_F(MappingTest, ReadsSafetensorsThatAreNotAligned) {
  WriteFile(path_, SafetensorsAt(3));
  const absl::StatusOr<Value> value = Load(path_, options_);
  ASSERT_THAT(value, IsOk());
  for (const char* name : {"wide", "single", "complex", "half"}) {
    const Tensor tensor = *value->Get(name)->AsTensor();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0u) << name;
    EXPECT_EQ(static_cast<const char*>(tensor.data())[0], 1) << name;
  }
}

TEST_F(MappingTest, WritingDoesNotReachTheFile) {
  WriteFile(path_, CheckpointAt(16));
  const std::string before = ReadFile(path_);
  const absl::StatusOr<Tensor> w = LoadW();
  ASSERT_THAT(w, IsOk());
  static_cast<float*>(w->data())[1] = 7;
  EXPECT_THAT(Elements(*w), ElementsAre(0, 7, 2, 3));
  EXPECT_EQ(ReadFile(path_), before);
  options_.mapping = FileMapping::kReadOnly;
  const absl::StatusOr<Tensor> fixed = LoadW();
  ASSERT_THAT(fixed, IsOk());
  EXPECT_DEATH(static_cast<float*>(fixed->data())[1] = 7, "");
}

TEST_F(MappingTest, ReadsWhatCannotBeUsedInPlace) {
  // Not aligned for float32.
  WriteFile(path_, CheckpointAt(2));
  absl::StatusOr<Tensor> w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w->data()) % 64, 0u);
  EXPECT_THAT(Elements(*w), ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(IsMapped(path_, *w));
  // Deflated.
  ZipBuilder zip;
  zip.Add("my.model/data.pkl", SmallPickle());
  zip.AddDeflated("my.model/data/0", SmallStorage());
  zip.Add("my.model/version", "3\n");
  WriteFile(path_, zip.Build());
  w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(Elements(*w), ElementsAre(0, 1, 2, 3));
  // Of the other byte order.
  WriteFile(path_, CheckpointAt(0));
  options_.fallback_byte_order = ByteOrder::kBig;
  w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_FALSE(IsMapped(path_, *w));
}

TEST_F(MappingTest, DevicesGetCopies) {
  WriteFile(path_, CheckpointAt(0));
  options_.map_location = MapLocation::To("fake:1");
  const absl::StatusOr<Tensor> w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_EQ(w->device().ToString(), "fake:1");
}

TEST_F(MappingTest, ChecksumsAreNotCompared) {
  ZipBuilder zip = SmallCheckpoint();
  ZipBuilderRecord& record = zip.record("my.model/data/0");
  record.crc32 ^= 1;
  while (zip.Build().find(SmallStorage()) % 16 != 0) {
    record.local_extra.push_back('x');
  }
  WriteFile(path_, zip.Build());
  EXPECT_THAT(LoadW(), IsOk());
  options_.mapping = FileMapping::kNone;
  EXPECT_EQ(LoadW().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(MappingTest, ChecksumsAreComparedInPlaceIfWanted) {
  options_.verify_mapped = true;
  WriteFile(path_, CheckpointAt(0));
  const absl::StatusOr<Tensor> w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_TRUE(IsMapped(path_, *w));
  // Unless checksums are not wanted at all.
  for (const bool verify : {true, false}) {
    ZipBuilder zip = SmallCheckpoint();
    ZipBuilderRecord& record = zip.record("my.model/data/0");
    record.crc32 ^= 1;
    while (zip.Build().find(SmallStorage()) % 4 != 0) {
      record.local_extra.push_back('x');
    }
    WriteFile(path_, zip.Build());
    uint64_t read_bytes = 0;
    options_.progress = [&read_bytes](uint64_t done, uint64_t) {
      read_bytes = done;
    };
    options_.verify_crc32 = verify;
    EXPECT_EQ(LoadW().status().code(),
              verify ? absl::StatusCode::kDataLoss : absl::StatusCode::kOk);
    if (!verify) {
      EXPECT_EQ(read_bytes, 0u);
    }
  }
}

// Large storages are verified in pieces, on several threads.
TEST_F(MappingTest, DamageIsFoundInPlaceWhereverItIs) {
  const int64_t count = 5 << 20;
  const std::vector<float> elements(static_cast<size_t>(count), 1.5f);
  SaveOptions save;
  save.registry = &registry_;
  ASSERT_THAT(
      Save(Value(*Tensor::FromData<float>(elements, {count})), path_, save),
      IsOk());
  options_.verify_mapped = true;
  uint64_t verified_bytes = 0;
  options_.progress = [&verified_bytes](uint64_t done, uint64_t) {
    verified_bytes = done;
  };
  ASSERT_THAT(Load(path_, options_), IsOk());
  EXPECT_EQ(verified_bytes, 4 * static_cast<uint64_t>(count));
  const std::string good = ReadFile(path_);
  for (size_t part = 1; part < 8; ++part) {
    std::string bad = good;
    bad[bad.size() / 8 * part] ^= 1;
    WriteFile(path_, bad);
    EXPECT_EQ(Load(path_, options_).status().code(),
              absl::StatusCode::kDataLoss)
        << part;
  }
}

TEST_F(MappingTest, WorksInsideALargerFile) {
  WriteFile(path_, absl::StrCat(std::string(16, 'x'), CheckpointAt(0)));
  options_.offset_bytes = 16;
  const absl::StatusOr<Tensor> w = LoadW();
  ASSERT_THAT(w, IsOk());
  EXPECT_THAT(Elements(*w), ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(IsMapped(path_, *w));
}

TEST_F(MappingTest, WantsAPath) {
  EXPECT_EQ(LoadMemory(CheckpointAt(0), options_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(MappingTest, LargeFilesStayOnDisk) {
  const int64_t count = 4 << 20;
  std::vector<float> elements(static_cast<size_t>(count), 1.5f);
  SaveOptions save;
  save.registry = &registry_;
  ASSERT_THAT(
      Save(Value(*Tensor::FromData<float>(elements, {count})), path_, save),
      IsOk());
  uint64_t bytes_read = 0;
  options_.progress = [&bytes_read](uint64_t done, uint64_t) {
    bytes_read = done;
  };
  const absl::StatusOr<Value> value = Load(path_, options_);
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(bytes_read, 0u);
  const absl::StatusOr<Tensor> tensor = value->AsTensor();
  ASSERT_THAT(tensor, IsOk());
  EXPECT_EQ(static_cast<const float*>(tensor->data())[count - 1], 1.5f);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
