// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Moves the storages of checkpoints between two GPUs, for a test.
//
//   swap_devices < JOBS
//
// A job is a line: IN SWAPPED BACK. IN is loaded to the devices that its
// storages name. What is on cuda:0 is moved to cuda:1, and the reverse, and the
// result saved as SWAPPED. Then all is moved back, and saved as BACK. For each
// job a line is printed: "ok", the number of storages that were moved, and the
// most bytes that staging buffers had meanwhile; or the error.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ferry/core/hash_table.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/staging.h"
#include "ferry/runtime/runtime.h"
#include "ferry/value/testing/storages_of.h"

namespace ferry {
inline namespace v1 {
namespace {

// Returns the number of storages that were moved.
absl::StatusOr<size_t> Swap(const Value& value) {
  HashMap<Storage, Storage> moved;
  for (const Storage& storage : StoragesOf(value)) {
    if (storage.is_null() || storage.device().type() != "cuda") continue;
    if (moved.contains(storage)) continue;
    const Device other("cuda", 1 - storage.device().index());
    FERRY_ASSIGN_OR_RETURN(Storage copy, To(storage, other));
    if (copy.device() != other) return absl::InternalError("it did not move");
    moved.emplace(storage, std::move(copy));
  }
  value.graph()->ReplaceStorages(moved);
  return moved.size();
}

absl::StatusOr<std::string> Run(const std::vector<std::string>& job) {
  if (job.size() != 3) return absl::InvalidArgumentError("IN SWAPPED BACK");
  FERRY_ASSIGN_OR_RETURN(const Value value, Load(job[0]));
  SaveOptions options;
  options.durability = Durability::kNone;
  options.archive_name = "archive";
  uint64_t staging_bytes = 0;
  size_t count = 0;
  for (int i = 1; i <= 2; ++i) {
    ResetPeakStagingBytes();
    FERRY_ASSIGN_OR_RETURN(count, Swap(value));
    staging_bytes = std::max(staging_bytes, PeakStagingBytes());
    FERRY_RETURN_IF_ERROR(Save(value, job[i], options));
  }
  return absl::StrCat("ok ", count, " ", staging_bytes);
}

}  // namespace
}  // namespace v1
}  // namespace ferry

int main() {
  for (std::string job; std::getline(std::cin, job);) {
    const absl::StatusOr<std::string> answer =
        ferry::Run(absl::StrSplit(job, ' '));
    std::cout << (answer.ok() ? *answer : answer.status().ToString()) << "\n";
  }
  return 0;
}
