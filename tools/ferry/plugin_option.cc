// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/plugin_option.h"

namespace ferry {
namespace cli {

void AddPluginOption(CLI::App* command, std::vector<std::string>* paths) {
  command
      ->add_option("--plugin", *paths,
                   "A plugin that provides devices: its library, its\n"
                   "manifest, or a folder of manifests. May be repeated.\n"
                   "FERRY_PLUGIN_PATH lists more, separated by colons")
      ->option_text("PATH")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void AddAllowReservedTypesOption(CLI::App* command, bool* allow) {
  command->add_flag("--allow-reserved-types", *allow,
                    "Allow plugins to use device types that have a meaning\n"
                    "in PyTorch, and tags such as privateuseone:0");
}

absl::Status LoadNamedPlugins(const std::vector<std::string>& paths) {
  PluginOptions options;
  options.paths = paths;
  for (const PluginVerdict& verdict : PluginLoader::Default().Load(options)) {
    if (verdict.status.ok()) continue;
    return absl::Status(verdict.status.code(), verdict.ToString());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PluginVerdict>> LoadPlugins(
    const std::vector<std::string>& paths, const CommandIo& io,
    bool allow_reserved_types) {
  PluginOptions options;
  options.paths = paths;
  options.use_environment = true;
  options.use_system_folder = true;
  options.allow_reserved_types = allow_reserved_types;
  std::vector<PluginVerdict> verdicts = PluginLoader::Default().Load(options);
  for (const PluginVerdict& verdict : verdicts) {
    if (verdict.status.ok()) continue;
    if (verdict.source == PluginVerdict::kProgram) {
      return absl::Status(verdict.status.code(), verdict.ToString());
    }
    Complain(io, verdict.ToString());
  }
  return verdicts;
}

}  // namespace cli
}  // namespace ferry
