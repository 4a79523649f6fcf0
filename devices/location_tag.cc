// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/location_tag.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "ferry/core/device.h"
#include "ferry/core/utf8.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr int kIndexLimit = 1 << 20;

constexpr absl::string_view kReservedTypes[] = {
    "cpu", "cuda", "meta", "mps", "xpu", "hpu", "xla", "privateuseone"};

}  // namespace

std::optional<ParsedTag> ParseTag(absl::string_view tag) {
  const size_t colon = tag.find(':');
  ParsedTag parsed{tag.substr(0, colon), Device::kNoIndex};
  if (colon == absl::string_view::npos) return parsed;
  const absl::string_view digits = tag.substr(colon + 1);
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  }
  parsed.index = 0;
  for (char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    parsed.index = std::min(parsed.index * 10 + (c - '0'), kIndexLimit);
  }
  return parsed;
}

absl::string_view TypeOfTag(absl::string_view tag) {
  return tag.substr(0, tag.find(':'));
}

absl::Span<const absl::string_view> ReservedDeviceTypes() {
  return kReservedTypes;
}

bool IsReservedDeviceType(absl::string_view type) {
  return std::find(std::begin(kReservedTypes), std::end(kReservedTypes),
                   type) != std::end(kReservedTypes);
}

bool IsLocationTag(absl::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxLocationTagBytes && IsUnicode(tag);
}

}  // namespace v1
}  // namespace ferry
