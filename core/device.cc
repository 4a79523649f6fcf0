// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/device.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/text.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr size_t kMaxTypeLength = 64;
constexpr int kIndexLimit = 1 << 15;

absl::Status BadDevice(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(QuoteForMessage(text), " does not name a device: ", why,
                   "; write a type and an optional index, as in \"cuda:0\""));
}

}  // namespace

bool Device::IsValidType(absl::string_view type) {
  if (type.empty() || type.size() > kMaxTypeLength) return false;
  if (absl::ascii_isdigit(static_cast<unsigned char>(type[0]))) return false;
  for (char c : type) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') {
      return false;
    }
  }
  return true;
}

absl::StatusOr<Device> Device::Parse(absl::string_view text) {
  const size_t colon = text.find(':');
  const absl::string_view type = text.substr(0, colon);
  if (!IsValidType(type)) {
    return BadDevice(text, "the type is not a valid name");
  }
  if (colon == absl::string_view::npos) return Device(type);
  const absl::string_view digits = text.substr(colon + 1);
  if (digits.empty()) return BadDevice(text, "the index is missing");
  int index = 0;
  for (char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return BadDevice(text, "the index is not a decimal number");
    }
    index = index * 10 + (c - '0');
    if (index >= kIndexLimit) return BadDevice(text, "the index is too large");
  }
  if (digits.size() > 1 && digits[0] == '0') {
    return BadDevice(text, "the index starts with a zero");
  }
  return Device(type, index);
}

std::string Device::ToString() const {
  return has_index() ? absl::StrCat(type_, ":", index_) : type_;
}

}  // namespace v1
}  // namespace ferry
