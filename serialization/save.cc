// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/save.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/budget.h"
#include "ferry/core/dtype.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/core/text.h"
#include "ferry/core/utf8.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/codec.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/storage_table.h"
#include "ferry/serialization/detection/file_suffix.h"
#include "ferry/serialization/pickle/pickler.h"
#include "ferry/serialization/safetensors/safetensors_writer.h"
#include "ferry/serialization/torch/legacy_writer.h"
#include "ferry/serialization/torch/persistent_ids.h"
#include "ferry/serialization/torch/pickle_codec.h"
#include "ferry/serialization/torch/torch_pickler.h"
#include "ferry/serialization/torch/zip_records.h"
#include "ferry/serialization/transfer/map_location.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/zip/archive_writer.h"
#include "ferry/value/object_graph.h"

namespace ferry {
inline namespace v1 {
namespace {

// A field of 16 bits holds the padding.
constexpr uint64_t kMaxAlignment = 32768;

// The longest name that a file can have. PyTorch truncates the names of records
// to 511 bytes.
constexpr size_t kMaxArchiveNameBytes = 255;

// Whether records can have it as their folder: PyTorch takes what is before the
// first slash, and nobody reads names that lead elsewhere.
bool IsArchiveName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.size() <= kMaxArchiveNameBytes && IsUnicode(name) &&
         name.find_first_of(absl::string_view("/\\\0", 3)) ==
             absl::string_view::npos;
}

// As PyTorch names the archive after the file (inline_container.cc,
// PyTorchStreamWriter): without folders and the last extension.
std::string ArchiveName(absl::string_view path, Compatibility compatibility) {
  const size_t slash = path.find_last_of("/\\");
  absl::string_view name =
      slash == absl::string_view::npos ? path : path.substr(slash + 1);
  name = name.substr(0, name.find_last_of('.'));
  // Since 2.0 Python opens paths that are not ASCII, and the archive's writer
  // knows no name.
  const bool is_known =
      compatibility == Compatibility::kTorch1_6 ||
      std::all_of(path.begin(), path.end(), [](char c) {
        return absl::ascii_isascii(static_cast<unsigned char>(c));
      });
  return IsArchiveName(name) && is_known ? std::string(name) : "archive";
}

// Checks that the suffix of the file's name is not that of another format,
// since programs choose by it how to read the file.
absl::Status CheckSuffix(absl::string_view path, Container container) {
  const bool is_safetensors = container == Container::kSafetensors;
  absl::string_view format = ForeignFormatOfSuffix(path);
  if (is_safetensors && HasPyTorchSuffix(path)) format = "PyTorch";
  if (!is_safetensors && HasSafetensorsSuffix(path)) format = "safetensors";
  if (format.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": the container is ", Name(container),
                   ", but the suffix of the name is that of ", format,
                   " files. Choose another name or another container"));
}

CodecSnapshot Codecs(const SaveOptions& options) {
  return options.codec_registry != nullptr
             ? options.codec_registry->Snapshot()
             : CodecRegistry::Default().Snapshot();
}

// Checks that the codec is registered and suits the container.
absl::Status CheckCodec(const SaveOptions& options) {
  if (options.codec.empty()) return absl::OkStatus();
  FERRY_RETURN_IF_ERROR(Codecs(options).FindByName(options.codec).status());
  if (options.container == Container::kSafetensors) {
    return absl::InvalidArgumentError(
        absl::StrCat("the safetensors container has no codec, but "
                     "SaveOptions::codec asks for \"",
                     options.codec, "\". Leave the option empty"));
  }
  if (options.container == Container::kLegacy &&
      options.codec != kPickleCodecName) {
    return absl::InvalidArgumentError(
        absl::StrCat("the legacy container is always written by the codec \"",
                     kPickleCodecName, "\", but SaveOptions::codec asks for \"",
                     options.codec, "\", which needs the zip container"));
  }
  return absl::OkStatus();
}

// The tag to write instead of `tag`.
absl::StatusOr<std::string> MapTag(const std::string& tag,
                                   const MapLocation& map_location) {
  const absl::string_view mapped = map_location.MapTag(tag);
  if (mapped.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "SaveOptions::map_location maps the location ", QuoteForMessage(tag),
        " to an empty one, which no reader could restore"));
  }
  return std::string(mapped);
}

absl::Status CheckOptions(const SaveOptions& options) {
  if (options.container != Container::kSafetensors &&
      options.map_location.mapper() != nullptr) {
    return absl::InvalidArgumentError(
        "SaveOptions::map_location cannot be a function, because a save only "
        "writes the names of locations; use MapLocation::To or "
        "MapLocation::Table");
  }
  if (options.container == Container::kTar ||
      options.container == Container::kBare) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", Name(options.container),
                     " container can be read but not written; choose zip, "
                     "legacy or safetensors"));
  }
  if (options.pickle_protocol < 0 || options.pickle_protocol > 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("pickle protocol ", options.pickle_protocol,
                     " cannot be written; choose 0 to 5"));
  }
  if (options.storage_alignment < 1 ||
      options.storage_alignment > kMaxAlignment) {
    return absl::InvalidArgumentError(absl::StrCat(
        "storages cannot be aligned to ", options.storage_alignment,
        " bytes; choose 1 to ", kMaxAlignment));
  }
  if (!options.archive_name.empty() && !IsArchiveName(options.archive_name)) {
    return absl::InvalidArgumentError(
        absl::StrCat(QuoteForMessage(options.archive_name),
                     " cannot be the name of an archive: it must be UTF-8 of "
                     "at most ",
                     kMaxArchiveNameBytes,
                     " bytes without a slash, backslash or NUL, and not \".\" "
                     "or \"..\""));
  }
  return CheckCodec(options);
}

// The memory of a graph and of its storages. On the host storages may share
// memory; elsewhere a handle is opaque, and only the storage is known.
uint64_t StoredBytes(const ObjectGraph& graph) {
  std::vector<std::pair<uintptr_t, uintptr_t>> areas;  // begin and end
  areas.reserve(graph.storages().size() + graph.tensors().size());
  HashSet<const void*> elsewhere;
  uint64_t stored_bytes = graph.memory_bytes();
  const auto add = [&](const Storage& storage) {
    // A meta storage has any size and no memory.
    if (storage.is_null() || storage.data() == nullptr) return;
    if (storage.device().is_cpu()) {
      const auto begin = reinterpret_cast<uintptr_t>(storage.data());
      areas.emplace_back(begin, begin + storage.size_bytes());
    } else if (elsewhere.insert(storage.identity()).second) {
      stored_bytes += storage.size_bytes();
    }
  };
  for (const StorageRecord& record : graph.storages()) add(record.storage);
  for (const Tensor& tensor : graph.tensors()) {
    if (tensor.is_null()) continue;
    add(tensor.storage());
    for (const Tensor& part : tensor.components()) {
      if (!part.is_null()) add(part.storage());
    }
  }
  if (!std::is_sorted(areas.begin(), areas.end())) {
    std::sort(areas.begin(), areas.end());
  }
  uintptr_t counted_to = 0;
  for (const auto& [begin, end] : areas) {
    if (end <= counted_to) continue;
    stored_bytes += end - std::max(begin, counted_to);
    counted_to = end;
  }
  return stored_bytes;
}

// The limits of a save, and the bytes that their defaults are in proportion to.
struct Limits {
  BudgetOptions options;
  uint64_t stored_bytes;
};

Limits LimitsOf(const SaveOptions& options, const ObjectGraph& graph) {
  Limits limits = {options.budget, StoredBytes(graph)};
  if (!options.source_bytes.has_value()) return limits;
  const uint64_t once_bytes =
      std::exchange(limits.stored_bytes, *options.source_bytes);
  if (!limits.options.max_output_bytes.has_value()) {
    uint64_t most = Budget::DefaultOutputBytes(limits.stored_bytes);
    if (__builtin_add_overflow(most, once_bytes, &most)) {
      most = std::numeric_limits<uint64_t>::max();
    }
    limits.options.max_output_bytes = most;
  }
  return limits;
}

absl::Status SaveTo(const Value& value, const std::string& archive_name,
                    const SaveOptions& options, const Output& output) {
  const DeviceRegistry& registry = options.registry != nullptr
                                       ? *options.registry
                                       : DeviceRegistry::Default();
  const DeviceSnapshot devices = registry.Snapshot();
  const Limits limits = LimitsOf(options, *value.graph());
  Budget budget(limits.options, limits.stored_bytes, options.is_cancelled);
  if (options.container == Container::kSafetensors) {
    safetensors::WriteOptions write_options;
    write_options.metadata = options.metadata;
    write_options.copy_shared = options.copy_shared;
    write_options.budget = &budget;
    write_options.control = &options;
    return safetensors::WriteSafetensors(value, devices, write_options, output);
  }
  DeviceSnapshot::TagCache tags;
  StorageTable storages([&devices, &tags, &options](const Storage& storage)
                            -> absl::StatusOr<std::string> {
    if (!storage.has_data() && storage.size_bytes() != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a storage of ", storage.size_bytes(), " bytes: ", kBytesNotRead));
    }
    std::string tag = storage.recorded_location();
    if (tag.empty()) {
      FERRY_ASSIGN_OR_RETURN(tag, devices.LocationTag(storage, &tags));
    }
    return MapTag(tag, options.map_location);
  });
  // Of a value that a program made only the tensors are known. Where the value
  // is a part of its graph this is too many, at about 80 bytes for each.
  storages.ReserveAdded(std::max(value.graph()->storages().size(),
                                 value.graph()->tensors().size()));
  if (options.container == Container::kLegacy) {
    torch::TorchPickler hooks(&storages, torch::PersistentIds::kStream);
    pickle::Pickler pickler(*value.graph(), options.pickle_protocol, &hooks,
                            &budget);
    FERRY_RETURN_IF_ERROR(pickler.Dump(value.node()));
    FERRY_RETURN_IF_ERROR(hooks.CheckReadsBack(pickler.bytes()));
    torch::LegacyContents contents;
    contents.pickle_protocol = options.pickle_protocol;
    contents.objects = pickler.bytes();
    for (size_t i = 0; i < storages.entries().size(); ++i) {
      const StorageEntry& entry = storages.entries()[i];
      contents.storages.push_back(
          {hooks.key(i), entry.storage, ElementSizeBytes(entry.dtype)});
    }
    return torch::WriteLegacyStream(std::move(contents), devices, &budget,
                                    &options, output);
  }
  // The registered codec "pickle" does not know the protocol.
  const torch::PickleCodec pickle(torch::PersistentIds::kArchive,
                                  options.pickle_protocol, &budget);
  const CodecSnapshot codecs = Codecs(options);
  const Codec* codec = &pickle;
  if (!options.codec.empty() && options.codec != pickle.name()) {
    FERRY_ASSIGN_OR_RETURN(codec, codecs.FindByName(options.codec));
  }
  FERRY_ASSIGN_OR_RETURN(const LargeString graph,
                         codec->Write(*value.graph(), value.node(), &storages));
  zip::ArchiveOptions archive_options;
  archive_options.alignment_bytes = options.storage_alignment;
  archive_options.compute_crc32 = options.compute_crc32;
  archive_options.ends_with_id =
      options.compatibility != Compatibility::kTorch1_6;
  archive_options.budget = &budget;
  archive_options.control = &options;
  const torch::ZipRecords records(
      absl::StrCat("data.", codec->suffix()), graph, storages.entries(),
      archive_name, {options.compatibility, options.storage_alignment});
  return zip::WriteArchive(records.records(), devices, archive_options, output);
}

// Both may throw std::bad_alloc.

absl::Status SaveFile(const Value& value, absl::string_view path,
                      const SaveOptions& options) {
  FERRY_RETURN_IF_ERROR(CheckOptions(options));
  FERRY_RETURN_IF_ERROR(CheckSuffix(path, options.container));
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file,
                         AtomicFile::Create(path, options.durability));
  const std::string archive_name =
      options.archive_name.empty() ? ArchiveName(path, options.compatibility)
                                   : options.archive_name;
  FERRY_RETURN_IF_ERROR(
      SaveTo(value, archive_name, options, Output(file.get(), path)));
  if (options.is_cancelled && options.is_cancelled()) {
    return absl::CancelledError(absl::StrCat(path, ": the save is cancelled"));
  }
  return file->Commit();
}

absl::Status SaveToSink(const Value& value, ByteSink& sink,
                        const SaveOptions& options) {
  FERRY_RETURN_IF_ERROR(CheckOptions(options));
  const std::string archive_name =
      options.archive_name.empty() ? "archive" : options.archive_name;
  FERRY_RETURN_IF_ERROR(SaveTo(value, archive_name, options, Output(&sink)));
  return sink.Flush();
}

}  // namespace

absl::Status Save(const Value& value, absl::string_view path,
                  const SaveOptions& options) {
  return CatchOutOfMemory([&] { return SaveFile(value, path, options); });
}

absl::Status Save(const Value& value, ByteSink& sink,
                  const SaveOptions& options) {
  return CatchOutOfMemory([&] { return SaveToSink(value, sink, options); });
}

}  // namespace v1
}  // namespace ferry
