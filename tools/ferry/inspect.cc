// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/inspect.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "ferry/core/dtype.h"
#include "ferry/core/object_graph.h"
#include "ferry/core/object_path.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/load_options.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/tools/ferry/digest.h"
#include "ferry/tools/ferry/input.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/range_option.h"
#include "ferry/tools/ferry/selection.h"
#include "ferry/tools/ferry/text.h"
#include "ferry/tools/ferry/tree.h"

namespace ferry {
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

// Where a storage of the file stands in the order of first reference. Storages
// of meta tensors are in no file.
using StorageNumbers = absl::flat_hash_map<Storage, size_t>;
using Digests = absl::flat_hash_map<NodeId, std::string>;

StorageNumbers NumberStorages(const Checkpoint& checkpoint) {
  StorageNumbers numbers;
  for (const Storage& storage : checkpoint.storages()) {
    numbers.emplace(storage, numbers.size());
  }
  return numbers;
}

// The tensors that have elements in the file, each once.
class TensorCollector final : public GraphVisitor {
 public:
  TensorCollector(const ObjectGraph& graph, const StorageNumbers& numbers)
      : graph_(graph), numbers_(numbers) {}

  void OnTensor(absl::string_view pointer, NodeId node) override {
    const Tensor& tensor = graph_.tensor(node);
    if (!numbers_.contains(tensor.storage())) return;
    if (!indexes_.try_emplace(node, nodes.size()).second) return;
    nodes.push_back(node);
    tensors.push_back(tensor);
    pointers.push_back(Shorten(pointer, kMaxPointerBytes));
  }

  std::vector<NodeId> nodes;
  std::vector<Tensor> tensors;
  std::vector<std::string> pointers;  // for messages

 private:
  static constexpr size_t kMaxPointerBytes = 120;

  const ObjectGraph& graph_;
  const StorageNumbers& numbers_;
  absl::flat_hash_map<NodeId, size_t> indexes_;
};

absl::StatusOr<Digests> MakeDigests(const Checkpoint& checkpoint,
                                    const Selection& selection,
                                    const StorageNumbers& numbers,
                                    const CommandIo& io) {
  TensorCollector collector(selection.graph(), numbers);
  FERRY_RETURN_IF_ERROR(selection.Walk(&collector));
  FERRY_ASSIGN_OR_RETURN(const auto results,
                         DigestTensors(checkpoint, collector.tensors));
  Digests digests;
  digests.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].ok()) {
      digests.emplace(collector.nodes[i], *results[i]);
    } else {
      Complain(io, absl::StrCat("\"", collector.pointers[i],
                                "\": ", results[i].status().message()));
    }
  }
  return digests;
}

std::string Quoted(absl::string_view text) { return Dump(JsonText(text)); }

// Writes the rows of a JSON array as they come: the document may be larger than
// the checkpoint's graph.
class JsonRows {
 public:
  explicit JsonRows(std::ostream& out) : out_(out) { out_ << "["; }
  // `row` is a JSON object.
  void Add(absl::string_view row) {
    out_ << (is_first_ ? "\n" : ",\n") << row;
    is_first_ = false;
  }
  void End() { out_ << "]"; }

 private:
  std::ostream& out_;
  bool is_first_ = true;
};

class JsonTensors final : public GraphVisitor {
 public:
  JsonTensors(const ObjectGraph& graph, const StorageNumbers& numbers,
              const Digests& digests, std::ostream& out)
      : graph_(graph), numbers_(numbers), digests_(digests), rows_(out) {}

  void OnTensor(absl::string_view pointer, NodeId node) override {
    const Tensor& tensor = graph_.tensor(node);
    // Spelt here and not by the library: there may be a million.
    std::string row =
        absl::StrCat(R"({"pointer":)", Quoted(pointer), R"(,"dtype":")",
                     Name(tensor.dtype()), R"(","shape":[)",
                     absl::StrJoin(tensor.shape(), ","), "]");
    const auto storage = numbers_.find(tensor.storage());
    if (storage != numbers_.end()) {
      absl::StrAppend(&row, R"(,"stride":[)",
                      absl::StrJoin(tensor.strides(), ","),
                      R"(],"storage_offset":)", tensor.storage_offset(),
                      R"(,"storage":")", storage->second, "\"");
    }
    absl::StrAppend(&row, R"(,"location":)", Quoted(LocationOf(tensor)),
                    R"(,"layout":")", Name(tensor.layout()),
                    R"(","requires_grad":)",
                    tensor.requires_grad() ? "true" : "false");
    const auto digest = digests_.find(node);
    if (digest != digests_.end()) {
      absl::StrAppend(&row, R"(,"sha256":")", digest->second, "\"");
    }
    row += "}";
    rows_.Add(row);
  }

  void End() { rows_.End(); }

 private:
  const ObjectGraph& graph_;
  const StorageNumbers& numbers_;
  const Digests& digests_;
  JsonRows rows_;
};

class JsonAliases final : public GraphVisitor {
 public:
  explicit JsonAliases(std::ostream& out) : rows_(out) {}

  void OnTensor(absl::string_view, NodeId) override {}
  void OnAlias(absl::string_view pointer,
               absl::string_view first_pointer) override {
    rows_.Add(absl::StrCat(R"({"pointer":)", Quoted(pointer), R"(,"same_as":)",
                           Quoted(first_pointer), "}"));
  }

  void End() { rows_.End(); }

 private:
  JsonRows rows_;
};

// Of a remark in the human form.
constexpr size_t kMaxMetadataBytes = 200;

const char* ByteOrder(const CheckpointInfo& info) {
  return info.is_big_endian ? "big" : "little";
}

// The tensors among the constants of a program, and the names of its code.
absl::Status PrintProgramJson(const Checkpoint& checkpoint,
                              const StorageNumbers& numbers,
                              std::ostream& out) {
  const Value& constants = checkpoint.constants();
  out << ",\n\"constants\":";
  const Digests no_digests;
  JsonTensors tensors(*constants.graph(), numbers, no_digests, out);
  FERRY_RETURN_IF_ERROR(
      WalkGraph(*constants.graph(), constants.node(), &tensors));
  tensors.End();
  Json code = Json::array();
  for (const std::string& record : checkpoint.info().code_records) {
    code.push_back(JsonText(record));
  }
  out << ",\n\"code\":" << Dump(code);
  return absl::OkStatus();
}

absl::Status PrintJson(const Checkpoint& checkpoint, const Selection& selection,
                       const StorageNumbers& numbers, const Digests& digests,
                       std::ostream& out) {
  const CheckpointInfo& info = checkpoint.info();
  Json head;
  head["container"] = JsonText(Name(info.container));
  if (!info.codec.empty()) head["codec"] = info.codec;
  head["kind"] = JsonText(Name(info.kind));
  if (info.codec == kPickleCodecName) {
    head["pickle_protocol"] = info.pickle_protocol;
  }
  head["byteorder"] = ByteOrder(info);
  head["trailing_bytes"] = checkpoint.trailing_bytes();
  head["warnings"] = Json::array();
  for (const std::string& warning : checkpoint.warnings()) {
    head["warnings"].push_back(JsonText(warning));
  }
  for (const auto& [name, text] : info.metadata) {
    head["metadata"][name] = JsonText(text);
  }
  head["globals"] = Json::array();
  for (const GlobalRecord& global : selection.graph().globals()) {
    head["globals"].push_back(absl::StrCat(global.module, ".", global.name));
  }
  std::string text = Dump(head);
  text.pop_back();  // "}"
  out << text << ",\n\"tensors\":";
  JsonTensors tensors(selection.graph(), numbers, digests, out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&tensors));
  tensors.End();
  out << ",\n\"aliases\":";
  JsonAliases aliases(out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&aliases));
  aliases.End();
  if (info.kind == CheckpointKind::kTorchScript) {
    FERRY_RETURN_IF_ERROR(PrintProgramJson(checkpoint, numbers, out));
  }
  out << "}\n";
  return absl::OkStatus();
}

// The constants of a program, and where its code is.
absl::Status PrintProgram(const Checkpoint& checkpoint, const TreeOptions& tree,
                          std::ostream& out) {
  if (checkpoint.constants().size() > 0) {
    FERRY_ASSIGN_OR_RETURN(const Selection constants,
                           Selection::Create(checkpoint.constants(), ""));
    out << "\nconstants: ";
    FERRY_RETURN_IF_ERROR(PrintTree(constants, tree, out));
  }
  if (!checkpoint.info().code_records.empty()) out << "\ncode (never run):\n";
  for (const std::string& record : checkpoint.info().code_records) {
    out << "  " << EscapeForTerminal(record) << "\n";
  }
  return absl::OkStatus();
}

absl::Status PrintCode(const Checkpoint& checkpoint, std::ostream& out) {
  for (const std::string& record : checkpoint.info().code_records) {
    FERRY_ASSIGN_OR_RETURN(const std::string text,
                           checkpoint.ReadRecord(record));
    out << "# " << EscapeForTerminal(record) << "\n";
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      out << EscapeForTerminal(line) << "\n";
    }
  }
  return absl::OkStatus();
}

absl::Status PrintHuman(const std::string& path, const Checkpoint& checkpoint,
                        const Selection& selection, const TreeOptions& tree,
                        std::ostream& out) {
  const CheckpointInfo& info = checkpoint.info();
  out << EscapeForTerminal(path) << ": " << Name(info.kind) << ", "
      << Name(info.container) << " container";
  if (!info.archive_name.empty()) {
    out << " \"" << EscapeForTerminal(info.archive_name) << "\"";
  }
  if (info.codec == kPickleCodecName) {
    out << ", pickle protocol " << info.pickle_protocol;
  } else if (!info.codec.empty()) {
    out << ", codec " << info.codec;
  }
  out << ", " << ByteOrder(info) << "-endian\n";
  for (const auto& [name, text] : info.metadata) {
    out << "metadata: "
        << EscapeForTerminal(
               Shorten(absl::StrCat(name, " = ", text), kMaxMetadataBytes))
        << "\n";
  }
  if (!selection.pointer().empty()) {
    out << "at " << EscapeForTerminal(selection.pointer()) << ":\n";
  }
  FERRY_RETURN_IF_ERROR(PrintTree(selection, tree, out));
  if (info.kind == CheckpointKind::kTorchScript) {
    return PrintProgram(checkpoint, tree, out);
  }
  return absl::OkStatus();
}

absl::Status Inspect(const InspectOptions& options, const CommandIo& io) {
  FERRY_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         OpenInput(options.file, options.load, io));
  if (options.code) return PrintCode(checkpoint, io.out);
  FERRY_ASSIGN_OR_RETURN(const Selection selection,
                         Selection::Create(checkpoint.root(), options.filter));
  const StorageNumbers numbers = NumberStorages(checkpoint);
  Digests digests;
  if (options.digest) {
    FERRY_ASSIGN_OR_RETURN(digests,
                           MakeDigests(checkpoint, selection, numbers, io));
  }
  if (options.format == OutputFormat::kJson) {
    return PrintJson(checkpoint, selection, numbers, digests, io.out);
  }
  TreeOptions tree = options.tree;
  tree.digests = &digests;
  FERRY_RETURN_IF_ERROR(
      PrintHuman(options.file, checkpoint, selection, tree, io.out));
  const std::string trailing = DescribeTrailingBytes(
      options.load, checkpoint.end_offset_bytes(), checkpoint.trailing_bytes());
  if (!trailing.empty()) io.out << trailing << "\n";
  for (const std::string& warning : checkpoint.warnings()) {
    io.out << "warning: " << EscapeForTerminal(warning) << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddInspect(CLI::App* app, const CommandIo& io, int* exit_code) {
  CLI::App* const command = AddCommand(
      app, "inspect", "Show what a checkpoint holds.",
      "Its containers, tensors and values. Reads the directory and the\n"
      "objects of the file, and no tensor data unless --digest asks for it.\n"
      "Runs no code, whatever the file holds.\n\n" +
          std::string(kInputHelp),
      "  ferry inspect model.pt\n"
      "  ferry inspect --depth=1 train.pt\n"
      "  ferry inspect --filter=/model/fc.weight train.pt\n"
      "  ferry inspect --filter='*weight' --digest train.pt\n"
      "  ferry inspect --format=json model.pt | jq '.tensors[].pointer'");
  const auto options = std::make_shared<InspectOptions>();
  options->load.placement = Placement::kHost;
  command->add_option("FILE", options->file, "The checkpoint")
      ->required()
      ->option_text(" ");
  AddFormatOption(command, &options->format);
  AddRangeOption(command, &options->load);
  command->add_flag("--digest", options->digest,
                    "Read all data; give each tensor the SHA-256 of its\n"
                    "elements in row-major order");
  command->add_flag("--code", options->code,
                    "Print the text of a TorchScript archive's program,\n"
                    "and nothing else");
  command
      ->add_option("--filter", options->filter,
                   "Only what is at or below this JSON Pointer, or, with\n"
                   "\"*\" in it, what it matches")
      ->option_text("POINTER");
  command
      ->add_option("--depth", options->tree.max_depth,
                   "Show so many levels (of the human form)")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N");
  command->callback([options, &io, exit_code] {
    const absl::Status status = Inspect(*options, io);
    *exit_code = status.ok() ? kExitDone : Fail(io, status);
  });
}

}  // namespace ferry
