// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: plugins/plugin_queue.h
// -----------------------------------------------------------------------------
//
// Copies through the queues of a plugin that has FERRY_CAPABILITY_ASYNC.
#ifndef FERRY_PLUGINS_PLUGIN_QUEUE_H_
#define FERRY_PLUGINS_PLUGIN_QUEUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ferry/plugin.h"

namespace ferry {

// PluginQueues
//
// A large copy is cut into pieces of the size that the device likes, of which
// two are under way at a time. Where the plugin has host memory of its own
// (FERRY_CAPABILITY_HOST_ALLOC), pieces go through two buffers of it, so that
// the device reads one while the host fills the other; where such memory is not
// to be had, pieces go directly.
//
// Queues and buffers are kept for the next copy: as many as there were copies
// at once. They go with this object.
//
// Thread-safety: all methods may be called from any number of threads at once;
// each copy in progress has a queue to itself.
class PluginQueues {
 public:
  // `table` must outlive the object.
  explicit PluginQueues(const ferry_backend& table);
  PluginQueues(const PluginQueues&) = delete;
  PluginQueues& operator=(const PluginQueues&) = delete;
  ~PluginQueues();

  // Whether the plugin has queues.
  bool are_there() const;

  // Does a copy, and waits for it. After an error all that was begun has ended.
  absl::Status Copy(const ferry_copy& copy);

 private:
  class Queue;

  absl::StatusOr<std::unique_ptr<Queue>> Take(uint32_t device_index);
  void GiveBack(std::unique_ptr<Queue> queue);

  const ferry_backend& table_;
  std::mutex mutex_;
  // Those that no copy uses, by device. Guarded by mutex_.
  std::map<uint32_t, std::vector<std::unique_ptr<Queue>>> idle_;
};

}  // namespace ferry

#endif  // FERRY_PLUGINS_PLUGIN_QUEUE_H_
