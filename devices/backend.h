// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/backend.h
// -----------------------------------------------------------------------------
//
// The code behind a device type: how many devices there are, how to allocate
// memory on them, and how to copy bytes there and back. Five methods and a name
// make a backend; one whose copies can overlap also opens streams of its own.
//
// To write one, derive from `Backend`, run the suite of devices/conformance on
// it, and register it (`DeviceRegistry::RegisterBackend`). plugins/cpu is the
// smallest example.
#ifndef FERRY_DEVICES_BACKEND_H_
#define FERRY_DEVICES_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {

// What is known of one device, for people.
struct DeviceProperties {
  // A product's name: "NVIDIA H100 80GB".
  std::string name;
  // Memory in all. 0 if that is not known.
  uint64_t memory_bytes = 0;
};

// Backend
//
// Memory is named by the `Memory` that `Allocate` gave out, and a byte offset
// into it.
//
// Thread-safety: all methods may be called from any number of threads at once.
class Backend {
 public:
  virtual ~Backend() = default;

  // The device type: "cuda". Constant; valid as long as the backend.
  virtual absl::string_view type() const = 0;

  // Whether a location tag of this type carries an index, as in "cuda:0".
  // False where there can be one device only, as with the CPU.
  virtual bool is_indexed() const { return true; }

  // Whether the host may read and write through `Memory::data`. Such memory is
  // aligned to 64 bytes.
  virtual bool is_host_memory() const { return false; }

  // Whether its storages hold bytes. False for meta alone: what is copied to it
  // is dropped, and nothing can be copied from it.
  virtual bool has_bytes() const { return true; }

  // How many devices there are: at least 1, and the same at every call. Their
  // indexes are 0 to the count less one.
  //
  // Errors: kUnavailable - there is none; the message says why (no driver, no
  //         hardware, no permission) in words for the user.
  virtual absl::StatusOr<int> DeviceCount() const = 0;

  // Errors: kOutOfRange - there is no such device.
  virtual absl::StatusOr<DeviceProperties> Properties(int index) const = 0;

  // Allocates uninitialised memory on device `index`: `out[i]` gets
  // `sizes_bytes[i]` bytes. A size of 0 is legal and takes no memory. `out` has
  // as many elements as `sizes_bytes`, all of them empty. Loads ask for all
  // that they need in one call.
  //
  // Memory that holds bytes has an owner. It is freed with the last copy of its
  // owner, in any order, on any thread, also after the backend is gone.
  //
  // Errors: after an error every element of `out` is empty, and nothing stays
  //         allocated.
  //   kOutOfRange        - there is no such device.
  //   kResourceExhausted - not enough memory; says how much was asked for.
  virtual absl::Status Allocate(int index,
                                absl::Span<const uint64_t> sizes_bytes,
                                absl::Span<Memory> out) = 0;

  // Copies `size_bytes` from host memory to `offset_bytes` of `to`, and returns
  // when `from` may be reused and the bytes can be read back. `from` may be
  // memory that cannot be written, at any alignment. The caller keeps the range
  // inside what was allocated. A size of 0 does nothing; the pointers may then
  // be null. A backend whose memory the host cannot reach refuses memory that
  // it did not give out.
  virtual absl::Status CopyFromHost(const void* from, const Memory& to,
                                    uint64_t offset_bytes,
                                    uint64_t size_bytes) = 0;

  // Copies `size_bytes` from `offset_bytes` of `from` to host memory. Sees
  // every copy that returned before.
  //
  // Errors: kInvalidArgument - the device's storages hold no bytes.
  virtual absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes,
                                  void* to, uint64_t size_bytes) = 0;

  // Opens a stream of transfers to and from device `index`. The backend must
  // outlive it.
  //
  // The default is a stream whose transfers block: it calls CopyFromHost and
  // CopyToHost, and its buffers are ordinary host memory. Opening it costs one
  // call of Properties. Override it where copies can overlap or host memory can
  // be pinned. Backends of host memory can keep the default: callers write to
  // such memory directly.
  //
  // Errors: kOutOfRange - there is no such device.
  virtual absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(int index);
};

}  // namespace ferry

#endif  // FERRY_DEVICES_BACKEND_H_
