// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/plugin_backend.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_memory.h"
#include "ferry/plugins/plugin_status.h"
#include "ferry/plugins/plugin_stream.h"

namespace ferry {
inline namespace v1 {
namespace {

// Past it, an index would not fit the name of a device.
constexpr uint32_t kMaxDevices = 1 << 15;

absl::string_view AbsenceText(uint32_t absence) {
  switch (absence) {
    case FERRY_ABSENCE_NO_DEVICE:
      return "the hardware is not present";
    case FERRY_ABSENCE_NO_DRIVER:
      return "its driver is not installed";
    case FERRY_ABSENCE_DRIVER_TOO_OLD:
      return "its driver is too old";
    case FERRY_ABSENCE_NO_PERMISSION:
      return "this user does not have permission to use it";
    case FERRY_ABSENCE_DEVICE_LOST:
      return "the device is lost";
    default:
      return "the plugin found no device";
  }
}

absl::Status NoSuchDevice(absl::string_view type, int index) {
  return absl::OutOfRangeError(
      absl::StrCat("there is no ", type, " device ", index));
}

}  // namespace

PluginBackend::PluginBackend(const PluginDescription::BackendTable& table)
    : type_(table.type),
      table_(std::make_shared<const ferry_backend>(table.table)) {}

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
    return absl::InternalError(
        absl::StrCat("the plugin reports ", devices.count, " devices of type ",
                     type_, "; at most ", most, " are allowed"));
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
          absl::StrCat("cannot allocate ", sizes_bytes[i], " bytes on ", type_,
                       ":", index, ": ", status.message()));
    }
    // A handle of 0 may be memory like another, so it is freed like another.
    out[i] = MakePluginMemory(table_, device, handle);
  }
  return absl::OkStatus();
}

absl::Status PluginBackend::Copy(const ferry_copy& copy) {
  return CallPlugin("copy", [&](ferry_status* status) {
    return table_->copy(table_->context, &copy, status);
  });
}

absl::Status PluginBackend::CopyFromHost(const void* from, const Memory& to,
                                         uint64_t offset_bytes,
                                         uint64_t size_bytes) {
  if (size_bytes == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(
      const ferry_copy copy,
      CopyToPlugin(*table_, from, to, offset_bytes, size_bytes));
  return Copy(copy);
}

absl::Status PluginBackend::CopyToHost(const Memory& from,
                                       uint64_t offset_bytes, void* to,
                                       uint64_t size_bytes) {
  if (size_bytes == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(
      const ferry_copy copy,
      CopyFromPlugin(*table_, from, offset_bytes, to, size_bytes));
  return Copy(copy);
}

absl::Status PluginBackend::CopyBetween(const Memory& from,
                                        uint64_t from_offset_bytes,
                                        const Memory& to,
                                        uint64_t to_offset_bytes,
                                        uint64_t size_bytes) {
  if ((table_->capabilities & FERRY_CAPABILITY_DEVICE_COPY) == 0) {
    return Backend::CopyBetween(from, from_offset_bytes, to, to_offset_bytes,
                                size_bytes);
  }
  if (size_bytes == 0) return absl::OkStatus();
  FERRY_ASSIGN_OR_RETURN(const ferry_device_copy copy,
                         CopyBetweenPlugin(*table_, from, from_offset_bytes, to,
                                           to_offset_bytes, size_bytes));
  return CallPlugin("copy_between", [&](ferry_status* status) {
    return table_->copy_between(table_->context, &copy, status);
  });
}

absl::StatusOr<std::unique_ptr<TransferStream>> PluginBackend::OpenStream(
    int index) {
  if ((table_->capabilities & FERRY_CAPABILITY_ASYNC) == 0) {
    return Backend::OpenStream(index);
  }
  if (index < 0) return NoSuchDevice(type_, index);
  return OpenPluginStream(table_, static_cast<uint32_t>(index));
}

bool PluginBackend::has_own_tags() const {
  return (table_->capabilities & FERRY_CAPABILITY_TAGS) != 0;
}

absl::StatusOr<std::string> PluginBackend::DeviceTag(int index) const {
  if (index < 0) return NoSuchDevice(type_, index);
  ferry_tag tag = HostStruct<ferry_tag>();
  FERRY_RETURN_IF_ERROR(CallPlugin("device_tag", [&](ferry_status* status) {
    return table_->device_tag(table_->context, static_cast<uint32_t>(index),
                              &tag, status);
  }));
  const size_t size = strnlen(tag.text, sizeof(tag.text));
  if (size == sizeof(tag.text)) {
    return absl::InternalError(
        absl::StrCat("the plugin breaks its interface: \"device_tag\" wrote a "
                     "tag that is not null-terminated for ",
                     type_, " device ", index));
  }
  return std::string(tag.text, size);
}

absl::StatusOr<std::optional<int>> PluginBackend::FindDevice(
    absl::string_view tag) const {
  const ferry_string text = {tag.data(), tag.size()};
  uint32_t index = FERRY_NO_DEVICE;
  FERRY_RETURN_IF_ERROR(CallPlugin("find_device", [&](ferry_status* status) {
    return table_->find_device(table_->context, &text, &index, status);
  }));
  if (index == FERRY_NO_DEVICE) return std::nullopt;
  // An index past the last device is for the registry to refuse.
  return static_cast<int>(std::min(index, kMaxDevices));
}

Memory PluginBackend::Wrap(int index, uint64_t handle,
                           std::shared_ptr<void> owner) const {
  return WrapPluginMemory(table_, static_cast<uint32_t>(index), handle,
                          std::move(owner));
}

}  // namespace v1
}  // namespace ferry
