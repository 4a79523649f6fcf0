// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/torch/pickle_container.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/plain_record.h"
#include "ferry/serialization/pickle/opcodes.h"
#include "ferry/serialization/pickle/pickle_stream.h"
#include "ferry/serialization/pickle/unpickler.h"
#include "ferry/serialization/torch/legacy_stream.h"
#include "ferry/serialization/torch/torch_unpickler.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace torch {
namespace {

pickle::PickleStream StreamOf(const RandomAccessFile& file,
                              const ContainerOptions& options) {
  return pickle::PickleStream(file, 0, file.size_bytes(), options.budget);
}

bool BeginsLegacyStream(const RandomAccessFile& file,
                        const ContainerOptions& options) {
  pickle::PickleStream stream = StreamOf(file, options);
  const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
  return pickle.ok() && IsLegacyMagic(*pickle);
}

// Runs of memory one after another, as if they were a file.
class JoinedMemory final : public RandomAccessFile {
 public:
  explicit JoinedMemory(absl::string_view name) : name_(name) {}

  // Appends `bytes`, which must stay where they are; gives where they begin.
  uint64_t Append(absl::string_view bytes) {
    const uint64_t begin = size_bytes_;
    size_bytes_ += bytes.size();
    ends_.push_back(size_bytes_);
    runs_.push_back(bytes);
    return begin;
  }

  absl::string_view name() const override { return name_; }
  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status ReadAt(uint64_t offset_bytes,
                      absl::Span<char> out) const override {
    if (offset_bytes > size_bytes_ || out.size() > size_bytes_ - offset_bytes) {
      return absl::DataLossError(
          absl::StrCat(name_, ": a storage in its pickle is cut short"));
    }
    size_t i = static_cast<size_t>(
        std::upper_bound(ends_.begin(), ends_.end(), offset_bytes) -
        ends_.begin());
    for (size_t filled = 0; filled < out.size(); ++i) {
      const uint64_t begin = ends_[i] - runs_[i].size();
      const absl::string_view run =
          runs_[i].substr(offset_bytes + filled - begin, out.size() - filled);
      std::memcpy(out.data() + filled, run.data(), run.size());
      filled += run.size();
    }
    return absl::OkStatus();
  }

 private:
  const std::string name_;
  uint64_t size_bytes_ = 0;
  std::vector<uint64_t> ends_;
  std::vector<absl::string_view> runs_;
};

// The storages' bytes are in the memory of the graph: the checkpoint's second
// file.
constexpr uint32_t kStorageFile = 1;

class BarePickle {
 public:
  BarePickle(const RandomAccessFile& file, const ContainerOptions& options)
      : file_(file), options_(options) {}

  absl::StatusOr<ParsedCheckpoint> Read(absl::string_view bytes);

 private:
  absl::StatusOr<NodeId> AddStorage(NodeId bytes, ObjectGraph* graph);

  const RandomAccessFile& file_;
  const ContainerOptions& options_;
  ParsedCheckpoint parsed_;
  std::unique_ptr<JoinedMemory> storage_bytes_;
  uint64_t bytes_left_ = 0;  // that storages may still be read from
};

// A storage that Python pickled is a whole legacy stream, in which such
// storages cannot be again.
absl::StatusOr<NodeId> BarePickle::AddStorage(NodeId bytes,
                                              ObjectGraph* graph) {
  if (graph->kind(bytes) != ValueKind::kBytes &&
      graph->kind(bytes) != ValueKind::kStr) {
    return kNoNode;
  }
  const absl::string_view text = graph->text(bytes);
  const std::unique_ptr<RandomAccessFile> stream =
      MakeMemoryFile(text, "a storage in it");
  if (!BeginsLegacyStream(*stream, options_)) return kNoNode;
  // Every storage has bytes of its own, unless the pickle is made to waste
  // time.
  if (text.size() > bytes_left_) {
    return absl::DataLossError("the bytes of a storage are read a second time");
  }
  bytes_left_ -= text.size();
  FERRY_ASSIGN_OR_RETURN(const ParsedCheckpoint saved,
                         ReadLegacyStream(*stream, options_));
  if (saved.graph->kind(saved.root) != ValueKind::kStorage) return kNoNode;
  parsed_.warnings.insert(parsed_.warnings.end(), saved.warnings.begin(),
                          saved.warnings.end());
  parsed_.has_other_dtypes |= saved.has_other_dtypes;
  const StorageRecord& record = saved.graph->storage(saved.root);
  ParsedCheckpoint::ParsedStorage part = *std::find_if(
      saved.storages.begin(), saved.storages.end(),
      [&record](const ParsedCheckpoint::ParsedStorage& candidate) {
        return candidate.storage == record.storage;
      });
  part.base = ParsedCheckpoint::ParsedStorage::kNoBase;
  const Extent& extent = part.extents[0];
  const uint64_t offset =
      storage_bytes_->Append(text.substr(extent.begin, extent.size_bytes));
  parsed_.extents.push_back(
      MakePlainExtent(kStorageFile, offset, extent.size_bytes));
  part.extents = {};
  parsed_.storages.push_back(std::move(part));
  return graph->AddStorage(record);
}

absl::StatusOr<ParsedCheckpoint> BarePickle::Read(absl::string_view bytes) {
  parsed_.info.container = Container::kBare;
  parsed_.info.codec = std::string(kPickleCodecName);
  parsed_.graph = std::make_shared<ObjectGraph>();
  // Most opcodes that make a node take about four bytes.
  parsed_.graph->Reserve(bytes.size() / 4, 0, bytes.size());
  StorageTable storages([](const StorageDescription&) {
    return absl::DataLossError(
        "the pickle refers to storages, but the file has none: it is only a "
        "part of a checkpoint");
  });
  TorchUnpickler hooks(&storages);
  bytes_left_ = 2 * bytes.size();
  storage_bytes_ = std::make_unique<JoinedMemory>(file_.name());
  hooks.set_storage_from_bytes([this](NodeId text, ObjectGraph* graph) {
    return AddStorage(text, graph);
  });
  const absl::StatusOr<pickle::UnpickleResult> result =
      pickle::Unpickle(bytes, options_.budget, &hooks, parsed_.graph.get());
  if (!result.ok()) {
    return absl::Status(
        result.status().code(),
        absl::StrCat(file_.name(), ": ", result.status().message()));
  }
  parsed_.root = result->root;
  parsed_.info.pickle_protocol = result->protocol;
  for (Extent& extent : parsed_.extents) extent.name = "pickle";
  AttachExtents(&parsed_);
  parsed_.more_files.push_back(std::move(storage_bytes_));
  SetRecords({{"pickle", 0, bytes.size()}}, &parsed_);
  parsed_.end_offset_bytes = bytes.size();
  return std::move(parsed_);
}

}  // namespace

absl::StatusOr<bool> IsPickleContainer(const RandomAccessFile& file,
                                       const ContainerOptions& options) {
  if (file.size_bytes() == 0) return false;
  char first = 0;
  FERRY_RETURN_IF_ERROR(file.ReadAt(0, {&first, 1}));
  if (static_cast<unsigned char>(first) == pickle::kProto) return true;
  pickle::PickleStream stream = StreamOf(file, options);
  const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
  if (absl::IsDataLoss(pickle.status())) return false;
  if (!pickle.ok()) {
    return absl::Status(
        pickle.status().code(),
        absl::StrCat(file.name(), ": ", pickle.status().message()));
  }
  return stream.bytes_left() == 0 || IsLegacyMagic(*pickle);
}

absl::StatusOr<ParsedCheckpoint> ReadPickleContainer(
    const RandomAccessFile& file, const ContainerOptions& options) {
  pickle::PickleStream stream = StreamOf(file, options);
  const absl::StatusOr<absl::string_view> pickle = stream.NextPickle();
  if (!pickle.ok()) {
    return absl::Status(
        pickle.status().code(),
        absl::StrCat(file.name(), ": ", pickle.status().message()));
  }
  if (IsLegacyMagic(*pickle)) return ReadLegacyStream(file, options);
  absl::StatusOr<ParsedCheckpoint> parsed =
      BarePickle(file, options).Read(*pickle);
  // PyTorch looks at the number alone, however the pickle comes to it.
  if (parsed.ok() && IsLegacyMagic(*parsed->graph, parsed->root)) {
    return ReadLegacyStream(file, options);
  }
  return parsed;
}

}  // namespace torch
}  // namespace v1
}  // namespace ferry
