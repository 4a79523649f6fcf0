// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/capi/options.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/capi/handle.h"
#include "ferry/core/budget.h"
#include "ferry/core/status_macros.h"
#include "ferry/ferry.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {
namespace capi {
namespace {

std::optional<uint64_t> Limit(uint64_t limit) {
  if (limit == 0) return std::nullopt;
  return limit;
}

}  // namespace

absl::StatusOr<BudgetOptions> ReadLimits(const ferry_limits* limits) {
  FERRY_ASSIGN_OR_RETURN(const ferry_limits fields,
                         ReadStruct(limits, "limits"));
  BudgetOptions options;
  options.max_steps = Limit(fields.max_steps);
  options.max_memory_bytes = Limit(fields.max_memory_bytes);
  options.max_output_bytes = Limit(fields.max_output_bytes);
  return options;
}

absl::Status ReadControl(const ferry_control* control, TransferControl* to) {
  FERRY_ASSIGN_OR_RETURN(const ferry_control fields,
                         ReadStruct(control, "control"));
  if (fields.progress != nullptr) {
    to->progress = [fields](uint64_t done_bytes, uint64_t total_bytes) {
      fields.progress(fields.context, done_bytes, total_bytes);
    };
  }
  if (fields.is_cancelled != nullptr) {
    to->is_cancelled = [fields] {
      return fields.is_cancelled(fields.context) != 0;
    };
  }
  return absl::OkStatus();
}

}  // namespace capi
}  // namespace v1
}  // namespace ferry
