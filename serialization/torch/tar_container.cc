// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/tar_container.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/shape.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/io/little_endian.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/torch/tar_directory.h"
#include "ferry/serialization/torch/torch_unpickler.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

using pickle::PickleStream;
using ParsedStorage = ParsedCheckpoint::ParsedStorage;

// A member that holds pickles and raw numbers in turn. What it builds of the
// pickles is thrown away with each member.
class Member {
 public:
  Member(const RandomAccessFile& file, const PlainRecord& record,
         Budget* budget)
      : file_(file),
        name_(record.name),
        budget_(budget),
        stream_(file, record.offset_bytes,
                record.offset_bytes + record.size_bytes, budget) {}

  absl::Status Error(absl::StatusCode code, absl::string_view what) const {
    return RecordErrorAt(code, file_, name_, what, stream_.offset());
  }
  absl::Status Damaged(absl::string_view what) const {
    return Error(absl::StatusCode::kDataLoss, what);
  }

  absl::StatusOr<pickle::UnpickleResult> NextPickle(
      pickle::UnpickleHooks* hooks, ObjectGraph* graph);
  absl::StatusOr<NodeId> NextValue();
  // What a pickle says of how many there are.
  absl::StatusOr<int64_t> NextCount();
  // The items of the next pickle, a tuple of `size`.
  absl::StatusOr<absl::Span<const NodeId>> NextTuple(size_t size);
  absl::StatusOr<absl::string_view> Take(uint64_t size);
  absl::Status Skip(uint64_t size);

  const ObjectGraph& graph() const { return graph_; }
  uint64_t offset() const { return stream_.offset(); }
  absl::string_view name() const { return name_; }
  uint64_t bytes_left() const { return stream_.bytes_left(); }

 private:
  const RandomAccessFile& file_;
  const absl::string_view name_;
  Budget* const budget_;
  PickleStream stream_;
  ObjectGraph graph_;
};

absl::StatusOr<pickle::UnpickleResult> Member::NextPickle(
    pickle::UnpickleHooks* hooks, ObjectGraph* graph) {
  const absl::StatusOr<absl::string_view> bytes = stream_.NextPickle();
  const auto in_member = [this](const absl::Status& status) {
    return RecordError(status.code(), file_, name_, status.message());
  };
  if (!bytes.ok()) return in_member(bytes.status());
  absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(*bytes, budget_, hooks, graph);
  if (!result.ok()) return in_member(result.status());
  return result;
}

absl::StatusOr<NodeId> Member::NextValue() {
  const size_t first_global = graph_.globals().size();
  FERRY_ASSIGN_OR_RETURN(const pickle::UnpickleResult result,
                         NextPickle(nullptr, &graph_));
  // PyTorch unpickles these pickles as it does the objects, so any other
  // function in them would be called, and the checkpoint would not show it.
  for (const GlobalRecord& global : graph_.globals().subspan(first_global)) {
    if ((global.module == "torch" ||
         absl::StartsWith(global.module, "torch.")) &&
        (absl::EndsWith(global.name, "Storage") ||
         absl::EndsWith(global.name, "Tensor"))) {
      continue;
    }
    return Damaged(absl::StrCat(
        "the pickle refers to ",
        EscapeForMessage(absl::StrCat(global.module, ".", global.name)),
        ", where only classes of storages and tensors are allowed"));
  }
  return result.root;
}

absl::StatusOr<int64_t> Member::NextCount() {
  FERRY_ASSIGN_OR_RETURN(const NodeId count, NextValue());
  if (!graph_.is_int64(count)) return Damaged("a count is not a number");
  return graph_.int_value(count);
}

absl::StatusOr<absl::Span<const NodeId>> Member::NextTuple(size_t size) {
  FERRY_ASSIGN_OR_RETURN(const NodeId tuple, NextValue());
  if (graph_.kind(tuple) != ValueKind::kTuple ||
      graph_.items(tuple).size() != size) {
    return Damaged(
        absl::StrCat("a description does not have ", size, " parts"));
  }
  return graph_.items(tuple);
}

absl::StatusOr<absl::string_view> Member::Take(uint64_t size) {
  absl::StatusOr<absl::string_view> bytes = stream_.Take(size);
  if (!bytes.ok())
    return Error(bytes.status().code(), bytes.status().message());
  return bytes;
}

absl::Status Member::Skip(uint64_t size) {
  const absl::Status status = stream_.Skip(size);
  return status.ok() ? status : Error(status.code(), status.message());
}

class TarContainer {
 public:
  TarContainer(const RandomAccessFile& file, const ContainerOptions& options)
      : file_(file), options_(options) {}

  absl::StatusOr<ParsedCheckpoint> Read();

 private:
  // What a key stands for: a storage, or a tensor over it.
  struct Keyed {
    uint32_t storage = 0;  // index in parsed_.storages
    StorageType type;
    Tensor tensor;  // null for a storage
    NodeId node = kNoNode;
  };

  absl::StatusOr<const PlainRecord*> Find(absl::string_view name) const;
  // Appends a storage with its bytes at `begin` in the file.
  absl::Status AddStorage(const Member& member, ParsedStorage part,
                          absl::string_view location, uint64_t size_bytes,
                          uint64_t begin);
  absl::Status ReadStorages();
  absl::Status ReadStorage(Member* member);
  absl::Status ReadParts(Member* member);
  absl::Status ReadTensors();
  absl::Status ReadTensor(Member* member);
  absl::StatusOr<Tensor> MakeTensor(Member* member, const Storage& storage,
                                    const StorageType& type);
  absl::Status ReadObjects();
  // Warns of bytes that are left of a member.
  void NoteBytesLeft(const Member& member);
  absl::StatusOr<NodeId> NodeOf(int64_t key, ObjectGraph* graph);

  const RandomAccessFile& file_;
  const ContainerOptions& options_;
  ParsedCheckpoint parsed_;
  TarDirectory directory_;
  HashMap<int64_t, Keyed> keyed_;
};

absl::StatusOr<const PlainRecord*> TarContainer::Find(
    absl::string_view name) const {
  const PlainRecord* found = nullptr;
  for (const PlainRecord& record : directory_.files) {
    if (absl::StripPrefix(record.name, "./") != name) continue;
    if (found != nullptr) {
      return absl::DataLossError(absl::StrCat(
          file_.name(), " is a tar archive with several files \"", name, "\""));
    }
    found = &record;
  }
  // Python takes the last of the members with this name.
  const bool is_folder =
      std::any_of(directory_.folders.begin(), directory_.folders.end(),
                  [name](absl::string_view folder) {
                    return absl::StripPrefix(folder, "./") == name;
                  });
  if (found != nullptr && is_folder) {
    return absl::DataLossError(absl::StrCat(
        file_.name(), " is a tar archive with a file and a folder \"", name,
        "\""));
  }
  if (found != nullptr) return found;
  return absl::NotFoundError(
      absl::StrCat(file_.name(),
                   " is a tar archive, but not one of PyTorch before 0.1.10: "
                   "it has no file \"",
                   name, "\""));
}

absl::Status TarContainer::AddStorage(const Member& member, ParsedStorage part,
                                      absl::string_view location,
                                      uint64_t size_bytes, uint64_t begin) {
  absl::Status status = StorageTable::CheckLocation(location);
  if (status.ok()) {
    status = options_.budget->ChargeMemory(StorageTable::kMemoryBytes +
                                           location.size());
  }
  if (!status.ok()) return member.Error(status.code(), status.message());
  part.storage = Storage::Described(size_bytes, location);
  parsed_.extents.push_back(MakePlainExtent(0, begin, size_bytes));
  parsed_.storages.push_back(std::move(part));
  return absl::OkStatus();
}

absl::Status TarContainer::ReadStorage(Member* member) {
  FERRY_ASSIGN_OR_RETURN(const absl::Span<const NodeId> parts,
                         member->NextTuple(3));
  const ObjectGraph& graph = member->graph();
  std::optional<StorageType> type;
  if (graph.is_global(parts[2])) {
    type = StorageTypeFromClass(graph.global(parts[2]).name);
  }
  if (!graph.is_int64(parts[0]) || graph.kind(parts[1]) != ValueKind::kStr ||
      !type) {
    return member->Damaged("the description of a storage is malformed");
  }
  FERRY_ASSIGN_OR_RETURN(const absl::string_view count, member->Take(8));
  uint64_t size_bytes = 0;
  if (__builtin_mul_overflow(Load64(count.data()),
                             ElementSizeBytes(type->dtype), &size_bytes)) {
    return member->Damaged("a storage has more elements than memory can hold");
  }
  Keyed keyed;
  keyed.storage = static_cast<uint32_t>(parsed_.storages.size());
  keyed.type = *type;
  keyed_[graph.int_value(parts[0])] = std::move(keyed);
  FERRY_RETURN_IF_ERROR(AddStorage(*member, ParsedStorage(),
                                   graph.text(parts[1]), size_bytes,
                                   member->offset()));
  return member->Skip(size_bytes);
}

absl::Status TarContainer::ReadParts(Member* member) {
  FERRY_ASSIGN_OR_RETURN(const NodeId list, member->NextValue());
  const ObjectGraph& graph = member->graph();
  if (graph.kind(list) != ValueKind::kList) {
    return member->Damaged("the list of the parts of storages is malformed");
  }
  for (NodeId view : graph.items(list)) {
    absl::Span<const NodeId> parts;
    if (graph.kind(view) == ValueKind::kTuple) parts = graph.items(view);
    if (parts.size() != 4 ||
        !std::all_of(parts.begin(), parts.end(),
                     [&](NodeId part) { return graph.is_int64(part); })) {
      return member->Damaged(
          "the description of a part of a storage is malformed");
    }
    const auto found = keyed_.find(graph.int_value(parts[1]));
    if (found == keyed_.end()) {
      return member->Damaged(
          "a storage is a part of a storage that does not exist");
    }
    Keyed keyed = found->second;
    const ParsedStorage& whole = parsed_.storages[keyed.storage];
    const uint64_t element_bytes = ElementSizeBytes(keyed.type.dtype);
    const auto num_elements =
        static_cast<int64_t>(whole.storage.size_bytes() / element_bytes);
    const int64_t offset = graph.int_value(parts[2]);
    const int64_t count = graph.int_value(parts[3]);
    if (offset < 0 || count < 0 || offset > num_elements ||
        count > num_elements - offset) {
      return member->Damaged("a part of a storage reaches beyond it");
    }
    ParsedStorage part;
    const uint64_t offset_bytes = static_cast<uint64_t>(offset) * element_bytes;
    const uint64_t size_bytes = static_cast<uint64_t>(count) * element_bytes;
    part.base =
        whole.base == ParsedStorage::kNoBase ? keyed.storage : whole.base;
    part.base_offset_bytes = whole.base_offset_bytes + offset_bytes;
    const std::string location = whole.storage.recorded_location();
    const uint64_t begin = parsed_.extents[keyed.storage].begin + offset_bytes;
    keyed.storage = static_cast<uint32_t>(parsed_.storages.size());
    FERRY_RETURN_IF_ERROR(
        AddStorage(*member, std::move(part), location, size_bytes, begin));
    keyed_[graph.int_value(parts[0])] = keyed;
  }
  return absl::OkStatus();
}

absl::Status TarContainer::ReadStorages() {
  FERRY_ASSIGN_OR_RETURN(const PlainRecord* const record, Find("storages"));
  Member member(file_, *record, options_.budget);
  FERRY_ASSIGN_OR_RETURN(const int64_t count, member.NextCount());
  for (int64_t i = 0; i < count; ++i) {
    FERRY_RETURN_IF_ERROR(ReadStorage(&member));
  }
  FERRY_RETURN_IF_ERROR(ReadParts(&member));
  NoteBytesLeft(member);
  return absl::OkStatus();
}

// What stands behind the description of a tensor.
absl::StatusOr<Tensor> TarContainer::MakeTensor(Member* member,
                                                const Storage& storage,
                                                const StorageType& type) {
  FERRY_ASSIGN_OR_RETURN(absl::string_view bytes, member->Take(8));
  const uint32_t rank = Load32(bytes.data());
  if (rank > static_cast<uint32_t>(kMaxRank)) {
    return member->Damaged(absl::StrCat("a tensor has ", rank,
                                        " dimensions; at most ", kMaxRank,
                                        " are supported"));
  }
  FERRY_ASSIGN_OR_RETURN(bytes, member->Take(16 * uint64_t{rank} + 8));
  const auto number = [&bytes](size_t i) {
    return static_cast<int64_t>(Load64(bytes.data() + 8 * i));
  };
  Dimensions shape, strides;
  for (size_t i = 0; i < rank; ++i) {
    shape.push_back(number(i));
    strides.push_back(number(rank + i));
  }
  int64_t offset = number(2 * size_t{rank});
  const auto num_elements =
      static_cast<int64_t>(storage.size_bytes() / ElementSizeBytes(type.dtype));
  // Those versions had no tensors of rank 0 but the empty one.
  if (rank == 0 && (offset < 0 || offset >= num_elements)) {
    shape = {0};
    strides = {1};
    offset = 0;
  }
  const absl::StatusOr<Tensor> tensor =
      Tensor::Create(storage, type.dtype, shape, strides, offset);
  if (!tensor.ok()) {
    return member->Damaged(absl::StrCat("a tensor cannot be rebuilt: ",
                                        tensor.status().message()));
  }
  return tensor;
}

absl::Status TarContainer::ReadTensor(Member* member) {
  FERRY_ASSIGN_OR_RETURN(const absl::Span<const NodeId> parts,
                         member->NextTuple(3));
  const ObjectGraph& graph = member->graph();
  if (!graph.is_int64(parts[0])) {
    return member->Damaged("the key of a tensor is not a number");
  }
  const int64_t key = graph.int_value(parts[0]);
  Keyed keyed;
  if (graph.kind(parts[1]) == ValueKind::kNone) {
    // An empty tensor, which never had memory.
    const std::optional<StorageType> type =
        graph.is_global(parts[2])
            ? StorageTypeFromClass(absl::StrCat(
                  absl::StripSuffix(graph.global(parts[2]).name, "Tensor"),
                  "Storage"))
            : std::nullopt;
    if (!type) return member->Damaged("the class of a tensor is not known");
    keyed.type = *type;
    keyed.storage = static_cast<uint32_t>(parsed_.storages.size());
    FERRY_RETURN_IF_ERROR(AddStorage(*member, ParsedStorage(), "cpu", 0, 0));
  } else {
    const auto found = graph.is_int64(parts[1])
                           ? keyed_.find(graph.int_value(parts[1]))
                           : keyed_.end();
    if (found == keyed_.end() || !found->second.tensor.is_null()) {
      return member->Damaged("the storage of a tensor does not exist");
    }
    keyed = found->second;
  }
  FERRY_ASSIGN_OR_RETURN(
      keyed.tensor,
      MakeTensor(member, parsed_.storages[keyed.storage].storage, keyed.type));
  keyed_[key] = std::move(keyed);
  return absl::OkStatus();
}

absl::Status TarContainer::ReadTensors() {
  FERRY_ASSIGN_OR_RETURN(const PlainRecord* const record, Find("tensors"));
  Member member(file_, *record, options_.budget);
  FERRY_ASSIGN_OR_RETURN(const int64_t count, member.NextCount());
  for (int64_t i = 0; i < count; ++i) {
    FERRY_RETURN_IF_ERROR(ReadTensor(&member));
  }
  NoteBytesLeft(member);
  return absl::OkStatus();
}

void TarContainer::NoteBytesLeft(const Member& member) {
  if (member.bytes_left() == 0) return;
  parsed_.warnings.push_back(absl::StrCat(
      "the file ", QuoteForMessage(member.name()), " of the tar archive has ",
      member.bytes_left(), " bytes after its contents, which are ignored"));
}

absl::StatusOr<NodeId> TarContainer::NodeOf(int64_t key, ObjectGraph* graph) {
  const auto found = keyed_.find(key);
  if (found == keyed_.end()) {
    return absl::DataLossError(
        absl::StrCat("there is no tensor or storage with the key ", key));
  }
  Keyed& keyed = found->second;
  if (keyed.node == kNoNode && keyed.tensor.is_null()) {
    StorageRecord record;
    record.storage = parsed_.storages[keyed.storage].storage;
    record.dtype = keyed.type.dtype;
    record.untyped = keyed.type.untyped;
    keyed.node = graph->AddStorage(std::move(record));
  } else if (keyed.node == kNoNode) {
    keyed.node = graph->AddTensor(keyed.tensor);
  }
  return keyed.node;
}

absl::Status TarContainer::ReadObjects() {
  FERRY_ASSIGN_OR_RETURN(const PlainRecord* const record, Find("pickle"));
  Member member(file_, *record, options_.budget);
  parsed_.graph = std::make_shared<ObjectGraph>();
  TorchUnpickler hooks(
      [this](int64_t key, ObjectGraph* graph) { return NodeOf(key, graph); });
  FERRY_ASSIGN_OR_RETURN(const pickle::UnpickleResult result,
                         member.NextPickle(&hooks, parsed_.graph.get()));
  parsed_.root = result.root;
  parsed_.info.pickle_protocol = result.protocol;
  NoteBytesLeft(member);
  return absl::OkStatus();
}

absl::StatusOr<ParsedCheckpoint> TarContainer::Read() {
  FERRY_RETURN_IF_ERROR(ReadTarDirectory(file_, options_.budget, &directory_));
  parsed_.end_offset_bytes = directory_.end_offset_bytes;
  parsed_.info.container = Container::kTar;
  parsed_.info.codec = std::string(kPickleCodecName);
  FERRY_RETURN_IF_ERROR(ReadStorages());
  FERRY_RETURN_IF_ERROR(ReadTensors());
  FERRY_RETURN_IF_ERROR(ReadObjects());
  for (Extent& extent : parsed_.extents) extent.name = "storages";
  AttachExtents(&parsed_);
  SetRecords(std::move(directory_.files), &parsed_);
  return std::move(parsed_);
}

}  // namespace

absl::StatusOr<ParsedCheckpoint> ReadTarContainer(
    const RandomAccessFile& file, const ContainerOptions& options) {
  return TarContainer(file, options).Read();
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
