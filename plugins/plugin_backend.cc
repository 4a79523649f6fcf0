// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
namespace {

// Past it, an index would not fit the name of a device.
constexpr uint32_t kMaxDevices = 1 << 15;

// Memory of a plugin; what `Memory::owner` holds. A handle does not say on
// which device it is.
class Block {
 public:
  Block(std::shared_ptr<const ferry_backend> table, uint32_t index,
        uint64_t handle)
      : table_(std::move(table)), index_(index), handle_(handle) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  // What the plugin says then finds nobody to tell.
  ~Block() {
    ferry_status status = HostStruct<ferry_status>();
    table_->free(table_->context, index_, handle_, &status);
  }

  // Whether a copy that this table makes may use it.
  bool IsOf(const ferry_backend& table) const {
    return table_->context == table.context && table_->copy == table.copy;
  }
  uint32_t index() const { return index_; }
  uint64_t handle() const { return handle_; }

 private:
  const std::shared_ptr<const ferry_backend> table_;
  const uint32_t index_;
  const uint64_t handle_;
};

// Tells owners that are blocks from those that others made.
struct DeleteBlock {
  void operator()(Block* block) const { delete block; }
};

const Block* BlockOf(const Memory& memory) {
  if (std::get_deleter<DeleteBlock>(memory.owner) == nullptr) return nullptr;
  return static_cast<const Block*>(memory.owner.get());
}

absl::string_view AbsenceText(uint32_t absence) {
  switch (absence) {
    case FERRY_ABSENCE_NO_DEVICE:
      return "no such hardware";
    case FERRY_ABSENCE_NO_DRIVER:
      return "its driver is not installed";
    case FERRY_ABSENCE_DRIVER_TOO_OLD:
      return "its driver is too old";
    case FERRY_ABSENCE_NO_PERMISSION:
      return "this user may not use it";
    case FERRY_ABSENCE_DEVICE_LOST:
      return "the device is lost";
    default:
      return "the plugin finds none";
  }
}

absl::Status NoSuchDevice(absl::string_view type, int index) {
  return absl::OutOfRangeError(
      absl::StrCat("there is no ", type, " device ", index));
}

}  // namespace

PluginBackend::PluginBackend(const PluginDescription::BackendTable& table)
    : type_(table.type),
      table_(std::make_shared<const ferry_backend>(table.table)),
      queues_(*table_) {}

bool PluginBackend::is_indexed() const {
  return (table_->flags & FERRY_BACKEND_UNINDEXED) == 0;
}

absl::StatusOr<int> PluginBackend::DeviceCount() const {
  ferry_devices devices = HostStruct<ferry_devices>();
  FERRY_RETURN_IF_ERROR(CallPlugin("device_count", [&](ferry_status* status) {
    return table_->device_count(table_->context, &devices, status);
  }));
  const uint32_t most = is_indexed() ? kMaxDevices : 1;
  if (devices.count > most) {
    return absl::InternalError(absl::StrCat("the plugin counts ", devices.count,
                                            " devices of type ", type_,
                                            "; there can be ", most));
  }
  if (devices.count == 0) {
    const std::string why = PluginText(devices.why, sizeof(devices.why));
    return absl::UnavailableError(absl::StrCat(AbsenceText(devices.absence),
                                               why.empty() ? "" : ": ", why));
  }
  return static_cast<int>(devices.count);
}

absl::StatusOr<DeviceProperties> PluginBackend::Properties(int index) const {
  if (index < 0) return NoSuchDevice(type_, index);
  ferry_device_properties properties = HostStruct<ferry_device_properties>();
  FERRY_RETURN_IF_ERROR(
      CallPlugin("device_properties", [&](ferry_status* status) {
        return table_->device_properties(
            table_->context, static_cast<uint32_t>(index), &properties, status);
      }));
  return DeviceProperties{PluginText(properties.name, sizeof(properties.name)),
                          properties.memory_bytes};
}

absl::Status PluginBackend::Allocate(int index,
                                     absl::Span<const uint64_t> sizes_bytes,
                                     absl::Span<Memory> out) {
  if (index < 0) return NoSuchDevice(type_, index);
  const auto device = static_cast<uint32_t>(index);
  // Says whether there is the device also where no size is asked for.
  FERRY_RETURN_IF_ERROR(Properties(index).status());
  for (size_t i = 0; i < out.size(); ++i) {
    uint64_t handle = 0;
    const absl::Status status =
        CallPlugin("allocate", [&](ferry_status* report) {
          return table_->allocate(table_->context, device, sizes_bytes[i],
                                  &handle, report);
        });
    if (!status.ok()) {
      std::fill(out.begin(), out.end(), Memory());
      if (!absl::IsResourceExhausted(status)) return status;
      return absl::ResourceExhaustedError(
          absl::StrCat(type_, ":", index, " has no room for ", sizes_bytes[i],
                       " bytes: ", status.message()));
    }
    // A handle of 0 may be memory like another, so it is freed like another.
    out[i] = Memory{reinterpret_cast<void*>(static_cast<uintptr_t>(handle)),
                    std::shared_ptr<Block>(new Block(table_, device, handle),
                                           DeleteBlock())};
  }
  return absl::OkStatus();
}

absl::Status PluginBackend::Copy(const Memory& memory, ferry_copy copy) {
  const Block* const block = BlockOf(memory);
  if (block == nullptr || !block->IsOf(*table_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory that the ", type_, " plugin did not give out"));
  }
  copy.device_index = block->index();
  copy.handle = block->handle();
  if (queues_.are_there()) return queues_.Copy(copy);
  return CallPlugin("copy", [&](ferry_status* status) {
    return table_->copy(table_->context, &copy, status);
  });
}

absl::Status PluginBackend::CopyFromHost(const void* from, const Memory& to,
                                         uint64_t offset_bytes,
                                         uint64_t size_bytes) {
  if (size_bytes == 0) return absl::OkStatus();
  ferry_copy copy = HostStruct<ferry_copy>();
  copy.direction = FERRY_COPY_TO_DEVICE;
  copy.offset_bytes = offset_bytes;
  copy.size_bytes = size_bytes;
  copy.host_source = from;
  return Copy(to, copy);
}

absl::Status PluginBackend::CopyToHost(const Memory& from,
                                       uint64_t offset_bytes, void* to,
                                       uint64_t size_bytes) {
  if (size_bytes == 0) return absl::OkStatus();
  ferry_copy copy = HostStruct<ferry_copy>();
  copy.direction = FERRY_COPY_TO_HOST;
  copy.offset_bytes = offset_bytes;
  copy.size_bytes = size_bytes;
  copy.host_destination = to;
  return Copy(from, copy);
}

}  // namespace ferry
