// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Opens any bytes as a checkpoint, reads all of it, and saves it again. What
// saves must load again.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/checkpoint.h"
#include "ferry/serialization/container/container_kind.h"
#include "ferry/serialization/load.h"
#include "ferry/serialization/save.h"
#include "ferry/value/value.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ferry::LoadOptions load_options;
  load_options.placement = ferry::Placement::kHost;
  load_options.budget.max_memory_bytes = 64 << 20;
  load_options.max_tensor_bytes = 1 << 20;
  // So that mutations reach past the checksums.
  load_options.verify_crc32 = false;
  absl::StatusOr<ferry::Checkpoint> checkpoint = ferry::Checkpoint::OpenMemory(
      absl::string_view(reinterpret_cast<const char*>(data), size),
      load_options);
  if (!checkpoint.ok()) return 0;
  if (!checkpoint->LoadAll().ok()) return 0;
  load_options.budget.max_memory_bytes = 1 << 30;
  for (ferry::Container container :
       {ferry::Container::kZip, ferry::Container::kLegacy}) {
    for (int protocol : {2, 4}) {
      ferry::SaveOptions save_options;
      save_options.container = container;
      save_options.pickle_protocol = protocol;
      std::string saved;
      ferry::StringSink sink(&saved);
      if (!ferry::Save(checkpoint->root(), sink, save_options).ok()) continue;
      if (!ferry::LoadMemory(saved, load_options).ok()) __builtin_trap();
    }
  }
  return 0;
}
