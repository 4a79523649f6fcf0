// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/zip/zip_directory.h"

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
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_layout.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace zip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<ZipDirectory> Read(absl::string_view bytes,
                                  Budget* budget = Budget::Unlimited()) {
  return ZipDirectory::Read(*MakeMemoryFile(bytes, "some.zip"), budget);
}

std::vector<std::string> Names(const ZipDirectory& directory) {
  std::vector<std::string> names;
  for (const Extent& entry : directory.entries()) {
    names.emplace_back(entry.name);
  }
  return names;
}

TEST(ZipDirectory, ListsRecordsInTheOrderOfTheDirectory) {
  ZipBuilder zip;
  zip.Add("b", "12");
  zip.Add("a", "");
  zip.AddDeflated("c", std::string(1000, 'x'));
  const std::string bytes = zip.Build();
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  EXPECT_THAT(Names(*directory), ElementsAre("b", "a", "c"));
  const Extent& first = directory->entries()[0];
  EXPECT_EQ(first.begin, 0);
  EXPECT_EQ(first.contents_bytes, 2);
  EXPECT_EQ(first.encoded_bytes, 2);
  EXPECT_EQ(first.encoding, Encoding::kStored);
  EXPECT_EQ(first.end, directory->entries()[1].begin);
  const Extent& last = directory->entries()[2];
  EXPECT_EQ(last.encoding, Encoding::kDeflated);
  EXPECT_EQ(last.contents_bytes, 1000);
  EXPECT_LT(last.encoded_bytes, 100);
}

TEST(ZipDirectory, FindsNamesExactly) {
  ZipBuilder zip;
  zip.Add("archive/Data.pkl", "");
  const std::string bytes = zip.Build();
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  EXPECT_EQ(directory->Find("archive/Data.pkl"), &directory->entries()[0]);
  EXPECT_EQ(directory->Find("archive/data.pkl"), nullptr);
  EXPECT_EQ(directory->Find("archive/data.pk"), nullptr);
  EXPECT_EQ(directory->Find(""), nullptr);
}

TEST(ZipDirectory, BytesBeforeTheArchiveAreRefused) {
  ZipBuilder zip;
  zip.Add("a", "first");
  zip.leading = "something else";
  for (bool has_zip64_end : {false, true}) {
    zip.has_zip64_end = has_zip64_end;
    const std::string bytes = zip.Build();
    const absl::Status status = Read(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("offset 14"));
  }
}

TEST(ZipDirectory, KnowsWhereTheArchiveEnds) {
  ZipBuilder zip;
  zip.Add("a", "first");
  zip.comment = "a comment";
  const size_t size = zip.Build().size();
  zip.trailing = "and more";
  const std::string bytes = zip.Build();
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  EXPECT_EQ(directory->end_offset(), size);
  EXPECT_EQ(directory->comment_bytes(), 9);
}

TEST(ZipDirectory, RecordsNeedNotFollowTheDirectorysOrder) {
  ZipBuilder zip;
  zip.Add("a", "first");
  zip.Add("b", "other");
  // Each at the other's place; the names in the local headers agree.
  const uint64_t second = 30 + 1 + 5;
  zip.record("a").header_offset = second;
  zip.record("a").local_name = "b";
  zip.record("b").header_offset = 0;
  zip.record("b").local_name = "a";
  const std::string bytes = zip.Build();
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  EXPECT_EQ(directory->entries()[1].end, second);
  EXPECT_EQ(directory->entries()[0].end, 2 * second);
}

TEST(ZipDirectory, ReadsWhatTheLayoutWrites) {
  // Records past 4 GiB, in a directory without them: only extents are checked.
  class Sparse final : public RandomAccessFile {
   public:
    Sparse(uint64_t offset, std::string tail)
        : offset_(offset), tail_(std::move(tail)) {}
    absl::string_view name() const override { return "sparse"; }
    uint64_t size_bytes() const override { return offset_ + tail_.size(); }
    absl::Status ReadAt(uint64_t offset_bytes,
                        absl::Span<char> out) const override {
      for (size_t i = 0; i < out.size(); ++i) {
        const uint64_t at = offset_bytes + i;
        out[i] = at < offset_ ? '\0' : tail_[at - offset_];
      }
      return absl::OkStatus();
    }

   private:
    const uint64_t offset_;
    const std::string tail_;
  };
  ZipLayout layout(64);
  const uint64_t sizes[] = {100, uint64_t{5} << 30, 0xFFFFFFFF, 0, 7};
  const std::string names[] = {"a/0", "a/1", "a/2", "a/3", "a/4"};
  for (size_t i = 0; i < 5; ++i) layout.Add(names[i], sizes[i]);
  const uint32_t crc32s[] = {1, 2, 3, 0, 5};
  const Sparse file(layout.directory_offset(),
                    absl::StrCat(layout.DirectoryBytes(crc32s)));
  const absl::StatusOr<ZipDirectory> directory =
      ZipDirectory::Read(file, Budget::Unlimited());
  ASSERT_THAT(directory, IsOk());
  ASSERT_EQ(directory->entries().size(), 5);
  for (size_t i = 0; i < 5; ++i) {
    const Extent& entry = directory->entries()[i];
    EXPECT_EQ(entry.name, absl::StrCat("a/", i));
    EXPECT_EQ(entry.contents_bytes, sizes[i]);
    EXPECT_EQ(entry.encoded_bytes, sizes[i]);
    EXPECT_EQ(entry.crc32, crc32s[i]);
    EXPECT_EQ(entry.begin, layout.records()[i].header_offset);
    EXPECT_EQ(entry.end, layout.records()[i].end_offset);
  }
}

TEST(ZipDirectory, ManyRecords) {
  ZipLayout layout(64);
  std::string bytes;
  std::vector<std::string> names;
  for (int i = 0; i < 70000; ++i) names.push_back(absl::StrCat("a/", i));
  for (int i = 0; i < 70000; ++i) {
    layout.Add(names[i], 0);
    bytes += layout.HeaderBytes(i);
  }
  absl::StrAppend(&bytes,
                  layout.DirectoryBytes(std::vector<uint32_t>(70000, 0)));
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  EXPECT_EQ(directory->entries().size(), 70000);
  EXPECT_NE(directory->Find("a/69999"), nullptr);
}

TEST(ZipDirectory, LimitsItsMemory) {
  ZipBuilder zip;
  zip.Add(std::string(1000, 'n'), "");
  BudgetOptions options;
  options.max_memory_bytes = 1000;
  Budget budget(options, 0);
  const absl::Status status = Read(zip.Build(), &budget).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("some.zip"));
}

TEST(ZipDirectory, MessagesNameFileRecordAndOffset) {
  ZipBuilder zip;
  zip.Add("a", "");
  zip.Add("../b", "");
  absl::Status status = Read(zip.Build()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(
      std::string(status.message()),
      testing::AllOf(HasSubstr("some.zip"), HasSubstr("record 1"),
                     HasSubstr("\"../b\""), HasSubstr("at offset 112")));
  ZipBuilder cut;
  cut.Add("a", "contents");
  const std::string bytes = cut.Build();
  status = Read(absl::string_view(bytes).substr(0, bytes.size() - 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cut short"));
}

TEST(CheckLocalHeader, SaysWhereContentsBegin) {
  ZipBuilder zip;
  zip.Add("name", "contents").local_extra = "12345678";
  const std::string bytes = zip.Build();
  const absl::StatusOr<ZipDirectory> directory = Read(bytes);
  ASSERT_THAT(directory, IsOk());
  const absl::StatusOr<uint64_t> contents =
      CheckLocalHeader(directory->entries()[0], bytes);
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(*contents, 30 + 4 + 8);
  // What is shorter than a header is none.
  for (size_t size : {0, 29, 33}) {
    EXPECT_EQ(CheckLocalHeader(directory->entries()[0],
                               absl::string_view(bytes).substr(0, size))
                  .status()
                  .code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

}  // namespace
}  // namespace zip
}  // namespace v1
}  // namespace ferry
