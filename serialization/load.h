// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/load.h
// -----------------------------------------------------------------------------
//
// `Load`: PyTorch's torch.load, which runs no code and checks checksums.
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

// Reads all of a file: `Checkpoint::Open`, then `Checkpoint::PlaceAll`, whose
// errors it returns. To read part of a file, use `Checkpoint`.
absl::StatusOr<Value> Load(absl::string_view path,
                           const LoadOptions& options = LoadOptions());

// The same from bytes in memory, which are not needed afterwards.
absl::StatusOr<Value> LoadMemory(absl::string_view bytes,
                                 const LoadOptions& options = LoadOptions());

// The same from a source, at its position: what stands before it is not looked
// at. It is read from front to back, after a look at its end, on this thread.
// After success the source stands right behind the checkpoint, after a failure
// anywhere. At most 64 KiB may follow a zip archive, since its directory is
// looked for at the end of the source.
//
//   std::ifstream stream("model.pt", std::ios::binary);
//   IStreamSource source(&stream);
//   FERRY_ASSIGN_OR_RETURN(Value value, Load(source));
//
// Errors: as above, and as the source returns.
absl::StatusOr<Value> Load(ByteSource& source,
                           const LoadOptions& options = LoadOptions());

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_LOAD_H_
