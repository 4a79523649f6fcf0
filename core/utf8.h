// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/utf8.h
// -----------------------------------------------------------------------------
//
// Tells UTF-8 from other bytes, with the lone surrogates that Python's
// "surrogatepass" lets through, or without them.
#ifndef FERRY_CORE_UTF8_H_
#define FERRY_CORE_UTF8_H_

#include "absl/strings/string_view.h"

namespace ferry {

// Whether `text` is UTF-8: shortest forms only, up to U+10FFFF; surrogates
// (U+D800 to U+DFFF) are allowed. O(size).
bool IsValidUtf8(absl::string_view text);

// Whether `text` is UTF-8 without surrogates, as the Unicode standard defines
// it. O(size).
bool IsUnicode(absl::string_view text);

}  // namespace ferry

#endif  // FERRY_CORE_UTF8_H_
