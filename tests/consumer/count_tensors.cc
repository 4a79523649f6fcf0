// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "count_tensors.h"

#include "absl/status/statusor.h"
#include "ferry/runtime/runtime.h"

int CountTensors(const char* path) {
  const absl::StatusOr<ferry::Value> checkpoint = ferry::Load(path);
  if (!checkpoint.ok()) return -1;
  const absl::StatusOr<ferry::Value> model = checkpoint->Get("model");
  return model.ok() ? static_cast<int>(model->size()) : -1;
}
