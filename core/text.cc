// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/text.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/utf8.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr size_t kMaxShownBytes = 200;

// How many near names are proposed, how long they may be, and the distance from
// which on a name is not near.
constexpr size_t kMaxNearNames = 3;
constexpr size_t kMaxNearBytes = 200;
constexpr size_t kMaxDistance = 5;

}  // namespace

std::string Shorten(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t end = max_bytes;
  // A character has at most three bytes after its first.
  for (int i = 0; i < 3 && end > 0; ++i) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80) break;
    --end;
  }
  return absl::StrCat(text.substr(0, end), "...");
}

std::string EscapeForMessage(absl::string_view text) {
  const std::string shown = Shorten(text, kMaxShownBytes);
  return IsUnicode(shown) ? absl::Utf8SafeCHexEscape(shown)
                          : absl::CHexEscape(shown);
}

std::string QuoteForMessage(absl::string_view text) {
  return absl::StrCat("\"", EscapeForMessage(text), "\"");
}

std::string ListForMessage(size_t count, size_t max_listed,
                           absl::FunctionRef<std::string(size_t)> item) {
  std::string list;
  for (size_t i = 0; i < std::min(count, max_listed); ++i) {
    absl::StrAppend(&list, i == 0 ? "" : ", ", item(i));
  }
  if (count > max_listed) {
    absl::StrAppend(&list, " and ", count - max_listed, " more");
  }
  return list;
}

std::string WithArticle(absl::string_view noun) {
  const bool begins_with_vowel =
      !noun.empty() &&
      absl::string_view("aeiou").find(noun[0]) != absl::string_view::npos;
  // "uint8" and "untyped": only the first is spoken with a consonant.
  const bool is_uint = noun.substr(0, 4) == "uint";
  return absl::StrCat(begins_with_vowel && !is_uint ? "an " : "a ", noun);
}

size_t EditDistance(absl::string_view a, absl::string_view b, size_t limit) {
  const size_t difference =
      a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference >= limit) return limit;
  // row[j]: from the part of `a` so far to the first j bytes of `b`. What is
  // `limit` or more off the diagonal cannot lead to less than `limit`.
  std::vector<size_t> row(b.size() + 1, limit);
  for (size_t j = 0; j <= std::min(b.size(), limit - 1); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const size_t begin = i < limit ? 1 : i - limit + 1;
    const size_t end = std::min(b.size(), i + limit - 1);
    size_t diagonal = row[begin - 1];
    row[begin - 1] = begin == 1 ? std::min(i, limit) : limit;
    for (size_t j = begin; j <= end; ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return std::min(row[b.size()], limit);
}

void NearNames::Consider(absl::string_view name) {
  // Every name ends with the empty one, and none of them is what was meant.
  if (name.empty() || wanted_.empty() || name.size() > kMaxNearBytes ||
      wanted_.size() > kMaxNearBytes) {
    return;
  }
  // One that ends so is nearer than any with a slip of the finger.
  const bool is_end =
      absl::EndsWith(name, wanted_) && wanted_.size() < name.size();
  const size_t limit = std::min(kMaxDistance, wanted_.size() / 2 + 1);
  const size_t distance = is_end ? 0 : EditDistance(wanted_, name, limit);
  if (distance >= limit) return;
  const auto place =
      std::upper_bound(nearest_.begin(), nearest_.end(), distance,
                       [](size_t a, const Near& b) { return a < b.distance; });
  nearest_.insert(place, {distance, std::string(name)});
  if (nearest_.size() > kMaxNearNames) nearest_.pop_back();
}

std::string NearNames::Question() const {
  std::string text;
  for (const Near& near : nearest_) {
    absl::StrAppend(&text, text.empty() ? "; did you mean " : " or ",
                    QuoteForMessage(near.name));
  }
  return text.empty() ? text : text + "?";
}

}  // namespace v1
}  // namespace ferry
