// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// Checks copies between devices that the host never asks for: copies of 0
// bytes, copies outside the memory, and copies between overlapping ranges.
// devices/conformance checks that all other copies move the right bytes.

#include <cstring>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "ferry/core/status_macros.h"
#include "ferry/plugins/check/abi_check.h"
#include "ferry/plugins/plugin_status.h"

namespace ferry {
inline namespace v1 {
namespace check_internal {
namespace {

constexpr uint64_t kSize = 100;

// Performs a copy, which should return `wanted`. If the copy is between two
// different devices that exist, the plugin may be unable to copy between them.
absl::Status Between(const ferry_backend& table, const ferry_device_copy& copy,
                     int32_t wanted = FERRY_OK) {
  Guarded<ferry_device_copy> request;
  *request = copy;
  request.MakeReadOnly();
  const Guarded<ferry_status> status;
  const int32_t code =
      table.copy_between(table.context, request.get(), status.get());
  const uint32_t count = CountOf(table);
  const bool is_unlinked = copy.source_index != copy.destination_index &&
                           copy.source_index < count &&
                           copy.destination_index < count &&
                           code == FERRY_UNIMPLEMENTED;
  return ExpectCode(
      absl::StrCat("copy_between of ", copy.size_bytes, " bytes from offset ",
                   copy.source_offset_bytes, " on device ", copy.source_index,
                   " to offset ", copy.destination_offset_bytes, " on device ",
                   copy.destination_index),
      code, *status, is_unlinked ? FERRY_UNIMPLEMENTED : wanted);
}

ferry_device_copy CopyOf(uint32_t source_index, const DeviceBlock& source,
                         uint32_t destination_index,
                         const DeviceBlock& destination, uint64_t size_bytes) {
  ferry_device_copy copy = HostStruct<ferry_device_copy>();
  copy.source_index = source_index;
  copy.source_handle = source.handle();
  copy.destination_index = destination_index;
  copy.destination_handle = destination.handle();
  copy.size_bytes = size_bytes;
  return copy;
}

absl::Status ExpectHolds(const ferry_backend& table, const DeviceBlock& block,
                         const Bytes& wanted, absl::string_view name) {
  Bytes found(wanted.size());
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToHost(found.data(), found.size())));
  return found == wanted ? absl::OkStatus()
                         : Wrong(absl::StrCat("the ", name, " changed"));
}

// Runs `check` with two memories of 100 bytes that hold different bytes: one on
// `device`, and one on each device in turn. Then compares both with what they
// held.
using PairCheck = absl::FunctionRef<absl::Status(
    const DeviceBlock& source, uint32_t other, const DeviceBlock& destination)>;
absl::Status WithEachDevice(const ferry_backend& table, uint32_t device,
                            PairCheck check) {
  const uint32_t count = CountOf(table);
  const Bytes held[] = {Sample(1, kSize), Sample(2, kSize)};
  for (uint32_t other = 0; other < count; ++other) {
    const DeviceBlock source(table, device, kSize);
    FERRY_RETURN_IF_ERROR(source.status());
    const DeviceBlock destination(table, other, kSize);
    FERRY_RETURN_IF_ERROR(destination.status());
    FERRY_RETURN_IF_ERROR(Copy(table, source.ToDevice(held[0].data(), kSize)));
    FERRY_RETURN_IF_ERROR(
        Copy(table, destination.ToDevice(held[1].data(), kSize)));
    FERRY_RETURN_IF_ERROR(check(source, other, destination));
    FERRY_RETURN_IF_ERROR(
        ExpectHolds(table, source, held[0], "memory to copy from"));
    FERRY_RETURN_IF_ERROR(
        ExpectHolds(table, destination, held[1], "memory to copy to"));
  }
  return absl::OkStatus();
}

absl::Status NothingIsCopied(const ferry_backend& table, uint32_t device) {
  return WithEachDevice(
      table, device,
      [&](const DeviceBlock& source, uint32_t other,
          const DeviceBlock& destination) -> absl::Status {
        const DeviceBlock empty(table, other, 0);
        FERRY_RETURN_IF_ERROR(empty.status());
        for (uint64_t offset : {0, 1, 99, 100}) {
          ferry_device_copy copy =
              CopyOf(device, source, other, destination, 0);
          copy.source_offset_bytes = offset;
          copy.destination_offset_bytes = kSize - offset;
          FERRY_RETURN_IF_ERROR(Between(table, copy));
          // In one memory, they do not overlap.
          copy = CopyOf(device, source, device, source, 0);
          copy.source_offset_bytes = copy.destination_offset_bytes = offset;
          FERRY_RETURN_IF_ERROR(Between(table, copy));
        }
        FERRY_RETURN_IF_ERROR(
            Between(table, CopyOf(device, source, other, empty, 0)));
        FERRY_RETURN_IF_ERROR(
            Between(table, CopyOf(other, empty, device, source, 0)));
        return Between(table, CopyOf(other, empty, other, empty, 0));
      });
}

absl::Status CopiesOutsideAreRefused(const ferry_backend& table,
                                     uint32_t device) {
  struct Range {
    uint64_t offset, size;
  };
  return WithEachDevice(
      table, device,
      [&](const DeviceBlock& source, uint32_t other,
          const DeviceBlock& destination) -> absl::Status {
        for (const Range& range :
             {Range{50, 51}, Range{100, 1}, Range{101, 0}, Range{0, 101},
              Range{UINT64_MAX, 2}, Range{1, UINT64_MAX},
              Range{uint64_t{1} << 63, uint64_t{1} << 63}}) {
          // On the side whose memory is too short, the other one being longer
          // where that can be.
          const uint64_t longer = range.size > 1000 ? kSize : 1000;
          const DeviceBlock from(table, device, longer);
          FERRY_RETURN_IF_ERROR(from.status());
          const DeviceBlock to(table, other, longer);
          FERRY_RETURN_IF_ERROR(to.status());
          ferry_device_copy copy =
              CopyOf(device, source, other, to, range.size);
          copy.source_offset_bytes = range.offset;
          FERRY_RETURN_IF_ERROR(Between(table, copy, FERRY_OUT_OF_RANGE));
          copy = CopyOf(device, from, other, destination, range.size);
          copy.destination_offset_bytes = range.offset;
          FERRY_RETURN_IF_ERROR(Between(table, copy, FERRY_OUT_OF_RANGE));
        }
        ferry_device_copy copy =
            CopyOf(UINT32_MAX, source, other, destination, 1);
        FERRY_RETURN_IF_ERROR(Between(table, copy, FERRY_OUT_OF_RANGE));
        copy = CopyOf(device, source, UINT32_MAX, destination, 1);
        return Between(table, copy, FERRY_OUT_OF_RANGE);
      });
}

absl::Status OverlapsAreRefused(const ferry_backend& table, uint32_t device) {
  const Bytes held = Sample(1, kSize);
  const DeviceBlock block(table, device, kSize);
  FERRY_RETURN_IF_ERROR(block.status());
  FERRY_RETURN_IF_ERROR(Copy(table, block.ToDevice(held.data(), kSize)));
  struct Ranges {
    uint64_t source, destination, size;
  };
  for (const Ranges& ranges :
       {Ranges{0, 0, 100}, Ranges{5, 5, 1}, Ranges{0, 10, 20},
        Ranges{10, 0, 20}, Ranges{0, 49, 50}, Ranges{49, 0, 50}}) {
    ferry_device_copy copy = CopyOf(device, block, device, block, ranges.size);
    copy.source_offset_bytes = ranges.source;
    copy.destination_offset_bytes = ranges.destination;
    FERRY_RETURN_IF_ERROR(Between(table, copy, FERRY_INVALID_ARGUMENT));
  }
  FERRY_RETURN_IF_ERROR(ExpectHolds(table, block, held, "memory"));
  // Neighbours do not overlap, in either order.
  Bytes wanted = held;
  for (const Ranges& ranges : {Ranges{0, 50, 50}, Ranges{60, 20, 40}}) {
    ferry_device_copy copy = CopyOf(device, block, device, block, ranges.size);
    copy.source_offset_bytes = ranges.source;
    copy.destination_offset_bytes = ranges.destination;
    FERRY_RETURN_IF_ERROR(Between(table, copy));
    std::memcpy(wanted.data() + ranges.destination,
                wanted.data() + ranges.source, ranges.size);
    Bytes found(kSize);
    FERRY_RETURN_IF_ERROR(Copy(table, block.ToHost(found.data(), kSize)));
    if (found != wanted) {
      return Wrong("a copy to a range beside its source is wrong");
    }
  }
  return absl::OkStatus();
}

absl::Status LargerStructsAreFine(const ferry_backend& table, uint32_t device) {
  // What a later version appends, of which this plugin knows nothing.
  struct Later {
    ferry_device_copy copy;
    uint64_t more[8];
  };
  const Bytes wanted = Sample(1, kSize);
  const DeviceBlock source(table, device, kSize);
  FERRY_RETURN_IF_ERROR(source.status());
  const DeviceBlock destination(table, device, kSize);
  FERRY_RETURN_IF_ERROR(destination.status());
  FERRY_RETURN_IF_ERROR(Copy(table, source.ToDevice(wanted.data(), kSize)));
  Later later;
  std::memset(&later, 0xA5, sizeof(later));
  later.copy = CopyOf(device, source, device, destination, kSize);
  later.copy.struct_size = sizeof(later);
  const Guarded<ferry_status> status;
  const int32_t code =
      table.copy_between(table.context, &later.copy, status.get());
  FERRY_RETURN_IF_ERROR(ExpectCode("copy_between", code, *status, FERRY_OK));
  Bytes found(kSize);
  FERRY_RETURN_IF_ERROR(Copy(table, destination.ToHost(found.data(), kSize)));
  return found == wanted
             ? absl::OkStatus()
             : Wrong("a copy described by a longer struct is wrong");
}

constexpr CallCheck kChecks[] = {
    {"K-01", "a copy of 0 bytes between devices does nothing, up to the end",
     FERRY_CAPABILITY_DEVICE_COPY, NothingIsCopied},
    {"K-02",
     "copies between devices outside the memory are refused and change nothing",
     FERRY_CAPABILITY_DEVICE_COPY, CopiesOutsideAreRefused},
    {"K-03", "copies between overlapping ranges are refused and change nothing",
     FERRY_CAPABILITY_DEVICE_COPY, OverlapsAreRefused},
    {"K-04", "copies between devices accept longer structs of a later host",
     FERRY_CAPABILITY_DEVICE_COPY, LargerStructsAreFine},
};

}  // namespace

absl::Span<const CallCheck> DeviceCopyChecks() { return kChecks; }

}  // namespace check_internal
}  // namespace v1
}  // namespace ferry
