// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/legacy_stream.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/serialization/torch/torch_unpickler.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using pickle::UnpickleResult;

class LegacyStream {
 public:
  LegacyStream(const RandomAccessFile& file, const ContainerOptions& options)
      : file_(file),
        options_(options),
        stream_(file, 0, file.size_bytes(), options.budget),
        hooks_(&storages_, PersistentIds::kStream) {
    storages_.set_budget(options.budget);
  }

  absl::StatusOr<ParsedCheckpoint> Read();

 private:
  absl::Status Error(absl::StatusCode code, absl::string_view part,
                     absl::string_view what) const;
  // Reads the next pickle, which becomes the record `part`.
  absl::StatusOr<UnpickleResult> Unpickle(absl::string_view part,
                                          pickle::UnpickleHooks* hooks,
                                          ObjectGraph* graph);
  // Reads the next pickle, which must hold numbers and texts alone. PyTorch
  // unpickles these pickles as it does the objects, so a function in one of
  // them would be called.
  absl::StatusOr<UnpickleResult> UnpicklePlain(absl::string_view part,
                                               ObjectGraph* graph);
  absl::Status ReadHeader();
  absl::Status ReadObjects();
  absl::Status CheckByteOrder() const;
  absl::Status ReadKeys();
  absl::Status ReadStorage(absl::string_view key);
  absl::Status CollectStorages();

  const RandomAccessFile& file_;
  const ContainerOptions& options_;
  pickle::PickleStream stream_;
  StorageTable storages_;
  TorchUnpickler hooks_;
  ParsedCheckpoint parsed_;
  std::vector<PlainRecord> records_;
  bool is_from_big_endian_ = false;
  ObjectGraph keys_graph_;
  std::vector<absl::string_view> keys_;  // in the graph
  // Where the bytes of each storage stand, once that is known, and the record
  // that holds them: an index of `records_`.
  struct Place {
    uint64_t offset_bytes = 0;
    size_t record = 0;
  };
  std::vector<std::optional<Place>> places_;
};

absl::Status LegacyStream::Error(absl::StatusCode code, absl::string_view part,
                                 absl::string_view what) const {
  return RecordErrorAt(code, file_, part, what, stream_.offset());
}

absl::StatusOr<UnpickleResult> LegacyStream::Unpickle(
    absl::string_view part, pickle::UnpickleHooks* hooks, ObjectGraph* graph) {
  const uint64_t begin = stream_.offset();
  const auto in_part = [&](const absl::Status& status) {
    return RecordError(status.code(), file_, part, status.message());
  };
  const absl::StatusOr<absl::string_view> bytes = stream_.NextPickle();
  if (!bytes.ok()) return in_part(bytes.status());
  // Most opcodes that make a node take about four bytes.
  graph->Reserve(bytes->size() / 4, 0, bytes->size());
  const absl::StatusOr<UnpickleResult> result =
      pickle::Unpickle(*bytes, options_.budget, hooks, graph);
  if (!result.ok()) return in_part(result.status());
  records_.push_back({std::string(part), begin, stream_.offset() - begin});
  return result;
}

absl::StatusOr<UnpickleResult> LegacyStream::UnpicklePlain(
    absl::string_view part, ObjectGraph* graph) {
  const absl::StatusOr<UnpickleResult> result = Unpickle(part, nullptr, graph);
  if (!result.ok() || graph->globals().empty()) return result;
  const GlobalRecord& global = graph->globals()[0];
  return Error(absl::StatusCode::kDataLoss, part,
               absl::StrCat("the pickle refers to ",
                            EscapeForMessage(
                                absl::StrCat(global.module, ".", global.name)),
                            ", which PyTorch would call; no program that "
                            "writes checkpoints does that here"));
}

absl::Status LegacyStream::ReadHeader() {
  ObjectGraph graph;
  FERRY_RETURN_IF_ERROR(UnpicklePlain("magic_number", &graph).status());
  FERRY_ASSIGN_OR_RETURN(const UnpickleResult version,
                         UnpicklePlain("protocol_version", &graph));
  if (!graph.is_int64(version.root) ||
      graph.int_value(version.root) != kLegacyProtocolVersion) {
    return Error(absl::StatusCode::kUnimplemented, "protocol_version",
                 absl::StrCat("the stream does not have the protocol version ",
                              kLegacyProtocolVersion));
  }
  FERRY_ASSIGN_OR_RETURN(const UnpickleResult machine,
                         UnpicklePlain("sys_info", &graph));
  if (graph.kind(machine.root) == ValueKind::kDict) {
    const NodeId little = graph.FindStr(machine.root, "little_endian");
    is_from_big_endian_ = little != kNoNode &&
                          graph.kind(little) == ValueKind::kBool &&
                          graph.int_value(little) == 0;
  }
  return absl::OkStatus();
}

absl::Status LegacyStream::ReadObjects() {
  parsed_.graph = std::make_shared<ObjectGraph>();
  FERRY_ASSIGN_OR_RETURN(const UnpickleResult result,
                         Unpickle("objects", &hooks_, parsed_.graph.get()));
  parsed_.root = result.root;
  parsed_.info.pickle_protocol = result.protocol;
  if (!storages_.other_dtypes().empty()) {
    parsed_.warnings.emplace_back(storages_.other_dtypes());
    parsed_.has_other_dtypes = true;
  }
  return CheckByteOrder();
}

// Whatever machine wrote the stream, its numbers are little-endian. But that
// code takes a complex64 for one number of eight bytes, and writes nothing
// sensible for a complex128.
absl::Status LegacyStream::CheckByteOrder() const {
  if (!is_from_big_endian_) return absl::OkStatus();
  for (const StorageEntry& entry : storages_.entries()) {
    if (Category(entry.dtype) == DTypeCategory::kComplex) {
      return Error(absl::StatusCode::kUnimplemented, "objects",
                   "a big-endian machine wrote complex numbers in the legacy "
                   "format, which mixes up their parts; save the checkpoint on "
                   "that machine as a zip archive");
    }
  }
  return absl::OkStatus();
}

absl::Status LegacyStream::ReadKeys() {
  ObjectGraph& graph = keys_graph_;
  FERRY_ASSIGN_OR_RETURN(const UnpickleResult result,
                         UnpicklePlain("storage_keys", &graph));
  if (graph.kind(result.root) != ValueKind::kList &&
      graph.kind(result.root) != ValueKind::kTuple) {
    return Error(absl::StatusCode::kDataLoss, "storage_keys",
                 "the keys of the storages are not a list");
  }
  for (NodeId key : graph.items(result.root)) {
    if (graph.kind(key) != ValueKind::kStr) {
      return Error(absl::StatusCode::kDataLoss, "storage_keys",
                   "the key of a storage is not text");
    }
    keys_.push_back(graph.text(key));
  }
  return absl::OkStatus();
}

absl::Status LegacyStream::ReadStorage(absl::string_view key) {
  // A pickle may repeat one long text, which is looked up each time.
  const absl::Status charged = options_.budget->ChargeSteps(key.size());
  if (!charged.ok()) {
    return Error(charged.code(), "storage_keys", charged.message());
  }
  const std::string name = absl::StrCat("data/", EscapeForMessage(key));
  const std::optional<uint32_t> index = storages_.Find(key);
  if (!index || storages_.entries()[*index].base != StorageEntry::kNoBase) {
    return Error(absl::StatusCode::kDataLoss, name,
                 "the objects do not refer to this storage");
  }
  const StorageEntry& entry = storages_.entries()[*index];
  const uint64_t begin = stream_.offset();
  const absl::StatusOr<absl::string_view> count = stream_.Take(8);
  if (!count.ok()) {
    return Error(count.status().code(), name, count.status().message());
  }
  const uint64_t num_elements = Load64(count->data());
  const uint64_t size = entry.storage.size_bytes();
  const uint64_t expected = size / ElementSizeBytes(entry.dtype);
  if (num_elements != expected) {
    return Error(
        absl::StatusCode::kDataLoss, name,
        absl::StrCat("the storage has ", num_elements, " elements here and ",
                     expected, " in the objects' pickle"));
  }
  places_[*index] = Place{stream_.offset(), records_.size()};
  const absl::Status skipped = stream_.Skip(size);
  if (!skipped.ok()) return Error(skipped.code(), name, skipped.message());
  records_.push_back({name, begin, stream_.offset() - begin});
  return absl::OkStatus();
}

absl::Status LegacyStream::CollectStorages() {
  const absl::Span<const StorageEntry> storages = storages_.entries();
  SetRecords(std::move(records_), &parsed_);
  parsed_.storages.reserve(storages.size());
  parsed_.extents.reserve(storages.size());
  for (size_t i = 0; i < storages.size(); ++i) {
    const StorageEntry& entry = storages[i];
    const bool is_view = entry.base != StorageEntry::kNoBase;
    const std::optional<Place>& place = places_[is_view ? entry.base : i];
    if (!place) {
      return Error(absl::StatusCode::kDataLoss, "storage_keys",
                   absl::StrCat("storage ", QuoteForMessage(entry.key),
                                " is not in the file"));
    }
    ParsedCheckpoint::ParsedStorage part;
    part.storage = entry.storage;
    if (is_view) {
      part.base = entry.base;
      part.base_offset_bytes = entry.offset_bytes;
    }
    parsed_.storages.push_back(std::move(part));
    parsed_.extents.push_back(
        MakePlainExtent(0, place->offset_bytes + entry.offset_bytes,
                        entry.storage.size_bytes()));
    parsed_.extents.back().name = parsed_.records[place->record].name;
  }
  AttachExtents(&parsed_);
  return absl::OkStatus();
}

absl::StatusOr<ParsedCheckpoint> LegacyStream::Read() {
  parsed_.info.container = Container::kLegacy;
  parsed_.info.codec = std::string(kPickleCodecName);
  FERRY_RETURN_IF_ERROR(ReadHeader());
  FERRY_RETURN_IF_ERROR(ReadObjects());
  FERRY_RETURN_IF_ERROR(ReadKeys());
  places_.resize(storages_.entries().size());
  for (const absl::string_view key : keys_) {
    FERRY_RETURN_IF_ERROR(ReadStorage(key));
  }
  FERRY_RETURN_IF_ERROR(CollectStorages());
  parsed_.end_offset_bytes = stream_.offset();
  return std::move(parsed_);
}

}  // namespace

bool IsLegacyMagic(const ObjectGraph& graph, NodeId root) {
  return graph.kind(root) == ValueKind::kInt && graph.is_big_int(root) &&
         graph.text(root) == kLegacyMagic;
}

bool IsLegacyMagic(absl::string_view pickle) {
  // The longest form that any program writes is the decimal one.
  if (pickle.size() > 64) return false;
  ObjectGraph graph;
  const absl::StatusOr<UnpickleResult> result =
      pickle::Unpickle(pickle, Budget::Unlimited(), nullptr, &graph);
  return result.ok() && IsLegacyMagic(graph, result->root);
}

absl::StatusOr<ParsedCheckpoint> ReadLegacyStream(
    const RandomAccessFile& file, const ContainerOptions& options) {
  return LegacyStream(file, options).Read();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
