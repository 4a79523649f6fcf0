// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/fake_backend.h
// -----------------------------------------------------------------------------
//
// A backend for tests. Its memory handles are not addresses, so code that
// dereferences one crashes. It counts the calls, and tests may override each of
// its methods to fail.
//
// Example: two devices called "acme:0" and "acme:1".
//
//   FakeBackend::Options options;
//   options.type = "acme";
//   auto backend = std::make_shared<FakeBackend>(options);
#ifndef FERRY_DEVICES_TESTING_FAKE_BACKEND_H_
#define FERRY_DEVICES_TESTING_FAKE_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/memory.h"
#include "ferry/devices/backend.h"
#include "ferry/devices/staging.h"
#include "ferry/devices/transfer_stream.h"

namespace ferry {

// FakeBackend
//
// Thread-safety: as every backend.
class FakeBackend : public Backend {
 public:
  struct Options {
    std::string type = "fake";
    bool is_indexed = true;
    int device_count = 2;
    // If false, it behaves as the meta device.
    bool has_bytes = true;
    // The total memory of all devices.
    uint64_t capacity_bytes = uint64_t{1} << 30;
    // If not OK, `DeviceCount` returns this.
    absl::Status absence;
    // The size of the staging buffers of its streams.
    uint64_t stream_buffer_bytes = kBlockingBufferBytes;
    // Whether a stream delays each transfer until it is waited for. If false, a
    // transfer has ended when the call that issued it returns.
    bool delays_transfers = false;
    // Whether it copies between its devices itself.
    bool copies_between_devices = true;
    // The location tags of its own, which it has if both are set.
    std::function<absl::StatusOr<std::string>(int)> device_tag;
    std::function<absl::StatusOr<std::optional<int>>(absl::string_view)>
        find_device;
  };

  FakeBackend() : FakeBackend(Options()) {}
  explicit FakeBackend(Options options);

  absl::string_view type() const override { return options_.type; }
  bool is_indexed() const override { return options_.is_indexed; }
  bool has_bytes() const override { return options_.has_bytes; }
  bool has_own_tags() const override {
    return options_.device_tag && options_.find_device;
  }
  absl::StatusOr<int> DeviceCount() const override;
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  // Also return kInternal if the range is not inside the memory or the memory
  // was freed.
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;
  absl::Status CopyBetween(const Memory& from, uint64_t from_offset_bytes,
                           const Memory& to, uint64_t to_offset_bytes,
                           uint64_t size_bytes) override;
  // Transfers do not pass through CopyFromHost and CopyToHost, but each of
  // their pieces counts as a copy.
  absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(
      int index) override;
  absl::StatusOr<std::string> DeviceTag(int index) const override {
    return options_.device_tag(index);
  }
  absl::StatusOr<std::optional<int>> FindDevice(
      absl::string_view tag) const override {
    return options_.find_device(tag);
  }

  // The number of bytes currently allocated.
  uint64_t allocated_bytes() const;
  // The size of the largest copy from or to the host so far.
  uint64_t largest_copy_bytes() const;
  // The number of copies from and to the host so far.
  int copy_count() const;
  // The number of copies between its devices so far.
  int device_copy_count() const;
  // The number of transfers that its streams issued, in either direction, and
  // the total number of their pieces.
  int transfer_count() const;
  int transfer_piece_count() const;
  // The maximum number of transfers that one stream had in progress at a time.
  int most_transfers_under_way() const;
  // Returns the device of some memory, or -1 if it does not belong to this
  // backend.
  int DeviceOf(const Memory& memory) const;

 private:
  struct Heap;
  class Stream;

  const Options options_;
  // Memory outlives the backend.
  const std::shared_ptr<Heap> heap_;
};

}  // namespace ferry

#endif  // FERRY_DEVICES_TESTING_FAKE_BACKEND_H_
