// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/testing/status_matchers.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StringMatchResultListener;

const absl::Status kMissing = absl::NotFoundError("no such file");

TEST(StatusMatchersTest, StatusesAndResults) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(1), IsOk());
  EXPECT_THAT(absl::StatusOr<std::unique_ptr<int>>(nullptr), IsOk());
  EXPECT_THAT(kMissing, Not(IsOk()));
  EXPECT_THAT(absl::StatusOr<int>(kMissing), Not(IsOk()));
}

TEST(StatusMatchersTest, CodesAndMessages) {
  EXPECT_THAT(kMissing, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(kMissing, Not(StatusIs(absl::StatusCode::kOk)));
  EXPECT_THAT(absl::StatusOr<int>(kMissing),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("file")));
  EXPECT_THAT(kMissing,
              Not(StatusIs(absl::StatusCode::kNotFound, HasSubstr("disk"))));
  EXPECT_THAT(kMissing,
              Not(StatusIs(absl::StatusCode::kDataLoss, HasSubstr("file"))));
}

TEST(StatusMatchersTest, Values) {
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(3));
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(Gt(2)));
  EXPECT_THAT(absl::StatusOr<int>(3), Not(IsOkAndHolds(4)));
  EXPECT_THAT(absl::StatusOr<int>(kMissing), Not(IsOkAndHolds(3)));
}

TEST(StatusMatchersTest, FailuresPrintTheStatus) {
  const auto explain = [](const auto& matcher, const auto& value) {
    StringMatchResultListener listener;
    EXPECT_FALSE(::testing::ExplainMatchResult(matcher, value, &listener));
    return listener.str();
  };
  EXPECT_THAT(explain(IsOk(), kMissing), HasSubstr("no such file"));
  EXPECT_THAT(explain(IsOkAndHolds(3), absl::StatusOr<int>(kMissing)),
              HasSubstr("no such file"));
  EXPECT_THAT(explain(StatusIs(absl::StatusCode::kOk), kMissing),
              HasSubstr("no such file"));
}

}  // namespace
}  // namespace v1
}  // namespace ferry
