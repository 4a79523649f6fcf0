// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/tools/ferry/inspect_json.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/serialization/container/checkpoint_info.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/tools/ferry/command.h"
#include "ferry/tools/ferry/describe.h"
#include "ferry/tools/ferry/graph_digest.h"
#include "ferry/tools/ferry/json.h"
#include "ferry/tools/ferry/sha256.h"
#include "ferry/value/graph_walk.h"
#include "ferry/value/object_graph.h"
#include "ferry/value/python_repr.h"
#include "ferry/value/value_kind.h"

namespace ferry {
inline namespace v1 {
namespace cli {
namespace {

// As docs/inspect-json.md says. Raised if a field is ever changed.
constexpr int kSchemaVersion = 1;

// Texts up to this size are written out; of others, size and digest.
constexpr size_t kMaxTextBytes = 1024;

// Sets of up to so many items are listed.
constexpr size_t kMaxSetItems = 100;

// Integers up to this size are spelt in decimal, as by `KeyText`.
constexpr size_t kMaxIntBytes = 128;

// Writes the rows of a JSON array as they come: the document may be larger than
// the checkpoint's graph.
class JsonRows {
 public:
  explicit JsonRows(ChargedStream& out) : out_(out) { out_ << "["; }
  // `row` is a JSON object.
  //
  // Errors: as `ChargedStream::status`.
  absl::Status Add(absl::string_view row) {
    out_ << (is_first_ ? "\n" : ",\n") << row;
    is_first_ = false;
    return out_.status();
  }
  void End() { out_ << "]"; }

 private:
  ChargedStream& out_;
  bool is_first_ = true;
};

// The storages of a file: their numbers in the order of first reference, and
// where their bytes are.
class StorageIndex {
 public:
  explicit StorageIndex(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint) {
    for (const Storage& storage : checkpoint.storages()) {
      numbers_.emplace(storage, numbers_.size());
    }
    runs_.resize(numbers_.size());
  }

  // Nothing for a storage that is in no file: that of a meta tensor.
  std::optional<size_t> NumberOf(const Storage& storage) const {
    const auto found = numbers_.find(storage);
    if (found == numbers_.end()) return std::nullopt;
    return found->second;
  }

  // Errors: as `Checkpoint::FindRuns`.
  absl::StatusOr<absl::Span<const Checkpoint::StoredRun>> RunsOf(
      const Storage& storage) {
    std::optional<std::vector<Checkpoint::StoredRun>>& runs =
        runs_[numbers_.at(storage)];
    if (!runs) {
      FERRY_ASSIGN_OR_RETURN(runs, checkpoint_.FindRuns(storage));
    }
    return absl::MakeConstSpan(*runs);
  }

 private:
  const Checkpoint& checkpoint_;
  HashMap<Storage, size_t> numbers_;
  std::vector<std::optional<std::vector<Checkpoint::StoredRun>>> runs_;
};

// Writes the fields of tensors and values of one graph.
class RowWriter {
 public:
  // `digests` may be null.
  RowWriter(const ObjectGraph& graph, const SelectionDigests* digests,
            StorageIndex* storages)
      : graph_(graph), digests_(digests), storages_(storages) {}

  // Errors: as `Checkpoint::FindRuns`.
  absl::Status AppendTensor(NodeId node, std::string* row);

  // The type of a node that is no tensor, and its value if it has no parts.
  //
  // Errors: as `Sha256Of`.
  absl::Status AppendValue(NodeId node, std::string* row);

 private:
  absl::Status AppendView(const Tensor& tensor,
                          const std::pair<NodeId, size_t>& id,
                          std::string* row);
  absl::Status AppendPlace(const Tensor& tensor, std::string* row);
  void AppendQuantizer(const Quantizer& quantizer, std::string* row) const;
  absl::Status AppendItems(NodeId set, std::string* row);
  void AppendStorage(const StorageRecord& record, std::string* row) const;
  absl::Status AppendSummary(NodeId node, std::string* row);

  const ObjectGraph& graph_;
  const SelectionDigests* const digests_;
  StorageIndex* const storages_;
  // The digests of texts that are not written out: each is computed once,
  // however many rows it stands in.
  HashMap<NodeId, std::string> text_digests_;
};

// A value without parts as JSON: a number, true, false or null; of anything
// else the text that Python has for it.
std::string ScalarJson(const ObjectGraph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case ValueKind::kNone:
      return "null";
    case ValueKind::kBool:
      return node == ObjectGraph::kTrue ? "true" : "false";
    case ValueKind::kInt:
      if (!graph.is_big_int(node)) return absl::StrCat(graph.int_value(node));
      break;
    case ValueKind::kFloat:
      // Neither infinities nor NaN are numbers of JSON.
      if (std::isfinite(graph.float_value(node))) return KeyText(graph, node);
      break;
    default:
      break;
  }
  return QuotedJson(KeyText(graph, node));
}

void QuotedPair(std::string* joined,
                const std::pair<std::string, std::string>& pair) {
  absl::StrAppend(joined, QuotedJson(pair.first), ":", QuotedJson(pair.second));
}

// Where the first element of a tensor is in the file: of the run of the storage
// that holds it, the offset, and how the run is encoded.
absl::Status RowWriter::AppendPlace(const Tensor& tensor, std::string* row) {
  FERRY_ASSIGN_OR_RETURN(const absl::Span<const Checkpoint::StoredRun> runs,
                         storages_->RunsOf(tensor.storage()));
  // In the storage. That of an empty tensor may lie outside.
  const uint64_t first = tensor.num_elements() == 0
                             ? 0
                             : static_cast<uint64_t>(tensor.storage_offset()) /
                                   ElementsPerUnit(tensor.dtype()) *
                                   ElementSizeBytes(tensor.dtype());
  for (const Checkpoint::StoredRun& run : runs) {
    const bool is_here =
        first >= run.storage_offset_bytes &&
        (first - run.storage_offset_bytes < run.size_bytes || runs.size() == 1);
    if (!is_here) continue;
    // Inside what is compressed there are no offsets.
    const uint64_t within = run.encoding == Encoding::kStored
                                ? first - run.storage_offset_bytes
                                : 0;
    absl::StrAppend(row, R"(,"offset_bytes":)", run.offset_bytes + within,
                    R"(,"encoding":")", Name(run.encoding), "\"");
    break;
  }
  return absl::OkStatus();
}

// What a tensor and its parts have in common. `id` is that of the digest.
absl::Status RowWriter::AppendView(const Tensor& tensor,
                                   const std::pair<NodeId, size_t>& id,
                                   std::string* row) {
  // Spelt here and not by the library: there may be a million.
  absl::StrAppend(row, R"("dtype":")", Name(tensor.dtype()), R"(","shape":[)",
                  absl::StrJoin(tensor.shape(), ","), "]");
  const std::optional<size_t> storage = storages_->NumberOf(tensor.storage());
  if (storage) {
    absl::StrAppend(row, R"(,"stride":[)", absl::StrJoin(tensor.strides(), ","),
                    R"(],"storage_offset":)", tensor.storage_offset(),
                    R"(,"storage":")", *storage, "\"");
  }
  absl::StrAppend(row, R"(,"location":)", QuotedJson(LocationOf(tensor)),
                  R"(,"layout":")", Name(tensor.layout()),
                  R"(","requires_grad":)",
                  tensor.requires_grad() ? "true" : "false",
                  R"(,"size_bytes":)", ElementBytesOf(tensor));
  if (storage) FERRY_RETURN_IF_ERROR(AppendPlace(tensor, row));
  if (tensor.is_conj()) *row += R"(,"conj":true)";
  if (tensor.is_neg()) *row += R"(,"neg":true)";
  if (digests_ == nullptr) return absl::OkStatus();
  const auto digest = digests_->tensors.find(id);
  if (digest != digests_->tensors.end()) {
    absl::StrAppend(row, R"(,"sha256":")", digest->second, "\"");
  }
  return absl::OkStatus();
}

void RowWriter::AppendQuantizer(const Quantizer& quantizer,
                                std::string* row) const {
  absl::StrAppend(row, R"(,"quantizer":{"scheme":)",
                  QuotedJson(quantizer.scheme));
  for (const auto& [name, node] :
       {std::make_pair("scale", quantizer.scale),
        std::make_pair("zero_point", quantizer.zero_point),
        std::make_pair("axis", quantizer.axis)}) {
    // Tensors are components.
    if (node == kNoNode || graph_.kind(node) == ValueKind::kTensor) continue;
    absl::StrAppend(row, ",\"", name, "\":", ScalarJson(graph_, node));
  }
  *row += "}";
}

absl::Status RowWriter::AppendTensor(NodeId node, std::string* row) {
  const Tensor& tensor = graph_.tensor(node);
  FERRY_RETURN_IF_ERROR(AppendView(tensor, {node, 0}, row));
  absl::StrAppend(row, R"(,"parameter":)",
                  graph_.is_parameter(node) ? "true" : "false");
  if (const auto quantizer = QuantizerOf(graph_, node)) {
    AppendQuantizer(*quantizer, row);
  }
  const std::vector<TensorPart> parts = PartsOf(graph_, node);
  if (parts.empty()) return absl::OkStatus();
  *row += R"(,"components":[)";
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::StrAppend(row, i == 0 ? "" : ",", R"({"name":")", parts[i].name,
                    R"(",)");
    FERRY_RETURN_IF_ERROR(AppendView(parts[i].tensor, {node, i + 1}, row));
    *row += "}";
  }
  *row += "]";
  return absl::OkStatus();
}

// The size and the digest of text that is not written out.
absl::Status RowWriter::AppendSummary(NodeId node, std::string* row) {
  const absl::string_view text = graph_.text(node);
  std::string& digest = text_digests_[node];
  if (digest.empty()) {
    FERRY_ASSIGN_OR_RETURN(digest, Sha256Of(text));
  }
  absl::StrAppend(row, R"(,"size_bytes":)", text.size(), R"(,"sha256":")",
                  digest, "\"");
  return absl::OkStatus();
}

absl::Status RowWriter::AppendItems(NodeId set, std::string* row) {
  const size_t size = graph_.items(set).size();
  absl::StrAppend(row, R"(,"size":)", size);
  if (size > kMaxSetItems) return absl::OkStatus();
  *row += R"(,"items":[)";
  const char* separator = "";
  for (NodeId item : OrderedItems(graph_, set)) {
    absl::StrAppend(row, separator, "{");
    separator = ",";
    const ValueKind kind = graph_.kind(item);
    if (kind == ValueKind::kTuple || kind == ValueKind::kFrozenSet) {
      // As a key is named, so that nothing recurses.
      absl::StrAppend(row, R"("type":")", Name(kind), R"(","value":)",
                      QuotedJson(KeyText(graph_, item)));
    } else {
      FERRY_RETURN_IF_ERROR(AppendValue(item, row));
    }
    *row += "}";
  }
  *row += "]";
  return absl::OkStatus();
}

void RowWriter::AppendStorage(const StorageRecord& record,
                              std::string* row) const {
  if (!record.untyped) {
    absl::StrAppend(row, R"(,"dtype":")", Name(record.dtype), "\"");
  }
  const std::optional<size_t> number = storages_->NumberOf(record.storage);
  if (number) absl::StrAppend(row, R"(,"storage":")", *number, "\"");
  absl::StrAppend(row, R"(,"location":)",
                  QuotedJson(LocationOf(record.storage)), R"(,"size_bytes":)",
                  record.storage.size_bytes());
  if (digests_ == nullptr) return;
  const auto digest = digests_->storages.find(record.storage);
  if (digest != digests_->storages.end()) {
    absl::StrAppend(row, R"(,"sha256":")", digest->second, "\"");
  }
}

absl::Status RowWriter::AppendValue(NodeId node, std::string* row) {
  const ValueKind kind = graph_.kind(node);
  absl::StrAppend(row, R"("type":")", Name(kind), "\"");
  switch (kind) {
    case ValueKind::kInt:
      if (graph_.is_big_int(node) && graph_.text(node).size() > kMaxIntBytes) {
        return AppendSummary(node, row);
      }
      [[fallthrough]];
    case ValueKind::kNone:
    case ValueKind::kBool:
    case ValueKind::kFloat:
    case ValueKind::kComplex:
    case ValueKind::kDevice:
    case ValueKind::kGlobal:
      absl::StrAppend(row, R"(,"value":)", ScalarJson(graph_, node));
      return absl::OkStatus();
    case ValueKind::kStr:
      if (graph_.text(node).size() > kMaxTextBytes) {
        return AppendSummary(node, row);
      }
      absl::StrAppend(row, R"(,"value":)", QuotedJson(graph_.text(node)));
      return absl::OkStatus();
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
      return AppendSummary(node, row);
    case ValueKind::kSet:
    case ValueKind::kFrozenSet:
      return AppendItems(node, row);
    case ValueKind::kStorage:
      AppendStorage(graph_.storage(node), row);
      return absl::OkStatus();
    case ValueKind::kDType:
      absl::StrAppend(row, R"(,"value":")", Name(graph_.dtype(node)), "\"");
      return absl::OkStatus();
    case ValueKind::kLayout:
      absl::StrAppend(row, R"(,"value":")", Name(graph_.layout(node)), "\"");
      return absl::OkStatus();
    case ValueKind::kSize:
      absl::StrAppend(row, R"(,"value":[)",
                      absl::StrJoin(graph_.size_items(node), ",",
                                    [this](std::string* out, NodeId item) {
                                      *out += ScalarJson(graph_, item);
                                    }),
                      "]");
      return absl::OkStatus();
    case ValueKind::kDict:
      absl::StrAppend(row, R"(,"size":)", graph_.entries(node).size() / 2);
      break;
    case ValueKind::kList:
    case ValueKind::kTuple:
      absl::StrAppend(row, R"(,"size":)", graph_.items(node).size());
      break;
    default:
      break;
  }
  const std::string maker = MakerName(graph_, node);
  if (!maker.empty()) {
    absl::StrAppend(row, R"(,"class":)", QuotedJson(maker));
  }
  return absl::OkStatus();
}

class JsonTensors final : public GraphVisitor {
 public:
  JsonTensors(RowWriter* writer, ChargedStream& out)
      : writer_(writer), rows_(out) {}

  absl::Status OnTensor(absl::string_view pointer, NodeId node) override {
    std::string row = absl::StrCat(R"({"pointer":)", QuotedJson(pointer), ",");
    FERRY_RETURN_IF_ERROR(writer_->AppendTensor(node, &row));
    return rows_.Add(row + "}");
  }

  void End() { rows_.End(); }

 private:
  RowWriter* const writer_;
  JsonRows rows_;
};

class JsonAliases final : public GraphVisitor {
 public:
  explicit JsonAliases(ChargedStream& out) : rows_(out) {}

  absl::Status OnTensor(absl::string_view, NodeId) override {
    return absl::OkStatus();
  }
  absl::Status OnAlias(absl::string_view pointer,
                       absl::string_view first_pointer) override {
    return rows_.Add(absl::StrCat(R"({"pointer":)", QuotedJson(pointer),
                                  R"(,"same_as":)", QuotedJson(first_pointer),
                                  "}"));
  }

  void End() { rows_.End(); }

 private:
  JsonRows rows_;
};

// Leaves, and those containers that are empty or made by a class: the others
// are known by what they contain, and a deep chain of them would have pointers
// of any length.
class JsonValues final : public GraphVisitor {
 public:
  JsonValues(const ObjectGraph& graph, RowWriter* writer, ChargedStream& out)
      : graph_(graph), writer_(writer), rows_(out) {}

  absl::Status OnTensor(absl::string_view, NodeId) override {
    return absl::OkStatus();
  }
  absl::Status OnContainer(absl::string_view pointer, NodeId node) override {
    const bool has_row =
        graph_.is_object(node) ||
        graph_.items(node).size() + graph_.entries(node).size() == 0;
    return has_row ? OnLeaf(pointer, node) : absl::OkStatus();
  }
  absl::Status OnLeaf(absl::string_view pointer, NodeId node) override {
    std::string row = absl::StrCat(R"({"pointer":)", QuotedJson(pointer), ",");
    FERRY_RETURN_IF_ERROR(writer_->AppendValue(node, &row));
    return rows_.Add(row + "}");
  }

  void End() { rows_.End(); }

 private:
  const ObjectGraph& graph_;
  RowWriter* const writer_;
  JsonRows rows_;
};

// What a TorchScript archive has beside its objects.
absl::Status PrintProgram(const Checkpoint& checkpoint,
                          const Selection& constants,
                          const SelectionDigests* digests,
                          StorageIndex* storages, ChargedStream& out) {
  out << ",\n\"constants\":";
  RowWriter writer(constants.graph(), digests, storages);
  JsonTensors tensors(&writer, out);
  FERRY_RETURN_IF_ERROR(constants.Walk(&tensors));
  tensors.End();
  if (digests != nullptr) {
    out << ",\n\"constants_sha256\":\"" << digests->graph << "\"";
  }
  std::vector<std::string> code;
  for (const RecordInfo& record : checkpoint.info().program_records) {
    if (IsCode(record)) code.push_back(QuotedJson(record.name));
  }
  out << ",\n\"code\":[" << absl::StrJoin(code, ",") << "]";
  out << ",\n\"program_records\":";
  JsonRows rows(out);
  for (const RecordInfo& record : checkpoint.info().program_records) {
    std::string row = absl::StrCat(R"({"name":)", QuotedJson(record.name),
                                   R"(,"size_bytes":)", record.size_bytes);
    if (digests != nullptr) {
      FERRY_ASSIGN_OR_RETURN(const std::string contents,
                             checkpoint.ReadRecord(record.name));
      FERRY_ASSIGN_OR_RETURN(const std::string digest, Sha256Of(contents));
      absl::StrAppend(&row, R"(,"sha256":")", digest, "\"");
    }
    FERRY_RETURN_IF_ERROR(rows.Add(row + "}"));
  }
  rows.End();
  return out.status();
}

}  // namespace

absl::Status PrintJson(const Checkpoint& checkpoint, const ScanReport& report,
                       const Selection& selection,
                       const SelectionDigests* digests,
                       const Selection& constants,
                       const SelectionDigests* constants_digests,
                       ChargedStream& out) {
  const CheckpointInfo& info = checkpoint.info();
  Json head;
  head["schema_version"] = kSchemaVersion;
  head["container"] = JsonText(Name(info.container));
  if (!info.codec.empty()) head["codec"] = info.codec;
  head["kind"] = JsonText(Name(info.kind));
  if (info.codec == kPickleCodecName) {
    head["pickle_protocol"] = info.pickle_protocol;
  }
  head["byteorder"] = info.is_big_endian ? "big" : "little";
  head["trailing_bytes"] = checkpoint.trailing_bytes();
  head["warnings"] = Json::array();
  for (const std::string& warning : checkpoint.warnings()) {
    head["warnings"].push_back(JsonText(warning));
  }
  head["scan"]["verdict"] = Name(report.verdict());
  head["scan"]["summary"] = JsonText(WithOptionNames(report.Summary()));
  std::string text = Dump(head);
  text.pop_back();  // "}"
  if (!info.metadata.empty()) {
    // There may be many; `Json` would compare each name with all before it.
    absl::StrAppend(&text, R"(,"metadata":{)",
                    absl::StrJoin(info.metadata, ",", QuotedPair), "}");
  }
  out << text << ",\n\"globals\":["
      << absl::StrJoin(selection.graph().globals(), ",",
                       [](std::string* joined, const GlobalRecord& global) {
                         *joined += QuotedJson(GlobalName(global));
                       })
      << "]";
  StorageIndex storages(checkpoint);
  RowWriter writer(selection.graph(), digests, &storages);
  out << ",\n\"tensors\":";
  JsonTensors tensors(&writer, out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&tensors));
  tensors.End();
  out << ",\n\"aliases\":";
  JsonAliases aliases(out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&aliases));
  aliases.End();
  out << ",\n\"values\":";
  JsonValues values(selection.graph(), &writer, out);
  FERRY_RETURN_IF_ERROR(selection.Walk(&values));
  values.End();
  if (digests != nullptr && !digests->graph.empty()) {
    out << ",\n\"graph_sha256\":\"" << digests->graph << "\"";
  }
  if (info.kind == CheckpointKind::kTorchScript) {
    FERRY_RETURN_IF_ERROR(
        PrintProgram(checkpoint, constants, constants_digests, &storages, out));
  }
  out << "}\n";
  return out.status();
}

}  // namespace cli
}  // namespace v1
}  // namespace ferry
