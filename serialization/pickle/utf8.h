// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/utf8.h
// -----------------------------------------------------------------------------
//
// The encodings of text that pickle uses: UTF-8 with lone surrogates allowed,
// as Python's "surrogatepass" has it, "raw-unicode-escape", and the literals of
// Python 2's strings.
#ifndef FERRY_SERIALIZATION_PICKLE_UTF8_H_
#define FERRY_SERIALIZATION_PICKLE_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
namespace pickle {

// Whether `text` is UTF-8: shortest forms only, up to U+10FFFF; surrogates
// (U+D800 to U+DFFF) are allowed. O(size).
bool IsValidUtf8(absl::string_view text);

// Whether `text` is UTF-8 without surrogates, as the Unicode standard defines
// it. O(size).
bool IsUnicode(absl::string_view text);

// Decodes what protocol 0 writes: latin-1, with \uXXXX and \UXXXXXXXX for the
// rest. Appends UTF-8 to `out`. False if an escape is malformed.
bool DecodeRawUnicodeEscape(absl::string_view text, std::string* out);

// Decodes what stands between the quotes of a string literal of Python 2, as
// Python's "string-escape" does: \n and the like, \ooo, \xhh; a backslash
// before anything else is itself. Appends to `out`. False if an escape is cut
// short or malformed.
bool DecodeStringEscape(absl::string_view text, std::string* out);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_UTF8_H_
