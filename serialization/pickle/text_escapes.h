// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/text_escapes.h
// -----------------------------------------------------------------------------
//
// Decodes and encodes text in pickles of protocol 0: "raw-unicode-escape", and
// the string literals of Python 2, which are only decoded.
#ifndef FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_
#define FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace pickle {

// Decodes text of protocol 0: latin-1, with \uXXXX and \UXXXXXXXX for other
// characters. Appends UTF-8 to `out`. Returns false if an escape is malformed.
bool DecodeRawUnicodeEscape(absl::string_view text, std::string* out);

// Encodes UTF-8, including lone surrogates, as CPython's pickler does
// (Modules/_pickle.c, raw_unicode_escape). The result is one line, in which
// each backslash is escaped.
std::string EncodeRawUnicodeEscape(absl::string_view utf8);

// Decodes the text between the quotes of a Python 2 string literal, as Python's
// "string-escape" does: \n and similar escapes, \ooo and \xhh. A backslash
// before any other character stands for itself. Appends to `out`. Returns false
// if an escape is truncated or malformed.
bool DecodeStringEscape(absl::string_view text, std::string* out);

}  // namespace pickle
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_
