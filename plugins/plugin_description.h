// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_description.h
// -----------------------------------------------------------------------------
//
// Queries a plugin: negotiates the version, and checks the whole description,
// so that no other code needs to.
#ifndef FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_
#define FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/plugin.h"

namespace ferry {
inline namespace v1 {

struct PluginDescription {
  std::string name;
  std::string version;
  std::string vendor;
  struct BackendTable {
    std::string type;
    // A copy in this host's version of the struct. Functions that an older
    // plugin does not have are null.
    ferry_backend table;
  };
  std::vector<BackendTable> backends;
};

// Returns the description of this host. `directory` must outlive the result.
ferry_host_info HostInfo(absl::string_view directory);

// Calls `query` and checks the answer: sizes, names, flags and the sanitizer;
// that each device type has its five functions; and that it has the functions
// of a capability if and only if it claims the capability.
//
// Errors:
//   kFailedPrecondition - the versions or sanitizers are incompatible.
//   kUnimplemented      - the plugin requires something that this host does not
//                         support.
//   kInvalidArgument    - the plugin violates the interface; the message says
//                         how.
absl::StatusOr<PluginDescription> QueryPlugin(ferry_plugin_query query,
                                              absl::string_view directory);

// Returns whether `type` can be the type of a plugin's device: a lower-case
// letter, then lower-case letters, digits and '_'; at most 32 characters in
// all.
bool IsPluginDeviceType(absl::string_view type);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_
