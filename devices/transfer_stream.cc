// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/devices/transfer_stream.h"

#include "absl/strings/str_cat.h"

namespace ferry {
inline namespace v1 {

absl::Status TransferError(const absl::Status& status, absl::string_view name) {
  if (name.empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(name, ": ", status.message()));
}

}  // namespace v1
}  // namespace ferry
