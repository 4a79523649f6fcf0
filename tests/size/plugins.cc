// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/runtime/plugins.h"

int main(int, char** argv) {
  ferry::PluginOptions options;
  options.paths = {argv[1]};
  return ferry::PluginLoader::Default().Load(options)[0].status.ok() ? 0 : 1;
}
