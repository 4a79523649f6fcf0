// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/budget.h
// -----------------------------------------------------------------------------
//
// Limits what one call may spend on input that nobody has checked. A small file
// can ask for enormous work: compressed zeros, one object that a thousand
// others share, a number of a million digits. Code that such input can drive
// charges what it is about to spend to a budget, and stops when it is spent.
//
// Example: a file of 1000 bytes says that it inflates to two gigabytes, which
// is refused with kResourceExhausted.
//
//   Budget budget(BudgetOptions(), 1000);
//   FERRY_RETURN_IF_ERROR(budget.ChargeMemory(2000000000));
//
// Because long work charges all along, a budget also asks its owner from time
// to time whether the work should stop.
#ifndef FERRY_CORE_BUDGET_H_
#define FERRY_CORE_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "absl/base/optimization.h"
#include "absl/status/status.h"

namespace ferry {
inline namespace v1 {

// What one call may spend. Each default is in proportion to the size of the
// input as it is stored, and is never less than a fixed amount; ordinary
// checkpoints stay far below it. core/budget.cc has the table. The bytes of
// tensors that a load places are not charged.
struct BudgetOptions {
  // Work: about one step for each byte, node or reference that is looked at.
  // A hundred million steps take about a second.
  std::optional<uint64_t> max_steps;
  // Memory that the call allocates in total, in bytes.
  std::optional<uint64_t> max_memory_bytes;
  // Bytes that the call writes or prints.
  std::optional<uint64_t> max_output_bytes;

  // Memory that earlier calls allocated for the same work and still hold, in
  // bytes. It counts as spent, so that all calls together keep to one limit.
  uint64_t held_memory_bytes = 0;
};

// Budget
//
// Thread-safety: all methods may be called from any number of threads at once.
class Budget {
 public:
  // Creates a budget without limits, which only counts.
  Budget() = default;

  // Creates the budget of a call whose input takes `stored_bytes`. If
  // `is_cancelled` is set, a charge calls it once when the steps, the memory or
  // the output spent so far pass a multiple of 2^20. Calls come from the
  // threads that charge.
  Budget(const BudgetOptions& options, uint64_t stored_bytes,
         std::function<bool()> is_cancelled = nullptr);

  // Return the default limits of a call whose input takes `stored_bytes`.
  static uint64_t DefaultSteps(uint64_t stored_bytes);
  static uint64_t DefaultOutputBytes(uint64_t stored_bytes);

  // Returns a budget without limits that lives as long as the process. It is
  // for input that the program has made itself.
  static Budget* Unlimited();

  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // Charge what the caller is about to spend. What is spent is never given
  // back. A charge that exceeds the limit is not spent.
  //
  // Errors:
  //   kResourceExhausted - the limit is reached; the message says what is
  //                        limited to how much, and names the option that
  //                        raises it.
  //   kCancelled         - `is_cancelled` returned true.
  absl::Status ChargeSteps(uint64_t steps) { return Charge(kSteps, steps); }
  absl::Status ChargeMemory(uint64_t bytes) { return Charge(kMemory, bytes); }
  absl::Status ChargeOutput(uint64_t bytes) { return Charge(kOutput, bytes); }

  // Return what has been spent so far, with what counts as spent from the
  // beginning.
  uint64_t steps() const { return Spent(kSteps); }
  uint64_t memory_bytes() const { return Spent(kMemory); }
  uint64_t output_bytes() const { return Spent(kOutput); }

 private:
  enum Resource { kSteps, kMemory, kOutput, kResources };

  struct Account {
    std::atomic<uint64_t> spent{0};
    uint64_t limit = std::numeric_limits<uint64_t>::max();
  };

  absl::Status Charge(Resource resource, uint64_t amount) {
    Account& account = accounts_[resource];
    uint64_t before = account.spent.load(std::memory_order_relaxed);
    while (ABSL_PREDICT_TRUE(amount <= account.limit - before)) {
      if (account.spent.compare_exchange_weak(before, before + amount,
                                              std::memory_order_relaxed)) {
        return ABSL_PREDICT_TRUE(before >> kAskShift ==
                                 (before + amount) >> kAskShift)
                   ? absl::OkStatus()
                   : Ask();
      }
    }
    return Exhausted(resource);
  }
  uint64_t Spent(Resource resource) const {
    return accounts_[resource].spent.load(std::memory_order_relaxed);
  }
  absl::Status Exhausted(Resource resource) const;
  // Asks whether to stop.
  absl::Status Ask() const;

  // A charge asks when it reaches a multiple of 1 << kAskShift. A million steps
  // take about ten milliseconds.
  static constexpr int kAskShift = 20;

  Account accounts_[kResources];
  const std::function<bool()> is_cancelled_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_BUDGET_H_
