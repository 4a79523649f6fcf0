// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/plugin.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ferry/devices/conformance/conformance.h"
#include "ferry/plugins/check/plugin_check.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/skeleton.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

struct CheckOptions {
  std::string path;
  std::vector<std::string> expected_failures;
  std::vector<std::string> only;
  OutputFormat format = OutputFormat::kHuman;
  PluginCheckOptions check;
};

using Outcome = CheckResult::Outcome;

constexpr Outcome kOutcomes[] = {CheckResult::kPass, CheckResult::kFail,
                                 CheckResult::kUnsupported,
                                 CheckResult::kExpectedFailure};

std::map<Outcome, int> CountOutcomes(const std::vector<CheckResult>& results) {
  std::map<Outcome, int> counts;
  for (const CheckResult& result : results) ++counts[result.outcome];
  return counts;
}

void PrintJson(const std::string& path, const std::vector<CheckResult>& results,
               const std::string& plugin_output, std::ostream& out) {
  Json document;
  document["plugin"] = JsonText(path);
  document["checks"] = Json::array();
  for (const CheckResult& result : results) {
    Json row;
    row["id"] = JsonText(result.id);
    row["title"] = JsonText(result.title);
    row["outcome"] = JsonText(OutcomeName(result.outcome));
    if (!result.detail.empty()) row["detail"] = JsonText(result.detail);
    document["checks"].push_back(std::move(row));
  }
  std::map<Outcome, int> counts = CountOutcomes(results);
  for (const Outcome outcome : kOutcomes) {
    document["counts"][std::string(OutcomeName(outcome))] = counts[outcome];
  }
  if (!plugin_output.empty()) document["output"] = JsonText(plugin_output);
  out << DumpIndented(document) << "\n";
}

// Prints what the plugin printed, but equal lines that follow each other once.
void PrintOutput(absl::string_view output, std::ostream& out) {
  constexpr int kMaxLines = 500;
  out << "The plugin printed:\n";
  const std::vector<absl::string_view> lines =
      absl::StrSplit(absl::StripSuffix(output, "\n"), '\n');
  int printed = 0;
  for (size_t i = 0; i < lines.size();) {
    size_t end = i + 1;
    while (end < lines.size() && lines[end] == lines[i]) ++end;
    if (++printed > kMaxLines) {
      out << "  (and " << lines.size() - i << " more lines)\n";
      return;
    }
    out << "  " << EscapeForTerminal(lines[i]);
    if (end - i > 1) out << "  (" << end - i << " times)";
    out << "\n";
    i = end;
  }
}

void Print(const std::string& path, const std::vector<CheckResult>& results,
           const std::string& plugin_output, std::ostream& out) {
  for (const CheckResult& result : results) {
    out << absl::StrFormat("%-5s %-16s  %s\n", EscapeForTerminal(result.id),
                           OutcomeName(result.outcome), result.title);
    if (!result.detail.empty()) {
      out << "        " << EscapeForTerminal(result.detail) << "\n";
    }
  }
  if (!plugin_output.empty()) PrintOutput(plugin_output, out);
  std::map<Outcome, int> counts = CountOutcomes(results);
  out << EscapeForTerminal(path) << ":";
  const char* separator = " ";
  for (const Outcome outcome : kOutcomes) {
    out << separator << counts[outcome] << " " << OutcomeName(outcome);
    separator = ", ";
  }
  out << "\n";
}

absl::Status AddExpectedFailures(CheckOptions* options) {
  for (const std::string& text : options->expected_failures) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.second.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--expect-failure needs ID=REASON, as in C-02=\"fixed in 1.3\""));
    }
    options->check.expected_failures[parts.first] = parts.second;
  }
  return absl::OkStatus();
}

int RunCheck(CheckOptions options, const CommandIo& io) {
  const absl::Status added = AddExpectedFailures(&options);
  if (!added.ok()) return Fail(io, added);
  options.check.only = {options.only.begin(), options.only.end()};
  std::string plugin_output;
  options.check.output = &plugin_output;
  const absl::StatusOr<std::vector<CheckResult>> results =
      CheckPlugin(options.path, options.check);
  if (!results.ok()) return Fail(io, results.status());
  if (options.format == OutputFormat::kJson) {
    PrintJson(options.path, *results, plugin_output, io.out);
  } else {
    Print(options.path, *results, plugin_output, io.out);
  }
  return CountOutcomes(*results)[CheckResult::kFail] == 0 ? kExitDone : kExitNo;
}

struct NewOptions {
  std::string type;
  std::string folder;
};

int RunNew(const NewOptions& options, const CommandIo& io) {
  const absl::StatusOr<std::vector<SkeletonFile>> files =
      SkeletonFiles(options.type);
  if (!files.ok()) return Fail(io, files.status());
  const std::string& folder =
      options.folder.empty() ? options.type : options.folder;
  const absl::Status written = WriteSkeleton(*files, folder);
  if (!written.ok()) return Fail(io, written);
  io.out << "Wrote into " << EscapeForTerminal(folder) << ":\n";
  for (const SkeletonFile& file : *files) io.out << "  " << file.path << "\n";
  io.out << "README.md there says how to build it with cc, CMake and Bazel, "
            "and how to check\nit.\n";
  return kExitDone;
}

void AddNew(CLI::App* plugin, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      plugin, "new", "Write the skeleton of a plugin into an empty folder.",
      "NAME is the device type, as in the location tag NAME:0. The skeleton\n"
      "is a plugin in C that keeps its memory on the host. It builds with\n"
      "cc, CMake and Bazel, and passes \"ferry plugin check\".",
      "  ferry plugin new acme\n"
      "  ferry plugin new acme --output=src/acme_plugin\n"
      "  ferry plugin new acme --output=.");
  const auto options = std::make_shared<NewOptions>();
  command->add_option("NAME", options->type, "The device type")->required();
  command
      ->add_option("-o,--output", options->folder,
                   "The folder, which must be new or empty [NAME]")
      ->option_text("FOLDER");
  command->callback(
      [options, &io, exit_code] { *exit_code = RunNew(*options, io); });
}

void AddCheck(CLI::App* plugin, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      plugin, "check", "Check whether a plugin follows the rules.",
      "Runs the numbered checks of docs/plugins.md in child processes, so\n"
      "that a crash fails only one check. The result of a check is pass,\n"
      "fail, unsupported (the plugin does not claim the capability, or has\n"
      "no device) or expected failure. Exit code 1: a check failed. What the\n"
      "plugin printed stands at the end, once.",
      "  ferry plugin check libacme.so\n"
      "  ferry plugin check --expect-devices=2 --format=json libacme.so\n"
      "  ferry plugin check --expect-failure=C-02=\"fixed in 1.3\" libacme.so");
  const auto options = std::make_shared<CheckOptions>();
  command
      ->add_option("PLUGIN", options->path,
                   "The shared object, or its manifest")
      ->required();
  command
      ->add_option("--expect-devices", options->check.expected_devices,
                   "Fail if the plugin has fewer devices than this [0]")
      ->option_text("N");
  command
      ->add_option("--expect-failure", options->expected_failures,
                   "A check that is known to fail, and why. If it passes,\n"
                   "that is a failure, and so is a check because of which\n"
                   "others cannot be run. May be repeated")
      ->option_text("ID=REASON")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--only", options->only,
                   "Run only this check. May be repeated")
      ->option_text("ID")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--seconds", options->check.seconds_per_check,
                   "The time limit of one check, in seconds [120]")
      ->check(CLI::Range(1, 3600))
      ->option_text("N");
  AddFormatOption(command, &options->format);
  command->callback(
      [options, &io, exit_code] { *exit_code = RunCheck(*options, io); });
}

}  // namespace

void AddPlugin(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const plugin =
      AddCommand(app, "plugin", "Write and check plugins that provide devices.",
                 "For authors of plugins. docs/plugins.md is the guide.",
                 "  ferry plugin new acme\n"
                 "  ferry plugin check libacme.so");
  plugin->require_subcommand(1);
  AddNew(plugin, io, exit_code);
  AddCheck(plugin, io, exit_code);
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
