// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/extent.h"

#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/crc32.h"
#include "ferry/io/file.h"
#include "ferry/serialization/testing/zip_builder.h"
#include "ferry/serialization/zip/zip_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::HasSubstr;

// An archive in memory and its directory.
class Archive {
 public:
  explicit Archive(const ZipBuilder& zip)
      : bytes_(zip.Build()),
        file_(MakeMemoryFile(bytes_, "some.zip")),
        directory_(*zip::ZipDirectory::Read(*file_, Budget::Unlimited())) {}

  const RandomAccessFile& file() const { return *file_; }
  const Extent& extent() const { return directory_.entries()[0]; }

 private:
  std::string bytes_;
  std::unique_ptr<RandomAccessFile> file_;
  zip::ZipDirectory directory_;
};

Archive Deflated(absl::string_view contents) {
  ZipBuilder zip;
  zip.AddDeflated("a", contents);
  return Archive(zip);
}

std::string Noise(size_t size) {
  std::mt19937 random(3);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(InflateExtent, GivesTheContentsPieceByPiece) {
  // Empty, small, past the pieces' size, compressible and not.
  for (const std::string& contents :
       {std::string(), std::string("a"), std::string(65536, 'x'),
        std::string(65537, 'x'), std::string(1 << 20, 'x'), Noise(65536),
        Noise(300001)}) {
    const Archive archive = Deflated(contents);
    std::string inflated;
    const absl::StatusOr<uint32_t> crc32 = InflateExtent(
        archive.file(), archive.extent(), [&](absl::string_view piece) {
          EXPECT_LE(piece.size(), 65536);
          inflated.append(piece.data(), piece.size());
          return absl::OkStatus();
        });
    ASSERT_THAT(crc32, IsOk());
    EXPECT_TRUE(inflated == contents);
    EXPECT_EQ(*crc32, Crc32(contents));
  }
}

TEST(InflateExtent, StopsWhereItsConsumerFails) {
  const Archive archive = Deflated(Noise(300000));
  int calls = 0;
  const absl::Status status =
      InflateExtent(archive.file(), archive.extent(), [&](absl::string_view) {
        ++calls;
        return absl::CancelledError("enough");
      }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 1);
}

TEST(InflateExtent, NeverGivesMoreThanItClaims) {
  ZipBuilder zip;
  zip.AddDeflated("a", std::string(1 << 20, 'x')).size_bytes = 100000;
  const Archive archive(zip);
  uint64_t given = 0;
  const absl::Status status = InflateExtent(archive.file(), archive.extent(),
                                            [&](absl::string_view piece) {
                                              given += piece.size();
                                              return absl::OkStatus();
                                            })
                                  .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("more than the 100000 bytes"));
  EXPECT_LE(given, 100000);
}

TEST(InflateExtent, RefusesWhatIsLeftOver) {
  ZipBuilder zip;
  ZipBuilderRecord& record = zip.AddDeflated("a", "contents");
  record.stored += "xyz";
  record.stored_bytes += 3;
  const Archive archive(zip);
  const absl::Status status =
      ReadExtent(archive.file(), archive.extent(), /*verify=*/true).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("3 bytes after the end of its compressed data"));
}

TEST(ReadExtent, StoredAndDeflated) {
  ZipBuilder stored;
  stored.Add("a", "contents");
  for (const Archive& archive : {Archive(stored), Deflated("contents")}) {
    const absl::StatusOr<std::string> contents =
        ReadExtent(archive.file(), archive.extent(), /*verify=*/true);
    ASSERT_THAT(contents, IsOk());
    EXPECT_EQ(*contents, "contents");
  }
}

TEST(ReadExtent, ComparesTheChecksumIfAsked) {
  for (bool deflated : {false, true}) {
    ZipBuilder zip;
    ZipBuilderRecord& record =
        deflated ? zip.AddDeflated("a", "contents") : zip.Add("a", "contents");
    record.crc32 ^= 1;
    const Archive archive(zip);
    const absl::Status status =
        ReadExtent(archive.file(), archive.extent(), /*verify=*/true).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()),
                testing::AllOf(HasSubstr("some.zip"), HasSubstr("\"a\""),
                               HasSubstr("CRC-32"), HasSubstr("offset 0")));
    EXPECT_THAT(ReadExtent(archive.file(), archive.extent(), /*verify=*/false),
                IsOk());
  }
}

TEST(ReadExtent, DoesNotAllocateWhatCannotBe) {
  ZipBuilder zip;
  zip.AddDeflated("a", "contents").size_bytes = uint64_t{1} << 60;
  const Archive archive(zip);
  const absl::Status status =
      ReadExtent(archive.file(), archive.extent(), true).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
}

TEST(CheckCrc32, NoneRecordedIsNoError) {
  ZipBuilder zip;
  zip.Add("a", "contents").crc32 = 0;
  const Archive archive(zip);
  EXPECT_THAT(CheckCrc32(archive.file(), archive.extent(), 12345), IsOk());
}

}  // namespace
}  // namespace v1
}  // namespace ferry
