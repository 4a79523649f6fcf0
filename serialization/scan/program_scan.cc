// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/scan/program_scan.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace scan {
namespace {

// The longest name of an operator in a report.
constexpr size_t kMaxShownBytes = 200;

// The operators that a TorchScript program calls and that reach the system, and
// the namespaces of those that come with PyTorch.
constexpr absl::string_view kDangerousOperators[] = {"from_file", "save",
                                                     "load"};
constexpr absl::string_view kOperatorNamespaces[] = {
    "aten",
    "prim",
    "prims",
    "quantized",
    "_quantized",
    "sparse",
    "mkldnn",
    "onednn",
    "prepacked",
    "profiler",
    "quantized_decomposed",
    "xnnpack",
    "metal",
    "vulkan",
    "mkldnn_prepacked",
    "torchvision",
    "rngprims",
};

bool IsIdentifier(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Skips blanks, comments and continued lines between the tokens of a program.
void SkipBlanks(absl::string_view* text) {
  size_t size = 0;
  for (bool is_comment = false; size < text->size(); ++size) {
    const char c = (*text)[size];
    is_comment = (is_comment || c == '#') && c != '\n';
    if (is_comment || c == '\\') continue;
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) break;
  }
  text->remove_prefix(size);
}

// Takes the identifier at the beginning of `text`.
absl::string_view TakeIdentifier(absl::string_view* text) {
  size_t size = 0;
  while (size < text->size() && IsIdentifier((*text)[size])) ++size;
  const absl::string_view taken = text->substr(0, size);
  text->remove_prefix(size);
  return taken;
}

}  // namespace

void ProgramScan::AddCode(absl::string_view code) {
  ++num_files_;
  for (const absl::string_view start : {"torch", "ops"}) {
    const bool is_torch = start == "torch";
    absl::string_view rest = code;
    for (size_t at; (at = rest.find(start)) != absl::string_view::npos;) {
      const absl::string_view before = rest.substr(0, at);
      rest.remove_prefix(at + start.size());
      if (!before.empty() &&
          (IsIdentifier(before.back()) || before.back() == '.')) {
        continue;
      }
      if (!rest.empty() && IsIdentifier(rest[0])) continue;
      SkipBlanks(&rest);
      if (!absl::ConsumePrefix(&rest, ".")) {
        // Assigned to a variable.
        const absl::string_view last =
            absl::StripTrailingAsciiWhitespace(before);
        if (absl::EndsWith(last, "=")) ++operators_[std::string(start)];
        continue;
      }
      SkipBlanks(&rest);
      absl::string_view space = "aten";
      if (!is_torch) {
        space = TakeIdentifier(&rest);
        SkipBlanks(&rest);
        if (space.empty() || !absl::ConsumePrefix(&rest, ".")) continue;
        SkipBlanks(&rest);
      }
      const absl::string_view name = TakeIdentifier(&rest);
      if (name.empty()) continue;
      const bool is_known = std::find(std::begin(kOperatorNamespaces),
                                      std::end(kOperatorNamespaces),
                                      space) != std::end(kOperatorNamespaces);
      const bool is_dangerous =
          space == "aten" && std::find(std::begin(kDangerousOperators),
                                       std::end(kDangerousOperators),
                                       name) != std::end(kDangerousOperators);
      if (is_known && !is_dangerous) continue;
      ++operators_[Shorten(absl::StrCat(space, "::", name), kMaxShownBytes)];
    }
  }
}

}  // namespace scan
}  // namespace v1
}  // namespace ferry
