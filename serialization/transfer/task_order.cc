// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/serialization/transfer/task_order.h"

#include <algorithm>
#include <numeric>

namespace ferry {
inline namespace v1 {

std::vector<size_t> SpreadOverQueues(absl::Span<const OrderedTask> tasks) {
  std::vector<size_t> order(tasks.size());
  std::iota(order.begin(), order.end(), 0);
  uint32_t num_queues = 0;
  for (const OrderedTask& task : tasks) {
    num_queues = std::max(num_queues, task.queue + 1);
  }
  if (num_queues <= 1) return order;
  // Tasks of 0 bytes take a turn, too.
  std::vector<double> total(num_queues, 0.0);
  for (const OrderedTask& task : tasks) {
    total[task.queue] += static_cast<double>(task.size_bytes) + 1;
  }
  // How much of its queue precedes the middle of each task, from 0 to 1.
  std::vector<double> before(num_queues, 0.0);
  std::vector<double> middle(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const uint32_t queue = tasks[i].queue;
    const double size = static_cast<double>(tasks[i].size_bytes) + 1;
    middle[i] = (before[queue] + size / 2) / total[queue];
    before[queue] += size;
  }
  std::stable_sort(order.begin(), order.end(), [&middle](size_t a, size_t b) {
    return middle[a] < middle[b];
  });
  return order;
}

}  // namespace v1
}  // namespace ferry
