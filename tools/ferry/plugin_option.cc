// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/plugin_option.h"

#include "absl/status/status.h"
#include "absl/strings/str_replace.h"

namespace ferry {
inline namespace v1 {
namespace cli {

void AddPluginOptions(CLI::App* command, PluginFlags* flags) {
  command
      ->add_option("--plugin", flags->paths,
                   "A plugin that provides devices: its library, its\n"
                   "manifest, or a folder of manifests. May be repeated")
      ->option_text("PATH")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--allow-reserved-types", flags->allow_reserved_types,
                    "Allow plugins to use device types that have a meaning\n"
                    "in PyTorch, and tags such as privateuseone:0");
}

absl::StatusOr<std::vector<PluginVerdict>> LoadPlugins(const PluginFlags& flags,
                                                       PluginSources sources,
                                                       const CommandIo& io) {
  PluginOptions options;
  options.paths = flags.paths;
  options.use_environment = sources == PluginSources::kAll;
  options.use_system_folder = sources == PluginSources::kAll;
  options.allow_reserved_types = flags.allow_reserved_types;
  std::vector<PluginVerdict> verdicts = PluginLoader::Default().Load(options);
  for (const PluginVerdict& verdict : verdicts) {
    if (verdict.status.ok()) continue;
    const std::string message = WithFlagNames(verdict.ToString());
    if (verdict.source == PluginVerdict::kProgram) {
      return absl::Status(verdict.status.code(), message);
    }
    Complain(io, message);
  }
  return verdicts;
}

std::string WithFlagNames(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"PluginOptions::allow_reserved_types",
                                     "--allow-reserved-types"}});
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
