// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/tar_container.h
// -----------------------------------------------------------------------------
//
// Reads the format that `torch.save` wrote up to 0.1.9: a tar archive of four
// files. A reader does not need the fourth, `sys_info`. The others are:
//
//   storages  pickle of a number, and so often: pickle of (key, location,
//             class), int64: number of elements, the elements; then pickle of a
//             list of (key, key of the whole, offset, number of elements) for
//             the storages that are parts of others
//   tensors   pickle of a number, and so often: pickle of (key, key of the
//             storage or None, class), int32: rank, 4 bytes of anything, sizes,
//             strides and offset in int64
//   pickle    the object; tensors and storages by their keys
//
// All numbers are little-endian. The layout follows torch/serialization.py
// (legacy_load in _legacy_load).
#ifndef FERRY_SERIALIZATION_TORCH_TAR_CONTAINER_H_
#define FERRY_SERIALIZATION_TORCH_TAR_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Reads `file`, which must outlive the result.
//
// Errors:
//   kNotFound          - a member of a checkpoint is missing; not returned for
//                        anything else.
//   kDataLoss          - damaged; the message has the file, the member and the
//                        offset.
//   kResourceExhausted - the budget is spent.
absl::StatusOr<ParsedCheckpoint> ReadTarContainer(
    const RandomAccessFile& file, const ContainerOptions& options);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_TAR_CONTAINER_H_
