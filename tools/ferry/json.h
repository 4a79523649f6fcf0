// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/json.h
// -----------------------------------------------------------------------------
//
// JSON as `ferry` writes it: fields in the order in which they are set, and
// text that is not UTF-8 with U+FFFD in the place of what is not. `QuotedJson`
// keeps lone surrogates, which a str of Python may hold.
#ifndef FERRY_TOOLS_FERRY_JSON_H_
#define FERRY_TOOLS_FERRY_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace ferry {

using Json = nlohmann::ordered_json;

// Returns a JSON string. Text is UTF-8, and lone surrogates as Python's
// "surrogatepass" writes them become escapes ("\\ud800"), which Python's json
// module reads back. (A high one before a low one is read as one character:
// JSON has no other spelling for that.) O(size of `text`).
std::string QuotedJson(absl::string_view text);

// A JSON string, as part of a document.
inline Json JsonText(absl::string_view text) { return Json(std::string(text)); }

// On one line.
inline std::string Dump(const Json& json) {
  return json.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

// On many lines, for short documents.
inline std::string DumpIndented(const Json& json) {
  return json.dump(/*indent=*/2, /*indent_char=*/' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_JSON_H_
