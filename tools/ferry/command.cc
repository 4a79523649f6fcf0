// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/command.h"

#include <memory>
#include <sstream>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
namespace cli {
namespace {

// The list of commands has the first line of what each says of itself.
class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string description = command->get_description();
    std::stringstream text;
    CLI::detail::format_help(text, command->get_display_name(true),
                             description.substr(0, description.find('\n')),
                             get_column_width());
    return text.str();
  }
};

}  // namespace

CLI::App* AddCommand(CLI::App* app, const std::string& name,
                     const std::string& summary, const std::string& details,
                     const std::string& examples) {
  CLI::App* const command =
      app->add_subcommand(name, absl::StrCat(summary, "\n", details));
  command->footer(absl::StrCat("Examples:\n", examples));
  return command;
}

void SetHelpFormat(CLI::App* app) {
  app->formatter(std::make_shared<HelpFormatter>());
}

void AddBudgetOptions(CLI::App* command, BudgetOptions* budget) {
  command
      ->add_option("--max-steps", budget->max_steps,
                   "The most steps of work that each part of the command may\n"
                   "take: opening, listing, hashing, saving [enough for any\n"
                   "ordinary file of that size]. A hundred million take about\n"
                   "a second, or a few")
      ->option_text("N");
  command
      ->add_option("--max-memory", budget->max_memory_bytes,
                   "The most memory that it may allocate, not counting tensor\n"
                   "data [likewise]")
      ->option_text("BYTES");
  command
      ->add_option("--max-output", budget->max_output_bytes,
                   "The most that it may print or write, not counting tensor\n"
                   "data [likewise]")
      ->option_text("BYTES");
}

void AddFormatOption(CLI::App* command, OutputFormat* format) {
  command
      ->add_option_function<std::string>(
          "--format",
          [format](const std::string& word) {
            *format =
                word == "json" ? OutputFormat::kJson : OutputFormat::kHuman;
          },
          "The output: text for people, or JSON for programs [human]")
      ->check(OneOf({"human", "json"}))
      ->option_text("human|json");
}

CLI::Validator OneOf(const std::vector<std::string>& words) {
  const auto check = [words](std::string& word) {
    if (absl::c_linear_search(words, word)) return std::string();
    return absl::StrCat("\"", word, "\" is not supported; supported: ",
                        absl::StrJoin(words, ", "));
  };
  return CLI::Validator(check, absl::StrJoin(words, "|"));
}

void Complain(const CommandIo& io, absl::string_view message) {
  io.err << "ferry: " << EscapeForTerminal(message) << "\n";
}

std::string MessageOf(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return std::string(status.message());
  return absl::StrReplaceAll(
      status.message(), {{"raise max_steps", "raise --max-steps"},
                         {"raise max_memory_bytes", "raise --max-memory"},
                         {"raise max_output_bytes", "raise --max-output"}});
}

int Fail(const CommandIo& io, const absl::Status& status) {
  Complain(io, MessageOf(status));
  return kExitFailed;
}

}  // namespace cli
}  // namespace ferry
