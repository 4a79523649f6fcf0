// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0

#include "ferry/plugins/check/abi_check.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

int CountEntries(const char* folder) {
  std::error_code error;
  int count = 0;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

absl::Status Wrong(absl::string_view message) {
  return absl::FailedPreconditionError(message);
}

absl::Status ExpectCode(absl::string_view function, int32_t code,
                        const ferry_status& status, int32_t wanted) {
  if (code != wanted) {
    return Wrong(absl::StrCat(
        "\"", function, "\" should return ", wanted, ", but returned ", code,
        ": ", PluginText(status.message, sizeof(status.message))));
  }
  if (status.code != code) {
    return Wrong(absl::StrCat("\"", function, "\" returned ", code,
                              ", but its status says ", status.code));
  }
  if (std::memchr(status.message, '\0', sizeof(status.message)) == nullptr) {
    return Wrong(
        absl::StrCat("the message of \"", function, "\" is not terminated"));
  }
  if (status.struct_size != sizeof(status)) {
    return Wrong(absl::StrCat("\"", function,
                              "\" changed the size of the host's status"));
  }
  return absl::OkStatus();
}

Belongings Belongings::Now() {
  Belongings now;
  now.threads = CountEntries("/proc/self/task");
  now.files = CountEntries("/proc/self/fd");
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  now.memory_bytes = pages * sysconf(_SC_PAGESIZE);
  return now;
}

std::string Belongings::MoreThan(const Belongings& before) const {
  // The C library reserves 64 MiB of addresses for the heap of a new thread,
  // and keeps heaps and stacks for threads to come.
  constexpr int64_t kSlackBytes = int64_t{512} << 20;
  if (threads > before.threads) {
    return absl::StrCat(threads - before.threads, " more threads");
  }
  if (files > before.files) {
    return absl::StrCat(files - before.files, " more open files");
  }
  if (memory_bytes > before.memory_bytes + kSlackBytes) {
    return absl::StrCat((memory_bytes - before.memory_bytes) >> 20,
                        " MiB more memory");
  }
  return "";
}

std::string LeftSince(const Belongings& before) {
  std::string left = Belongings::Now().MoreThan(before);
  for (int i = 0; i < 500 && !left.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    left = Belongings::Now().MoreThan(before);
  }
  return left;
}

uint32_t CountOf(const ferry_backend& table) {
  ferry_devices devices = HostStruct<ferry_devices>();
  ferry_status status = HostStruct<ferry_status>();
  table.device_count(table.context, &devices, &status);
  return devices.count;
}

Bytes Sample(uint32_t seed, uint64_t size_bytes) {
  Bytes bytes(size_bytes);
  uint32_t state = seed * 2654435761u + 1;
  for (uint8_t& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

DeviceBlock::DeviceBlock(const ferry_backend& table, uint32_t device,
                         uint64_t size_bytes)
    : table_(table), device_(device) {
  ferry_status status = HostStruct<ferry_status>();
  code_ = table.allocate(table.context, device, size_bytes, &handle_, &status);
  status_ = ExpectCode("allocate", code_, status, FERRY_OK);
}

DeviceBlock::~DeviceBlock() {
  if (!is_freed_) Free().IgnoreError();
}

absl::Status DeviceBlock::Free() {
  FERRY_RETURN_IF_ERROR(status_);
  is_freed_ = true;
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = table_.free(table_.context, device_, handle_, &status);
  return ExpectCode("free", code, status, FERRY_OK);
}

ferry_copy DeviceBlock::ToDevice(const void* source,
                                 uint64_t size_bytes) const {
  ferry_copy copy = HostStruct<ferry_copy>();
  copy.direction = FERRY_COPY_TO_DEVICE;
  copy.device_index = device_;
  copy.handle = handle_;
  copy.size_bytes = size_bytes;
  copy.host_source = source;
  return copy;
}

ferry_copy DeviceBlock::ToHost(void* destination, uint64_t size_bytes) const {
  ferry_copy copy = ToDevice(nullptr, size_bytes);
  copy.direction = FERRY_COPY_TO_HOST;
  copy.host_destination = destination;
  return copy;
}

absl::Status Copy(const ferry_backend& table, const ferry_copy& copy) {
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = table.copy(table.context, &copy, &status);
  return ExpectCode("copy", code, status, FERRY_OK);
}

Queue::Queue(const ferry_backend& table, uint32_t device) : table_(table) {
  const Guarded<ferry_status> status;
  const int32_t code =
      table.queue_create(table.context, device, &handle_, status.get());
  status_ = ExpectCode("queue_create", code, *status, FERRY_OK);
}

absl::Status Queue::Destroy() {
  if (!status_.ok() || is_destroyed_) return absl::OkStatus();
  is_destroyed_ = true;
  const Guarded<ferry_status> status;
  const int32_t code =
      table_.queue_destroy(table_.context, handle_, status.get());
  return ExpectCode("queue_destroy", code, *status, FERRY_OK);
}

absl::Status Queue::Issue(const ferry_copy& copy, uint64_t* event) {
  const Guarded<ferry_status> status;
  // The plugin may read it only during the call.
  ferry_copy passed = copy;
  const int32_t code =
      table_.copy_async(table_.context, handle_, &passed, event, status.get());
  std::memset(&passed, 0xA5, sizeof(passed));
  return ExpectCode("copy_async", code, *status, FERRY_OK);
}

absl::Status Queue::IssueFast(const ferry_copy& copy, uint64_t* event) {
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code =
      table_.copy_async(table_.context, handle_, &copy, event, &status);
  return ExpectCode("copy_async", code, status, FERRY_OK);
}

bool Queue::IsRefused(const ferry_copy& copy, int32_t* code, uint64_t* event) {
  ferry_status status = HostStruct<ferry_status>();
  *code = table_.copy_async(table_.context, handle_, &copy, event, &status);
  return *code != FERRY_OK;
}

absl::Status Wait(const ferry_backend& table, uint64_t event, int32_t wanted) {
  const Guarded<ferry_status> status;
  const int32_t code = table.event_wait(table.context, event, status.get());
  return ExpectCode("event_wait", code, *status, wanted);
}

absl::Status Release(const ferry_backend& table, uint64_t event) {
  ferry_status status = HostStruct<ferry_status>();
  const int32_t code = table.event_release(table.context, event, &status);
  return ExpectCode("event_release", code, status, FERRY_OK);
}

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
