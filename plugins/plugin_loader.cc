// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_loader.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ferry/core/eintr.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/location_tag.h"
#include "ferry/plugins/plugin_backend.h"
#include "ferry/plugins/plugin_file.h"
#include "ferry/plugins/plugin_manifest.h"

namespace ferry {
inline namespace v1 {
namespace {

constexpr char kEnvironmentVariable[] = "FERRY_PLUGIN_PATH";
constexpr char kSystemFolder[] = "/etc/ferry/plugins.d";

bool IsFolder(const std::string& path) {
  struct stat status;
  return RetryOnEintr([&] { return stat(path.c_str(), &status); }) == 0 &&
         S_ISDIR(status.st_mode);
}

// The manifests in a folder. The order of a directory is anybody's guess, so
// they are sorted.
std::vector<std::string> ManifestsIn(const std::string& folder) {
  std::vector<std::string> paths;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(
      RetryOnEintr([&] { return opendir(folder.c_str()); }), closedir);
  if (directory == nullptr) return paths;
  while (const dirent* entry = readdir(directory.get())) {
    if (IsPluginManifestPath(entry->d_name)) {
      paths.push_back(absl::StrCat(folder, "/", entry->d_name));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void Describe(const PluginDescription& plugin, PluginVerdict* verdict) {
  verdict->name = plugin.name;
  verdict->version = plugin.version;
  verdict->vendor = plugin.vendor;
  verdict->types.clear();
  verdict->types.reserve(plugin.backends.size());
  for (const auto& backend : plugin.backends) {
    verdict->types.push_back(backend.type);
  }
}

}  // namespace

absl::string_view SourceName(PluginVerdict::Source source) {
  switch (source) {
    case PluginVerdict::kProgram:
      return "program";
    case PluginVerdict::kEnvironment:
      return "environment";
    case PluginVerdict::kSystemFolder:
      break;
  }
  return "system folder";
}

std::string PluginVerdict::ToString() const {
  const std::string subject = path.empty() ? "linked into the program" : path;
  if (!status.ok()) {
    return absl::StrCat(subject, ": disabled: ", status.message());
  }
  return absl::StrCat(subject, ": loaded: ", name, " ", version, " (",
                      absl::StrJoin(types, ", "), ")");
}

PluginLoader& PluginLoader::Default() {
  static PluginLoader* const loader =
      new PluginLoader(&DeviceRegistry::Default());
  return *loader;
}

std::vector<PluginLoader::Candidate> PluginLoader::Candidates(
    const PluginOptions& options) {
  std::vector<Candidate> candidates;
  const auto add = [&](PluginVerdict::Source source, const std::string& path) {
    if (!IsFolder(path)) {
      candidates.push_back({source, path});
      return;
    }
    const std::vector<std::string> manifests = ManifestsIn(path);
    // The system's folder may be empty; one that was named should not be.
    if (manifests.empty() && source != PluginVerdict::kSystemFolder) {
      candidates.push_back({source, path});
    }
    for (const std::string& manifest : manifests) {
      candidates.push_back({source, manifest});
    }
  };
  for (const std::string& path : options.paths) {
    add(PluginVerdict::kProgram, path);
  }
  const char* const listed =
      options.use_environment ? secure_getenv(kEnvironmentVariable) : nullptr;
  if (listed != nullptr) {
    for (absl::string_view path :
         absl::StrSplit(listed, ':', absl::SkipEmpty())) {
      add(PluginVerdict::kEnvironment, std::string(path));
    }
  }
  if (options.use_system_folder && IsFolder(kSystemFolder)) {
    add(PluginVerdict::kSystemFolder, kSystemFolder);
  }
  return candidates;
}

std::vector<PluginVerdict> PluginLoader::Load(const PluginOptions& options) {
  std::vector<PluginVerdict> verdicts;
  const std::vector<Candidate> candidates = Candidates(options);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Candidate& candidate : candidates) {
    PluginVerdict verdict;
    verdict.source = candidate.source;
    verdict.path = candidate.path;
    verdict.status = Try(options.allow_reserved_types, &verdict);
    Finish(verdict);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

PluginVerdict PluginLoader::LoadLinked(ferry_plugin_query query,
                                       bool allow_reserved_types) {
  const std::lock_guard<std::mutex> lock(mutex_);
  PluginVerdict verdict;
  const absl::StatusOr<PluginDescription> plugin = QueryPlugin(query, "");
  verdict.status = plugin.ok()
                       ? Register(*plugin, allow_reserved_types, &verdict)
                       : plugin.status();
  if (verdict.status.ok()) loaded_.push_back({{0, 0}, "", *plugin});
  Finish(verdict);
  return verdict;
}

void PluginLoader::Lock() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_locked_ = true;
}

std::vector<PluginVerdict> PluginLoader::verdicts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return verdicts_;
}

absl::Status PluginLoader::Try(bool allow_reserved_types,
                               PluginVerdict* verdict) {
  // A bare name must not be searched for by the dynamic linker; a path that is
  // absolute and free of links, as TrustedFile's, is not.
  const std::string& path = verdict->path;
  if (verdict->source == PluginVerdict::kEnvironment &&
      !absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " in ", kEnvironmentVariable, " is not an absolute path"));
  }
  if (IsFolder(path)) {
    return absl::NotFoundError(
        absl::StrCat("the folder ", path,
                     " contains no manifest (*.json), or cannot be read"));
  }
  std::optional<PluginManifest> manifest;
  const absl::StatusOr<TrustedFile> opened_file =
      OpenPluginLibrary(path, &manifest);
  if (manifest.has_value()) {
    verdict->name = manifest->name;
    verdict->version = manifest->version;
    verdict->types = manifest->device_types;
  }
  FERRY_RETURN_IF_ERROR(opened_file.status());
  const TrustedFile& file = *opened_file;
  for (const Loaded& loaded : loaded_) {
    if (loaded.file != file.identity()) continue;
    Describe(loaded.plugin, verdict);
    return manifest.has_value() ? CheckAgrees(*manifest, loaded.plugin)
                                : absl::OkStatus();
  }
  if (is_locked_) {
    return absl::FailedPreconditionError(
        "the program has locked the list of plugins, so no more can be loaded");
  }
  FERRY_RETURN_IF_ERROR(CheckPluginBinary(file.bytes()));
  const auto opened =
      opened_.try_emplace(std::string(file.path()), file.identity()).first;
  if (opened->second != file.identity()) {
    return absl::FailedPreconditionError(absl::StrCat(
        file.path(),
        " was replaced since it was first loaded; restart the program"));
  }
  FERRY_ASSIGN_OR_RETURN(const ferry_plugin_query query,
                         LoadPluginLibrary(file));
  FERRY_ASSIGN_OR_RETURN(const PluginDescription plugin,
                         QueryPlugin(query, file.directory()));
  if (manifest.has_value()) {
    FERRY_RETURN_IF_ERROR(CheckAgrees(*manifest, plugin));
  }
  FERRY_RETURN_IF_ERROR(Register(plugin, allow_reserved_types, verdict));
  loaded_.push_back({file.identity(), verdict->path, plugin});
  return absl::OkStatus();
}

absl::Status PluginLoader::Register(const PluginDescription& plugin,
                                    bool allow_reserved_types,
                                    PluginVerdict* verdict) {
  Describe(plugin, verdict);
  if (is_locked_) {
    return absl::FailedPreconditionError(
        "the program has locked the list of plugins, so no more can be loaded");
  }
  for (const Loaded& loaded : loaded_) {
    if (loaded.plugin.name != plugin.name) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        "a plugin named ", plugin.name, " is already loaded, from ",
        loaded.path.empty() ? "the program" : loaded.path));
  }
  const DeviceSnapshot devices = registry_->Snapshot();
  for (const auto& backend : plugin.backends) {
    if (IsReservedDeviceType(backend.type) && !allow_reserved_types) {
      return absl::PermissionDeniedError(absl::StrCat(
          "plugins may provide the reserved device type \"", backend.type,
          "\" only with PluginOptions::allow_reserved_types"));
    }
    if (devices.FindBackend(backend.type) != nullptr) {
      return absl::AlreadyExistsError(absl::StrCat(
          "the device type \"", backend.type, "\" is already registered"));
    }
  }
  // Undone, as a whole, where somebody else was quicker.
  std::vector<Registration> registrations;
  registrations.reserve(plugin.backends.size());
  for (const auto& backend : plugin.backends) {
    FERRY_ASSIGN_OR_RETURN(
        Registration registration,
        registry_->RegisterBackend(
            kPriority, std::make_shared<PluginBackend>(backend),
            allow_reserved_types ? TagRights::kAny : TagRights::kUnreserved));
    registrations.push_back(std::move(registration));
  }
  for (Registration& registration : registrations) {
    registrations_.push_back(std::move(registration));
  }
  return absl::OkStatus();
}

void PluginLoader::Finish(const PluginVerdict& verdict) {
  verdicts_.push_back(verdict);
  std::string name = verdict.path.empty() ? verdict.name : verdict.path;
  if (name.empty()) name = "a plugin linked into the program";
  if (verdict.status.ok()) {
    registry_->ForgetDisabled(name);
  } else {
    registry_->NoteDisabled(name, verdict.status.message());
  }
}

}  // namespace v1
}  // namespace ferry
