// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/value/global_name.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "ferry/core/utf8.h"

namespace ferry {
inline namespace v1 {
namespace {

// No name is longer.
constexpr size_t kMaxNameBytes = 4096;

// Returns what is wrong with one of the two parts, or null.
const char* DescribeBadPart(absl::string_view part) {
  if (part.empty()) return "is empty";
  if (part.size() > kMaxNameBytes) return "has more than 4096 bytes";
  if (part.find('\n') != absl::string_view::npos) {
    return "contains a newline";
  }
  if (part.find('\0') != absl::string_view::npos) return "contains a NUL byte";
  if (!IsUnicode(part)) return "is not valid UTF-8";
  return nullptr;
}

}  // namespace

std::string DescribeBadGlobal(absl::string_view module,
                              absl::string_view name) {
  if (const char* const what = DescribeBadPart(module)) {
    return absl::StrCat("its module ", what);
  }
  if (const char* const what = DescribeBadPart(name)) {
    return absl::StrCat("its name ", what);
  }
  return "";
}

}  // namespace v1
}  // namespace ferry
