// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/extent_writer.h
// -----------------------------------------------------------------------------
//
// Writes a sequence of extents whose layout is known: to a file in parallel, to
// a sink in order. Writes adjacent small extents with one call, and large ones
// in pieces on several threads. The bytes come directly from host memory, from
// the staging buffers of their device's stream, or from a buffer that a
// program's own package has filled. Computes checksums while the bytes are in
// cache.
//
// Example: write "abc" at the start of a file, with no head or tail.
//
//   OutputExtent extent;
//   extent.text = "abc";
//   extent.size_bytes = extent.end = 3;
//   FERRY_RETURN_IF_ERROR(WriteExtents({extent}, framing, devices,
//                                      ExtentWriteOptions(), Output(file))
//                             .status());
#ifndef FERRY_SERIALIZATION_TRANSFER_EXTENT_WRITER_H_
#define FERRY_SERIALIZATION_TRANSFER_EXTENT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ferry/core/large_allocator.h"
#include "ferry/core/storage.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/device_registry.h"
#include "ferry/serialization/transfer/output.h"
#include "ferry/serialization/transfer/transfer_control.h"

namespace ferry {
inline namespace v1 {

// An extent to write: a head, the contents, and a tail, without gaps.
struct OutputExtent {
  // Where the head begins in the file, where the contents begin, and where the
  // tail ends.
  uint64_t begin = 0;
  uint64_t contents_offset = 0;
  uint64_t end = 0;
  // The size of the contents in bytes. The contents are one of `text`,
  // `storage` and `elements`.
  uint64_t size_bytes = 0;
  // Text, which must stay valid until the extent is written.
  absl::string_view text;
  // The bytes of a storage, starting at an offset.
  Storage storage;
  uint64_t storage_offset_bytes = 0;
  // The elements of a strided tensor in row-major order, conj and neg resolved.
  // Null if the contents are text or a storage. One thread writes all of them.
  const Tensor* elements = nullptr;
};

using OutputExtents =
    std::vector<OutputExtent, HugePageAllocator<OutputExtent>>;

// The heads and tails that a file format puts around the contents of extents.
//
// Thread-safety: called from several threads at once.
class ExtentFraming {
 public:
  virtual ~ExtentFraming() = default;

  // Return the bytes before and after the contents of extent `i`. Their sizes
  // must match the layout exactly. `crc32` is 0 if checksums are not computed.
  virtual std::string Head(size_t i) const { return ""; }
  virtual std::string Tail(size_t i, uint32_t crc32) const { return ""; }

  // Returns the name of extent `i` in error messages.
  virtual std::string Name(size_t i) const = 0;
};

struct ExtentWriteOptions {
  // Whether to compute the checksum of each extent's contents.
  bool compute_crc32 = false;
  // May be null. `progress` counts the bytes of the extents.
  const TransferControl* control = nullptr;
};

// Writes `extents`. Each must begin where the previous one ends. Returns the
// CRC-32 of the contents of each, or zeros.
//
//   devices  copies storages that are not on the host.
//
// Errors:
//   kInvalidArgument - a storage has no bytes.
//   kCancelled       - `is_cancelled` returned true.
//   as `VisitElements`; whatever the output, a backend or a package returns.
//   The message names the file, if there is one, and the extent, if one is at
//   fault.
absl::StatusOr<std::vector<uint32_t>> WriteExtents(
    absl::Span<const OutputExtent> extents, const ExtentFraming& framing,
    const DeviceSnapshot& devices, const ExtentWriteOptions& options,
    const Output& output);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_EXTENT_WRITER_H_
