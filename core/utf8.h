// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/utf8.h
// -----------------------------------------------------------------------------
//
// Checks whether bytes are valid UTF-8, with or without the lone surrogates
// that Python's "surrogatepass" allows.
#ifndef FERRY_CORE_UTF8_H_
#define FERRY_CORE_UTF8_H_

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {

// Returns whether `text` is UTF-8: shortest forms only, up to U+10FFFF.
// Surrogates (U+D800 to U+DFFF) are allowed. O(size).
bool IsValidUtf8(absl::string_view text);

// Returns whether `text` is UTF-8 without surrogates, as the Unicode standard
// defines it. O(size).
bool IsUnicode(absl::string_view text);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_UTF8_H_
