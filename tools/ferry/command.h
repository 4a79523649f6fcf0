// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: tools/ferry/command.h
// -----------------------------------------------------------------------------
//
// What every subcommand of `ferry` shares: where it writes, how it ends, and
// the options that look alike.
//
// A subcommand is a function that adds itself to the command line; `cli.cc` has
// the list of them.
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

namespace ferry {

// How `ferry` ends.
inline constexpr int kExitDone = 0;
inline constexpr int kExitNo = 1;      // the answer is no: a file is damaged
inline constexpr int kExitFailed = 2;  // anything else that went wrong

struct CommandIo {
  std::ostream& out;
  std::ostream& err;
  // Whether `err` is looked at by somebody, so that progress is worth showing.
  bool err_is_terminal = false;
  // Whether `out` is, so that it should not get the bytes of a checkpoint.
  bool out_is_terminal = false;
  // Asked now and then by commands that write files; yes ends them as Ctrl-C
  // does. May be empty.
  std::function<bool()> is_cancelled = nullptr;
};

enum class OutputFormat { kHuman, kJson };

// Adds the subcommand `name`. `summary` is a line for the list of commands; its
// own help says `details` as well, and ends with `examples`, one line each.
CLI::App* AddCommand(CLI::App* app, const std::string& name,
                     const std::string& summary, const std::string& details,
                     const std::string& examples);

// Writes the help of `app` and of the commands that are added to it later.
void SetHelpFormat(CLI::App* app);

// Adds `--format`. `format` must outlive the command line.
void AddFormatOption(CLI::App* command, OutputFormat* format);

// Accepts one of `words`; anything else is an error that lists them.
CLI::Validator OneOf(const std::vector<std::string>& words);

// Writes "ferry: ..." to `io.err`, safe for a terminal.
void Complain(const CommandIo& io, absl::string_view message);

// Complains of a status, and returns kExitFailed.
int Fail(const CommandIo& io, const absl::Status& status);

}  // namespace ferry

#endif  // FERRY_TOOLS_FERRY_COMMAND_H_
