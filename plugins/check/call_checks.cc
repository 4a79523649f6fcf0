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
inline namespace v1 {
namespace check_internal {
namespace {

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
  // The request of a copy is the host's, too.
  const Bytes bytes = Sample(1, 64);
  Bytes found(bytes.size());
  const DeviceBlock block(table, device, bytes.size());
  FERRY_RETURN_IF_ERROR(block.status());
  for (const ferry_copy& copy : {block.ToDevice(bytes.data(), bytes.size()),
                                 block.ToHost(found.data(), found.size())}) {
    Guarded<ferry_copy> request;
    *request = copy;
    request.MakeReadOnly();
    FERRY_RETURN_IF_ERROR(Copy(table, *request));
  }
  return absl::OkStatus();
}

absl::Status AbsenceHasAReason(const ferry_backend& table, uint32_t) {
  const Guarded<ferry_devices> devices;
  const Guarded<ferry_status> status;
  const int32_t code =
      table.device_count(table.context, devices.get(), status.get());
  FERRY_RETURN_IF_ERROR(ExpectCode("device_count", code, *status, FERRY_OK));
  if (devices->count != 0) return absl::OkStatus();
  if (devices->absence == FERRY_ABSENCE_NONE) {
    return Wrong("there is no device, but \"absence\" is FERRY_ABSENCE_NONE");
  }
  if (std::memchr(devices->why, '\0', sizeof(devices->why)) == nullptr) {
    return Wrong("the text \"why\" is not terminated");
  }
  return absl::OkStatus();
}

absl::Status OtherIndexesAreRefused(const ferry_backend& table,
                                    uint32_t device) {
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
    if ((table.capabilities & FERRY_CAPABILITY_ASYNC) != 0) {
      uint64_t queue = 0;
      const Guarded<ferry_status> other;
      code = table.queue_create(table.context, index, &queue, other.get());
      FERRY_RETURN_IF_ERROR(
          ExpectCode("queue_create", code, *other, FERRY_OUT_OF_RANGE));
    }
    if ((table.capabilities & FERRY_CAPABILITY_HOST_ALLOC) != 0) {
      void* address = nullptr;
      const Guarded<ferry_status> other;
      code =
          table.host_allocate(table.context, index, 64, &address, other.get());
      FERRY_RETURN_IF_ERROR(
          ExpectCode("host_allocate", code, *other, FERRY_OUT_OF_RANGE));
    }
    Bytes bytes(64);
    const DeviceBlock block(table, device, bytes.size());
    FERRY_RETURN_IF_ERROR(block.status());
    for (ferry_copy copy : {block.ToDevice(bytes.data(), bytes.size()),
                            block.ToHost(bytes.data(), bytes.size())}) {
      copy.device_index = index;
      const Guarded<ferry_status> other;
      code = table.copy(table.context, &copy, other.get());
      FERRY_RETURN_IF_ERROR(
          ExpectCode("copy", code, *other, FERRY_OUT_OF_RANGE));
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
    DeviceBlock block(table, device, kSize);
    FERRY_RETURN_IF_ERROR(block.status());
    FERRY_RETURN_IF_ERROR(
        Copy(table, block.ToDevice(bytes.data(), bytes.size())));
    return block.Free();
  };
  // The first use may create what the plugin keeps for later.
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

// Addresses that a copy of 0 bytes may be given: none, and one that cannot be
// read or written.
class NoBytes {
 public:
  NoBytes()
      : page_(mmap(nullptr, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  }
  NoBytes(const NoBytes&) = delete;
  NoBytes& operator=(const NoBytes&) = delete;
  ~NoBytes() { munmap(page_, 1); }
  std::vector<void*> addresses() const { return {nullptr, page_}; }

 private:
  void* const page_;
};

absl::Status NothingIsCopied(const ferry_backend& table, uint32_t device) {
  const Bytes held = Sample(6, 100);
  Bytes found(held.size());
  const DeviceBlock block(table, device, held.size());
  FERRY_RETURN_IF_ERROR(block.status());
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToDevice(held.data(), held.size())));
  const NoBytes none;
  for (void* address : none.addresses()) {
    for (uint64_t offset : {0, 1, 99, 100}) {
      for (ferry_copy copy :
           {block.ToDevice(address, 0), block.ToHost(address, 0)}) {
        copy.offset_bytes = offset;
        FERRY_RETURN_IF_ERROR(Copy(table, copy));
      }
    }
  }
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToHost(found.data(), found.size())));
  return found == held ? absl::OkStatus()
                       : Wrong("copies of 0 bytes changed the memory");
}

absl::Status NoBytesAreMemory(const ferry_backend& table, uint32_t device) {
  Bytes bytes(1);
  const NoBytes none;
  DeviceBlock first(table, device, 0);
  FERRY_RETURN_IF_ERROR(first.status());
  const DeviceBlock between(table, device, 1);
  FERRY_RETURN_IF_ERROR(between.status());
  DeviceBlock second(table, device, 0);
  FERRY_RETURN_IF_ERROR(second.status());
  for (const DeviceBlock* block : {&first, &second}) {
    for (void* address : none.addresses()) {
      FERRY_RETURN_IF_ERROR(Copy(table, block->ToDevice(address, 0)));
      FERRY_RETURN_IF_ERROR(Copy(table, block->ToHost(address, 0)));
    }
    for (const ferry_copy& copy :
         {block->ToDevice(bytes.data(), 1), block->ToHost(bytes.data(), 1)}) {
      const Guarded<ferry_status> status;
      const int32_t code = table.copy(table.context, &copy, status.get());
      FERRY_RETURN_IF_ERROR(ExpectCode("copy of 1 byte of memory of 0 bytes",
                                       code, *status, FERRY_OUT_OF_RANGE));
    }
  }
  FERRY_RETURN_IF_ERROR(first.Free());
  return second.Free();
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
    {"R-07", "a copy of 0 bytes does nothing, whatever the host's pointers", 0,
     NothingIsCopied},
    {"R-08", "memory of 0 bytes is allocated, copied and freed", 0,
     NoBytesAreMemory},
    {"R-09", "a plugin without devices says why", 0, AbsenceHasAReason,
     CallCheck::kWithoutDevices},
    {"N-01",
     "host memory is aligned, does not overlap, and can be copied like any "
     "other",
     FERRY_CAPABILITY_HOST_ALLOC, HostMemoryIsMemory},
};

}  // namespace

absl::Span<const CallCheck> CallChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
