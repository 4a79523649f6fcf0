// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_status.h
// -----------------------------------------------------------------------------
//
// Calling a function of a plugin, and what it says of how that went.
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

// A struct of the interface as the host passes it: zero but for its size.
template <typename Struct>
Struct HostStruct() {
  Struct made;
  std::memset(&made, 0, sizeof(made));
  made.struct_size = sizeof(made);
  return made;
}

// Text of a plugin in an array that should be terminated and may not be; bytes
// that a terminal would not like are escaped.
std::string PluginText(const char* text, size_t capacity_bytes);
std::string PluginText(const ferry_string& text);

// What a function of a plugin returned and wrote. A code that none may return,
// or one that is not the code in the status, is kInternal: the plugin breaks
// the interface.
absl::Status PluginStatus(absl::string_view function, int32_t code,
                          const ferry_status& status);

// Calls `call(ferry_status*)` and takes its answer.
template <typename Call>
absl::Status CallPlugin(absl::string_view function, const Call& call) {
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = call(&status);
  return PluginStatus(function, code, status);
}

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_STATUS_H_
