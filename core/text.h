// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/text.h
// -----------------------------------------------------------------------------
//
// Formats parts of messages, such as text from untrusted files.
//
// Example:
//
//   QuoteForMessage("a\nb");  // "a\nb" on one line, with the quotes
//   WithArticle("int");       // an int
#ifndef FERRY_CORE_TEXT_H_
#define FERRY_CORE_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns at most `max_bytes` of `text`, cut between UTF-8 characters, followed
// by "..." if something was cut off.
std::string Shorten(absl::string_view text, size_t max_bytes);

// Returns `text` shortened to 200 bytes, with control characters, quotes and
// backslashes escaped as in C. If the text is not Unicode, escapes everything
// except ASCII. The second function also adds double quotes.
std::string EscapeForMessage(absl::string_view text);
std::string QuoteForMessage(absl::string_view text);

// Lists the first `max_listed` of `count` items and says how many more there
// are: ""a", "b" and 7 more". `item` returns the text of an item, given its
// index. It is called only for the items that are listed.
std::string ListForMessage(size_t count, size_t max_listed,
                           absl::FunctionRef<std::string(size_t)> item);

// Returns `noun` with its indefinite article: "a str", "an int".
std::string WithArticle(absl::string_view noun);

// Returns the smallest number of bytes to insert, remove or change to turn `a`
// into `b`, or `limit` if that number is `limit` or more. O(limit * size of b).
size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit);

// NearNames
//
// Collects the names that are most similar to a name that does not exist, for a
// message.
//
//   NearNames near("weigth");
//   for (const char* name : {"weight", "bias"}) near.Consider(name);
//   near.Question();  // "; did you mean "weight"?"
class NearNames {
 public:
  // `wanted` must outlive this object. Names of more than 200 bytes, which
  // nobody types, are similar to nothing, and nothing is similar to the empty
  // name.
  explicit NearNames(absl::string_view wanted) : wanted_(wanted) {}

  // O(size of `name`).
  void Consider(absl::string_view name);

  // Returns "; did you mean "a" or "b"?" with the three nearest names, nearest
  // first, or "" if no name is similar.
  std::string Question() const;

 private:
  struct Near {
    size_t distance;
    std::string name;
  };

  const absl::string_view wanted_;
  std::vector<Near> nearest_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_TEXT_H_
