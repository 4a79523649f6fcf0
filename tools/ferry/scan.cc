// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/scan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/parallel.h"
#include "ferry/io/file.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/progress.h"
#include "ferry/tools/ferry/range_option.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

namespace fs = std::filesystem;

// The files that are scanned at once, before their results are printed. Bounds
// the memory for the results of a large folder.
constexpr size_t kBatch = 256;

struct ScanCommandOptions {
  std::vector<std::string> paths;
  ScanOptions scan;
  OutputFormat format = OutputFormat::kHuman;
  bool quiet = false;
};

// A file to scan, or one that is not scanned, and why.
struct Input {
  std::string path;
  // Whether the user named it. What is in a folder need not be a checkpoint.
  bool is_named = false;
  std::string skipped;  // a phrase; empty if the file is scanned
  absl::Status error;   // why it cannot be read
  std::unique_ptr<RandomAccessFile> bytes;  // of a stream
};

struct Result {
  const Input* input = nullptr;
  uint64_t stored_bytes = 0;
  ScanReport report;
};

const char* VerdictName(const Result& result) {
  return result.input->skipped.empty() ? Name(result.report.verdict())
                                       : "skipped";
}

// Whether a folder is one of `roots`, or inside one, when all links in its path
// are followed.
bool IsInside(const std::string& folder,
              const std::vector<std::string>& roots) {
  std::error_code error;
  const std::string real = fs::canonical(folder, error).string();
  return !error &&
         std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
           return real == root || root == "/" ||
                  absl::StartsWith(real, absl::StrCat(root, "/"));
         });
}

// Lists the files in a folder and in its subfolders, sorted by name. `roots`
// are the real paths of all folders that are listed.
void ListFolder(const std::string& root, const std::vector<std::string>& roots,
                std::vector<Input>* inputs) {
  std::vector<std::string> folders = {root};
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    const auto fail = [&](const std::error_code& error) {
      inputs->emplace_back();
      inputs->back().path = folder;
      inputs->back().error = absl::UnavailableError(
          absl::StrCat("cannot list the folder: ", error.message()));
    };
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator entry(folder, error);
    while (!error && entry != fs::directory_iterator()) {
      entries.push_back(*entry);
      entry.increment(error);
    }
    if (error) fail(error);
    std::sort(entries.begin(), entries.end());
    std::vector<std::string> subfolders;
    for (const fs::directory_entry& found : entries) {
      const std::string path = found.path().string();
      const bool is_link = found.is_symlink(error);
      const fs::file_status status = found.status(error);
      if (fs::is_directory(status) && !is_link) {
        subfolders.push_back(path);
        continue;
      }
      inputs->emplace_back();
      Input& input = inputs->back();
      input.path = path;
      if (fs::is_directory(status)) {
        // Links may form circles, and lead to the whole file system.
        if (IsInside(path, roots)) {
          input.skipped = "a link to a folder that is searched";
        } else {
          input.error = absl::InvalidArgumentError(
              "a link to a folder elsewhere; to search that, name it");
        }
      } else if (!fs::exists(status)) {
        input.error = absl::NotFoundError(
            is_link ? "the link leads nowhere" : "the file cannot be reached");
      } else if (!fs::is_regular_file(status)) {
        input.skipped = "neither a regular file nor a folder";
      }
    }
    folders.insert(folders.end(), subfolders.rbegin(), subfolders.rend());
  }
}

// Options with which a stream is copied.
LoadOptions StreamOptions(const CommandIo& io) {
  LoadOptions options;
  options.is_cancelled = io.is_cancelled;
  return options;
}

absl::StatusOr<std::vector<Input>> ListInputs(const ScanCommandOptions& options,
                                              const CommandIo& io) {
  std::vector<Input> inputs;
  if (std::count(options.paths.begin(), options.paths.end(), "-") > 1) {
    return absl::InvalidArgumentError(
        "standard input (\"-\") can be read only once");
  }
  std::vector<std::string> roots;
  for (const std::string& path : options.paths) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (!error && fs::is_directory(real, error)) roots.push_back(real.string());
  }
  for (const std::string& path : options.paths) {
    std::error_code error;
    if (path != "-" && fs::is_directory(path, error)) {
      ListFolder(path, roots, &inputs);
      continue;
    }
    inputs.emplace_back();
    inputs.back().path = path;
    inputs.back().is_named = true;
    if (!IsStreamInput(path)) continue;
    absl::StatusOr<std::unique_ptr<RandomAccessFile>> bytes =
        OpenInputBytes(path, StreamOptions(io), io);
    if (bytes.ok()) {
      inputs.back().bytes = *std::move(bytes);
    } else {
      inputs.back().error = bytes.status();
    }
  }
  return inputs;
}

void Scan(const ScanOptions& options, const CommandIo& io, Result* result) {
  const Input& input = *result->input;
  std::unique_ptr<RandomAccessFile> opened;
  const RandomAccessFile* bytes = input.bytes.get();
  if (bytes == nullptr) {
    absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
        input.error.ok() ? OpenInputBytes(input.path, StreamOptions(io), io)
                         : input.error;
    if (!file.ok()) {
      result->report.status = file.status();
      return;
    }
    opened = *std::move(file);
    bytes = opened.get();
  }
  result->stored_bytes = bytes->size_bytes();
  result->report = ScanFile(*bytes, options);
}

// Returns why parts were not examined. The reason for the whole file comes
// first.
std::vector<std::string> NotExamined(const ScanReport& report) {
  std::vector<std::string> reasons;
  if (!report.status.ok()) reasons.push_back(MessageOf(report.status));
  reasons.insert(reasons.end(), report.problems.begin(), report.problems.end());
  return reasons;
}

Json ToJson(const Result& result) {
  const ScanReport& report = result.report;
  Json file;
  file["file"] = JsonText(result.input->path);
  file["verdict"] = VerdictName(result);
  file["format"] = report.format;
  file["pickles"] = report.num_pickles;
  file["findings"] = Json::array();
  for (const ScanFinding& finding : report.findings) {
    Json row;
    row["grade"] = Name(finding.grade);
    row["global"] = JsonText(finding.global);
    row["record"] = JsonText(finding.record);
    row["detail"] = JsonText(finding.detail);
    row["uses"] = Json::array();
    for (const ScanUse& use : finding.uses) {
      Json item;
      item["use"] = use.use;
      item["count"] = use.count;
      item["offsets"] = use.offsets;
      row["uses"].push_back(std::move(item));
    }
    file["findings"].push_back(std::move(row));
  }
  file["more_findings"] = report.more_findings;
  file["problems"] = Json::array();
  if (!result.input->skipped.empty()) {
    file["problems"].push_back(result.input->skipped);
  }
  for (const std::string& reason : NotExamined(report)) {
    file["problems"].push_back(JsonText(reason));
  }
  return file;
}

// "called 3 times at 12, 40, 88".
std::string DescribeUse(const ScanUse& use) {
  std::string text =
      absl::StrCat(use.use, use.count == 1 ? "" : " ",
                   use.count == 1 ? "" : Count(use.count, "time"));
  if (!use.offsets.empty()) {
    absl::StrAppend(&text, " at ", absl::StrJoin(use.offsets, ", "),
                    use.count > use.offsets.size() ? ", ..." : "");
  }
  return text;
}

// Whether --quiet leaves a result out.
bool IsQuiet(const Result& result) {
  const ScanReport::Verdict verdict = result.report.verdict();
  return verdict == ScanReport::Verdict::kClean ||
         (!result.input->is_named &&
          verdict == ScanReport::Verdict::kNotACheckpoint);
}

std::string ToText(const Result& result) {
  const ScanReport& report = result.report;
  std::ostringstream out;
  out << EscapeForTerminal(result.input->path) << ": " << VerdictName(result);
  if (!result.input->skipped.empty()) out << ", " << result.input->skipped;
  if (!report.format.empty()) {
    out << ", " << report.format << ", " << Count(report.num_pickles, "pickle");
  }
  out << "\n";
  for (const ScanFinding& finding : report.findings) {
    out << "  " << Name(finding.grade) << ": "
        << NameForTerminal(finding.global);
    if (!finding.record.empty()) {
      out << (finding.global.empty() ? "\"" : " in \"")
          << NameForTerminal(finding.record) << "\"";
    }
    for (const ScanUse& use : finding.uses) out << ", " << DescribeUse(use);
    if (!finding.global.empty() || !finding.record.empty()) out << ": ";
    out << EscapeForTerminal(finding.detail) << "\n";
  }
  if (report.more_findings > 0) {
    out << "  and " << Count(report.more_findings, "more finding") << "\n";
  }
  for (const std::string& reason : NotExamined(report)) {
    out << "  not examined: " << EscapeForTerminal(reason) << "\n";
  }
  return out.str();
}

// Returns what is printed of a result. Shortens a result that is longer than
// its budget allows, so that at least its verdict is printed.
std::string Render(const ScanCommandOptions& options, Result* result) {
  const auto render = [&] {
    return options.format == OutputFormat::kJson ? Dump(ToJson(*result))
                                                 : ToText(*result);
  };
  std::string text = render();
  Budget budget(options.scan.budget, result->stored_bytes);
  const absl::Status charged = budget.ChargeOutput(text.size());
  if (charged.ok()) return text;
  ScanReport& report = result->report;
  report.more_findings += report.findings.size();
  report.findings.clear();
  report.problems.clear();
  report.status = charged;
  return render();
}

// The number of files with each result.
struct Totals {
  uint64_t clean = 0;
  uint64_t found = 0;
  uint64_t not_examined = 0;
  uint64_t other = 0;    // no checkpoints
  uint64_t skipped = 0;  // links to folders that are searched, special files
  bool is_failed = false;

  void Count(const Result& result) {
    if (!result.input->skipped.empty()) {
      ++skipped;
      return;
    }
    switch (result.report.verdict()) {
      case ScanReport::Verdict::kClean:
        ++clean;
        break;
      case ScanReport::Verdict::kFound:
        ++found;
        break;
      case ScanReport::Verdict::kNotExamined:
        ++not_examined;
        is_failed = true;
        break;
      case ScanReport::Verdict::kNotACheckpoint:
        ++other;
        is_failed = is_failed || result.input->is_named;
        break;
    }
  }

  int exit_code() const {
    if (found > 0) return kExitNo;
    return is_failed ? kExitFailed : kExitDone;
  }
};

// Scans several inputs at once.
void ScanAll(const ScanCommandOptions& options, const CommandIo& io,
             absl::Span<Result> results) {
  std::mutex mutex;
  Progress progress("scanning", io);
  uint64_t all_bytes = 0;  // that were read
  ParallelForEach(static_cast<int64_t>(results.size()), [&](int64_t i) {
    Result& result = results[static_cast<size_t>(i)];
    if (!result.input->skipped.empty()) return absl::OkStatus();
    ScanOptions scan = options.scan;
    uint64_t reported_bytes = 0;
    scan.progress = [&](uint64_t done_bytes, uint64_t) {
      const std::lock_guard<std::mutex> lock(mutex);
      all_bytes += done_bytes - std::exchange(reported_bytes, done_bytes);
      progress.Update(all_bytes, 0);
    };
    Scan(scan, io, &result);
    return absl::OkStatus();
  }).IgnoreError();
}

int RunScan(ScanCommandOptions options, const CommandIo& io) {
  options.scan.is_cancelled = io.is_cancelled;
  const absl::StatusOr<std::vector<Input>> inputs = ListInputs(options, io);
  if (!inputs.ok()) return Fail(io, inputs.status());
  const bool is_json = options.format == OutputFormat::kJson;
  Totals totals;
  const char* separator = "[";
  for (size_t begin = 0; begin < inputs->size(); begin += kBatch) {
    std::vector<Result> results(std::min(kBatch, inputs->size() - begin));
    for (size_t i = 0; i < results.size(); ++i) {
      results[i].input = &(*inputs)[begin + i];
    }
    ScanAll(options, io, absl::MakeSpan(results));
    for (Result& result : results) {
      const std::string text = Render(options, &result);
      totals.Count(result);
      if (options.quiet && IsQuiet(result)) continue;
      if (is_json) io.out << std::exchange(separator, ",\n");
      io.out << text;
    }
  }
  if (is_json) {
    // The separator is still the beginning if nothing was listed.
    io.out << (*separator == '[' ? "[]\n" : "]\n");
  } else if (inputs->size() != 1) {
    io.out << Count(inputs->size(), "file") << ": " << totals.found
           << " found, " << totals.clean << " clean, " << totals.not_examined
           << " not examined, " << totals.other << " not a checkpoint, "
           << totals.skipped << " skipped\n";
  }
  return totals.exit_code();
}

}  // namespace

void AddScan(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "scan", "Find what files would run in Python.",
      "Lists every class and function outside the list that torch.load\n"
      "allows with weights_only=True, every TorchScript program, and every\n"
      "structure that readers may understand differently. Never runs code\n"
      "from the file. docs/scan.md says what a clean file guarantees.\n"
      "Folders are searched with their subfolders. Links to files are\n"
      "followed. Links to folders are not: one that leads to a folder that is\n"
      "not searched counts as not examined. Pipes, sockets and devices in\n"
      "folders are skipped.\n"
      "Exit code 0: nothing was found.\n"
      "Exit code 1: something was found.\n"
      "Exit code 2: nothing was found, but a file could not be examined, or\n"
      "a FILE is not a checkpoint.\n\n" +
          std::string(kInputHelp),
      "  ferry scan model.pt && python3 train.py model.pt\n"
      "  ferry scan --quiet downloads/\n"
      "  ferry scan --allow=my_package.Config --allow='torch.nn.*' model.pt\n"
      "  ferry scan --format=json . | jq '.[].findings[].global'");
  const auto options = std::make_shared<ScanCommandOptions>();
  command
      ->add_option("FILE|FOLDER", options->paths,
                   "The files and folders to scan")
      ->required()
      ->option_text("...");
  command
      ->add_option("--allow", options->scan.allowed_globals,
                   "Do not report this class or function. MODULE.* stands\n"
                   "for what is in a module, unless something in it is\n"
                   "known to be dangerous, as in numpy or torch.\n"
                   "__torch__.* stands for TorchScript programs. May be\n"
                   "given several times")
      ->option_text("GLOBAL")
      ->expected(1)
      ->allow_extra_args(false)  // the next argument is a file
      ->take_all();
  AddRangeOption(command, &options->scan.offset_bytes,
                 &options->scan.size_bytes);
  AddFormatOption(command, &options->format);
  command->add_flag("-q,--quiet", options->quiet,
                    "List only files with findings, and those that could\n"
                    "not be examined");
  AddBudgetOptions(command, &options->scan.budget);
  command->callback(
      [options, &io, exit_code] { *exit_code = RunScan(*options, io); });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
