// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/detection/not_a_checkpoint.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {
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

absl::Status NotACheckpointError(absl::string_view file, absl::string_view what,
                                 absl::string_view advice) {
  return MarkNotACheckpoint(absl::InvalidArgumentError(absl::StrCat(
      file, " is ", what, ", not a PyTorch checkpoint; ", advice)));
}

}  // namespace v1
}  // namespace ferry
