// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/checkpoint.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ferry/core/budget.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/internal_key.h"
#include "ferry/core/memory.h"
#include "ferry/core/out_of_memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/file_range.h"
#include "ferry/serialization/class_registry.h"
#include "ferry/serialization/codec_registry.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/extent.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/detection/foreign_archive.h"
#include "ferry/serialization/detection/not_a_checkpoint.h"
#include "ferry/serialization/detection/read_container.h"
#include "ferry/serialization/torch/globals.h"
#include "ferry/serialization/torch/storage_type.h"
#include "ferry/serialization/transfer/cast_floats.h"
#include "ferry/serialization/transfer/element_alignment.h"
#include "ferry/serialization/transfer/extent_reader.h"
#include "ferry/serialization/transfer/storage_loader.h"
#include "ferry/serialization/transfer/tensor_reader.h"
#include "ferry/serialization/transfer/verify.h"
#include "ferry/serialization/zip/zip_directory.h"

namespace ferry {
inline namespace v1 {

namespace {

// Opens a file, or says what a folder is instead of one.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(
    absl::string_view path, FileMapping mapping) {
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file =
      OpenForReading(path, mapping);
  if (absl::IsInvalidArgument(file.status())) {
    FERRY_RETURN_IF_ERROR(CheckIsNoFolder(path));
  }
  return file;
}

// What `options` says is the checkpoint.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> TakeRange(
    std::unique_ptr<RandomAccessFile> file, const LoadOptions& options) {
  const bool is_to_the_end =
      options.size_bytes == std::numeric_limits<uint64_t>::max();
  if (options.offset_bytes == 0 && is_to_the_end) return file;
  return OpenRange(std::move(file), options.offset_bytes, options.size_bytes);
}

const DeviceRegistry& RegistryOf(const LoadOptions& options) {
  return options.registry != nullptr ? *options.registry
                                     : DeviceRegistry::Default();
}

absl::StatusOr<ParsedCheckpoint> Parse(const RandomAccessFile& file,
                                       const LoadOptions& options,
                                       Budget* budget) {
  const CodecRegistry& codecs = options.codec_registry != nullptr
                                    ? *options.codec_registry
                                    : CodecRegistry::Default();
  ContainerOptions container_options;
  container_options.budget = budget;
  container_options.fallback_byte_order = options.fallback_byte_order;
  container_options.verify_crc32 = options.verify_crc32;
  container_options.codec = options.codec;
  container_options.offset_bytes = options.offset_bytes;
  container_options.page_pool = options.page_pool;
  FERRY_ASSIGN_OR_RETURN(
      ParsedCheckpoint parsed,
      ReadContainer(file, container_options, codecs.Snapshot()));
  for (ObjectGraph* graph :
       {parsed.graph.get(), parsed.constants_graph.get()}) {
    if (graph != nullptr) graph->set_file_bytes(file.size_bytes());
  }
  return parsed;
}

StorageLoadOptions StorageLoadOptionsOf(const LoadOptions& options) {
  StorageLoadOptions load;
  load.keep_on_host = options.placement == Placement::kHost;
  load.map_location = &options.map_location;
  load.map_location_must_match = options.map_location_must_match;
  load.registry = &RegistryOf(options);
  load.max_tensor_bytes = options.max_tensor_bytes;
  load.verify_crc32 = options.verify_crc32;
  load.use_mapping = options.mapping != FileMapping::kNone;
  load.verify_mapped = options.verify_mapped;
  load.page_pool = options.page_pool;
  load.control = &options;
  return load;
}

// Checks what `Globals::kStrict` asks for.
absl::Status CheckStrict(const ParsedCheckpoint& parsed, absl::string_view file,
                         const LoadOptions& options) {
  if (options.globals != Globals::kStrict) return absl::OkStatus();
  if (parsed.info.kind == CheckpointKind::kTorchScript) {
    return absl::PermissionDeniedError(absl::StrCat(
        file,
        " is a TorchScript archive, whose program PyTorch compiles and runs; "
        "Globals::kStrict refuses it, as weights_only does"));
  }
  if (parsed.info.container == Container::kTar) {
    return absl::PermissionDeniedError(absl::StrCat(
        file,
        " is a tar archive of PyTorch before 0.1.10, which PyTorch unpickles "
        "without any check; Globals::kStrict refuses it, as weights_only "
        "does"));
  }
  if (parsed.has_other_dtypes) {
    return absl::PermissionDeniedError(absl::StrCat(
        file,
        " refers to one storage as two dtypes, which no PyTorch since 1.11 "
        "writes; Globals::kStrict refuses it"));
  }
  const HashSet<absl::string_view> allowed(options.allowed_globals.begin(),
                                           options.allowed_globals.end());
  return torch::CheckGlobals(*parsed.graph, file,
                             [&](absl::string_view full_name) {
                               return allowed.contains(full_name) ||
                                      (options.classes != nullptr &&
                                       options.classes->Contains(full_name));
                             });
}

}  // namespace

class Checkpoint::Impl {
 public:
  Impl(std::unique_ptr<RandomAccessFile> file, ParsedCheckpoint parsed,
       const LoadOptions& options)
      : file_(std::move(file)),
        parsed_(std::move(parsed)),
        options_(options),
        root_(parsed_.graph, parsed_.root),
        constants_(parsed_.constants_graph != nullptr
                       ? Value(parsed_.constants_graph, parsed_.constants)
                       : Value::Tuple({})),
        storage_index_(std::make_unique<StorageIndex>()) {}

  const RandomAccessFile& file() const { return *file_; }
  const ParsedCheckpoint& parsed() const { return parsed_; }
  const Value& root() const { return root_; }
  const Value& constants() const { return constants_; }

  // Those of `Checkpoint`.
  absl::StatusOr<std::string> ReadRecord(absl::string_view name) const;
  absl::StatusOr<std::vector<StoredRun>> FindRuns(const Storage& storage) const;
  absl::Status Load(absl::Span<const Storage> storages);
  absl::Status LoadAll();
  absl::Status ReadInto(absl::Span<const Destination> destinations) const;
  absl::Status ReadTensors(
      absl::Span<const TensorDestination> destinations) const;
  absl::StatusOr<std::vector<RecordVerdict>> Verify() const {
    return VerifyRecords(*file_, parsed_.records, &options_);
  }

 private:
  // Indexes of `parsed_.storages`, made by the first who asks.
  struct StorageIndex {
    absl::once_flag once;
    HashMap<Storage, uint32_t> indexes;
  };

  // Finds a storage of this checkpoint. Returns nothing for any other.
  std::optional<uint32_t> FindIndex(const Storage& storage) const;
  // The files that extents name.
  absl::InlinedVector<const RandomAccessFile*, 1> files() const;
  absl::Status LoadByIndex(absl::Span<const uint32_t> parts);
  absl::Status LoadFromFile(
      absl::Span<const ParsedCheckpoint::ParsedStorage* const> wanted);
  ExtentReadOptions ReadOptions() const;
  // Errors: kInvalidArgument - the file holds nothing of that storage.
  absl::Status CheckHasBytes(uint32_t part) const;

  const std::unique_ptr<RandomAccessFile> file_;
  ParsedCheckpoint parsed_;
  const LoadOptions options_;
  const Value root_;
  const Value constants_;
  std::unique_ptr<StorageIndex> storage_index_;
  absl::Status load_failure_;
};

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

absl::string_view Checkpoint::name() const { return impl_->file().name(); }

const CheckpointInfo& Checkpoint::info() const { return impl_->parsed().info; }

uint64_t Checkpoint::end_offset_bytes() const {
  return impl_->parsed().end_offset_bytes;
}

uint64_t Checkpoint::trailing_bytes() const {
  return impl_->file().size_bytes() - end_offset_bytes();
}

const Value& Checkpoint::root() const { return impl_->root(); }

const Value& Checkpoint::constants() const { return impl_->constants(); }

absl::Span<const std::string> Checkpoint::warnings() const {
  return impl_->parsed().warnings;
}

std::optional<uint32_t> Checkpoint::Impl::FindIndex(
    const Storage& storage) const {
  absl::call_once(storage_index_->once, [this] {
    storage_index_->indexes.reserve(parsed_.storages.size());
    for (uint32_t i = 0; i < parsed_.storages.size(); ++i) {
      storage_index_->indexes.emplace(parsed_.storages[i].storage, i);
    }
  });
  const auto found = storage_index_->indexes.find(storage);
  if (found == storage_index_->indexes.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenOrThrow(
    std::unique_ptr<RandomAccessFile> file, const LoadOptions& options) {
  if (options.mapping != FileMapping::kNone && file->mapping() == nullptr &&
      file->size_bytes() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(file->name(),
                     " cannot be mapped, because it was not opened by path; "
                     "leave LoadOptions::mapping at its default"));
  }
  if (options.mapping != FileMapping::kNone && options.dtype.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file->name(),
                     ": storages that are mapped cannot be cast; set either "
                     "LoadOptions::mapping or LoadOptions::dtype"));
  }
  FERRY_ASSIGN_OR_RETURN(file, TakeRange(std::move(file), options));
  Budget budget(options.budget, file->size_bytes(), options.is_cancelled);
  FERRY_ASSIGN_OR_RETURN(ParsedCheckpoint parsed,
                         Parse(*file, options, &budget));
  FERRY_RETURN_IF_ERROR(CheckStrict(parsed, file->name(), options));
  if (options.dtype.has_value()) {
    FERRY_RETURN_IF_ERROR(CastFloats(
        *options.dtype, !torch::StorageClassOf(*options.dtype).has_value(),
        file->name(), &parsed));
  }
  if (options.mapping != FileMapping::kNone) SetElementAlignments(&parsed);
  return Checkpoint(
      std::make_unique<Impl>(std::move(file), std::move(parsed), options));
}

absl::StatusOr<Checkpoint> Checkpoint::Open(absl::string_view path,
                                            const LoadOptions& options) {
  return CatchOutOfMemory([&]() -> absl::StatusOr<Checkpoint> {
    FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                           OpenFile(path, options.mapping));
    return OpenOrThrow(std::move(file), options);
  });
}

absl::StatusOr<Checkpoint> Checkpoint::Open(
    std::unique_ptr<RandomAccessFile> file, const LoadOptions& options) {
  return CatchOutOfMemory(
      [&] { return OpenOrThrow(std::move(file), options); });
}

absl::StatusOr<Checkpoint> Checkpoint::OpenMemory(absl::string_view bytes,
                                                  const LoadOptions& options) {
  return CatchOutOfMemory(
      [&] { return OpenOrThrow(MakeMemoryFile(bytes, "<memory>"), options); });
}

absl::StatusOr<std::string> Checkpoint::Impl::ReadRecord(
    absl::string_view name) const {
  if (!parsed_.find_record) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_->name(), " is not a zip archive"));
  }
  const std::string prefix = parsed_.info.archive_name.empty()
                                 ? ""
                                 : absl::StrCat(parsed_.info.archive_name, "/");
  const Extent* const record = parsed_.find_record(absl::StrCat(prefix, name));
  if (record == nullptr) {
    NearNames near(name);
    for (const Extent& other : parsed_.records) {
      near.Consider(absl::StripPrefix(other.name, prefix));
    }
    return absl::NotFoundError(
        absl::StrCat(file_->name(), ": there is no record ",
                     QuoteForMessage(name), near.Question()));
  }
  BudgetOptions budget = options_.budget;
  budget.held_memory_bytes += root_.graph()->memory_bytes();
  budget.held_memory_bytes += constants_.graph()->memory_bytes();
  const absl::Status fits =
      Budget(budget, file_->size_bytes()).ChargeMemory(record->contents_bytes);
  if (!fits.ok()) {
    return ExtentError(fits.code(), *file_, *record, fits.message());
  }
  if (!CanHaveItsSize(*record)) {
    return ExtentError(
        absl::StatusCode::kDataLoss, *file_, *record,
        "its compressed data is too short to inflate to its recorded size");
  }
  return ReadExtent(*file_, *record, options_.verify_crc32);
}

absl::InlinedVector<const RandomAccessFile*, 1> Checkpoint::Impl::files()
    const {
  absl::InlinedVector<const RandomAccessFile*, 1> files = {file_.get()};
  for (const std::unique_ptr<RandomAccessFile>& file : parsed_.more_files) {
    files.push_back(file.get());
  }
  return files;
}

std::vector<Storage> Checkpoint::storages() const {
  const auto& parts = impl_->parsed().storages;
  std::vector<Storage> storages;
  storages.reserve(parts.size());
  for (const ParsedCheckpoint::ParsedStorage& part : parts) {
    storages.push_back(part.storage);
  }
  return storages;
}

absl::StatusOr<std::vector<Checkpoint::StoredRun>> Checkpoint::Impl::FindRuns(
    const Storage& storage) const {
  const std::optional<uint32_t> part = FindIndex(storage);
  if (!part) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_->name(), ": the storage does not belong to this checkpoint"));
  }
  std::vector<StoredRun> runs;
  for (const Extent& extent : parsed_.storages[*part].extents) {
    const RandomAccessFile& file =
        extent.file == 0 ? *file_ : *parsed_.more_files[extent.file - 1];
    StoredRun& run = runs.emplace_back();
    run.file = file.name();
    FERRY_ASSIGN_OR_RETURN(run.offset_bytes, FindContents(file, extent));
    run.encoded_bytes = extent.encoded_bytes;
    run.encoding = extent.encoding;
    run.storage_offset_bytes = extent.storage_offset_bytes;
    run.size_bytes = extent.size_bytes;
  }
  return runs;
}

absl::Status Checkpoint::Impl::LoadAll() {
  std::vector<uint32_t> parts(parsed_.storages.size());
  std::iota(parts.begin(), parts.end(), 0);
  return LoadByIndex(parts);
}

absl::Status Checkpoint::Impl::Load(absl::Span<const Storage> storages) {
  std::vector<uint32_t> parts;
  parts.reserve(storages.size());
  for (const Storage& storage : storages) {
    const std::optional<uint32_t> part = FindIndex(storage);
    if (!part) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_->name(), ": the storage does not belong to this checkpoint"));
    }
    parts.push_back(*part);
  }
  // Each once, in the order of first reference.
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return LoadByIndex(parts);
}

absl::Status Checkpoint::Impl::LoadByIndex(absl::Span<const uint32_t> parts) {
  using ParsedStorage = ParsedCheckpoint::ParsedStorage;
  std::vector<const ParsedStorage*> wanted;
  wanted.reserve(parts.size());
  std::vector<ParsedStorage*> views;  // of other storages
  const auto want = [&](uint32_t i) {
    ParsedStorage& part = parsed_.storages[i];
    if (part.storage.has_data()) return;
    if (part.base == ParsedStorage::kNoBase) {
      wanted.push_back(&part);
    } else {
      views.push_back(&part);
    }
  };
  for (uint32_t i : parts) want(i);
  if (views.empty()) return LoadFromFile(wanted);

  std::vector<uint32_t> bases;
  bases.reserve(views.size() + wanted.size());
  for (const ParsedStorage* part : views) bases.push_back(part->base);
  for (const ParsedStorage* part : wanted) {
    bases.push_back(static_cast<uint32_t>(part - parsed_.storages.data()));
  }
  std::sort(bases.begin(), bases.end());
  bases.erase(std::unique(bases.begin(), bases.end()), bases.end());
  wanted.clear();
  for (uint32_t i : bases) want(i);
  FERRY_RETURN_IF_ERROR(LoadFromFile(wanted));
  wanted.clear();
  for (const ParsedStorage* part : views) {
    const ParsedStorage& base = parsed_.storages[part->base];
    // Elsewhere than on the host there are no addresses to count from.
    if (!base.storage.device().is_cpu()) {
      wanted.push_back(part);
      continue;
    }
    Memory memory = base.storage.memory();
    if (memory.data != nullptr) {
      memory.data = static_cast<char*>(memory.data) + part->base_offset_bytes;
    }
    part->storage.Materialize(base.storage.device(), std::move(memory),
                              InternalKey());
    part->storage.set_recorded_location(base.storage.recorded_location());
  }
  return LoadFromFile(wanted);
}

absl::Status Checkpoint::Impl::LoadFromFile(
    absl::Span<const ParsedCheckpoint::ParsedStorage* const> wanted) {
  FERRY_RETURN_IF_ERROR(load_failure_);
  // Once storages are loaded, nothing more may fail.
  auto new_index = std::make_unique<StorageIndex>();
  const absl::StatusOr<HashMap<Storage, Storage>> replacements =
      CatchOutOfMemory([&] {
        return LoadStorages(files(), wanted, StorageLoadOptionsOf(options_));
      });
  if (!replacements.ok()) {
    // These storages are on the host but did not reach their device. Fail all
    // later calls, so that none of them passes for loaded.
    for (const ParsedCheckpoint::ParsedStorage* part : wanted) {
      if (part->storage.has_data()) load_failure_ = replacements.status();
    }
    return replacements.status();
  }
  if (replacements->empty()) return absl::OkStatus();
  for (ParsedCheckpoint::ParsedStorage& part : parsed_.storages) {
    const auto found = replacements->find(part.storage);
    if (found != replacements->end()) part.storage = found->second;
  }
  storage_index_ = std::move(new_index);
  parsed_.graph->ReplaceStorages(*replacements);
  constants_.graph()->ReplaceStorages(*replacements);
  return absl::OkStatus();
}

absl::Status Checkpoint::Impl::CheckHasBytes(uint32_t part) const {
  const ParsedCheckpoint::ParsedStorage& asked = parsed_.storages[part];
  if (!asked.extents.empty() || asked.storage.size_bytes() == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(file_->name(), ": the file holds no bytes for a storage of ",
                   asked.storage.size_bytes(), " bytes on ",
                   asked.storage.device().ToString()));
}

absl::Status Checkpoint::Impl::ReadInto(
    absl::Span<const Destination> destinations) const {
  std::vector<ExtentRead> reads;
  reads.reserve(destinations.size());
  for (const Destination& destination : destinations) {
    const std::optional<uint32_t> part = FindIndex(destination.storage);
    if (!part) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_->name(), ": the storage does not belong to this checkpoint"));
    }
    FERRY_RETURN_IF_ERROR(CheckHasBytes(*part));
    const uint64_t size_bytes = destination.storage.size_bytes();
    if (destination.memory.size() != size_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_->name(), ": a storage has ", size_bytes,
                       " bytes, but the memory given for it has ",
                       destination.memory.size()));
    }
    const auto& cast = parsed_.storages[*part].cast;
    for (const Extent& extent : parsed_.storages[*part].extents) {
      ExtentRead& read = reads.emplace_back();
      read.extent = &extent;
      if (cast.has_value()) {
        read.consume = MakeCastConsumer(
            *cast, *files()[extent.file], extent,
            /*backend=*/nullptr, Memory{destination.memory.data(), nullptr});
      } else if (size_bytes != 0) {
        read.host = destination.memory.data() + extent.storage_offset_bytes;
      }
    }
  }
  return ReadExtents(files(), reads, ReadOptions());
}

absl::Status Checkpoint::Impl::ReadTensors(
    absl::Span<const TensorDestination> destinations) const {
  std::vector<TensorRead> reads;
  reads.reserve(destinations.size());
  for (const TensorDestination& destination : destinations) {
    const std::string difference =
        DescribeMismatch(destination.from, destination.to, destination.cast);
    if (!difference.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_->name(), ": ", difference));
    }
    const std::optional<uint32_t> part = FindIndex(destination.from.storage());
    if (!part) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_->name(), ": the tensor does not belong to this checkpoint"));
    }
    FERRY_RETURN_IF_ERROR(CheckHasBytes(*part));
    const ParsedCheckpoint::ParsedStorage& stored = parsed_.storages[*part];
    Tensor from = destination.from;
    if (stored.cast.has_value()) {
      FERRY_ASSIGN_OR_RETURN(
          from,
          Tensor::Create(stored.cast->stored, stored.cast->from, from.shape(),
                         from.strides(), from.storage_offset()));
      from.set_neg(destination.from.is_neg(), InternalKey());
    }
    reads.push_back({std::move(from), stored.extents, destination.to});
  }
  return ferry::ReadTensors(files(), reads, RegistryOf(options_).Snapshot(),
                            ReadOptions());
}

ExtentReadOptions Checkpoint::Impl::ReadOptions() const {
  ExtentReadOptions read_options;
  read_options.verify_crc32 = options_.verify_crc32;
  read_options.control = &options_;
  return read_options;
}

absl::StatusOr<std::vector<RecordVerdict>> Checkpoint::Verify() const {
  return CatchOutOfMemory([&] { return impl_->Verify(); });
}

absl::StatusOr<std::string> Checkpoint::ReadRecord(
    absl::string_view name) const {
  return CatchOutOfMemory([&] { return impl_->ReadRecord(name); });
}

absl::StatusOr<std::vector<Checkpoint::StoredRun>> Checkpoint::FindRuns(
    const Storage& storage) const {
  return CatchOutOfMemory([&] { return impl_->FindRuns(storage); });
}

absl::Status Checkpoint::Load(absl::Span<const Storage> storages) {
  return CatchOutOfMemory([&] { return impl_->Load(storages); });
}

absl::Status Checkpoint::LoadAll() {
  return CatchOutOfMemory([&] { return impl_->LoadAll(); });
}

absl::Status Checkpoint::ReadInto(
    absl::Span<const Destination> destinations) const {
  return CatchOutOfMemory([&] { return impl_->ReadInto(destinations); });
}

absl::Status Checkpoint::ReadTensors(
    absl::Span<const TensorDestination> destinations) const {
  return CatchOutOfMemory([&] { return impl_->ReadTensors(destinations); });
}

Checkpoint::FileVerdict::Outcome Checkpoint::FileVerdict::outcome() const {
  if (IsNotACheckpoint(opens)) return Outcome::kNotACheckpoint;
  const bool has_corrupt =
      std::any_of(records.begin(), records.end(), [](const RecordVerdict& r) {
        return r.outcome == RecordVerdict::kCorrupt;
      });
  if (has_corrupt || absl::IsDataLoss(opens)) return Outcome::kDamaged;
  return opens.ok() ? Outcome::kUndamaged : Outcome::kUnknown;
}

absl::StatusOr<Checkpoint::FileVerdict> Checkpoint::VerifyFile(
    absl::string_view path, const LoadOptions& options) {
  return CatchOutOfMemory([&]() -> absl::StatusOr<FileVerdict> {
    FERRY_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file,
                           OpenFile(path, FileMapping::kNone));
    return VerifyOrThrow(std::move(file), options);
  });
}

absl::StatusOr<Checkpoint::FileVerdict> Checkpoint::VerifyFile(
    std::unique_ptr<RandomAccessFile> file, const LoadOptions& options) {
  return CatchOutOfMemory(
      [&] { return VerifyOrThrow(std::move(file), options); });
}

absl::StatusOr<Checkpoint::FileVerdict> Checkpoint::VerifyOrThrow(
    std::unique_ptr<RandomAccessFile> file, const LoadOptions& options) {
  FERRY_ASSIGN_OR_RETURN(file, TakeRange(std::move(file), options));
  FileVerdict verdict;
  Budget budget(options.budget, file->size_bytes(), options.is_cancelled);
  absl::StatusOr<ParsedCheckpoint> parsed = Parse(*file, options, &budget);
  verdict.opens = parsed.status();
  if (absl::IsCancelled(verdict.opens)) return verdict.opens;
  if (parsed.ok()) {
    verdict.codec = parsed->info.codec;
    verdict.opens = CheckStrict(*parsed, file->name(), options);
    FERRY_ASSIGN_OR_RETURN(verdict.records,
                           VerifyRecords(*file, parsed->records, &options));
    verdict.end_offset_bytes = parsed->end_offset_bytes;
    verdict.trailing_bytes = file->size_bytes() - parsed->end_offset_bytes;
    verdict.warnings = std::move(parsed->warnings);
    return verdict;
  }
  if (IsNotACheckpoint(verdict.opens)) return verdict;
  const absl::StatusOr<zip::ZipDirectory> directory =
      zip::ZipDirectory::Read(*file, &budget);
  if (directory.ok()) {
    FERRY_ASSIGN_OR_RETURN(
        verdict.records, VerifyRecords(*file, directory->entries(), &options));
  }
  return verdict;
}

}  // namespace v1
}  // namespace ferry
