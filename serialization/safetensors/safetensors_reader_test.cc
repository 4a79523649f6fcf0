// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/safetensors/safetensors_reader.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/value/value.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace safetensors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string FileOf(absl::string_view header, absl::string_view data) {
  std::string bytes;
  Append64(header.size(), &bytes);
  return absl::StrCat(bytes, header, data);
}

// Two float32, an int16 and an empty tensor, not in the order of the data.
std::string SmallFile() {
  const float floats[] = {1, 2};
  const int16_t number = -3;
  std::string data(sizeof(floats) + sizeof(number), '\0');
  std::memcpy(&data[0], floats, sizeof(floats));
  std::memcpy(&data[sizeof(floats)], &number, sizeof(number));
  return FileOf(
      R"({"__metadata__":{"format":"pt"},)"
      R"("b":{"dtype":"I16","shape":[],"data_offsets":[8,10]},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("none":{"dtype":"F64","shape":[0,3],"data_offsets":[10,10]}})",
      data);
}

LoadOptions HostOptions() {
  LoadOptions options;
  options.placement = Placement::kHost;
  return options;
}

TEST(SafetensorsReaderTest, OpensAsADictOfTensors) {
  const std::string bytes = SmallFile();
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, HostOptions());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ(checkpoint->info().container, Container::kSafetensors);
  EXPECT_THAT(checkpoint->info().metadata,
              ElementsAre(testing::Pair("format", "pt")));
  const Value root = checkpoint->root();
  ASSERT_TRUE(root.is_dict());
  ASSERT_EQ(root.size(), 3u);
  EXPECT_EQ(*root.Entry(0)->first.AsStr(), "b");
  EXPECT_EQ(*root.Entry(2)->first.AsStr(), "none");

  ASSERT_THAT(checkpoint->LoadAll(), IsOk());
  const Tensor a = *root.Get("a")->AsTensor();
  EXPECT_EQ(a.dtype(), DType::kFloat32);
  EXPECT_THAT(a.shape(), ElementsAre(2));
  EXPECT_THAT(absl::MakeConstSpan(static_cast<const float*>(a.data()), 2),
              ElementsAre(1, 2));
  EXPECT_EQ(a.storage().recorded_location(), "cpu");
  const Tensor b = *root.Get("b")->AsTensor();
  EXPECT_EQ(b.rank(), 0);
  EXPECT_EQ(*static_cast<const int16_t*>(b.data()), -3);
  EXPECT_THAT(root.Get("none")->AsTensor()->shape(), ElementsAre(0, 3));
}

TEST(SafetensorsReaderTest, ReadsOneTensorIntoTheCallersMemory) {
  const std::string bytes = SmallFile();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, HostOptions());
  ASSERT_THAT(checkpoint, IsOk());
  const Tensor b = *checkpoint->root().Get("b")->AsTensor();
  int16_t number = 0;
  ASSERT_THAT(
      checkpoint->ReadInto(
          {{b.storage(), absl::MakeSpan(reinterpret_cast<char*>(&number), 2)}}),
      IsOk());
  EXPECT_EQ(number, -3);
}

TEST(SafetensorsReaderTest, HasNoChecksumsToVerify) {
  const std::string bytes = SmallFile();
  const absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::OpenMemory(bytes, HostOptions());
  ASSERT_THAT(checkpoint, IsOk());
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      checkpoint->Verify();
  ASSERT_THAT(verdicts, IsOk());
  ASSERT_EQ(verdicts->size(), 3u);
  EXPECT_EQ((*verdicts)[0].record, "b");
  EXPECT_EQ((*verdicts)[1].record, "a");
  EXPECT_EQ((*verdicts)[1].size_bytes, 8u);
  EXPECT_EQ((*verdicts)[1].outcome, RecordVerdict::kNotRecorded);
}

TEST(SafetensorsReaderTest, TakesNoOtherFileForOne) {
  EXPECT_TRUE(LooksLikeSafetensors(SmallFile()));
  EXPECT_FALSE(LooksLikeSafetensors(""));
  EXPECT_FALSE(LooksLikeSafetensors(SmallFile().substr(0, 8)));
  EXPECT_FALSE(LooksLikeSafetensors("PK\x03\x04 not {}"));
  // A header of 128 bytes begins as a pickle does.
  const std::string text =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  const std::string bytes =
      FileOf(absl::StrCat(text, std::string(128 - text.size(), ' ')), "x");
  EXPECT_THAT(Checkpoint::OpenMemory(bytes, HostOptions()), IsOk());
  // A remark may have the mark of a tar archive where such an archive has it.
  const std::string before = R"({"__metadata__":{"x":")";
  const std::string marked =
      FileOf(absl::StrCat(before, std::string(257 - 8 - before.size(), ' '),
                          "ustar", std::string(300, ' '), R"("}})"),
             "");
  EXPECT_EQ(marked.substr(257, 5), "ustar");
  const absl::Status status =
      Checkpoint::OpenMemory(marked, HostOptions()).status();
  EXPECT_THAT(status, IsOk());
}

TEST(SafetensorsReaderTest, RefusesHeadersThatAreTooLarge) {
  std::string bytes = FileOf("{}      ", "");
  bytes[7] = 0;
  bytes[3] = 6;  // 100 663 304 bytes
  const absl::Status status =
      Checkpoint::OpenMemory(bytes, HostOptions()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("100663304"));
}

TEST(SafetensorsReaderTest, KeepsToTheLimits) {
  const std::string bytes = SmallFile();
  LoadOptions options = HostOptions();
  options.budget.max_memory_bytes = 100;
  EXPECT_EQ(Checkpoint::OpenMemory(bytes, options).status().code(),
            absl::StatusCode::kResourceExhausted);
  options.budget.max_memory_bytes = 100000;
  EXPECT_THAT(Checkpoint::OpenMemory(bytes, options), IsOk());
}

TEST(SafetensorsReaderTest, NoticesEveryTruncationAndExtension) {
  const std::string bytes = SmallFile();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::Status status =
        Checkpoint::OpenMemory(bytes.substr(0, size), HostOptions()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss)
        << size << ": " << status;
  }
  EXPECT_EQ(Checkpoint::OpenMemory(bytes + '\0', HostOptions()).status().code(),
            absl::StatusCode::kDataLoss);
}

// There is no checksum, so damage may go unnoticed; but the tensors still are
// all of the data, each byte once, and can be read.
TEST(SafetensorsReaderTest, SurvivesEveryDamagedByte) {
  const std::string original = SmallFile();
  int opened = 0;
  for (size_t at = 0; at < original.size(); ++at) {
    for (int value = 0; value < 256; value += 3) {
      std::string bytes = original;
      bytes[at] = static_cast<char>(value);
      absl::StatusOr<Checkpoint> checkpoint =
          Checkpoint::OpenMemory(bytes, HostOptions());
      if (!checkpoint.ok()) continue;
      ++opened;
      ASSERT_THAT(checkpoint->LoadAll(), IsOk()) << at << ", " << value;
      uint64_t total_bytes = 0;
      for (const Storage& storage : checkpoint->storages()) {
        total_bytes += storage.size_bytes();
      }
      EXPECT_EQ(total_bytes, 10u) << at << ", " << value;
    }
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace safetensors
}  // namespace v1
}  // namespace ferry
