// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_manifest.h
// -----------------------------------------------------------------------------
//
// Reads the manifest of a plugin (plugins/plugin_manifest.proto), and opens the
// library that it names.
#ifndef FERRY_PLUGINS_PLUGIN_MANIFEST_H_
#define FERRY_PLUGINS_PLUGIN_MANIFEST_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_file.h"
#include "ferry/plugins/plugin_manifest.pb.h"

namespace ferry {

// Returns whether a path is that of a manifest: it ends in ".json".
bool IsPluginManifestPath(absl::string_view path);

// Reads and checks a manifest of at most 64 KiB. An unknown key is an error.
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

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_MANIFEST_H_
