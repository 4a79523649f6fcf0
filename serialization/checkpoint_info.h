// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/checkpoint_info.h
// -----------------------------------------------------------------------------
//
// What kind of file a checkpoint is.
#ifndef FERRY_SERIALIZATION_CHECKPOINT_INFO_H_
#define FERRY_SERIALIZATION_CHECKPOINT_INFO_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "ferry/serialization/container_kind.h"

namespace ferry {

enum class CheckpointKind {
  kCheckpoint,   // what torch.save wrote
  kTorchScript,  // what torch.jit.save or C++'s torch::save wrote
};

// "checkpoint", "torchscript".
absl::string_view Name(CheckpointKind kind);

// Names and texts in an order that is kept.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct CheckpointInfo {
  Container container = Container::kZip;
  CheckpointKind kind = CheckpointKind::kCheckpoint;
  // 0 where there is no pickle.
  int pickle_protocol = 0;
  bool is_big_endian = false;
  // What a zip archive's records are prefixed with: "archive".
  std::string archive_name;
  // The remarks of a safetensors file: its `__metadata__`.
  Metadata metadata;
};

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CHECKPOINT_INFO_H_
