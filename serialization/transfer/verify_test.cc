// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/verify.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

std::vector<RecordVerdict> Verify(const ZipBuilder& zip) {
  const std::string bytes = zip.Build();
  const auto file = MakeMemoryFile(bytes, "some.zip");
  const absl::StatusOr<zip::ZipDirectory> directory =
      zip::ZipDirectory::Read(*file, Budget::Unlimited());
  EXPECT_THAT(directory, IsOk());
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      VerifyRecords(*file, directory->entries());
  EXPECT_THAT(verdicts, IsOk());
  return *verdicts;
}

// A disk that cannot be read.
class Unreadable final : public RandomAccessFile {
 public:
  absl::string_view name() const override { return "some.zip"; }
  uint64_t size_bytes() const override { return 1000; }
  absl::Status ReadAt(uint64_t, absl::Span<char>) const override {
    return absl::UnavailableError("cannot read some.zip");
  }
};

TEST(VerifyRecords, AFailingDiskIsNoDamage) {
  EXPECT_EQ(
      VerifyRecords(Unreadable(), {MakePlainExtent(0, 8, 92)}).status().code(),
      absl::StatusCode::kUnavailable);
}

TEST(VerifyRecords, HasAVerdictForEachRecord) {
  ZipBuilder zip;
  zip.Add("good", "contents");
  zip.Add("large", std::string(3 << 20, 'x'));
  zip.AddDeflated("deflated", std::string(3 << 20, 'x'));
  zip.Add("empty", "");
  zip.Add("without", "contents").crc32 = 0;
  zip.Add("bad", "contents").crc32 ^= 1;
  zip.Add("large and bad", std::string(3 << 20, 'x')).stored[2 << 20] = 'y';
  ZipBuilderRecord& cut = zip.AddDeflated("cut", std::string(1000, 'x'));
  cut.stored.resize(4);
  cut.stored_bytes = 4;
  zip.Add("no header", "contents").local_signature = 0;
  const std::vector<RecordVerdict> verdicts = Verify(zip);
  const struct {
    const char* name;
    RecordVerdict::Outcome outcome;
    const char* detail;
  } expected[] = {
      {"good", RecordVerdict::kVerified, ""},
      {"large", RecordVerdict::kVerified, ""},
      {"deflated", RecordVerdict::kVerified, ""},
      {"empty", RecordVerdict::kVerified, ""},
      {"without", RecordVerdict::kNotRecorded, ""},
      {"bad", RecordVerdict::kCorrupt, "CRC-32"},
      {"large and bad", RecordVerdict::kCorrupt, "CRC-32"},
      {"cut", RecordVerdict::kCorrupt, "inflate"},
      {"no header", RecordVerdict::kCorrupt, "no local header"},
  };
  ASSERT_EQ(verdicts.size(), 9);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i].record, expected[i].name);
    EXPECT_EQ(verdicts[i].outcome, expected[i].outcome) << expected[i].name;
    EXPECT_THAT(verdicts[i].detail, HasSubstr(expected[i].detail));
    EXPECT_EQ(verdicts[i].detail.empty(), *expected[i].detail == '\0');
  }
  EXPECT_EQ(verdicts[0].size_bytes, 8);
}

TEST(VerifyRecords, OfAFileWithoutChecksums) {
  const auto file = MakeMemoryFile("contents", "some.bin");
  Extent records[] = {MakePlainExtent(0, 0, 8), MakePlainExtent(0, 8, 0),
                      MakePlainExtent(0, 4, 5)};
  records[2].name = "cut";
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      VerifyRecords(*file, records);
  ASSERT_THAT(verdicts, IsOk());
  ASSERT_EQ(verdicts->size(), 3);
  EXPECT_EQ((*verdicts)[0].outcome, RecordVerdict::kNotRecorded);
  EXPECT_EQ((*verdicts)[0].size_bytes, 8);
  EXPECT_EQ((*verdicts)[1].outcome, RecordVerdict::kNotRecorded);
  EXPECT_EQ((*verdicts)[2].outcome, RecordVerdict::kCorrupt);
  EXPECT_EQ((*verdicts)[2].record, "cut");
}

TEST(VerifyRecords, NothingToVerify) {
  EXPECT_TRUE(Verify(ZipBuilder()).empty());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
