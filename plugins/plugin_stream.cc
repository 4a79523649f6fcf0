// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_stream.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/core/status_macros.h"
#include "ferry/devices/staging.h"
#include "ferry/plugins/plugin_memory.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace {

using Table = std::shared_ptr<const ferry_backend>;

absl::StatusOr<Memory> AllocateBuffer(const Table& table, uint32_t index,
                                      uint64_t size_bytes) {
  if ((table->capabilities & FERRY_CAPABILITY_HOST_ALLOC) != 0) {
    void* address = nullptr;
    const absl::Status status =
        CallPlugin("host_allocate", [&](ferry_status* report) {
          return table->host_allocate(table->context, index, size_bytes,
                                      &address, report);
        });
    if (status.ok() && address != nullptr) {
      const auto free = [table, index](void* pinned) {
        ferry_status report = HostStruct<ferry_status>();
        table->host_free(table->context, index, pinned, &report);
      };
      return Memory{address, std::shared_ptr<void>(address, free)};
    }
  }
  return AllocateHostBuffer(size_bytes);
}

class PluginStream final : public TransferStream {
 public:
  // `queue` is the stream's to destroy.
  PluginStream(Table table, uint32_t index, uint64_t queue,
               uint64_t buffer_bytes)
      : table_(std::move(table)),
        queue_(queue),
        buffers_(buffer_bytes, [table = table_, index](uint64_t size_bytes) {
          return AllocateBuffer(table, index, size_bytes);
        }) {}
  ~PluginStream() override {
    WaitForFirst(under_way_.size());
    // Ignores the status: a destructor cannot report it.
    ferry_status status = HostStruct<ferry_status>();
    table_->queue_destroy(table_->context, queue_, &status);
  }

  uint64_t buffer_bytes() const override { return buffers_.buffer_bytes(); }

  absl::StatusOr<char*> NextBuffer() override {
    FERRY_RETURN_IF_ERROR(status_);
    absl::StatusOr<char*> buffer = buffers_.Next();
    status_ = buffer.ok() ? Wait(*buffer) : buffer.status();
    FERRY_RETURN_IF_ERROR(status_);
    return buffer;
  }

  absl::Status ToDevice(const char* buffer,
                        absl::Span<const TransferPiece> pieces) override {
    for (const TransferPiece& piece : pieces) {
      FERRY_RETURN_IF_ERROR(status_);
      Issue(piece, buffer,
            CopyToPlugin(*table_, buffer + piece.buffer_offset_bytes,
                         *piece.memory, piece.offset_bytes, piece.size_bytes));
    }
    return status_;
  }

  absl::Status ToHost(absl::Span<const TransferPiece> pieces,
                      char* buffer) override {
    for (const TransferPiece& piece : pieces) {
      FERRY_RETURN_IF_ERROR(status_);
      Issue(
          piece, buffer,
          CopyFromPlugin(*table_, *piece.memory, piece.offset_bytes,
                         buffer + piece.buffer_offset_bytes, piece.size_bytes));
    }
    return status_;
  }

  absl::Status Wait(const char* buffer) override {
    const auto last =
        std::find_if(under_way_.rbegin(), under_way_.rend(),
                     [&](const Copy& copy) { return copy.buffer == buffer; });
    WaitForFirst(under_way_.rend() - last);
    return status_;
  }

  absl::Status Finish() override {
    WaitForFirst(under_way_.size());
    return status_;
  }

 private:
  struct Copy {
    uint64_t event;
    absl::string_view name;
    const char* buffer;
  };

  void Issue(const TransferPiece& piece, const char* buffer,
             const absl::StatusOr<ferry_copy>& copy) {
    if (piece.size_bytes == 0) return;
    uint64_t event = 0;
    absl::Status status = copy.status();
    if (status.ok()) {
      status = CallPlugin("copy_async", [&](ferry_status* report) {
        return table_->copy_async(table_->context, queue_, &*copy, &event,
                                  report);
      });
    }
    if (status.ok()) {
      under_way_.push_back({event, piece.name, buffer});
    } else {
      status_ = TransferError(status, piece.name);
    }
  }

  // Waits for the `count` copies that were issued first.
  void WaitForFirst(size_t count) {
    for (; count > 0; --count) {
      const Copy copy = under_way_.front();
      under_way_.pop_front();
      absl::Status status = CallPlugin("event_wait", [&](ferry_status* report) {
        return table_->event_wait(table_->context, copy.event, report);
      });
      status.Update(CallPlugin("event_release", [&](ferry_status* report) {
        return table_->event_release(table_->context, copy.event, report);
      }));
      if (!status.ok()) status_.Update(TransferError(status, copy.name));
    }
  }

  const Table table_;
  const uint64_t queue_;
  StagingBuffers buffers_;
  std::deque<Copy> under_way_;  // in the order of the queue
  absl::Status status_;         // the first error
};

}  // namespace

absl::StatusOr<std::unique_ptr<TransferStream>> OpenPluginStream(
    std::shared_ptr<const ferry_backend> table, uint32_t index) {
  ferry_device_properties properties = HostStruct<ferry_device_properties>();
  FERRY_RETURN_IF_ERROR(
      CallPlugin("device_properties", [&](ferry_status* status) {
        return table->device_properties(table->context, index, &properties,
                                        status);
      }));
  const uint64_t buffer_bytes =
      properties.copy_chunk_bytes == 0
          ? kDefaultBufferBytes
          : std::clamp(properties.copy_chunk_bytes, kMinBufferBytes,
                       kMaxBufferBytes);
  uint64_t queue = 0;
  FERRY_RETURN_IF_ERROR(CallPlugin("queue_create", [&](ferry_status* status) {
    return table->queue_create(table->context, index, &queue, status);
  }));
  return std::make_unique<PluginStream>(std::move(table), index, queue,
                                        buffer_bytes);
}

}  // namespace v1
}  // namespace ferry
