// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tests/faults/message_rules.h"

#include <cstddef>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/runtime/runtime.h"
#include "gtest/gtest.h"

namespace ferry {
inline namespace v1 {
namespace {

// Where the quoted text that begins at `begin` ends, its quote included.
size_t QuoteEnd(absl::string_view message, size_t begin) {
  for (size_t i = begin; i < message.size(); ++i) {
    if (message[i] == '\\') {
      ++i;
    } else if (message[i] == '"') {
      return i + 1;
    }
  }
  return message.size();
}

bool BeginsWithVowel(absl::string_view word) {
  return !word.empty() &&
         absl::string_view("aeio").find(word[0]) != absl::string_view::npos;
}

}  // namespace

std::string BrokenMessageRule(absl::string_view message) {
  const std::vector<absl::string_view> offsets =
      absl::StrSplit(message, "at offset ");
  if (offsets.size() > 2) return "says several offsets";
  constexpr absl::string_view kRecord = ": record \"";
  const size_t record = message.find(kRecord);
  if (record != absl::string_view::npos) {
    const size_t end = QuoteEnd(message, record + kRecord.size());
    if (!absl::StartsWith(message.substr(end), ":")) {
      return "has no colon after the name of a record";
    }
  }
  const std::vector<absl::string_view> words = absl::StrSplit(message, ' ');
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "a" && BeginsWithVowel(words[i + 1])) {
      return absl::StrCat("says \"a ", words[i + 1], "\"");
    }
  }
  return message.size() < 2000 ? "" : "is too long";
}

bool IsOfDamage(const absl::Status& status) {
  EXPECT_EQ(BrokenMessageRule(status.message()), "") << status;
  return (status.code() == absl::StatusCode::kDataLoss ||
          status.code() == absl::StatusCode::kUnimplemented ||
          status.code() == absl::StatusCode::kInvalidArgument ||
          status.code() == absl::StatusCode::kResourceExhausted) &&
         !IsNotACheckpoint(status);
}

}  // namespace v1
}  // namespace ferry
