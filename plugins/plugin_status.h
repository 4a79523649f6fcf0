// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_status.h
// -----------------------------------------------------------------------------
//
// Calls a function of a plugin, and converts its result to a status.
//
// Example:
//
//   FERRY_RETURN_IF_ERROR(CallPlugin("free", [&](ferry_status* status) {
//     return table.free(table.context, index, handle, status);
//   }));
#ifndef FERRY_PLUGINS_PLUGIN_STATUS_H_
#define FERRY_PLUGINS_PLUGIN_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/plugin.h"

namespace ferry {
inline namespace v1 {

// Returns a struct of the interface as the host passes it: all zero except
// `struct_size`.
template <typename Struct>
Struct HostStruct() {
  Struct made;
  std::memset(&made, 0, sizeof(made));
  made.struct_size = sizeof(made);
  return made;
}

// Return a plugin's text. An array should be null-terminated, but may not be.
// Bytes that could control a terminal are escaped.
std::string PluginText(const char* text, size_t capacity_bytes);
std::string PluginText(const ferry_string& text);

// Converts the return code and the status of a plugin's function. Returns
// kInternal if the code is not allowed or differs from the code in the status,
// because the plugin then violates the interface.
absl::Status PluginStatus(absl::string_view function, int32_t code,
                          const ferry_status& status);

// Calls `call(ferry_status*)` and converts its result.
template <typename Call>
absl::Status CallPlugin(absl::string_view function, const Call& call) {
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = call(&status);
  return PluginStatus(function, code, status);
}

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_STATUS_H_
