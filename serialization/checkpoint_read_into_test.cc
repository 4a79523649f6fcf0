// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/files.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/testing/save_to_string.h"
#include "ferry/value/value.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Many small storages, and one that is read in several pieces.
constexpr int kNumSmall = 50;
constexpr int64_t kLargeElements = int64_t{3} << 20;

std::string SampleBytes() {
  Value list = Value::List();
  for (int i = 0; i < kNumSmall; ++i) {
    const std::vector<int32_t> elements = {i, i + 1};
    EXPECT_THAT(list.Append(*Tensor::FromData<int32_t>(elements, {2})), IsOk());
  }
  std::vector<int32_t> large(kLargeElements);
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<int>(i * 7);
  EXPECT_THAT(list.Append(*Tensor::FromData<int32_t>(large, {kLargeElements})),
              IsOk());
  return *SaveToString(list);
}

TEST(CheckpointReadIntoTest, ReadsEachStorageAndPlacesNone) {
  const std::string file = SampleBytes();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(file);
  ASSERT_THAT(checkpoint, IsOk());
  const std::vector<Storage> storages = checkpoint->storages();
  ASSERT_EQ(storages.size(), kNumSmall + 1);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<char>> bytes;
    for (const Storage& storage : storages) {
      bytes.emplace_back(storage.size_bytes());
    }
    std::vector<Checkpoint::Destination> destinations;
    for (size_t i = 0; i < storages.size(); ++i) {
      destinations.push_back({storages[i], absl::MakeSpan(bytes[i])});
    }
    ASSERT_THAT(checkpoint->ReadInto(destinations), IsOk());
    for (int i = 0; i < kNumSmall; ++i) {
      int32_t elements[2];
      ASSERT_EQ(bytes[i].size(), sizeof(elements));
      std::memcpy(elements, bytes[i].data(), sizeof(elements));
      EXPECT_EQ(elements[0], i);
      EXPECT_EQ(elements[1], i + 1);
    }
    std::vector<int32_t> large(kLargeElements);
    ASSERT_EQ(bytes[kNumSmall].size(), large.size() * sizeof(int32_t));
    std::memcpy(large.data(), bytes[kNumSmall].data(), bytes[kNumSmall].size());
    for (size_t i = 0; i < large.size(); ++i) {
      ASSERT_EQ(large[i], static_cast<int32_t>(i * 7));
    }
  }
  for (const Storage& storage : storages) EXPECT_FALSE(storage.has_data());
}

TEST(CheckpointReadIntoTest, RefusesOtherStoragesAndSizes) {
  const std::string file = SampleBytes();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(file);
  ASSERT_THAT(checkpoint, IsOk());
  char memory[8];
  const absl::StatusOr<Storage> stranger = Storage::Allocate(8);
  ASSERT_THAT(stranger, IsOk());
  EXPECT_EQ(checkpoint->ReadInto({{*stranger, absl::MakeSpan(memory)}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(checkpoint
                ->ReadInto({{checkpoint->storages()[0],
                             absl::MakeSpan(memory).first(7)}})
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CheckpointReadIntoTest, ReportsDamage) {
  std::string file = SampleBytes();
  file[file.size() / 2] ^= 1;  // in the large storage
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenMemory(file);
  ASSERT_THAT(checkpoint, IsOk());
  const Storage large = checkpoint->storages().back();
  std::vector<char> memory(large.size_bytes());
  EXPECT_EQ(checkpoint->ReadInto({{large, absl::MakeSpan(memory)}}).code(),
            absl::StatusCode::kDataLoss);
}

TEST(CheckpointVerifyFileTest, JudgesRecordsOfAFileThatDoesNotOpen) {
  std::string file = SampleBytes();
  const size_t pickle = file.find("ctorch");  // a global in data.pkl
  ASSERT_NE(pickle, std::string::npos);
  file[pickle] ^= 1;
  const std::string path = ::testing::TempDir() + "/damaged_pickle.pt";
  WriteFile(path, file);
  const absl::StatusOr<Checkpoint::FileVerdict> verdict =
      Checkpoint::VerifyFile(path);
  std::remove(path.c_str());
  ASSERT_THAT(verdict, IsOk());
  EXPECT_EQ(verdict->opens.code(), absl::StatusCode::kDataLoss);
  int num_corrupt = 0;
  for (const RecordVerdict& record : verdict->records) {
    if (record.outcome != RecordVerdict::kCorrupt) continue;
    ++num_corrupt;
    EXPECT_EQ(record.record, "archive/data.pkl");
  }
  EXPECT_EQ(num_corrupt, 1);
  EXPECT_GT(verdict->records.size(), kNumSmall);
}

TEST(CheckpointVerifyFileTest, SaysThatAFileIsMissing) {
  EXPECT_EQ(Checkpoint::VerifyFile(::testing::TempDir() + "/missing.pt")
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
