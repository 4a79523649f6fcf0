// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/completion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

std::string OptionsOf(CLI::App* command) {
  std::vector<std::string> options;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) {
      options.push_back(absl::StrCat("--", name));
    }
  }
  return absl::StrJoin(options, " ");
}

std::string BashScript(CLI::App* app) {
  std::vector<std::string> names;
  std::string cases;
  for (CLI::App* command :
       app->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
    absl::StrAppend(&cases, "    ", command->get_name(), ") words=\"",
                    OptionsOf(command), "\" ;;\n");
  }
  return absl::StrCat(
      "# Completes ferry in bash. Source it, or save it as\n"
      "# ~/.local/share/bash-completion/completions/ferry\n"
      "_ferry() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
      "  COMPREPLY=()\n"
      "  if [[ $COMP_CWORD == 1 ]]; then\n"
      "    words=\"",
      absl::StrJoin(names, " "), " ", OptionsOf(app),
      "\"\n"
      "  elif [[ $current == -* ]]; then\n"
      "    case \"${COMP_WORDS[1]}\" in\n",
      cases,
      "    esac\n"
      "  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _ferry ferry\n");
}

}  // namespace

void AddCompletion(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command =
      AddCommand(app, "completion",
                 "Print a script that completes ferry commands in a shell.",
                 "It completes commands, their options, and files.",
                 "  source <(ferry completion bash)");
  // Only bash is known, so the word itself need not be kept.
  command
      ->add_option_function<std::string>(
          "SHELL", [](const std::string&) {}, "The shell: bash")
      ->required()
      ->check(OneOf({"bash"}));
  command->callback([app, &io, exit_code] {
    io.out << BashScript(app);
    *exit_code = kExitDone;
  });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
