// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/byte_source.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Gives at most two bytes at a time, and writes down where it was sent.
class SlowSource final : public ByteSource {
 public:
  explicit SlowSource(absl::string_view bytes) : memory_(bytes) {}

  absl::StatusOr<size_t> Read(absl::Span<char> out) override {
    if (lies) return out.size() + 1;
    if (!failure.ok()) return failure;
    if (ends) return 0;
    return memory_.Read(out.first(std::min<size_t>(out.size(), 2)));
  }
  absl::StatusOr<uint64_t> Tell() override { return memory_.Tell(); }
  absl::Status Seek(uint64_t position) override {
    seeks.push_back(position);
    return memory_.Seek(position);
  }
  absl::Status SeekToEnd() override { return memory_.SeekToEnd(); }

  std::vector<uint64_t> seeks;
  absl::Status failure;
  bool ends = false;
  bool lies = false;

 private:
  MemorySource memory_;
};

std::string ReadAt(const RandomAccessFile& bytes, uint64_t offset,
                   size_t size) {
  std::string out(size, '?');
  const absl::Status status =
      bytes.ReadAt(offset, absl::MakeSpan(&out[0], out.size()));
  return status.ok() ? out : status.ToString();
}

TEST(OpenSourceTest, CountsFromThePosition) {
  SlowSource source("__0123456789");
  ASSERT_THAT(source.Seek(2), IsOk());
  source.seeks.clear();
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes =
      OpenSource(&source);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ((*bytes)->size_bytes(), 10u);
  EXPECT_TRUE((*bytes)->is_serial());
  EXPECT_EQ((*bytes)->name(), "<source>");
  EXPECT_EQ(ReadAt(**bytes, 0, 3), "012");
  // What follows needs no seek.
  EXPECT_EQ(ReadAt(**bytes, 3, 4), "3456");
  EXPECT_EQ(ReadAt(**bytes, 1, 2), "12");
  EXPECT_EQ(ReadAt(**bytes, 3, 0), "");
  EXPECT_THAT(source.seeks, ElementsAre(2, 3));
}

TEST(OpenSourceTest, RefusesWhatIsPastTheEnd) {
  SlowSource source("0123");
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes =
      OpenSource(&source);
  ASSERT_THAT(bytes, IsOk());
  char out[8];
  EXPECT_EQ((*bytes)->ReadAt(2, absl::MakeSpan(out).first(3)).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ((*bytes)->ReadAt(~uint64_t{0}, absl::MakeSpan(out)).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(source.seeks.empty());
}

TEST(OpenSourceTest, PassesFailuresOnAndSeeksAfterwards) {
  SlowSource source("0123456789");
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes =
      OpenSource(&source);
  ASSERT_THAT(bytes, IsOk());
  source.failure = absl::UnavailableError("unplugged");
  EXPECT_THAT(ReadAt(**bytes, 0, 3), HasSubstr("UNAVAILABLE: unplugged"));
  source.failure = absl::OkStatus();
  EXPECT_EQ(ReadAt(**bytes, 0, 3), "012");
  EXPECT_THAT(source.seeks, ElementsAre(0, 0));
  source.ends = true;
  EXPECT_THAT(ReadAt(**bytes, 3, 3), HasSubstr("DATA_LOSS"));
  source.ends = false;
  source.lies = true;
  EXPECT_THAT(ReadAt(**bytes, 3, 3), HasSubstr("INTERNAL"));
}

TEST(MemorySourceTest, ReadsAndMoves) {
  MemorySource source("0123456789");
  char out[4];
  ASSERT_EQ(*source.Read(absl::MakeSpan(out)), 4u);
  EXPECT_EQ(std::string(out, 4), "0123");
  EXPECT_EQ(*source.Tell(), 4u);
  ASSERT_THAT(source.Seek(8), IsOk());
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 2u);
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 0u);
  ASSERT_THAT(source.Seek(100), IsOk());
  EXPECT_EQ(*source.Read(absl::MakeSpan(out)), 0u);
  EXPECT_EQ(OpenSource(&source).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
