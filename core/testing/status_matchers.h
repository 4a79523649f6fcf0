// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/testing/status_matchers.h
// -----------------------------------------------------------------------------
//
// Matchers of absl::Status and absl::StatusOr that print the status when they
// fail. They have the names and meanings of those in Abseil's
// status_matchers.h, which is newer than the oldest Abseil that Ferry builds
// with.
//
// Example:
//
//   EXPECT_THAT(Save(value, sink), IsOk());
//   EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kNotFound,
//                                    HasSubstr("model.pt")));
//   EXPECT_THAT(ViewExtent({2, 3}, {3, 1}, 0), IsOkAndHolds(6));
#ifndef FERRY_CORE_TESTING_STATUS_MATCHERS_H_
#define FERRY_CORE_TESTING_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace ferry {
inline namespace v1 {
namespace status_matchers_internal {

inline absl::Status StatusOf(const absl::Status& status) { return status; }

template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace status_matchers_internal

// Matches a status, or a result, that is OK.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  const absl::Status status = status_matchers_internal::StatusOf(arg);
  *result_listener << "whose status is " << status.ToString();
  return status.ok();
}

// Matches a status, or that of a result, of this code.
MATCHER_P(StatusIs, code,
          std::string(negation ? "does not have" : "has") + " the code " +
              absl::StatusCodeToString(code)) {
  const absl::Status status = status_matchers_internal::StatusOf(arg);
  *result_listener << "whose status is " << status.ToString();
  return status.code() == code;
}

// The same, with a message that the matcher matches.
MATCHER_P2(StatusIs, code, message_matcher,
           std::string(negation ? "does not have" : "has") + " the code " +
               absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message_matcher)) {
  const absl::Status status = status_matchers_internal::StatusOf(arg);
  *result_listener << "whose status is " << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

// Matches a result that is OK and has a value that the matcher, or the value,
// matches.
MATCHER_P(IsOkAndHolds, value_matcher,
          negation ? "is not OK, or has another value"
                   : "is OK and has a value that matches") {
  if (!arg.ok()) {
    *result_listener << "whose status is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TESTING_STATUS_MATCHERS_H_
