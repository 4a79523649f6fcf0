// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_manifest.h
// -----------------------------------------------------------------------------
//
// Reads the manifest of a plugin (plugins/plugin_manifest.proto).
#ifndef FERRY_PLUGINS_PLUGIN_MANIFEST_H_
#define FERRY_PLUGINS_PLUGIN_MANIFEST_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/plugins/plugin_description.h"
#include "ferry/plugins/plugin_manifest.pb.h"

namespace ferry {

// Reads and checks one, which has at most 64 KiB. A key that is not known is an
// error.
//
// Errors: kInvalidArgument - says what is wrong with it.
absl::StatusOr<PluginManifest> ReadPluginManifest(const ReadableBytes& file);

// Whether a plugin is what its manifest says.
//
// Errors: kInvalidArgument - says where they differ.
absl::Status CheckAgrees(const PluginManifest& manifest,
                         const PluginDescription& plugin);

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_MANIFEST_H_
