// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/range_option.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// Reads "BEGIN:END", where both may be left out. False if it is malformed.
bool ParseRange(absl::string_view text, uint64_t* offset_bytes,
                uint64_t* size_bytes) {
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (text.find(':') == absl::string_view::npos) return false;
  uint64_t begin = 0;
  uint64_t end = 0;
  if (!sides.first.empty() && !absl::SimpleAtoi(sides.first, &begin)) {
    return false;
  }
  *offset_bytes = begin;
  if (sides.second.empty()) return true;
  if (!absl::SimpleAtoi(sides.second, &end) || end < begin) return false;
  *size_bytes = end - begin;
  return true;
}

}  // namespace

void AddRangeOption(CLI::App* command, uint64_t* offset_bytes,
                    uint64_t* size_bytes) {
  command
      ->add_option_function<std::string>(
          "--range",
          [offset_bytes, size_bytes](const std::string& text) {
            if (ParseRange(text, offset_bytes, size_bytes)) return;
            throw CLI::ValidationError(
                "--range", absl::StrCat("\"", text,
                                        "\" is not BEGIN:END, two offsets in "
                                        "bytes; either may be left out"));
          },
          "Read only these bytes of the file, such as one of\n"
          "several archives in it. END is not included")
      ->option_text("BEGIN:END");
}

std::string DescribeTrailingBytes(const LoadOptions& load_options,
                                  uint64_t end_offset_bytes,
                                  uint64_t trailing_bytes) {
  if (trailing_bytes == 0) return "";
  const uint64_t offset = load_options.offset_bytes + end_offset_bytes;
  return absl::StrCat(Count(trailing_bytes, "byte"),
                      " after the end of the checkpoint, at offset ", offset,
                      " (to read them: --range=", offset, ":",
                      offset + trailing_bytes, ")");
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
