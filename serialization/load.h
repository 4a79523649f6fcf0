// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load.h
// -----------------------------------------------------------------------------
//
// `Load`, the counterpart of PyTorch's torch.load. It runs no code from the
// file and verifies checksums.
//
// Example:
//
//   FERRY_ASSIGN_OR_RETURN(Value checkpoint, Load("train.pt"));
//   FERRY_ASSIGN_OR_RETURN(Value weight, checkpoint.At("/model/fc.weight"));
//   FERRY_ASSIGN_OR_RETURN(Tensor tensor, weight.AsTensor());
#ifndef FERRY_SERIALIZATION_LOAD_H_
#define FERRY_SERIALIZATION_LOAD_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ferry/io/byte_source.h"
#include "ferry/serialization/load_options.h"
#include "ferry/value/value.h"

namespace ferry {
inline namespace v1 {

// Reads a whole file: calls `Checkpoint::Open`, then `Checkpoint::LoadAll`. To
// read part of a file, use `Checkpoint`.
//
// Errors: as those two functions.
absl::StatusOr<Value> Load(absl::string_view path,
                           const LoadOptions& options = LoadOptions());

// Reads a whole checkpoint from bytes in memory. The bytes are not needed after
// the call.
absl::StatusOr<Value> LoadMemory(absl::string_view bytes,
                                 const LoadOptions& options = LoadOptions());

// Reads a checkpoint from a source, starting at the source's current position.
// Bytes before that position are not read. `Load` first reads the end of the
// source and then reads it from front to back, all on the calling thread. After
// success, the source is positioned right after the checkpoint; after a
// failure, its position is unspecified. At most 64 KiB may follow a zip
// archive, because `Load` searches for its directory at the end of the source.
//
//   std::ifstream stream("model.pt", std::ios::binary);
//   IStreamSource source(&stream);
//   FERRY_ASSIGN_OR_RETURN(Value value, Load(source));
//
// Errors: as above, and whatever the source returns.
absl::StatusOr<Value> Load(ByteSource& source,
                           const LoadOptions& options = LoadOptions());

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_H_
