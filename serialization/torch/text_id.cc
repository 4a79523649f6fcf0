// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/text_id.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

constexpr size_t kMaxParts = 8;

class Parser {
 public:
  explicit Parser(absl::string_view text) : rest_(text) {}

  bool ParseTuple(std::vector<TextIdPart>* parts, bool is_outer);
  bool done() const { return rest_.empty(); }

 private:
  bool ParsePart(TextIdPart* part, bool is_outer);
  bool ParseInt(int64_t* number);
  bool ParseStr(std::string* text);
  // What stands behind a backslash.
  bool ParseEscape(std::string* text);

  absl::string_view rest_;
};

bool Parser::ParseTuple(std::vector<TextIdPart>* parts, bool is_outer) {
  if (!absl::ConsumePrefix(&rest_, "(")) return false;
  while (parts->size() < kMaxParts) {
    parts->emplace_back();
    if (!ParsePart(&parts->back(), is_outer)) return false;
    if (absl::ConsumePrefix(&rest_, ")")) return true;
    if (!absl::ConsumePrefix(&rest_, ", ")) return false;
  }
  return false;
}

bool Parser::ParsePart(TextIdPart* part, bool is_outer) {
  if (absl::ConsumePrefix(&rest_, "None")) return true;
  if (absl::ConsumePrefix(&rest_, "<class ")) {
    part->kind = TextIdPart::kClass;
    return ParseStr(&part->text) && absl::ConsumePrefix(&rest_, ">");
  }
  if (absl::StartsWith(rest_, "(")) {
    part->kind = TextIdPart::kTuple;
    return is_outer && ParseTuple(&part->parts, /*is_outer=*/false);
  }
  if (absl::StartsWith(rest_, "'") || absl::StartsWith(rest_, "\"")) {
    part->kind = TextIdPart::kStr;
    return ParseStr(&part->text);
  }
  part->kind = TextIdPart::kInt;
  return ParseInt(&part->number);
}

bool Parser::ParseInt(int64_t* number) {
  const size_t size = rest_.find_first_not_of("0123456789");
  if (size == absl::string_view::npos ||
      !absl::SimpleAtoi(rest_.substr(0, size), number)) {
    return false;
  }
  rest_.remove_prefix(size);
  // As Python 2 wrote long integers.
  absl::ConsumePrefix(&rest_, "L");
  return true;
}

bool Parser::ParseStr(std::string* text) {
  if (rest_.empty()) return false;
  const char quote = rest_[0];
  rest_.remove_prefix(1);
  const char stops[] = {quote, '\\'};
  for (;;) {
    const size_t stop = rest_.find_first_of(absl::string_view(stops, 2));
    if (stop == absl::string_view::npos) return false;
    text->append(rest_.data(), stop);
    const bool is_end = rest_[stop] == quote;
    rest_.remove_prefix(stop + 1);
    if (is_end) return true;
    if (!ParseEscape(text)) return false;
  }
}

bool Parser::ParseEscape(std::string* text) {
  if (rest_.empty()) return false;
  const char kind = rest_[0];
  rest_.remove_prefix(1);
  switch (kind) {
    case 'n':
      text->push_back('\n');
      return true;
    case 't':
      text->push_back('\t');
      return true;
    case 'r':
      text->push_back('\r');
      return true;
    case '\\':
    case '\'':
    case '"':
      text->push_back(kind);
      return true;
    case 'x': {
      // Control characters; others beyond ASCII stand for themselves, and
      // protocol 0 has none.
      uint32_t code = 0;
      if (rest_.size() < 2 || !absl::SimpleHexAtoi(rest_.substr(0, 2), &code) ||
          code >= 0x80) {
        return false;
      }
      rest_.remove_prefix(2);
      text->push_back(static_cast<char>(code));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

bool ParseTextId(absl::string_view text, std::vector<TextIdPart>* parts) {
  Parser parser(text);
  return parser.ParseTuple(parts, /*is_outer=*/true) && parser.done();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
