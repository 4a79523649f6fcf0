// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/completion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

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

// Returns the words that an argument may be, or "" if it may be any.
std::string ChoicesOf(CLI::Option* option) {
  try {
    return absl::StrReplaceAll(
        option->get_validator(kOneOfName)->get_description(), {{"|", " "}});
  } catch (const CLI::OptionNotFound&) {
    return "";
  }
}

// Returns the commands of a command, and the choices of its arguments.
std::string WordsOf(CLI::App* command) {
  std::vector<std::string> words;
  for (const CLI::App* part :
       command->get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(part->get_name());
  }
  for (CLI::Option* option : command->get_options()) {
    if (!option->get_positional()) continue;
    const std::string choices = ChoicesOf(option);
    if (!choices.empty()) words.push_back(choices);
  }
  return absl::StrJoin(words, " ");
}

// Adds a case for a command, and for all commands in it. `path` has its words,
// each after a space.
void AppendCases(CLI::App* command, const std::string& path,
                 std::vector<std::string>* paths, std::string* cases) {
  absl::StrAppend(cases, "  \"", path, "\")\n    words=\"", WordsOf(command),
                  "\"\n    options=\"", OptionsOf(command), "\" ;;\n");
  for (CLI::App* part :
       command->get_subcommands([](const CLI::App*) { return true; })) {
    const std::string of_part = absl::StrCat(path, " ", part->get_name());
    paths->push_back(absl::StrCat("\"", of_part, "\""));
    AppendCases(part, of_part, paths, cases);
  }
}

std::string BashScript(CLI::App* app) {
  std::vector<std::string> paths;
  std::string cases;
  AppendCases(app, "", &paths, &cases);
  return absl::StrCat(
      "# Completes ferry in bash. Source it, or save it as\n"
      "# ~/.local/share/bash-completion/completions/ferry\n"
      "_ferry() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\" word\n"
      "  local words=\"\" options=\"\"\n"
      "  COMPREPLY=()\n"
      "  # The command that the words so far name.\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$command $word\" in\n"
      "    ",
      absl::StrJoin(paths, "|"),
      ")\n"
      "      command+=\" $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$command\" in\n",
      cases,
      "  esac\n"
      "  # Where files are expected, options only if one is begun.\n"
      "  if [[ -n $words || $current == -* ]]; then words+=\" $options\"; fi\n"
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
