// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is read of a plugin before it is loaded: its ELF tables, its manifest.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/plugins/elf_file.h"
#include "ferry/plugins/plugin_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = ferry::MakeMemoryFile(
      absl::string_view(reinterpret_cast<const char*>(data), size), "input");
  ferry::ReadElfFile(*file).IgnoreError();
  ferry::ReadPluginManifest(*file).IgnoreError();
  return 0;
}
