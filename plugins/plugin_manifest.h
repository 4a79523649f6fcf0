// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_manifest.h
// -----------------------------------------------------------------------------
//
// Reads the manifest of a plugin, and opens the library that it names. The
// manifest is a file beside the plugin that describes it, so that Ferry can
// refuse or list the plugin without running any of its code. It is JSON:
//
//   {
//     "manifest_version": 1,
//     "name": "com.acme.plugin",
//     "version": "1.2.3",
//     "library": "libacme.so",
//     "device_types": ["acme"]
//   }
#ifndef FERRY_PLUGINS_PLUGIN_MANIFEST_H_
#define FERRY_PLUGINS_PLUGIN_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_file.h"

namespace ferry {
inline namespace v1 {

// The fields of a manifest, under the names that they have in the file.
struct PluginManifest {
  // The version of the manifest: 1.
  uint64_t manifest_version = 0;
  // The plugin's own description must have the same name, version and types.
  std::string name;
  std::string version;
  std::vector<std::string> device_types;
  // A path relative to the manifest, inside its folder.
  std::string library;
  // The version of the plugin interface, FERRY_PLUGIN_ABI_MAJOR. A manifest
  // without this field has 0.
  uint64_t abi_major = 0;
};

// Returns whether a path is that of a manifest: it ends in ".json".
bool IsPluginManifestPath(absl::string_view path);

// Reads and checks a manifest of at most 64 KiB. A key that is unknown or that
// occurs twice is an error.
//
// Errors: kInvalidArgument - the manifest is invalid; the message says how.
absl::StatusOr<PluginManifest> ReadPluginManifest(const RandomAccessFile& file);

// Opens the library of a plugin. `path` names the library or a manifest. A
// manifest is read into `manifest`, where it stays even if the library cannot
// be opened. The library is in the folder of its manifest.
//
// Errors: as TrustedFile::Open and ReadPluginManifest.
absl::StatusOr<TrustedFile> OpenPluginLibrary(
    const std::string& path, std::optional<PluginManifest>* manifest);

// Checks that a plugin matches its manifest.
//
// Errors: kInvalidArgument - they differ; the message says where.
absl::Status CheckAgrees(const PluginManifest& manifest,
                         const PluginDescription& plugin);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_MANIFEST_H_
