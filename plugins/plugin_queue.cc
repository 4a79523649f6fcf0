// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_queue.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
namespace {

// Between these a device may choose the size of the pieces.
constexpr uint64_t kMinChunkBytes = uint64_t{64} << 10;
constexpr uint64_t kDefaultChunkBytes = uint64_t{4} << 20;
constexpr uint64_t kMaxChunkBytes = uint64_t{64} << 20;

}  // namespace

// One queue of the plugin, with two slots for pieces under way.
class PluginQueues::Queue {
 public:
  static absl::StatusOr<std::unique_ptr<Queue>> Create(
      const ferry_backend& table, uint32_t device_index) {
    auto queue = std::unique_ptr<Queue>(new Queue(table, device_index));
    ferry_device_properties properties = HostStruct<ferry_device_properties>();
    FERRY_RETURN_IF_ERROR(
        CallPlugin("device_properties", [&](ferry_status* status) {
          return table.device_properties(table.context, device_index,
                                         &properties, status);
        }));
    queue->chunk_bytes_ = properties.copy_chunk_bytes == 0
                              ? kDefaultChunkBytes
                              : std::clamp(properties.copy_chunk_bytes,
                                           kMinChunkBytes, kMaxChunkBytes);
    FERRY_RETURN_IF_ERROR(CallPlugin("queue_create", [&](ferry_status* status) {
      return table.queue_create(table.context, device_index, &queue->handle_,
                                status);
    }));
    queue->is_created_ = true;
    return queue;
  }

  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() {
    ferry_status status = HostStruct<ferry_status>();
    if (is_created_) table_.queue_destroy(table_.context, handle_, &status);
    for (Slot& slot : slots_) {
      if (slot.buffer != nullptr) {
        table_.host_free(table_.context, device_index_, slot.buffer, &status);
      }
    }
  }

  uint32_t device_index() const { return device_index_; }

  absl::Status Copy(const ferry_copy& copy) {
    const absl::Status status = CopyPieces(copy);
    // Whatever went wrong, nothing may use the caller's memory afterwards.
    absl::Status ended = absl::OkStatus();
    for (size_t i = 0; i < 2; ++i) ended.Update(Finish(slots_[next_ ^ i]));
    return status.ok() ? ended : status;
  }

 private:
  struct Slot {
    void* buffer = nullptr;  // host memory of the plugin, if it has any
    bool is_busy = false;
    uint64_t event = 0;
    // Where the bytes of `buffer` go when the event is ready; null if nowhere.
    void* unload_to = nullptr;
    uint64_t size_bytes = 0;
  };

  Queue(const ferry_backend& table, uint32_t device_index)
      : table_(table), device_index_(device_index) {}

  absl::Status CopyPieces(const ferry_copy& copy) {
    const bool is_large = copy.size_bytes > chunk_bytes_;
    if (is_large) MakeBuffers();
    for (uint64_t done = 0; done < copy.size_bytes;) {
      ferry_copy piece = copy;
      piece.size_bytes = std::min(copy.size_bytes - done, chunk_bytes_);
      piece.offset_bytes = copy.offset_bytes + done;
      if (copy.direction == FERRY_COPY_TO_DEVICE) {
        piece.host_source = static_cast<const char*>(copy.host_source) + done;
      } else {
        piece.host_destination =
            static_cast<char*>(copy.host_destination) + done;
      }
      Slot& slot = slots_[next_];
      next_ ^= 1;
      FERRY_RETURN_IF_ERROR(Finish(slot));
      FERRY_RETURN_IF_ERROR(Issue(slot, piece, is_large));
      done += piece.size_bytes;
    }
    return absl::OkStatus();
  }

  // A copy of one piece gains nothing by a buffer, so small ones never have
  // any.
  void MakeBuffers() {
    if ((table_.capabilities & FERRY_CAPABILITY_HOST_ALLOC) == 0) return;
    for (Slot& slot : slots_) {
      if (slot.buffer != nullptr) continue;
      void* buffer = nullptr;
      const absl::Status status =
          CallPlugin("host_allocate", [&](ferry_status* answer) {
            return table_.host_allocate(table_.context, device_index_,
                                        chunk_bytes_, &buffer, answer);
          });
      if (status.ok()) slot.buffer = buffer;
    }
  }

  absl::Status Issue(Slot& slot, ferry_copy piece, bool through_buffer) {
    slot.unload_to = nullptr;
    if (through_buffer && slot.buffer != nullptr) {
      if (piece.direction == FERRY_COPY_TO_DEVICE) {
        std::memcpy(slot.buffer, piece.host_source, piece.size_bytes);
        piece.host_source = slot.buffer;
      } else {
        slot.unload_to = piece.host_destination;
        slot.size_bytes = piece.size_bytes;
        piece.host_destination = slot.buffer;
      }
    }
    FERRY_RETURN_IF_ERROR(CallPlugin("copy_async", [&](ferry_status* status) {
      return table_.copy_async(table_.context, handle_, &piece, &slot.event,
                               status);
    }));
    slot.is_busy = true;
    return absl::OkStatus();
  }

  // Waits for the slot's piece, if there is one.
  absl::Status Finish(Slot& slot) {
    if (!slot.is_busy) return absl::OkStatus();
    slot.is_busy = false;
    absl::Status status = CallPlugin("event_wait", [&](ferry_status* answer) {
      return table_.event_wait(table_.context, slot.event, answer);
    });
    status.Update(CallPlugin("event_release", [&](ferry_status* answer) {
      return table_.event_release(table_.context, slot.event, answer);
    }));
    if (status.ok() && slot.unload_to != nullptr) {
      std::memcpy(slot.unload_to, slot.buffer, slot.size_bytes);
    }
    return status;
  }

  const ferry_backend& table_;
  const uint32_t device_index_;
  uint64_t chunk_bytes_ = 0;
  uint64_t handle_ = 0;
  bool is_created_ = false;
  Slot slots_[2];
  size_t next_ = 0;
};

PluginQueues::PluginQueues(const ferry_backend& table) : table_(table) {}

PluginQueues::~PluginQueues() = default;

bool PluginQueues::are_there() const {
  return (table_.capabilities & FERRY_CAPABILITY_ASYNC) != 0;
}

absl::StatusOr<std::unique_ptr<PluginQueues::Queue>> PluginQueues::Take(
    uint32_t device_index) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::unique_ptr<Queue>>& idle = idle_[device_index];
    if (!idle.empty()) {
      std::unique_ptr<Queue> queue = std::move(idle.back());
      idle.pop_back();
      return queue;
    }
  }
  return Queue::Create(table_, device_index);
}

void PluginQueues::GiveBack(std::unique_ptr<Queue> queue) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_[queue->device_index()].push_back(std::move(queue));
}

absl::Status PluginQueues::Copy(const ferry_copy& copy) {
  FERRY_ASSIGN_OR_RETURN(std::unique_ptr<Queue> queue, Take(copy.device_index));
  const absl::Status status = queue->Copy(copy);
  // A queue on which something failed may fail for good.
  if (status.ok()) GiveBack(std::move(queue));
  return status;
}

}  // namespace ferry
