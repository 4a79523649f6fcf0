// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/not_a_checkpoint.h"

#include "absl/strings/cord.h"

namespace ferry {
namespace {

constexpr char kPayload[] = "ferry/not_a_checkpoint";

}  // namespace

bool IsNotACheckpoint(const absl::Status& status) {
  return status.GetPayload(kPayload).has_value();
}

absl::Status MarkNotACheckpoint(absl::Status status) {
  status.SetPayload(kPayload, absl::Cord());
  return status;
}

}  // namespace ferry
