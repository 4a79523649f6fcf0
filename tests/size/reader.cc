// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/statusor.h"
#include "ferry/runtime/runtime.h"

int main(int, char** argv) {
  const absl::StatusOr<ferry::Value> checkpoint = ferry::Load(argv[1]);
  if (!checkpoint.ok()) return 1;
  return ferry::Save(*checkpoint, argv[2]).ok() ? 0 : 1;
}
