// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: io/file_range.h
// -----------------------------------------------------------------------------
//
// Presents a part of a file as a file of its own.
//
// Example: open a checkpoint inside a larger file.
//
//   FERRY_ASSIGN_OR_RETURN(auto file, OpenForReading("bundle.bin"));
//   FERRY_ASSIGN_OR_RETURN(auto part,
//                          OpenRange(std::move(file), 4096, 123456));
//   FERRY_ASSIGN_OR_RETURN(Checkpoint checkpoint,
//                          Checkpoint::Open(std::move(part)));
#ifndef FERRY_IO_FILE_RANGE_H_
#define FERRY_IO_FILE_RANGE_H_

#include <cstdint>
#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "ferry/io/file.h"

namespace ferry {
inline namespace v1 {

// Returns the bytes [offset_bytes, offset_bytes + size_bytes) of `whole`,
// renumbered from 0. By default, the range extends to the end of `whole`. In
// error messages its name is the name of `whole` and the offset at which it
// begins.
//
// Errors: kInvalidArgument - the range does not lie inside `whole`.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenRange(
    std::unique_ptr<RandomAccessFile> whole, uint64_t offset_bytes,
    uint64_t size_bytes = std::numeric_limits<uint64_t>::max());

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_IO_FILE_RANGE_H_
