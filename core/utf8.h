// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/utf8.h
// -----------------------------------------------------------------------------
//
// Which bytes are text: UTF-8, with or without the lone surrogates that a str
// of Python may have ("surrogatepass"). And how a message shows a text.
#ifndef FERRY_CORE_UTF8_H_
#define FERRY_CORE_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {

// Whether `text` is UTF-8: shortest forms only, up to U+10FFFF; surrogates
// (U+D800 to U+DFFF) are allowed. O(size).
bool IsValidUtf8(absl::string_view text);

// Whether `text` is UTF-8 without surrogates, as the Unicode standard defines
// it. O(size).
bool IsUnicode(absl::string_view text);

// Returns the beginning of a text for a message: at most 200 bytes of it, with
// escapes, so that the result is valid UTF-8 whatever the text is.
std::string ShownText(absl::string_view text);

}  // namespace ferry

#endif  // FERRY_CORE_UTF8_H_
