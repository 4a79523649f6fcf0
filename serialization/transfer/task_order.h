// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/task_order.h
// -----------------------------------------------------------------------------
//
// Orders the pieces of work of a load or a save so that several devices are
// busy at the same time, instead of one after the other.
//
// Example: two tasks of device 0, then two of device 1.
//
//   const std::vector<OrderedTask> tasks = {{0, 8}, {0, 8}, {1, 8}, {1, 8}};
//   for (size_t i : SpreadOverQueues(tasks)) Run(i);  // 0, 2, 1, 3
#ifndef FERRY_SERIALIZATION_TRANSFER_TASK_ORDER_H_
#define FERRY_SERIALIZATION_TRANSFER_TASK_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace ferry {
inline namespace v1 {

struct OrderedTask {
  // The number of the queue, such as a device, that the task keeps busy.
  uint32_t queue = 0;
  uint64_t size_bytes = 0;
};

// Returns the indexes of `tasks` in the order in which to start them. The tasks
// of a queue keep their order, and are spread over the whole by their bytes, so
// that all queues end at about the same time. O(n log n), or O(n) if there is
// one queue.
std::vector<size_t> SpreadOverQueues(absl::Span<const OrderedTask> tasks);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TASK_ORDER_H_
