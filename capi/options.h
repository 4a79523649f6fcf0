// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: capi/options.h
// -----------------------------------------------------------------------------
//
// Reads the structs that options of loads and of saves both contain: limits and
// callbacks.
#ifndef FERRY_CAPI_OPTIONS_H_
#define FERRY_CAPI_OPTIONS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/core/budget.h"
#include "ferry/ferry.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {
namespace capi {

// Returns the budget that `limits`, which may be null, describes. Errors: as
// `ReadStruct`.
absl::StatusOr<BudgetOptions> ReadLimits(const ferry_limits* limits);

// Sets the callbacks that `control`, which may be null, describes. Keeps no
// pointer to the struct. Errors: as `ReadStruct`.
absl::Status ReadControl(const ferry_control* control, TransferControl* to);

}  // namespace capi
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CAPI_OPTIONS_H_
