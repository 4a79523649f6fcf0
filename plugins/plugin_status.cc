// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_status.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
namespace {

// Longer texts of a plugin are cut off.
constexpr uint64_t kMaxTextBytes = 1024;

bool IsPluginCode(int32_t code) {
  switch (code) {
    case FERRY_OK:
    case FERRY_INVALID_ARGUMENT:
    case FERRY_NOT_FOUND:
    case FERRY_PERMISSION_DENIED:
    case FERRY_RESOURCE_EXHAUSTED:
    case FERRY_FAILED_PRECONDITION:
    case FERRY_OUT_OF_RANGE:
    case FERRY_UNIMPLEMENTED:
    case FERRY_INTERNAL:
    case FERRY_UNAVAILABLE:
    case FERRY_DATA_LOSS:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string PluginText(const char* text, size_t capacity_bytes) {
  return absl::Utf8SafeCHexEscape(
      absl::string_view(text, strnlen(text, capacity_bytes)));
}

std::string PluginText(const ferry_string& text) {
  if (text.data == nullptr) return "";
  return absl::Utf8SafeCHexEscape(absl::string_view(
      text.data,
      static_cast<size_t>(std::min(text.size_bytes, kMaxTextBytes))));
}

absl::Status PluginStatus(absl::string_view function, int32_t code,
                          const ferry_status& status) {
  if (code != status.code || !IsPluginCode(code)) {
    return absl::InternalError(
        absl::StrCat("the plugin breaks its interface: \"", function,
                     "\" returned code ", code, " and wrote code ", status.code,
                     " into its status; report this to the plugin's authors"));
  }
  if (code == FERRY_OK) return absl::OkStatus();
  std::string message = PluginText(status.message, sizeof(status.message));
  if (message.empty()) message = absl::StrCat("\"", function, "\" failed");
  if (status.vendor_code != 0) {
    absl::StrAppend(&message, " (driver code ", status.vendor_code, ")");
  }
  if ((status.flags & FERRY_STATUS_DEVICE_LOST) != 0) {
    absl::StrAppend(&message, "; the device is lost");
  }
  return absl::Status(static_cast<absl::StatusCode>(code), message);
}

}  // namespace v1
}  // namespace ferry
