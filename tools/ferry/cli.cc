// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/cli.h"

#include <cstddef>

#include "CLI/CLI.hpp"
#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ferry/tools/ferry/completion.h"
#include "ferry/tools/ferry/convert.h"
#include "ferry/tools/ferry/devices.h"
#include "ferry/tools/ferry/inspect.h"
#include "ferry/tools/ferry/plugin.h"
#include "ferry/tools/ferry/scan.h"
#include "ferry/tools/ferry/verify.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

constexpr const char* kVersion = "ferry 0.1.0";

struct Command {
  absl::string_view name;
  void (*add)(CLI::App*, const CommandIo&, int*);
};

// In the order of the help.
constexpr Command kCommands[] = {
    {"inspect", AddInspect},
    {"verify", AddVerify},
    {"scan", AddScan},
    {"convert", AddConvert},
    {"devices", AddDevices},
    {"plugin", AddPlugin},
    {"completion", AddCompletion},
};

// Adds the command that the first argument names. Adds all if it names none,
// since help and errors list them, and for `completion`, whose script does.
// Adding a command takes hundreds of allocations.
void AddCommands(const std::vector<std::string>& arguments, const CommandIo& io,
                 CLI::App* app, int* exit_code) {
  const std::string first = arguments.empty() ? "" : arguments[0];
  const bool all = first == "completion" ||
                   absl::c_none_of(kCommands, [&first](const Command& command) {
                     return command.name == first;
                   });
  for (const Command& command : kCommands) {
    if (all || command.name == first) command.add(app, io, exit_code);
  }
}

int ParseAndRun(CLI::App* app, const std::vector<std::string>& arguments,
                const CommandIo& io, const int* exit_code) {
  if (arguments.empty()) {
    io.err << app->help();
    return kExitFailed;
  }
  std::vector<std::string> names;
  for (const CLI::App* command :
       app->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const std::string& first = arguments[0];
  if (first.empty() ||
      (first[0] != '-' && !absl::c_linear_search(names, first))) {
    Complain(io,
             absl::StrCat("there is no command \"", first,
                          "\"; the commands are ", absl::StrJoin(names, ", ")));
    return kExitFailed;
  }
  // CLI11 takes them from the end, and for "--name=" the next argument as the
  // value, so an empty one is given to it apart.
  std::vector<std::string> reversed;
  for (size_t i = arguments.size(); i-- > 0;) {
    const absl::string_view argument = arguments[i];
    if (absl::StartsWith(argument, "--") &&
        argument.find('=') == argument.size() - 1) {
      reversed.emplace_back();
      reversed.emplace_back(absl::StripSuffix(argument, "="));
    } else {
      reversed.emplace_back(argument);
    }
  }
  try {
    app->parse(reversed);
  } catch (const CLI::Success& success) {  // --help, --version
    app->exit(success, io.out, io.err);
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    Complain(io, error.what());
    const std::vector<CLI::App*> commands = app->get_subcommands();
    const std::string command =
        commands.empty() ? "" : absl::StrCat(" ", commands[0]->get_name());
    io.err << "Run \"ferry" << command << " --help\" for help.\n";
    return kExitFailed;
  }
  return *exit_code;
}

}  // namespace

int RunFerry(const std::vector<std::string>& arguments, const CommandIo& io) {
  CLI::App app(
      "Inspect, verify and convert PyTorch checkpoints. Never runs their code.",
      "ferry");
  app.set_version_flag("--version", kVersion, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.require_subcommand(1);
  SetHelpFormat(&app);
  app.footer(
      "Exit codes: 0 success; 1 the answer is no (damage was found); 2 any\n"
      "other failure; 3 a file is written, but may be lost if the machine\n"
      "stops now. \"ferry COMMAND --help\" describes a command.");
  int exit_code = kExitDone;
  AddCommands(arguments, io, &app, &exit_code);
  const int result = ParseAndRun(&app, arguments, io, &exit_code);
  io.out.flush();
  if (!io.out.good()) {
    Complain(io, "cannot write the output");
    return kExitFailed;
  }
  return result;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
