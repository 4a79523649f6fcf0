// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/storage.h
// -----------------------------------------------------------------------------
//
// A run of bytes on one device, shared by the tensors that view it.
//
// Example: bytes of the program's own as a storage, without a copy.
//
//   auto buffer = std::make_shared<std::vector<float>>(1024);
//   Storage storage = Storage::FromMemory(
//       Device("cpu"), Memory{buffer->data(), buffer}, 1024 * sizeof(float));
#ifndef FERRY_CORE_STORAGE_H_
#define FERRY_CORE_STORAGE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/core/device.h"
#include "ferry/core/memory.h"
#include "ferry/core/object_pool.h"

namespace ferry {

class InternalKey;

// What error messages say of a storage without `has_data()`, after its name.
inline constexpr absl::string_view kBytesNotRead =
    "its bytes have not been read from their file; call Checkpoint::Place "
    "first";

// Storage
//
// A handle: copies are cheap and share the bytes; two handles are equal if
// they share. A storage is in one of three states:
//
//   null      - default-constructed; only is_null() and comparison may be used.
//   described - its size and its location tag are known from a file, its bytes
//               have not been read: has_data() is false.
//   placed    - its bytes stand on device(). Meta storages are placed and have
//               no bytes.
//
// Thread-safety: const methods may be called from any thread. Placing (done by
// a load) and reading must not overlap.
class Storage {
 public:
  Storage() = default;

  // Host memory of `size_bytes`, aligned to 64 bytes, not initialised.
  //
  // Errors: kResourceExhausted - the memory is not to be had.
  static absl::StatusOr<Storage> Allocate(uint64_t size_bytes);

  // Bytes that exist already. The memory's owner is held until the last handle
  // goes; it is null if somebody else keeps the bytes alive for longer.
  static Storage FromMemory(Device device, Memory memory, uint64_t size_bytes);

  // A storage whose bytes are still in a file. `pool`, if not null, has memory
  // for it.
  static Storage Described(uint64_t size_bytes, absl::string_view location,
                           ObjectPool* pool = nullptr);

  bool is_null() const { return impl_ == nullptr; }
  bool has_data() const { return impl_->placed; }
  uint64_t size_bytes() const { return impl_->size_bytes; }

  // Where the bytes are. Of a described storage: the CPU, and not meaningful.
  const Device& device() const { return impl_->device; }

  // The bytes: an address on the CPU, an opaque handle elsewhere, null on meta
  // and for a described or empty storage. Never dereference it where
  // `device().is_cpu()` is false.
  void* data() const { return impl_->memory.data; }
  const Memory& memory() const { return impl_->memory; }

  // The location tag that the file gave, where the storage was left on the
  // host instead of being put there; a save writes it. Empty: a save asks the
  // registry for the tag of `device()`. (Readers of a file drop the bytes of
  // storages that are tagged "meta".)
  const std::string& recorded_location() const { return impl_->location; }
  void set_recorded_location(absl::string_view location) const {
    impl_->location = std::string(location);
  }

  // Where the shared part lives: equal for handles that share.
  const void* identity() const { return impl_.get(); }

  // Counts changes of the bytes. Shared by all views; autograd compares it.
  std::atomic<uint32_t>& version() const { return impl_->version; }

  friend bool operator==(const Storage& a, const Storage& b) {
    return a.impl_ == b.impl_;
  }
  friend bool operator!=(const Storage& a, const Storage& b) {
    return a.impl_ != b.impl_;
  }

  template <typename H>
  friend H AbslHashValue(H h, const Storage& storage) {
    return H::combine(std::move(h), storage.impl_.get());
  }

  // For Ferry's own code. Turns a described storage into a placed one, for
  // every handle.
  void Place(Device device, Memory memory, const InternalKey&) const;

 private:
  struct Impl {
    Impl() = default;
    Impl(uint64_t of_size_bytes, absl::string_view of_location)
        : size_bytes(of_size_bytes), location(of_location) {}

    uint64_t size_bytes = 0;
    Memory memory;
    Device device;
    std::string location;
    std::atomic<uint32_t> version{0};
    bool placed = false;
  };

  std::shared_ptr<Impl> impl_;
};

}  // namespace ferry

#endif  // FERRY_CORE_STORAGE_H_
