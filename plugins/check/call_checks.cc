// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// The five functions of a device type, called as the adaptor never does.

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
namespace check_internal {
namespace {

uint32_t CountOf(const ferry_backend& table) {
  ferry_devices devices = HostStruct<ferry_devices>();
  ferry_status status = HostStruct<ferry_status>();
  table.device_count(table.context, &devices, &status);
  return devices.count;
}

absl::Status AnswersStayInTheirStructs(const ferry_backend& table,
                                       uint32_t device) {
  const Guarded<ferry_devices> devices;
  const Guarded<ferry_device_properties> properties;
  const Guarded<ferry_status> status;
  int32_t code = table.device_count(table.context, devices.get(), status.get());
  FERRY_RETURN_IF_ERROR(ExpectCode("device_count", code, *status, FERRY_OK));
  code = table.device_properties(table.context, device, properties.get(),
                                 status.get());
  FERRY_RETURN_IF_ERROR(
      ExpectCode("device_properties", code, *status, FERRY_OK));
  if (devices->struct_size != sizeof(*devices) ||
      properties->struct_size != sizeof(*properties)) {
    return Wrong("it changed the struct_size of a struct of the host");
  }
  if (std::memchr(properties->name, '\0', sizeof(properties->name)) ==
      nullptr) {
    return Wrong("the device's name is not terminated");
  }
  return absl::OkStatus();
}

absl::Status OtherIndexesAreRefused(const ferry_backend& table, uint32_t) {
  const uint32_t count = CountOf(table);
  for (uint32_t index : {count, UINT32_MAX}) {
    const Guarded<ferry_status> status;
    ferry_device_properties properties = HostStruct<ferry_device_properties>();
    int32_t code = table.device_properties(table.context, index, &properties,
                                           status.get());
    FERRY_RETURN_IF_ERROR(
        ExpectCode("device_properties", code, *status, FERRY_OUT_OF_RANGE));
    for (uint64_t size : {uint64_t{0}, uint64_t{64}}) {
      uint64_t handle = 0;
      const Guarded<ferry_status> other;
      code = table.allocate(table.context, index, size, &handle, other.get());
      FERRY_RETURN_IF_ERROR(
          ExpectCode("allocate", code, *other, FERRY_OUT_OF_RANGE));
    }
  }
  return absl::OkStatus();
}

absl::Status CopiesOutsideAreRefused(const ferry_backend& table,
                                     uint32_t device) {
  constexpr uint64_t kSize = 100;
  const Bytes held = Sample(1, kSize);
  const DeviceBlock block(table, device, kSize);
  FERRY_RETURN_IF_ERROR(block.status());
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToDevice(held.data(), kSize)));
  struct Range {
    uint64_t offset, size;
  };
  for (const Range& range :
       {Range{50, 51}, Range{100, 1}, Range{101, 0}, Range{0, 101},
        Range{UINT64_MAX, 2}, Range{1, UINT64_MAX},
        Range{uint64_t{1} << 63, uint64_t{1} << 63}}) {
    const Bytes source = Sample(2, 200);
    Bytes destination = Sample(3, 200);
    const Bytes before = destination;
    for (ferry_copy copy : {block.ToDevice(source.data(), range.size),
                            block.ToHost(destination.data(), range.size)}) {
      copy.offset_bytes = range.offset;
      const Guarded<ferry_status> status;
      const int32_t code = table.copy(table.context, &copy, status.get());
      FERRY_RETURN_IF_ERROR(
          ExpectCode(absl::StrCat("copy of ", range.size, " bytes at ",
                                  range.offset, " of ", kSize),
                     code, *status, FERRY_OUT_OF_RANGE));
    }
    if (destination != before) return Wrong("the host's memory changed");
  }
  Bytes found(kSize);
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToHost(found.data(), kSize)));
  if (found != held) return Wrong("the device's memory changed");
  return absl::OkStatus();
}

absl::Status UnknownDirectionsAreRefused(const ferry_backend& table,
                                         uint32_t device) {
  const DeviceBlock block(table, device, 64);
  FERRY_RETURN_IF_ERROR(block.status());
  Bytes bytes(64);
  for (uint32_t direction : {0u, 3u, 77u}) {
    ferry_copy copy = block.ToHost(bytes.data(), bytes.size());
    copy.host_source = bytes.data();
    copy.direction = direction;
    const Guarded<ferry_status> status;
    const int32_t code = table.copy(table.context, &copy, status.get());
    FERRY_RETURN_IF_ERROR(
        ExpectCode(absl::StrCat("copy in direction ", direction), code, *status,
                   FERRY_UNIMPLEMENTED));
  }
  return absl::OkStatus();
}

absl::Status LargerStructsAreFine(const ferry_backend& table, uint32_t device) {
  // What a later version appends, of which this plugin knows nothing.
  struct Later {
    ferry_copy copy;
    uint64_t more[8];
  };
  const Bytes wanted = Sample(4, 64);
  Bytes found(64);
  const DeviceBlock block(table, device, wanted.size());
  FERRY_RETURN_IF_ERROR(block.status());
  for (const ferry_copy& copy : {block.ToDevice(wanted.data(), wanted.size()),
                                 block.ToHost(found.data(), found.size())}) {
    Later later;
    std::memset(&later, 0xA5, sizeof(later));
    later.copy = copy;
    later.copy.struct_size = sizeof(later);
    FERRY_RETURN_IF_ERROR(Copy(table, later.copy));
  }
  return found == wanted
             ? absl::OkStatus()
             : Wrong("a copy described by a longer struct is wrong");
}

absl::Status NothingIsLeftBehind(const ferry_backend& table, uint32_t device) {
  constexpr uint64_t kSize = uint64_t{1} << 20;
  const Bytes bytes = Sample(5, 4096);
  const auto use = [&]() -> absl::Status {
    const DeviceBlock block(table, device, kSize);
    FERRY_RETURN_IF_ERROR(block.status());
    return Copy(table, block.ToDevice(bytes.data(), bytes.size()));
  };
  // The first may make what is kept.
  FERRY_RETURN_IF_ERROR(use());
  const Belongings before = Belongings::Now();
  for (int i = 0; i < 1000; ++i) FERRY_RETURN_IF_ERROR(use());
  const std::string more = LeftSince(before);
  if (!more.empty()) {
    return Wrong(
        absl::StrCat("after 1000 allocations, all freed, there are ", more));
  }
  return absl::OkStatus();
}

absl::Status HostMemoryIsMemory(const ferry_backend& table, uint32_t device) {
  std::vector<void*> addresses;
  addresses.reserve(3);
  for (uint64_t size : {1, 4097, 1 << 20}) {
    void* address = nullptr;
    const Guarded<ferry_status> status;
    const int32_t code = table.host_allocate(table.context, device, size,
                                             &address, status.get());
    FERRY_RETURN_IF_ERROR(ExpectCode("host_allocate", code, *status, FERRY_OK));
    if (address == nullptr || reinterpret_cast<uintptr_t>(address) % 64 != 0) {
      return Wrong("host memory is null or not aligned to 64 bytes");
    }
    const Bytes wanted = Sample(6, size);
    Bytes found(size);
    std::memcpy(address, wanted.data(), size);
    const DeviceBlock block(table, device, size);
    FERRY_RETURN_IF_ERROR(block.status());
    FERRY_RETURN_IF_ERROR(Copy(table, block.ToDevice(address, size)));
    FERRY_RETURN_IF_ERROR(Copy(table, block.ToHost(found.data(), size)));
    if (found != wanted) {
      return Wrong("bytes copied through host memory came back wrong");
    }
    addresses.push_back(address);
  }
  std::sort(addresses.begin(), addresses.end());
  if (std::unique(addresses.begin(), addresses.end()) != addresses.end()) {
    return Wrong("two blocks of host memory have the same address");
  }
  absl::Status freed = absl::OkStatus();
  std::thread([&] {
    for (void* address : addresses) {
      const Guarded<ferry_status> status;
      const int32_t code =
          table.host_free(table.context, device, address, status.get());
      freed.Update(ExpectCode("host_free", code, *status, FERRY_OK));
    }
  }).join();
  return freed;
}

constexpr CallCheck kChecks[] = {
    {"R-01", "functions write only inside their structs", 0,
     AnswersStayInTheirStructs},
    {"R-02", "indexes past the last device are refused", 0,
     OtherIndexesAreRefused},
    {"R-03", "copies outside the memory are refused and change nothing", 0,
     CopiesOutsideAreRefused},
    {"R-04", "unknown copy directions are refused", 0,
     UnknownDirectionsAreRefused},
    {"R-05", "longer structs of a later host are accepted", 0,
     LargerStructsAreFine},
    {"R-06", "freed memory is not leaked", 0, NothingIsLeftBehind},
    {"N-01",
     "host memory is aligned, does not overlap, and can be copied like any "
     "other",
     FERRY_CAPABILITY_HOST_ALLOC, HostMemoryIsMemory},
};

}  // namespace

absl::Span<const CallCheck> CallChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace ferry
