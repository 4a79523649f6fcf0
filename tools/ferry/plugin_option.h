// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/plugin_option.h
// -----------------------------------------------------------------------------
//
// `--plugin`, for commands that put storages on devices or list them. Those
// that leave all on the host load no plugin, whatever the environment says.
#ifndef FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
#define FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "ferry/plugins/plugin_loader.h"
#include "ferry/tools/ferry/command.h"

namespace ferry {

// Adds the option. `paths` must outlive the command line.
void AddPluginOption(CLI::App* command, std::vector<std::string>* paths);

// Loads what `--plugin` named, then FERRY_PLUGIN_PATH, then the system's
// folder, and returns what became of each. One that the environment or the
// system names and that fails is complained of, no more.
//
// Errors: of the first that `--plugin` named and that failed.
absl::StatusOr<std::vector<PluginVerdict>> LoadPlugins(
    const std::vector<std::string>& paths, const CommandIo& io);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_PLUGIN_OPTION_H_
