// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/status_macros.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::Status ReturnIfError(const absl::Status& status, int* evaluated) {
  FERRY_RETURN_IF_ERROR((++*evaluated, status));
  return absl::AbortedError("went on");
}

TEST(StatusMacrosTest, ReturnIfErrorReturnsTheErrorAndGoesOnOtherwise) {
  int evaluated = 0;
  EXPECT_EQ(ReturnIfError(absl::NotFoundError("x"), &evaluated),
            absl::NotFoundError("x"));
  EXPECT_EQ(ReturnIfError(absl::OkStatus(), &evaluated),
            absl::AbortedError("went on"));
  EXPECT_EQ(evaluated, 2);
}

absl::StatusOr<std::string> Twice(absl::StatusOr<std::unique_ptr<int>> given,
                                  int* evaluated) {
  // A declaration, a name that exists, and a value that can only be moved.
  FERRY_ASSIGN_OR_RETURN(const std::unique_ptr<int> number,
                         (++*evaluated, std::move(given)));
  std::string text;
  FERRY_ASSIGN_OR_RETURN(text, absl::StatusOr<std::string>("x"));
  return text + std::to_string(2 * *number);
}

TEST(StatusMacrosTest, AssignOrReturnMovesTheValueOrReturnsTheError) {
  int evaluated = 0;
  EXPECT_EQ(*Twice(std::make_unique<int>(21), &evaluated), "x42");
  EXPECT_EQ(Twice(absl::DataLossError("y"), &evaluated).status(),
            absl::DataLossError("y"));
  EXPECT_EQ(evaluated, 2);
}

}  // namespace
}  // namespace v1
}  // namespace ferry
