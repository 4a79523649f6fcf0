// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: devices/testing/fake_backend.h
// -----------------------------------------------------------------------------
//
// A device for tests: its memory is named by handles that are no addresses, so
// whoever dereferences one crashes; it counts what is asked of it, and each of
// its methods may be overridden to go wrong.
//
// Example: two devices called "acme:0" and "acme:1".
//
//   FakeBackend::Options options;
//   options.type = "acme";
//   auto backend = std::make_shared<FakeBackend>(options);
#ifndef FERRY_DEVICES_TESTING_FAKE_BACKEND_H_
#define FERRY_DEVICES_TESTING_FAKE_BACKEND_H_

#include <cstdint>
#include <memory>
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
    // If false: as the meta device.
    bool has_bytes = true;
    // What there is of memory, on all devices together.
    uint64_t capacity_bytes = uint64_t{1} << 30;
    // If not OK: what `DeviceCount` returns.
    absl::Status absence;
    // The size of the staging buffers of its streams.
    uint64_t stream_buffer_bytes = kBlockingBufferBytes;
    // Whether a transfer of a stream is put off until it is waited for. If
    // false, it has ended when the call that issued it returns.
    bool delays_transfers = false;
  };

  FakeBackend() : FakeBackend(Options()) {}
  explicit FakeBackend(Options options);

  absl::string_view type() const override { return options_.type; }
  bool is_indexed() const override { return options_.is_indexed; }
  bool has_bytes() const override { return options_.has_bytes; }
  absl::StatusOr<int> DeviceCount() const override;
  absl::StatusOr<DeviceProperties> Properties(int index) const override;
  absl::Status Allocate(int index, absl::Span<const uint64_t> sizes_bytes,
                        absl::Span<Memory> out) override;
  // Also errors, kInternal, where the range is not inside the memory or the
  // memory was freed.
  absl::Status CopyFromHost(const void* from, const Memory& to,
                            uint64_t offset_bytes,
                            uint64_t size_bytes) override;
  absl::Status CopyToHost(const Memory& from, uint64_t offset_bytes, void* to,
                          uint64_t size_bytes) override;
  // Transfers do not pass through CopyFromHost and CopyToHost, but each of
  // their pieces counts as a copy.
  absl::StatusOr<std::unique_ptr<TransferStream>> OpenStream(
      int index) override;

  // How much is allocated now.
  uint64_t allocated_bytes() const;
  // The largest copy so far, either way.
  uint64_t largest_copy_bytes() const;
  // How many copies there were, either way.
  int copy_count() const;
  // How many transfers its streams issued, either way, and how many pieces
  // these had together.
  int transfer_count() const;
  int transfer_piece_count() const;
  // The most transfers that one stream had under way at a time.
  int most_transfers_under_way() const;
  // The device of some memory; -1 if it is none of this backend's.
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
