// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/json.h
// -----------------------------------------------------------------------------
//
// JSON as `ferry` writes it: fields are in the order in which they are set, and
// bytes that are not UTF-8 are replaced by U+FFFD. `QuotedJson` preserves lone
// surrogates, which a Python str may contain.
#ifndef FERRY_TOOLS_FERRY_JSON_H_
#define FERRY_TOOLS_FERRY_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace ferry {
inline namespace v1 {
namespace cli {

using Json = nlohmann::ordered_json;

// Returns a JSON string. Text is UTF-8 and may contain lone surrogates, as in
// Python's "surrogatepass". These become escapes ("\\ud800"), which Python's
// json module can read. (A high surrogate before a low one is read as one
// character, because JSON cannot represent the two separately.) O(size of
// `text`).
std::string QuotedJson(absl::string_view text);

// Returns a JSON string, as part of a document.
inline Json JsonText(absl::string_view text) { return Json(std::string(text)); }

// Formats JSON on one line.
inline std::string Dump(const Json& json) {
  return json.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

// Formats JSON on many lines, for short documents.
inline std::string DumpIndented(const Json& json) {
  return json.dump(/*indent=*/2, /*indent_char=*/' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_JSON_H_
