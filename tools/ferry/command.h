// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/command.h
// -----------------------------------------------------------------------------
//
// Shared by all subcommands of `ferry`: output streams, exit codes and common
// options.
//
// A subcommand is a function that adds itself to the command line; `cli.cc`
// lists them.
//
//   void AddGreet(CLI::App* app, const CommandIo& io, int* exit_code) {
//     CLI::App* command =
//         AddCommand(app, "greet", "Say hello.", "", "ferry greet");
//     command->callback([&io, exit_code] {
//       io.out << "hello\n";
//       *exit_code = kExitDone;
//     });
//   }
#ifndef FERRY_TOOLS_FERRY_COMMAND_H_
#define FERRY_TOOLS_FERRY_COMMAND_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"

namespace ferry {
inline namespace v1 {
namespace cli {

// The exit codes of `ferry`.
inline constexpr int kExitDone = 0;
inline constexpr int kExitNo = 1;      // the answer is no: a file is damaged
inline constexpr int kExitFailed = 2;  // any other error
// The file is written, but may be lost if the machine stops now.
inline constexpr int kExitNotDurable = 3;
// Signal N ended the command, after it cleaned up: 128 + N, as shells say it.
inline constexpr int kExitSignal = 128;

struct CommandIo {
  std::ostream& out;
  std::ostream& err;
  // Whether `err` is a terminal, so that progress is worth showing.
  bool err_is_terminal = false;
  // Whether `out` is a terminal, which should not receive the bytes of a
  // checkpoint.
  bool out_is_terminal = false;
  // Called periodically by every command that can take long. If it returns
  // true, the command ends, and a file that it was writing stays as it was. May
  // be empty.
  std::function<bool()> is_cancelled = nullptr;
};

enum class OutputFormat { kHuman, kJson };

// Adds the subcommand `name`. `summary` is one line for the list of commands.
// The subcommand's own help also has `details`, and ends with `examples`, one
// per line.
CLI::App* AddCommand(CLI::App* app, const std::string& name,
                     const std::string& summary, const std::string& details,
                     const std::string& examples);

// Sets the help format of `app` and of the commands that are added to it later.
void SetHelpFormat(CLI::App* app);

// Adds `--max-steps`, `--max-memory` and `--max-output`, which say how much the
// command may spend on a file. `budget` must outlive the command line.
void AddBudgetOptions(CLI::App* command, BudgetOptions* budget);

// Adds `--format`. `format` must outlive the command line.
void AddFormatOption(CLI::App* command, OutputFormat* format);

// Returns a validator that accepts one of `words`; anything else is an error
// that lists them. It has the name `kOneOfName`, and describes itself as the
// words with "|" between them.
inline constexpr char kOneOfName[] = "one of";
CLI::Validator OneOf(const std::vector<std::string>& words);

// Writes "ferry: ..." to `io.err`, escaped for a terminal.
void Complain(const CommandIo& io, absl::string_view message);

// Returns a message of the library in which the limits of a budget have the
// names of the command's options: "--max-steps" instead of "max_steps".
std::string WithOptionNames(absl::string_view message);

// Returns the message of an error. If a budget was spent, it names the option
// of the command that raises it.
std::string MessageOf(const absl::Status& status);

// Prints the error, and returns kExitFailed.
int Fail(const CommandIo& io, const absl::Status& status);

}  // namespace cli
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_COMMAND_H_
