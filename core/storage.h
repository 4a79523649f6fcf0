// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: core/storage.h
// -----------------------------------------------------------------------------
//
// A contiguous block of bytes on one device, shared by the tensors that view
// it.
//
// Example: wrap the program's own memory in a storage, without a copy.
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

namespace ferry {
inline namespace v1 {

class InternalKey;
class ObjectPool;

// Follows the name of a storage without `has_data()` in error messages.
inline constexpr absl::string_view kBytesNotRead =
    "its bytes have not been read from their file; call Checkpoint::Load "
    "first";

// Storage
//
// A handle: copies are cheap and share the bytes. Two handles are equal if they
// share the same bytes. A storage is in one of three states:
//
//   null         - default-constructed; supports only is_null() and comparison.
//   described    - its size and location tag are known from a file, but its
//                  bytes have not been read: has_data() is false.
//   materialised - its bytes are on device(). Meta storages count as
//                  materialised, but have no bytes.
//
// Thread-safety: const methods may be called from any thread, but must not
// overlap with a load that materialises the storage.
class Storage {
 public:
  Storage() = default;

  // Allocates uninitialised host memory of `size_bytes`, aligned to 64 bytes.
  //
  // Errors: kResourceExhausted - the allocation failed.
  static absl::StatusOr<Storage> Allocate(uint64_t size_bytes);

  // Wraps existing bytes. The storage holds `memory.owner` until its last
  // handle is destroyed. Leave the owner null if the bytes outlive the storage
  // anyway.
  static Storage FromMemory(Device device, Memory memory, uint64_t size_bytes);

  // Makes a described storage: its bytes are still in a file. If `pool` is not
  // null, it allocates the state that the handles share.
  static Storage Described(uint64_t size_bytes, absl::string_view location,
                           ObjectPool* pool = nullptr);

  bool is_null() const { return impl_ == nullptr; }
  bool has_data() const { return impl_->materialized; }
  uint64_t size_bytes() const { return impl_->size_bytes; }

  // The device that the bytes are on. For a described storage, this is the CPU
  // and has no meaning.
  const Device& device() const { return impl_->device; }

  // The bytes: an address on the CPU, an opaque handle on other devices, null
  // on meta and for a described or empty storage. Never dereference it unless
  // `device().is_cpu()` is true.
  void* data() const { return impl_->memory.data; }

  // The bytes, with an owner that keeps them alive beyond the storage.
  Memory memory() const {
    return impl_->owns_bytes ? Memory{data(), impl_} : impl_->memory;
  }

  // The location tag from the file, if the storage was left on the host instead
  // of the device that the tag names. A save writes this tag. If it is empty,
  // a save asks the registry for the tag of `device()`. (Readers drop the bytes
  // of storages that are tagged "meta".)
  const std::string& recorded_location() const { return impl_->location; }
  void set_recorded_location(absl::string_view location) const {
    impl_->location = std::string(location);
  }

  // An address that is equal for all handles to the same storage, and for no
  // others.
  const void* identity() const { return impl_.get(); }

  // Returns whether nothing else can reach the bytes: the storage owns them,
  // and no other handle to it exists.
  bool owns_bytes_alone() const {
    return impl_->owns_bytes && impl_.use_count() == 1;
  }

  // Returns whether the storage was made in inference mode
  // (autograd/grad_mode.h), so that its tensors can take no part in recording.
  bool is_inference() const { return impl_->is_inference; }

  // Counts the changes to the bytes. Shared by all views; autograd compares it.
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

  // For Ferry's own code. Returns the memory as its backend allocated it. The
  // reference is valid as long as the storage. The owner is null if the storage
  // itself owns the bytes, as after `Allocate`.
  const Memory& DeviceMemory(const InternalKey&) const { return impl_->memory; }

  // For Ferry's own code. Materialises a described storage, for every handle.
  void Materialize(Device device, Memory memory, const InternalKey&) const;

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
    bool materialized = false;
    // Whether the bytes are freed with this object. Then the memory has no
    // owner of its own.
    bool owns_bytes = false;
    bool is_inference = false;
  };
  // The objects that own their bytes: inside themselves, or in a block.
  template <uint64_t kBytes>
  struct InlineImpl;
  struct BlockImpl;

  std::shared_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_CORE_STORAGE_H_
