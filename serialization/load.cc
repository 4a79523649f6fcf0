// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/load.h"

#include <utility>

#include "ferry/core/status_macros.h"
#include "ferry/serialization/checkpoint.h"

namespace ferry {
namespace {

absl::StatusOr<Value> ReadAll(absl::StatusOr<Checkpoint> checkpoint) {
  if (!checkpoint.ok()) return checkpoint.status();
  FERRY_RETURN_IF_ERROR(checkpoint->PlaceAll());
  return checkpoint->root();
}

}  // namespace

absl::StatusOr<Value> Load(absl::string_view path, const LoadOptions& options) {
  return ReadAll(Checkpoint::Open(path, options));
}

absl::StatusOr<Value> LoadMemory(absl::string_view bytes,
                                 const LoadOptions& options) {
  return ReadAll(Checkpoint::OpenMemory(bytes, options));
}

}  // namespace ferry
