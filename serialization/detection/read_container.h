// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/read_container.h
// -----------------------------------------------------------------------------
//
// Detects the container of a file by its first bytes, and parses the file with
// the reader for that container.
#ifndef FERRY_SERIALIZATION_DETECTION_READ_CONTAINER_H_
#define FERRY_SERIALIZATION_DETECTION_READ_CONTAINER_H_

#include "absl/status/statusor.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/codec_snapshot.h"
#include "ferry/serialization/container/container_options.h"
#include "ferry/serialization/container/parsed_checkpoint.h"

namespace ferry {
inline namespace v1 {

// Parses `file`, which must outlive the result. The object graph is read by one
// of `codecs`.
//
// Errors: as `Checkpoint::Open`. If the file is not a checkpoint, the message
//         says what it appears to be and what to do.
absl::StatusOr<ParsedCheckpoint> ReadContainer(const RandomAccessFile& file,
                                               const ContainerOptions& options,
                                               const CodecSnapshot& codecs);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_READ_CONTAINER_H_
