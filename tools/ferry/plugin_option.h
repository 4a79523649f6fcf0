// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/plugin_option.h
// -----------------------------------------------------------------------------
//
// `--plugin` and `--allow-reserved-types`, for commands that list devices, put
// storages on them or write their tags. Commands that leave all storages on the
// host load no plugin that the command line does not name, whatever the
// environment says.
#ifndef FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
#define FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/plugins/plugin_loader.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// What the two options say.
struct PluginFlags {
  std::vector<std::string> paths;
  bool allow_reserved_types = false;
};

// Adds the options. `flags` must outlive the command line.
void AddPluginOptions(CLI::App* command, PluginFlags* flags);

// Which plugins a command loads.
enum class PluginSources {
  // Those of `--plugin`.
  kNamed,
  // Those of `--plugin`, then those of FERRY_PLUGIN_PATH, then those of the
  // system folder.
  kAll,
};

// Loads plugins, and returns a verdict for each. If a plugin from the
// environment or the system folder fails, only prints a warning.
//
// Errors: the error of the first plugin of `--plugin` that failed.
absl::StatusOr<std::vector<PluginVerdict>> LoadPlugins(const PluginFlags& flags,
                                                       PluginSources sources,
                                                       const CommandIo& io);

// Returns a text of the library with the options of C++ replaced by those of
// the command.
std::string WithFlagNames(absl::string_view text);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
