// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/torch/pickle_container.h
// -----------------------------------------------------------------------------
//
// Files that begin with a pickle: the legacy stream of PyTorch, and what
// Python's own `pickle.dump` wrote.
#ifndef FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_
#define FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
namespace torch_format {

// Whether `file` is such a file. From protocol 2 on a pickle says that it is
// one. Older ones are looked through: one that is no legacy stream has to be
// the whole of the file, since many a text begins like one.
bool IsPickleContainer(const ReadableBytes& file,
                       const ContainerOptions& options);

// Reads one. `file` must outlive the result; there may be more in it after the
// stream, or after the pickle. Errors: as `ReadLegacyStream`.
absl::StatusOr<ParsedCheckpoint> ReadPickleContainer(
    const ReadableBytes& file, const ContainerOptions& options);

}  // namespace torch_format
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_TORCH_PICKLE_CONTAINER_H_
