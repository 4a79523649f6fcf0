// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/pickle/text_escapes.h
// -----------------------------------------------------------------------------
//
// The escapes in which pickles of protocol 0 write text: "raw-unicode-escape",
// and the literals of Python 2's strings, which are only read.
#ifndef FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_
#define FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ferry {
namespace pickle {

// Decodes what protocol 0 writes: latin-1, with \uXXXX and \UXXXXXXXX for the
// rest. Appends UTF-8 to `out`. False if an escape is malformed.
bool DecodeRawUnicodeEscape(absl::string_view text, std::string* out);

// Encodes UTF-8, lone surrogates included, as CPython does where it pickles
// (Modules/_pickle.c, raw_unicode_escape): the result is one line, and has an
// escape for each backslash.
std::string EncodeRawUnicodeEscape(absl::string_view utf8);

// Decodes what stands between the quotes of a string literal of Python 2, as
// Python's "string-escape" does: \n and the like, \ooo, \xhh; a backslash
// before anything else is itself. Appends to `out`. False if an escape is cut
// short or malformed.
bool DecodeStringEscape(absl::string_view text, std::string* out);

}  // namespace pickle
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_PICKLE_TEXT_ESCAPES_H_
