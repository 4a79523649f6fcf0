// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/backend.h
// -----------------------------------------------------------------------------
//
// The code behind a device type: how many devices there are, how to allocate
// memory on them, and how to copy bytes there and back. A backend needs only a
// name and five methods. A backend whose copies can overlap also opens streams
// of its own, one whose devices can copy to each other does so, and one whose
// devices have other names in files has location tags of its own.
//
// To write one, derive from `Backend`, run the suite of devices/conformance on
// it, and register it (`DeviceRegistry::RegisterBackend`). plugins/cpu is the
// smallest example.
#ifndef FERRY_DEVICES_BACKEND_H_
#define FERRY_DEVICES_BACKEND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {
inline namespace v1 {

// Describes one device, for display.
struct DeviceProperties {
  // The product name: "NVIDIA H100 80GB".
  std::string name;
  // The total memory in bytes. 0 if unknown.
  uint64_t memory_bytes = 0;
};

// Backend
//
// Addresses device memory by a `Memory` that `Allocate` returned and a byte
// offset into it.
//
// Thread-safety: all methods may be called from any number of threads at once.
class Backend {
 public:
  virtual ~Backend() = default;

  // Returns the device type: "cuda". Constant; valid as long as the backend.
  virtual absl::string_view type() const = 0;

  // Whether a location tag of this type carries an index, as in "cuda:0". False
  // if there can be only one device, as with the CPU.
  virtual bool is_indexed() const { return true; }

  // Whether the host may read and write through `Memory::data`. If so, the
  // memory is aligned to 64 bytes.
  virtual bool is_host_memory() const { return false; }

  // Whether `Allocate` does no more than call `AllocateHostMemory`. If so,
  // loads call that function directly, with the `PagePool` of their options.
  virtual bool uses_host_allocator() const { return false; }

  // Whether the device's storages hold bytes. False only for meta: bytes copied
  // to it are discarded, and nothing can be copied from it.
  virtual bool has_bytes() const { return true; }

  // Whether the backend has location tags of its own: `DeviceTag` and
  // `FindDevice`. If false, those two methods are never called.
  virtual bool has_own_tags() const { return false; }

  // Returns the number of devices, which is at least 1 and the same for every
  // call. The indexes of the devices run from 0 to the count minus 1.
  //
  // Errors: kUnavailable - there is no device; the message tells the user why
  //         (no driver, no hardware, no permission).
  virtual absl::StatusOr<int> DeviceCount() const = 0;

  // Returns the properties of device `index`.
  //
  // Errors: kOutOfRange - there is no such device.
  virtual absl::StatusOr<DeviceProperties> Properties(int index) const = 0;

  // Allocates uninitialised memory on device `index`: `out[i]` gets
  // `sizes_bytes[i]` bytes. A size of 0 is legal and takes no memory. `out` has
  // as many elements as `sizes_bytes`, all of them empty. Loads request all the
  // memory that they need in one call.
  //
  // Every allocation that is not empty has an owner. It is freed when the last
  // copy of its owner is destroyed: in any order, on any thread, and perhaps
  // after the backend is destroyed.
  //
  // Errors: after an error every element of `out` is empty, and no memory stays
  //         allocated.
  //   kOutOfRange        - there is no such device.
  //   kResourceExhausted - not enough memory; the message says how much was
  //                        requested.
  virtual absl::Status Allocate(int index,
                                absl::Span<const uint64_t> sizes_bytes,
                                absl::Span<Memory> out) = 0;

  // Copies `size_bytes` bytes from host memory to `offset_bytes` of `to`.
  // Returns when `from` may be reused and the bytes can be read back. `from`
  // may be read-only memory and may have any alignment. The caller ensures that
  // the range lies inside the allocation. A size of 0 does nothing; the
  // pointers may then be null. A backend whose memory the host cannot access
  // refuses memory that it did not allocate.
  virtual absl::Status CopyFromHost(const void* from, const Memory& to,
                                    uint64_t offset_bytes,
                                    uint64_t size_bytes) = 0;

  // Copies `size_bytes` bytes at `offset_bytes` of `from` to host memory. The
  // result reflects every copy that returned before this call.
  //
  // Errors: kInvalidArgument - the device's storages hold no bytes.
  virtual absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes,
                                  void* to, uint64_t size_bytes) = 0;

  // Copies `size_bytes` bytes between two memories of this backend, on one
  // device or on two, without host memory of Ferry's. Returns when the bytes
  // can be read back and `from` may be changed. The caller ensures that the
  // ranges lie inside the allocations and do not overlap. A size of 0 does
  // nothing; the memories may then be empty.
  //
  // The default implementation returns kUnimplemented, for every size. A
  // backend that overrides this method need not be able to copy between all
  // pairs of different devices.
  //
  // Errors: kUnimplemented - the backend cannot copy between these devices.
  //         Nothing was copied; `CopyStorage` then copies through host memory.
  virtual absl::Status CopyBetween(const Memory& from,
                                   uint64_t from_offset_bytes, const Memory& to,
                                   uint64_t to_offset_bytes,
                                   uint64_t size_bytes);

  // Opens a stream of transfers to and from device `index`. The backend must
  // outlive it.
  //
  // The default implementation returns a stream whose transfers block: it calls
  // CopyFromHost and CopyToHost, and its buffers are ordinary host memory.
  // Opening it costs one call of Properties. Override this method if copies can
  // overlap or host memory can be pinned. Backends of host memory need not
  // override it: callers write to such memory directly.
  //
  // Errors: kOutOfRange - there is no such device.
  virtual absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(int index);

  // Returns the location tag that a save writes for storages on device `index`,
  // in place of "type:index": UTF-8 text of 1 to kMaxLocationTagBytes bytes.
  // The tag is the same for every call, and `FindDevice` maps it to `index`. A
  // save writes it only if it means that device to the registry, too; see
  // `DeviceRegistry::RegisterBackend`. A save calls this once for each device
  // that has storages in it.
  //
  // Errors: kOutOfRange - there is no such device.
  virtual absl::StatusOr<std::string> DeviceTag(int index) const;

  // Returns the index of the device that `tag` means, or nullopt if the tag
  // does not belong to the backend. The device need not exist: the registry
  // then says that it does not. `tag` satisfies `IsLocationTag`, and is not of
  // the form "type" or "type:index" with the backend's own type, which the
  // registry reads itself. A load calls this once for each tag, and once for
  // each storage if a program's own package is asked before the backend.
  //
  // Errors: kOutOfRange - the tag belongs to the backend, but can never mean a
  //         device; the message says why.
  virtual absl::StatusOr<std::optional<int>> FindDevice(
      absl::string_view tag) const;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_DEVICES_BACKEND_H_
