// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/command.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// The column in which descriptions begin.
constexpr size_t kDescriptionColumn = 30;

// Appends a row of a list: a name and what it means, which may have many lines.
void AppendRow(absl::string_view name, absl::string_view description,
               std::string* help) {
  const std::string new_line =
      absl::StrCat("\n", std::string(kDescriptionColumn, ' '));
  std::string row = absl::StrCat("  ", name);
  if (row.size() < kDescriptionColumn) {
    row.resize(kDescriptionColumn, ' ');
  } else {
    row += new_line;
  }
  absl::StrAppend(help, row,
                  absl::StrReplaceAll(description, {{"\n", new_line}}), "\n");
}

// Appends a list of options, unless there are none.
void AppendOptions(absl::string_view title,
                   const std::vector<const CLI::Option*>& options,
                   std::string* help) {
  if (options.empty()) return;
  absl::StrAppend(help, "\n", title, ":\n");
  for (const CLI::Option* option : options) {
    const std::string name =
        option->get_name(/*positional=*/option->get_positional(),
                         /*all_options=*/true);
    const std::string& value = option->get_option_text();
    AppendRow(value.empty() ? name : absl::StrCat(name, " ", value),
              option->get_description(), help);
  }
}

// Returns how a positional argument stands in the usage.
std::string PositionalUsage(const CLI::Option& option) {
  std::string usage = option.get_name(/*positional=*/true);
  if (option.get_expected_max() > 1) usage += "...";
  return option.get_required() ? usage : absl::StrCat("[", usage, "]");
}

// The layout of the help. That of CLI11 differs from version to version.
class HelpFormatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    const std::vector<const CLI::Option*> positionals = app->get_options(
        [](const CLI::Option* option) { return option->get_positional(); });
    const std::vector<const CLI::Option*> options = app->get_options(
        [](const CLI::Option* option) { return option->nonpositional(); });
    const std::vector<const CLI::App*> commands =
        app->get_subcommands([](const CLI::App*) { return true; });
    std::string help =
        absl::StrCat(app->get_description(), "\nUsage: ", name, " [OPTIONS]");
    for (const CLI::Option* positional : positionals) {
      absl::StrAppend(&help, " ", PositionalUsage(*positional));
    }
    absl::StrAppend(&help, commands.empty() ? "\n" : " SUBCOMMAND\n");
    AppendOptions("Positionals", positionals, &help);
    AppendOptions("Options", options, &help);
    if (!commands.empty()) absl::StrAppend(&help, "\nSubcommands:\n");
    for (const CLI::App* command : commands) {
      // The first line of what it says of itself.
      const std::string description = command->get_description();
      AppendRow(command->get_name(),
                description.substr(0, description.find('\n')), &help);
    }
    absl::StrAppend(&help, "\n", app->get_footer(), "\n");
    return help;
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
                   "The most that it may print or write, with tensor data\n"
                   "[likewise, plus the memory of the tensors once]")
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
  return CLI::Validator(check, absl::StrJoin(words, "|"), kOneOfName);
}

void Complain(const CommandIo& io, absl::string_view message) {
  io.err << "ferry: " << EscapeForTerminal(message) << "\n";
}

std::string WithOptionNames(absl::string_view message) {
  return absl::StrReplaceAll(
      message, {{"raise max_steps", "raise --max-steps"},
                {"raise max_memory_bytes", "raise --max-memory"},
                {"raise max_output_bytes", "raise --max-output"}});
}

std::string MessageOf(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? WithOptionNames(status.message())
                                           : std::string(status.message());
}

int Fail(const CommandIo& io, const absl::Status& status) {
  Complain(io, MessageOf(status));
  return kExitFailed;
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
