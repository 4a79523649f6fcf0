// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/checkpoint.h"

#include <iostream>

#include "absl/status/statusor.h"

int main(int, char** argv) {
  const absl::StatusOr<ferry::Checkpoint> checkpoint =
      ferry::Checkpoint::Open(argv[1]);
  std::cout << checkpoint.status() << "\n";
  return checkpoint.ok() ? 0 : 1;
}
