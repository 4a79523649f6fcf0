// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/core/text.h"
#include "ferry/devices/device_registry.h"
#include "ferry/devices/location_tag.h"
#include "ferry/devices/placement.h"

namespace ferry {
inline namespace v1 {
namespace {

absl::StatusOr<ResolvedLocation> Locate(std::shared_ptr<Backend> backend,
                                        int index, absl::string_view tag) {
  const absl::StatusOr<int> checked = CheckDeviceIndex(
      *backend, index, absl::StrCat("location tag ", QuoteForMessage(tag)));
  if (!checked.ok()) {
    return absl::Status(
        checked.status().code(),
        absl::StrCat(checked.status().message(), kMapLocationAdvice));
  }
  ResolvedLocation location;
  location.index = *checked;
  location.device = DeviceAt(*backend, location.index);
  location.backend = std::move(backend);
  return location;
}

absl::Status CheckOnHost(const Storage& storage) {
  FERRY_RETURN_IF_ERROR(CheckRange(storage, 0, 0));
  if (!storage.device().is_cpu()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "RestoreLocation needs a storage on the host; this one is on ",
        storage.device().ToString()));
  }
  return absl::OkStatus();
}

// Puts a host storage on the device of a backend.
absl::StatusOr<Storage> Put(const Storage& storage,
                            const ResolvedLocation& location) {
  Backend& backend = *location.backend;
  if (backend.is_host_memory()) {
    if (storage.device() == location.device) return storage;
    return Storage::FromMemory(location.device, storage.memory(),
                               storage.size_bytes());
  }
  FERRY_ASSIGN_OR_RETURN(Storage placed, AllocateOn(backend, location.index,
                                                    storage.size_bytes()));
  if (backend.has_bytes() && storage.size_bytes() != 0) {
    FERRY_RETURN_IF_ERROR(backend.CopyFromHost(storage.data(), placed.memory(),
                                               0, storage.size_bytes()));
  }
  return placed;
}

// Copies all bytes of a host storage to a storage that a package allocated.
absl::Status Fill(const LoadTarget& target, const Storage& from) {
  const uint64_t size_bytes = from.size_bytes();
  if (size_bytes == 0) return absl::OkStatus();
  const Storage& to = target.storage;
  to.version().fetch_add(1, std::memory_order_relaxed);
  if (to.device().is_cpu()) {
    std::memcpy(to.data(), from.data(), size_bytes);
    return absl::OkStatus();
  }
  return target.location.backend->CopyFromHost(from.data(), to.memory(), 0,
                                               size_bytes);
}

absl::Status AllocatedTwice(absl::string_view tag) {
  return absl::InternalError(
      absl::StrCat("the allocator that took location tag ",
                   QuoteForMessage(tag), " returned one storage twice"));
}

// Checks what a function of a program's own package returned.
//
//   function  the kind of function, for messages.
absl::Status CheckReturned(const Storage& returned, uint64_t size_bytes,
                           absl::string_view tag, absl::string_view function) {
  const auto broken = [&](absl::string_view what) {
    return absl::InternalError(absl::StrCat("the ", function,
                                            " that took location tag ",
                                            QuoteForMessage(tag), " ", what));
  };
  if (returned.is_null() || !returned.has_data()) {
    return broken("returned a storage without data");
  }
  if (returned.size_bytes() != size_bytes) {
    return broken(absl::StrCat("was given ", size_bytes, " bytes and returned ",
                               returned.size_bytes()));
  }
  return absl::OkStatus();
}

std::string Listed(const std::vector<std::string>& types) {
  return types.empty() ? "none" : absl::StrJoin(types, ", ");
}

}  // namespace

std::string DeviceSnapshot::DescribeTypes() const {
  const auto write = [](std::string* out, const Disabled& disabled) {
    absl::StrAppend(out, disabled.name, " (", disabled.reason, ")");
  };
  return absl::StrCat("registered device types: ", Listed(types()),
                      disabled_->empty() ? "" : "; disabled plugins: ",
                      absl::StrJoin(*disabled_, ", ", write),
                      "; register a backend or load a plugin for it");
}

absl::Status DeviceSnapshot::UnknownTag(absl::string_view tag) const {
  return absl::InvalidArgumentError(absl::StrCat(
      "no registered package knows the location tag ", QuoteForMessage(tag),
      DescribeWithheld(tag), "; ", DescribeTypes(), kMapLocationAdvice));
}

std::optional<DeviceSnapshot::Claim> DeviceSnapshot::FindClaim(
    const Storage& storage) const {
  const Device& device = storage.device();
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend != nullptr) {
      if (package->type != device.type()) continue;
      return Claim{package.get(), ""};
    }
    if (!package->functions.tagger) continue;
    std::optional<std::string> tag = package->functions.tagger(storage);
    if (tag.has_value() && !tag->empty()) {
      return Claim{package.get(), *std::move(tag)};
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::string> DeviceSnapshot::LocationTag(const Storage& storage,
                                                        TagCache* cache) const {
  FERRY_RETURN_IF_ERROR(CheckRange(storage, 0, 0));
  std::optional<Claim> claim = FindClaim(storage);
  if (claim.has_value() && claim->package->backend == nullptr) {
    return std::move(claim->tag);
  }
  if (claim.has_value()) {
    const Device& device = storage.device();
    if (cache != nullptr) {
      const auto known = cache->find(device);
      if (known != cache->end()) return known->second;
    }
    FERRY_ASSIGN_OR_RETURN(
        SavedTag saved,
        TagOf(*claim->package, device.has_index() ? device.index() : 0));
    if (cache != nullptr) cache->emplace(device, saved.tag);
    return std::move(saved.tag);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no registered package knows a storage on ", storage.device().ToString(),
      ", so it has no location tag; ", DescribeTypes()));
}

absl::StatusOr<StorageCopier> DeviceSnapshot::FindCopier(
    const Storage& storage, uint64_t offset_bytes, uint64_t size_bytes) const {
  FERRY_RETURN_IF_ERROR(CheckRange(storage, offset_bytes, size_bytes));
  const Device& device = storage.device();
  StorageCopier copier;
  copier.backend = FindBackend(device.type()).get();
  if (copier.backend != nullptr && copier.backend->is_host_memory()) {
    return copier;
  }
  std::optional<Claim> claim = FindClaim(storage);
  if (claim.has_value() && claim->package->functions.to_host) {
    copier.backend = nullptr;
    copier.to_host = &claim->package->functions.to_host;
    copier.tag = std::move(claim->tag);
    return copier;
  }
  if (copier.backend == nullptr) {
    return absl::UnavailableError(absl::StrCat(
        "a storage is on ", device.ToString(),
        ", but no backend of that type is registered to copy its bytes; ",
        claim.has_value()
            ? absl::StrCat("give the package of its location tag ",
                           QuoteForMessage(claim->tag),
                           " a function that copies them to the host")
            : "register a backend, or a package that claims such storages and "
              "copies them to the host",
        " (DeviceRegistry::RegisterPackage)"));
  }
  if (!copier.backend->has_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a storage on ", device.ToString(), " has no bytes to copy"));
  }
  return copier;
}

absl::StatusOr<Storage> DeviceSnapshot::RestoreLocation(
    const Storage& storage, absl::string_view tag,
    HashSet<Storage>* allocated) const {
  FERRY_RETURN_IF_ERROR(CheckOnHost(storage));
  const std::optional<ParsedTag> parsed = ParseTag(tag);
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend != nullptr) {
      FERRY_ASSIGN_OR_RETURN(const std::optional<int> index,
                             IndexIn(*package, tag, parsed));
      if (!index.has_value()) continue;
      FERRY_ASSIGN_OR_RETURN(const ResolvedLocation location,
                             Locate(package->backend, *index, tag));
      return Put(storage, location);
    }
    const PackageFunctions& functions = package->functions;
    if (functions.deserializer) {
      FERRY_ASSIGN_OR_RETURN(std::optional<Storage> restored,
                             functions.deserializer(storage, tag));
      if (restored.has_value()) {
        FERRY_RETURN_IF_ERROR(CheckReturned(*restored, storage.size_bytes(),
                                            tag, "deserializer"));
        return *std::move(restored);
      }
    }
    FERRY_ASSIGN_OR_RETURN(LoadTarget target,
                           AllocateBy(*package, storage.size_bytes(), tag));
    if (target.storage.is_null()) continue;
    if (allocated != nullptr && storage.size_bytes() != 0 &&
        !allocated->insert(target.storage).second) {
      return AllocatedTwice(tag);
    }
    FERRY_RETURN_IF_ERROR(Fill(target, storage));
    return std::move(target.storage);
  }
  return UnknownTag(tag);
}

absl::StatusOr<LoadTarget> DeviceSnapshot::AllocateBy(
    const Package& package, uint64_t size_bytes, absl::string_view tag) const {
  LoadTarget target;
  if (!package.functions.allocate) return target;
  FERRY_ASSIGN_OR_RETURN(std::optional<Storage> allocated,
                         package.functions.allocate(size_bytes, tag));
  if (!allocated.has_value()) return target;
  FERRY_RETURN_IF_ERROR(
      CheckReturned(*allocated, size_bytes, tag, "allocator"));
  const Device& device = allocated->device();
  target.location.device = device;
  target.location.index = device.has_index() ? device.index() : 0;
  target.location.backend = FindBackend(device.type());
  const bool is_writable =
      device.is_cpu() || (target.location.backend != nullptr &&
                          target.location.backend->has_bytes());
  if (!is_writable ||
      (size_bytes != 0 && allocated->memory().data == nullptr)) {
    return absl::InternalError(absl::StrCat(
        "the allocator that took location tag ", QuoteForMessage(tag),
        " returned a storage on ", device.ToString(),
        is_writable ? " without memory"
                    : ", to which no registered backend can write bytes"));
  }
  target.storage = *std::move(allocated);
  target.needs_bytes = true;
  return target;
}

absl::StatusOr<LoadTarget> DeviceSnapshot::FindLoadTarget(
    absl::string_view tag, uint64_t size_bytes,
    absl::FunctionRef<absl::StatusOr<std::optional<FileRange>>()> find_range)
    const {
  const std::optional<ParsedTag> parsed = ParseTag(tag);
  LoadTarget target;
  std::optional<FileRange> range;
  bool has_looked = false;
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend != nullptr) {
      FERRY_ASSIGN_OR_RETURN(const std::optional<int> index,
                             IndexIn(*package, tag, parsed));
      if (!index.has_value()) continue;
      FERRY_ASSIGN_OR_RETURN(target.location,
                             Locate(package->backend, *index, tag));
      return target;
    }
    const PackageFunctions& functions = package->functions;
    if (functions.from_file && !has_looked) {
      FERRY_ASSIGN_OR_RETURN(range, find_range());
      has_looked = true;
    }
    if (functions.from_file && range.has_value()) {
      FERRY_ASSIGN_OR_RETURN(std::optional<Storage> restored,
                             functions.from_file(*range, tag));
      if (restored.has_value()) {
        FERRY_RETURN_IF_ERROR(
            CheckReturned(*restored, size_bytes, tag, "range deserializer"));
        target.storage = *std::move(restored);
        return target;
      }
    }
    FERRY_ASSIGN_OR_RETURN(LoadTarget allocated,
                           AllocateBy(*package, size_bytes, tag));
    if (!allocated.storage.is_null()) return allocated;
    if (functions.deserializer) return target;
  }
  return UnknownTag(tag);
}

absl::StatusOr<ResolvedLocation> DeviceSnapshot::Resolve(
    absl::string_view tag) const {
  const std::optional<ParsedTag> parsed = ParseTag(tag);
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend == nullptr) {
      const PackageFunctions& functions = package->functions;
      if (functions.takes_bytes()) {
        return ResolvedLocation();
      }
      continue;
    }
    FERRY_ASSIGN_OR_RETURN(const std::optional<int> index,
                           IndexIn(*package, tag, parsed));
    if (index.has_value()) return Locate(package->backend, *index, tag);
  }
  return UnknownTag(tag);
}

std::shared_ptr<Backend> DeviceSnapshot::FindBackend(
    absl::string_view type) const {
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend != nullptr && package->type == type) {
      return package->backend;
    }
  }
  return nullptr;
}

std::vector<DeviceSnapshot::Entry> DeviceSnapshot::entries() const {
  std::vector<Entry> entries;
  entries.reserve(packages_->size());
  for (const std::shared_ptr<const Package>& package : *packages_) {
    entries.push_back(Entry{package->priority, package->backend});
  }
  return entries;
}

std::vector<std::string> DeviceSnapshot::types() const {
  std::vector<std::string> types;
  for (const std::shared_ptr<const Package>& package : *packages_) {
    if (package->backend == nullptr) continue;
    if (std::find(types.begin(), types.end(), package->type) == types.end()) {
      types.push_back(package->type);
    }
  }
  return types;
}

}  // namespace v1
}  // namespace ferry
