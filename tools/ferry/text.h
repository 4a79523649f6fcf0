// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/text.h
// -----------------------------------------------------------------------------
//
// Text for people, out of files that are not trusted.
#ifndef FERRY_TOOLS_FERRY_TEXT_H_
#define FERRY_TOOLS_FERRY_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace ferry {

// `text` with everything that could drive a terminal or mislead its reader
// spelt out: control characters ("\x1b", "\n"), marks that turn the direction
// of text round ("\u202e"), and bytes that are not UTF-8.
std::string EscapeForTerminal(absl::string_view text);

// "17 B", "4.0 KiB", "1.2 GiB".
std::string HumanBytes(uint64_t bytes);

// "1 tensor", "2 tensors".
std::string Count(uint64_t count, absl::string_view what);

// How many columns of a terminal `text` takes, where every character takes one.
size_t Columns(absl::string_view text);

// Whether `pattern`, in which each "*" stands for any run of characters,
// matches the whole of `text`.
bool MatchesGlob(absl::string_view pattern, absl::string_view text);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_TEXT_H_
