// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/plugin_option.h
// -----------------------------------------------------------------------------
//
// `--plugin`, for commands that list devices, put storages on them or write
// their tags. Commands that leave all storages on the host load no plugin that
// the command line does not name, whatever the environment says.
#ifndef FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
#define FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/plugins/plugin_loader.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {
namespace cli {

// Adds the option. `paths` must outlive the command line.
void AddPluginOption(CLI::App* command, std::vector<std::string>* paths);

// Adds `--allow-reserved-types`. `allow` must outlive the command line.
void AddAllowReservedTypesOption(CLI::App* command, bool* allow);

// Loads the plugins of `--plugin` and no others.
//
// Errors: the error of the first plugin that failed.
absl::Status LoadNamedPlugins(const std::vector<std::string>& paths);

// Loads the plugins of `--plugin`, then of FERRY_PLUGIN_PATH, then of the
// system folder, and returns a verdict for each. If a plugin from the
// environment or the system folder fails, only prints a warning. For
// `allow_reserved_types` see PluginOptions.
//
// Errors: the error of the first plugin of `--plugin` that failed.
absl::StatusOr<std::vector<PluginVerdict>> LoadPlugins(
    const std::vector<std::string>& paths, const CommandIo& io,
    bool allow_reserved_types = false);

}  // namespace cli
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
