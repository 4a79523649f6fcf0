// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/container/checkpoint_info.h"

namespace ferry {
inline namespace v1 {

absl::string_view Name(CheckpointKind kind) {
  return kind == CheckpointKind::kCheckpoint ? "checkpoint" : "torchscript";
}

}  // namespace v1
}  // namespace ferry
