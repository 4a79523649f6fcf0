// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_description.h
// -----------------------------------------------------------------------------
//
// Asks a plugin what it is: negotiates the version, and checks all that it
// says, so that nothing behind needs to.
#ifndef FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_
#define FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/plugin.h"

namespace ferry {

struct PluginDescription {
  std::string name;
  std::string version;
  std::string vendor;
  struct BackendTable {
    std::string type;
    // A copy as this host knows it: what an older plugin does not have is null.
    ferry_backend table;
  };
  std::vector<BackendTable> backends;
};

// What this host says of itself. `directory` must outlive the result.
ferry_host_info HostInfo(absl::string_view directory);

// Calls `query` and checks the answer: sizes, names, flags, the sanitizer, that
// the five functions of each device type are there, and those of a capability
// exactly where it is claimed.
//
// Errors:
//   kFailedPrecondition - the versions or sanitizers do not fit.
//   kUnimplemented      - it wants what this host does not know.
//   kInvalidArgument    - it breaks the interface; says how.
absl::StatusOr<PluginDescription> QueryPlugin(ferry_plugin_query query,
                                              absl::string_view directory);

// Whether `type` can be the type of a plugin's device: a lower-case letter,
// then lower-case letters, digits and '_', at most 32.
bool IsPluginDeviceType(absl::string_view type);

// Whether `type` is one that PyTorch gives a meaning, which a plugin takes only
// where the program allows it.
bool IsReservedDeviceType(absl::string_view type);

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_DESCRIPTION_H_
