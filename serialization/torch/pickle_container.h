// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/pickle_container.h
// -----------------------------------------------------------------------------
//
// Reads files that begin with a pickle: PyTorch's legacy streams, and files
// that Python's `pickle.dump` wrote.
#ifndef FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_
#define FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {
namespace torch {

// Returns whether `file` is such a file. A pickle of protocol 2 or later
// identifies itself. An older pickle is scanned; if it does not begin a legacy
// stream, it must extend to the end of the file, because many texts begin like
// such a pickle.
//
// Errors: kResourceExhausted, kCancelled - as the budget says;
//         whatever reading the file returns. Damage after the first byte is no
//         error: the file is no pickle.
absl::StatusOr<bool> IsPickleContainer(const RandomAccessFile& file,
                                       const ContainerOptions& options);

// Reads such a file, which must outlive the result. Other bytes may follow the
// stream or the pickle. Errors: as `ReadLegacyStream`.
absl::StatusOr<ParsedCheckpoint> ReadPickleContainer(
    const RandomAccessFile& file, const ContainerOptions& options);

}  // namespace torch
}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_
