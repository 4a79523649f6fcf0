// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/container.h
// -----------------------------------------------------------------------------
//
// Finds out by its first bytes what a file is, and has the right reader parse
// it.
#ifndef FERRY_SERIALIZATION_CONTAINER_H_
#define FERRY_SERIALIZATION_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/parsed_checkpoint.h"
#include "ferry/serialization/load_options.h"

namespace ferry {

// `file` must outlive the result.
//
// Errors: as `Checkpoint::Open`. What is no checkpoint is named by what it
// looks like, with what to do.
absl::StatusOr<ParsedCheckpoint> ReadContainer(const ReadableBytes& file,
                                               const LoadOptions& options);

}  // namespace ferry

#endif  // FERRY_SERIALIZATION_CONTAINER_H_
