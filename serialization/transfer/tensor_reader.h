// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/tensor_reader.h
// -----------------------------------------------------------------------------
//
// Reads tensors of a file into existing tensors. Bytes that the file holds in
// the tensor's own order are read straight into host memory, or through the
// staging buffers of a device's stream. Other arrangements take up to 64 MiB of
// host memory more, or one storage's views if those are larger.
//
// Example:
//
//   TensorRead read{from, extents, to};
//   FERRY_RETURN_IF_ERROR(ReadTensors(files, {read}, devices, options));
#ifndef FERRY_SERIALIZATION_TRANSFER_TENSOR_READER_H_
#define FERRY_SERIALIZATION_TRANSFER_TENSOR_READER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ferry/core/tensor.h"
#include "ferry/devices/device_registry.h"
#include "ferry/io/file.h"
#include "ferry/serialization/transfer/extent_reader.h"

namespace ferry {

// Why `from`, of a file, cannot be read into `to`: another dtype or shape, not
// strided, no bytes. Empty if it can.
std::string DescribeMismatch(const Tensor& from, const Tensor& to);

struct TensorRead {
  // A strided tensor of the file.
  Tensor from;
  // Where the bytes of its storage stand.
  absl::Span<const Extent> extents;
  // A tensor that it can be read into.
  Tensor to;
};

// Reads all of `reads`, each storage of the file once. Of a storage whose
// checksum is not to be compared, or that has none, only the bytes that are
// wanted are read. Where two of `to` share elements, each ends up as one or the
// other says; if they are the same view, as the last does. A change of the
// bytes is counted (`Storage::version`).
//
// Errors:
//   kInvalidArgument - `to` has elements that share memory.
//   kUnavailable     - no backend can write the memory of `to`.
//   kUnimplemented   - `to` is on a device whose memory the host cannot write,
//                      and has gaps; or a program's own package copies its
//                      storage (HostCopier); or a packed dtype (quint4x2) is
//                      arranged otherwise than in the file.
//   as `ReadExtents`, after which the tensors hold anything.
absl::Status ReadTensors(absl::Span<const ReadableBytes* const> files,
                         absl::Span<const TensorRead> reads,
                         const DeviceSnapshot& devices,
                         const ExtentReadOptions& options);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TENSOR_READER_H_
