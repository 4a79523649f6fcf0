// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_manifest.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugin.h"
#include "google/protobuf/util/json_util.h"

namespace ferry {
namespace {

constexpr uint64_t kMaxManifestBytes = uint64_t{64} << 10;
constexpr uint32_t kManifestVersion = 1;

bool LeavesItsFolder(absl::string_view path) {
  if (path.empty() || path[0] == '/') return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

// A sorted list of types.
std::string Listed(std::vector<std::string> types) {
  std::sort(types.begin(), types.end());
  return absl::StrJoin(types, ", ");
}

}  // namespace

bool IsPluginManifestPath(absl::string_view path) {
  return absl::EndsWith(path, ".json");
}

absl::StatusOr<PluginManifest> ReadPluginManifest(
    const RandomAccessFile& file) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.name(), " is not a plugin manifest: ", what));
  };
  if (file.size_bytes() > kMaxManifestBytes) {
    return bad(absl::StrCat("it has more than ", kMaxManifestBytes, " bytes"));
  }
  std::string text(static_cast<size_t>(file.size_bytes()), '\0');
  FERRY_RETURN_IF_ERROR(file.ReadAt(0, absl::MakeSpan(&text[0], text.size())));
  PluginManifest manifest;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(text, &manifest);
  if (!parsed.ok()) {
    return bad(absl::CHexEscape(
        absl::string_view(parsed.message().data(), parsed.message().size())));
  }
  if (manifest.manifest_version() != kManifestVersion) {
    return bad(absl::StrCat("its manifest_version is ",
                            manifest.manifest_version(), "; this Ferry reads ",
                            kManifestVersion));
  }
  if (manifest.abi_major() != FERRY_PLUGIN_ABI_MAJOR) {
    return bad(absl::StrCat("the plugin has version ", manifest.abi_major(),
                            " of the interface; this Ferry has ",
                            FERRY_PLUGIN_ABI_MAJOR));
  }
  if (manifest.name().empty() || manifest.version().empty()) {
    return bad("it should give the plugin's name and version");
  }
  if (LeavesItsFolder(manifest.library())) {
    return bad(
        absl::StrCat("its library \"", absl::CHexEscape(manifest.library()),
                     "\" should be a path inside the manifest's own folder"));
  }
  if (manifest.device_types().empty()) {
    return bad("it should list the plugin's device_types");
  }
  for (const std::string& type : manifest.device_types()) {
    if (!IsPluginDeviceType(type)) {
      return bad(absl::StrCat("\"", absl::CHexEscape(type),
                              "\" is not a valid device type"));
    }
  }
  return manifest;
}

absl::StatusOr<TrustedFile> OpenPluginLibrary(
    const std::string& path, std::optional<PluginManifest>* manifest) {
  FERRY_ASSIGN_OR_RETURN(TrustedFile file, TrustedFile::Open(path));
  if (!IsPluginManifestPath(path)) return file;
  FERRY_ASSIGN_OR_RETURN(*manifest, ReadPluginManifest(file.bytes()));
  return TrustedFile::Open(
      absl::StrCat(file.directory(), "/", (*manifest)->library()));
}

absl::Status CheckAgrees(const PluginManifest& manifest,
                         const PluginDescription& plugin) {
  std::vector<std::string> types;
  for (const auto& backend : plugin.backends) types.push_back(backend.type);
  const std::string theirs = Listed(types);
  const std::string said = Listed(std::vector<std::string>(
      manifest.device_types().begin(), manifest.device_types().end()));
  if (manifest.name() == plugin.name && manifest.version() == plugin.version &&
      said == theirs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the manifest says ", absl::CHexEscape(manifest.name()), " ",
                   absl::CHexEscape(manifest.version()), " with ", said,
                   "; the plugin says ", plugin.name, " ", plugin.version,
                   " with ", theirs));
}

}  // namespace ferry
