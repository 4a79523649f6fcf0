// Copyright 2026 The Ferry Authors
// SPDX-License-Identifier: Apache-2.0
//
// -----------------------------------------------------------------------------
// File: serialization/detection/foreign_archive.h
// -----------------------------------------------------------------------------
//
// Explains a zip archive, tar archive or folder that is not a checkpoint: what
// it is, what to do with it, and which checkpoints it holds. Recognises
// archives and folders by the names of their files.
#ifndef FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_
#define FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ferry/io/file.h"
#include "ferry/serialization/container/container_options.h"

namespace ferry {
inline namespace v1 {

// Return an error that says what an archive is. Call them when the reader of
// checkpoints has found that the archive lacks a part of a checkpoint;
// `missing` is the error that the reader returned.
//
// They read the directory again and, in a zip archive, the headers of the
// records that they list, which are at most eight.
//
// Errors:
//   kInvalidArgument - the archive is not a checkpoint; `IsNotACheckpoint` is
//                      true.
//   kUnimplemented   - a format of PyTorch that is not supported.
//   kDataLoss        - the archive has other parts of a checkpoint; the message
//                      is that of `missing`.
absl::Status ExplainZip(const RandomAccessFile& file,
                        const ContainerOptions& options,
                        const absl::Status& missing);
absl::Status ExplainTar(const RandomAccessFile& file,
                        const ContainerOptions& options,
                        const absl::Status& missing);

// Returns an error that says what the folder at `path` holds, or OK if `path`
// is not a folder. Considers the first 4096 names in it, in no particular
// order.
//
// Errors: kInvalidArgument - `path` is a folder; `IsNotACheckpoint` is true.
absl::Status CheckIsNoFolder(absl::string_view path);

}  // namespace v1
}  // namespace ferry

#endif  // FERRY_SERIALIZATION_DETECTION_FOREIGN_ARCHIVE_H_
