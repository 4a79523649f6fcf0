// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/zip_container.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/device.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/serialization/torch/pickle_codec.h"
#include "ferry/serialization/torch/torch_unpickler.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using zip::ZipDirectory;

// caffe2/serialize/versions.h: kMinSupportedFileFormatVersion and
// kMaxSupportedFileFormatVersion.
constexpr int kMinVersion = 1;
constexpr int kMaxVersion = 10;

// No record that holds a number or a word is longer.
constexpr uint64_t kMaxWordBytes = 64;

class ZipContainer {
 public:
  ZipContainer(const RandomAccessFile& file, const ContainerOptions& options,
               const CodecSnapshot& codecs)
      : file_(file), options_(options), codecs_(codecs) {}

  absl::StatusOr<ParsedCheckpoint> Read();

 private:
  absl::Status Error(absl::StatusCode code, absl::string_view what) const {
    return absl::Status(code, absl::StrCat(file_.name(), ": ", what));
  }
  const Extent* Find(absl::string_view record) const {
    return directory_->Find(absl::StrCat(prefix_, record));
  }

  bool IsGraphRecord(absl::string_view record) const;
  absl::Status FindGraph();
  absl::Status FindCodec();
  bool IsMisspelt(absl::string_view name) const;
  absl::Status CheckNames() const;
  // The text of a record that should be a word.
  absl::StatusOr<std::string> ReadWord(const Extent& entry) const;
  absl::Status ReadVersion() const;
  absl::Status ReadByteOrder();
  absl::Status CheckStorage(const StorageDescription& storage);
  // Makes a graph of what a record says. Its storages are records of `folder`.
  absl::StatusOr<Codec::GraphRead> ReadGraph(
      const Codec& codec, const Extent& entry, absl::string_view folder,
      std::shared_ptr<ObjectGraph>* graph);
  // The constants of the program, and the names of its code.
  absl::Status ReadProgram();
  absl::Status SetSwapUnits(const ObjectGraph& graph);

  const RandomAccessFile& file_;
  const ContainerOptions& options_;
  const CodecSnapshot& codecs_;
  ParsedCheckpoint parsed_;
  std::shared_ptr<ZipDirectory> directory_;
  std::string prefix_;             // with its slash
  const Extent* graph_ = nullptr;  // the graph record
  const Codec* codec_ = nullptr;   // that wrote it
  absl::string_view folder_;       // of the storages, with its slash
  std::string name_;               // of the record last looked for
};

// The folder that a record stands in, with its slash.
absl::string_view FolderOf(absl::string_view record) {
  return record.substr(0, record.rfind('/') + 1);
}

// The suffix of the codec that wrote a record, if it is a graph record: "pkl"
// for "archive/data.pkl". Else empty.
absl::string_view SuffixOf(absl::string_view record) {
  record.remove_prefix(FolderOf(record).size());
  return absl::ConsumePrefix(&record, "data.") && IsCodecWord(record)
             ? record
             : absl::string_view();
}

// Any archive may hold a "data.csv". Beside a version it is a checkpoint's.
bool ZipContainer::IsGraphRecord(absl::string_view record) const {
  const absl::string_view suffix = SuffixOf(record);
  if (suffix.empty()) return false;
  const absl::string_view folder = FolderOf(record);
  return suffix == "pkl" ||
         directory_->Find(absl::StrCat(folder, "version")) != nullptr ||
         directory_->Find(absl::StrCat(folder, ".data/version")) != nullptr;
}

// The graph record is in the folder of the first record, where PyTorch looks
// for it, or else in the only folder that has such a record. One more beside
// it, or in another folder, would be a checkpoint of which nothing is read.
absl::Status ZipContainer::FindGraph() {
  std::vector<const Extent*> found;
  for (const Extent& entry : directory_->entries()) {
    if (IsGraphRecord(entry.name)) found.push_back(&entry);
  }
  if (found.empty()) {
    return Error(absl::StatusCode::kNotFound,
                 "the zip archive has no record data.pkl");
  }
  graph_ = found[0];
  const absl::string_view first = directory_->entries()[0].name;
  const absl::string_view first_folder = first.substr(0, first.find('/') + 1);
  for (const Extent* entry : found) {
    if (FolderOf(entry->name) != first_folder) continue;
    graph_ = entry;
    break;
  }
  prefix_ = std::string(FolderOf(graph_->name));
  for (const Extent* entry : found) {
    const bool is_beside = FolderOf(entry->name) == prefix_;
    // Folders inside the checkpoint's are its own: "archive/extra/data.pkl".
    if (entry == graph_ || (!is_beside && !prefix_.empty() &&
                            absl::StartsWith(entry->name, prefix_))) {
      continue;
    }
    return Error(
        absl::StatusCode::kDataLoss,
        absl::StrCat("the zip archive has ",
                     is_beside ? "two graph records" : "several checkpoints",
                     ": ", QuoteForMessage(graph_->name), " and ",
                     QuoteForMessage(entry->name)));
  }
  return absl::OkStatus();
}

// Checks that the codec of the file is registered, that it is the one that the
// program asks for, and that what else stands in the archive can be that
// codec's.
absl::Status ZipContainer::FindCodec() {
  codec_ = codecs_.FindBySuffix(SuffixOf(graph_->name));
  const std::string record = QuoteForMessage(graph_->name);
  if (codec_ == nullptr) {
    return Error(
        absl::StatusCode::kUnimplemented,
        absl::StrCat("the codec that wrote its object graph, the record ",
                     record, ", is not registered; the registered codecs are ",
                     codecs_.Describe(),
                     ". Register the missing codec (CodecRegistry::Register), "
                     "or save the file again with one of these"));
  }
  if (!options_.codec.empty() && options_.codec != codec_->name()) {
    return Error(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("the codec \"", codec_->name(),
                     "\" wrote its object graph, the record ", record,
                     ", but LoadOptions::codec asks for \"", options_.codec,
                     "\". Leave the option empty to read the file with the "
                     "codec that wrote it"));
  }
  const Extent* const constants = Find("constants.pkl");
  if (constants != nullptr && codec_->name() != kPickleCodecName) {
    return Error(
        absl::StatusCode::kDataLoss,
        absl::StrCat(QuoteForMessage(constants->name),
                     " belongs to a TorchScript program, whose object graph is "
                     "always a pickle, but the graph record is ",
                     record));
  }
  return absl::OkStatus();
}

// Whether PyTorch, which ignores upper and lower case in names, would read the
// record where Ferry looks for it in vain.
bool ZipContainer::IsMisspelt(absl::string_view name) const {
  for (absl::string_view record :
       {"byteorder", "version", ".data/version", "constants.pkl"}) {
    if (name.size() == prefix_.size() + record.size() &&
        absl::EqualsIgnoreCase(name, absl::StrCat(prefix_, record))) {
      return name != absl::StrCat(prefix_, record);
    }
  }
  // PyTorch looks for the graph in the folder of the first record alone.
  const absl::string_view first = directory_->entries()[0].name;
  const absl::string_view folder = first.substr(0, first.find('/') + 1);
  return absl::EqualsIgnoreCase(name, absl::StrCat(folder, "data.pkl")) &&
         name != graph_->name;
}

// Storages' local headers are looked at when their bytes are read, the pickle's
// likewise. The others are few, and one of them under a damaged name would
// change what the file means without anybody noticing.
absl::Status ZipContainer::CheckNames() const {
  const std::string storages = absl::StrCat(prefix_, "data/");
  for (const Extent& entry : directory_->entries()) {
    if (absl::StartsWith(entry.name, storages)) continue;
    if (IsMisspelt(entry.name)) {
      return ExtentError(absl::StatusCode::kDataLoss, file_, entry,
                         "its name is spelt with capitals: PyTorch would read "
                         "it, but Ferry would not");
    }
    FERRY_RETURN_IF_ERROR(FindContents(file_, entry).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ZipContainer::ReadWord(const Extent& entry) const {
  if (entry.contents_bytes > kMaxWordBytes) {
    return ExtentError(absl::StatusCode::kDataLoss, file_, entry,
                       absl::StrCat("it should be a word, but has ",
                                    entry.contents_bytes, " bytes"));
  }
  return ReadExtent(file_, entry, options_.verify_crc32);
}

absl::Status ZipContainer::ReadVersion() const {
  const Extent* entry = Find(".data/version");
  if (entry == nullptr) entry = Find("version");
  if (entry == nullptr) {
    return Error(absl::StatusCode::kDataLoss,
                 absl::StrCat("the checkpoint has no record \"",
                              EscapeForMessage(prefix_), "version\""));
  }
  FERRY_ASSIGN_OR_RETURN(const std::string text, ReadWord(*entry));
  const absl::string_view digits = absl::StripSuffix(text, "\n");
  int version;
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &version)) {
    return ExtentError(
        absl::StatusCode::kDataLoss, file_, *entry,
        absl::StrCat("it should be a number, but is ", QuoteForMessage(text)));
  }
  if (version < kMinVersion || version > kMaxVersion) {
    return Error(
        absl::StatusCode::kUnimplemented,
        absl::StrCat("the checkpoint has the layout version ", version,
                     "; supported are ", kMinVersion, " to ", kMaxVersion));
  }
  return absl::OkStatus();
}

absl::Status ZipContainer::ReadByteOrder() {
  const Extent* const entry = Find("byteorder");
  if (entry == nullptr) {
    parsed_.info.is_big_endian =
        options_.fallback_byte_order == ByteOrder::kBig;
    return absl::OkStatus();
  }
  FERRY_ASSIGN_OR_RETURN(const std::string text, ReadWord(*entry));
  if (text != "little" && text != "big") {
    return ExtentError(
        absl::StatusCode::kDataLoss, file_, *entry,
        absl::StrCat("it should be \"little\" or \"big\", but is ",
                     QuoteForMessage(text)));
  }
  parsed_.info.is_big_endian = text == "big";
  return absl::OkStatus();
}

absl::Status ZipContainer::CheckStorage(const StorageDescription& storage) {
  name_.assign(prefix_);
  name_.append(folder_.data(), folder_.size());
  name_.append(storage.key.data(), storage.key.size());
  const Extent* const entry = directory_->Find(name_);
  if (entry == nullptr) {
    return absl::DataLossError(absl::StrCat(
        "there is no record \"", folder_, EscapeForMessage(storage.key),
        "\" for a storage that the ", codec_->name(), " refers to"));
  }
  // C++ writes nothing of a storage on the meta device.
  if (storage.location == "meta" && entry->contents_bytes == 0) {
    parsed_.storages.emplace_back();
    return absl::OkStatus();
  }
  // Versions up to 2.9 wrote storages whose size is no multiple of their
  // element's; less than an element is left over in their records.
  if (entry->contents_bytes < storage.size_bytes ||
      entry->contents_bytes - storage.size_bytes >=
          ElementSizeBytes(storage.dtype)) {
    return absl::DataLossError(
        absl::StrCat("storage ", QuoteForMessage(storage.key), " has ",
                     entry->contents_bytes, " bytes in the file and ",
                     storage.size_bytes, " bytes in the ", codec_->name()));
  }
  if (!CanHaveItsSize(*entry)) {
    return absl::DataLossError(
        absl::StrCat("storage ", QuoteForMessage(storage.key),
                     " has compressed data that is too short to inflate to its "
                     "recorded size"));
  }
  directory_->MutableEntry(*entry).size_bytes = storage.size_bytes;
  parsed_.storages.emplace_back().extents = {entry, 1};
  return absl::OkStatus();
}

absl::StatusOr<Codec::GraphRead> ZipContainer::ReadGraph(
    const Codec& codec, const Extent& entry, absl::string_view folder,
    std::shared_ptr<ObjectGraph>* graph) {
  folder_ = folder;
  if (!CanHaveItsSize(entry)) {
    return ExtentError(
        absl::StatusCode::kDataLoss, file_, entry,
        "its compressed data is too short to inflate to its recorded size");
  }
  Memory memory;
  absl::Status allocated = options_.budget->ChargeMemory(entry.contents_bytes);
  if (allocated.ok()) {
    allocated = AllocateHostMemory({entry.contents_bytes}, {&memory, 1},
                                   options_.page_pool);
  }
  if (!allocated.ok()) {
    return ExtentError(allocated.code(), file_, entry, allocated.message());
  }
  const absl::Span<char> contents(static_cast<char*>(memory.data),
                                  entry.contents_bytes);
  FERRY_RETURN_IF_ERROR(
      ReadExtentInto(file_, entry, options_.verify_crc32, contents));
  const absl::string_view bytes(contents.data(), contents.size());
  StorageTable storages(
      [this](const StorageDescription& description) {
        return CheckStorage(description);
      },
      options_.page_pool);
  storages.set_budget(options_.budget);
  *graph = std::make_shared<ObjectGraph>(options_.page_pool);
  // In a state_dict, a node takes about eleven bytes of pickle. Leaves a
  // margin.
  const size_t num_records = directory_->entries().size();
  (*graph)->Reserve(entry.encoded_bytes / 10, num_records,
                    entry.contents_bytes);
  storages.ReserveDescribed(num_records);
  // `CheckStorage` appends one for each that the graph refers to.
  const size_t first_part = parsed_.storages.size();
  parsed_.storages.reserve(first_part + num_records);
  const absl::StatusOr<Codec::GraphRead> result =
      codec.Read(bytes, options_.budget, &storages, graph->get());
  if (!result.ok()) {
    // Its offset is one in the contents, which may be deflated.
    return RecordError(result.status().code(), file_, entry.name,
                       result.status().message());
  }
  // A program's own codec may have faults.
  if (result->root >= (*graph)->size() || result->size_bytes > bytes.size()) {
    return ExtentError(absl::StatusCode::kInternal, file_, entry,
                       absl::StrCat("the codec \"", codec.name(),
                                    "\" has a bug: it returned a root that is "
                                    "not a node, or an end past the record"));
  }
  if ((*graph)->size() > ObjectGraph::kMaxNodes) {
    return ExtentError(
        absl::StatusCode::kResourceExhausted, file_, entry,
        absl::StrCat("it has more than ", ObjectGraph::kMaxNodes, " objects"));
  }
  if (codec.name() != kPickleCodecName) {
    const absl::Status calls =
        TorchUnpickler::CheckCalls(**graph, result->root);
    if (!calls.ok()) {
      return ExtentError(calls.code(), file_, entry, calls.message());
    }
  }
  if (result->size_bytes < bytes.size()) {
    parsed_.warnings.push_back(
        absl::StrCat("record ", QuoteForMessage(entry.name), " has ",
                     bytes.size() - result->size_bytes, " bytes after its ",
                     codec.name(), ", which are ignored"));
  }
  if (parsed_.storages.size() - first_part != storages.entries().size()) {
    return ExtentError(
        absl::StatusCode::kDataLoss, file_, entry,
        "it refers to parts of storages, which a zip archive cannot hold");
  }
  if (!storages.other_dtypes().empty()) {
    parsed_.warnings.emplace_back(storages.other_dtypes());
    parsed_.has_other_dtypes = true;
  }
  for (size_t i = 0; i < storages.entries().size(); ++i) {
    const StorageEntry& described = storages.entries()[i];
    ParsedCheckpoint::ParsedStorage& part = parsed_.storages[first_part + i];
    part.storage = described.storage;
    if (part.extents.empty()) {
      // There is nothing to read.
      part.storage.Materialize(Device("meta"), Memory{}, InternalKey());
    } else if (parsed_.info.is_big_endian && !described.untyped) {
      directory_->MutableEntry(part.extents[0]).swap_unit_bytes =
          static_cast<uint8_t>(ByteOrderUnitBytes(described.dtype));
    }
  }
  return result;
}

absl::Status ZipContainer::ReadProgram() {
  const Extent& constants = *Find("constants.pkl");
  FERRY_ASSIGN_OR_RETURN(
      const Codec::GraphRead result,
      ReadGraph(PickleCodec(PersistentIds::kProgram), constants, "constants/",
                &parsed_.constants_graph));
  parsed_.constants = result.root;
  for (const Extent& entry : directory_->entries()) {
    absl::string_view name = entry.name;
    // Beside each file of code stands a pickle with its lines' origins.
    if (absl::ConsumePrefix(&name, prefix_) &&
        (name == "version" || name == ".data/version" ||
         name == "bytecode.pkl" || absl::StartsWith(name, "extra/") ||
         (absl::StartsWith(name, "code/") && absl::EndsWith(name, ".py")))) {
      parsed_.info.program_records.push_back(
          {std::string(name), entry.contents_bytes});
    }
  }
  return absl::OkStatus();
}

// Storages that are described as bytes do not say what to turn round. The nodes
// and the tensors that use them as numbers do. (PyTorch leaves them as they
// are, and so reads wrong numbers.)
absl::Status ZipContainer::SetSwapUnits(const ObjectGraph& graph) {
  HashMap<Storage, uint8_t*> unsettled;
  for (const ParsedCheckpoint::ParsedStorage& part : parsed_.storages) {
    if (part.extents.empty() || part.extents[0].swap_unit_bytes != 1) continue;
    unsettled.emplace(
        part.storage,
        &directory_->MutableEntry(part.extents[0]).swap_unit_bytes);
  }
  const auto settle = [&](const Storage& storage, DType dtype) {
    const auto found = unsettled.find(storage);
    if (found == unsettled.end()) return absl::OkStatus();
    const auto unit = static_cast<uint8_t>(ByteOrderUnitBytes(dtype));
    if (*found->second != 1 && *found->second != unit) {
      return Error(absl::StatusCode::kUnimplemented,
                   "a storage whose byte order must be swapped is used as "
                   "numbers of different sizes");
    }
    *found->second = unit;
    return absl::OkStatus();
  };
  for (const StorageRecord& record : graph.storages()) {
    if (record.untyped) continue;
    FERRY_RETURN_IF_ERROR(settle(record.storage, record.dtype));
  }
  for (const Tensor& tensor : graph.tensors()) {
    if (tensor.storage().is_null()) continue;
    FERRY_RETURN_IF_ERROR(settle(tensor.storage(), tensor.dtype()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ParsedCheckpoint> ZipContainer::Read() {
  FERRY_ASSIGN_OR_RETURN(
      ZipDirectory directory,
      ZipDirectory::Read(file_, options_.budget, options_.page_pool));
  directory_ = std::make_shared<ZipDirectory>(std::move(directory));
  parsed_.records = directory_->entries();
  parsed_.records_owner = directory_;
  parsed_.find_record = [directory = directory_.get()](absl::string_view name) {
    return directory->Find(name);
  };
  FERRY_RETURN_IF_ERROR(FindGraph());
  FERRY_RETURN_IF_ERROR(FindCodec());
  parsed_.info.container = Container::kZip;
  parsed_.info.codec = std::string(codec_->name());
  parsed_.end_offset_bytes = directory_->end_offset();
  if (directory_->comment_bytes() != 0) {
    parsed_.warnings.push_back(
        absl::StrCat("the zip archive ends with a comment of ",
                     directory_->comment_bytes(), " bytes"));
  }
  parsed_.info.archive_name = std::string(absl::StripSuffix(prefix_, "/"));
  if (Find("constants.pkl") != nullptr) {
    parsed_.info.kind = CheckpointKind::kTorchScript;
  }
  FERRY_RETURN_IF_ERROR(CheckNames());
  FERRY_RETURN_IF_ERROR(ReadVersion());
  FERRY_RETURN_IF_ERROR(ReadByteOrder());
  const PickleCodec program(PersistentIds::kProgram);
  const bool is_program = parsed_.info.kind == CheckpointKind::kTorchScript;
  FERRY_ASSIGN_OR_RETURN(const Codec::GraphRead result,
                         ReadGraph(is_program ? program : *codec_, *graph_,
                                   "data/", &parsed_.graph));
  parsed_.root = result.root;
  if (parsed_.info.codec == kPickleCodecName) {
    parsed_.info.pickle_protocol = result.version;
  }
  if (parsed_.info.kind == CheckpointKind::kTorchScript) {
    FERRY_RETURN_IF_ERROR(ReadProgram());
  }
  if (parsed_.info.is_big_endian) {
    FERRY_RETURN_IF_ERROR(SetSwapUnits(*parsed_.graph));
    if (parsed_.constants_graph != nullptr) {
      FERRY_RETURN_IF_ERROR(SetSwapUnits(*parsed_.constants_graph));
    }
  }
  return std::move(parsed_);
}

}  // namespace

absl::StatusOr<ParsedCheckpoint> ReadZipContainer(
    const RandomAccessFile& file, const ContainerOptions& options,
    const CodecSnapshot& codecs) {
  return ZipContainer(file, options, codecs).Read();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
