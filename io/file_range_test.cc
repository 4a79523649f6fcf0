// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/io/file_range.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ferry/core/testing/status_matchers.h"
#include "ferry/io/file.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using RangeOr = absl::StatusOr<std::unique_ptr<RandomAccessFile>>;

std::unique_ptr<RandomAccessFile> Digits() {
  return MakeMemoryFile("0123456789", "digits");
}

TEST(FileRangeTest, IsAPart) {
  const RangeOr range = OpenRange(Digits(), 2, 5);
  ASSERT_THAT(range, IsOk());
  EXPECT_EQ((*range)->size_bytes(), 5u);
  EXPECT_EQ((*range)->name(), "digits from byte 2 to 7");
  EXPECT_EQ(std::string((*range)->data(), 5), "23456");
  char out[3];
  ASSERT_THAT((*range)->ReadAt(2, absl::MakeSpan(out)), IsOk());
  EXPECT_EQ(std::string(out, 3), "456");
  EXPECT_EQ((*range)->ReadAt(3, absl::MakeSpan(out)).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ((*range)->ReadAt(~uint64_t{0}, absl::MakeSpan(out)).code(),
            absl::StatusCode::kDataLoss);
}

TEST(FileRangeTest, ReachesToTheEnd) {
  const RangeOr range = OpenRange(Digits(), 8);
  ASSERT_THAT(range, IsOk());
  EXPECT_EQ((*range)->size_bytes(), 2u);
  EXPECT_EQ((*OpenRange(Digits(), 10))->size_bytes(), 0u);
}

TEST(FileRangeTest, RefusesWhatIsNotInside) {
  EXPECT_EQ(OpenRange(Digits(), 11).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenRange(Digits(), 2, 9).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
