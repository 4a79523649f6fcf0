// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/verify.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/record_verdict.h"
#include "ferry/serialization/load_options.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/range_option.h"
#include "ferry/tools/ferry/text.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

struct VerifyOptions {
  std::vector<std::string> files;
  LoadOptions load;
  OutputFormat format = OutputFormat::kHuman;
  bool quiet = false;
};

const char* OutcomeName(RecordVerdict::Outcome outcome) {
  switch (outcome) {
    case RecordVerdict::kVerified:
      return "verified";
    case RecordVerdict::kNotRecorded:
      return "not recorded";
    case RecordVerdict::kCorrupt:
      break;
  }
  return "corrupt";
}

// What is said of a file, and how `ferry` ends.
struct OutcomeText {
  const char* name;  // in JSON
  const char* says;  // to people
  int exit_code;
};

OutcomeText Describe(const Checkpoint::FileVerdict& verdict) {
  using Outcome = Checkpoint::FileVerdict::Outcome;
  switch (verdict.outcome()) {
    case Outcome::kUndamaged:
      return {"undamaged", "its contents are consistent", kExitDone};
    case Outcome::kDamaged:
      return {"damaged",
              verdict.opens.ok() ? "it is damaged"
                                 : "it is damaged and cannot be opened",
              kExitNo};
    case Outcome::kNotACheckpoint:
      return {"not a checkpoint", "it is not a checkpoint", kExitFailed};
    case Outcome::kUnknown:
      break;
  }
  return {"unknown", "cannot tell whether it is damaged", kExitFailed};
}

Json ToJson(const std::string& path, const Checkpoint::FileVerdict& verdict) {
  Json file;
  file["file"] = path;
  file["outcome"] = Describe(verdict).name;
  if (!verdict.codec.empty()) file["codec"] = verdict.codec;
  if (!verdict.opens.ok()) file["error"] = JsonText(MessageOf(verdict.opens));
  file["trailing_bytes"] = verdict.trailing_bytes;
  file["warnings"] = Json::array();
  for (const std::string& warning : verdict.warnings) {
    file["warnings"].push_back(JsonText(warning));
  }
  file["records"] = Json::array();
  for (const RecordVerdict& record : verdict.records) {
    Json row;
    row["record"] = record.record;
    row["size_bytes"] = record.size_bytes;
    row["outcome"] = OutcomeName(record.outcome);
    if (record.outcome == RecordVerdict::kCorrupt) {
      row["detail"] = record.detail;
    }
    file["records"].push_back(std::move(row));
  }
  return file;
}

void Print(const std::string& path, const Checkpoint::FileVerdict& verdict,
           const VerifyOptions& options, std::ostream& out) {
  for (const RecordVerdict& record : verdict.records) {
    const bool is_corrupt = record.outcome == RecordVerdict::kCorrupt;
    if (options.quiet && !is_corrupt) continue;
    out << absl::StrFormat("%-12s  %10s  %s\n", OutcomeName(record.outcome),
                           HumanBytes(record.size_bytes),
                           NameForTerminal(record.record));
    if (is_corrupt) out << "    " << EscapeForTerminal(record.detail) << "\n";
  }
  out << EscapeForTerminal(path) << ": ";
  // Where nothing could be counted, zeros would look like a result.
  if (verdict.opens.ok() || !verdict.records.empty()) {
    if (!verdict.codec.empty()) out << "codec " << verdict.codec << ", ";
    out << Count(verdict.records.size(), "record");
    for (const RecordVerdict::Outcome outcome :
         {RecordVerdict::kVerified, RecordVerdict::kNotRecorded,
          RecordVerdict::kCorrupt}) {
      out << ", "
          << std::count_if(verdict.records.begin(), verdict.records.end(),
                           [outcome](const RecordVerdict& record) {
                             return record.outcome == outcome;
                           })
          << " " << OutcomeName(outcome);
    }
    out << "; ";
  }
  out << Describe(verdict).says << "\n";
  const std::string trailing = DescribeTrailingBytes(
      options.load, verdict.end_offset_bytes, verdict.trailing_bytes);
  if (!trailing.empty()) {
    out << EscapeForTerminal(path) << ": " << trailing << "\n";
  }
  for (const std::string& warning : verdict.warnings) {
    out << EscapeForTerminal(path)
        << ": warning: " << EscapeForTerminal(warning) << "\n";
  }
}

int RunVerify(VerifyOptions options, const CommandIo& io) {
  options.load.is_cancelled = io.is_cancelled;
  Json files = Json::array();
  int exit_code = kExitDone;
  if (std::count(options.files.begin(), options.files.end(), "-") > 1) {
    return Fail(io, absl::InvalidArgumentError(
                        "standard input (\"-\") can be read only once"));
  }
  for (const std::string& path : options.files) {
    absl::StatusOr<Checkpoint::FileVerdict> verdict =
        VerifyInput(path, options.load, io);
    if (absl::IsCancelled(verdict.status())) return Fail(io, verdict.status());
    if (!verdict.ok()) {
      Checkpoint::FileVerdict unread;
      unread.opens = verdict.status();
      verdict = std::move(unread);
    }
    exit_code = std::max(exit_code, Describe(*verdict).exit_code);
    if (options.format == OutputFormat::kJson) {
      files.push_back(ToJson(path, *verdict));
    } else {
      Print(path, *verdict, options, io.out);
    }
    if (!verdict->opens.ok()) Complain(io, MessageOf(verdict->opens));
  }
  if (options.format == OutputFormat::kJson) io.out << Dump(files) << "\n";
  return exit_code;
}

}  // namespace

void AddVerify(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "verify", "Check files for damage.",
      "Reads whole files, compares each record with its checksum, and checks\n"
      "that the objects of a file are consistent. A record is \"verified\",\n"
      "\"not recorded\" (the file has no checksum for it) or \"corrupt\".\n"
      "Exit code 1: a file is damaged.\n"
      "Exit code 2: a file is not a checkpoint, or Ferry cannot tell whether\n"
      "it is damaged. The last line about the file, and \"outcome\" in JSON,\n"
      "say which.\n"
      "Needs no plugin, whatever devices the file names: tensors stay on the\n"
      "host.\n\n" +
          std::string(kInputHelp),
      "  ferry verify model.pt\n"
      "  ferry verify --quiet checkpoints/*.pt && echo all is well");
  const auto options = std::make_shared<VerifyOptions>();
  options->load.placement = Placement::kHost;
  command->add_option("FILE", options->files, "The checkpoints to verify")
      ->required()
      ->option_text("...");
  AddFormatOption(command, &options->format);
  AddRangeOption(command, &options->load.offset_bytes,
                 &options->load.size_bytes);
  command->add_flag("-q,--quiet", options->quiet,
                    "List only the corrupt records");
  AddBudgetOptions(command, &options->load.budget);
  command->callback(
      [options, &io, exit_code] { *exit_code = RunVerify(*options, io); });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
