// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/core/budget.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ferry {
inline namespace v1 {
namespace {

// What a call may spend unless its options say otherwise: `floor` plus
// `per_stored_byte` for each byte of its input.
struct Rate {
  absl::string_view what;    // in messages
  absl::string_view option;  // the field of BudgetOptions
  uint64_t floor;
  uint64_t per_stored_byte;
};

constexpr Rate kRates[] = {
    // The floor is a second of work. It pays for ten million small objects that
    // are compressed to a few kilobytes. A byte of a pickle is one step when it
    // is read, and a node is visited a few times when it is listed.
    {"steps of work", "max_steps", uint64_t{1} << 27, 64},
    // Any machine has as much memory as the floor. It pays for the same ten
    // million objects. One byte of a pickle can call a class, which takes 50
    // bytes of memory.
    {"bytes of memory", "max_memory_bytes", uint64_t{1} << 30, 128},
    // The name of a tensor takes a few bytes in a file and is printed with all
    // that is known about the tensor, some 400 bytes.
    {"bytes of output", "max_output_bytes", uint64_t{1} << 28, 32},
};

uint64_t DefaultLimit(const Rate& rate, uint64_t stored_bytes) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  if (stored_bytes > (kMost - rate.floor) / rate.per_stored_byte) return kMost;
  return rate.floor + rate.per_stored_byte * stored_bytes;
}

}  // namespace

Budget::Budget(const BudgetOptions& options, uint64_t stored_bytes,
               std::function<bool()> is_cancelled)
    : is_cancelled_(std::move(is_cancelled)) {
  const std::optional<uint64_t> limits[] = {
      options.max_steps, options.max_memory_bytes, options.max_output_bytes};
  for (int resource = 0; resource < kResources; ++resource) {
    accounts_[resource].limit =
        limits[resource].value_or(DefaultLimit(kRates[resource], stored_bytes));
  }
  Account& memory = accounts_[kMemory];
  memory.spent = std::min(options.held_memory_bytes, memory.limit);
}

uint64_t Budget::DefaultSteps(uint64_t stored_bytes) {
  return DefaultLimit(kRates[kSteps], stored_bytes);
}

uint64_t Budget::DefaultOutputBytes(uint64_t stored_bytes) {
  return DefaultLimit(kRates[kOutput], stored_bytes);
}

Budget* Budget::Unlimited() {
  static Budget* const budget = new Budget;
  return budget;
}

absl::Status Budget::Exhausted(Resource resource) const {
  const Rate& rate = kRates[resource];
  return absl::ResourceExhaustedError(absl::StrCat(
      "it takes more than ", accounts_[resource].limit, " ", rate.what,
      ", which is the limit; if you trust the file, raise ", rate.option));
}

absl::Status Budget::Ask() const {
  return is_cancelled_ && is_cancelled_()
             ? absl::CancelledError("the work was cancelled")
             : absl::OkStatus();
}

}  // namespace v1
}  // namespace ferry
