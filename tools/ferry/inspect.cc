// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/inspect.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/load_options.h"
#include "ferry/serialization/scan/scan.h"
#include "ferry/tools/ferry/charged_stream.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/tools/ferry/digest.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/inspect_json.h"
#include "ferry/tools/ferry/range_option.h"
#include "ferry/tools/ferry/selection.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/tools/ferry/tree.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

struct InspectOptions {
  std::string file;
  LoadOptions load;
  OutputFormat format = OutputFormat::kHuman;
  bool digest = false;
  bool code = false;
  std::string filter;
  TreeOptions tree;
};

// The maximum size of a metadata value in the human-readable form.
constexpr size_t kMaxMetadataBytes = 200;

// What is shown of a checkpoint. Digests are null if they are not asked for.
struct Shown {
  const Checkpoint& checkpoint;
  const Selection& selection;
  const SelectionDigests* digests;
  // Empty unless the file is a TorchScript archive.
  const Selection& constants;
  const SelectionDigests* constants_digests;
};

// The constants of a program, where its code is, and the files beside it.
absl::Status PrintProgram(const Shown& shown, TreeOptions tree,
                          ChargedStream& out) {
  if (shown.checkpoint.constants().size() > 0) {
    tree.digests = shown.constants_digests;
    tree.also_counted = nullptr;
    out << "\nconstants: ";
    FERRY_RETURN_IF_ERROR(PrintTree(shown.constants, tree, out));
  }
  const CheckpointInfo& info = shown.checkpoint.info();
  const char* title = "\ncode (never run):\n";
  for (const RecordInfo& record : info.program_records) {
    if (!IsCode(record)) continue;
    out << title << "  " << NameForTerminal(record.name) << "\n";
    title = "";
  }
  title = "\nextra files:\n";
  for (const RecordInfo& record : info.program_records) {
    if (!IsExtraFile(record)) continue;
    out << title << "  " << NameForTerminal(record.name) << "  "
        << HumanBytes(record.size_bytes) << "\n";
    title = "";
  }
  return absl::OkStatus();
}

absl::Status PrintCode(const Checkpoint& checkpoint, ChargedStream& out) {
  for (const RecordInfo& record : checkpoint.info().program_records) {
    if (!IsCode(record)) continue;
    FERRY_ASSIGN_OR_RETURN(const std::string text,
                           checkpoint.ReadRecord(record.name));
    out << "# " << NameForTerminal(record.name) << "\n";
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      out << EscapeForTerminal(line) << "\n";
      FERRY_RETURN_IF_ERROR(out.status());
    }
  }
  return absl::OkStatus();
}

absl::Status PrintHuman(const std::string& path, const Shown& shown,
                        TreeOptions tree, ChargedStream& out) {
  const CheckpointInfo& info = shown.checkpoint.info();
  out << EscapeForTerminal(path) << ": " << Name(info.kind) << ", "
      << Name(info.container) << " container";
  if (!info.archive_name.empty()) {
    out << " \"" << NameForTerminal(info.archive_name) << "\"";
  }
  if (info.codec == kPickleCodecName) {
    out << ", pickle protocol " << info.pickle_protocol;
  } else if (!info.codec.empty()) {
    out << ", codec " << info.codec;
  }
  out << ", " << (info.is_big_endian ? "big" : "little") << "-endian\n";
  for (const auto& [name, text] : info.metadata) {
    out << "metadata: "
        << EscapeForTerminal(
               Shorten(absl::StrCat(name, " = ", text), kMaxMetadataBytes))
        << "\n";
  }
  const Selection& selection = shown.selection;
  const bool is_all = selection.pointer().empty() && !selection.is_pattern();
  if (!selection.pointer().empty()) {
    out << "at " << NameForTerminal(selection.pointer()) << ":\n";
  }
  tree.digests = shown.digests;
  // Programs for phones have most of their tensors among the constants.
  if (is_all) tree.also_counted = &shown.constants;
  FERRY_RETURN_IF_ERROR(PrintTree(selection, tree, out));
  if (info.kind == CheckpointKind::kTorchScript) {
    return PrintProgram(shown, tree, out);
  }
  return absl::OkStatus();
}

void PrintVerdict(const ScanReport& report, std::ostream& out) {
  out << "scan: " << EscapeForTerminal(WithOptionNames(report.Summary()))
      << "\n";
}

absl::Status Inspect(InspectOptions options, const CommandIo& io) {
  options.load.is_cancelled = io.is_cancelled;
  ScanReport report;
  const absl::StatusOr<Checkpoint> opened =
      options.code ? OpenInput(options.file, options.load, io)
                   : OpenAndScanInput(options.file, options.load, io, &report);
  if (!opened.ok()) {
    // Python may load it all the same.
    if (options.format == OutputFormat::kHuman &&
        report.verdict() == ScanReport::Verdict::kFound) {
      PrintVerdict(report, io.out);
    }
    return opened.status();
  }
  const Checkpoint& checkpoint = *opened;
  options.load.budget.held_memory_bytes = HeldMemoryBytes(checkpoint);
  Budget budget(options.load.budget, checkpoint.root().graph()->stored_bytes(),
                io.is_cancelled);
  ChargedStream out(io.out, &budget);
  if (options.code) return PrintCode(checkpoint, out);
  FERRY_ASSIGN_OR_RETURN(
      const Selection selection,
      Selection::Create(checkpoint.root(), options.filter, &budget));
  FERRY_ASSIGN_OR_RETURN(
      const Selection constants,
      Selection::Create(checkpoint.constants(), "", &budget));
  Shown shown = {checkpoint, selection, nullptr, constants, nullptr};
  SelectionDigests digests, constants_digests;
  if (options.digest) {
    const auto complain = [&io](absl::string_view pointer,
                                const absl::Status& status) {
      Complain(io, absl::StrCat("\"", pointer, "\": ", MessageOf(status)));
    };
    FERRY_ASSIGN_OR_RETURN(
        digests, DigestSelection(checkpoint, selection, options.load.budget,
                                 options.load, complain));
    FERRY_ASSIGN_OR_RETURN(
        constants_digests,
        DigestSelection(checkpoint, constants, options.load.budget,
                        options.load, complain));
    shown.digests = &digests;
    shown.constants_digests = &constants_digests;
  }
  if (options.format == OutputFormat::kJson) {
    return PrintJson(checkpoint, report, selection, shown.digests, constants,
                     shown.constants_digests, out);
  }
  FERRY_RETURN_IF_ERROR(PrintHuman(options.file, shown, options.tree, out));
  const std::string trailing = DescribeTrailingBytes(
      options.load, checkpoint.end_offset_bytes(), checkpoint.trailing_bytes());
  if (!trailing.empty()) out << trailing << "\n";
  for (const std::string& warning : checkpoint.warnings()) {
    out << "warning: " << EscapeForTerminal(warning) << "\n";
  }
  PrintVerdict(report, out);
  return out.status();
}

}  // namespace

void AddInspect(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "inspect", "Show what a checkpoint contains.",
      "Shows the container, tensors and values of a file, and in one line\n"
      "what \"ferry scan\" finds. Of many rows that are alike, such as the\n"
      "numbers of a long list, shows the first unless --all is given.\n"
      "Reads the directory and the objects of the file, but no tensor data\n"
      "unless --digest is given. Never runs code from the file.\n"
      "docs/inspect-json.md describes each field of --format=json.\n"
      "Needs no plugin, whatever devices the file names: tensors stay on the\n"
      "host.\n\n" +
          std::string(kInputHelp),
      "  ferry inspect model.pt\n"
      "  ferry inspect --depth=1 train.pt\n"
      "  ferry inspect --filter=/model/fc.weight train.pt\n"
      "  ferry inspect --filter='*weight' --digest train.pt\n"
      "  ferry inspect --format=json model.pt | jq '.tensors[].pointer'");
  const auto options = std::make_shared<InspectOptions>();
  options->load.placement = Placement::kHost;
  command->add_option("FILE", options->file, "The checkpoint")->required();
  AddFormatOption(command, &options->format);
  AddRangeOption(command, &options->load.offset_bytes,
                 &options->load.size_bytes);
  command->add_flag("--digest", options->digest,
                    "Read all data. Print the SHA-256 of each tensor's\n"
                    "elements in row-major order, and one for everything,\n"
                    "which any difference changes");
  command->add_flag("--code", options->code,
                    "Print only the code of a TorchScript archive's program");
  command
      ->add_option("--filter", options->filter,
                   "Show only what is at or below this JSON Pointer. If it\n"
                   "leads nowhere and contains \"*\", show what matches it")
      ->option_text("POINTER");
  command
      ->add_option("--depth", options->tree.max_depth,
                   "Show only N levels (with --format=human)")
      ->check(CLI::Range(0, 1 << 30))
      ->option_text("N");
  command->add_flag("--all", options->tree.all,
                    "Show every row, even of many that are alike (with\n"
                    "--format=human)");
  AddBudgetOptions(command, &options->load.budget);
  command->callback([options, &io, exit_code] {
    const absl::Status status = Inspect(*options, io);
    *exit_code = status.ok() ? kExitDone : Fail(io, status);
  });
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
