// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: runtime/plugins.h
// -----------------------------------------------------------------------------
//
// Loads device plugins (shared objects) when the program asks for them. Nothing
// else loads a plugin; in particular, reading a file never does.
// docs/plugins.md explains how to write one.
//
//   ferry::PluginOptions options;
//   options.paths = {"/opt/acme/libacme.so"};
//   for (const ferry::PluginVerdict& verdict :
//        ferry::PluginLoader::Default().Load(options)) {
//     if (!verdict.status.ok()) return verdict.status;
//   }
//   absl::StatusOr<ferry::Value> model = ferry::Load("on_acme.pt");
#ifndef FERRY_RUNTIME_PLUGINS_H_
#define FERRY_RUNTIME_PLUGINS_H_

// IWYU pragma: begin_exports
#include "ferry/plugins/plugin_handle.h"
#include "ferry/plugins/plugin_loader.h"
// IWYU pragma: end_exports

#endif  // FERRY_RUNTIME_PLUGINS_H_
