// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/verify.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/file.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
namespace zip {
namespace {

using testing::HasSubstr;

std::vector<RecordVerdict> Verify(const ZipBuilder& zip) {
  const std::string bytes = zip.Build();
  const auto file = ReadableMemory(bytes, "some.zip");
  const absl::StatusOr<ZipDirectory> directory =
      ZipDirectory::Read(*file, ZipLimits());
  EXPECT_TRUE(directory.ok()) << directory.status();
  const absl::StatusOr<std::vector<RecordVerdict>> verdicts =
      VerifyEntries(*file, directory->entries());
  EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  return *verdicts;
}

// A disk that cannot be read.
class Unreadable final : public ReadableBytes {
 public:
  absl::string_view name() const override { return "some.zip"; }
  uint64_t size_bytes() const override { return 1000; }
  absl::Status ReadAt(uint64_t, absl::Span<char>) const override {
    return absl::UnavailableError("cannot read some.zip");
  }
};

TEST(VerifyEntries, AFailingDiskIsNoDamage) {
  ZipEntry entry;
  entry.name = "good";
  entry.end_offset = 100;
  entry.size_bytes = entry.stored_bytes = 8;
  EXPECT_EQ(VerifyEntries(Unreadable(), {entry}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(VerifyEntries, HasAVerdictForEachRecord) {
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

TEST(VerifyEntries, NothingToVerify) {
  EXPECT_TRUE(Verify(ZipBuilder()).empty());
}

}  // namespace
}  // namespace zip
}  // namespace ferry
