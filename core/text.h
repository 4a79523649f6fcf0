// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/text.h
// -----------------------------------------------------------------------------
//
// Parts of messages: text out of files that are not trusted, and the words
// around it.
//
// Example:
//
//   absl::StrCat("there is no ", QuoteForMessage(key));  // ... "fc.weigth"
//   absl::StrCat("the value is ", WithArticle("int"));   // ... an int
#ifndef FERRY_CORE_TEXT_H_
#define FERRY_CORE_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {

// Returns at most `max_bytes` of `text`, cut between characters of UTF-8, and
// "..." if something was cut off.
std::string Shorten(absl::string_view text, size_t max_bytes);

// Returns `text` in double quotes, shortened to 100 bytes, with control
// characters, quotes and backslashes escaped as in C.
std::string QuoteForMessage(absl::string_view text);

// Returns `noun` with its indefinite article: "a str", "an int".
std::string WithArticle(absl::string_view noun);

// Returns the least number of bytes to insert, remove or change to get from `a`
// to `b`; `limit` if it is that or more. O(limit * size of b).
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit);

}  // namespace ferry

#endif  // FERRY_CORE_TEXT_H_
