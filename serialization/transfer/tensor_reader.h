// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/transfer/tensor_reader.h
// -----------------------------------------------------------------------------
//
// Reads tensors of a file into existing tensors. If the file stores the
// elements in the tensor's own order, reads them directly into host memory, or
// through the staging buffers of a device's stream. Any other layout needs up
// to 64 MiB of additional host memory, or the size of one storage's views if
// that is larger.
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
inline namespace v1 {

// Returns why `from`, a tensor of a file, cannot be read into `to`: a different
// dtype or shape, not strided, or no bytes. Empty if it can be read. If `cast`
// is set, the dtypes may be two different floating-point dtypes.
std::string DescribeMismatch(const Tensor& from, const Tensor& to, bool cast);

struct TensorRead {
  // A strided tensor of the file.
  Tensor from;
  // Where the bytes of its storage are.
  absl::Span<const Extent> extents;
  // The tensor to read it into.
  Tensor to;
};

// Performs all of `reads`, and reads each storage of the file once. If a
// storage has no checksum, or it is not compared, reads only the bytes that are
// needed. If two `to` tensors share elements, each shared element gets one of
// the two values; if they are the same view, the last read wins. Elements are
// cast if the dtypes differ, which `CheckCast` must allow. Counts as a change
// to the bytes (`Storage::version`).
//
// Errors:
//   kInvalidArgument - `to` has elements that share memory.
//   kUnavailable     - no backend can write the memory of `to`.
//   kUnimplemented   - `to` is on a device whose memory the host cannot write,
//                      and has gaps; or a program's own package copies its
//                      storage (HostCopier); or a tensor of a packed dtype
//                      (quint4x2) has a different layout than in the file.
//   as `ReadExtents`; the contents of the tensors are then unspecified.
absl::Status ReadTensors(absl::Span<const RandomAccessFile* const> files,
                         absl::Span<const TensorRead> reads,
                         const DeviceSnapshot& devices,
                         const ExtentReadOptions& options);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TRANSFER_TENSOR_READER_H_
